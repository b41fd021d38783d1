//! The fake GitHub: as strict as the vendor, and as generous.

use crate::client::{Answer, Call, bare};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use tests::github::{Github, LOGIN, TOKEN};

const ISSUES: &str = "/repos/acme/widgets/issues";

/// A request as the user.
fn ask<'a>(fake: &'a Github, method: Method, path: &str) -> Call<'a> {
    bare(fake, method, path).header("user-agent", "test").header("authorization", &format!("Bearer {TOKEN}"))
}

fn get<'a>(fake: &'a Github, path: &str) -> Call<'a> {
    ask(fake, Method::GET, path)
}

async fn send(fake: &Github, method: Method, path: &str, body: &Value) -> Answer {
    ask(fake, method, path).text(&body.to_string()).answer().await
}

fn numbers(answer: &Answer) -> Vec<u64> {
    let list = answer.json();
    let numbers =
        list.as_array().expect("a list").iter().map(|item| item["number"].as_u64().expect("a number"));
    numbers.collect()
}

/// The link of that relation.
fn link(answer: &Answer, relation: &str) -> Option<String> {
    let links = answer.headers.get("link")?;
    let found = links.split(", ").find(|link| link.ends_with(&format!("rel=\"{relation}\"")))?;
    Some(found.split('>').next()?.trim_start_matches('<').to_owned())
}

#[tokio::test]
async fn only_who_says_who_it_is_gets_in() {
    let fake = Github::builder().start().expect("a fake");
    let check = async |call: Call<'_>, status: u16, words: &str| {
        let answer = call.answer().await;
        assert_eq!(answer.status, status, "{}", answer.text);
        assert!(answer.text.contains(words), "{}", answer.text);
    };
    let agent = |path: &str| bare(&fake, Method::GET, path).header("user-agent", "test");
    check(bare(&fake, Method::GET, ISSUES), 403, "User-Agent").await;
    check(agent(ISSUES), 404, "Not Found").await;
    check(agent("/user"), 401, "Requires authentication").await;
    check(agent(ISSUES).header("authorization", "Bearer wrong"), 401, "Bad credentials").await;
    check(agent(ISSUES).header("authorization", &format!("token {TOKEN}")), 200, "number").await;
    check(get(&fake, "/repos/Acme/WIDGETS"), 200, "acme/widgets").await;
    check(get(&fake, "/user"), 200, LOGIN).await;
    check(get(&fake, "/repos/acme/other/issues"), 404, "Not Found").await;
    check(get(&fake, &format!("{ISSUES}/")), 404, "Not Found").await;
    check(get(&fake, ISSUES).header("accept", "text/html"), 415, "Must accept").await;
    check(get(&fake, ISSUES).header("accept", "application/vnd.github+json"), 200, "number").await;
    check(get(&fake, ISSUES).header("x-github-api-version", "1999-01-01"), 400, "not supported").await;
    check(get(&fake, ISSUES).header("x-github-api-version", "2022-11-28"), 200, "number").await;
}

#[tokio::test]
async fn links_lead_through_every_issue_once() {
    let fake = Github::builder().issues(40).pull_requests(5).start().expect("a fake");
    for size in [100, 7, 1] {
        let mut url = format!("{ISSUES}?state=all&sort=updated&direction=asc&per_page={size}");
        let mut seen = Vec::new();
        loop {
            let answer = get(&fake, &url).answer().await;
            seen.extend(numbers(&answer));
            match link(&answer, "next") {
                Some(next) => url = next,
                None => break,
            }
        }
        assert_eq!(seen.len(), 45);
        seen.sort_unstable();
        assert_eq!(seen, (1..=45).collect::<Vec<_>>());
    }
    let second = get(&fake, &format!("{ISSUES}?state=all&per_page=20&page=2")).answer().await;
    for (relation, page) in [("prev", "page=1"), ("next", "page=3"), ("last", "page=3"), ("first", "page=1")]
    {
        let link = link(&second, relation).expect(relation);
        assert!(link.contains("/repositories/1300192/issues?") && link.ends_with(page), "{link}");
    }
    let first = get(&fake, &format!("{ISSUES}?state=all&per_page=20")).answer().await;
    assert_eq!((link(&first, "prev"), link(&first, "first")), (None, None));
    let most = get(&fake, &format!("{ISSUES}?state=all&per_page=1000")).answer().await;
    assert!(!most.headers.contains_key("link") && numbers(&most).len() == 45);
    assert_eq!(numbers(&get(&fake, &format!("{ISSUES}?state=all&per_page=0")).answer().await).len(), 30);
}

