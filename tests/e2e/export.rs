//! Changes that go out: records made, changed and deleted here arrive at the fake once, in order.

mod careful;
mod conflicts;
mod echo;
mod lost;
mod order;
mod refused;

use crate::stage::{CHANNEL, Stage};
use serde_json::{Value, json};
use std::time::Duration;
use tests::{wait::until, zendesk::Zendesk};

/// How long an export by itself may take.
const SOON: Duration = Duration::from_secs(30);

impl Stage {
    /// The same with a few users and tickets, which the remote system is right about.
    fn small() -> Self {
        Self::two_way(Zendesk::builder().users(10).tickets(12).comments_per_ticket(1), "remote-wins")
    }

    /// A channel that goes both ways and has imported all.
    fn two_way(fake: tests::zendesk::Builder, policy: &str) -> Self {
        let stage = Self::new(fake);
        stage.host.ok(["channel", "edit", CHANNEL, "--two-way", "--conflicts", policy]).expect("two-way");
        assert_eq!(stage.sync(&[]).exit, Some(0));
        stage
    }

    fn put(&self, connector: &str, key: &str, payload: &Value, parent: Option<&str>) -> Value {
        let payload = payload.to_string();
        let mut line = vec!["record", "put", CHANNEL, connector, key, &payload];
        line.extend(parent.map(|_| "--parent"));
        line.extend(parent);
        self.host.json(line).expect("it fits")
    }

    fn patch(&self, connector: &str, key: &str, patch: &Value) -> Value {
        let patch = patch.to_string();
        self.host.json(["record", "patch", CHANNEL, connector, key, &patch]).expect("it fits")
    }

    /// Waits until nothing is left that can go.
    fn all_gone(&self) {
        until("the outbox to be empty", SOON, || {
            Ok(self.host.items(["outbox", "list", CHANNEL])?.is_empty().then_some(()))
        })
        .unwrap_or_else(|error| panic!("{error:#}\n{}", self.host.log()));
    }

    /// Exports what can go, and waits for the end.
    fn export(&self) {
        self.sync(&["--direction", "export"]);
    }

    /// The record as it is here.
    fn here(&self, connector: &str, key: &str) -> Value {
        self.host.json(["record", "show", CHANNEL, connector, key]).expect("a record")["payload"].take()
    }

    /// The changes that wait, by key: in which state.
    fn waiting(&self) -> Vec<(String, &'static str)> {
        let state = |row: &Value| match (row["held"].is_string(), row["refused"] == true) {
            (true, _) => "held",
            (_, true) => "refused",
            _ if row["sent"].is_string() => "sent",
            _ => "waits",
        };
        let rows = self.host.items(["outbox", "list", CHANNEL]).expect("a list");
        rows.iter().map(|row| (row["key"].as_str().expect("a key").to_owned(), state(row))).collect()
    }

    fn conflicts(&self) -> Vec<Value> {
        self.host.items(["conflict", "list", CHANNEL]).expect("a list")
    }

    /// The one change that is in quarantine, as soon as there is one.
    fn refusal(&self) -> Value {
        until("the refusal", SOON, || Ok(self.host.items(["quarantine", "list", CHANNEL])?.pop()))
            .unwrap_or_else(|error| panic!("{error:#}\n{}", self.host.log()))
    }

    fn remote_id(&self, connector: &str, key: &str) -> u64 {
        let record = self.host.json(["record", "show", CHANNEL, connector, key]).expect("a record");
        record["remote"]
            .as_str()
            .and_then(|id| id.parse().ok())
            .unwrap_or_else(|| panic!("no link: {record:#}"))
    }
}

