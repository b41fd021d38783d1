//! Both sides change the same: what each policy makes of it, and what a person does.

use super::*;

/// Whose value is there in the end, on both sides.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Winner {
    Ours,
    Theirs,
}

use Winner::{Ours, Theirs};

/// By how much the vendor's clock is ahead where its side is to be the newer one.
const AHEAD: Duration = Duration::from_secs(3_600);

fn policy(stage: &Stage, policy: &str) {
    stage.host.ok(["channel", "edit", CHANNEL, "--conflicts", policy]).expect("edited");
}

/// The conflict of a record that waits for a person, as soon as there is one.
fn held(stage: &Stage, key: &str) -> Value {
    until("the conflict", SOON, || {
        let all = stage.host.items(["conflict", "list", CHANNEL, "--held"])?;
        Ok(all.into_iter().find(|conflict| conflict["key"] == key))
    })
    .unwrap_or_else(|error| panic!("{error:#}\n{}", stage.host.log()))
}

/// The conflict of a record, which has one; `name` says in which case.
fn only(stage: &Stage, key: &str, name: &str) -> Value {
    let conflicts = stage.conflicts();
    let own: Vec<_> = conflicts.iter().filter(|conflict| conflict["key"] == key).collect();
    let [conflict] = own[..] else { panic!("{name}: {conflicts:#?}") };
    conflict.clone()
}

#[test]
fn each_policy_decides_between_two_edits_and_keeps_both_values() {
    let stage = Stage::small();
    let check = |name: &str, id: u64, is_ahead: bool, winner: Winner| {
        let key = id.to_string();
        policy(&stage, name);
        if is_ahead {
            stage.fake.advance_clock(AHEAD);
        }
        let theirs = json!({"subject": "Theirs", "external_id": "only-theirs"});
        stage.fake.change_ticket(id, theirs).expect("a ticket");
        stage.patch("ticket", &key, &json!({"subject": "Ours", "tags": ["only-ours"]}));
        stage.all_gone();
        let (there, here) = (stage.fake.ticket(id).expect("a ticket"), stage.here("ticket", &key));
        let subject = if winner == Ours { "Ours" } else { "Theirs" };
        assert_eq!((&there["subject"], &here["subject"]), (&json!(subject), &json!(subject)), "{name}");
        // A field that one side changed is no conflict.
        for ticket in [&there, &here] {
            let one_sided = (&ticket["external_id"], &ticket["tags"]);
            assert_eq!(one_sided, (&json!("only-theirs"), &json!(["only-ours"])), "{name}: {ticket:#}");
        }
        let conflict = only(&stage, &key, name);
        let [field] = &conflict["fields"].as_array().expect("fields")[..] else { panic!("{conflict:#}") };
        assert_eq!(
            (&field["field"], &field["local"], &field["remote"], &conflict["waits"]),
            (&json!("/subject"), &json!("Ours"), &json!("Theirs"), &json!(false)),
            "{name}: {conflict:#}"
        );
        let taken = if winner == Ours { "local" } else { "remote" };
        assert_eq!(field["taken"], taken, "{name}: {conflict:#}");
    };
    // Each of their changes sets the vendor's clock forward, so the first one alone is older.
    check("newest-wins", 3, false, Ours);
    check("newest-wins", 4, true, Theirs);
    check("remote-wins", 1, false, Theirs);
    check("local-wins", 2, true, Ours);
}

#[test]
fn a_held_conflict_is_shown_side_by_side_and_decided_by_hand() {
    let stage = Stage::small();
    policy(&stage, "manual");
    let check = |id: u64, how: &[&str], expected: &str| {
        let key = id.to_string();
        stage.fake.change_ticket(id, json!({"subject": "Theirs"})).expect("a ticket");
        stage.patch("ticket", &key, &json!({"subject": "Ours"}));
        let conflict = held(&stage, &key);
        let conflict = conflict["id"].as_str().expect("an id");
        let listed = stage.host.ok(["conflict", "list", CHANNEL, "--held"]).expect("a list");
        assert!(listed.contains(conflict) && listed.contains("/subject"), "{listed}");
        let shown = stage.host.ok(["conflict", "show", conflict]).expect("a conflict");
        assert!(shown.contains("Theirs") && shown.contains("Ours"), "{shown}");
        assert_eq!(stage.waiting(), [(key.clone(), "held")]);
        // Another edit of the record waits with it.
        stage.patch("ticket", &key, &json!({"tags": ["waits"]}));
        stage.export();
        assert_ne!(stage.fake.ticket(id).expect("a ticket")["tags"], json!(["waits"]));

        let line = [&["conflict", "resolve", conflict], how].concat();
        stage.host.ok(line).expect("decided");
        stage.all_gone();
        let (there, here) = (stage.fake.ticket(id).expect("a ticket"), stage.here("ticket", &key));
        for ticket in [&there, &here] {
            let found = (&ticket["subject"], &ticket["tags"]);
            assert_eq!(found, (&json!(expected), &json!(["waits"])), "{how:?}");
        }
        let over = stage.host.cli(["conflict", "resolve", conflict, "--take", "local"]).expect("it runs");
        assert_ne!(over.status, Some(0), "it is decided once: {over:?}");
    };
    check(1, &["--take", "local"], "Ours");
    check(2, &["--take", "remote"], "Theirs");
    check(3, &["--take", "remote", "--field", "/subject=\"Both\""], "Both");
}

