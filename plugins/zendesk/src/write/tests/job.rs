//! Many updates that are to win, done by a job.

use super::{AT, again, body, conflict, done, push, rejected, update};
use tidegate_sdk::{
    exporter::Change,
    run::Budget,
    testing::{Script, set_budget},
};

const MANY: u64 = 20;
const BATCH: &str = "PUT /api/v2/tickets/update_many.json";
const JOB: &str = "GET /api/v2/job_statuses/j1.json";

fn changes() -> Vec<Change> {
    let change = |id: u64| {
        let change = update(&id.to_string(), r#"{"priority": "low"}"#);
        Change { key: format!("local-{id}"), base_updated_ms: None, ..change }
    };
    (1..=MANY).map(change).collect()
}

fn show() -> String {
    let ids: Vec<_> = (1..=MANY).map(|id| id.to_string()).collect();
    format!("GET /api/v2/tickets/show_many.json?ids={}", ids.join(","))
}

/// The tickets of these ids.
fn tickets(ids: impl Iterator<Item = u64>, priority: &str) -> String {
    let tickets: Vec<_> =
        ids.map(|id| format!(r#"{{"id": {id}, "priority": "{priority}", "updated_at": "{AT}"}}"#)).collect();
    format!(r#"{{"tickets": [{}]}}"#, tickets.join(", "))
}

fn status(status: &str, results: &str) -> String {
    format!(
        r#"{{"job_status": {{"id": "j1", "url": "x", "total": 20, "progress": 0, "status": "{status}", "message": null, "results": {results}}}}}"#
    )
}

#[test]
fn job_is_asked_for_until_its_end_and_its_tickets_shown() {
    let results = r#"[{"id": 2, "action": "update", "success": false, "status": "Failed", "error": "TicketUpdateFailed", "details": "Status: closed prevents ticket update"}, {"action": "update", "id": 1, "status": "Updated", "success": true}]"#;
    let zendesk = Script::new()
        .on(BATCH, 200, status("queued", "null"))
        .on(JOB, 200, status("working", "[]"))
        .on(JOB, 200, status("completed", results))
        .on(&show(), 200, tickets((1..=MANY).filter(|id| *id != 3), "low"));
    let outcomes = push(&zendesk, "ticket", changes()).unwrap();
    assert_eq!(done(&outcomes[0]).key, "1");
    assert_eq!(
        (rejected(&outcomes[1]).code.as_str(), rejected(&outcomes[1]).fields[0].field.as_str()),
        ("ticket.closed", "/status")
    );
    assert!(conflict(&outcomes[2]).deleted);
    assert_eq!(done(&outcomes[19]).key, "20");
    let sent = body(&zendesk, "PUT");
    assert_eq!(
        (sent["tickets"][0]["id"].as_u64(), sent["tickets"][0]["priority"].as_str()),
        (Some(1), Some("low"))
    );
    assert_eq!(zendesk.lines().len(), 4, "four requests for twenty tickets");
}

#[test]
fn job_that_takes_long_is_looked_at_again_later_by_what_it_has_done() {
    set_budget(Budget { cpu_ms: 5_000, wall_ms: 60_000, requests: 2, response_bytes: 1 << 20 });
    let zendesk =
        Script::new().on(BATCH, 200, status("queued", "null")).on(JOB, 200, status("working", "null"));
    let error = push(&zendesk, "ticket", changes()).unwrap_err();
    assert_eq!((error.code.as_str(), error.retry_after_ms), ("zendesk.job", Some(5_000)));

    set_budget(Budget { cpu_ms: 5_000, wall_ms: 60_000, requests: 9, response_bytes: 1 << 20 });
    let all_done = Script::new().on(&show(), 200, tickets(1..=MANY, "low"));
    let outcomes = push(&all_done, "ticket", changes().into_iter().map(again).collect()).unwrap();
    assert_eq!(outcomes.iter().map(done).count(), 20);
}

#[test]
fn job_that_failed_without_a_word_is_tried_again() {
    let zendesk = Script::new().on(BATCH, 200, status("failed", "null"));
    assert_eq!(push(&zendesk, "ticket", changes()).unwrap_err().code, "zendesk.job");
}

#[test]
fn few_updates_go_one_by_one() {
    let few: Vec<_> = changes().into_iter().take(2).collect();
    let answer = |id: u64| format!(r#"{{"ticket": {{"id": {id}}}}}"#);
    let zendesk = Script::new().on("PUT /api/v2/tickets/1.json", 200, answer(1)).on(
        "PUT /api/v2/tickets/2.json",
        200,
        answer(2),
    );
    assert_eq!(push(&zendesk, "ticket", few).unwrap().iter().map(done).count(), 2);
}
