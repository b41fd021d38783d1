//! What is shared, told, kept and forgotten.

use super::*;
use crate::{
    broker::{Credential, classify::Sign, throttle::Refused},
    model::{BreakerState, Class, Failure, Secret},
};

const START: i64 = 1_700_000_000_000;

fn start() -> Timestamp {
    Timestamp::from_millis(START)
}

#[derive(Default)]
struct Notes(Mutex<Vec<(String, Option<KeptBreaker>)>>);

impl Keeper for Notes {
    fn keep(&self, origin: &str, kept: Option<&KeptBreaker>) {
        self.0.lock().expect("no panic").push((origin.to_owned(), kept.cloned()));
    }
}

struct Bench {
    origins: Origins,
    clock: Clock,
    notes: Arc<Notes>,
}

impl Bench {
    fn new() -> Self {
        let clock = Clock::manual(start());
        let breaker = breaker::Config { failures: 2, ..breaker::Config::default() };
        let setup = Setup { breaker, patience: Duration::from_secs(10), clock: clock.clone() };
        let (origins, notes) = (Origins::new(setup), Arc::new(Notes::default()));
        origins.keep_with(notes.clone());
        Self { origins, clock, notes }
    }

    fn gate(&self, url: &str) -> Gate {
        let token = Credential::Bearer { token: Secret::new("s3cret") };
        let hint = Hint { concurrency: 4, pace: None };
        let url = Url::parse(url).expect("a URL");
        self.origins.gate(&url, self.origins.fingerprint(&token), hint)
    }

    fn state(&self, origin: &str) -> OriginState {
        self.origins.get(origin).expect("known")
    }

    /// What was kept since the last time.
    fn kept(&self) -> Vec<Option<KeptBreaker>> {
        self.notes.0.lock().expect("no panic").drain(..).map(|(_, kept)| kept).collect()
    }
}

fn fail(gate: &Gate) {
    let failure = Failure::new(Class::Transient, "net.connect", "cannot connect");
    gate.breaker.admit().map_err(|failed| failed.failure).expect("let in").settle(Sign::Down, Some(&failure));
}

#[tokio::test]
async fn gateways_of_one_origin_share_its_breaker() {
    let bench = Bench::new();
    let (one, other) = (bench.gate("https://a.example/api"), bench.gate("https://A.example:443/other"));
    let elsewhere = bench.gate("https://b.example");
    let changed = bench.origins.changed();
    fail(&one);
    fail(&other);
    for gate in [&one, &other] {
        let failed = gate.breaker.admit().err().expect("left alone");
        assert_eq!((failed.failure.class, failed.failure.code.as_str()), (Class::Transient, "breaker.open"));
        let wait = failed.retry_after.expect("a time").as_millis();
        assert!((12_000..=18_250).contains(&wait), "{wait}");
        for part in [
            "https://a.example",
            "since 2023-11-14T22:13:20.000Z",
            "2 times in a row",
            "net.connect",
            "tried again at",
        ] {
            assert!(failed.failure.message.contains(part), "{part}: {}", failed.failure.message);
        }
    }
    assert!(elsewhere.breaker.admit().is_ok());
    assert_eq!(*changed.borrow(), 1);
    let state = bench.state("https://a.example");
    assert_eq!(
        (state.breaker, state.opened, state.failures_in_a_row, state.failures),
        (BreakerState::Open, Some(start()), 2, 2)
    );
    assert_eq!(state.last_failure.expect("a failure").message, "cannot connect");
    assert_eq!(bench.kept()[0].as_ref().map(|kept| kept.failures), Some(2));
}

#[tokio::test]
async fn a_probe_that_is_dropped_makes_way_for_another() {
    let bench = Bench::new();
    let gate = bench.gate("https://a.example");
    (0..2).for_each(|_| fail(&gate));
    assert!(bench.origins.due(bench.clock.now()).is_empty());
    bench.clock.advance(Duration::from_secs(20));
    assert_eq!(bench.origins.due(bench.clock.now()), ["https://a.example"]);
    let probe = gate.breaker.admit().map_err(|failed| failed.failure).expect("the probe");
    assert_eq!(bench.state("https://a.example").breaker, BreakerState::HalfOpen);
    let failed = gate.breaker.admit().err().expect("one at a time");
    assert!(failed.failure.message.contains("being tried right now"), "{}", failed.failure.message);
    drop(probe);
    let probe = gate.breaker.admit().map_err(|failed| failed.failure).expect("another");
    probe.settle(Sign::Busy, None);
    assert_eq!(
        bench.state("https://a.example").breaker,
        BreakerState::Closed,
        "refusing is a way to be alive"
    );
    let kept = bench.kept();
    assert_eq!(kept.len(), 5, "open, tried, open, tried, closed");
    assert_eq!(kept[4], None);
    assert_eq!(*bench.origins.changed().borrow(), 5);
}

#[tokio::test]
async fn a_pass_from_before_is_not_good_after_a_wait() {
    let bench = Bench::new();
    let gate = bench.gate("https://a.example");
    let early = gate.breaker.admit().map_err(|failed| failed.failure).expect("let in");
    let other = gate.breaker.admit().map_err(|failed| failed.failure).expect("let in");
    let other = other.renewed().map_err(|failed| failed.failure).expect("nothing has changed");
    (0..2).for_each(|_| fail(&gate));
    assert_eq!(early.renewed().err().expect("left alone").failure.code, "breaker.open");
    other.settle(Sign::Alive, None);
    assert_eq!(bench.state("https://a.example").breaker, BreakerState::Open);
}