#[test]
fn a_deletion_here_meets_an_edit_there() {
    let stage = Stage::small();
    let check = |name: &str, id: u64, is_ahead: bool, winner: Winner| {
        let key = id.to_string();
        policy(&stage, name);
        if is_ahead {
            stage.fake.advance_clock(AHEAD);
        }
        stage.fake.change_ticket(id, json!({"subject": "Theirs"})).expect("a ticket");
        stage.host.ok(["record", "delete", CHANNEL, "ticket", &key]).expect("deleted");
        stage.all_gone();
        let there = stage.fake.ticket(id).expect("it is kept for a while");
        assert_eq!(there["status"] == "deleted", winner == Ours, "{name}: {there:#}");
        let here = stage.records("ticket");
        let subject = here.get(&key).map(|ticket| &ticket["subject"]);
        assert_eq!(subject, (winner == Theirs).then_some(&json!("Theirs")), "{name}");
        let conflict = only(&stage, &key, name);
        let field = &conflict["fields"][0];
        assert_eq!((&field["field"], &field["local"]), (&json!(""), &Value::Null), "{name}: {conflict:#}");
        assert_eq!(field["remote"]["subject"], "Theirs", "{name}: {conflict:#}");
    };
    check("newest-wins", 3, false, Ours);
    check("newest-wins", 4, true, Theirs);
    check("remote-wins", 1, false, Theirs);
    check("local-wins", 2, true, Ours);
}

#[test]
fn an_edit_here_meets_a_deletion_there() {
    let stage = Stage::small();
    let check = |name: &str, id: u64, winner: Winner| {
        let key = id.to_string();
        policy(&stage, name);
        let tickets = stage.fake.ticket_count();
        stage.fake.delete_ticket(id).expect("a ticket");
        stage.patch("ticket", &key, &json!({"subject": "Ours"}));
        stage.all_gone();
        let conflict = only(&stage, &key, name);
        let field = &conflict["fields"][0];
        assert_eq!((&field["field"], &field["remote"]), (&json!(""), &Value::Null), "{name}: {conflict:#}");
        assert_eq!(field["local"]["subject"], "Ours", "{name}: {conflict:#}");
        match winner {
            Theirs => {
                assert!(!stage.records("ticket").contains_key(&key), "{name}");
                assert_eq!(stage.fake.ticket_count(), tickets - 1, "{name}");
            }
            Ours => {
                let remote = stage.remote_id("ticket", &key);
                assert_ne!(remote, id, "{name}: it is made anew");
                assert_eq!(stage.fake.ticket(remote).expect("a ticket")["subject"], "Ours", "{name}");
                assert_eq!(stage.fake.ticket_count(), tickets, "{name}: once");
            }
        }
    };
    check("remote-wins", 1, Theirs);
    check("local-wins", 2, Ours);
}

#[test]
fn a_deletion_that_meets_an_edit_can_be_held_and_decided() {
    let stage = Stage::small();
    policy(&stage, "manual");
    stage.fake.change_ticket(1, json!({"subject": "Theirs"})).expect("a ticket");
    stage.host.ok(["record", "delete", CHANNEL, "ticket", "1"]).expect("deleted");
    stage.fake.delete_ticket(2).expect("a ticket");
    stage.patch("ticket", "2", &json!({"subject": "Ours"}));
    let (first, second) = (held(&stage, "1"), held(&stage, "2"));
    let id = |conflict: &Value| conflict["id"].as_str().expect("an id").to_owned();
    assert_ne!(stage.fake.ticket(1).expect("a ticket")["status"], "deleted", "nothing is sent");
    let shown = stage.host.ok(["conflict", "show", &id(&second)]).expect("a conflict");
    assert!(shown.contains("Ours"), "{shown}");
    stage.host.ok(["conflict", "resolve", &id(&first), "--take", "remote"]).expect("decided");
    stage.host.ok(["conflict", "resolve", &id(&second), "--take", "remote"]).expect("decided");
    stage.all_gone();
    assert_eq!(stage.here("ticket", "1")["subject"], "Theirs");
    assert!(!stage.records("ticket").contains_key("2"));
}