#[test]
fn a_ticket_and_its_people_and_comments_are_created_in_their_order() {
    let stage = Stage::two_way(Zendesk::builder().users(10).tickets(3).comments_per_ticket(1), "remote-wins");
    // The latter ones wait for the former, whatever the order in which they are written.
    stage.put("ticket-comment", "note", &json!({"body": "Internal", "public": false}), Some("order-17"));
    stage.put(
        "ticket",
        "order-17",
        &json!({"subject": "Late", "description": "Where?", "requester_id": "anna"}),
        None,
    );
    stage.put("user", "anna", &json!({"name": "Anna", "email": "anna@customer.example"}), None);
    stage.all_gone();
    let (ticket, user) = (stage.remote_id("ticket", "order-17"), stage.remote_id("user", "anna"));
    let there = stage.fake.ticket(ticket).expect("a ticket");
    assert_eq!((&there["subject"], &there["requester_id"]), (&json!("Late"), &json!(user)));
    assert_eq!(stage.fake.ticket_count(), 4);
    stage.remote_id("ticket-comment", "note");
    // What was made here is not imported as another record.
    assert_eq!(stage.sync(&[]).exit, Some(0));
    assert_eq!(stage.records("ticket").len(), 4);
    stage.sync(&["--full", "--connector", "ticket"]);
    assert_eq!(stage.remote_id("ticket", "order-17"), ticket, "a full sync keeps links");
}

#[test]
fn an_update_changes_one_field_and_a_deletion_deletes() {
    let stage = Stage::two_way(Zendesk::builder().users(10).tickets(3).comments_per_ticket(1), "remote-wins");
    let before = stage.fake.ticket(1).expect("a ticket");
    let written = stage.patch("ticket", "1", &json!({"subject": "New"}));
    assert_eq!(written["fields"], json!(["/subject"]));
    stage.all_gone();
    let after = stage.fake.ticket(1).expect("a ticket");
    assert_eq!((&after["subject"], &after["priority"]), (&json!("New"), &before["priority"]));
    let history = stage.host.items(["record", "history", CHANNEL, "ticket", "1"]).expect("steps");
    assert_eq!(history[0]["fields"], json!(["/subject"]));

    stage.host.ok(["record", "delete", CHANNEL, "ticket", "2"]).expect("deleted");
    stage.all_gone();
    assert!(stage.fake.ticket(2).is_none_or(|ticket| ticket["status"] == "deleted"));
}

#[test]
fn what_is_refused_is_in_quarantine_until_it_is_mended() {
    let stage = Stage::two_way(Zendesk::builder().users(10).tickets(3).comments_per_ticket(1), "remote-wins");
    stage.patch("ticket", "1", &json!({"priority": "highest"}));
    let refused = stage.refusal();
    assert_eq!((&refused["kind"], &refused["key"]), (&json!("export"), &json!("1")), "{refused:#}");
    let words = stage.host.ok(["quarantine", "show", CHANNEL, "ticket", "1"]).expect("an entry");
    assert!(words.to_lowercase().contains("priority"), "{words}");
    stage.patch("ticket", "1", &json!({"priority": "high"}));
    stage.all_gone();
    assert_eq!(stage.fake.ticket(1).expect("a ticket")["priority"], "high");
    assert_eq!(stage.host.items(["quarantine", "list", CHANNEL]).expect("a list"), Vec::<Value>::new());
}

#[test]
fn a_conflict_is_held_and_decided_by_a_person() {
    let stage = Stage::two_way(Zendesk::builder().users(10).tickets(3).comments_per_ticket(1), "manual");
    stage.fake.change_ticket(1, json!({"subject": "Theirs"})).expect("a ticket");
    stage.patch("ticket", "1", &json!({"subject": "Ours"}));
    let held =
        until("the conflict", SOON, || Ok(stage.host.items(["conflict", "list", CHANNEL, "--held"])?.pop()))
            .expect("a conflict");
    let id = held["id"].as_str().expect("an id");
    assert_eq!(stage.fake.ticket(1).expect("a ticket")["subject"], "Theirs", "nothing is sent");
    let shown = stage.host.ok(["conflict", "show", id]).expect("a conflict");
    assert!(shown.contains("Theirs") && shown.contains("Ours"), "{shown}");
    stage.host.ok(["conflict", "resolve", id, "--take", "local"]).expect("decided");
    stage.all_gone();
    assert_eq!(stage.fake.ticket(1).expect("a ticket")["subject"], "Ours");
}
