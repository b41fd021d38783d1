//! The circuit breaker of one origin: closed, open, half-open. Pure.
//!
//! It neither waits nor throws dice nor knows what a request is: time and jitter
//! come in, and what an attempt said of the origin; out comes whether the next
//! one may go.

use crate::model::{BreakerState, KeptBreaker, OriginFailure, Span, Timestamp};
use serde::{Deserialize, Serialize};
use std::{collections::VecDeque, time::Duration};

/// `[broker.breaker]` of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Config {
    /// So many failed attempts in a row open the breaker. 5 by default; 0 means 1.
    pub failures: u32,
    /// So large a share of failed attempts opens it too. 0.5 by default; more than
    /// 0, and at most 1.
    pub error_rate: Share,
    /// The share counts only over at least so many attempts. 20 by default; 0
    /// means 1.
    pub samples: u32,
    /// And over those of the last so long. 60 s by default.
    pub window: Span,
    /// The first pause before the origin is tried again; it doubles each time the
    /// try fails. 15 s by default, give or take a fifth.
    pub pause: Span,
    /// The longest pause. 60 s by default, give or take a fifth.
    pub pause_max: Span,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            failures: 5,
            error_rate: Share(0.5),
            samples: 20,
            window: Span::secs(60),
            pause: Span::secs(15),
            pause_max: Span::secs(60),
        }
    }
}

/// A part of a whole: more than 0, and at most 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Share(f64);

/// A number that is no share.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{0} is not a share: it has to be more than 0, and at most 1")]
pub struct NoShare(f64);

impl TryFrom<f64> for Share {
    type Error = NoShare;
    fn try_from(number: f64) -> Result<Self, NoShare> {
        if number > 0.0 && number <= 1.0 { Ok(Self(number)) } else { Err(NoShare(number)) }
    }
}

impl From<Share> for f64 {
    fn from(share: Share) -> Self {
        share.0
    }
}

/// The machine.
#[derive(Clone, Debug)]
pub(super) struct Breaker {
    config: Config,
    state: State,
    /// Goes up with every change of state: who was let in before has no say after.
    generation: u64,
    in_a_row: u32,
    window: Window,
    last_failure: Option<OriginFailure>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Closed,
    Open(Outage),
    /// One attempt is under way and decides.
    HalfOpen(Outage),
}

/// A time in which an origin does not work.
#[derive(Clone, Copy, Debug)]
struct Outage {
    opened: Timestamp,
    probe_at: Timestamp,
    /// Without the jitter.
    pause: Duration,
}

/// An attempt that was let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pass(u64);

/// Why an attempt was not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shut {
    pub(super) opened: Timestamp,
    /// None: it is being tried right now.
    pub(super) probe_at: Option<Timestamp>,
    pub(super) in_a_row: u32,
}

/// What an attempt said of the origin.
#[derive(Clone, Debug)]
pub(super) enum News {
    /// It works, whatever it thinks of the request.
    Alive,
    Down(OriginFailure),
    /// Neither: the attempt was cancelled, or broke off for a reason of our own.
    Nothing,
}

/// When news came. The jitter is from 0 up to, not including, 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) now: Timestamp,
    pub(super) jitter: f64,
}

impl Breaker {
    /// Closed, and knowing nothing.
    pub(super) fn new(config: Config) -> Self {
        let window = Window::new(config.window.0);
        Self { config, state: State::Closed, generation: 0, in_a_row: 0, window, last_failure: None }
    }

    /// Open, as it was before a restart.
    pub(super) fn restored(config: Config, kept: KeptBreaker) -> Self {
        let KeptBreaker { opened, probe_at, pause_ms, failures, last_failure, .. } = kept;
        let outage = Outage { opened, probe_at, pause: Duration::from_millis(pause_ms) };
        let state = State::Open(outage);
        Self { state, generation: 1, in_a_row: failures, last_failure, ..Self::new(config) }
    }

    /// Lets an attempt in, or says why not. Where the pause is over, the first one
    /// becomes the probe.
    pub(super) fn admit(&mut self, now: Timestamp) -> Result<Pass, Shut> {
        let shut =
            |outage: Outage, probe_at| Shut { opened: outage.opened, probe_at, in_a_row: self.in_a_row };
        match self.state {
            State::Closed => {}
            State::Open(outage) if self.is_over(outage, now) => self.turn(State::HalfOpen(outage)),
            State::Open(outage) => return Err(shut(outage, Some(outage.probe_at))),
            State::HalfOpen(outage) => return Err(shut(outage, None)),
        }
        Ok(Pass(self.generation))
    }

    /// Whether the pass is of the state that holds now.
    pub(super) fn is_current(&self, pass: Pass) -> bool {
        pass.0 == self.generation
    }

