//! Pages, and the way out that a step lends its guest.

use super::*;
use crate::{
    broker::{Broker, Credential, Gateway, Scope, SystemLookup},
    model::{Class, Name, PullRequest, Secret, Span},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

const HTTP: &str = r#"
    (import "tidegate:connect/http@0.1.0" "[method]transport.send" (func $send (param i32 i32)))
    (import "tidegate:connect/http@0.1.0" "[method]transport.send-all" (func $send-all (param i32 i32 i32 i32)))
    (import "tidegate:connect/http@0.1.0" "[method]transport.open" (func $open (param i32 i32)))
    (import "tidegate:connect/http@0.1.0" "[method]transport.path-of" (func $path-of (param i32 i32 i32 i32)))
    (import "tidegate:connect/http@0.1.0" "[method]body-reader.read" (func $read (param i32 i32 i32)))
    (import "tidegate:connect/run@0.1.0" "remaining" (func $remaining (param i32)))
    (import "tidegate:connect/state@0.1.0" "set" (func $set (param i32 i32 i32 i32 i32 i32)))"#;

/// `$ask` writes a GET of `/data` at 512; `$page` makes a page of one record
/// with the payload that it is given; `$done` one of so many records.
const ITEMS: &str = r#"
    (data (i32.const 2048) "/data") (data (i32.const 2056) "https://elsewhere.example/x") (data (i32.const 2100) "k")
    (func $ask (param $transport i32)
        (i32.store (i32.const 512) (local.get $transport))
        (i32.store (i32.const 532) (i32.const 2048))
        (i32.store (i32.const 536) (i32.const 5)))
    (func $page (param i32 i32) (result i32)
        (i32.store (i32.const 768) (i32.const 2100))
        (i32.store (i32.const 772) (i32.const 1))
        (i32.store (i32.const 820) (local.get 0))
        (i32.store (i32.const 824) (local.get 1))
        (call $records (i32.const 768) (i32.const 1)))
    (func $records (param i32 i32) (result i32)
        (i32.store8 (i32.const 640) (i32.const 0))
        (i32.store (i32.const 648) (local.get 0))
        (i32.store (i32.const 652) (local.get 1))
        (i32.const 640))
    ;; So many records of 1 KiB each.
    (func $many (param $count i32) (result i32)
        (local $at i32) (local $first i32) (local $n i32)
        (local.set $first (call $alloc (i32.const 0) (i32.const 0) (i32.const 8) (i32.mul (local.get $count) (i32.const 64))))
        (local.set $at (local.get $first))
        (loop $next
            (i32.store (local.get $at) (i32.const 2100))
            (i32.store offset=4 (local.get $at) (i32.const 1))
            (i32.store offset=52 (local.get $at) (i32.const 1024))
            (i32.store offset=56 (local.get $at) (i32.const 1024))
            (local.set $at (i32.add (local.get $at) (i32.const 64)))
            (local.set $n (i32.add (local.get $n) (i32.const 1)))
            (br_if $next (i32.lt_u (local.get $n) (local.get $count))))
        (call $records (local.get $first) (local.get $count)))"#;

/// Sends; hands on what fails.
const SEND: &str = "(call $ask (local.get 0)) (call $send (i32.const 512) (i32.const 256))
    (if (i32.load8_u (i32.const 256)) (then (return (i32.const 256))))";

fn pulling(body: &str) -> Guest {
    Guest { imports: HTTP, items: ITEMS, pull: Some(body.into()), ..Guest::default() }
}

fn request() -> PullRequest {
    PullRequest {
        connector: Name::try_new("thing").unwrap(),
        settings: "{}".into(),
        cursor: Some("c".into()),
        keys: vec!["1".into()],
        limit: 100,
    }
}

/// Answers every request in the same way, when it is told to.
struct Server {
    address: std::net::SocketAddr,
    _tasks: JoinSet<()>,
}

impl Server {
    async fn start(answer: &'static str) -> Self {
        Self::pausing(answer, || true).await
    }

    /// Holds every answer back until `ready` says so.
    async fn pausing(answer: &'static str, ready: impl Fn() -> bool + Clone + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((connection, _)) = listener.accept().await {
                connections.spawn(serve(connection, answer, ready.clone()));
            }
        });
        Self { address, _tasks: tasks }
    }

    fn gateway(&self) -> Gateway {
        let config = toml::from_str("allow-addresses = ['127.0.0.0/8']\nallow-plain-http = true").unwrap();
        let scope = Scope {
            base: format!("http://{}", self.address).parse().unwrap(),
            origins: BTreeMap::new(),
            credential: Credential::Bearer { token: Secret::new("canary-5e0f") },
            concurrency: 4,
            requests_per_minute: None,
        };
        Broker::new(config, Arc::new(SystemLookup)).gateway(scope).unwrap()
    }

    async fn pull(&self, bench: &Bench, body: &str) -> Outcome<crate::model::Page> {
        let plugin = bench.load(&pulling(body)).await;
        plugin.pull(Step { gateway: Some(self.gateway()), ..step() }, request()).await
    }
}