#[tokio::test]
async fn lists_are_filtered_and_sorted() {
    let fake = Github::builder().issues(20).pull_requests(0).alike(1).start().expect("a fake");
    let list =
        async |query: &str| numbers(&get(&fake, &format!("{ISSUES}?per_page=100&{query}")).answer().await);
    assert_eq!(list("state=closed&direction=asc").await, [5, 10, 15, 20]);
    assert_eq!(list("").await.len(), 16, "open ones, if nothing is said");
    assert_eq!(list("state=all").await[..2], [20, 19], "the newest first, if nothing is said");
    let changed = fake.change_issue(3, json!({ "title": "changed" })).expect("an issue");
    assert_eq!(list("state=all&sort=updated&direction=desc").await[0], 3);
    let since = changed["updated_at"].as_str().expect("a time");
    assert_eq!(list(&format!("state=all&since={since}")).await, [3], "the time itself is among it");
    assert_eq!(list(&format!("state=all&creator={LOGIN}")).await, Vec::<u64>::new());
    for query in ["sort=title", "state=gone", "direction=up", "since=yesterday"] {
        assert_eq!(get(&fake, &format!("{ISSUES}?{query}")).answer().await.status, 422, "{query}");
    }
}

#[tokio::test]
async fn answer_that_is_known_costs_nothing() {
    let fake = Github::builder().start().expect("a fake");
    let first = get(&fake, ISSUES).answer().await;
    let etag = first.headers["etag"].clone();
    let left = fake.requests_left();
    let again = async |etag: &str| get(&fake, ISSUES).header("if-none-match", etag).answer().await;
    let known = again(&etag).await;
    assert_eq!((known.status, known.text.as_str(), fake.requests_left()), (304, "", left));
    assert_eq!(known.headers["x-ratelimit-remaining"], left.to_string());
    assert_eq!(again(etag.trim_start_matches("W/")).await.status, 304);
    assert_eq!(again("\"other\"").await.status, 200);
    fake.change_issue(1, json!({ "title": "changed" })).expect("an issue");
    assert_eq!(again(&etag).await.status, 200);
    assert_eq!(fake.requests_left(), left - 2);
}

#[tokio::test]
async fn limits_are_told_and_kept() {
    let fake = Github::builder().requests_per_hour(3).start().expect("a fake");
    for left in ["2", "1", "0"] {
        let answer = get(&fake, ISSUES).answer().await;
        assert_eq!((answer.status, answer.headers["x-ratelimit-remaining"].as_str()), (200, left));
    }
    let spent = get(&fake, ISSUES).answer().await;
    assert_eq!((spent.status, spent.headers["x-ratelimit-remaining"].as_str()), (403, "0"));
    assert!(spent.text.contains("API rate limit exceeded"), "{}", spent.text);
    assert_eq!(get(&fake, "/rate_limit").expect(200).await["rate"]["remaining"], 0);
    fake.advance_clock(Duration::from_secs(3_601));
    assert_eq!(get(&fake, ISSUES).answer().await.status, 200);
}

#[tokio::test]
async fn too_much_writing_at_once_is_stopped_for_a_while() {
    let fake = Github::builder().creates_per_minute(2).start().expect("a fake");
    let create = async || send(&fake, Method::POST, ISSUES, &json!({ "title": "T" })).await;
    assert_eq!((create().await.status, create().await.status), (201, 201));
    let stopped = create().await;
    assert_eq!(stopped.status, 403);
    assert!(stopped.text.contains("secondary rate limit"), "{}", stopped.text);
    let wait: u64 = stopped.headers["retry-after"].parse().expect("seconds");
    assert!((1..=60).contains(&wait), "{wait}");
    fake.advance_clock(Duration::from_secs(wait));
    assert_eq!(create().await.status, 201);
}

