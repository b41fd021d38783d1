//! Origins that fail or have enough: what is sent to them all the same, and what
//! is not.

use super::{server::Then, *};
use crate::{
    clock::Clock,
    model::{BreakerState, Class, OriginState, Timestamp},
};
use std::{
    sync::atomic::{AtomicU16, Ordering::SeqCst},
    time::Duration,
};

/// A server with a status that a test sets, and a broker whose time a test drives.
struct Bench {
    server: Server,
    status: Arc<AtomicU16>,
    broker: Broker,
    clock: Clock,
}

impl Bench {
    /// `headers` go with every answer.
    async fn new(config: &str, headers: &'static [(&'static str, &'static str)]) -> Self {
        let status = Arc::new(AtomicU16::new(200));
        let now = status.clone();
        let server = Server::start(move |_| {
            let status = now.load(SeqCst);
            let reply = match status {
                0 => Reply::raw("", Then::Close),
                1 => Reply::raw("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab", Then::Close),
                status => Reply::with(status, headers, b""),
            };
            std::future::ready(reply)
        });
        let server = server.await;
        let config = toml::from_str(&format!("{LOOPBACK}{config}")).expect("a configuration");
        let clock = Clock::manual(Timestamp::from_millis(1_700_000_000_000));
        let broker = Broker::with_clock(config, Arc::new(Table::default()), clock.clone());
        Self { server, status, broker, clock }
    }

    fn answer(&self, status: u16) {
        self.status.store(status, SeqCst);
    }

    fn gateway(&self, credential: Credential) -> Gateway {
        self.broker.gateway(Scope { credential, ..scope(&self.server.url()) }).expect("allowed")
    }

    fn state(&self) -> OriginState {
        self.broker.origins().get(&self.server.url()).expect("known")
    }

    /// Codes of so many requests, one after the other.
    async fn codes(&self, gateway: &Gateway, count: usize) -> Vec<String> {
        let mut codes = Vec::new();
        for _ in 0..count {
            let sent = gateway.send(get("/"), &meter()).await;
            codes.push(sent.map_or_else(|failure| failure.code, |answer| answer.status.to_string()));
        }
        codes
    }
}

#[tokio::test]
async fn an_origin_that_fails_is_left_alone_by_all_channels() {
    let bench = Bench::new("attempts = 1", &[]).await;
    let (one, other) = (bench.gateway(bearer("one-token")), bench.gateway(bearer("other-token")));
    bench.answer(502);
    assert_eq!(bench.codes(&one, 3).await, ["http.status.502"; 3]);
    assert_eq!(bench.codes(&other, 3).await, ["http.status.502", "http.status.502", "breaker.open"]);
    let failure = failure_of(&one, get("/")).await;
    assert_eq!((failure.class, failure.code.as_str()), (Class::Transient, "breaker.open"));
    assert!((12_000..=18_250).contains(&failure.retry_after_ms.expect("a time")), "{failure:?}");
    for part in [&bench.server.url(), "5 times in a row", "http.status.502", "nothing was sent"] {
        assert!(failure.message.contains(part), "{part}: {}", failure.message);
    }
    assert!(!failure.message.contains("tried 0"), "{}", failure.message);
    assert_eq!(bench.server.requests(), 5);
    let elsewhere = Server::start(|_| std::future::ready(Reply::ok(b"fine"))).await;
    let elsewhere = bench.broker.gateway(scope(&elsewhere.url())).expect("allowed");
    assert_eq!(bench.codes(&elsewhere, 1).await, ["200"], "others go on");

    bench.clock.advance(Duration::from_secs(20));
    assert_eq!(bench.broker.origins().due(bench.clock.now()), [bench.server.url()]);
    assert_eq!(bench.codes(&one, 2).await, ["http.status.502", "breaker.open"], "one probe");
    bench.answer(200);
    bench.clock.advance(Duration::from_secs(40));
    assert_eq!(bench.codes(&other, 2).await, ["200"; 2]);
    let state = bench.state();
    assert_eq!((state.breaker, state.requests, state.failures), (BreakerState::Closed, 8, 6));
    assert_eq!(state.failures_in_a_row, 0);
}

#[tokio::test]
async fn every_way_to_be_down_counts_and_being_refused_does_not() {
    for (status, is_down) in [
        (0, true),
        (1, true),
        (500, true),
        (503, true),
        (504, true),
        (400, false),
        (401, false),
        (403, false),
        (404, false),
        (407, false),
        (408, false),
        (429, false),
        (501, false),
        (505, false),
    ] {
        let bench = Bench::new("attempts = 1", &[("retry-after", "0")]).await;
        bench.answer(status);
        let gateway = bench.gateway(Credential::None);
        bench.codes(&gateway, 6).await;
        let state = bench.state();
        let expected = if is_down { (BreakerState::Open, 5) } else { (BreakerState::Closed, 0) };
        assert_eq!((state.breaker, state.failures), expected, "{status}");
    }
}

