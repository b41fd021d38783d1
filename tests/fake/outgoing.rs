//! The Zendesk plugin writes to the fake one, which loses answers.

use crate::wire::{Login, Wire};
use serde_json::{Value, json};
use tests::{
    vendor::{Action, Rule},
    zendesk::{TOKEN, Zendesk},
};
use tidegate_sdk::{
    Connector, Envelope, Error, Exporter, Json, Page, PullRequest, Settings,
    exporter::{Change, ChangeKind, Outcome, PushRequest},
    testing,
};

fn wire(fake: &Zendesk) -> Wire<'_> {
    Wire::to(fake, Login::Basic("agent@example.com/token", TOKEN))
}

fn push(fake: &Zendesk, connector: &str, changes: &[Change]) -> Result<Vec<Outcome>, Error> {
    let settings = Settings::from_bytes(b"{}".to_vec());
    let request = PushRequest { connector: connector.into(), settings, changes: changes.to_vec() };
    let answers = zendesk::Zendesk::push(&wire(fake), request)?;
    Ok(answers.into_iter().map(|answer| answer.outcome).collect())
}

/// Pushes one change until it is known what came of it, as the host does.
fn push_on(fake: &Zendesk, connector: &str, change: Change) -> Outcome {
    let mut change = change;
    for _ in 0..5 {
        match push(fake, connector, std::slice::from_ref(&change)) {
            Ok(outcomes) if !matches!(outcomes[0], Outcome::Retry(_)) => return outcomes[0].clone(),
            _ => change.again = true,
        }
    }
    panic!("nothing came of it in five tries");
}

fn done(outcome: Outcome) -> Envelope {
    match outcome {
        Outcome::Done(record) => record,
        other => panic!("it is not done: {other:?}"),
    }
}

fn pull(fake: &Zendesk, request: &PullRequest) -> Page {
    zendesk::Zendesk::pull(&wire(fake), request).expect("a page")
}

fn change(key: &str, payload: Value) -> Change {
    Change { idempotency_key: key.into(), ..testing::change(&payload.to_string()) }
}

fn update(of: &Envelope, key: &str, fields: Value) -> Change {
    let fields = Json::from_bytes(fields.to_string().into_bytes());
    let remote_key = Some(of.key.clone());
    Change {
        kind: ChangeKind::Update,
        remote_key,
        fields,
        base_updated_ms: of.updated_ms,
        ..change(key, json!({}))
    }
}

fn reply(ticket: &Envelope, key: &str, payload: Value) -> Change {
    Change { parent: Some(ticket.key.clone()), ..change(key, payload) }
}

/// Breaks the connection off after the request has been acted upon, `times` times.
fn lose(fake: &Zendesk, method: &str, path: &str, times: u64) {
    fake.set_script(Rule::on(path).method(method).times(times).then(Action::Close { apply: true }));
}

#[test]
fn what_is_acknowledged_is_what_an_import_brings() {
    let fake = Zendesk::builder().users(3).tickets(0).start().expect("a fake");
    let user = done(push_on(
        &fake,
        "user",
        change("u1", json!({ "name": "Ünal", "email": "unal@customer.example" })),
    ));
    let payload = json!({ "subject": "S", "description": "D", "requester_id": user.key });
    let ticket = done(push_on(&fake, "ticket", change("t1", payload)));
    let ticket = done(push_on(&fake, "ticket", update(&ticket, "t2", json!({ "priority": "low" }))));
    let comment =
        done(push_on(&fake, "ticket-comment", reply(&ticket, "c1", json!({ "body": "B", "public": false }))));

    let touched: Value = serde_json::from_slice(&ticket.payload).expect("JSON");
    assert_eq!(touched["requester_id"].to_string(), user.key);
    fake.advance_clock(std::time::Duration::from_secs(3_600));
    let users = pull(&fake, &testing::pull_request("user"));
    assert!(users.records.contains(&user), "{user:?}");
    assert_eq!(user.origin.as_deref(), Some("u1"));
    let due = PullRequest { keys: vec![ticket.key.clone()], ..testing::pull_request("ticket-comment") };
    let comments = pull(&fake, &due);
    assert_eq!(comments.records[1], comment);
    assert_eq!((comment.origin.as_deref(), comments.records[0].origin.as_deref()), (Some("c1"), Some("t1")));
    let tickets = pull(&fake, &testing::pull_request("ticket"));
    assert_eq!(tickets.records[0].origin.as_deref(), Some("t1"), "the comment has changed the ticket");
}