#[tokio::test]
async fn issues_are_created_and_changed() {
    let fake = Github::builder().issues(3).pull_requests(0).start().expect("a fake");
    let body =
        json!({ "title": "T", "body": "b", "labels": ["new one"], "assignees": ["ann"], "milestone": 1 });
    let made = send(&fake, Method::POST, ISSUES, &body).await;
    assert_eq!(made.status, 201);
    let issue = made.json();
    assert_eq!(
        (&issue["number"], &issue["user"]["login"], &issue["state"]),
        (&4.into(), &LOGIN.into(), &"open".into())
    );
    assert_eq!(
        (&issue["labels"][0]["name"], &issue["assignees"][0]["login"]),
        (&"new one".into(), &"ann".into())
    );
    assert_eq!(made.headers["location"], issue["url"].as_str().expect("a URL"));
    let path = format!("{ISSUES}/4");
    assert_eq!(get(&fake, &path).expect(200).await, issue);
    let closed = send(&fake, Method::PATCH, &path, &json!({ "state": "closed" })).await.json();
    assert_eq!((&closed["state_reason"], closed["closed_at"].is_string()), (&"completed".into(), true));
    assert_ne!(closed["updated_at"], issue["updated_at"]);
    let idle = send(&fake, Method::PATCH, &path, &json!({ "state": "closed", "title": "T" })).await.json();
    assert_eq!(idle, closed, "what changes nothing leaves the time alone");
    let open = send(&fake, Method::PATCH, &path, &json!({ "state": "open", "labels": [], "body": null }))
        .await
        .json();
    assert_eq!(
        (&open["state_reason"], &open["labels"], &open["body"]),
        (&"reopened".into(), &json!([]), &Value::Null)
    );
}

#[tokio::test]
async fn what_is_wrong_with_a_write_is_said() {
    let fake = Github::builder().start().expect("a fake");
    let check = async |method: Method, path: &str, body: Value, status: u16, words: &str| {
        let answer = send(&fake, method, path, &body).await;
        assert_eq!(answer.status, status, "{body}: {}", answer.text);
        assert!(answer.text.contains(words), "'{words}' is missing in {}", answer.text);
    };
    let (one, comments) = (format!("{ISSUES}/1"), format!("{ISSUES}/1/comments"));
    check(Method::POST, ISSUES, json!([1]), 400, "Body should be a JSON object").await;
    check(Method::POST, ISSUES, json!({}), 422, "wasn't supplied").await;
    check(Method::POST, ISSUES, json!({ "title": " " }), 422, "missing_field").await;
    check(Method::POST, ISSUES, json!({ "title": "T", "labels": "x" }), 422, "is not an array").await;
    check(
        Method::POST,
        ISSUES,
        json!({ "title": "T", "assignees": ["nobody"] }),
        422,
        "\"value\":\"nobody\"",
    )
    .await;
    check(Method::POST, ISSUES, json!({ "title": "T", "milestone": 9 }), 422, "\"milestone\"").await;
    check(Method::POST, ISSUES, json!({ "title": "T", "body": "x".repeat(65_537) }), 422, "maximum is 65536")
        .await;
    check(Method::POST, ISSUES, json!({ "title": "x".repeat(257) }), 422, "title is too long").await;
    check(Method::PATCH, &one, json!({ "state": "gone" }), 422, "\"state\"").await;
    check(Method::PATCH, &one, json!({ "state": "closed", "state_reason": "reopened" }), 422, "state_reason")
        .await;
    check(Method::PATCH, &format!("{ISSUES}/999"), json!({}), 404, "Not Found").await;
    check(Method::POST, &comments, json!({}), 422, "wasn't supplied").await;
    check(Method::POST, &comments, json!({ "body": "" }), 422, "cannot be blank").await;
    fake.change_issue(1, json!({ "locked": true })).expect("an issue");
    check(Method::POST, &comments, json!({ "body": "x" }), 403, "locked").await;
    fake.delete_issue(2).expect("an issue");
    check(Method::PATCH, &format!("{ISSUES}/2"), json!({}), 410, "deleted").await;
    check(Method::POST, &format!("{ISSUES}/2/comments"), json!({ "body": "x" }), 410, "deleted").await;
    let bad = ask(&fake, Method::POST, ISSUES).text("{\"title\":").answer().await;
    assert_eq!(bad.status, 400);
    assert!(bad.text.contains("Problems parsing JSON"), "{}", bad.text);
}