#[tokio::test]
async fn what_is_ended_by_ourselves_says_nothing_about_the_origin() {
    let server = Server::start(|_| std::future::ready(Reply::ok(&[b'x'; 2_000]))).await;
    let bench = Bench::new("attempts = 1\nresponse-bytes = '1KiB'", &[]).await;
    let too_large = bench.broker.gateway(scope(&server.url())).expect("allowed");
    let denied = bench.broker.gateway(scope("http://nowhere.test")).expect("a name");
    for _ in 0..6 {
        assert_eq!(failure_of(&too_large, get("/")).await.code, "limit.response-bytes");
        assert_eq!(failure_of(&denied, get("/../x")).await.code, "egress.path");
    }
    let hanging = Server::start(|_| std::future::ready(Reply::raw("", Then::Hang))).await;
    let gateway = bench.broker.gateway(scope(&hanging.url())).expect("allowed");
    for _ in 0..6 {
        let meter = meter();
        let sent = tokio::time::timeout(Duration::from_millis(20), gateway.send(get("/"), &meter));
        assert!(sent.await.is_err(), "given up by its caller");
        let hasty = Request { timeout: Some(Duration::from_millis(20)), ..get("/") };
        assert_eq!(failure_of(&gateway, hasty).await.code, "net.timeout", "by the guest's own limit");
    }
    for state in bench.broker.origins().list() {
        assert_eq!((state.breaker, state.failures_in_a_row), (BreakerState::Closed, 0), "{}", state.origin);
    }
}

#[tokio::test]
async fn time_outs_of_the_operator_s_count() {
    let hanging = Server::start(|_| std::future::ready(Reply::raw("", Then::Hang))).await;
    for limit in ["read-timeout = '20ms'", "total-timeout = '20ms'"] {
        let broker = broker(&format!("{LOOPBACK}attempts = 1\n{limit}"), Table::default());
        let gateway = broker.gateway(scope(&hanging.url())).expect("allowed");
        for _ in 0..5 {
            assert_eq!(failure_of(&gateway, get("/")).await.code, "net.timeout");
        }
        assert_eq!(failure_of(&gateway, get("/")).await.code, "breaker.open", "{limit}");
    }
}

#[tokio::test]
async fn those_who_wait_for_a_place_learn_that_the_origin_fails() {
    let bench = Bench::new("attempts = 1", &[]).await;
    bench.answer(0);
    let one_at_a_time = Scope { concurrency: 1, ..scope(&bench.server.url()) };
    let gateway = bench.broker.gateway(one_at_a_time).expect("allowed");
    let (first, second) = (meter(), meter());
    let batch = || vec![get("/"); 10];
    let (first, second) = tokio::join!(gateway.send_all(batch(), &first), gateway.send_all(batch(), &second));
    let codes = first.into_iter().chain(second).map(|answer| answer.expect_err("down").code);
    assert_eq!(codes.filter(|code| code == "breaker.open").count(), 15);
    assert_eq!(bench.server.requests(), 5);
}

#[tokio::test]
async fn one_of_many_is_the_probe() {
    let bench = Bench::new("attempts = 1", &[]).await;
    let gateway = bench.gateway(Credential::None);
    bench.answer(500);
    bench.codes(&gateway, 5).await;
    bench.clock.advance(Duration::from_secs(20));
    let answers = gateway.send_all(vec![get("/"); 20], &meter()).await;
    let codes = answers.into_iter().map(|answer| answer.expect_err("down").code);
    assert_eq!(codes.filter(|code| code == "http.status.500").count(), 1);
    assert_eq!(bench.server.requests(), 6);
}

#[tokio::test]
async fn retries_add_a_fifth_to_the_load_at_most() {
    let bench = Bench::new("attempts = 2\n[breaker]\nfailures = 1000\nsamples = 1000", &[]).await;
    bench.answer(500);
    let gateway = bench.gateway(Credential::None);
    let mut unpaid = 0;
    for _ in 0..50 {
        let failure = failure_of(&gateway, get("/")).await;
        assert_eq!((failure.class, failure.code.as_str()), (Class::Transient, "http.status.500"));
        unpaid +=
            usize::from(failure.message.contains("not tried again, because too many requests to it fail"));
    }
    assert_eq!((bench.server.requests(), unpaid), (50 + 11, 39));
    assert_eq!((bench.state().requests, bench.state().retries), (50, 11));
}

