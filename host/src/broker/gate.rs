//! The way to one origin with one credential: past its breaker and its throttle.
//!
//! It holds both for as long as an attempt is under way and tells them what came
//! of it; what goes over the wire is none of its business.

use super::{
    classify::{Failed, Sign},
    peer::{Pass, Peer},
    places::Place,
    rate::Told,
    throttle::Throttle,
};
use std::sync::Arc;

/// One gateway's way to one origin. Others have the same peer, and those with the
/// same credential the same throttle.
#[derive(Clone)]
pub(super) struct Gate {
    pub(super) breaker: Arc<Peer>,
    pub(super) throttle: Arc<Throttle>,
}

/// An attempt that is under way. Dropped, it counts as nothing.
pub(super) struct Entry(Option<Inside>);

struct Inside {
    gate: Gate,
    pass: Pass,
    place: Place,
}

impl Entry {
    pub(super) fn new(gate: Gate, pass: Pass, place: Place) -> Self {
        Self(Some(Inside { gate, pass, place }))
    }

    /// To no origin that anything is known of.
    pub(super) fn none() -> Self {
        Self(None)
    }

    /// What the head of an answer says of the rate.
    pub(super) fn heed(&self, told: &Told) {
        self.0.iter().for_each(|inside| inside.gate.throttle.heed(told));
    }

    /// Goes on to another origin: this one has answered.
    pub(super) fn leave(&mut self) {
        std::mem::replace(self, Self::none()).settle(Ok(&()));
    }

    /// Gives the place back when a stream has begun. While requests go to the origin at
    /// will, what it is counted as shows at the stream's end; one that is being tried is
    /// alive as soon as it answers.
    pub(super) fn hand_over(self) -> Option<Pass> {
        let Inside { gate, pass, place } = self.0?;
        place.success();
        if gate.breaker.is_closed() {
            return Some(pass);
        }
        pass.settle(Sign::Alive, None);
        None
    }

    /// Notes what came of it, and gives the place back.
    pub(super) fn settle<T>(self, outcome: Result<&T, &Failed>) {
        let sign = outcome.as_ref().map_or_else(|failed| failed.sign, |_| Sign::Alive);
        let Some(Inside { pass, place, .. }) = self.0 else {
            return;
        };
        if sign.wants_less() {
            place.setback();
        } else if sign.is_alive() {
            place.success();
        }
        pass.settle(sign, outcome.err().map(|failed| &failed.failure));
    }
}
