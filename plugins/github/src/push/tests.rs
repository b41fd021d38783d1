//! What becomes of local changes.

use crate::GitHub;
use serde_json::{Value, json};
use tidegate_sdk::{
    Class, Error, Exporter, Json, Response, Settings,
    exporter::{Acknowledgement, Change, ChangeKind, Outcome, PushRequest},
    run::Budget,
    testing::{Script, set_budget},
};

const REPO: &str = "/repos/acme/widgets";
/// 2023-11-14T22:13:20Z.
const BASE: u64 = 1_700_000_000_000;

fn create(payload: Value) -> Change {
    Change {
        key: "local".into(),
        kind: ChangeKind::Create,
        remote_key: None,
        parent: None,
        fields: Json::of(&payload).unwrap(),
        payload: Json::of(&payload).unwrap(),
        base_updated_ms: None,
        idempotency_key: "k-1".into(),
        again: false,
    }
}

fn update(fields: Value) -> Change {
    Change {
        kind: ChangeKind::Update,
        remote_key: Some("7".into()),
        base_updated_ms: Some(BASE),
        ..create(fields)
    }
}

fn delete() -> Change {
    Change { kind: ChangeKind::Delete, ..update(json!({})) }
}

fn push(connector: &str, script: &Script, changes: Vec<Change>) -> Result<Vec<Acknowledgement>, Error> {
    let settings = Settings::from_bytes(br#"{"owner": "acme", "repository": "widgets"}"#.to_vec());
    GitHub::push(script, PushRequest { connector: connector.into(), settings, changes })
}

fn one(connector: &str, script: &Script, change: Change) -> Outcome {
    let mut acknowledgements = push(connector, script, vec![change]).unwrap();
    assert_eq!((acknowledgements.len(), acknowledgements[0].key.as_str()), (1, "local"));
    acknowledgements.remove(0).outcome
}

fn issue(number: u32, body: &str, more: &str) -> String {
    format!(r#"{{"number": {number}, "body": {}, "updated_at": "2023-11-14T22:13:20Z"{more}}}"#, json!(body))
}

fn comment(id: u32, body: &str) -> String {
    format!(
        r#"{{"id": {id}, "body": {}, "updated_at": "2023-11-14T22:13:20Z", "issue_url": "https://api.github.com{REPO}/issues/3"}}"#,
        json!(body)
    )
}

/// The body of the last request.
fn sent(script: &Script) -> Value {
    let requests = script.requests();
    serde_json::from_slice(requests.last().unwrap().body.as_ref().unwrap()).unwrap()
}

fn line(method: &str, path: &str) -> String {
    format!("{method} {REPO}{path}")
}

fn done(outcome: &Outcome) -> (&str, Option<&str>) {
    match outcome {
        Outcome::Done(record) => (&record.key, record.origin.as_deref()),
        other => panic!("{other:?}"),
    }
}

fn rejected(outcome: Outcome) -> Error {
    match outcome {
        Outcome::Rejected(error) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn new_issue_carries_its_key_and_comes_back_without_it() {
    let github =
        Script::new().on(&line("POST", "/issues"), 201, issue(7, "b\n\n<!-- tidegate:k%2d1 -->", ""));
    let outcome = one("issue", &github, create(json!({"title": "T", "body": "b", "labels": ["x"], "id": 4})));
    assert_eq!(done(&outcome), ("7", Some("k-1")));
    let Outcome::Done(record) = outcome else { unreachable!() };
    assert_eq!(record.payload, br#"{"number":7,"body":"b","updated_at":"2023-11-14T22:13:20Z"}"#);
    assert_eq!(record.updated_ms, Some(BASE));
    assert_eq!(sent(&github), json!({"title": "T", "body": "b\n\n<!-- tidegate:k%2d1 -->", "labels": ["x"]}));
}

#[test]
fn new_issue_that_is_closed_takes_two_requests() {
    let closed = issue(7, "", r#", "state": "closed""#);
    let github = Script::new().on(&line("POST", "/issues"), 201, issue(7, "", r#", "state": "open""#)).on(
        &line("PATCH", "/issues/7"),
        200,
        closed,
    );
    let payload = json!({"title": "T", "state": "closed", "state_reason": "not_planned"});
    done(&one("issue", &github, create(payload)));
    assert_eq!(sent(&github), json!({"state": "closed", "state_reason": "not_planned"}));
}

#[test]
fn lost_answer_is_looked_for_before_an_issue_is_created_again() {
    let list = "/issues?state=all&creator=bot&sort=created&direction=desc&per_page=100";
    let mine = issue(7, "b\n\n<!-- tidegate:k%2d1 -->", "");
    let next = format!("<https://remote.test{REPO}/issues?page=2>; rel=\"next\"");
    let first = Response::new("GET /x", 200, format!("[{}]", issue(9, "> <!-- tidegate:k%2d1 -->", "")));
    let script = |second: &str| {
        Script::new()
            .on("GET /user", 200, r#"{"login": "bot"}"#)
            .answer(&line("GET", list), first.clone().with_header("link", next.as_str()))
            .on(&line("GET", "/issues?page=2"), 200, second)
            .on(&line("POST", "/issues"), 201, issue(8, "", ""))
    };
    let again = || Change { again: true, ..create(json!({"title": "T"})) };
    assert_eq!(done(&one("issue", &script(&format!("[{mine}]")), again())), ("7", Some("k-1")));
    assert_eq!(done(&one("issue", &script("[]"), again())).0, "8", "it was never there");
}

#[test]
fn one_way_through_the_list_serves_all_lost_answers() {
    let list = "/issues?state=all&sort=created&direction=desc&per_page=100";
    let both = format!(
        "[{}, {}, {}]",
        issue(9, "<!-- tidegate:a -->", ""),
        issue(8, "<!-- tidegate:b -->", ""),
        issue(6, "<!-- tidegate:a -->", "")
    );
    let github = Script::new().on("GET /user", 403, r#"{"message": "no"}"#).on(&line("GET", list), 200, both);
    let again =
        |key: &str| Change { again: true, idempotency_key: key.into(), ..create(json!({"title": "T"})) };
    let outcomes = push("issue", &github, vec![again("a"), again("b")]).unwrap();
    let keys: Vec<_> = outcomes.iter().map(|one| done(&one.outcome).0).collect();
    assert_eq!(keys, ["6", "8"], "a copy that somebody made is not ours");
}

#[test]
fn update_sends_what_changed_if_nobody_else_was_there() {
    let github = Script::new()
        .on(&line("GET", "/issues/7"), 200, issue(7, "old\n\n<!-- tidegate:k0 -->", ""))
        .on(&line("PATCH", "/issues/7"), 200, issue(7, "new\n\n<!-- tidegate:k0 -->", ""));
    assert_eq!(done(&one("issue", &github, update(json!({"body": "new"})))), ("7", Some("k0")));
    assert_eq!(sent(&github), json!({"body": "new\n\n<!-- tidegate:k0 -->"}), "the mark stays");

    let github = Script::new().on(&line("GET", "/issues/7"), 200, issue(7, "", ""));
    let later = Change { base_updated_ms: Some(BASE - 1_000), ..update(json!({"title": "T"})) };
    assert!(
        matches!(one("issue", &github, later), Outcome::Conflict(record) if record.updated_ms == Some(BASE))
    );
}

#[test]
fn update_that_was_made_already_is_done() {
    let now = issue(7, "", r#", "title": "T", "labels": [{"name": "a"}]"#);
    let github = || Script::new().on(&line("GET", "/issues/7"), 200, now.clone());
    let change = |fields| Change { base_updated_ms: Some(1), again: true, ..update(fields) };
    done(&one("issue", &github(), change(json!({"title": "T", "labels": ["A"]}))));
    assert!(matches!(one("issue", &github(), change(json!({"title": "U"}))), Outcome::Conflict(_)));
    done(&one("issue", &github(), Change { again: false, ..change(json!({})) }));
}

#[test]
fn issue_that_is_gone_is_a_conflict_with_its_deletion() {
    let gone = |script: &Script| matches!(one("issue", script, update(json!({"title": "T"}))), Outcome::Conflict(record) if record.deleted && record.key == "7");
    let get = line("GET", "/issues/7");
    assert!(gone(&Script::new().on(&get, 410, r#"{"message": "This issue was deleted"}"#)));
    assert!(gone(&Script::new().on(&get, 200, issue(12, "", ""))), "moved to another repository");
    let missing = || Script::new().on(&get, 404, r#"{"message": "Not Found"}"#);
    let look = line("GET", "/issues?per_page=1");
    assert!(gone(&missing().on(&look, 200, "[]")));
    let error =
        push("issue", &missing().on(&look, 404, "{}"), vec![update(json!({"title": "T"}))]).unwrap_err();
    assert_eq!(error.class, Class::Auth, "the token sees nothing any more");
}

#[test]
fn what_cannot_be_written_is_refused_in_words() {
    let none = Script::new;
    let error = rejected(one("issue", &none(), delete()));
    assert_eq!(error.class, Class::Unsupported);
    assert!(error.message.contains("close it instead"), "{error}");
    assert_eq!(rejected(one("issue", &none(), update(json!({"comments": 5})))).fields[0].field, "/comments");
    let bad_key = Change { remote_key: Some("7/../8".into()), ..update(json!({"title": "T"})) };
    assert_eq!(rejected(one("issue", &none(), bad_key)).code, "github.key");
    let pull = issue(7, "", r#", "pull_request": {"url": "u"}"#);
    let pull = Script::new().on(&line("GET", "/issues/7"), 200, pull);
    assert_eq!(rejected(one("issue", &pull, update(json!({"title": "T"})))).code, "github.pull-request");
    let words = r#"{"message": "Validation Failed", "errors": [{"resource": "Issue", "field": "title", "code": "missing_field"}]}"#;
    let invalid = Script::new().on(&line("POST", "/issues"), 422, words);
    let error = rejected(one("issue", &invalid, create(json!({"title": ""}))));
    assert_eq!((error.class, error.fields[0].field.as_str()), (Class::InvalidData, "/title"));
    assert_eq!(rejected(one("issue-comment", &none(), create(json!({"body": "b"})))).code, "github.parent");
    assert_eq!(rejected(one("issue-comment", &none(), update(json!({"user": 1})))).fields[0].field, "/user");
}

#[test]
fn fault_of_the_channel_ends_the_step_and_the_rest_comes_again() {
    let created = |script: Script| script.on(&line("POST", "/issues"), 201, issue(7, "", ""));
    let three =
        || vec![create(json!({"title": "A"})), create(json!({"title": "B"})), create(json!({"title": "C"}))];
    let limited = || Error::rate_limited("http.status.403", "slow down").retry_after_ms(60_000);
    let github = created(Script::new()).fail(&line("POST", "/issues"), limited());
    let outcomes: Vec<_> =
        push("issue", &github, three()).unwrap().into_iter().map(|one| one.outcome).collect();
    done(&outcomes[0]);
    assert_eq!(outcomes[1..], [Outcome::Retry(60_000), Outcome::Retry(60_000)]);

    let github = Script::new().fail(&line("POST", "/issues"), limited());
    assert_eq!(push("issue", &github, three()), Err(limited()), "nothing is done");
    let forbidden =
        Script::new().on(&line("POST", "/issues"), 403, r#"{"message": "Resource not accessible"}"#);
    assert_eq!(push("issue", &forbidden, three()).unwrap_err().class, Class::Auth);
    let hidden = Script::new().on(&line("POST", "/issues"), 404, r#"{"message": "Not Found"}"#);
    assert_eq!(push("issue", &hidden, three()).unwrap_err().class, Class::Auth);
    let off = Script::new().on(
        &line("POST", "/issues"),
        410,
        r#"{"message": "Issues are disabled for this repo"}"#,
    );
    assert_eq!(push("issue", &off, three()).unwrap_err().class, Class::Config);
}

#[test]
fn step_ends_before_its_budget() {
    set_budget(Budget { cpu_ms: 1, wall_ms: 1, requests: 4, response_bytes: 1 << 20 });
    let github = Script::new().on(&line("POST", "/issues"), 201, issue(7, "", ""));
    let changes = vec![create(json!({"title": "A"})), create(json!({"title": "B"}))];
    let outcomes = push("issue", &github, changes).unwrap();
    assert_eq!(outcomes[1].outcome, Outcome::Retry(0));
}

#[test]
fn comments_are_created_changed_and_deleted() {
    let parent = |change: Change| Change { parent: Some("3".into()), ..change };
    let github = Script::new().on(
        &line("POST", "/issues/3/comments"),
        201,
        comment(9, "c\n\n<!-- tidegate:k%2d1 -->"),
    );
    let outcome = one("issue-comment", &github, parent(create(json!({"body": "c"}))));
    assert_eq!(done(&outcome), ("9", Some("k-1")));
    assert!(matches!(outcome, Outcome::Done(record) if record.parent.as_deref() == Some("3")));
    assert_eq!(sent(&github), json!({"body": "c\n\n<!-- tidegate:k%2d1 -->"}));

    let path = "/issues/comments/7";
    let look = || Script::new().on(&line("GET", path), 200, comment(7, "old"));
    let github = look().on(&line("PATCH", path), 200, comment(7, "new"));
    done(&one("issue-comment", &github, update(json!({"body": "new"}))));
    assert_eq!(sent(&github), json!({"body": "new"}));

    let github = look().on(&line("DELETE", path), 204, "");
    assert!(matches!(one("issue-comment", &github, delete()), Outcome::Done(record) if record.deleted));
    let moved = |change: Change| Change { base_updated_ms: Some(1), ..change };
    for change in [moved(update(json!({"body": "new"}))), moved(delete())] {
        assert!(matches!(one("issue-comment", &look(), change), Outcome::Conflict(_)));
    }
}

#[test]
fn comment_that_is_gone_is_told_apart_from_one_that_may_not_be_seen() {
    let get = line("GET", "/issues/comments/7");
    let missing = || Script::new().on(&get, 404, r#"{"message": "Not Found"}"#);
    let seen = || missing().on(&line("GET", "/issues?per_page=1"), 200, "[]");
    assert!(matches!(one("issue-comment", &seen(), delete()), Outcome::Done(record) if record.deleted));
    let edited = one("issue-comment", &seen(), update(json!({"body": "new"})));
    assert!(matches!(edited, Outcome::Conflict(record) if record.deleted));
    let hidden = missing().on(&line("GET", "/issues?per_page=1"), 403, r#"{"message": "no"}"#);
    assert_eq!(push("issue-comment", &hidden, vec![delete()]).unwrap_err().class, Class::Auth);
}

#[test]
fn lost_comment_is_looked_for_in_its_issue() {
    let again = || Change { again: true, parent: Some("3".into()), ..create(json!({"body": "c"})) };
    let list = line("GET", "/issues/3/comments?per_page=100");
    let both = format!("[{}, {}]", comment(8, "x"), comment(9, "c\n\n<!-- tidegate:k%2d1 -->"));
    assert_eq!(done(&one("issue-comment", &Script::new().on(&list, 200, both), again())).0, "9");
    let github =
        Script::new().on(&list, 200, "[]").on(&line("POST", "/issues/3/comments"), 201, comment(10, "c"));
    assert_eq!(done(&one("issue-comment", &github, again())).0, "10");
    let gone = r#"{"message": "This issue was deleted"}"#;
    let github = Script::new().on(&list, 410, gone).on(&line("POST", "/issues/3/comments"), 410, gone);
    assert_eq!(rejected(one("issue-comment", &github, again())).code, "github.issue-gone");
    let locked = Script::new().on(&list, 200, "[]").on(
        &line("POST", "/issues/3/comments"),
        403,
        r#"{"message": "Unable to create comment because issue is locked."}"#,
    );
    assert_eq!(rejected(one("issue-comment", &locked, again())).class, Class::InvalidData);
}
