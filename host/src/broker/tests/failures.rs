//! How requests fail, and how often they are tried before that.

use super::{server::Then, *};
use crate::model::Class;
use bytes::Bytes;
use std::time::Duration;
use tokio::{net::TcpListener, time::Instant};

/// A server that fails so often before it answers.
async fn flaky(times: usize, failing: impl Fn() -> Reply + Send + Sync + 'static) -> Server {
    Server::start(move |seen| {
        let reply = if seen.number < times { failing() } else { Reply::ok(b"at last") };
        std::future::ready(reply)
    })
    .await
}

#[track_caller]
fn assert_failure(failure: &Failure, class: Class, code: &str, parts: &[&str]) {
    assert_eq!((failure.class, failure.code.as_str()), (class, code), "{}", failure.message);
    for part in parts {
        assert!(failure.message.contains(part), "{part}: {}", failure.message);
    }
}

#[tokio::test]
async fn refused_credentials_are_named_once_and_never_shown() {
    let token = "s3cret-t0ken";
    let server = Server::start(move |seen| {
        let body = format!(
            "<html><body>token {} is\r\nnot valid</body></html>",
            seen.header("authorization").unwrap_or("?")
        );
        std::future::ready(Reply::with(401, &[("www-authenticate", "Bearer")], body.as_bytes()))
    })
    .await;
    let failure = failure_of(&gateway_with(&server, bearer(token)), get("/me")).await;
    assert_failure(
        &failure,
        Class::Auth,
        "http.status.401",
        &["refused the credentials (HTTP 401): check the user and the token"],
    );
    assert_failure(
        &failure,
        Class::Auth,
        "http.status.401",
        &["it said: token Bearer ‹secret› is not valid"],
    );
    assert!(!format!("{failure:?}").contains(token), "{failure:?}");
    assert_eq!(server.requests(), 1);
    let failure = failure_of(&gateway(&server, ""), get("/me")).await;
    assert_failure(&failure, Class::Auth, "http.status.401", &["wants credentials"]);
}

#[tokio::test]
async fn passing_failures_are_overcome() {
    let truncated = || Reply::raw("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this", Then::Close);
    let gzip_cut = || {
        Reply::raw(*b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 12\r\n\r\n\x1f\x8b\x08\0\0\0\0\0\0\xff\x4b\x4c", Then::Keep)
    };
    type Failing = fn() -> Reply;
    let cases: [(&str, Failing); 8] = [
        ("500", || Reply::status(500)),
        ("503 with Retry-After", || Reply::with(503, &[("retry-after", "0")], b"")),
        ("429", || Reply::with(429, &[("retry-after", "0")], b"slow")),
        ("408", || Reply::status(408)),
        ("closed at once", || Reply::raw("", Then::Close)),
        ("reset", || Reply::raw("", Then::Reset)),
        ("truncated", truncated),
        ("cut compression", gzip_cut),
    ];
    for (name, failing) in cases {
        let server = flaky(2, failing).await;
        let meter = meter();
        let response = gateway(&server, "attempts = 3").send(get("/"), &meter).await.expect(name);
        assert_eq!((&response.body[..], response.attempts), (&b"at last"[..], 3), "{name}");
        assert_eq!((meter.used().requests, meter.used().sent), (1, 3), "{name}");
    }
}

#[tokio::test]
async fn lasting_failures_come_out_after_the_last_attempt() {
    let server = flaky(99, || {
        Reply::with(503, &[("content-type", "application/json")], b"{\"error\": \"maintenance\"}")
    })
    .await;
    let failure = failure_of(&gateway(&server, "attempts = 3"), get("/")).await;
    assert_failure(
        &failure,
        Class::Transient,
        "http.status.503",
        &["HTTP 503 Service Unavailable", "it said: {\"error\": \"maintenance\"}", "tried 3 times"],
    );
    assert_eq!(failure.retry_after_ms, None);
    assert_eq!(server.requests(), 3);

    let server = flaky(99, || Reply::with(429, &[("retry-after", "1")], b"")).await;
    let failure = failure_of(&gateway(&server, "attempts = 1"), get("/")).await;
    assert_failure(&failure, Class::RateLimited, "http.status.429", &["wants fewer requests"]);
    assert_eq!(failure.retry_after_ms, Some(1_000));
}

#[tokio::test]
async fn longer_retry_after_than_the_host_waits_is_handed_over_at_once() {
    for (status, code) in [(429, "http.status.429"), (503, "http.status.503")] {
        let server = flaky(99, move || Reply::with(status, &[("retry-after", "3600")], b"")).await;
        let failure = failure_of(&gateway(&server, ""), get("/")).await;
        assert_failure(&failure, Class::RateLimited, code, &["left alone for 1h"]);
        assert_eq!((failure.retry_after_ms, server.requests()), (Some(3_600_000), 1));
    }
}

#[tokio::test]
async fn retry_that_would_outlast_the_step_is_not_waited_for() {
    let server = flaky(99, || Reply::with(429, &[("retry-after", "2")], b"")).await;
    let meter = meter().ending_at(Instant::now() + Duration::from_secs(1));
    let failure = gateway(&server, "").send(get("/"), &meter).await.expect_err("no time");
    assert_failure(&failure, Class::RateLimited, "http.status.429", &["left alone for 2s"]);
    assert_eq!((failure.retry_after_ms, server.requests()), (Some(2_000), 1));
}

#[tokio::test]
async fn unsafe_request_is_sent_once_unless_it_has_a_key() {
    for (method, key, sent) in [
        (Method::Post, None, 1),
        (Method::Patch, None, 1),
        (Method::Post, Some("k"), 3),
        (Method::Put, None, 3),
        (Method::Delete, None, 3),
    ] {
        let failures: [fn() -> Reply; 3] = [
            || Reply::status(503),
            || Reply::with(429, &[("retry-after", "0")], b""),
            || Reply::raw("", Then::Close),
        ];
        for failing in failures {
            let server = flaky(99, failing).await;
            let request = Request {
                body: Some(Bytes::from_static(b"{}")),
                idempotency_key: key.map(str::to_owned),
                ..request(method, "/")
            };
            failure_of(&gateway(&server, "attempts = 3"), request).await;
            assert_eq!(server.requests(), sent, "{method:?} {key:?}");
        }
    }
}

#[tokio::test]
async fn connection_that_was_never_made_is_tried_again_for_every_method() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    drop(listener);
    let broker = broker(&format!("{LOOPBACK}attempts = 3"), Table::default());
    let meter = meter();
    let failure =
        broker.gateway(scope(&url)).expect("allowed").send(request(Method::Post, "/"), &meter).await;
    let failure = failure.expect_err("nobody there");
    assert_failure(
        &failure,
        Class::Transient,
        "net.connect",
        &["cannot connect to 127.0.0.1:", "refused", "tried 3 times"],
    );
    assert_eq!(meter.used().sent, 3);
}