async fn serve(mut connection: TcpStream, answer: &'static str, ready: impl Fn() -> bool) {
    let mut seen = Vec::new();
    while connection.read_buf(&mut seen).await.is_ok_and(|read| read > 0) {
        if seen.ends_with(b"\r\n\r\n") {
            assert!(String::from_utf8_lossy(&seen).contains("canary-5e0f"), "the credential is put on");
            while !ready() {
                tokio::task::yield_now().await;
            }
            seen.clear();
            connection.write_all(answer.as_bytes()).await.unwrap();
        }
    }
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 7\r\nx-kind: a\r\n\r\n{\"a\":1}";

#[tokio::test]
async fn a_page_comes_through_the_gateway() {
    let server = Server::start(OK).await;
    let body = format!("{SEND} (call $page (i32.load (i32.const 276)) (i32.load (i32.const 280)))");
    let outcome = server.pull(&Bench::new(), &body).await;
    let page = outcome.result.unwrap();
    assert_eq!(page.records.len(), 1);
    assert_eq!(
        (page.records[0].key.as_str(), page.records[0].payload.as_ref()),
        ("k", b"{\"a\":1}".as_slice())
    );
    let usage = outcome.usage;
    assert_eq!((usage.requests, usage.sent, usage.response_bytes), (1, 1, 7));
}

#[tokio::test]
async fn requests_in_parallel_are_answered_in_order() {
    let server = Server::start(OK).await;
    // Two requests without a transport before them, one after the other.
    let body = "(call $ask (i32.const 0))
        (memory.copy (i32.const 900) (i32.const 516) (i32.const 72))
        (memory.copy (i32.const 972) (i32.const 516) (i32.const 72))
        (call $send-all (local.get 0) (i32.const 900) (i32.const 2) (i32.const 256))
        (if (i32.ne (i32.load (i32.const 260)) (i32.const 2)) (then unreachable))
        (call $page (i32.load offset=20 (i32.load (i32.const 256))) (i32.load offset=24 (i32.load (i32.const 256))))";
    let outcome = server.pull(&Bench::new(), body).await;
    assert_eq!(outcome.result.unwrap().records[0].payload.as_ref(), b"{\"a\":1}");
    assert_eq!(outcome.usage.requests, 2);
}

#[tokio::test]
async fn a_body_can_be_read_piece_by_piece() {
    let server = Server::start(OK).await;
    let body = "(call $ask (local.get 0)) (call $open (i32.const 512) (i32.const 256))
        (if (i32.load8_u (i32.const 256)) (then (return (i32.const 256))))
        (call $read (i32.load (i32.const 276)) (i32.const 4) (i32.const 320))
        (call $page (i32.load (i32.const 328)) (i32.load (i32.const 332)))";
    let outcome = server.pull(&Bench::new(), body).await;
    assert_eq!(outcome.result.unwrap().records[0].payload.as_ref(), b"{\"a\"");
    let nothing = "(call $ask (local.get 0)) (call $open (i32.const 512) (i32.const 256))
        (call $read (i32.load (i32.const 276)) (i32.const 0) (i32.const 320)) (i32.const 320)";
    let failure = server.pull(&Bench::new(), nothing).await.result.unwrap_err();
    assert_eq!((failure.class, failure.code.as_str()), (Class::InvalidData, "http.read-size"));
}

#[tokio::test]
async fn a_refusal_of_the_broker_reaches_the_guest_as_an_error() {
    let server = Server::start("HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n").await;
    let bench = Bench::new();
    let failure = server.pull(&bench, &format!("{SEND} unreachable")).await.result.unwrap_err();
    assert_eq!(failure.class, Class::Auth, "{failure}");
    let elsewhere =
        "(call $path-of (local.get 0) (i32.const 2056) (i32.const 27) (i32.const 256)) (i32.const 256)";
    let failure = server.pull(&bench, elsewhere).await.result.unwrap_err();
    assert_eq!(failure.class, Class::Denied, "{failure}");
}

#[tokio::test]
async fn requests_are_limited_and_the_guest_can_see_how_many_are_left() {
    let server = Server::start(OK).await;
    let bench = Bench::with(|config| config.limits.requests = 3);
    let endless = format!("(loop $ever {SEND} (br $ever)) unreachable");
    let outcome = server.pull(&bench, &endless).await;
    let failure = outcome.result.unwrap_err();
    assert_eq!(failure.class, Class::Limit, "{failure}");
    assert_eq!(outcome.usage.requests, 3);
    let ask = format!("{SEND} (call $remaining (i32.const 256)) (call $page (i32.const 272) (i32.const 4))");
    let page = server.pull(&bench, &ask).await.result.unwrap();
    assert_eq!(page.records[0].payload.as_ref(), 2_u32.to_le_bytes());
}

#[tokio::test]
async fn a_credential_is_nowhere_in_the_memory_of_the_guest() {
    let server = Server::start(OK).await;
    let body = format!("{SEND} (call $page (i32.const 0) (i32.mul (memory.size) (i32.const 65536)))");
    let page = server.pull(&Bench::new(), &body).await.result.unwrap();
    let memory = &page.records[0].payload;
    let finds = |words: &[u8]| memory.windows(words.len()).any(|window| window == words);
    assert!(finds(b"x-kind") && finds(b"{\"a\":1}"), "the response is there");
    assert!(!finds(b"canary"));
}

#[tokio::test]
async fn waiting_for_an_answer_is_not_cpu_time() {
    let bench = Bench::with(|config| config.limits.cpu = Span::millis(30));
    let ticks = bench.sandbox.ticks();
    let since = Arc::new(Mutex::new(ticks.now()));
    // Every answer takes five ticks, and the guest asks for ten of them.
    let server = Server::pausing(OK, move || {
        let mut since = since.lock().unwrap();
        let ready = ticks.now() >= *since + 5;
        if ready {
            *since = ticks.now();
        }
        ready
    });
    let body = format!(
        "(local $n i32)
        (loop $next {SEND}
            (local.set $n (i32.add (local.get $n) (i32.const 1)))
            (br_if $next (i32.lt_u (local.get $n) (i32.const 10))))
        (call $page (i32.const 0) (i32.const 1))"
    );
    let outcome = server.await.pull(&bench, &body).await;
    assert!(outcome.result.is_ok(), "{:?}", outcome.result);
    assert!(outcome.usage.cpu_ticks <= 3, "{:?}", outcome.usage);
    assert!(outcome.usage.wall_ms >= 400, "{:?}", outcome.usage);
}

#[tokio::test]
async fn a_request_that_is_under_way_ends_with_the_run() {
    let server = Server::pausing(OK, || false).await;
    let plugin = Bench::new().load(&pulling(&format!("{SEND} unreachable"))).await;
    let cancel = CancellationToken::new();
    let pulled =
        plugin.pull(Step { gateway: Some(server.gateway()), cancel: cancel.clone(), ..step() }, request());
    let (outcome, ()) = tokio::join!(pulled, async {
        tokio::task::yield_now().await;
        cancel.cancel();
    });
    assert_eq!(outcome.result.unwrap_err().code, "run.cancelled");
    assert!(outcome.usage.wall_ms < 1_000, "{:?}", outcome.usage);
}

#[tokio::test]
async fn a_page_over_its_limit_ends_the_step_and_its_state_is_dropped() {
    let server = Server::start(OK).await;
    let bench = Bench::with(|config| config.limits.page_records = 1_000);
    let set = "(call $set (i32.const 2100) (i32.const 1) (i32.const 1) (i32.const 2100) (i32.const 1) (i32.const 256))";
    let outcome = server.pull(&bench, &format!("{set} (call $many (i32.const 1000))")).await;
    let page = outcome.result.unwrap();
    assert_eq!(page.records.len(), 1_000);
    assert!(page.records.iter().all(|record| record.payload.len() == 1_024));
    assert_eq!(outcome.state, BTreeMap::from([("k".into(), Some("k".into()))]));
    let outcome = server.pull(&bench, &format!("{set} (call $many (i32.const 1001))")).await;
    assert_eq!(outcome.result.unwrap_err().code, "limit.page-records");
    assert!(outcome.state.is_empty());
}

#[tokio::test]
async fn without_a_gateway_there_is_no_way_out() {
    let plugin = Bench::new().load(&pulling("unreachable")).await;
    let outcome = plugin.pull(step(), request()).await;
    assert_eq!(outcome.result.unwrap_err().code, "internal.no-gateway");
}

#[tokio::test]
async fn a_check_gets_the_way_out_and_answers_facts() {
    let server = Server::start(OK).await;
    let plugin = Bench::new().load(&Guest::of_everything()).await;
    let with_gateway = Step { gateway: Some(server.gateway()), ..step() };
    assert_eq!(plugin.check(with_gateway, "{\"a\":1}".into()).await.result.unwrap(), "{\"a\":1}");
    assert_eq!(plugin.check(step(), "{}".into()).await.result.unwrap_err().code, "internal.no-gateway");
}
