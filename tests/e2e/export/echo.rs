//! What went out does not come back as somebody else's change.

use super::*;
use crate::stage::Job;

#[test]
fn what_was_exported_does_not_come_back_as_a_change_and_does_not_go_out_again() {
    let stage = Stage::small();
    stage.put("user", "anna", &json!({"name": "Anna", "email": "anna@customer.example"}), None);
    let ticket = json!({"subject": "Late", "description": "Where?", "requester_id": "anna"});
    stage.put("ticket", "order-17", &ticket, None);
    stage.put("ticket-comment", "note", &json!({"body": "And?", "public": false}), Some("3"));
    stage.patch("ticket", "1", &json!({"subject": "New"}));
    stage.host.ok(["record", "delete", CHANNEL, "ticket", "2"]).expect("deleted");
    stage.all_gone();
    let known = [("user", "anna"), ("ticket", "order-17"), ("ticket-comment", "note"), ("ticket", "1")];
    let history =
        |(connector, key)| stage.host.items(["record", "history", CHANNEL, connector, key]).expect("steps");
    let before = known.map(history);
    let records = ["user", "ticket", "ticket-comment"].map(|connector| stage.records(connector));

    // Exports hold back what is younger than a minute.
    stage.fake.advance_clock(Duration::from_secs(120));
    stage.fake.reset_stats();
    let imported = stage.sync(&["--direction", "import"]);
    let changes = |job: &Job, connector| {
        let counted = &job.run(connector)["counters"];
        ["added", "updated", "deleted"].map(|name| counted[name].as_u64().expect("a number"))
    };
    assert_eq!(changes(&imported, "user"), [0; 3], "{:#}", imported.document);
    assert!(imported.run("user")["counters"]["unchanged"].as_u64() > Some(0), "it came back");
    // A comment is a change of its ticket, of its time alone. That was not in the answer to ours.
    assert_eq!(changes(&imported, "ticket"), [0, 1, 0], "{:#}", imported.document);
    // The new ticket's description is a comment there, which nobody wrote here.
    assert_eq!(changes(&imported, "ticket-comment"), [1, 0, 0], "{:#}", imported.document);
    assert_eq!(known.map(history), before, "the history tells of no import");
    for (connector, before) in ["user", "ticket", "ticket-comment"].into_iter().zip(&records) {
        let now = stage.records(connector);
        let changed = before.iter().filter(|(key, payload)| now.get(*key) != Some(*payload));
        let expected: &[&str] = if connector == "ticket" { &["3"] } else { &[] };
        assert_eq!(changed.map(|(key, _)| key).collect::<Vec<_>>(), expected, "{connector}");
    }
    let times = ["updated_at", "generated_timestamp"];
    let without_times = |mut ticket: Value| {
        times.iter().for_each(|name| drop(ticket.as_object_mut().expect("an object").remove(*name)));
        ticket
    };
    let before = without_times(records[1]["3"].clone());
    assert_eq!(without_times(stage.here("ticket", "3")), before, "nothing but its time is another one");

    // Neither is it a change to export.
    assert_eq!(stage.waiting(), []);
    let again = stage.sync(&[]);
    for connector in ["user", "ticket", "ticket-comment"] {
        assert_eq!(changes(&again, connector), [0; 3], "{connector}: {:#}", again.document);
    }
    let written = stage.fake.requests().into_iter().filter(|seen| seen.method != "GET");
    assert_eq!(written.map(|seen| seen.path).collect::<Vec<_>>(), [""; 0]);
}
