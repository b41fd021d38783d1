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
    for connector in ["user", "ticket"] {
        let counted = &imported.run(connector)["counters"];
        assert!(counted["unchanged"].as_u64() > Some(0), "{connector}: it came back: {counted:#}");
        assert_eq!(
            (&counted["added"], &counted["updated"]),
            (&json!(0), &json!(0)),
            "{connector}: {counted:#}"
        );
    }
    // The new ticket's description is a comment there, which nobody wrote here.
    let counted = &imported.run("ticket-comment")["counters"];
    assert_eq!((&counted["added"], &counted["updated"]), (&json!(1), &json!(0)), "{counted:#}");
    assert_eq!(known.map(history), before, "the history tells of no import");
    let now = ["user", "ticket"].map(|connector| stage.records(connector));
    assert_eq!(now[..], records[..2]);
    assert_eq!(stage.records("ticket-comment").len(), records[2].len() + 1);

    // Neither is it a change to export.
    assert_eq!(stage.waiting(), []);
    let again = stage.sync(&[]);
    for connector in ["user", "ticket", "ticket-comment"] {
        let counted = &again.run(connector)["counters"];
        assert_eq!(
            (&counted["added"], &counted["updated"]),
            (&json!(0), &json!(0)),
            "{connector}: {counted:#}"
        );
    }
    let written = stage.fake.requests().into_iter().filter(|seen| seen.method != "GET");
    assert_eq!(written.map(|seen| seen.path).collect::<Vec<_>>(), [""; 0]);
}
