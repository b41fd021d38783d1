//! Updates that take nothing of other people's work away.

use super::*;

fn names(update: &Value) -> Vec<&str> {
    let mut names: Vec<_> = update.as_object().expect("an object").keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

#[test]
fn only_what_changed_is_sent_and_on_top_of_what_was_known() {
    let stage = Stage::small();
    let before = stage.fake.ticket(1).expect("a ticket");
    stage.patch("ticket", "1", &json!({"subject": "New", "tags": ["late"]}));
    stage.all_gone();
    let sent = stage.fake.updates(1);
    assert_eq!(sent.len(), 1, "{sent:#?}");
    assert_eq!(names(&sent[0]), ["metadata", "safe_update", "subject", "tags", "updated_stamp"]);
    assert_eq!((&sent[0]["safe_update"], &sent[0]["updated_stamp"]), (&json!(true), &before["updated_at"]));
    assert_eq!((&sent[0]["subject"], &sent[0]["tags"]), (&json!("New"), &json!(["late"])));
    // What the remote system made of it is what is here now.
    assert_eq!(stage.here("ticket", "1"), stage.fake.ticket(1).expect("a ticket"));
}

#[test]
fn an_edit_that_is_taken_back_sends_nothing() {
    let stage = Stage::small();
    let before = stage.here("ticket", "1");
    stage.patch("ticket", "1", &json!({"subject": "New"}));
    let back = stage.patch("ticket", "1", &json!({"subject": before["subject"]}));
    if back["outgoing"].is_null() {
        stage.export();
        assert_eq!(stage.fake.updates(1), Vec::<Value>::new());
    }
    stage.all_gone();
    assert_eq!(stage.fake.ticket(1).expect("a ticket")["subject"], before["subject"]);
}

#[test]
fn an_update_that_meets_another_one_is_merged_and_neither_is_lost() {
    let stage = Stage::small();
    let before = stage.fake.ticket(1).expect("a ticket");
    // Nobody has told the host of it.
    let theirs = stage.fake.change_ticket(1, json!({"external_id": "theirs"})).expect("a ticket");
    stage.patch("ticket", "1", &json!({"subject": "Ours"}));
    stage.all_gone();
    let stamps: Vec<_> = stage.fake.updates(1).iter().map(|one| one["updated_stamp"].clone()).collect();
    let expected = [before["updated_at"].clone(), theirs["updated_at"].clone()];
    assert_eq!(stamps, expected, "refused, then on top of theirs");
    assert!(
        stage.fake.updates(1).iter().all(|one| one.get("external_id").is_none()),
        "theirs is not sent back"
    );
    let there = stage.fake.ticket(1).expect("a ticket");
    assert_eq!((&there["subject"], &there["external_id"]), (&json!("Ours"), &json!("theirs")));
    assert_eq!(stage.here("ticket", "1"), there);
    assert_eq!(stage.conflicts(), Vec::<Value>::new(), "different fields are no conflict");
    let history = stage.host.items(["record", "history", CHANNEL, "ticket", "1"]).expect("steps");
    let told = history.iter().any(|step| step["fields"].to_string().contains("/external_id"));
    assert!(told, "what they changed is in the history: {history:#?}");
}