#[tokio::test]
async fn broken_connections_have_their_codes() {
    let cases: [(&str, Then, &str, &str); 7] = [
        ("", Then::Close, "net.reset", "without an answer"),
        ("", Then::Reset, "net.reset", "without an answer"),
        ("SSH-2.0-OpenSSH_9.6\r\n\r\n", Then::Close, "net.protocol", "not HTTP"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab", Then::Close, "net.body", "broke off"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab", Then::Reset, "net.body", "broke off"),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabcde\r\nzz\r\n",
            Then::Close,
            "net.body",
            "broke off",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 9\r\n\r\nnot gzip!",
            Then::Keep,
            "net.body",
            "compression",
        ),
    ];
    for (bytes, then, code, part) in cases {
        let server = flaky(99, move || Reply::raw(bytes, then)).await;
        let failure = failure_of(&gateway(&server, "attempts = 1"), get("/")).await;
        assert_failure(&failure, Class::Transient, code, &[part]);
    }
}

#[tokio::test]
async fn head_beyond_its_bounds_is_a_limit() {
    let many: String = (0..100_000).map(|n| format!("x-{n}: v\r\n")).collect();
    let giant = format!("x-giant: {}\r\n", "v".repeat(1 << 20));
    let large: String = (0..9).map(|n| format!("x-{n}: {}\r\n", "v".repeat(8 << 10))).collect();
    for headers in [many, giant, large] {
        let server =
            flaky(99, move || Reply::raw(format!("HTTP/1.1 200 OK\r\n{headers}\r\n"), Then::Close)).await;
        let failure = failure_of(&gateway(&server, ""), get("/")).await;
        assert_failure(&failure, Class::Limit, "limit.response-headers", &[]);
        assert_eq!(server.requests(), 1);
    }
}

#[tokio::test]
async fn silence_and_slowness_end_at_their_time_outs() {
    let slow_body = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab";
    for (bytes, config, timeout, parts) in [
        ("", "read-timeout = '50ms'", None, ["silent for 50ms", "broker.read-timeout"]),
        (
            "HTTP/1.1 200 OK\r\nx-half: ",
            "read-timeout = '50ms'",
            None,
            ["silent for 50ms", "broker.read-timeout"],
        ),
        (slow_body, "read-timeout = '50ms'", None, ["silent for 50ms", "broker.read-timeout"]),
        (slow_body, "total-timeout = '50ms'", None, ["longer than 50ms", "broker.total-timeout"]),
        (slow_body, "", Some(50), ["longer than 50ms", "time-out of the request"]),
    ] {
        let server = flaky(99, move || Reply::raw(bytes, Then::Hang)).await;
        let request = Request { timeout: timeout.map(Duration::from_millis), ..get("/") };
        let failure = failure_of(&gateway(&server, &format!("attempts = 1\n{config}")), request).await;
        assert_failure(&failure, Class::Transient, "net.timeout", &parts);
    }
}