#[tokio::test]
async fn a_refusal_blocks_every_channel_with_the_same_credential() {
    for (status, code) in [(429, "http.status.429"), (503, "http.status.503")] {
        let bench = Bench::new("attempts = 2", &[("retry-after", "3600")]).await;
        let (one, same) = (bench.gateway(bearer("one-token")), bench.gateway(bearer("one-token")));
        let stranger = bench.gateway(bearer("other-token"));
        bench.answer(status);
        let failure = failure_of(&one, get("/")).await;
        assert_eq!((failure.class, failure.code.as_str()), (Class::RateLimited, code));
        assert_eq!((failure.retry_after_ms, bench.server.requests()), (Some(3_600_000), 1));
        for gateway in [&one, &same] {
            let failure = failure_of(gateway, get("/")).await;
            assert_eq!((failure.class, failure.code.as_str()), (Class::RateLimited, "throttle.blocked"));
            let wait = failure.retry_after_ms.expect("a time");
            assert!((3_590_000..=3_600_250).contains(&wait), "{wait}");
            assert!(
                failure.message.contains("asked to be left alone until 2023-11-14T23:13"),
                "{}",
                failure.message
            );
        }
        assert_eq!(bench.server.requests(), 1);
        assert_eq!(bench.codes(&stranger, 1).await, [code]);
        assert!(bench.state().blocked_until.is_some());
        assert!(bench.broker.origins().close(&bench.server.url()));
        bench.answer(200);
        assert_eq!(bench.codes(&same, 1).await, ["200"], "an operator knows better");
    }
}

#[tokio::test]
async fn a_spent_quota_is_not_overdrawn() {
    let bench = Bench::new("", &[("ratelimit", "\"day\";r=0;t=3600")]).await;
    let gateway = bench.gateway(Credential::None);
    assert_eq!(bench.codes(&gateway, 2).await, ["200", "throttle.blocked"]);
    assert_eq!(bench.server.requests(), 1);
    let bench = Bench::new("", &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1700003600")]).await;
    bench.answer(429);
    let failure = failure_of(&bench.gateway(Credential::None), get("/")).await;
    assert_eq!((failure.code.as_str(), failure.retry_after_ms), ("http.status.429", Some(3_600_000)));
}

#[tokio::test]
async fn fewer_requests_go_at_once_after_a_refusal() {
    let bench = Bench::new("attempts = 1", &[("retry-after", "0")]).await;
    let gateway = bench.gateway(Credential::None);
    assert_eq!(bench.state().concurrency, Some(4));
    for (status, concurrency) in
        [(429, 2), (200, 2), (200, 3), (503, 1), (429, 1), (401, 2), (200, 2), (200, 3)]
    {
        bench.answer(status);
        bench.codes(&gateway, 1).await;
        assert_eq!(bench.state().concurrency, Some(concurrency), "{status}");
    }
}

#[tokio::test]
async fn a_hop_to_another_origin_counts_there() {
    let bench = Bench::new("attempts = 1", &[]).await;
    bench.answer(500);
    let target = format!("{}/there", bench.server.url());
    let first = Server::start(move |_| std::future::ready(Reply::redirect(302, &target))).await;
    let scope = with_origin(scope(&first.url()), "other", &bench.server.url());
    let gateway = bench.broker.gateway(scope).expect("allowed");
    assert_eq!(gateway.origin(), first.url());
    let codes = bench.codes(&gateway, 6).await;
    assert_eq!((codes[4].as_str(), codes[5].as_str()), ("http.status.500", "breaker.open"));
    assert_eq!((bench.state().breaker, bench.server.requests()), (BreakerState::Open, 5));
    let first = bench.broker.origins().get(&first.url()).expect("known");
    assert_eq!((first.breaker, first.failures, first.requests), (BreakerState::Closed, 0, 6));
}

#[tokio::test]
async fn a_dry_run_lets_no_change_out() {
    let bench = Bench::new("", &[]).await;
    let gateway = bench.gateway(Credential::None).read_only();
    let meter = meter();
    for method in [Method::Post, Method::Put, Method::Patch, Method::Delete] {
        let failures = [
            gateway.send(request(method, "/"), &meter).await.expect_err("denied"),
            gateway.open(request(method, "/"), &meter).await.expect_err("denied"),
            gateway.send_all(vec![request(method, "/")], &meter).await.remove(0).expect_err("denied"),
        ];
        for failure in failures {
            assert_eq!((failure.class, failure.code.as_str()), (Class::Denied, "egress.dry-run"));
            assert!(failure.message.contains(method.as_str()), "{}", failure.message);
        }
    }
    assert_eq!((bench.server.connections(), meter.used().requests), (0, 0));
    for method in [Method::Get, Method::Head, Method::Options] {
        assert_eq!(gateway.clone().send(request(method, "/"), &meter).await.expect("asked").status, 200);
    }
    assert_eq!(bench.server.connections(), 1, "its connections are used again");
}
