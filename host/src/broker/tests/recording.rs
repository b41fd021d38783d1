//! What is recorded of real exchanges, and that it plays as it was.

use super::*;
use bytes::Bytes;

const TOKEN: &str = "s3cret-token";

/// Echoes the credential in every place that it can.
async fn echoing() -> Server {
    Server::start(|seen| {
        let reply = match seen.path() {
            "/refused" => Reply::with(401, &[], format!("bad {TOKEN}").as_bytes()),
            path => {
                let body = format!("{path} {TOKEN} {}", String::from_utf8_lossy(&seen.body));
                let headers = [("x-echo", TOKEN), ("set-cookie", "a=b"), ("etag", "\"1\""), ("link", "</x>")];
                Reply::with(200, &headers, body.as_bytes())
            }
        };
        std::future::ready(reply)
    })
    .await
}

async fn read_to_end(mut body: Body) -> Vec<u8> {
    let mut whole = Vec::new();
    loop {
        let piece = body.read(5).await.expect("it comes");
        if piece.is_empty() {
            return whole;
        }
        whole.extend_from_slice(&piece);
    }
}

#[tokio::test]
async fn what_was_recorded_plays_without_a_server_and_holds_no_secret() {
    let server = echoing().await;
    let live = gateway_with(&server, bearer(TOKEN));
    let (recorded, recording) = live.recording();
    let post = || Request { body: Some(Bytes::from_static(b"b")), ..request(Method::Post, "/post") };
    recorded.send(get("/one?x=1"), &meter()).await.expect("an answer");
    recorded.send_all(vec![get("/two"), post(), get("/two")], &meter()).await;
    recorded.send(get("/refused"), &meter()).await.expect_err("401");
    recorded.send(get("//bad"), &meter()).await.expect_err("denied");
    let streamed = recorded.open(get("/stream"), &meter()).await.expect("an answer");
    let streamed = read_to_end(streamed.body).await;
    drop(recorded.open(get("/left"), &meter()).await.expect("an answer"));
    live.send(get("/not-recorded"), &meter()).await.expect("an answer");

    let exchanges = recording.take();
    let told: Vec<_> = exchanges.iter().map(|e| e.asked.path.as_str()).collect();
    assert_eq!(told, ["/one?x=1", "/two", "/post", "/two", "/refused", "//bad", "/stream", "/left"]);
    let text = format!("{exchanges:?}");
    assert!(!text.contains(TOKEN) && !text.contains("set-cookie"), "{text}");
    assert!(text.contains("etag") && text.contains("link"), "{text}");
    assert!(recording.take().is_empty(), "taken once");

    drop(server);
    let reach = live.reach();
    let player = Player::new(Tape { base: reach.base, parameter: reach.parameter, exchanges });
    let played = player.gateway();
    let body = |answer: Result<Response, Failure>| answer.expect("recorded").body;
    assert_eq!(body(played.send(get("/one?x=1"), &meter()).await), "/one?x=1 ‹secret› ");
    assert_eq!(body(played.send(post(), &meter()).await), "/post ‹secret› b");
    assert_eq!(failure_of(&played, get("/refused")).await.code, "http.status.401");
    assert_eq!(failure_of(&played, get("//bad")).await.code, "egress.path");
    let again = played.open(get("/stream"), &meter()).await.expect("recorded");
    assert_eq!(header(&again.headers, "etag"), Some("\"1\""));
    let again = String::from_utf8(read_to_end(again.body).await).expect("text");
    assert_eq!(again, String::from_utf8_lossy(&streamed).replace(TOKEN, "‹secret›"));
    assert_eq!(failure_of(&played, get("/elsewhere")).await.code, "replay.missing");
    assert_eq!(player.unused().len(), 3, "/two twice, /left");
}

#[tokio::test]
async fn a_request_that_was_dropped_on_the_way_leaves_nothing() {
    let server = Server::start(|_| std::future::pending()).await;
    let (recorded, recording) = gateway(&server, "").recording();
    let meter = meter();
    let sending = recorded.send(get("/"), &meter);
    drop(tokio::time::timeout(std::time::Duration::ZERO, sending).await);
    assert!(recording.take().is_empty());
}

#[tokio::test]
async fn a_read_only_gateway_stays_so_when_it_is_recorded_or_played() {
    let server = echoing().await;
    let live = gateway_with(&server, bearer(TOKEN));
    let (recorded, recording) = live.read_only().recording();
    recorded.send(get("/one"), &meter()).await.expect("an answer");
    assert_eq!(failure_of(&recorded, request(Method::Post, "/post")).await.code, "egress.dry-run");
    let exchanges = recording.take();
    assert_eq!(exchanges.len(), 2, "what was denied is on the tape");

    let reach = live.reach();
    let played = Player::new(Tape { base: reach.base, parameter: reach.parameter, exchanges }).gateway();
    assert_eq!(failure_of(&played, request(Method::Post, "/post")).await.code, "egress.dry-run");
    let played = played.read_only();
    assert_eq!(failure_of(&played, request(Method::Post, "/other")).await.code, "egress.dry-run");
    assert_eq!(played.send(get("/one"), &meter()).await.expect("recorded").status, 200);
    assert!(played.origin().starts_with("http://"), "{}", played.origin());
    assert_eq!(played.redact(TOKEN), TOKEN, "a tape knows no secret");
}
