//! Fault scripts: each does on the wire what it says.

use crate::client::{bare, get, http, send};
use reqwest::Method;
use serde_json::json;
use std::{
    error::Error as _,
    io::{ErrorKind, Read as _, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};
use tests::{
    vendor::{Action, Rule, Script},
    zendesk::Zendesk,
};

const TICKET: &str = "/api/v2/tickets/1.json";

fn faulty(action: Action) -> Zendesk {
    Zendesk::builder().script(Rule::on(TICKET).then(action)).start().expect("a fake")
}

/// Sends a request by hand, and reads until the end or the error.
fn by_hand(fake: &Zendesk) -> (Vec<u8>, Option<ErrorKind>) {
    let mut stream = TcpStream::connect(fake.address()).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a time-out");
    let request = format!(
        "GET {TICKET} HTTP/1.1\r\nhost: fake\r\nauthorization: Basic YWdlbnRAZXhhbXBsZS5jb20vdG9rZW46ZmFrZS10b2tlbg==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).expect("a request");
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return (bytes, None),
            Ok(read) => bytes.extend_from_slice(&buffer[..read]),
            Err(error) => return (bytes, Some(error.kind())),
        }
    }
}

/// The kinds of the I/O errors that an error has for causes.
fn causes(error: &reqwest::Error) -> Vec<ErrorKind> {
    let mut kinds = Vec::new();
    let mut source = error.source();
    while let Some(cause) = source {
        kinds.extend(cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind));
        source = cause.source();
    }
    kinds
}

#[tokio::test]
async fn throttling_names_the_seconds_to_wait_and_ends_after_its_times() {
    let fake = Zendesk::builder().script(Rule::on("/api/**").times(2).throttle(7)).start().expect("a fake");
    for _ in 0..2 {
        let answer = get(&fake, TICKET).answer().await;
        assert_eq!((answer.status, answer.headers["retry-after"].as_str()), (429, "7"));
        assert_eq!(answer.json()["error"], "APIRateLimitExceeded");
    }
    assert_eq!(get(&fake, TICKET).answer().await.status, 200);
    let counts = fake.stats().rules;
    assert_eq!((counts[0].matched, counts[0].acted), (3, 2));
}

#[tokio::test]
async fn statuses_come_in_the_vendors_words_or_in_the_scripts() {
    let script = Script::from([
        Rule::on(TICKET).nth(1).status(500),
        Rule::on(TICKET).nth(1).status(503),
        Rule::on(TICKET).status(403),
    ]);
    let fake = Zendesk::builder().script(script).start().expect("a fake");
    let server = get(&fake, TICKET).answer().await;
    assert_eq!((server.status, server.headers["content-type"].as_str()), (500, "text/html; charset=utf-8"));
    assert_eq!(get(&fake, TICKET).answer().await.status, 503);
    assert_eq!(get(&fake, TICKET).answer().await.json()["error"]["title"], "Forbidden");
    let canned = json!({ "rule": [{ "action": { "status": { "code": 418, "headers": { "X-Tea": "oolong" }, "body": { "short": true } } } }] });
    fake.set_script(serde_json::from_value::<Script>(canned).expect("a script"));
    let teapot = get(&fake, TICKET).answer().await;
    assert_eq!(
        (teapot.status, teapot.headers["x-tea"].as_str(), teapot.text.as_str()),
        (418, "oolong", "{\"short\":true}")
    );
}

#[tokio::test]
async fn a_reset_is_a_real_one() {
    let fake = faulty(Action::Reset { after_bytes: None, apply: false });
    let (bytes, end) = by_hand(&fake);
    assert_eq!((bytes.len(), end), (0, Some(ErrorKind::ConnectionReset)));
    let error = get(&fake, TICKET).response().await.expect_err("no answer");
    assert!(causes(&error).contains(&ErrorKind::ConnectionReset), "{error:?}");
    assert_eq!(fake.stats().answered["GET /api/v2/tickets/{id}.json"], [(0, 2)].into());
}

