//! What deliveries mean for a channel, put together. Pure.
//!
//! A key is due once, and of a record that several of them carried the newest is left: the
//! one that was changed last remotely, else the one that came last.

use crate::model::{Channel, ChannelType, Connector, DrivenBy, Effect, Envelope, Name, RecordKey};
use std::collections::{BTreeMap, BTreeSet};

/// What deliveries mean, sorted.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Sorted {
    /// For connectors that are driven by keys.
    pub(super) due: BTreeMap<Name, BTreeSet<RecordKey>>,
    /// By connector and key.
    pub(super) changes: BTreeMap<(Name, String), Envelope>,
    /// Connectors that are driven by a cursor and have something to read.
    pub(super) nudged: BTreeSet<Name>,
    /// What nobody would take in, by the reason.
    pub(super) dropped: BTreeMap<String, usize>,
}

impl Sorted {
    /// Takes the effects in the order in which they came.
    pub(super) fn of<'a>(
        effects: impl Iterator<Item = &'a Effect>,
        channel: &Channel,
        channel_type: &ChannelType,
    ) -> Self {
        let mut sorted = Self::default();
        for effect in effects {
            for due in &effect.due {
                match addressee(&due.connector, channel, channel_type) {
                    Ok(connector) => sorted.add_due(connector, &due.keys),
                    Err(reason) => *sorted.dropped.entry(reason).or_default() += due.keys.len(),
                }
            }
            for change in &effect.changes {
                match addressee(&change.connector, channel, channel_type) {
                    Ok(connector) => sorted.add_change(&connector.id, change.record.clone()),
                    Err(reason) => *sorted.dropped.entry(reason).or_default() += 1,
                }
            }
        }
        sorted
    }

    /// The connectors that have something to do.
    pub(super) fn connectors(&self) -> Vec<Name> {
        let changed = self.changes.keys().map(|(connector, _)| connector);
        let all: BTreeSet<&Name> = self.due.keys().chain(&self.nudged).chain(changed).collect();
        all.into_iter().cloned().collect()
    }

    fn add_due(&mut self, connector: &Connector, keys: &[String]) {
        if connector.driven_by == DrivenBy::Cursor {
            // It finds them by itself, if only it looks.
            self.nudged.insert(connector.id.clone());
            return;
        }
        let due = self.due.entry(connector.id.clone()).or_default();
        for key in keys {
            match RecordKey::try_new(key.as_str()) {
                Ok(key) => _ = due.insert(key),
                Err(_) => *self.dropped.entry("not a record key".into()).or_default() += 1,
            }
        }
        if due.is_empty() {
            self.due.remove(&connector.id);
        }
    }

    fn add_change(&mut self, connector: &Name, record: Envelope) {
        let place = (connector.clone(), record.key.clone());
        match self.changes.get(&place) {
            Some(here) if !replaces(&record, here) => {}
            _ => _ = self.changes.insert(place, record),
        }
    }
}

/// Whether a record that came later takes the place of the one that is here.
pub(super) fn replaces(record: &Envelope, here: &Envelope) -> bool {
    !matches!((record.updated_ms, here.updated_ms), (Some(new), Some(here)) if new < here)
}

/// What is offered and switched on. Others would keep it for ever, or be flooded when they
/// are switched on much later.
fn addressee<'a>(
    name: &str,
    channel: &Channel,
    channel_type: &'a ChannelType,
) -> Result<&'a Connector, String> {
    let Some(connector) = channel_type.connector(name) else {
        // The name comes from the guest: nothing of it goes into the log.
        return Err("the channel type has no such connector".into());
    };
    if !channel.connectors.contains(&connector.id) {
        return Err(format!("connector '{name}' is not switched on"));
    }
    Ok(connector)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Due, HookChange},
        sync::tests::support::{by_keys, connector, ready},
    };

    fn change(connector: &str, key: &str, updated_ms: Option<u64>, payload: &'static str) -> Effect {
        let record = Envelope {
            key: key.into(),
            parent: None,
            origin: None,
            updated_ms,
            deleted: false,
            payload: payload.into(),
        };
        Effect { changes: vec![HookChange { connector: connector.into(), record }], due: Vec::new() }
    }

    fn due(connector: &str, keys: &[&str]) -> Effect {
        let keys = keys.iter().map(|&key| key.into()).collect();
        Effect { changes: Vec::new(), due: vec![Due { connector: connector.into(), keys }] }
    }

    fn told(effects: &[Effect]) -> String {
        let mut ready = ready(vec![connector("ticket"), by_keys("comment"), by_keys("off")]);
        ready.channel.connectors.retain(|connector| connector.as_str() != "off");
        let sorted = Sorted::of(effects.iter(), &ready.channel, &ready.channel_type);
        let mut words = Vec::new();
        for (connector, keys) in &sorted.due {
            let keys: Vec<_> = keys.iter().map(RecordKey::as_str).collect();
            words.push(format!("{connector}: {}", keys.join(" ")));
        }
        words.extend(sorted.nudged.iter().map(|connector| format!("{connector}!")));
        for ((connector, key), record) in &sorted.changes {
            words.push(format!("{connector} {key}={}", String::from_utf8_lossy(&record.payload)));
        }
        words.extend(sorted.dropped.iter().map(|(reason, count)| format!("{count} {reason}")));
        words.join(", ")
    }

    #[test]
    fn keys_go_to_whoever_fetches_them() {
        let check = |effects: &[Effect], expected: &str| assert_eq!(told(effects), expected);
        check(&[], "");
        check(&[due("comment", &["2", "1"]), due("comment", &["2", "3"])], "comment: 1 2 3");
        check(&[due("ticket", &["1"])], "ticket!");
        check(&[due("comment", &["", "1"])], "comment: 1, 1 not a record key");
        check(&[due("comment", &[])], "");
        check(&[due("off", &["1", "2"])], "2 connector 'off' is not switched on");
        check(&[due("Nobody", &["1"])], "1 the channel type has no such connector");
    }

    #[test]
    fn of_a_record_the_newest_is_left() {
        let check = |effects: &[Effect], expected: &str| assert_eq!(told(effects), expected);
        let ticket = |updated, payload| change("ticket", "1", updated, payload);
        check(&[ticket(Some(1), "a"), ticket(Some(2), "b")], "ticket 1=b");
        check(&[ticket(Some(2), "a"), ticket(Some(1), "b")], "ticket 1=a");
        check(&[ticket(Some(2), "a"), ticket(Some(2), "b")], "ticket 1=b");
        check(&[ticket(Some(2), "a"), ticket(None, "b")], "ticket 1=b");
        check(&[ticket(None, "a"), change("comment", "1", None, "b")], "comment 1=b, ticket 1=a");
        check(&[change("off", "1", None, "a")], "1 connector 'off' is not switched on");
    }
}