    /// Takes up what an attempt said. News of an attempt that was let in before the
    /// last change of state come too late and change nothing.
    pub(super) fn note(&mut self, pass: Pass, news: News, moment: Moment) {
        if !self.is_current(pass) {
            return;
        }
        match (self.state, news) {
            (State::HalfOpen(_), News::Alive) => self.close(),
            (State::HalfOpen(outage), News::Down(failure)) => {
                self.failed(failure);
                let pause = outage.pause.saturating_mul(2);
                self.open(outage.opened, pause, moment);
            }
            // The next attempt is the probe then.
            (State::HalfOpen(outage), News::Nothing) => self.turn(State::Open(outage)),
            (State::Closed, News::Alive) => {
                self.in_a_row = 0;
                self.window.add(moment.now, 0);
            }
            (State::Closed, News::Down(failure)) => {
                self.failed(failure);
                self.window.add(moment.now, 1);
                if self.is_too_much(moment.now) {
                    self.open(moment.now, self.config.pause.0, moment);
                }
            }
            (State::Closed, News::Nothing) | (State::Open(_), _) => {}
        }
    }

    /// Lets attempts in again, whatever they have said.
    pub(super) fn close(&mut self) {
        self.in_a_row = 0;
        self.window.clear();
        if !matches!(self.state, State::Closed) {
            self.turn(State::Closed);
        }
    }

    pub(super) fn state(&self) -> BreakerState {
        match self.state {
            State::Closed => BreakerState::Closed,
            State::Open(_) => BreakerState::Open,
            State::HalfOpen(_) => BreakerState::HalfOpen,
        }
    }

    /// Goes up with every change of state.
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether the next attempt would be a probe.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        matches!(self.state, State::Open(outage) if self.is_over(outage, now))
    }

    pub(super) fn in_a_row(&self) -> u32 {
        self.in_a_row
    }

    pub(super) fn last_failure(&self) -> Option<&OriginFailure> {
        self.last_failure.as_ref()
    }

    /// What a restart must not lose; nothing where it is closed.
    pub(super) fn kept(&self, origin: &str) -> Option<KeptBreaker> {
        let (State::Open(outage) | State::HalfOpen(outage)) = self.state else {
            return None;
        };
        Some(KeptBreaker {
            origin: origin.to_owned(),
            opened: outage.opened,
            probe_at: outage.probe_at,
            pause_ms: u64::try_from(outage.pause.as_millis()).unwrap_or(u64::MAX),
            failures: self.in_a_row,
            last_failure: self.last_failure.clone(),
        })
    }

    /// A time further off than any pause was set by a clock that has been put
    /// back since.
    fn is_over(&self, outage: Outage, now: Timestamp) -> bool {
        let longest = jittered(self.config.pause_max.0.max(outage.pause), 1.0);
        now >= outage.probe_at || outage.probe_at > later(now, longest)
    }

    fn failed(&mut self, failure: OriginFailure) {
        self.in_a_row = self.in_a_row.saturating_add(1);
        self.last_failure = Some(failure);
    }

    fn is_too_much(&mut self, now: Timestamp) -> bool {
        let (attempts, failed) = self.window.sums(now);
        let enough = attempts >= u64::from(self.config.samples.max(1));
        self.in_a_row >= self.config.failures.max(1)
            || enough && failed as f64 >= attempts as f64 * self.config.error_rate.0
    }

    fn open(&mut self, opened: Timestamp, pause: Duration, moment: Moment) {
        let pause = pause.min(self.config.pause_max.0);
        let probe_at = later(moment.now, jittered(pause, moment.jitter));
        self.turn(State::Open(Outage { opened, probe_at, pause }));
    }

    fn turn(&mut self, state: State) {
        self.state = state;
        self.generation += 1;
    }
}

/// Give or take a fifth, so that many hosts do not come back at once.
fn jittered(pause: Duration, jitter: f64) -> Duration {
    pause.mul_f64(0.8 + 0.4 * jitter.clamp(0.0, 1.0))
}

fn later(time: Timestamp, by: Duration) -> Timestamp {
    let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(time.as_millis().saturating_add(by))
}

/// The attempts of the last while, counted in tenths of it.
#[derive(Clone, Debug)]
struct Window {
    /// Of one part, in milliseconds.
    length: i64,
    parts: VecDeque<Part>,
}

#[derive(Clone, Copy, Debug)]
struct Part {
    number: i64,
    attempts: u64,
    failed: u64,
}

/// Parts of the window: its border moves in steps of a tenth.
const PARTS: i64 = 10;

impl Window {
    fn new(length: Duration) -> Self {
        let length = i64::try_from(length.as_millis()).unwrap_or(i64::MAX) / PARTS;
        Self { length: length.max(1), parts: VecDeque::new() }
    }

    fn add(&mut self, now: Timestamp, failed: u64) {
        let number = self.forget(now);
        match self.parts.back_mut() {
            Some(part) if part.number == number => {
                part.attempts += 1;
                part.failed += failed;
            }
            _ => self.parts.push_back(Part { number, attempts: 1, failed }),
        }
    }

    fn sums(&mut self, now: Timestamp) -> (u64, u64) {
        self.forget(now);
        let add = |(attempts, failed), part: &Part| (attempts + part.attempts, failed + part.failed);
        self.parts.iter().fold((0, 0), add)
    }

    fn clear(&mut self) {
        self.parts.clear();
    }

    /// Drops what is too old, or of a time to come. The number of the part that is now.
    fn forget(&mut self, now: Timestamp) -> i64 {
        let number = now.as_millis().div_euclid(self.length);
        self.parts.retain(|part| part.number > number - PARTS && part.number <= number);
        number
    }
}

#[cfg(test)]
mod tests;
