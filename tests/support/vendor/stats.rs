//! What a vendor has seen: how many requests, of which kinds, how they were answered.

use super::running::Running;
use hyper::HeaderMap;
use serde::Serialize;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

/// Requests that are remembered one by one; older ones are only counted.
const REMEMBERED: usize = 20_000;

/// The counts since the start or the last reset.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Stats {
    /// TCP connections accepted.
    pub connections: u64,
    /// Requests received, the control surface left out.
    pub requests: u64,
    /// The most requests that were being answered at the same time.
    pub parallel: u64,
    /// By method and kind of path, then by status; 0 stands for no answer at all.
    pub answered: BTreeMap<String, BTreeMap<u16, u64>>,
    /// How far each rule of the fault script has come.
    pub rules: Vec<RuleCount>,
}

/// How far a rule of the fault script has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RuleCount {
    /// The rule's name, or its path.
    pub name: String,
    /// Requests that it matched, in its turn.
    pub matched: u64,
    /// Requests that it acted on.
    pub acted: u64,
}

/// One request that came in.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Seen {
    /// Milliseconds from the start of the server to its arrival.
    pub at_ms: u64,
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The query, still percent-encoded.
    pub query: Option<String>,
    /// The headers, by lower-case name; that of the credentials only by its scheme.
    pub headers: BTreeMap<String, String>,
    /// The status of the answer; 0 for no answer at all.
    pub status: u16,
}

impl Stats {
    /// Requests whose method and kind of path is that, such as
    /// `GET /api/v2/tickets/{id}/comments.json`.
    #[must_use]
    pub fn count(&self, kind: &str) -> u64 {
        self.answered.get(kind).map_or(0, |by_status| by_status.values().sum())
    }

    /// Requests of any kind that were answered with that status.
    #[must_use]
    pub fn with_status(&self, status: u16) -> u64 {
        self.answered.values().filter_map(|by_status| by_status.get(&status)).sum()
    }
}

/// The counts in the making.
#[derive(Debug)]
pub(super) struct Counter {
    start: Instant,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    stats: Stats,
    seen: VecDeque<Seen>,
    in_flight: u64,
}

impl Counter {
    pub(super) fn new() -> Self {
        Self { start: Instant::now(), inner: Mutex::default() }
    }

    pub(super) fn connected(&self) {
        self.lock().stats.connections += 1;
    }

    /// Notes the arrival of a request; it is in flight until the guard is gone.
    pub(super) fn arrived(&self, request: &hyper::Request<hyper::body::Incoming>) -> InFlight<'_> {
        let seen = Seen {
            at_ms: u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX),
            method: request.method().to_string(),
            path: request.uri().path().to_owned(),
            query: request.uri().query().map(str::to_owned),
            headers: names_and_values(request.headers()),
            status: 0,
        };
        let mut inner = self.lock();
        inner.stats.requests += 1;
        inner.in_flight += 1;
        inner.stats.parallel = inner.stats.parallel.max(inner.in_flight);
        InFlight { counter: self, seen: Some(seen), kind: String::new() }
    }

    pub(super) fn stats(&self, running: &Running) -> Stats {
        Stats { rules: running.counts(), ..self.lock().stats.clone() }
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.lock().seen.iter().cloned().collect()
    }

    pub(super) fn reset(&self) {
        let mut inner = self.lock();
        *inner = Inner { in_flight: inner.in_flight, ..Inner::default() };
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that is being answered.
pub(super) struct InFlight<'a> {
    counter: &'a Counter,
    seen: Option<Seen>,
    kind: String,
}

impl InFlight<'_> {
    /// Under which kind of path it counts.
    pub(super) fn of_kind(&mut self, kind: String) {
        self.kind = kind;
    }

    /// Says how it was answered.
    pub(super) fn answered(&mut self, status: u16) {
        if let Some(seen) = &mut self.seen {
            seen.status = status;
        }
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        let mut inner = self.counter.lock();
        inner.in_flight -= 1;
        let Some(seen) = self.seen.take() else { return };
        let kind = format!("{} {}", seen.method, self.kind);
        *inner.stats.answered.entry(kind).or_default().entry(seen.status).or_default() += 1;
        if inner.seen.len() == REMEMBERED {
            inner.seen.pop_front();
        }
        inner.seen.push_back(seen);
    }
}

fn names_and_values(headers: &HeaderMap) -> BTreeMap<String, String> {
    let shown = |name: &str, value: &str| match name {
        "authorization" => value.split(' ').next().unwrap_or_default().to_owned(),
        _ => value.to_owned(),
    };
    let pair = |(name, value): (&hyper::header::HeaderName, &hyper::header::HeaderValue)| {
        (name.to_string(), shown(name.as_str(), &String::from_utf8_lossy(value.as_bytes())))
    };
    headers.iter().map(pair).collect()
}
