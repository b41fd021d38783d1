//! Single tickets.

use super::{AT, AT_MS, again, body, conflict, done, push, push_with, rejected, update};
use serde_json::json;
use tidegate_sdk::{
    Class, Error,
    exporter::{Change, ChangeKind, Outcome},
    testing::{self, Script},
};

const POST: &str = "POST /api/v2/tickets.json";
const PUT: &str = "PUT /api/v2/tickets/7.json";
const GET: &str = "GET /api/v2/tickets/7.json";
const OURS: &str = "GET /api/v2/tickets.json?external_id=tidegate:key-1";
const AUDITS: &str = "GET /api/v2/tickets/7/audits.json?page[size]=100";
const MARKED: &str = r#"{"audits": [{"metadata": {"custom": {"tidegate": "key-1"}}, "events": []}]}"#;
const UNMARKED: &str = r#"{"audits": [{"metadata": {"custom": {}}, "events": []}], "meta": {"has_more": false, "after_cursor": null}}"#;
const CONFLICT: &str = r#"{"error": "UpdateConflict", "description": "outdated"}"#;

fn ticket(at: &str) -> String {
    format!(r#"{{"id": 7, "external_id": "tidegate:key-1", "updated_at": "{at}", "x": 1.10}}"#)
}

fn answer(at: &str) -> String {
    format!(r#"{{"ticket": {}, "audit": {{"id": 1, "events": []}}}}"#, ticket(at))
}

fn new() -> Change {
    testing::change(
        r#"{"subject": "S", "description": "D", "priority": "high", "requester_id": "360", "url": "x"}"#,
    )
}

#[test]
fn new_ticket_goes_with_its_first_comment_and_its_mark() {
    let zendesk = Script::new().on(POST, 201, answer(AT));
    let outcomes = push(&zendesk, "ticket", vec![new()]).unwrap();
    let record = done(&outcomes[0]);
    assert_eq!((record.key.as_str(), record.origin.as_deref()), ("7", Some("key-1")));
    assert_eq!((record.updated_ms, record.payload.as_slice()), (Some(AT_MS), ticket(AT).as_bytes()));
    let expected = json!({ "ticket": {
        "subject": "S", "priority": "high", "requester_id": 360, "comment": { "body": "D" },
        "external_id": "tidegate:key-1", "metadata": { "tidegate": "key-1" },
    }});
    assert_eq!(body(&zendesk, "POST"), expected);
    assert_eq!(zendesk.requests()[0].idempotency_key.as_deref(), Some("key-1"));
}

#[test]
fn first_comment_can_be_told_whole_and_an_external_id_stays_the_records_own() {
    let zendesk = Script::new().on(POST, 201, answer(AT));
    let change = testing::change(
        r#"{"external_id": "E-1", "description": "D", "comment": {"html_body": "<b>x</b>", "public": false, "author_id": "5"}}"#,
    );
    push(&zendesk, "ticket", vec![change]).unwrap();
    let ticket = &body(&zendesk, "POST")["ticket"];
    assert_eq!(ticket["comment"], json!({ "html_body": "<b>x</b>", "public": false, "author_id": 5 }));
    assert_eq!(ticket["external_id"], "E-1");
}

#[test]
fn ticket_whose_answer_was_lost_is_looked_for_before_it_is_sent_again() {
    let there = Script::new().on(OURS, 200, format!(r#"{{"tickets": [{}], "count": 1}}"#, ticket(AT)));
    assert_eq!(done(&push(&there, "ticket", vec![again(new())]).unwrap()[0]).key, "7");

    let none = r#"{"tickets": [], "count": 0}"#;
    let missing = Script::new().on(OURS, 200, none).on(POST, 201, answer(AT));
    done(&push(&missing, "ticket", vec![again(new())]).unwrap()[0]);

    let down = Script::new().fail(OURS, Error::transient("http.status.503", "down"));
    assert_eq!(push(&down, "ticket", vec![again(new())]).unwrap_err().class, Class::Transient);
}

#[test]
fn ticket_with_its_own_external_id_is_known_by_its_audits() {
    let change = || again(testing::change(r#"{"external_id": "E-1", "description": "D"}"#));
    let list = r#"{"tickets": [{"id": 7}, {"id": 8}]}"#;
    let line = "GET /api/v2/tickets.json?external_id=E-1";
    let zendesk = Script::new().on(line, 200, list).on(AUDITS, 200, UNMARKED).on(
        &AUDITS.replace('7', "8"),
        200,
        MARKED,
    );
    assert_eq!(done(&push(&zendesk, "ticket", vec![change()]).unwrap()[0]).key, "8");
    let zendesk = Script::new().on(line, 200, r#"{"tickets": [{"id": 7}]}"#).on(AUDITS, 200, UNMARKED).on(
        POST,
        201,
        answer(AT),
    );
    assert_eq!(done(&push(&zendesk, "ticket", vec![change()]).unwrap()[0]).key, "7");
}

#[test]
fn key_that_stands_for_other_words_leads_to_the_ticket() {
    let mismatch = r#"{"error": "IdempotentRequestError", "description": "Request parameters don't match"}"#;
    let found = format!(r#"{{"tickets": [{}]}}"#, ticket(AT));
    let zendesk = Script::new().on(POST, 400, mismatch).on(OURS, 200, found);
    assert_eq!(done(&push(&zendesk, "ticket", vec![new()]).unwrap()[0]).key, "7");
    let zendesk = Script::new().on(POST, 400, mismatch).on(OURS, 200, r#"{"tickets": []}"#);
    let outcomes = push(&zendesk, "ticket", vec![new()]).unwrap();
    assert!(rejected(&outcomes[0]).message.contains("IdempotentRequestError"));
}

#[test]
fn only_changed_fields_go_on_top_of_what_was_known() {
    let zendesk = Script::new().on(PUT, 200, answer("2023-11-14T22:13:21Z"));
    let change = update("7", r#"{"priority": "low", "assignee_id": "360", "raw_subject": "x"}"#);
    let outcomes = push(&zendesk, "ticket", vec![change]).unwrap();
    assert_eq!(done(&outcomes[0]).updated_ms, Some(AT_MS + 1_000));
    let expected = json!({ "ticket": {
        "priority": "low", "assignee_id": 360, "metadata": { "tidegate": "key-1" },
        "safe_update": true, "updated_stamp": AT,
    }});
    assert_eq!(body(&zendesk, "PUT"), expected);

    let zendesk = Script::new().on(PUT, 200, answer(AT));
    push(&zendesk, "ticket", vec![Change { base_updated_ms: None, ..update("7", r#"{"tags": []}"#) }])
        .unwrap();
    assert_eq!(body(&zendesk, "PUT")["ticket"], json!({ "tags": [], "metadata": { "tidegate": "key-1" } }));

    let zendesk = Script::new().on(GET, 200, answer(AT));
    done(&push(&zendesk, "ticket", vec![update("7", r#"{"generated_timestamp": 5}"#)]).unwrap()[0]);
}

#[test]
fn refused_update_is_ours_or_a_conflict() {
    let later = "2023-11-14T22:14:00Z";
    let check = |at: &str, audits: &str| {
        let zendesk = Script::new().on(PUT, 409, CONFLICT).on(GET, 200, answer(at)).on(AUDITS, 200, audits);
        push(&zendesk, "ticket", vec![update("7", r#"{"priority": "low"}"#)]).unwrap().remove(0)
    };
    let outcome = check(later, UNMARKED);
    assert_eq!(conflict(&outcome).payload, ticket(later).as_bytes());
    assert_eq!(done(&check(later, MARKED)).payload, ticket(later).as_bytes());
    assert_eq!(check(AT, UNMARKED), Outcome::Retry(2_000), "a collision of Zendesk's own");
}

#[test]
fn ticket_that_is_gone_is_a_conflict() {
    let gone = |zendesk: Script, change: Change| {
        let outcomes = push(&zendesk, "ticket", vec![change]).unwrap();
        let record = conflict(&outcomes[0]).clone();
        assert_eq!((record.key.as_str(), record.deleted), ("7", true));
    };
    let missing = r#"{"error": "RecordNotFound", "description": "Not found"}"#;
    gone(Script::new().on(PUT, 404, missing), update("7", r#"{"priority": "low"}"#));
    gone(Script::new().on(GET, 404, missing), update("7", r#"{"url": null}"#));
    let contested = Script::new().on(PUT, 409, CONFLICT).on(GET, 404, missing);
    gone(contested, update("7", r#"{"priority": "low"}"#));
}

#[test]
fn zendesk_s_own_reasons_are_shown() {
    let check = |details: &str, code: &str, field: &str, words: &str| {
        let answer = format!(
            r#"{{"error": "RecordInvalid", "description": "Record validation errors", "details": {details}}}"#
        );
        let zendesk = Script::new().on(PUT, 422, answer);
        let outcomes = push(&zendesk, "ticket", vec![update("7", r#"{"status": "open"}"#)]).unwrap();
        let error = rejected(&outcomes[0]);
        assert_eq!((error.class, error.code.as_str()), (Class::InvalidData, code));
        assert_eq!((error.fields[0].field.as_str(), error.fields[0].message.as_str()), (field, words));
        assert!(error.message.contains(words), "{error}");
    };
    let closed = "Status: closed prevents ticket update";
    check(&format!(r#"{{"status": [{{"description": "{closed}"}}]}}"#), "ticket.closed", "/status", closed);
    let solving = "Assignee: is required when solving a ticket";
    check(&format!(r#"{{"base": [{{"description": "{solving}"}}]}}"#), "http.status.422", "", solving);
    let suspended = "Requester: is suspended.";
    check(
        &format!(r#"{{"requester": [{{"description": "{suspended}"}}]}}"#),
        "http.status.422",
        "/requester_id",
        suspended,
    );
}

#[test]
fn description_of_a_ticket_stays_as_it_is() {
    let outcomes = push(&Script::new(), "ticket", vec![update("7", r#"{"description": "new"}"#)]).unwrap();
    assert_eq!(rejected(&outcomes[0]).fields[0].field, "/description");
    let outcomes = push(&Script::new(), "ticket", vec![update("../7", r#"{"priority": "low"}"#)]).unwrap();
    assert_eq!(rejected(&outcomes[0]).code, "zendesk.ticket-id");
}

#[test]
fn default_user_stands_in_for_people_whom_zendesk_does_not_know() {
    const SETTINGS: &str = r#"{"default-user-email": "desk@acme.com"}"#;
    const SEARCH: &str = "GET /api/v2/users/search.json?query=email:desk@acme.com";
    let found = r#"{"users": [{"id": 8, "email": "other-desk@acme.com"}, {"id": 9, "email": "Desk@acme.com"}], "count": 2}"#;
    let change =
        testing::change(r#"{"description": "D", "requester_id": "person-5", "assignee_id": "person-6"}"#);
    let nobody = testing::change(r#"{"description": "D"}"#);

    let zendesk = Script::new().on(SEARCH, 200, found).on(POST, 201, answer(AT)).on(POST, 201, answer(AT));
    push_with(&zendesk, "ticket", vec![nobody.clone(), change.clone()], SETTINGS).unwrap();
    let sent = &body(&zendesk, "POST")["ticket"];
    assert_eq!((&sent["requester_id"], &sent["assignee_id"]), (&json!(9), &json!(9)));
    assert_eq!(
        zendesk.lines().iter().filter(|line| line.as_str() == SEARCH).count(),
        1,
        "he is asked for once"
    );

    // Without one Zendesk takes the API's user where nobody is named, and an unknown one is refused.
    let zendesk = Script::new().on(POST, 201, answer(AT));
    let outcomes = push(&zendesk, "ticket", vec![nobody, change.clone()]).unwrap();
    assert_eq!(body(&zendesk, "POST")["ticket"].get("requester_id"), None);
    let error = rejected(&outcomes[1]);
    assert_eq!(
        (error.code.as_str(), error.fields[0].field.as_str()),
        ("zendesk.unknown-user", "/assignee_id")
    );

    let zendesk = Script::new().on(SEARCH, 200, r#"{"users": []}"#);
    let error = push_with(&zendesk, "ticket", vec![change], SETTINGS).unwrap_err();
    assert_eq!((error.class, error.fields[0].field.as_str()), (Class::Config, "/default-user-email"));
}

#[test]
fn ticket_is_deleted_unless_somebody_changed_it() {
    const DELETE: &str = "DELETE /api/v2/tickets/7.json";
    let delete = || Change { kind: ChangeKind::Delete, ..update("7", "{}") };
    let check = |zendesk: Script| push(&zendesk, "ticket", vec![delete()]).unwrap().remove(0);
    assert!(done(&check(Script::new().on(GET, 200, answer(AT)).on(DELETE, 204, ""))).deleted);
    assert!(done(&check(Script::new().on(GET, 404, "{}"))).deleted);
    assert!(done(&check(Script::new().on(GET, 200, answer(AT)).on(DELETE, 404, "{}"))).deleted);
    let moved = check(Script::new().on(GET, 200, answer("2023-11-14T22:14:00Z")));
    assert!(!conflict(&moved).deleted);
}

#[test]
fn one_failure_leaves_the_others_alone() {
    let down = Error::transient("http.status.503", "down").retry_after_ms(500);
    let eight = answer(AT).replace("\"id\": 7", "\"id\": 8");
    let zendesk = Script::new().fail(PUT, down.clone()).on(&PUT.replace('7', "8"), 200, eight);
    let changes = || vec![update("7", r#"{"priority": "low"}"#), update("8", r#"{"priority": "low"}"#)];
    let outcomes = push(&zendesk, "ticket", changes()).unwrap();
    assert_eq!(outcomes[0], Outcome::Retry(500));
    assert_eq!(done(&outcomes[1]).key, "8");
    let zendesk = Script::new().fail(PUT, down.clone()).fail(&PUT.replace('7', "8"), down.clone());
    assert_eq!(push(&zendesk, "ticket", changes()), Err(down));
}
