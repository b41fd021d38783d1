//! What the exports of Zendesk become, with users as the example.

use crate::Zendesk;
use tidegate_sdk::{Class, Connector, Error, Page, PullRequest, Settings, testing, testing::Script};

const PATH: &str = "GET /api/v2/incremental/users/cursor.json";

fn first(settings: &str) -> PullRequest {
    let settings = Settings::from_bytes(settings.into());
    PullRequest { limit: 1_000, settings, ..testing::pull_request("user") }
}

fn after(page: &Page) -> PullRequest {
    PullRequest { position: page.position.clone(), ..first("{}") }
}

fn answer(items: &str, cursor: &str, end: bool) -> String {
    format!(
        r#"{{"users": [{items}], "after_url": "x", "after_cursor": {cursor}, "before_cursor": null, "end_of_stream": {end}}}"#
    )
}

#[test]
fn pages_follow_the_cursor_to_the_end_of_the_stream() {
    let zendesk = Script::new()
        .on(&format!("{PATH}?start_time=0&per_page=1000"), 200, answer(r#"{"id": 1}"#, "\"c1\"", false))
        .on(&format!("{PATH}?cursor=c1&per_page=1000"), 200, answer(r#"{"id": 2}"#, "\"c2\"", true))
        .on(&format!("{PATH}?cursor=c2&per_page=1000"), 200, answer("", "null", true));
    let one = Zendesk::pull(&zendesk, &first("{}")).unwrap();
    assert!(one.more);
    let two = Zendesk::pull(&zendesk, &after(&one)).unwrap();
    assert_eq!((two.more, two.records[0].key.as_str()), (false, "2"));
    let none = Zendesk::pull(&zendesk, &after(&two)).unwrap();
    assert_eq!((none.records.len(), none.position), (0, None), "the cursor stays");
}

#[test]
fn start_date_and_limit_reach_zendesk() {
    let zendesk = Script::new().on(
        &format!("{PATH}?start_time=1699920000&per_page=50"),
        200,
        answer("", "\"c\"", true),
    );
    let request = PullRequest { limit: 50, ..first(r#"{"start-date": "2023-11-14"}"#) };
    assert!(Zendesk::pull(&zendesk, &request).is_ok());
}

#[test]
fn start_too_late_for_zendesk_means_nothing_so_far() {
    for (status, body) in [
        (400, r#"{"error": "StartTimeTooRecent", "description": "x"}"#),
        (
            422,
            r#"{"error": "InvalidValue", "description": "Too recent start_time. Use a start_time older than 1 minute"}"#,
        ),
    ] {
        let zendesk = Script::new().on(&format!("{PATH}?start_time=0&per_page=1000"), status, body);
        assert_eq!(Zendesk::pull(&zendesk, &first("{}")), Ok(Page::new()));
    }
}

#[test]
fn bad_items_are_rejected_and_the_others_kept() {
    let items = r#"{"id": 1}, {"name": "no id"}, {"id": "2"}, 7, null, [1], {"id": -1}, {"id": 3, "updated_at": 5}, {"id": 4}"#;
    let zendesk =
        Script::new().on(&format!("{PATH}?start_time=0&per_page=1000"), 200, answer(items, "\"c\"", true));
    let page = Zendesk::pull(&zendesk, &first("{}")).unwrap();
    let keys: Vec<_> = page.records.iter().map(|record| record.key.as_str()).collect();
    assert_eq!(keys, ["1", "4"]);
    assert_eq!(page.rejects.len(), 7);
    assert_eq!(page.rejects[0].key, "item 2 of the page after the start");
    assert_eq!(page.rejects[0].payload.as_deref(), Some(&br#"{"name": "no id"}"#[..]));
    assert!(page.rejects[0].reason.message.contains("missing field `id`"), "{}", page.rejects[0].reason);
}

#[test]
fn of_twins_in_a_page_the_later_one_is_kept() {
    let items = r#"{"id": 1, "v": 1}, {"id": 2}, {"id": 1, "v": 2}, {"id": 3}, {"id": 1, "v": 3}"#;
    let zendesk =
        Script::new().on(&format!("{PATH}?start_time=0&per_page=1000"), 200, answer(items, "\"c\"", true));
    let page = Zendesk::pull(&zendesk, &first("{}")).unwrap();
    let payloads: Vec<_> =
        page.records.iter().map(|record| std::str::from_utf8(&record.payload).unwrap()).collect();
    assert_eq!(payloads, [r#"{"id": 2}"#, r#"{"id": 3}"#, r#"{"id": 1, "v": 3}"#]);
}

#[test]
fn too_large_page_is_asked_for_in_parts() {
    let zendesk = Script::new()
        .fail(&format!("{PATH}?start_time=0&per_page=1000"), Error::limit("limit.response-bytes", "large"))
        .on(&format!("{PATH}?start_time=0&per_page=125"), 200, answer(r#"{"id": 1}"#, "\"c\"", false));
    assert_eq!(Zendesk::pull(&zendesk, &first("{}")).unwrap().records.len(), 1);

    let too_large = || Error::limit("limit.response-bytes", "large");
    let zendesk = [1_000, 125, 15].iter().fold(Script::new(), |script, size| {
        script.fail(&format!("{PATH}?start_time=0&per_page={size}"), too_large())
    });
    assert_eq!(Zendesk::pull(&zendesk, &first("{}")), Err(too_large()));
}

#[test]
fn answers_that_lead_nowhere_fail_the_page() {
    let check = |status: u16, body: &str, class: Class, words: &str| {
        let zendesk = Script::new().on(&format!("{PATH}?start_time=0&per_page=1000"), status, body);
        let error = Zendesk::pull(&zendesk, &first("{}")).unwrap_err();
        assert_eq!(error.class, class, "{body}");
        assert!(error.message.contains(words), "{error}");
    };
    check(200, "{\"users\": [", Class::Transient, "in the middle");
    check(200, "<html>", Class::InvalidData, "not as expected");
    check(200, r#"{"users": {}, "end_of_stream": true}"#, Class::InvalidData, "not as expected");
    check(200, &answer("", "null", false), Class::InvalidData, "but not where");
    check(403, r#"{"error": {"title": "Forbidden"}}"#, Class::Auth, "administrators only");
    check(404, r#"{"error": "RecordNotFound"}"#, Class::NotFound, "RecordNotFound");
    check(400, r#"{"error": "InvalidValue"}"#, Class::InvalidData, "InvalidValue");
}

#[test]
fn position_that_does_not_move_is_not_followed_for_ever() {
    let zendesk = Script::new()
        .on(&format!("{PATH}?start_time=0&per_page=1000"), 200, answer("", "\"c\"", false))
        .on(&format!("{PATH}?cursor=c&per_page=1000"), 200, answer("", "\"c\"", false));
    let page = Zendesk::pull(&zendesk, &first("{}")).unwrap();
    assert_eq!(Zendesk::pull(&zendesk, &after(&page)).unwrap_err().code, "zendesk.position");
}

#[test]
fn page_too_large_for_the_host_is_asked_for_in_parts() {
    let large = answer(&format!(r#"{{"id": 1, "notes": "{}"}}"#, "x".repeat(13 << 20)), "\"c\"", false);
    let zendesk = Script::new().on(&format!("{PATH}?start_time=0&per_page=1000"), 200, large).on(
        &format!("{PATH}?start_time=0&per_page=125"),
        200,
        answer(r#"{"id": 2}"#, "\"c\"", false),
    );
    assert_eq!(Zendesk::pull(&zendesk, &first("{}")).unwrap().records[0].key, "2");
}
