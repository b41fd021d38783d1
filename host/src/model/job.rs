//! One request to sync a channel, as it waits and is worked on.

use super::{Channel, ChannelId, ChannelName, Direction, JobId, Name, RunId, Timestamp, Trigger};
use serde::{Deserialize, Serialize};

/// What was asked for, by one requester or by several together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Asked {
    /// The connectors; empty: all that are switched on when the job begins.
    pub connectors: Vec<Name>,
    /// Whether to start from the beginning.
    #[serde(default)]
    pub full: bool,
    /// Whether the exchanges with the remote system are kept.
    #[serde(default)]
    pub record: bool,
    /// Who asked; of several the most urgent one.
    pub trigger: Trigger,
}

impl Asked {
    /// Whether doing this does all of `other`, too.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let wanted = |name| self.connectors.contains(name);
        let connectors = self.connectors.is_empty()
            || (!other.connectors.is_empty() && other.connectors.iter().all(wanted));
        connectors && self.full >= other.full && self.record >= other.record
    }

    /// This and `other` together.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let mut connectors = self.connectors.clone();
        if connectors.is_empty() || other.connectors.is_empty() {
            connectors.clear();
        } else {
            let more = other.connectors.iter().filter(|name| !self.connectors.contains(name));
            connectors.extend(more.cloned());
        }
        Self {
            connectors,
            full: self.full || other.full,
            record: self.record || other.record,
            trigger: self.trigger.min(other.trigger),
        }
    }
}

/// A job: at most one lives for each channel and direction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Job {
    /// Shared by its runs.
    pub id: JobId,
    /// The channel.
    pub channel_id: ChannelId,
    /// The channel's name when it was asked for.
    pub channel: ChannelName,
    /// Import or export.
    pub direction: Direction,
    /// What was asked for.
    pub asked: Asked,
    /// When it was asked for first.
    pub requested: Timestamp,
    /// Not to be worked on before.
    pub due: Timestamp,
    /// Its runs in the order in which they go; empty: not planned yet.
    pub runs: Vec<RunId>,
    /// The origin, or the plugin, whose return it waits for, where it was deferred for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<String>,
    /// What was asked for while it was worked on: the next job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<Again>,
}

/// A job that begins when the one before it is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Again {
    /// The id that it will have.
    pub id: JobId,
    /// What was asked for.
    pub asked: Asked,
    /// When it was asked for first.
    pub requested: Timestamp,
}

impl Job {
    /// One that may be worked on at once, not planned yet.
    #[must_use]
    pub fn new(channel: &Channel, direction: Direction, asked: Asked, now: Timestamp) -> Self {
        Self {
            id: JobId::new(),
            channel_id: channel.id,
            channel: channel.name.clone(),
            direction,
            asked,
            requested: now,
            due: now,
            runs: Vec::new(),
            waits_for: None,
            again: None,
        }
    }

    /// The job that comes after this one.
    #[must_use]
    pub fn next(self, now: Timestamp) -> Option<Self> {
        let Again { id, asked, requested } = self.again?;
        Some(Self { id, asked, requested, due: now, runs: Vec::new(), waits_for: None, again: None, ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(connectors: &[&str], full: bool, trigger: Trigger) -> Asked {
        let connectors = connectors.iter().map(|&name| Name::try_new(name).unwrap()).collect();
        Asked { connectors, full, record: false, trigger }
    }

    #[test]
    fn together_they_ask_for_all_that_each_asked_for() {
        use Trigger::{Request, Schedule, Webhook};
        let check = |a: Asked, b: Asked, both: Asked| {
            assert_eq!(a.and(&b), both, "{a:?} {b:?}");
            assert!(both.covers(&a) && both.covers(&b), "{both:?}");
        };
        check(
            asked(&["a"], false, Schedule),
            asked(&["b"], true, Request),
            asked(&["a", "b"], true, Request),
        );
        check(asked(&["a"], false, Webhook), asked(&[], false, Schedule), asked(&[], false, Webhook));
        check(
            asked(&["a", "b"], true, Request),
            asked(&["b"], false, Request),
            asked(&["a", "b"], true, Request),
        );
    }

    #[test]
    fn a_job_covers_what_it_does_anyway() {
        use Trigger::Request;
        let check = |a: Asked, b: Asked, covers: bool| assert_eq!(a.covers(&b), covers, "{a:?} {b:?}");
        check(asked(&[], false, Request), asked(&["a"], false, Request), true);
        check(asked(&["a"], false, Request), asked(&[], false, Request), false);
        check(asked(&["a"], false, Request), asked(&["b"], false, Request), false);
        check(asked(&["a", "b"], true, Request), asked(&["b"], false, Request), true);
        check(asked(&[], false, Request), asked(&[], true, Request), false);
    }
}