#[tokio::test]
async fn connection_that_nobody_accepts_ends_at_its_time_out() {
    // A listener whose queue is full drops what comes: like a firewall does.
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
    let listener = socket.listen(1).expect("bound");
    let address = listener.local_addr().expect("bound");
    let connect =
        || tokio::time::timeout(Duration::from_millis(100), tokio::net::TcpStream::connect(address));
    let mut queue = Vec::new();
    while let Ok(Ok(stream)) = connect().await {
        queue.push(stream);
    }
    let broker = broker(&format!("{LOOPBACK}attempts = 1\nconnect-timeout = '50ms'"), Table::default());
    let gateway = broker.gateway(scope(&format!("http://{address}"))).expect("allowed");
    let failure = failure_of(&gateway, get("/")).await;
    assert_failure(
        &failure,
        Class::Transient,
        "net.timeout",
        &["no connection within 50ms", "broker.connect-timeout"],
    );
}

#[tokio::test]
async fn failure_is_told_although_its_words_never_come() {
    let server = flaky(99, || Reply::raw("HTTP/1.1 401 X\r\ncontent-length: 9\r\n\r\nab", Then::Hang)).await;
    let failure = failure_of(&gateway(&server, "read-timeout = '300ms'"), get("/")).await;
    assert_failure(&failure, Class::Auth, "http.status.401", &["it said: ab"]);
}

#[tokio::test]
async fn stream_that_breaks_stays_broken() {
    let server =
        flaky(99, || Reply::raw("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab", Then::Close)).await;
    let mut body = gateway(&server, "").open(get("/"), &meter()).await.expect("a head").body;
    assert_eq!(&body.read(1).await.expect("there")[..], b"a");
    assert_eq!(&body.read(9).await.expect("there")[..], b"b");
    for _ in 0..2 {
        assert_failure(
            &body.read(9).await.expect_err("broken"),
            Class::Transient,
            "net.body",
            &["broke off"],
        );
    }
    assert_eq!(server.requests(), 1, "a body that has begun is not asked for again");
}

#[tokio::test]
async fn streams_that_break_count_against_their_origin() {
    let server =
        flaky(99, || Reply::raw("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab", Then::Close)).await;
    let gateway = gateway(&server, "");
    for _ in 0..5 {
        let mut body = gateway.open(get("/"), &meter()).await.expect("a head").body;
        while body.read(9).await.is_ok() {}
    }
    let failure = gateway.open(get("/"), &meter()).await.expect_err("it is left alone");
    assert_failure(&failure, Class::Transient, "breaker.open", &["failed 5 times in a row", "net.body"]);
    assert_eq!(server.requests(), 5);
}

#[tokio::test]
async fn a_stream_that_comes_whole_makes_good_and_one_that_is_dropped_says_nothing() {
    let server = Server::start(|seen| {
        let cut = Reply::raw("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab", Then::Close);
        // The fifth one is whole.
        std::future::ready(if seen.number == 4 { Reply::ok(b"whole") } else { cut })
    })
    .await;
    let gateway = gateway(&server, "");
    for number in 0..9 {
        let mut body = gateway.open(get("/"), &meter()).await.expect("a head").body;
        while body.read(9).await.is_ok_and(|piece| !piece.is_empty()) {}
        assert_eq!(body.read(9).await.is_ok(), number == 4);
    }
    drop(gateway.open(get("/"), &meter()).await.expect("a head"));
    let mut body = gateway.open(get("/"), &meter()).await.expect("four in a row").body;
    while body.read(9).await.is_ok() {}
    let failure = gateway.open(get("/"), &meter()).await.expect_err("it is left alone");
    assert_failure(&failure, Class::Transient, "breaker.open", &["failed 5 times in a row"]);
}

#[tokio::test]
async fn failing_head_of_a_stream_is_tried_again() {
    let server = flaky(2, || Reply::status(503)).await;
    let gateway = gateway(&server, "attempts = 3");
    let mut body = gateway.open(get("/"), &meter()).await.expect("at last").body;
    assert_eq!(&body.read(100).await.expect("there")[..], b"at last");
    assert_eq!(server.requests(), 3);
}
