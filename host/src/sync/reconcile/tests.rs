//! What becomes of records that both sides changed, rule by rule.

use super::*;
use crate::sync::tests::support::key;
use serde_json::json;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn version(payload: &Value, updated: i64) -> Version {
    Version { updated: Some(at(updated)), parent: None, payload: super::payload(payload) }
}

fn record(payload: &Value) -> Record {
    let payload = super::payload(payload);
    Record {
        key: key("k"),
        parent: None,
        updated: Some(at(1)),
        imported: at(1),
        run: RunId::from_bytes([0; 16]),
        payload,
    }
}

/// Edited at 5, after the remote state of 1.
fn row(kind: Write, base: Option<&Value>) -> Outgoing {
    let row = fresh(key("k"), kind, Author::Person("me".into()), at(5));
    Outgoing { base: base.map(|base| version(base, 1)), ..row }
}

fn sent(row: Outgoing, kind: Write, payload: &Value) -> Outgoing {
    Outgoing { sent: Some(Sent { kind, at: at(6), payload: super::payload(payload) }), ..row }
}

fn rules(policy: ConflictPolicy) -> Rules {
    Rules { policy, run: RunId::new(), now: at(100) }
}

/// What is here, what is still to be exported (`create`, `update`, `delete`), and the fields
/// in conflict.
fn shown(found: &Reconciled) -> (Option<Value>, Option<Write>, Vec<&str>) {
    let here = found.record.as_ref().map(|record| value(&record.payload));
    let conflicts = found.conflict.iter().flat_map(|conflict| &conflict.fields);
    (here, found.row.as_ref().map(|row| row.kind), conflicts.map(|field| field.field.as_str()).collect())
}

use ConflictPolicy::{LocalWins, Manual, NewestWins, RemoteWins};
use Write::{Create, Delete, Update};

#[test]
fn edits_of_different_fields_stand_side_by_side_under_every_policy() {
    let base = json!({"a": 1, "b": 1});
    for policy in ConflictPolicy::ALL {
        let (local, row) = (record(&json!({"a": 2, "b": 1})), row(Update, Some(&base)));
        let remote = Remote::Is(version(&json!({"a": 1, "b": 2}), 9));
        let found = reconcile(Some(&local), &row, remote, &rules(policy));
        assert_eq!(shown(&found), (Some(json!({"a": 2, "b": 2})), Some(Update), vec![]), "{policy}");
        assert_eq!(found.fields, ["/b"]);
        let base = found.row.and_then(|row| row.base).expect("the new remote state");
        assert_eq!((value(&base.payload), base.updated), (json!({"a": 1, "b": 2}), Some(at(9))));
    }
}

#[test]
fn a_field_that_both_changed_is_decided_by_the_policy() {
    let check = |policy, remote_at, here: Value, left: Option<Write>, held: bool| {
        let base = json!({"a": 1});
        let (local, row) = (record(&json!({"a": 2})), row(Update, Some(&base)));
        let found =
            reconcile(Some(&local), &row, Remote::Is(version(&json!({"a": 3}), remote_at)), &rules(policy));
        assert_eq!(shown(&found), (Some(here), left, vec!["/a"]), "{policy}");
        assert_eq!(found.row.as_ref().is_some_and(|row| row.held.is_some()), held, "{policy}");
        let conflict = found.conflict.expect("one");
        assert_eq!(conflict.held, held);
        assert_eq!(
            (&conflict.fields[0].local, &conflict.fields[0].remote),
            (&Some(json!(2)), &Some(json!(3)))
        );
    };
    check(RemoteWins, 9, json!({"a": 3}), None, false);
    check(LocalWins, 9, json!({"a": 2}), Some(Update), false);
    check(NewestWins, 9, json!({"a": 3}), None, false);
    check(NewestWins, 4, json!({"a": 2}), Some(Update), false);
    check(Manual, 9, json!({"a": 2}), Some(Update), true);
}

#[test]
fn what_is_there_just_as_it_was_sent_is_no_edit_of_theirs() {
    let base = json!({"a": 1, "n": 0});
    let check = |sent_a: i64, here: Value, there: Value, expected: Value, left: Option<Write>| {
        let sent_row = sent(row(Update, Some(&base)), Update, &json!({"a": sent_a, "n": 0}));
        let found =
            reconcile(Some(&record(&here)), &sent_row, Remote::Is(version(&there, 9)), &rules(RemoteWins));
        assert_eq!(shown(&found), (Some(expected), left, vec![]), "{here} {there}");
        assert!(found.row.is_none_or(|row| row.sent.is_none()));
    };
    // The answer was lost.
    check(2, json!({"a": 2, "n": 0}), json!({"a": 2, "n": 1}), json!({"a": 2, "n": 1}), None);
    // And it was edited since.
    check(2, json!({"a": 3, "n": 0}), json!({"a": 2, "n": 1}), json!({"a": 3, "n": 1}), Some(Update));
    // It did not arrive.
    check(2, json!({"a": 2, "n": 0}), json!({"a": 1, "n": 1}), json!({"a": 2, "n": 1}), Some(Update));
}