#[tokio::test]
async fn a_reset_can_come_in_the_middle_of_the_body() {
    let fake = faulty(Action::Reset { after_bytes: Some(100), apply: false });
    let (bytes, end) = by_hand(&fake);
    let body = String::from_utf8_lossy(&bytes).split_once("\r\n\r\n").expect("a header").1.len();
    assert_eq!((body, end), (100, Some(ErrorKind::ConnectionReset)));
}

#[tokio::test]
async fn a_closed_connection_says_nothing() {
    let fake = faulty(Action::Close { apply: false });
    let (bytes, end) = by_hand(&fake);
    assert_eq!((bytes.len(), end), (0, None));
}

#[tokio::test]
async fn a_truncated_body_ends_before_its_length() {
    let fake = faulty(Action::Truncate { after_bytes: Some(10) });
    let (bytes, end) = by_hand(&fake);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").expect("a header");
    assert!(head.contains("HTTP/1.1 200 OK") && head.contains("content-length: "), "{head}");
    assert_eq!((body, end), ("{\"ticket\":", None));
    let response = get(&fake, TICKET).response().await.expect("a header");
    response.bytes().await.expect_err("the body breaks off");
}

#[tokio::test]
async fn bad_json_is_whole_for_http_and_broken_for_a_parser() {
    let fake = faulty(Action::BadJson);
    let answer = get(&fake, TICKET).answer().await;
    assert_eq!(
        (answer.status, answer.headers["content-type"].as_str()),
        (200, "application/json; charset=utf-8")
    );
    assert!(serde_json::from_str::<serde_json::Value>(&answer.text).is_err());
}

#[tokio::test]
async fn the_content_type_can_be_wrong() {
    let fake = faulty(Action::ContentType { value: "text/html".to_owned() });
    let answer = get(&fake, TICKET).answer().await;
    assert_eq!(answer.headers["content-type"], "text/html");
    assert_eq!(answer.json()["ticket"]["id"], 1);
}

#[tokio::test]
async fn a_redirect_goes_where_it_is_told() {
    let fake = faulty(Action::Redirect { to: "http://127.0.0.1:1{path}".to_owned(), code: 307 });
    let answer = get(&fake, &format!("{TICKET}?a=b")).answer().await;
    assert_eq!(
        (answer.status, answer.headers["location"].as_str()),
        (307, "http://127.0.0.1:1/api/v2/tickets/1.json?a=b")
    );
}

#[tokio::test]
async fn huge_bodies_and_bombs_are_as_large_as_told() {
    let fake = faulty(Action::HugeBody { bytes: 3_000_000, announce: false });
    let answer = get(&fake, TICKET).answer().await;
    assert_eq!(answer.text.len(), 3_000_000);
    fake.set_script(Rule::on(TICKET).then(Action::GzipBomb { bytes: 100 << 20 }));
    let answer = get(&fake, TICKET).response().await.expect("a header");
    assert_eq!(answer.headers()["content-encoding"], "gzip");
    let packed = answer.bytes().await.expect("a body");
    assert!(packed.len() < 1 << 20, "{} bytes", packed.len());
    let plain = std::io::copy(&mut flate2::read::GzDecoder::new(&packed[..]), &mut std::io::sink());
    assert_eq!(plain.expect("a valid stream"), 100 << 20);
    fake.set_script(Rule::on(TICKET).then(Action::Gzip));
    let packed = get(&fake, TICKET).response().await.expect("a header").bytes().await.expect("a body");
    let ticket: serde_json::Value =
        serde_json::from_reader(flate2::read::GzDecoder::new(&packed[..])).expect("JSON");
    assert_eq!(ticket["ticket"]["id"], 1);
}

#[tokio::test]
async fn slow_answers_are_slow_and_whole() {
    let check = async |action: Action, at_least: Duration| {
        let fake = faulty(action.clone());
        let start = Instant::now();
        let answer = get(&fake, TICKET).answer().await;
        assert_eq!(answer.json()["ticket"]["id"], 1);
        assert!(start.elapsed() >= at_least, "{action:?} took {:?}", start.elapsed());
    };
    check(Action::SlowHeader { bytes_per_second: 1_000 }, Duration::from_millis(100)).await;
    check(Action::SlowBody { bytes_per_second: Some(8_000), pause_ms: 0 }, Duration::from_millis(100)).await;
    check(Action::SlowBody { bytes_per_second: None, pause_ms: 120 }, Duration::from_millis(120)).await;
    let fake = Zendesk::builder()
        .latency(Duration::from_millis(30))
        .script(Rule::on(TICKET).latency(Duration::from_millis(70)));
    let fake = fake.start().expect("a fake");
    let start = Instant::now();
    get(&fake, TICKET).answer().await;
    assert!(start.elapsed() >= Duration::from_millis(100));
}

