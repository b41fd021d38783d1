//! What is known of one file.
//!
//! It knows no other file: whether a fit file is taken up is told to it.

use crate::catalog::{
    Entry, Fit, Refusal, Standing,
    folder::{Sighting, Stamp},
    judge::Verdict,
};
use crate::model::Name;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// Names one judgement.
pub(crate) type Ticket = u64;

/// One file, from its first sighting to its last.
pub(super) struct File {
    stamp: Stamp,
    state: State,
    /// The version that is taken up, also while the file itself is worse.
    current: Option<Arc<Fit>>,
}

enum State {
    /// Seen like this since then; none where it has rested since before the start.
    Settling(Option<Instant>),
    /// Under a ticket, so that the verdict on an older state is told apart.
    Judging(Ticket),
    Judged(Judged),
}

struct Judged {
    sha256: Option<String>,
    result: Result<Arc<Fit>, Refusal>,
}

impl File {
    pub(super) fn new(sighting: Sighting, since: Option<Instant>) -> Self {
        Self { state: State::of(sighting.refusal, since), stamp: sighting.stamp, current: None }
    }

    /// Takes in a later sighting; whether anything is different.
    pub(super) fn see(&mut self, sighting: Sighting, now: Instant) -> bool {
        let changed = self.stamp != sighting.stamp;
        if changed {
            self.state = State::of(sighting.refusal, Some(now));
            self.stamp = sighting.stamp;
        }
        changed
    }

    /// Begins a judgement where the file has stood still long enough.
    pub(super) fn start_judging(&mut self, settle: Duration, now: Instant, ticket: Ticket) -> bool {
        let State::Settling(since) = self.state else {
            return false;
        };
        let settled = since.is_none_or(|since| now >= since + settle);
        if settled {
            self.state = State::Judging(ticket);
        }
        settled
    }

    /// Takes in a verdict; whether it was waited for. One about bytes that are not
    /// those of the last sighting puts the file back to settling.
    pub(super) fn judged(&mut self, ticket: Ticket, verdict: Verdict, now: Instant) -> bool {
        if !matches!(self.state, State::Judging(current) if current == ticket) {
            return false;
        }
        let Verdict { stamp, sha256, result } = verdict;
        self.state = match stamp {
            Some(stamp) if stamp != self.stamp => State::Settling(Some(now)),
            _ => State::Judged(Judged { sha256, result }),
        };
        true
    }

    /// Has a file judged again that was refused for what is in it.
    pub(super) fn retry(&mut self) -> bool {
        let refused = matches!(&self.state, State::Judged(Judged { sha256: Some(_), result: Err(_) }));
        if refused {
            self.state = State::Settling(None);
        }
        refused
    }

    pub(super) fn broken_off(&mut self, now: Instant) {
        if self.is_judging() {
            self.state = State::Settling(Some(now));
        }
    }

    pub(super) fn is_settling(&self) -> bool {
        matches!(self.state, State::Settling(_))
    }

    pub(super) fn is_judging(&self) -> bool {
        matches!(self.state, State::Judging(_))
    }

    pub(super) fn is_open(&self) -> bool {
        self.is_settling() || self.is_judging()
    }

    /// Since when it stands still, where it is waited for.
    pub(super) fn settling_since(&self) -> Option<Instant> {
        match self.state {
            State::Settling(since) => since,
            State::Judging(_) | State::Judged(_) => None,
        }
    }

    /// The version that is taken up.
    pub(super) fn current(&self) -> Option<&Arc<Fit>> {
        self.current.as_ref()
    }

    /// A fit version that is not taken up.
    pub(super) fn waiting(&self) -> Option<&Arc<Fit>> {
        match &self.state {
            State::Judged(Judged { result: Ok(fit), .. }) if !self.runs(fit) => Some(fit),
            _ => None,
        }
    }

    /// Takes up a version; the one before.
    pub(super) fn take_up(&mut self, fit: Arc<Fit>) -> Option<Arc<Fit>> {
        self.current.replace(fit)
    }

    /// Takes back that a version was taken up.
    pub(super) fn put_down(&mut self) {
        self.current = None;
    }

    /// What others get to see. `taken` says who has the channel types of a fit
    /// file that is not taken up.
    pub(super) fn entry(&self, name: &str, taken: impl Fn(&[Name]) -> Refusal) -> Entry {
        let (sha256, standing) = match &self.state {
            State::Settling(_) | State::Judging(_) => (None, Standing::Settling),
            State::Judged(Judged { sha256, result }) => {
                let standing = match result {
                    Ok(fit) if self.runs(fit) => fit.standing(),
                    Ok(fit) => self.refused(taken(&fit.types())),
                    Err(refusal) => self.refused(refusal.clone()),
                };
                (sha256.clone(), standing)
            }
        };
        let (size, modified) = (self.stamp.size, Some(self.stamp.modified()));
        Entry { file: name.into(), size, modified, sha256, standing }
    }

    fn runs(&self, fit: &Arc<Fit>) -> bool {
        self.current.as_ref().is_some_and(|current| Arc::ptr_eq(current, fit))
    }

    /// A refusal that also tells what runs in the place of the refused file.
    fn refused(&self, Refusal { code, mut reason }: Refusal) -> Standing {
        if let Some(current) = &self.current {
            reason.push_str(&format!(
                "; version {} from before (sha256 {:.12}…) goes on until the file is mended or removed, or the host stops",
                current.manifest.version, current.sha256
            ));
        }
        Standing::Refused { code, reason }
    }
}

impl State {
    fn of(refusal: Option<Refusal>, since: Option<Instant>) -> Self {
        match refusal {
            Some(refusal) => Self::Judged(Judged { sha256: None, result: Err(refusal) }),
            None => Self::Settling(since),
        }
    }
}
