//! Takes down the exchanges of one step, in the order in which the guest asked.
//!
//! It holds them in memory, bounded by what a step may receive, until whoever recorded
//! takes them.

use super::{Answered, Asked, End, Exchange, Got, redact, texts};
use crate::{
    broker::{Request, marks::Marks},
    model::Failure,
};
use bytes::{Bytes, BytesMut};
use std::{
    fmt, mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The exchanges of one step. Cheap to clone; clones share them.
#[derive(Clone)]
pub struct Recording(Arc<Shared>);

struct Shared {
    marks: Arc<Marks>,
    /// None: under way, or dropped on the way.
    places: Mutex<Vec<Option<Exchange>>>,
}

impl Recording {
    pub(in crate::broker) fn new(marks: Arc<Marks>) -> Self {
        Self(Arc::new(Shared { marks, places: Mutex::default() }))
    }

    /// The next place, for a request that is about to be sent.
    pub(in crate::broker) fn begin(&self, request: &Request) -> Slot {
        let mut places = self.places();
        places.push(None);
        Slot { recording: self.clone(), place: places.len() - 1, asked: Asked::of(request) }
    }

    /// The exchanges that came to an end, without secrets. Reads every byte of them: call
    /// it off the reactor.
    #[must_use]
    pub fn take(&self) -> Vec<Exchange> {
        let places = mem::take(&mut *self.places());
        places.into_iter().flatten().map(|exchange| redact::exchange(exchange, &self.0.marks)).collect()
    }

    /// Bytes of the guest without the credential of its channel.
    #[must_use]
    pub fn hide(&self, bytes: Bytes) -> Bytes {
        self.0.marks.conceal(bytes)
    }

    /// A text of the guest without the credential of its channel.
    #[must_use]
    pub fn hide_text(&self, text: String) -> String {
        self.0.marks.conceal_text(text)
    }

    /// A failure without the credential of its channel.
    #[must_use]
    pub fn hide_failure(&self, failure: Failure) -> Failure {
        redact::failure(failure, &self.0.marks)
    }

    fn places(&self) -> MutexGuard<'_, Vec<Option<Exchange>>> {
        self.0.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recording").field("exchanges", &self.places().len()).finish()
    }
}

/// The place of one exchange.
pub(in crate::broker) struct Slot {
    recording: Recording,
    place: usize,
    asked: Asked,
}

impl Slot {
    /// The host gave up, or refused.
    pub(in crate::broker) fn failed(self, failure: Failure) {
        self.fill(Got::Failure(failure));
    }

    /// An answer that was read whole.
    pub(in crate::broker) fn answered(self, head: Head<'_>, body: Bytes) {
        let answer = head.with(body, End::Whole);
        self.fill(Got::Answer(answer));
    }

    /// An answer whose body the guest is going to read.
    pub(in crate::broker) fn streamed(self, head: Head<'_>) -> Tee {
        let answer = head.with(Bytes::new(), End::Unread);
        Tee { slot: Some(self), answer, read: BytesMut::new() }
    }

    fn fill(self, got: Got) {
        let Self { recording, place, asked } = self;
        // A recording that was taken meanwhile has no such place any more.
        if let Some(place) = recording.places().get_mut(place) {
            *place = Some(Exchange { asked, got });
        }
    }
}

/// What is known of an answer before its body.
pub(in crate::broker) struct Head<'a> {
    pub(in crate::broker) status: u16,
    pub(in crate::broker) headers: &'a [(String, Bytes)],
    pub(in crate::broker) attempts: u8,
}

impl Head<'_> {
    fn with(&self, body: Bytes, end: End) -> Answered {
        Answered { status: self.status, headers: texts(self.headers), body, end, attempts: self.attempts }
    }
}

/// Takes down what the guest reads of a body; kept when the guest lets go of it.
pub(in crate::broker) struct Tee {
    slot: Option<Slot>,
    answer: Answered,
    read: BytesMut,
}

impl Tee {
    /// What a read came to; nothing more is there after an empty one.
    pub(in crate::broker) fn note(&mut self, read: &Result<Bytes, Failure>) {
        match read {
            Ok(bytes) if bytes.is_empty() => self.answer.end = End::Whole,
            Ok(bytes) => self.read.extend_from_slice(bytes),
            Err(failure) => self.answer.end = End::Broken(failure.clone()),
        }
    }
}

impl Drop for Tee {
    fn drop(&mut self) {
        self.answer.body = mem::take(&mut self.read).freeze();
        if let Some(slot) = self.slot.take() {
            slot.fill(Got::Answer(self.answer.clone()));
        }
    }
}
