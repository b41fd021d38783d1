//! What an edit amounts to, together with those that wait to be exported. Pure.

use super::{Refusal, What, bytes};
use crate::{
    model::{Author, Outgoing, Record, RecordKey, RunId, Timestamp, TrailStep, Version, Write},
    sync::{
        merge,
        reconcile::{self, value},
    },
};
use serde_json::Value;

/// What is here before an edit.
#[derive(Clone, Debug)]
pub(super) struct Before {
    pub(super) key: RecordKey,
    pub(super) record: Option<Record>,
    pub(super) row: Option<Outgoing>,
    pub(super) trail: Vec<TrailStep>,
}

/// What an edit changes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Decided {
    pub(super) record: Option<Record>,
    /// What waits to be exported from now on.
    pub(super) row: Option<Outgoing>,
    /// By how many records the connector grows.
    pub(super) growth: i64,
    pub(super) step: TrailStep,
}

/// None where nothing changes.
pub(super) fn decide(
    before: &Before,
    what: &What,
    author: &Author,
    now: Timestamp,
) -> Result<Option<Decided>, Refusal> {
    let desk = Desk { before, author, now };
    match (what, &before.record) {
        (What::Delete, None) | (What::Patch(_), None) => Err(Refusal::NoRecord(before.key.clone())),
        (What::Delete, Some(record)) => Ok(Some(desk.deleted(record))),
        (What::Put { payload, parent }, None) => Ok(Some(desk.created(payload, parent.clone()))),
        (What::Put { payload, parent }, Some(record)) => {
            Ok(desk.edited(record, payload, parent.clone().or_else(|| record.parent.clone())))
        }
        (What::Patch(patch), Some(record)) => {
            let mut payload = value(&record.payload);
            merge::apply(&mut payload, patch);
            Ok(desk.edited(record, &payload, record.parent.clone()))
        }
    }
}

struct Desk<'a> {
    before: &'a Before,
    author: &'a Author,
    now: Timestamp,
}

impl Desk<'_> {
    fn created(&self, payload: &Value, parent: Option<RecordKey>) -> Decided {
        let key = &self.before.key;
        let base = self.before.row.as_ref().and_then(|row| row.base.as_ref());
        let record = Record {
            key: key.clone(),
            parent,
            updated: base.and_then(|base| base.updated),
            imported: self.now,
            run: RunId::from_bytes([0; 16]),
            payload: bytes(payload),
        };
        // It was deleted, and that has not got there: so there it is, and is edited.
        let kind = if base.is_some() { Write::Update } else { Write::Create };
        let row = self.row(kind).filter(|row| !is_undone(row, payload));
        Decided { record: Some(record), row, growth: 1, step: self.step(Write::Create, Vec::new()) }
    }

    fn edited(&self, record: &Record, payload: &Value, parent: Option<RecordKey>) -> Option<Decided> {
        let fields = merge::changed_fields(&value(&record.payload), payload);
        if fields.is_empty() && parent == record.parent {
            return None;
        }
        let record = Record { payload: bytes(payload), parent, imported: self.now, ..record.clone() };
        let waits = self.before.row.as_ref();
        let kind = waits.map_or(Write::Update, |row| row.kind);
        let row = self.row(kind).filter(|row| !is_undone(row, payload));
        Some(Decided { record: Some(record), row, growth: 0, step: self.step(Write::Update, fields) })
    }

    fn deleted(&self, record: &Record) -> Decided {
        let never_sent =
            |row: &Outgoing| row.kind == Write::Create && row.base.is_none() && row.sent.is_none();
        let row = match &self.before.row {
            Some(row) if never_sent(row) => None,
            Some(_) => self.row(Write::Delete),
            None => self.based_on(record).map(|row| Outgoing { kind: Write::Delete, ..row }),
        };
        Decided { record: None, row, growth: -1, step: self.step(Write::Delete, Vec::new()) }
    }

    /// The row with one more edit in it. An edit is reason to try again what was refused.
    fn row(&self, kind: Write) -> Option<Outgoing> {
        let before = match (&self.before.row, &self.before.record) {
            (Some(row), _) => Some(row.clone()),
            (None, Some(record)) => self.based_on(record),
            (None, None) => {
                Some(reconcile::fresh(self.before.key.clone(), kind, self.author.clone(), self.now))
            }
        }?;
        let idempotency_key = match before.sent {
            Some(_) => before.idempotency_key.clone(),
            None => reconcile::new_key(),
        };
        Some(Outgoing {
            kind,
            idempotency_key,
            author: self.author.clone(),
            changed: self.now,
            tries: 0,
            due: None,
            failure: None,
            refused: false,
            ..before
        })
    }

    /// A first edit: what was here is what the remote system has.
    fn based_on(&self, record: &Record) -> Option<Outgoing> {
        let Record { key, updated, parent, payload, .. } = record.clone();
        let row = reconcile::fresh(key, Write::Update, self.author.clone(), self.now);
        Some(Outgoing { base: Some(Version { updated, parent, payload }), ..row })
    }

    fn step(&self, kind: Write, fields: Vec<String>) -> TrailStep {
        TrailStep { at: self.now, author: self.author.clone(), kind, fields, run: None }
    }
}

