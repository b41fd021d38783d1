//! What reaches the guest of an answer.

use super::{server::Then, *};
use crate::model::Class;
use async_compression::tokio::write::{BrotliEncoder, GzipEncoder, ZstdEncoder};
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use tokio::io::AsyncWriteExt;

async fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzipEncoder::new(Vec::new());
    encoder.write_all(plain).await.expect("to memory");
    encoder.shutdown().await.expect("to memory");
    encoder.into_inner()
}

async fn brotli(plain: &[u8]) -> Vec<u8> {
    let mut encoder = BrotliEncoder::new(Vec::new());
    encoder.write_all(plain).await.expect("to memory");
    encoder.shutdown().await.expect("to memory");
    encoder.into_inner()
}

async fn zstd(plain: &[u8]) -> Vec<u8> {
    let mut encoder = ZstdEncoder::new(Vec::new());
    encoder.write_all(plain).await.expect("to memory");
    encoder.shutdown().await.expect("to memory");
    encoder.into_inner()
}

fn coded(coding: &str, body: &[u8]) -> Reply {
    Reply::with(200, &[("content-encoding", coding), ("content-type", "text/plain")], body)
}

/// A server that always gives the same answer, and a gateway to it.
async fn constant(config: &str, reply: impl Fn() -> Reply + Send + Sync + 'static) -> (Server, Gateway) {
    let server = Server::start(move |_| std::future::ready(reply())).await;
    let gateway = gateway(&server, config);
    (server, gateway)
}

#[tokio::test]
async fn request_and_answer_pass_through_whole() {
    let server = Server::start(|seen| async move {
        assert_eq!((seen.method(), seen.path()), ("POST", "/api/tickets?a=1&b=x+y"));
        assert_eq!(seen.header("x-custom"), Some("yes"));
        assert_eq!(seen.header("idempotency-key"), Some("key-1"));
        assert_eq!(seen.header("accept-encoding"), Some("gzip, br, zstd"));
        assert_eq!(seen.header("cookie"), None);
        assert_eq!(seen.body, b"{\"x\":1}");
        let headers = [("x-answer", "42"), ("set-cookie", "s=1"), ("content-type", "application/json")];
        Reply::with(201, &headers, b"{\"id\":7}")
    })
    .await;
    let gateway = broker(LOOPBACK, Table::default())
        .gateway(scope(&format!("{}/api/", server.url())))
        .expect("allowed");
    let sent = Request {
        query: vec![("b".into(), "x y".into())],
        headers: vec![("X-Custom".into(), Bytes::from_static(b"yes"))],
        body: Some(Bytes::from_static(b"{\"x\":1}")),
        idempotency_key: Some("key-1".into()),
        ..request(Method::Post, "/tickets?a=1")
    };
    let meter = meter();
    let response = gateway.send(sent, &meter).await.expect("answered");
    assert_eq!((response.status, &response.body[..], response.attempts), (201, &b"{\"id\":7}"[..], 1));
    assert_eq!(header(&response.headers, "x-answer"), Some("42"));
    assert_eq!(header(&response.headers, "set-cookie"), None);
    assert_eq!(
        meter.used(),
        Used { requests: 1, sent: 1, writes: 1, unkeyed_writes: 0, request_bytes: 7, response_bytes: 8 }
    );
}

#[tokio::test]
async fn credential_of_every_scheme_goes_out_and_never_comes_back() {
    let secret = |text: &str| Secret::new(text);
    let basic =
        Credential::Basic { username: secret("me@example.com/token"), password: secret("t0ken-value") };
    let pair = format!("Basic {}", BASE64_STANDARD.encode("me@example.com/token:t0ken-value"));
    let custom = Credential::Header { name: "X-Api-Key".into(), value: secret("k3y-value") };
    let parameter = Credential::Query { name: "api_key".into(), value: secret("k3y&value") };
    for (credential, name, value, path) in [
        (Credential::None, "authorization", None, "/x?a=1"),
        (basic, "authorization", Some(pair), "/x?a=1"),
        (bearer("b3arer-value"), "authorization", Some("Bearer b3arer-value".to_owned()), "/x?a=1"),
        (custom, "x-api-key", Some("k3y-value".to_owned()), "/x?a=1"),
        (parameter, "authorization", None, "/x?a=1&api_key=k3y%26value"),
    ] {
        let server = Server::start(move |seen| {
            let echoed = seen.header(name).unwrap_or(seen.path()).to_owned();
            let headers = [("x-echo", echoed.as_str()), ("x-value", value.as_deref().unwrap_or("none"))];
            let same = seen.header(name) == value.as_deref();
            std::future::ready(Reply::with(if same { 200 } else { 400 }, &headers, seen.path().as_bytes()))
        })
        .await;
        let shown = format!("{credential:?}");
        let response =
            gateway_with(&server, credential).send(get("/x?a=1"), &meter()).await.expect("answered");
        assert_eq!((response.status, &response.body[..]), (200, path.as_bytes()), "{shown}");
        if !shown.contains("None") {
            assert_eq!(header(&response.headers, "x-echo"), None, "{shown}");
        }
    }
}