#[tokio::test]
async fn comments_come_change_and_go() {
    let fake = Github::builder().issues(2).pull_requests(1).comments_per_issue(2).start().expect("a fake");
    let of_one = format!("{ISSUES}/1/comments");
    let before = fake.issue(1).expect("an issue");
    let made = send(&fake, Method::POST, &of_one, &json!({ "body": "new" })).await;
    assert_eq!(made.status, 201);
    let id = made.json()["id"].as_u64().expect("an id");
    assert!(made.json()["html_url"].as_str().expect("a URL").contains("/issues/1#"));
    let after = fake.issue(1).expect("an issue");
    assert_eq!(after["comments"], 3);
    assert_ne!(after["updated_at"], before["updated_at"], "a comment changes its issue");
    assert_eq!(get(&fake, &of_one).expect(200).await.as_array().map(Vec::len), Some(3));
    let path = format!("{ISSUES}/comments/{id}");
    assert_eq!(send(&fake, Method::PATCH, &path, &json!({ "body": "newer" })).await.json()["body"], "newer");
    let all = get(&fake, &format!("{ISSUES}/comments?sort=updated&direction=desc")).expect(200).await;
    assert_eq!((all[0]["id"].as_u64(), all.as_array().map(Vec::len)), (Some(id), Some(7)));
    let last = fake.comment(fake.comment_id(3, 0)).expect("a comment of the pull request");
    assert!(last["html_url"].as_str().expect("a URL").contains("/pull/3#"), "{last}");
    assert_eq!(ask(&fake, Method::DELETE, &path).answer().await.status, 204);
    assert_eq!(ask(&fake, Method::DELETE, &path).answer().await.status, 404);
    assert_eq!(fake.issue(1).expect("an issue")["comments"], 2);
}

#[tokio::test]
async fn changes_can_be_made_by_hand() {
    let fake = Github::builder().issues(2).pull_requests(0).start().expect("a fake");
    let help = bare(&fake, Method::GET, "/_fake").answer().await.text;
    assert!(help.contains("/_fake/script") && help.contains("/_fake/issues/NUMBER"), "{help}");
    let made = send(&fake, Method::POST, "/_fake/issues", &json!({ "title": "By hand" })).await.json();
    assert_eq!((&made["number"], &made["title"]), (&3.into(), &"By hand".into()));
    let comment = send(&fake, Method::POST, "/_fake/issues/3/comments", &json!({ "body": "c" })).await.json();
    let path = format!("/_fake/comments/{}", comment["id"]);
    assert_eq!(send(&fake, Method::PATCH, &path, &json!({ "body": "d" })).await.json()["body"], "d");
    assert_eq!(send(&fake, Method::DELETE, &path, &json!({})).await.status, 200);
    assert_eq!(
        send(&fake, Method::PATCH, "/_fake/issues/3", &json!({ "locked": true })).await.json()["locked"],
        true
    );
    assert_eq!(send(&fake, Method::DELETE, "/_fake/issues/3", &json!({})).await.status, 200);
    assert_eq!(get(&fake, &format!("{ISSUES}/3")).answer().await.status, 410);
    assert_eq!(send(&fake, Method::PATCH, "/_fake/issues/77", &json!({})).await.status, 400);
    assert_eq!(send(&fake, Method::POST, "/_fake/limit", &json!({ "remaining": 0 })).await.status, 200);
    assert_eq!(get(&fake, ISSUES).answer().await.status, 403);
    assert_eq!(fake.stats().count("GET /repos/{owner}/{repo}/issues"), 1);
    assert_eq!(fake.stats().count("GET /repos/{owner}/{repo}/issues/{id}"), 1);
}