/// Whether an edit has taken back all that was to be exported, and nothing of it was sent.
fn is_undone(row: &Outgoing, payload: &Value) -> bool {
    let is_base = row.base.as_ref().is_some_and(|base| value(&base.payload) == *payload);
    is_base && row.sent.is_none() && row.held.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{model::Sent, sync::tests::support::key};
    use serde_json::json;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn nothing() -> Before {
        Before { key: key("k"), record: None, row: None, trail: Vec::new() }
    }

    /// A record that the remote system has just so.
    fn imported(payload: &Value) -> Before {
        let payload = bytes(payload);
        let run = RunId::from_bytes([1; 16]);
        let record =
            Record { key: key("k"), parent: None, updated: Some(at(1)), imported: at(2), run, payload };
        Before { record: Some(record), ..nothing() }
    }

    fn put(payload: Value) -> What {
        What::Put { payload, parent: None }
    }

    fn edit(before: &Before, what: What) -> Before {
        let me = Author::Person("me".into());
        match decide(before, &what, &me, at(10)).expect("it can be done") {
            Some(Decided { record, row, .. }) => Before { record, row, ..before.clone() },
            None => before.clone(),
        }
    }

    /// Plays edits and shows what is here and what waits: its kind and its base.
    fn check(start: &Before, edits: Vec<What>, here: Option<Value>, waits: Option<(Write, Option<Value>)>) {
        let end = edits.into_iter().fold(start.clone(), |before, what| edit(&before, what));
        assert_eq!(end.record.map(|record| value(&record.payload)), here);
        let shown = |row: Outgoing| (row.kind, row.base.map(|base| value(&base.payload)));
        assert_eq!(end.row.map(shown), waits);
    }

    #[test]
    fn edits_of_one_record_are_folded() {
        use Write::{Create, Delete, Update};
        let (one, two) = (json!({"a": 1}), json!({"a": 2}));
        let there = imported(&one);
        let update = Some((Update, Some(one.clone())));
        check(&nothing(), vec![put(one.clone())], Some(one.clone()), Some((Create, None)));
        check(&nothing(), vec![put(one.clone()), put(two.clone())], Some(two.clone()), Some((Create, None)));
        check(&nothing(), vec![put(one.clone()), What::Delete], None, None);
        check(&there, vec![What::Patch(json!({"a": 2}))], Some(two.clone()), update.clone());
        check(
            &there,
            vec![put(two.clone()), What::Patch(json!({"b": 1}))],
            Some(json!({"a": 2, "b": 1})),
            update.clone(),
        );
        check(&there, vec![put(two.clone()), put(one.clone())], Some(one.clone()), None);
        check(&there, vec![put(one.clone())], Some(one.clone()), None);
        check(&there, vec![What::Delete], None, Some((Delete, Some(one.clone()))));
        check(&there, vec![put(two.clone()), What::Delete], None, Some((Delete, Some(one.clone()))));
        check(&there, vec![What::Delete, put(two.clone())], Some(two), update);
        check(&there, vec![What::Delete, put(one.clone())], Some(one), None);
    }

    #[test]
    fn what_may_have_arrived_is_not_forgotten() {
        let sent = |before: &Before, kind| {
            let mut before = before.clone();
            let row = before.row.as_mut().expect("it waits");
            row.sent = Some(Sent { kind, at: at(5), payload: bytes(&json!({"a": 1})) });
            before
        };
        let created = sent(&edit(&nothing(), put(json!({"a": 1}))), Write::Create);
        let key = created.row.clone().expect("it waits").idempotency_key;
        let deleted = edit(&created, What::Delete).row.expect("it may be there");
        assert_eq!((deleted.kind, &deleted.idempotency_key), (Write::Delete, &key));
        assert!(deleted.sent.is_some());
        let edited = edit(&created, put(json!({"a": 2}))).row.expect("it waits");
        assert_eq!((edited.kind, &edited.idempotency_key), (Write::Create, &key));
        let start = imported(&json!({"a": 0}));
        let updated = sent(&edit(&start, put(json!({"a": 1}))), Write::Update);
        assert!(edit(&updated, put(json!({"a": 0}))).row.is_some(), "it has to be taken back there");
    }

    #[test]
    fn an_edit_tries_again_what_was_refused() {
        let mut before = edit(&nothing(), put(json!({"a": 1})));
        let row = before.row.as_mut().expect("it waits");
        (row.refused, row.tries, row.due) = (true, 4, Some(at(99)));
        let old = row.idempotency_key.clone();
        let row = edit(&before, put(json!({"a": 2}))).row.expect("it waits");
        assert!(row.is_ready(at(10)) && row.tries == 0);
        assert_ne!(row.idempotency_key, old, "another body goes under another key");
    }

    #[test]
    fn only_what_is_there_can_be_changed() {
        for what in [What::Delete, What::Patch(json!({}))] {
            let me = Author::Person("me".into());
            assert!(matches!(decide(&nothing(), &what, &me, at(1)), Err(Refusal::NoRecord(_))));
        }
    }
}