#[tokio::test]
async fn every_coding_is_decompressed_whole_and_streamed() {
    let plain: Vec<u8> = (0..300_000_u32).flat_map(|n| (n % 1_000).to_le_bytes()).collect();
    for (coding, body) in [
        ("gzip", gzip(&plain).await),
        ("x-gzip", gzip(&plain).await),
        ("GZIP", gzip(&plain).await),
        ("br", brotli(&plain).await),
        ("zstd", zstd(&plain).await),
        ("identity", plain.clone()),
        ("gzip", [gzip(&plain[..1_000]).await, gzip(&plain[1_000..]).await].concat()),
    ] {
        let (_server, gateway) = constant("", move || coded(coding, &body)).await;
        let meter = meter();
        let whole = gateway.send(get("/"), &meter).await.expect("answered");
        assert!(whole.body == plain, "{coding}");
        assert_eq!(meter.used().response_bytes, plain.len() as u64, "{coding}");
        assert_eq!(header(&whole.headers, "content-encoding").is_some(), coding == "identity");
        assert_eq!(header(&whole.headers, "content-length").is_some(), coding == "identity");
        assert_eq!(header(&whole.headers, "content-type"), Some("text/plain"));

        let mut streamed = gateway.open(get("/"), &meter).await.expect("answered");
        let mut gathered = Vec::new();
        loop {
            let piece = streamed.body.read(10_000).await.expect("readable");
            assert!(piece.len() <= 10_000);
            if piece.is_empty() {
                break;
            }
            gathered.extend_from_slice(&piece);
        }
        assert!(gathered == plain, "{coding}");
        assert!(streamed.body.read(10).await.expect("still at its end").is_empty());
    }
}

#[tokio::test]
async fn answer_without_a_body_may_be_called_compressed() {
    for coding in ["gzip", "br", "zstd"] {
        let (_server, gateway) = constant("", move || coded(coding, b"")).await;
        assert!(gateway.send(get("/"), &meter()).await.expect("answered").body.is_empty(), "{coding}");
    }
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 99\r\ncontent-encoding: gzip\r\n\r\n";
    let (_server, gateway) = constant("", move || Reply::raw(head, Then::Keep)).await;
    let response = gateway.send(request(Method::Head, "/"), &meter()).await.expect("answered");
    assert!(response.body.is_empty());
    assert_eq!(header(&response.headers, "content-length"), Some("99"));
}

#[tokio::test]
async fn bomb_ends_at_the_bound_in_every_coding() {
    let zeros = vec![0; 8 << 20];
    for (coding, body) in [
        ("gzip", gzip(&zeros).await),
        ("br", brotli(&zeros).await),
        ("zstd", zstd(&zeros).await),
        ("gzip", [gzip(&zeros[..900_000]).await, gzip(&zeros[..900_000]).await].concat()),
    ] {
        assert!(body.len() < 64 << 10, "{coding}");
        let (server, gateway) = constant("response-bytes = '1MiB'", move || coded(coding, &body)).await;
        let meter = meter();
        let failure = gateway.send(get("/"), &meter).await.expect_err("a bomb");
        assert_eq!(
            (failure.class, failure.code.as_str()),
            (Class::Limit, "limit.response-bytes"),
            "{coding}"
        );
        assert!(failure.message.contains("broker.response-bytes"), "{}", failure.message);
        assert!(meter.used().response_bytes <= (1 << 20) + (64 << 10), "{coding}: {:?}", meter.used());
        assert_eq!(server.requests(), 1, "it would come again");
    }
}