#[test]
fn a_creation_whose_answer_was_lost_is_compared_with_what_was_sent() {
    let made = json!({"a": 1, "id": 7});
    let check = |here: Value, expected: Value, left: Option<Write>| {
        let row = sent(row(Create, None), Create, &json!({"a": 1}));
        let found = reconcile(Some(&record(&here)), &row, Remote::Is(version(&made, 9)), &rules(RemoteWins));
        assert_eq!(shown(&found), (Some(expected), left, vec![]), "{here}");
    };
    check(json!({"a": 1}), made.clone(), None);
    check(json!({"a": 2}), json!({"a": 2, "id": 7}), Some(Update));
}

#[test]
fn an_edit_against_a_deletion_is_decided_by_the_policy() {
    let base = json!({"a": 1});
    let check = |policy, remote_at, here: Option<Value>, left: Option<Write>, held: bool| {
        let local = record(&json!({"a": 2}));
        let gone = Remote::Gone(Some(at(remote_at)));
        let found = reconcile(Some(&local), &row(Update, Some(&base)), gone, &rules(policy));
        assert_eq!(shown(&found), (here, left, vec![""]), "{policy}");
        assert_eq!(found.row.is_some_and(|row| row.held.is_some()), held);
    };
    check(RemoteWins, 9, None, None, false);
    check(LocalWins, 9, Some(json!({"a": 2})), Some(Create), false);
    check(NewestWins, 9, None, None, false);
    check(NewestWins, 4, Some(json!({"a": 2})), Some(Create), false);
    check(Manual, 9, Some(json!({"a": 2})), Some(Create), true);
}

#[test]
fn a_deletion_against_an_edit_is_decided_by_the_policy() {
    let base = json!({"a": 1});
    let check = |policy, there: Value, remote_at, here: Option<Value>, left, conflicts: Vec<&str>| {
        let remote = Remote::Is(version(&there, remote_at));
        let found = reconcile(None, &row(Delete, Some(&base)), remote, &rules(policy));
        assert_eq!(shown(&found), (here, left, conflicts), "{policy} {there}");
    };
    let edited = json!({"a": 3});
    check(RemoteWins, edited.clone(), 9, Some(edited.clone()), None, vec![""]);
    check(LocalWins, edited.clone(), 9, None, Some(Delete), vec![""]);
    check(NewestWins, edited.clone(), 4, None, Some(Delete), vec![""]);
    check(Manual, edited, 9, None, Some(Delete), vec![""]);
    for policy in ConflictPolicy::ALL {
        check(policy, base.clone(), 9, None, Some(Delete), vec![]);
    }
}

#[test]
fn a_record_that_both_deleted_is_no_conflict() {
    let found = reconcile(None, &row(Delete, Some(&json!({}))), Remote::Gone(None), &rules(Manual));
    assert_eq!(shown(&found), (None, None, vec![]));
}

#[test]
fn a_record_that_was_never_there_cannot_be_gone() {
    let (local, row) = (record(&json!({"a": 1})), row(Create, None));
    let found = reconcile(Some(&local), &row, Remote::Gone(None), &rules(RemoteWins));
    assert_eq!((found.record, found.row), (Some(local), Some(row)));
}

#[test]
fn what_the_remote_system_wrote_stays_byte_for_byte() {
    let spaced = Version { payload: Bytes::from_static(b"{\"a\" : 2}"), ..version(&json!(0), 9) };
    let base = json!({"a": 1});
    let local = record(&json!({"a": 2}));
    let found =
        reconcile(Some(&local), &row(Update, Some(&base)), Remote::Is(spaced.clone()), &rules(RemoteWins));
    assert_eq!(found.record.map(|record| record.payload), Some(spaced.payload));
    assert_eq!(found.row, None);
}

#[test]
fn a_pointer_makes_its_way() {
    let check = |pointer: &str, new: Option<Value>, expected: Value| {
        let mut target = json!({"a": {"b": 1}, "s": 1});
        put(&mut target, pointer, new);
        assert_eq!(target, expected, "{pointer}");
    };
    check("/a/b", Some(json!(2)), json!({"a": {"b": 2}, "s": 1}));
    check("/a/b", None, json!({"a": {}, "s": 1}));
    check("/x/y", Some(json!(2)), json!({"a": {"b": 1}, "s": 1, "x": {"y": 2}}));
    check("/x/y", None, json!({"a": {"b": 1}, "s": 1}));
    check("/t~1u~0", Some(json!(2)), json!({"a": {"b": 1}, "s": 1, "t/u~": 2}));
    check("", Some(json!(2)), json!(2));
}
