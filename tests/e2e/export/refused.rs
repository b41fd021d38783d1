//! What the remote system refuses, and giving it up.

use super::*;

#[test]
fn a_closed_ticket_refuses_a_change_in_the_vendors_words_and_it_can_be_given_up() {
    let stage = Stage::small();
    let check = |id: u64, give_up: &[&str]| {
        let key = id.to_string();
        let before = stage.here("ticket", &key);
        assert_eq!(before["status"], "closed", "the fake closes every fifth ticket");
        stage.patch("ticket", &key, &json!({"subject": "Too late"}));
        let entry = stage.refusal();
        assert_eq!((&entry["key"], &entry["reason"]["code"]), (&json!(key), &json!("ticket.closed")));
        let words = stage.host.ok(["quarantine", "show", CHANNEL, "ticket", &key]).expect("an entry");
        assert!(words.contains("Status: closed prevents ticket update"), "{words}");
        assert_eq!(stage.waiting(), [(key.clone(), "refused")]);
        // Nobody tries it again by himself.
        let asked = stage.fake.updates(id).len();
        stage.export();
        assert_eq!((stage.fake.updates(id).len(), asked), (1, 1));

        assert_eq!(stage.here("ticket", &key)["subject"], "Too late");
        let line = [give_up, &[CHANNEL, "ticket", &key, "--yes"]].concat();
        stage.host.ok(line).expect("given up");
        assert_eq!(stage.here("ticket", &key), before, "what the remote system has is back");
        assert_eq!(stage.waiting(), []);
        assert_eq!(stage.host.items(["quarantine", "list", CHANNEL]).expect("a list"), Vec::<Value>::new());
        assert_ne!(stage.fake.ticket(id).expect("a ticket")["subject"], "Too late");
    };
    check(5, &["quarantine", "drop"]);
    check(10, &["outbox", "drop"]);
}

#[test]
fn one_refused_change_does_not_keep_the_others() {
    let stage = Stage::small();
    for (key, subject) in [("4", "Four"), ("5", "Five"), ("6", "Six")] {
        stage.patch("ticket", key, &json!({ "subject": subject }));
    }
    assert_eq!(stage.refusal()["key"], "5");
    until("the others to be gone", SOON, || {
        Ok((stage.waiting() == [("5".to_owned(), "refused")]).then_some(()))
    })
    .expect("they go");
    for (id, subject) in [(4, "Four"), (6, "Six")] {
        assert_eq!(stage.fake.ticket(id).expect("a ticket")["subject"], subject);
    }
}

#[test]
fn a_stranger_is_replaced_by_the_default_user_or_refused_without_one() {
    let stage = Stage::small();
    let ticket = json!({"subject": "Late", "description": "Where?", "requester_id": "nobody"});
    stage.put("ticket", "order-17", &ticket, None);
    let entry = stage.refusal();
    assert_eq!(entry["reason"]["code"], "zendesk.unknown-user", "{entry:#}");
    assert_eq!(entry["reason"]["fields"][0]["field"], "/requester_id", "{entry:#}");
    assert_eq!(stage.fake.ticket_count(), 12);

    let id = Zendesk::user_id(3);
    let email = stage.fake.user(id).expect("a user")["email"].as_str().expect("an address").to_owned();
    let set = format!("default-user-email={email}");
    stage.host.ok(["channel", "edit", CHANNEL, "--set", &set]).expect("edited");
    stage.host.ok(["outbox", "retry", CHANNEL, "--all"]).expect("asked for");
    stage.put("ticket-comment", "note", &json!({"body": "And?", "author_id": "nobody"}), Some("1"));
    stage.all_gone();
    let ticket = stage.remote_id("ticket", "order-17");
    assert_eq!(stage.fake.ticket(ticket).expect("a ticket")["requester_id"], id);
    let comments = stage.fake.new_comments(1);
    assert_eq!((comments.len(), &comments[0]["author_id"]), (1, &json!(id)), "{comments:#?}");
}