#[tokio::test]
async fn breakers_come_back_after_a_restart() {
    let (before, after) = (Bench::new(), Bench::new());
    let gate = before.gate("https://a.example");
    (0..2).for_each(|_| fail(&gate));
    let kept = before.kept().pop().flatten().expect("open");
    after.origins.restore(vec![kept.clone()]);
    assert_eq!(after.state("https://a.example").probe_at, Some(kept.probe_at));
    assert_eq!(
        after.gate("https://a.example/x").breaker.admit().err().expect("left alone").failure.code,
        "breaker.open"
    );
    assert!(after.origins.close("https://a.example") && !after.origins.close("https://b.example"));
    assert!(after.gate("https://a.example").breaker.admit().is_ok());
    after.origins.restore(vec![kept]);
    assert_eq!(after.state("https://a.example").breaker, BreakerState::Closed, "what happened since counts");
}

#[tokio::test(start_paused = true)]
async fn channels_with_one_credential_share_its_throttle() {
    let bench = Bench::new();
    let (one, other) = (bench.gate("https://a.example"), bench.gate("https://a.example/other"));
    let url = Url::parse("https://a.example").expect("a URL");
    let nobody = bench.origins.fingerprint(&Credential::None);
    let stranger = bench.origins.gate(&url, nobody, Hint { concurrency: 2, pace: None });
    let block = Some(Duration::from_secs(60));
    one.throttle.heed(&crate::broker::rate::Told { block, ..Default::default() });
    assert_eq!((other.throttle.blocked_for(), stranger.throttle.blocked_for()), (block, None));
    let state = bench.state("https://a.example");
    assert_eq!(state.blocked_until.map(|until| until.millis_since(start())), Some(60_000));
    assert_eq!(state.concurrency, Some(2), "of the one that may do least");
    let failed = one.breaker.held_back(Refused::Blocked(Duration::from_secs(60)));
    assert_eq!(
        (failed.failure.class, failed.failure.code.as_str()),
        (Class::RateLimited, "throttle.blocked")
    );
    assert!(failed.failure.message.contains("until 2023-11-14T22:14:20.000Z"), "{}", failed.failure.message);
    drop((one, other));
    assert_eq!(
        bench.gate("https://a.example").throttle.blocked_for(),
        block,
        "a block outlives its gateways"
    );
    bench.origins.close("https://a.example");
    assert_eq!(bench.gate("https://a.example").throttle.blocked_for(), None);
}

#[tokio::test(start_paused = true)]
async fn a_pace_outlives_its_gateways_as_long_as_it_matters() {
    let bench = Bench::new();
    let url = Url::parse("https://a.example").expect("a URL");
    let pace = Some(crate::broker::bucket::Pace { requests: 4, within: Duration::from_secs(60) });
    let gate = |token: &str| {
        let token = Credential::Bearer { token: Secret::new(token) };
        let hint = Hint { concurrency: 1, pace };
        bench.origins.gate(&url, bench.origins.fingerprint(&token), hint)
    };
    let waited = async |gate: Gate| {
        let allowance = crate::broker::Allowance { requests: 1, response_bytes: 1 };
        let meter = crate::broker::Meter::new(allowance, tokio_util::sync::CancellationToken::new());
        gate.throttle.admit(&meter).await.map(|turn| turn.waited.as_secs()).expect("its turn comes")
    };
    assert_eq!(waited(gate("one-token")).await, 0);
    assert_eq!(waited(gate("other-token")).await, 0);
    assert_eq!(waited(gate("one-token")).await, 15);
    let throttles = || gate("other-token").breaker.count_throttles();
    assert_eq!(throttles(), 2);
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!(throttles(), 1, "one is at rest, and is forgotten");
}

#[tokio::test]
async fn an_origin_that_nobody_has_is_forgotten_after_a_while() {
    let bench = Bench::new();
    let (idle, used) = (bench.gate("https://idle.example"), bench.gate("https://used.example"));
    (0..2).for_each(|_| fail(&idle));
    bench.kept();
    drop(idle);
    let names = || bench.origins.list().into_iter().map(|state| state.origin).collect::<Vec<_>>();
    bench.clock.advance(FORGOTTEN_AFTER - Duration::from_secs(1));
    assert_eq!(names(), ["https://idle.example", "https://used.example"]);
    bench.clock.advance(LOOKED_FOR_EVERY);
    assert_eq!(names(), ["https://used.example"]);
    assert_eq!(bench.kept(), [None], "and so is what was kept of it");
    drop(used);
}

#[tokio::test]
async fn the_number_of_idle_origins_is_bounded() {
    let bench = Bench::new();
    let held = bench.gate("https://held.example");
    for number in 0..MOST + 10 {
        bench.gate(&format!("https://{number}.example"));
    }
    assert_eq!(bench.lock_len(), MOST);
    assert!(bench.origins.get("https://held.example").is_some());
    assert!(bench.origins.get(&format!("https://{}.example", MOST + 9)).is_some());
    drop(held);
}

impl Bench {
    fn lock_len(&self) -> usize {
        self.origins.lock().peers.len()
    }
}
