//! The body of an answer as a list of steps: bytes, pauses, and ways to break off.

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::Sleep;

use super::wire::Fate;

/// One step.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// These bytes.
    Bytes(Bytes),
    /// These bytes, so many times.
    Repeat(Bytes, u64),
    /// Nothing for so long; what came before goes out meanwhile.
    Pause(Duration),
    /// From now on it goes so many bytes a second; 0: as fast as can be.
    Pace(u64),
    /// The connection is closed.
    Close,
    /// The connection is reset.
    Reset,
}

/// A body that does its steps in order.
pub(super) struct Outgoing {
    steps: VecDeque<Step>,
    announced: Option<u64>,
    fate: Arc<Fate>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Outgoing {
    /// `announced` is the length that the header claims; none: chunked.
    pub(super) fn new(steps: impl Into<VecDeque<Step>>, announced: Option<u64>, fate: Arc<Fate>) -> Self {
        Self { steps: steps.into(), announced, fate, sleep: None }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        loop {
            if let Some(sleep) = &mut self.sleep {
                std::task::ready!(sleep.as_mut().poll(cx));
                self.sleep = None;
            }
            match self.steps.pop_front() {
                None => return Poll::Ready(None),
                Some(Step::Bytes(bytes)) if bytes.is_empty() => {}
                Some(Step::Bytes(bytes)) => return Poll::Ready(Some(Ok(Frame::data(bytes)))),
                Some(Step::Repeat(_, 0)) => {}
                Some(Step::Repeat(bytes, times)) => {
                    self.steps.push_front(Step::Repeat(bytes.clone(), times - 1));
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                Some(Step::Pause(length)) => self.sleep = Some(Box::pin(tokio::time::sleep(length))),
                Some(Step::Pace(bytes_per_second)) => self.fate.pace(bytes_per_second),
                Some(Step::Close) => return Poll::Ready(Some(Err(broken()))),
                Some(Step::Reset) => {
                    self.fate.reset();
                    return Poll::Ready(Some(Err(broken())));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.steps.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        self.announced.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

/// What hyper is told so that it gives the connection up.
pub(super) fn broken() -> io::Error {
    io::Error::other("broken off on purpose")
}