#[tokio::test]
async fn a_slow_header_lets_the_body_go_fast() {
    let fake = faulty(Action::SlowHeader { bytes_per_second: 2_000 });
    let start = Instant::now();
    let response = get(&fake, TICKET).response().await.expect("a header");
    let header = start.elapsed();
    response.bytes().await.expect("a body");
    // At that speed the body of more than a kilobyte would take over half a second.
    assert!(start.elapsed() - header < Duration::from_millis(400), "{:?} after {header:?}", start.elapsed());
}

#[tokio::test]
async fn a_hanging_answer_never_comes() {
    let fake = faulty(Action::Hang { apply: false });
    let call = http().get(format!("{}{TICKET}", fake.url())).timeout(Duration::from_millis(80)).send().await;
    assert!(call.expect_err("no answer").is_timeout());
    assert_eq!(get(&fake, "/api/v2/tickets/2.json").answer().await.status, 200);
}

#[tokio::test]
async fn a_lost_answer_leaves_the_write_done_or_undone_as_told() {
    let body = json!({ "ticket": { "comment": { "body": "Hello" } } });
    for (apply, expected) in [(false, 25), (true, 26)] {
        let rule = Rule::on("/api/v2/tickets.json")
            .method("POST")
            .times(1)
            .then(Action::Reset { after_bytes: None, apply });
        let fake = Zendesk::builder().script(rule).start().expect("a fake");
        send(&fake, Method::POST, "/api/v2/tickets.json", &body)
            .response()
            .await
            .expect_err("the answer is lost");
        assert_eq!(fake.ticket_count(), expected, "apply: {apply}");
    }
}

#[tokio::test]
async fn a_vendor_that_is_down_refuses_and_comes_back_at_the_same_place() {
    let fake = Zendesk::builder().start().expect("a fake");
    get(&fake, TICKET).answer().await;
    fake.down();
    tests::wait::until("connections to be refused", tests::wait::PATIENCE, || {
        Ok(TcpStream::connect(fake.address()).err())
    })
    .expect("it is down");
    fake.up();
    tests::wait::until("connections to be accepted", tests::wait::PATIENCE, || {
        Ok(TcpStream::connect(fake.address()).ok())
    })
    .expect("it is up");
    assert_eq!(get(&fake, TICKET).answer().await.status, 200);
    let down = bare(&fake, Method::POST, "/_fake/down?for-ms=50").answer().await;
    assert_eq!(down.status, 204);
    tests::wait::until(
        "it to be back",
        tests::wait::PATIENCE,
        || Ok(TcpStream::connect(fake.address()).ok()),
    )
    .expect("it is up");
}

#[tokio::test]
async fn an_echo_says_what_it_was_asked_for_and_breaks_like_any_vendor() {
    let echo = tests::vendor::echo(tests::vendor::Options::default()).expect("a vendor");
    let answer = send(&echo, Method::PUT, "/some/path?a=b", &json!([1])).expect(200).await;
    assert_eq!(answer, json!({ "method": "PUT", "path": "/some/path", "query": "a=b", "body-bytes": 3 }));
    echo.set_script(Rule::on("**").status(502));
    assert_eq!(get(&echo, "/").answer().await.status, 502);
    assert_eq!(echo.stats().count("GET /"), 1);
}

#[test]
fn only_loopback_is_listened_on() {
    let start = |listen: &str| Zendesk::builder().listen(listen.parse().expect("an address")).start();
    assert!(start("0.0.0.0:0").is_err());
    assert!(start("[::]:0").is_err());
    assert!(start("127.0.0.1:0").is_ok());
}
