//! Spans that ended and wait to be sent.
//!
//! Bounded: who ends a span never waits. What does not fit is counted and gone.

use crate::metrics;
use opentelemetry::Context;
use opentelemetry_sdk::{
    error::OTelSdkResult,
    trace::{Span, SpanData, SpanProcessor},
};
use std::time::Duration;
use tokio::sync::mpsc;

/// About a megabyte of spans: what 1,000 requests a second leave in the two seconds of a
/// slow post.
pub(super) const ROOM: usize = 2_048;

#[derive(Debug)]
pub(super) struct Queue(mpsc::Sender<SpanData>);

pub(super) fn queue() -> (Queue, mpsc::Receiver<SpanData>) {
    let (tx, rx) = mpsc::channel(ROOM);
    (Queue(tx), rx)
}

impl SpanProcessor for Queue {
    fn on_start(&self, _span: &mut Span, _context: &Context) {}

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() && self.0.try_send(span).is_err() {
            metrics::spans_dropped(1);
        }
    }

    /// The task that sends has a life of its own.
    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
}
