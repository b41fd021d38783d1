//! What all gateways share of one origin: its breaker, its retry budget, its
//! counts, and the throttles of its credentials.
//!
//! It decides nothing itself; it locks, asks the pure parts, and tells about what
//! changed.

use super::{
    breaker::{self, Breaker, Moment, News, Shut},
    budget::Budget,
    classify::{Failed, Sign},
    fingerprint::Fingerprint,
    origins::Changes,
    throttle::{Hint, Refused, Throttle},
};
use crate::{
    clock::Clock,
    metrics,
    model::{BreakerState, Class, Failure, KeptBreaker, OriginFailure, OriginState, Timestamp},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Who comes at the very moment of the probe may be a little early by its clock.
const LITTLE: Duration = Duration::from_millis(250);
/// How soon to ask again while the probe is under way.
const PROBING: Duration = Duration::from_secs(1);

/// One origin.
pub(super) struct Peer {
    origin: String,
    clock: Clock,
    changes: Arc<Changes>,
    inner: Mutex<Inner>,
    throttles: Mutex<BTreeMap<Fingerprint, Arc<Throttle>>>,
}

struct Inner {
    breaker: Breaker,
    budget: Budget,
    used: Timestamp,
    requests: u64,
    retries: u64,
    failures: u64,
    throttled: u64,
    throttled_for: Duration,
}

/// What a peer is made of.
pub(super) struct Making {
    pub(super) origin: String,
    pub(super) breaker: Breaker,
    pub(super) budget: Budget,
    pub(super) clock: Clock,
    pub(super) changes: Arc<Changes>,
}

/// An attempt that the breaker let in. Dropped, it has said nothing.
pub(super) struct Pass {
    peer: Arc<Peer>,
    pass: breaker::Pass,
    is_settled: bool,
}

// === impl Peer ===

impl Peer {
    pub(super) fn new(making: Making) -> Self {
        let Making { origin, breaker, budget, clock, changes } = making;
        let inner = Inner {
            breaker,
            budget,
            used: clock.now(),
            requests: 0,
            retries: 0,
            failures: 0,
            throttled: 0,
            throttled_for: Duration::ZERO,
        };
        Self { origin, clock, changes, inner: Mutex::new(inner), throttles: Mutex::default() }
    }

    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    /// The throttle of a credential, with that hint from now on.
    pub(super) fn throttle(&self, credential: Fingerprint, hint: Hint, patience: Duration) -> Arc<Throttle> {
        let throttles = &mut *self.throttles();
        let is_of_use = |throttle: &Arc<Throttle>| Arc::strong_count(throttle) > 1 || !throttle.is_at_rest();
        throttles.retain(|of, throttle| *of == credential || is_of_use(throttle));
        let made = || Arc::new(Throttle::new(hint, patience));
        let throttle = throttles.entry(credential).or_insert_with(made).clone();
        throttle.set(hint);
        throttle
    }

    #[cfg(test)]
    pub(super) fn count_throttles(&self) -> usize {
        self.throttles().len()
    }

    /// Lets an attempt in, or fails it at once.
    pub(super) fn admit(self: &Arc<Self>) -> Result<Pass, Failed> {
        let now = self.clock.now();
        let admitted = self.change(|inner| {
            inner.used = now;
            inner.breaker.admit(now).map_err(|shut| (shut, inner.breaker.last_failure().cloned()))
        });
        match admitted {
            Ok(pass) => Ok(Pass { peer: self.clone(), pass, is_settled: false }),
            Err((shut, last)) => Err(self.left_alone(shut, last.as_ref(), now)),
        }
    }

    /// The failure for a request that the throttle refuses.
    pub(super) fn held_back(&self, refused: Refused) -> Failed {
        let (wait, words) = match refused {
            Refused::Blocked(wait) => (wait, "asked to be left alone"),
            Refused::OutOfTime(wait) => (wait, "takes no request of this credential"),
        };
        let until = later(self.clock.now(), wait);
        let message = format!("{} {words} until {until}; nothing was sent", self.origin);
        Failed::unsent(Failure::new(Class::RateLimited, "throttle.blocked", message), wait + LITTLE)
    }

    fn left_alone(&self, shut: Shut, last: Option<&OriginFailure>, now: Timestamp) -> Failed {
        let Shut { opened, probe_at, in_a_row } = shut;
        let last = last.map(|last| format!(", the last time with {} at {}", last.code, last.at));
        let (next, wait) = match probe_at {
            Some(at) => {
                (format!("it is tried again at {at}"), Duration::from_millis(at.millis_since(now)) + LITTLE)
            }
            None => ("it is being tried right now".to_owned(), PROBING),
        };
        let message = format!(
            "{} has not worked since {opened}: it failed {in_a_row} times in a row{}; nothing was sent, {next}",
            self.origin,
            last.unwrap_or_default()
        );
        Failed::unsent(Failure::new(Class::Transient, "breaker.open", message), wait)
    }

    /// Counts an attempt that goes out. The first one of a request pays for the
    /// retries of others.
    pub(super) fn sent(&self, number: u8, waited: Duration) {
        let inner = &mut *self.lock();
        match number {
            1 => {
                inner.requests += 1;
                inner.budget.deposit();
            }
            _ => inner.retries += 1,
        }
        inner.throttled += u64::from(!waited.is_zero());
        inner.throttled_for += waited;
        if !waited.is_zero() {
            metrics::throttle_wait(&self.origin, waited);
        }
    }

    /// Pays for a retry, where the budget is enough.
    pub(super) fn affords_retry(&self) -> bool {
        self.lock().budget.withdraw()
    }

    /// Closes the breaker and lifts the blocks.
    pub(super) fn close(&self) {
        self.change(|inner| inner.breaker.close());
        self.throttles().values().for_each(|throttle| throttle.unblock());
    }

    /// Takes over what a breaker was before a restart, unless this one knows
    /// better by now.
    pub(super) fn restore(&self, breaker: Breaker) {
        self.change(|inner| {
            if inner.breaker.generation() == 0 {
                inner.breaker = breaker;
            }
        });
    }

    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.lock().breaker.is_due(now)
    }

    pub(super) fn last_used(&self) -> Timestamp {
        self.lock().used
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().breaker.state() == BreakerState::Closed
    }

    pub(super) fn state(&self) -> OriginState {
        let (now, throttles) = (self.clock.now(), self.throttles());
        let blocked = throttles.values().filter_map(|throttle| throttle.blocked_for()).max();
        let concurrency = throttles.values().map(|throttle| throttle.concurrency()).min();
        let inner = self.lock();
        let kept = inner.breaker.kept(&self.origin);
        OriginState {
            origin: self.origin.clone(),
            breaker: inner.breaker.state(),
            opened: kept.as_ref().map(|kept| kept.opened),
            probe_at: kept.as_ref().map(|kept| kept.probe_at),
            failures_in_a_row: inner.breaker.in_a_row(),
            last_failure: inner.breaker.last_failure().cloned(),
            requests: inner.requests,
            retries: inner.retries,
            failures: inner.failures,
            throttled: inner.throttled,
            throttled_ms: u64::try_from(inner.throttled_for.as_millis()).unwrap_or(u64::MAX),
            blocked_until: blocked.map(|block| later(now, block)),
            concurrency,
        }
    }

    /// Tells about a change of the breaker before anybody can make the next one.
    fn change<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        let inner = &mut *self.lock();
        let before = (inner.breaker.generation(), inner.breaker.state());
        let done = change(inner);
        if inner.breaker.generation() != before.0 {
            let kept = inner.breaker.kept(&self.origin);
            metrics::breaker_moved(&self.origin, circuit(inner.breaker.state()));
            self.log(before.1, inner.breaker.state(), kept.as_ref());
            self.changes.tell(&self.origin, kept.as_ref());
        }
        done
    }

    fn log(&self, before: BreakerState, after: BreakerState, kept: Option<&KeptBreaker>) {
        let origin = &self.origin;
        match kept {
            None => tracing::info!(origin, "the origin works again"),
            Some(kept) if after == BreakerState::Open => {
                let code = kept.last_failure.as_ref().map_or("", |last| &last.code);
                let (failures, probe_at) = (kept.failures, kept.probe_at);
                tracing::warn!(origin, code, failures, %probe_at, "the origin fails and is left alone");
            }
            Some(_) => tracing::debug!(origin, %before, %after, "the origin is tried again"),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every change is whole before anything in it can panic.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn throttles(&self) -> MutexGuard<'_, BTreeMap<Fingerprint, Arc<Throttle>>> {
        self.throttles.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Pass ===

impl Pass {
    /// The same after a wait, in which the breaker may have changed its mind.
    pub(super) fn renewed(self) -> Result<Self, Failed> {
        if self.peer.lock().breaker.is_current(self.pass) {
            return Ok(self);
        }
        self.peer.admit()
    }

    /// What the attempt said.
    pub(super) fn settle(mut self, sign: Sign, failure: Option<&Failure>) {
        self.is_settled = true;
        let now = self.peer.clock.now();
        let news = match failure {
            Some(Failure { code, message, .. }) if sign.is_down() => {
                News::Down(OriginFailure { at: now, code: code.clone(), message: message.clone() })
            }
            _ if sign.is_alive() => News::Alive,
            _ => News::Nothing,
        };
        self.note(news, now);
    }

    fn note(&self, news: News, now: Timestamp) {
        let moment = Moment { now, jitter: fastrand::f64() };
        self.peer.change(|inner| {
            inner.failures += u64::from(matches!(news, News::Down(_)));
            inner.breaker.note(self.pass, news, moment);
        });
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if !self.is_settled {
            self.note(News::Nothing, self.peer.clock.now());
        }
    }
}

fn later(time: Timestamp, by: Duration) -> Timestamp {
    let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(time.as_millis().saturating_add(by))
}

fn circuit(state: BreakerState) -> metrics::Circuit {
    match state {
        BreakerState::Closed => metrics::Circuit::Closed,
        BreakerState::HalfOpen => metrics::Circuit::HalfOpen,
        BreakerState::Open => metrics::Circuit::Open,
    }
}
