//! The two sides of a replay, and what differs between them. Pure.
//!
//! A record counts as its last delivery left it: pages that were read twice, and pages
//! that are cut in other places, make no difference.

use super::fields::Fields;
use crate::model::{
    DueDifference, Failure, FailureDifference, Listed, Page, RecordDifference, RecordDifferences, Side, Sides,
};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};

/// The most keys and requests of one kind that are told.
pub(super) const MOST: usize = 50;

/// What one side delivered.
#[derive(Debug, Default)]
pub(super) struct Tally {
    records: BTreeMap<Key, Delivered>,
    due: BTreeSet<(String, String)>,
    failures: BTreeMap<u64, Failure>,
    steps: u64,
}

/// Rejects stand apart: they may have the key of a record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Record(String),
    Reject(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Delivered {
    parent: Option<String>,
    updated_ms: Option<u64>,
    deleted: bool,
    /// Why it was rejected.
    reason: Option<String>,
    payload: Bytes,
}

impl Tally {
    /// Counts a step.
    pub(super) fn take(&mut self, result: Result<&Page, &Failure>) {
        match result {
            Ok(page) => self.page(page, &Self::default()),
            Err(failure) => _ = self.failures.insert(self.steps, failure.clone()),
        }
        self.steps += 1;
    }

    /// Counts a step of the other side; a payload that is the same is held once.
    pub(super) fn take_beside(&mut self, result: Result<&Page, &Failure>, recorded: &Self) {
        match result {
            Ok(page) => self.page(page, recorded),
            Err(failure) => _ = self.failures.insert(self.steps, failure.clone()),
        }
        self.steps += 1;
    }

    fn page(&mut self, page: &Page, held: &Self) {
        for record in &page.records {
            let delivered = Delivered {
                parent: record.parent.clone(),
                updated_ms: record.updated_ms,
                deleted: record.deleted,
                reason: None,
                // The contract: it is ignored then.
                payload: if record.deleted { Bytes::new() } else { record.payload.clone() },
            };
            self.add(Key::Record(record.key.clone()), delivered, held);
        }
        for reject in &page.rejects {
            let delivered = Delivered {
                parent: None,
                updated_ms: None,
                deleted: false,
                reason: Some(reject.reason.to_string()),
                payload: reject.payload.clone().unwrap_or_default(),
            };
            self.add(Key::Reject(reject.key.clone()), delivered, held);
        }
        for due in &page.due {
            self.due.extend(due.keys.iter().map(|key| (due.connector.clone(), key.clone())));
        }
    }

    fn add(&mut self, key: Key, mut delivered: Delivered, held: &Self) {
        if let Some(other) = held.records.get(&key).filter(|other| other.payload == delivered.payload) {
            delivered.payload = other.payload.clone();
        }
        self.records.insert(key, delivered);
    }

    pub(super) fn steps(&self) -> u64 {
        self.steps
    }
}

/// The records.
pub(super) fn records(recorded: &Tally, replayed: &Tally) -> RecordDifferences {
    let (old, new) = (&recorded.records, &replayed.records);
    let mut differences = RecordDifferences {
        count: Sides { recorded: old.len() as u64, replayed: new.len() as u64 },
        same: 0,
        only_recorded: Listed::default(),
        only_replayed: Listed::of(new.keys().filter(|key| !old.contains_key(*key)).map(Key::told), MOST),
        changed: Listed::default(),
    };
    for (key, old) in old {
        match new.get(key) {
            None => differences.only_recorded.add(MOST, || key.told()),
            Some(new) if new == old => differences.same += 1,
            Some(new) => differences
                .changed
                .add(MOST, || RecordDifference { key: key.told(), fields: old.differences(new) }),
        }
    }
    differences
}

/// The due keys for other connectors.
pub(super) fn due(recorded: &Tally, replayed: &Tally) -> Listed<DueDifference> {
    let only = |one: &Tally, other: &Tally, only: Side| {
        let keys: Vec<_> = one.due.difference(&other.due).cloned().collect();
        keys.into_iter().map(move |(connector, key)| DueDifference { connector, key, only })
    };
    let both = only(recorded, replayed, Side::Recorded).chain(only(replayed, recorded, Side::Replayed));
    Listed::of(both, MOST)
}

/// Steps that failed on one side, or with another class or code. The words may differ: a
/// newer version may say it better.
pub(super) fn failures(recorded: &Tally, replayed: &Tally) -> Vec<FailureDifference> {
    let kind = |failure: Option<&Failure>| failure.map(|failure| (failure.class, failure.code.clone()));
    let (old, new) = (&recorded.failures, &replayed.failures);
    let steps: BTreeSet<u64> = old.keys().chain(new.keys()).copied().collect();
    let differing = steps.into_iter().filter(|step| kind(old.get(step)) != kind(new.get(step)));
    let told = differing.map(|step| FailureDifference {
        step,
        recorded: old.get(&step).cloned(),
        replayed: new.get(&step).cloned(),
    });
    told.take(MOST).collect()
}

impl Key {
    fn told(&self) -> String {
        match self {
            Self::Record(key) => key.clone(),
            Self::Reject(key) => format!("{key} (rejected)"),
        }
    }
}

impl Delivered {
    fn differences(&self, new: &Self) -> Listed<crate::model::FieldDifference> {
        let mut fields = Fields::default();
        let number = |number: Option<u64>| number.map(|number| number.to_string());
        let truth = |truth: bool| Some(truth.to_string());
        fields.property("deleted", truth(self.deleted), truth(new.deleted));
        fields.property("parent", self.parent.clone(), new.parent.clone());
        fields.property("updated-ms", number(self.updated_ms), number(new.updated_ms));
        fields.property("reason", self.reason.clone(), new.reason.clone());
        if self.deleted == new.deleted {
            fields.payload(&self.payload, &new.payload);
        }
        fields.into_list()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Class, Due, Envelope, Reject};

    /// `key=payload`, `key!` for a deleted one, `key?payload` for a reject.
    fn tally(steps: &[&str]) -> Tally {
        let mut tally = Tally::default();
        for step in steps {
            let mut page = Page::default();
            for text in step.split_whitespace() {
                if let Some((key, payload)) = text.split_once('?') {
                    let reason = Failure::new(Class::InvalidData, "x.y", "bad");
                    let payload = Some(Bytes::from(payload.to_owned()));
                    page.rejects.push(Reject { key: key.into(), reason, payload });
                } else if let Some((connector, key)) = text.split_once(':') {
                    page.due.push(Due { connector: connector.into(), keys: vec![key.into()] });
                } else {
                    let (key, payload) = text.split_once('=').unwrap_or((text.trim_end_matches('!'), ""));
                    page.records.push(Envelope {
                        key: key.into(),
                        parent: None,
                        origin: None,
                        updated_ms: None,
                        deleted: text.ends_with('!'),
                        payload: Bytes::from(payload.to_owned()),
                    });
                }
            }
            tally.take(Ok(&page));
        }
        tally
    }

    /// Counts as `same only-recorded only-replayed changed`.
    fn check(recorded: &[&str], replayed: &[&str], expected: [u64; 4]) {
        let found = records(&tally(recorded), &tally(replayed));
        let counts = [found.same, found.only_recorded.count, found.only_replayed.count, found.changed.count];
        assert_eq!(counts, expected, "{recorded:?} {replayed:?}");
    }

    #[test]
    fn records_are_compared_as_their_last_delivery_left_them() {
        check(&["a=1 b=2"], &["a=1", "b=2"], [2, 0, 0, 0]);
        check(&["a=1", "a=2"], &["a=2"], [1, 0, 0, 0]);
        check(&["a=1 b=1"], &["b=2 c=1"], [0, 1, 1, 1]);
        check(&["a=1"], &["a!"], [0, 0, 0, 1]);
        check(&["a!"], &["a=0 a!"], [1, 0, 0, 0]);
        check(&["a=1"], &["a?1"], [0, 1, 1, 0]);
        check(&["a?1"], &["a?2"], [0, 0, 0, 1]);
    }

    #[test]
    fn due_keys_of_one_side_are_told() {
        let found = due(&tally(&["c:1 c:2"]), &tally(&["c:2", "d:1"]));
        let told: Vec<_> =
            found.first.iter().map(|d| (d.connector.as_str(), d.key.as_str(), d.only)).collect();
        assert_eq!(told, [("c", "1", Side::Recorded), ("d", "1", Side::Replayed)]);
    }

    #[test]
    fn failures_are_compared_by_class_and_code() {
        let failed = |code: &str, words: &str| {
            let mut tally = tally(&["a=1"]);
            tally.take(Err(&Failure::new(Class::Transient, code, words)));
            tally
        };
        assert!(failures(&failed("a.b", "one"), &failed("a.b", "other")).is_empty());
        let found = failures(&failed("a.b", "one"), &failed("c.d", "one"));
        assert_eq!((found.len(), found[0].step), (1, 1));
        let found = failures(&tally(&["a=1", "b=1"]), &failed("a.b", "one"));
        assert!(found[0].recorded.is_none() && found[0].replayed.is_some());
    }
}
