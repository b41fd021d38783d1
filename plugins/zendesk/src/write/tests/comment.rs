//! Comments, added by updates of their tickets.

use super::{AT, again, body, done, push, push_with, rejected, update};
use serde_json::json;
use tidegate_sdk::{
    Class, Error,
    exporter::{Change, ChangeKind, Outcome},
    testing::{self, Script},
};

const STAMPS: &str = "GET /api/v2/tickets/show_many.json?ids=7";
const PUT: &str = "PUT /api/v2/tickets/7.json";
const AUDITS: &str = "GET /api/v2/tickets/7/audits.json?page[size]=100";
const LIST: &str = "GET /api/v2/tickets/7/comments.json?page[size]=100&sort=-created_at";
const CONFLICT: &str = r#"{"error": "UpdateConflict", "description": "outdated"}"#;
const UNMARKED: &str = r#"{"audits": [{"metadata": {"custom": {"tidegate": "other"}}, "events": []}]}"#;

fn stamps() -> String {
    format!(r#"{{"tickets": [{{"id": 7, "updated_at": "{AT}"}}], "count": 1}}"#)
}

fn audit(comment: u64) -> String {
    format!(
        r#"{{"id": 1, "metadata": {{"custom": {{"tidegate": "key-1"}}}}, "events": [{{"type": "Change", "id": 2}}, {{"id": {comment}, "type": "Comment", "body": "B"}}]}}"#
    )
}

fn taken(comment: u64) -> String {
    format!(r#"{{"ticket": {{"id": 7}}, "audit": {}}}"#, audit(comment))
}

fn listed(comment: u64) -> String {
    format!(
        r#"{{"comments": [{{"id": 1}}, {{"id": {comment}, "body": "B", "created_at": "{AT}"}}], "meta": {{"has_more": false}}}}"#
    )
}

fn comment(payload: &str) -> Change {
    Change { parent: Some("7".into()), ..testing::change(payload) }
}

#[test]
fn comment_goes_on_top_of_the_ticket_as_it_is() {
    let zendesk = Script::new().on(STAMPS, 200, stamps()).on(PUT, 200, taken(9)).on(LIST, 200, listed(9));
    let change =
        comment(r#"{"body": "B", "public": false, "author_id": "360", "created_at": null, "via": {}}"#);
    let outcomes = push(&zendesk, "ticket-comment", vec![change]).unwrap();
    let record = done(&outcomes[0]);
    assert_eq!(
        (record.key.as_str(), record.parent.as_deref(), record.origin.as_deref()),
        ("9", Some("7"), Some("key-1"))
    );
    assert_eq!(record.payload, format!(r#"{{"id": 9, "body": "B", "created_at": "{AT}"}}"#).as_bytes());
    let expected = json!({ "ticket": {
        "comment": { "body": "B", "public": false, "author_id": 360 }, "metadata": { "tidegate": "key-1" },
        "safe_update": true, "updated_stamp": AT,
    }});
    assert_eq!(body(&zendesk, "PUT"), expected);
}

#[test]
fn list_that_cannot_be_had_is_made_up_for_by_the_event() {
    let down = Error::transient("http.status.503", "down");
    let zendesk = Script::new().on(STAMPS, 200, stamps()).on(PUT, 200, taken(9)).fail(LIST, down);
    let outcomes = push(&zendesk, "ticket-comment", vec![comment(r#"{"body": "B"}"#)]).unwrap();
    assert_eq!(done(&outcomes[0]).key, "9");
}

#[test]
fn comment_whose_answer_was_lost_is_looked_for_before_it_is_sent_again() {
    let audits = format!(r#"{{"audits": [{}]}}"#, audit(9));
    let there = Script::new().on(AUDITS, 200, audits.clone()).on(LIST, 200, listed(9));
    let change = || comment(r#"{"body": "B"}"#);
    assert_eq!(done(&push(&there, "ticket-comment", vec![again(change())]).unwrap()[0]).key, "9");

    let missing = Script::new()
        .on(AUDITS, 200, UNMARKED)
        .on(STAMPS, 200, stamps())
        .on(PUT, 200, taken(9))
        .on(LIST, 200, listed(9));
    assert_eq!(done(&push(&missing, "ticket-comment", vec![again(change())]).unwrap()[0]).key, "9");

    // The request was sent twice on its way, and met itself.
    let twice = Script::new().on(STAMPS, 200, stamps()).on(PUT, 409, CONFLICT).on(AUDITS, 200, audits).on(
        LIST,
        200,
        listed(9),
    );
    assert_eq!(done(&push(&twice, "ticket-comment", vec![change()]).unwrap()[0]).key, "9");
}

#[test]
fn busy_ticket_is_tried_again_and_then_put_off() {
    let met =
        |zendesk: Script| zendesk.on(STAMPS, 200, stamps()).on(PUT, 409, CONFLICT).on(AUDITS, 200, UNMARKED);
    let change = || comment(r#"{"body": "B"}"#);
    let zendesk =
        met(met(Script::new())).on(STAMPS, 200, stamps()).on(PUT, 200, taken(9)).on(LIST, 200, listed(9));
    done(&push(&zendesk, "ticket-comment", vec![change()]).unwrap()[0]);
    let zendesk = met(met(met(Script::new())));
    assert_eq!(push(&zendesk, "ticket-comment", vec![change()]), Ok(vec![Outcome::Retry(2_000)]));
}

#[test]
fn comments_of_one_ticket_go_one_after_the_other() {
    let zendesk = (8..10).fold(Script::new(), |zendesk, id| {
        zendesk.on(STAMPS, 200, stamps()).on(PUT, 200, taken(id)).on(LIST, 200, listed(id))
    });
    let changes = ["first", "second"].map(|text| comment(&format!(r#"{{"body": "{text}"}}"#))).to_vec();
    let outcomes = push(&zendesk, "ticket-comment", changes).unwrap();
    assert_eq!((done(&outcomes[0]).key.as_str(), done(&outcomes[1]).key.as_str()), ("8", "9"));
    let texts: Vec<_> = zendesk
        .requests()
        .iter()
        .filter_map(|request| Some(String::from_utf8_lossy(request.body.as_deref()?).into_owned()))
        .collect();
    assert!(texts[0].contains("first") && texts[1].contains("second"), "{texts:?}");
}

#[test]
fn what_zendesk_does_not_take_is_refused_with_words() {
    let check = |change: Change, class: Class, code: &str| {
        let outcomes = push(&Script::new(), "ticket-comment", vec![change]).unwrap();
        assert_eq!((rejected(&outcomes[0]).class, rejected(&outcomes[0]).code.as_str()), (class, code));
    };
    check(update("9", r#"{"body": "x"}"#), Class::Unsupported, "zendesk.comment-fixed");
    check(
        Change { kind: ChangeKind::Delete, ..update("9", "{}") },
        Class::Unsupported,
        "zendesk.comment-fixed",
    );
    check(testing::change(r#"{"body": "x"}"#), Class::InvalidData, "zendesk.ticket-id");
    check(
        Change { parent: Some("local-7".into()), ..testing::change(r#"{"body": "x"}"#) },
        Class::InvalidData,
        "zendesk.ticket-id",
    );
    check(comment(r#"{"body": " "}"#), Class::InvalidData, "zendesk.comment-empty");
    check(comment(r#"{"body": "x", "author_id": "person"}"#), Class::InvalidData, "zendesk.unknown-user");
}

#[test]
fn closed_and_missing_tickets_take_no_comment() {
    let closed = r#"{"error": "RecordInvalid", "description": "Record validation errors", "details": {"status": [{"description": "Status: closed prevents ticket update"}]}}"#;
    let zendesk = Script::new().on(STAMPS, 200, stamps()).on(PUT, 422, closed);
    let outcomes = push(&zendesk, "ticket-comment", vec![comment(r#"{"body": "B"}"#)]).unwrap();
    assert_eq!(rejected(&outcomes[0]).code, "ticket.closed");
    let zendesk = Script::new().on(STAMPS, 200, r#"{"tickets": []}"#);
    let outcomes = push(&zendesk, "ticket-comment", vec![comment(r#"{"body": "B"}"#)]).unwrap();
    assert_eq!(rejected(&outcomes[0]).code, "ticket.gone");
}

#[test]
fn default_user_writes_for_people_whom_zendesk_does_not_know() {
    let search = "GET /api/v2/users/search.json?query=email:desk@acme.com";
    let zendesk = Script::new()
        .on(search, 200, r#"{"users": [{"id": 9, "email": "desk@acme.com"}]}"#)
        .on(STAMPS, 200, stamps())
        .on(PUT, 200, taken(9))
        .on(LIST, 200, listed(9));
    let settings = r#"{"default-user-email": "desk@acme.com"}"#;
    push_with(&zendesk, "ticket-comment", vec![comment(r#"{"body": "B"}"#)], settings).unwrap();
    assert_eq!(body(&zendesk, "PUT")["ticket"]["comment"]["author_id"], 9);
}
