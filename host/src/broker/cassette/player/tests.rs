//! What matches what on a tape, and how it is played.

use super::*;
use crate::broker::{Allowance, Method};
use tokio_util::sync::CancellationToken;

/// `METHOD path [body] [#key]`.
fn asked(text: &str) -> Asked {
    let (text, idempotency_key) = match text.split_once('#') {
        Some((text, key)) => (text.trim(), Some(key.to_owned())),
        None => (text, None),
    };
    let mut words = text.split(' ');
    let mut word = || words.next().map(str::to_owned);
    let (method, path, body) = (word().expect("a method"), word().expect("a path"), word());
    let (origin, path) = match path.split_once(':') {
        Some((origin, path)) => (Some(origin.to_owned()), path.to_owned()),
        None => (None, path),
    };
    Asked { method, origin, path, headers: Vec::new(), body: body.map(Bytes::from), idempotency_key }
}

fn answer(body: &str) -> Answered {
    let headers = vec![("content-type".to_owned(), "text/plain".to_owned())];
    Answered { status: 200, headers, body: Bytes::from(body.to_owned()), end: End::Whole, attempts: 3 }
}

fn request(text: &str) -> Request {
    let Asked { method, origin, path, body, idempotency_key, .. } = asked(text);
    let method = match method.as_str() {
        "POST" => Method::Post,
        _ => Method::Get,
    };
    Request { method, origin, path, query: vec![], headers: vec![], body, idempotency_key, timeout: None }
}

fn player(exchanges: Vec<(&str, Got)>) -> Player {
    let exchanges = exchanges.into_iter().map(|(text, got)| Exchange { asked: asked(text), got }).collect();
    let base = Url::parse("http://127.0.0.1:9/api").expect("a URL");
    Player::new(Tape { base, parameter: Some("api_key".into()), exchanges })
}

fn meter() -> Meter {
    Meter::new(Allowance { requests: 100, response_bytes: 1_000 }, CancellationToken::new())
}

async fn told(gateway: &Gateway, text: &str) -> String {
    match gateway.send(request(text), &meter()).await {
        Ok(response) => String::from_utf8_lossy(&response.body).into_owned(),
        Err(failure) => failure.code,
    }
}

/// Records `tape` (answered with its number), asks, and compares.
async fn check(tape: &[&str], asks: &[(&str, &str)], unused: usize) {
    let numbered = tape.iter().enumerate().map(|(at, text)| (*text, Got::Answer(answer(&at.to_string()))));
    let player = player(numbered.collect());
    for (ask, expected) in asks {
        assert_eq!(told(&player.gateway(), ask).await, *expected, "{ask} of {tape:?}");
    }
    assert_eq!(player.unused().len(), unused, "{tape:?}");
    let missing = asks.iter().filter(|(_, expected)| *expected == "replay.missing").count();
    assert_eq!(player.missing().len(), missing);
}

#[tokio::test]
async fn the_nth_of_the_same_request_gets_the_nth_answer() {
    check(&["GET /a", "GET /b", "GET /a"], &[("GET /a", "0"), ("GET /a", "2"), ("GET /b", "1")], 0).await;
    check(&["GET /a", "GET /a"], &[("GET /a", "0")], 1).await;
    check(&["GET /a"], &[("GET /a", "0"), ("GET /a", "replay.missing")], 0).await;
}

#[tokio::test]
async fn another_request_is_not_on_the_tape() {
    for ask in ["GET /a?y=1", "GET /", "POST /a?x=1", "GET other:/a?x=1", "POST /a?x=1 body"] {
        check(&["GET /a?x=1"], &[(ask, "replay.missing"), ("GET /a?x=1", "0")], 0).await;
    }
    check(&["POST /a one", "POST /a two"], &[("POST /a two", "1"), ("POST /a six", "replay.missing")], 1)
        .await;
}

#[tokio::test]
async fn the_same_idempotency_key_comes_first_and_another_one_does_not_matter() {
    let tape = ["POST /a b#k1", "POST /a b#k2"];
    check(&tape, &[("POST /a b#k2", "1"), ("POST /a b#k1", "0")], 0).await;
    check(&tape, &[("POST /a b#new", "0"), ("POST /a b", "1")], 0).await;
}

#[tokio::test]
async fn failures_are_played_and_denials_cost_nothing() {
    let failed = |class| Got::Failure(Failure::new(class, "x.y", "no").retry_after_ms(Some(7)));
    let player = player(vec![("GET /a", failed(Class::RateLimited)), ("GET /b", failed(Class::Denied))]);
    let meter = meter();
    let failure = player.gateway().send(request("GET /a"), &meter).await.expect_err("recorded");
    assert_eq!((failure.code.as_str(), failure.retry_after_ms), ("x.y", Some(7)));
    player.gateway().send(request("GET /b"), &meter).await.expect_err("recorded");
    assert_eq!(meter.used().requests, 1);
}

#[tokio::test]
async fn a_missing_request_names_method_and_path() {
    let failure = player(vec![]).gateway().send(request("GET /a?b=c"), &meter()).await.expect_err("empty");
    assert_eq!(failure.class, Class::Unsupported);
    assert!(failure.message.contains("GET /a?b=c"), "{}", failure.message);
}

#[tokio::test]
async fn many_at_once_are_answered_in_order() {
    let tape = vec![("GET /a", Got::Answer(answer("first"))), ("GET /a", Got::Answer(answer("second")))];
    let player = player(tape);
    let answers = player.gateway().send_all(vec![request("GET /a"), request("GET /a")], &meter()).await;
    let bodies: Vec<_> = answers.into_iter().map(|answer| answer.expect("recorded").body).collect();
    assert_eq!(bodies, ["first", "second"]);
}

#[tokio::test]
async fn answers_count_against_the_budget_of_the_step() {
    let player = player(vec![("GET /a", Got::Answer(answer(&"x".repeat(2_000))))]);
    assert_eq!(told(&player.gateway(), "GET /a").await, "limit.response-bytes");
}

#[tokio::test]
async fn a_stream_ends_where_it_ended() {
    let broken = Failure::new(Class::Transient, "net.body", "broke off");
    for (end, code) in
        [(End::Whole, None), (End::Unread, Some("replay.missing")), (End::Broken(broken), Some("net.body"))]
    {
        let player = player(vec![("GET /a", Got::Answer(Answered { end, ..answer("abc") }))]);
        let mut streamed = player.gateway().open(request("GET /a"), &meter()).await.expect("recorded");
        assert_eq!(streamed.body.read(100).await.expect("recorded"), "abc");
        let rest = streamed.body.read(100).await;
        assert_eq!(rest.as_ref().err().map(|failure| failure.code.as_str()), code, "{rest:?}");
    }
}

#[test]
fn links_are_read_as_they_were_when_it_was_recorded() {
    let gateway = player(vec![]).gateway();
    assert_eq!(gateway.path_of("http://127.0.0.1:9/api/x?api_key=1&page=2").expect("the base"), "/x?page=2");
    assert_eq!(gateway.path_of("https://elsewhere.example/api/x").expect_err("another").code, "egress.link");
}
