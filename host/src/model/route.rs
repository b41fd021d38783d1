//! A route: records of one channel's connector feed those of another's.

use super::{ChannelId, Failure, Name, RecordKey, SubscriberId, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Records of which connector.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RouteEnd {
    /// The channel, whatever its name.
    pub channel: ChannelId,
    /// The connector.
    pub connector: Name,
}

/// What becomes of a record whose counterpart is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RouteDeletions {
    /// It stays, and is nobody's counterpart any more.
    #[default]
    Keep,
    /// It is deleted, too.
    Follow,
}

/// Who is right about a field that was changed at both ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RouteConflicts {
    /// The end that the route comes from.
    #[default]
    FromWins,
    /// The end that it goes to.
    ToWins,
}

/// How far a route has read the records that were there before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RouteFill {
    /// The last one that it has read; none: none yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<RecordKey>,
    /// How many it has read.
    pub done: u64,
    /// How many there were when it began.
    pub total: u64,
}

/// A route, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Route {
    /// Stays the same for ever.
    pub id: SubscriberId,
    /// What its operator calls it; unique in the host.
    pub name: Name,
    /// Whose records it reads.
    pub from: RouteEnd,
    /// Whose records it writes.
    pub to: RouteEnd,
    /// A jq filter from a payload of `from` to one of `to`.
    pub map: String,
    /// The filter for the way back; none: the route goes one way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back: Option<String>,
    /// What becomes of a record whose counterpart is deleted.
    #[serde(default)]
    pub deletions: RouteDeletions,
    /// Who is right about a field that was changed at both ends.
    #[serde(default)]
    pub conflicts: RouteConflicts,
    /// Whether a person holds it back. Changes are gathered all the same.
    #[serde(default)]
    pub paused: bool,
    /// How far it has read what was there before it; none: all, or that was not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fill: Option<RouteFill>,
    /// When it was made.
    pub created: Timestamp,
}

impl Route {
    /// Whether it also goes back.
    #[must_use]
    pub fn is_two_way(&self) -> bool {
        self.back.is_some()
    }

    /// The ends whose changes it wants to know.
    pub fn sources(&self) -> impl Iterator<Item = &RouteEnd> {
        [Some(&self.from), self.back.as_ref().map(|_| &self.to)].into_iter().flatten()
    }

    /// Whether it has anything to do with the channel.
    #[must_use]
    pub fn uses(&self, channel: ChannelId) -> bool {
        self.from.channel == channel || self.to.channel == channel
    }
}

/// How it goes with a route, as far as the host remembers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteState {
    /// Records that it created, changed or deleted since the host started.
    pub written: u64,
    /// Records for which its filter gave nothing since the host started.
    pub left_out: u64,
    /// When it last wrote one.
    pub last_written: Option<Timestamp>,
    /// What last went wrong, and when.
    pub last_failure: Option<(Timestamp, Failure)>,
}

impl fmt::Display for RouteDeletions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Keep => "keep",
            Self::Follow => "follow",
        })
    }
}

impl fmt::Display for RouteConflicts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FromWins => "from-wins",
            Self::ToWins => "to-wins",
        })
    }
}