#[tokio::test]
async fn endless_and_oversized_bodies_end_at_the_bound() {
    let chunked =
        |chunk: &str| format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{}", chunk.repeat(40));
    let endless = chunked(&format!("8000\r\n{}\r\n", "x".repeat(0x8000)));
    let announced = "HTTP/1.1 200 OK\r\ncontent-length: 1048577\r\n\r\n";
    for reply in [endless.as_str(), announced] {
        let reply = reply.to_owned();
        let (_server, gateway) =
            constant("response-bytes = '1MiB'", move || Reply::raw(reply.clone(), Then::Hang)).await;
        assert_eq!(failure_of(&gateway, get("/")).await.code, "limit.response-bytes");
    }
    let noise: Vec<u8> = std::iter::repeat_with(|| fastrand::u8(..)).take(200_000).collect();
    for length in ["content-length: 200123", "transfer-encoding: chunked"] {
        let body = gzip(&noise).await;
        let mut reply = format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n{length}\r\n\r\n").into_bytes();
        if length.contains("chunked") {
            reply.extend_from_slice(format!("{:x}\r\n", body.len()).as_bytes());
        }
        reply.extend_from_slice(&body);
        let (_server, gateway) =
            constant("compressed-bytes = '100KiB'", move || Reply::raw(reply.clone(), Then::Hang)).await;
        let failure = failure_of(&gateway, get("/")).await;
        assert_eq!(
            (failure.class, failure.code.as_str()),
            (Class::Limit, "limit.compressed-bytes"),
            "{length}"
        );
    }
}

#[tokio::test]
async fn budget_of_the_step_bounds_whole_and_streamed_bodies() {
    let (_server, gateway) = constant("", || Reply::ok(&[b'x'; 1_000])).await;
    let small = || Meter::new(Allowance { requests: 10, response_bytes: 1_500 }, CancellationToken::new());

    let meter = small();
    assert!(gateway.send(get("/"), &meter).await.is_ok());
    let failure = gateway.send(get("/"), &meter).await.expect_err("over the budget");
    assert_eq!((failure.class, failure.code.as_str()), (Class::Limit, "limit.response-bytes"));
    assert!(!failure.message.contains("broker."), "{}", failure.message);

    let meter = small();
    meter.received(600).expect("within");
    let mut body = gateway.open(get("/"), &meter).await.expect("answered").body;
    for _ in 0..2 {
        assert_eq!(body.read(10).await.expect_err("over the budget").code, "limit.response-bytes");
    }
}

#[tokio::test]
async fn coding_that_was_not_asked_for_is_unsupported() {
    for coding in ["deflate", "gzip, br", "gzip, gzip", "snappy"] {
        let (_server, gateway) = constant("", move || coded(coding, b"xxxx")).await;
        let failure = failure_of(&gateway, get("/")).await;
        assert_eq!((failure.class, failure.code.as_str()), (Class::Unsupported, "http.encoding"), "{coding}");
        assert!(failure.message.contains(coding), "{}", failure.message);
    }
}

#[tokio::test]
async fn a_403_that_asks_for_fewer_requests_is_no_answer() {
    let check = async |headers: &'static [(&str, &str)], asked: Option<u64>, words: &str| {
        let reply = move || Reply::with(403, headers, b"too many");
        let (_server, gateway) = constant("attempts = 1", reply).await;
        let failure = failure_of(&gateway, get("/")).await;
        assert_eq!((failure.class, failure.code.as_str()), (Class::RateLimited, "http.status.403"));
        assert_eq!(failure.retry_after_ms, asked, "{headers:?}");
        assert!(failure.message.contains(words), "{}", failure.message);
        let next = failure_of(&gateway, get("/")).await;
        assert_eq!(next.code, "throttle.blocked", "nothing is sent before the time");
    };
    let words = "wants fewer requests (HTTP 403); it said: too many";
    check(&[("retry-after", "3600")], Some(3_600_000), words).await;
    check(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "60")], Some(60_000), words).await;
}

#[tokio::test]
async fn other_statuses_are_answers() {
    for status in [200, 204, 304, 400, 403, 404, 409, 422] {
        let (_server, gateway) = constant("", move || Reply::status(status)).await;
        assert_eq!(gateway.send(get("/"), &meter()).await.expect("an answer").status, status);
    }
}
