//! What the lists of GitHub become, with issues as the example.

use crate::GitHub;
use tidegate_sdk::{
    Class, Connector, Error, Page, PullRequest, Response, Settings, testing, testing::Script,
};

const FIRST: &str = "GET /repos/acme/widgets/issues?state=all&sort=updated&direction=asc&per_page=100";
const NEXT: &str = "/repositories/1/issues?page=";

fn first() -> PullRequest {
    let settings = Settings::from_bytes(br#"{"owner": "acme", "repository": "widgets"}"#.to_vec());
    PullRequest { settings, ..testing::pull_request("issue") }
}

fn after(page: &Page) -> PullRequest {
    PullRequest { position: page.position.clone(), ..first() }
}

fn since(second: u32) -> String {
    format!("{FIRST}&since={}", time(second))
}

fn time(second: u32) -> String {
    format!("2023-11-14T22:13:{second:02}Z")
}

/// Issues by number and second of their change.
fn issues(list: &[(u32, u32)]) -> String {
    let issue = |(number, second): &(u32, u32)| {
        format!(r#"{{"number": {number}, "title": "t", "updated_at": "{}"}}"#, time(*second))
    };
    format!("[{}]", list.iter().map(issue).collect::<Vec<_>>().join(", "))
}

/// An answer that a page with that number follows, where it is given.
fn answer(list: &[(u32, u32)], next: Option<u32>) -> Response {
    let response =
        Response::new("GET /x", 200, issues(list)).with_header("ETag", format!("W/\"{}\"", list.len()));
    match next {
        Some(page) => {
            response.with_header("Link", format!("<https://remote.test{NEXT}{page}>; rel=\"next\""))
        }
        None => response,
    }
}

fn page_line(page: u32) -> String {
    format!("GET {NEXT}{page}")
}

fn keys(page: &Page) -> Vec<&str> {
    page.records.iter().map(|record| record.key.as_str()).collect()
}

fn pull(script: &Script, request: &PullRequest) -> Page {
    GitHub::pull(script, request).unwrap()
}

#[test]
fn pages_follow_the_time_of_the_last_change() {
    let github = Script::new()
        .answer(FIRST, answer(&[(1, 1), (2, 2)], Some(2)))
        .answer(&since(2), answer(&[(2, 2), (3, 3)], Some(2)))
        .answer(&since(3), answer(&[(3, 3), (1, 4)], None));
    let one = pull(&github, &first());
    assert_eq!((keys(&one), one.more), (vec!["1", "2"], true));
    let two = pull(&github, &after(&one));
    assert_eq!((keys(&two), two.more), (vec!["2", "3"], true));
    let three = pull(&github, &after(&two));
    assert_eq!((keys(&three), three.more), (vec!["3", "1"], false));
    assert_eq!(three.records[1].updated_ms, Some(1_699_999_984_000));
}

#[test]
fn idle_poll_is_answered_by_a_304_and_keeps_the_cursor() {
    let github = Script::new()
        .answer(FIRST, answer(&[(1, 1)], None))
        .answer(&since(1), answer(&[(1, 1)], None))
        .answer(&since(1), Response::new("GET /x", 304, ""))
        .answer(&since(1), answer(&[(1, 1), (2, 9)], None));
    let one = pull(&github, &first());
    let two = pull(&github, &after(&one));
    let idle = pull(&github, &after(&two));
    assert_eq!(idle, Page::new());
    let three = pull(&github, &after(&two));
    assert_eq!((keys(&three), three.more), (vec!["1", "2"], false));
    let asked: Vec<_> = github
        .requests()
        .iter()
        .map(|request| {
            request.headers.iter().find(|(name, _)| name == "if-none-match").map(|(_, value)| value.clone())
        })
        .collect();
    let etag = Some(b"W/\"1\"".to_vec());
    assert_eq!(asked, [None, None, etag.clone(), etag], "never before the position was read to its end");
}

#[test]
fn empty_repository_is_idle_from_the_first_poll_on() {
    let github =
        Script::new().answer(FIRST, answer(&[], None)).answer(FIRST, Response::new("GET /x", 304, ""));
    let one = pull(&github, &first());
    assert_eq!((one.records.len(), one.more), (0, false));
    assert_eq!(pull(&github, &after(&one)), Page::new());
}

#[test]
fn full_page_is_never_asked_for_by_its_name() {
    let github = Script::new()
        .answer(&FIRST.replace("100", "1"), answer(&[(1, 1)], None))
        .answer(&since(1).replace("100", "1"), answer(&[(1, 1)], None))
        .answer(&since(1).replace("100", "1"), answer(&[(1, 1)], None));
    let one = pull(&github, &PullRequest { limit: 1, ..first() });
    let two = pull(&github, &PullRequest { limit: 1, ..after(&one) });
    pull(&github, &PullRequest { limit: 1, ..after(&two) });
    assert!(github.requests()[2].headers.iter().all(|(name, _)| name != "if-none-match"));
}

#[test]
fn many_changes_of_one_second_are_read_page_by_page() {
    let github = Script::new()
        .answer(FIRST, answer(&[(1, 5), (2, 5)], Some(2)))
        .answer(&since(5), answer(&[(1, 5), (2, 5)], Some(2)))
        .answer(&page_line(2), answer(&[(3, 5), (4, 5)], Some(3)))
        .answer(&since(5), answer(&[(1, 5), (2, 5)], Some(2)))
        .answer(&page_line(3), answer(&[(5, 5), (6, 6)], None))
        .answer(&page_line(2), answer(&[(3, 5), (4, 5)], Some(3)))
        .answer(&since(6), answer(&[(6, 6)], None));
    let mut page = pull(&github, &first());
    let mut seen = vec![keys(&page).join(" ")];
    while page.more {
        page = pull(&github, &after(&page));
        seen.push(keys(&page).join(" "));
    }
    assert_eq!(seen, ["1 2", "1 2", "3 4", "5 6"]);
    assert_eq!(keys(&pull(&github, &after(&page))), ["6"]);
}

#[test]
fn what_moves_up_while_a_second_is_read_is_not_lost() {
    // Issue 1 changes after the first page was read: issue 3 moves up into it.
    let github = Script::new()
        .answer(FIRST, answer(&[(1, 5), (2, 5)], Some(2)))
        .answer(&since(5), answer(&[(1, 5), (2, 5)], Some(2)))
        .answer(&page_line(2), answer(&[(4, 5), (1, 9)], None))
        .answer(&since(5), answer(&[(2, 5), (3, 5)], Some(2)))
        .answer(&since(5), answer(&[(2, 5), (3, 5)], Some(2)))
        .answer(&page_line(2), answer(&[(4, 5), (1, 9)], None))
        .answer(&since(5), answer(&[(2, 5), (3, 5)], Some(2)));
    let mut page = pull(&github, &first());
    let mut seen = vec![keys(&page).join(" ")];
    while page.more {
        page = pull(&github, &after(&page));
        seen.push(keys(&page).join(" "));
    }
    assert_eq!(seen, ["1 2", "1 2", "", "2 3", "4 1"]);
}

#[test]
fn second_with_many_changes_is_idle_at_its_last_page() {
    let github = Script::new()
        .answer(FIRST, answer(&[(1, 5), (2, 5)], Some(2)))
        .answer(&since(5), answer(&[(1, 5), (2, 5)], Some(2)))
        .answer(&page_line(2), answer(&[(3, 5)], None))
        .answer(&since(5), answer(&[(1, 5), (2, 5)], Some(2)))
        .answer(&page_line(2), Response::new("GET /x", 304, ""))
        .answer(&page_line(2), answer(&[(3, 5), (4, 7)], None))
        .answer(&since(5), answer(&[(1, 5), (2, 5)], Some(2)));
    let mut page = pull(&github, &first());
    while page.more {
        page = pull(&github, &after(&page));
    }
    assert_eq!(pull(&github, &after(&page)), Page::new(), "nothing is read again");
    assert_eq!(keys(&pull(&github, &after(&page))), ["3", "4"]);
}

#[test]
fn pull_requests_are_left_out_and_lead_on_all_the_same() {
    let pull_request = r#"{"number": 2, "updated_at": "2023-11-14T22:13:07Z", "pull_request": {"url": "u"}}"#;
    let issue = r#"{ "number": 1, "title": "a\u00e4",  "updated_at": "2023-11-14T22:13:01Z", "pull_request": null, "x": 1.10 }"#;
    let body = format!("[{issue}, {pull_request}]");
    let github = Script::new().on(FIRST, 200, body).answer(&since(7), answer(&[], None));
    let page = pull(&github, &first());
    assert_eq!(keys(&page), ["1"]);
    assert_eq!(page.records[0].payload, issue.as_bytes());
    pull(&github, &after(&page));
}

#[test]
fn marked_issues_come_without_their_mark_and_name_their_origin() {
    let body =
        r#"[{"number": 1, "body": "b\n\n<!-- tidegate:k1 -->", "updated_at": "2023-11-14T22:13:01Z"}]"#;
    let page = pull(&Script::new().on(FIRST, 200, body), &first());
    assert_eq!(page.records[0].origin.as_deref(), Some("k1"));
    assert_eq!(page.records[0].payload, br#"{"number":1,"body":"b","updated_at":"2023-11-14T22:13:01Z"}"#);
}

#[test]
fn bad_items_are_rejected_and_the_others_kept() {
    let body = r#"[{"number": 1, "updated_at": "x"}, 7, {"number": "2", "updated_at": "x"}, {"number": 3}]"#;
    let page = pull(&Script::new().on(FIRST, 200, body), &first());
    assert_eq!((keys(&page), page.records[0].updated_ms), (vec!["1"], None));
    let rejected: Vec<_> = page.rejects.iter().map(|reject| reject.key.as_str()).collect();
    assert_eq!(rejected, [2, 3, 4].map(|item| format!("item {item} of the page since the beginning")));
}

#[test]
fn start_date_and_limit_reach_github() {
    let settings = br#"{"owner": "acme", "repository": "widgets", "start-date": "2023-11-14"}"#.to_vec();
    let line = format!("{}&since=2023-11-14T00:00:00Z", FIRST.replace("100", "50"));
    let request = PullRequest { settings: Settings::from_bytes(settings), limit: 50, ..first() };
    assert_eq!(keys(&pull(&Script::new().answer(&line, answer(&[(1, 1)], None)), &request)), ["1"]);
}

#[test]
fn too_large_page_is_asked_for_in_parts() {
    let github = Script::new()
        .fail(FIRST, Error::limit("limit.response-bytes", "large"))
        .on(&FIRST.replace("100", "10"), 200, format!("[{{\"x\": \"{}\"}}]", "x".repeat(13 << 20)))
        .answer(&FIRST.replace("100", "1"), answer(&[(1, 1)], Some(2)));
    assert_eq!(keys(&pull(&github, &first())), ["1"]);
}

#[test]
fn answers_that_lead_nowhere_fail_the_page() {
    let check = |status: u16, body: &str, class: Class, words: &str| {
        let error = GitHub::pull(&Script::new().on(FIRST, status, body), &first()).unwrap_err();
        assert_eq!(error.class, class, "{body}");
        assert!(error.message.contains(words), "{error}");
    };
    check(200, "[{", Class::Transient, "in the middle");
    check(200, "{}", Class::InvalidData, "not as expected");
    check(404, r#"{"message": "Not Found"}"#, Class::Config, "Not Found");
    check(410, r#"{"message": "Issues are disabled for this repo"}"#, Class::Config, "disabled");
    check(403, r#"{"message": "Resource not accessible"}"#, Class::Auth, "rights");
    check(403, r#"{"message": "You have exceeded a secondary rate limit"}"#, Class::RateLimited, "secondary");
    let elsewhere = Response::new("GET /x", 200, issues(&[(1, 1)]))
        .with_header("link", "<https://evil.test/>; rel=\"next\"");
    let error = GitHub::pull(&Script::new().answer(FIRST, elsewhere), &first()).unwrap_err();
    assert_eq!(error.class, Class::Denied);
}