#[test]
fn nothing_is_made_twice_when_answers_are_lost() {
    for times in 1..=3 {
        let fake = Zendesk::builder().users(3).tickets(0).start().expect("a fake");
        lose(&fake, "POST", "/api/v2/tickets.json", times);
        let ticket = done(push_on(&fake, "ticket", change("t1", json!({ "description": "D" }))));
        lose(&fake, "POST", "/api/v2/users.json", times);
        done(push_on(&fake, "user", change("u1", json!({ "name": "N" }))));
        lose(&fake, "PUT", "/api/v2/tickets/*", times);
        done(push_on(&fake, "ticket-comment", reply(&ticket, "c1", json!({ "body": "B" }))));
        fake.clear_script();
        let due = PullRequest { keys: vec![ticket.key.clone()], ..testing::pull_request("ticket-comment") };
        let counts = (fake.ticket_count(), fake.user_count(), pull(&fake, &due).records.len());
        assert_eq!(counts, (1, 4, 2), "{times} answers lost: tickets, users, comments");
    }
}

#[test]
fn update_whose_answer_is_lost_is_no_conflict_with_itself() {
    for times in 1..=3 {
        let fake = Zendesk::builder().users(3).tickets(0).start().expect("a fake");
        let ticket = done(push_on(&fake, "ticket", change("t1", json!({ "description": "D" }))));
        lose(&fake, "PUT", "/api/v2/tickets/*", times);
        let changed = done(push_on(&fake, "ticket", update(&ticket, "t2", json!({ "priority": "low" }))));
        let changed: Value = serde_json::from_slice(&changed.payload).expect("JSON");
        assert_eq!(changed["priority"], "low");
    }
}

#[test]
fn somebody_else_s_change_is_a_conflict_and_stays() {
    let fake = Zendesk::builder().users(3).tickets(0).start().expect("a fake");
    let ticket = done(push_on(&fake, "ticket", change("t1", json!({ "description": "D" }))));
    let id: u64 = ticket.key.parse().expect("an id");
    fake.change_ticket(id, json!({ "priority": "urgent" })).expect("a change");
    let Outcome::Conflict(now) = push_on(&fake, "ticket", update(&ticket, "t2", json!({ "subject": "S" })))
    else {
        panic!("no conflict");
    };
    let payload: Value = serde_json::from_slice(&now.payload).expect("JSON");
    assert_eq!((&payload["priority"], &payload["subject"]), (&json!("urgent"), &json!("D")));
    done(push_on(&fake, "ticket", update(&now, "t3", json!({ "subject": "S" }))));
    assert_eq!(fake.ticket(id).expect("a ticket")["priority"], "urgent");
}

#[test]
fn many_updates_without_a_base_go_in_one_job() {
    let fake = Zendesk::builder().users(3).tickets(30).start().expect("a fake");
    let one = |id: u64| {
        let of = Envelope::new(id, "{}");
        Change { key: id.to_string(), ..update(&of, "k", json!({ "priority": "urgent" })) }
    };
    let changes: Vec<_> = (1..=24).map(one).collect();
    let outcomes = push(&fake, "ticket", &changes).expect("an answer");
    for (change, outcome) in changes.iter().zip(outcomes) {
        let id: u64 = change.key.parse().expect("an id");
        match (id % 5, outcome) {
            (0, Outcome::Rejected(error)) => assert_eq!(error.code, "ticket.closed"),
            (0, other) => panic!("ticket {id} is closed: {other:?}"),
            (_, outcome) => assert_eq!(done(outcome).key, change.key),
        }
    }
    assert!(fake.stats().requests <= 5, "{:?}", fake.stats());
    assert_eq!(fake.ticket(24).expect("a ticket")["priority"], "urgent");
}
