//! Users.

use super::{AT, AT_MS, again, body, conflict, done, push, rejected, update};
use serde_json::json;
use tidegate_sdk::{
    Class, Error,
    exporter::{Change, ChangeKind, Outcome},
    testing::{self, Script},
};

const POST: &str = "POST /api/v2/users.json";
const PUT: &str = "PUT /api/v2/users/3.json";
const SHOW: &str = "GET /api/v2/users/show_many.json?ids=3";
const OURS: &str = "GET /api/v2/users.json?external_id=tidegate:key-1";

fn user(at: &str) -> String {
    format!(
        r#"{{"id": 3, "name": "N", "email": "n@acme.com", "external_id": "tidegate:key-1", "updated_at": "{at}", "active": true}}"#
    )
}

fn answer() -> String {
    format!(r#"{{"user": {}}}"#, user(AT))
}

fn list(at: &str) -> String {
    format!(r#"{{"users": [{}], "count": 1}}"#, user(at))
}

fn new() -> Change {
    testing::change(r#"{"name": "N", "email": "n@acme.com", "phone": null, "created_at": "x"}"#)
}

#[test]
fn new_user_goes_with_the_mark_and_gets_no_mail() {
    let zendesk = Script::new().on(POST, 201, answer());
    let outcomes = push(&zendesk, "user", vec![new()]).unwrap();
    let record = done(&outcomes[0]);
    assert_eq!(
        (record.key.as_str(), record.origin.as_deref(), record.updated_ms),
        ("3", Some("key-1"), Some(AT_MS))
    );
    let expected = json!({ "user": {
        "name": "N", "email": "n@acme.com", "external_id": "tidegate:key-1", "skip_verify_email": true,
    }});
    assert_eq!(body(&zendesk, "POST"), expected);
}

#[test]
fn user_who_may_be_there_already_is_looked_for() {
    let there = Script::new().on(OURS, 200, list(AT));
    assert_eq!(done(&push(&there, "user", vec![again(new())]).unwrap()[0]).key, "3");
    let missing = Script::new().on(OURS, 200, r#"{"users": []}"#).on(POST, 201, answer());
    assert_eq!(done(&push(&missing, "user", vec![again(new())]).unwrap()[0]).key, "3");
    let down = Script::new().fail(OURS, Error::transient("http.status.503", "down"));
    assert!(push(&down, "user", vec![again(new())]).is_err());
}

#[test]
fn person_whom_zendesk_knows_is_not_made_twice() {
    let taken = |property: &str| {
        format!(
            r#"{{"error": "RecordInvalid", "description": "Record validation errors", "details": {{"{property}": [{{"description": "is already being used", "error": "DuplicateValue"}}]}}}}"#
        )
    };
    let search = "GET /api/v2/users/search.json?query=email:n@acme.com";
    let zendesk = Script::new().on(POST, 422, taken("email")).on(search, 200, list(AT));
    assert_eq!(done(&push(&zendesk, "user", vec![new()]).unwrap()[0]).key, "3");
    assert_eq!(testing::logs().len(), 1, "the operator is told");
    let zendesk = Script::new().on(POST, 422, taken("external_id")).on(OURS, 200, list(AT));
    assert_eq!(done(&push(&zendesk, "user", vec![new()]).unwrap()[0]).key, "3");
    let zendesk = Script::new().on(POST, 422, taken("email")).on(search, 200, r#"{"users": []}"#);
    assert_eq!(rejected(&push(&zendesk, "user", vec![new()]).unwrap()[0]).fields[0].field, "/email");
    let zendesk = Script::new().on(
        POST,
        422,
        r#"{"error": "RecordInvalid", "details": {"name": [{"description": "Name: is too short"}]}}"#,
    );
    assert_eq!(
        rejected(&push(&zendesk, "user", vec![new()]).unwrap()[0]).fields[0].message,
        "Name: is too short"
    );
}

#[test]
fn only_changed_fields_go_where_nobody_else_changed_the_user() {
    let change = || update("3", r#"{"name": "M", "organization_id": "5", "url": null}"#);
    let zendesk = Script::new().on(SHOW, 200, list(AT)).on(PUT, 200, answer());
    done(&push(&zendesk, "user", vec![change()]).unwrap()[0]);
    assert_eq!(body(&zendesk, "PUT"), json!({ "user": { "name": "M", "organization_id": 5 } }));

    let later = "2023-11-14T22:14:00Z";
    let zendesk = Script::new().on(SHOW, 200, list(later));
    assert_eq!(conflict(&push(&zendesk, "user", vec![change()]).unwrap()[0]).payload, user(later).as_bytes());
    let zendesk = Script::new().on(SHOW, 200, list(later)).on(PUT, 200, answer());
    done(&push(&zendesk, "user", vec![again(change())]).unwrap()[0]);
    let zendesk = Script::new().on(SHOW, 200, r#"{"users": []}"#);
    assert!(conflict(&push(&zendesk, "user", vec![change()]).unwrap()[0]).deleted);
    let zendesk = Script::new().on(SHOW, 200, list(AT));
    done(&push(&zendesk, "user", vec![update("3", r#"{"url": null}"#)]).unwrap()[0]);
}

#[test]
fn what_zendesk_does_not_take_is_refused_with_words() {
    let check = |change: Change, class: Class, code: &str| {
        let outcomes = push(&Script::new(), "user", vec![change]).unwrap();
        assert_eq!((rejected(&outcomes[0]).class, rejected(&outcomes[0]).code.as_str()), (class, code));
    };
    check(update("3", r#"{"email": "x@acme.com"}"#), Class::InvalidData, "zendesk.fixed");
    check(
        Change { kind: ChangeKind::Delete, ..update("3", "{}") },
        Class::Unsupported,
        "zendesk.user-delete",
    );
    check(update("me", r#"{"name": "x"}"#), Class::InvalidData, "zendesk.user-id");
}

#[test]
fn account_that_may_write_nobody_is_the_account_s_fault() {
    let zendesk = Script::new().on(POST, 403, r#"{"error": {"title": "Forbidden", "message": "no"}}"#);
    assert_eq!(push(&zendesk, "user", vec![new()]).unwrap_err().class, Class::Auth);
    let zendesk = Script::new().on(POST, 409, "{}").on(SHOW, 200, list(AT)).on(PUT, 200, answer());
    let outcomes = push(&zendesk, "user", vec![new(), update("3", r#"{"name": "M"}"#)]).unwrap();
    assert_eq!(outcomes[0], Outcome::Retry(10_000));
}
