//! The task that sends: metrics at their interval, spans as they come.
//!
//! It keeps one batch of spans until the collector takes it, and says once that the
//! collector is away and once that it is back.

use super::{
    post::{Post, Refused, Signal},
    queue::ROOM,
};
use crate::metrics;
use opentelemetry_proto::{
    tonic::{
        collector::{metrics::v1::ExportMetricsServiceRequest, trace::v1::ExportTraceServiceRequest},
        resource::v1::Resource as Origin,
    },
    transform::{
        common::tonic::ResourceAttributesWithSchema, trace::tonic::group_spans_by_resource_and_scope,
    },
};
use opentelemetry_sdk::{Resource, trace::SpanData};
use prost::Message;
use std::time::Duration;
use tokio::{
    sync::mpsc,
    time::{Interval, MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

/// Spans of one message, about a quarter of a megabyte.
const BATCH: usize = 512;
/// How long a span waits for others.
const LINGER: Duration = Duration::from_secs(5);
/// How long the last messages may take altogether, within the host's grace period.
const FAREWELL: Duration = Duration::from_secs(3);
const SHORTEST: Duration = Duration::from_secs(1);

pub(super) struct Setup {
    pub(super) post: Post,
    pub(super) resource: Resource,
    pub(super) spans: mpsc::Receiver<SpanData>,
    pub(super) metrics: bool,
    pub(super) interval: Duration,
}

pub(super) struct Push {
    post: Post,
    resource: ResourceAttributesWithSchema,
    spans: mpsc::Receiver<SpanData>,
    batch: Vec<SpanData>,
    /// Whether spans may still come.
    open: bool,
    metrics: Option<Duration>,
    pub(super) linger: Duration,
    away: bool,
}

impl Push {
    pub(super) fn new(setup: Setup) -> Self {
        Self {
            post: setup.post,
            resource: ResourceAttributesWithSchema::from(&setup.resource),
            spans: setup.spans,
            batch: Vec::with_capacity(BATCH),
            open: true,
            metrics: setup.metrics.then(|| setup.interval.max(SHORTEST)),
            linger: LINGER,
            away: false,
        }
    }

    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut metrics_due = every(self.metrics.unwrap_or(LINGER));
        let mut spans_due = every(self.linger);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = self.turn(&mut metrics_due, &mut spans_due) => {}
            }
        }
        // Who has to stop cannot wait for a collector.
        if tokio::time::timeout(FAREWELL, self.farewell()).await.is_err() {
            tracing::warn!("the collector did not take the last traces and metrics in time");
        }
    }

    /// One thing to do. Cancel safe: a batch stays until it was taken.
    async fn turn(&mut self, metrics_due: &mut Interval, spans_due: &mut Interval) {
        let room = BATCH - self.batch.len();
        tokio::select! {
            _ = metrics_due.tick(), if self.metrics.is_some() => self.push_metrics().await,
            _ = spans_due.tick() => self.push_spans().await,
            came = self.spans.recv_many(&mut self.batch, room), if self.open && room > 0 => {
                self.open = came > 0;
                if self.batch.len() == BATCH {
                    self.push_spans().await;
                }
            }
        }
    }

    /// What is there now; a collector that is away is not tried twice.
    async fn farewell(&mut self) {
        self.spans.close();
        for _ in 0..=ROOM / BATCH {
            while self.batch.len() < BATCH
                && let Ok(span) = self.spans.try_recv()
            {
                self.batch.push(span);
            }
            if self.batch.is_empty() {
                break;
            }
            self.push_spans().await;
            if self.away {
                metrics::spans_dropped(self.batch.len() as u64);
                return;
            }
        }
        if self.metrics.is_some() {
            self.push_metrics().await;
        }
    }

    async fn push_spans(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        let resource_spans = group_spans_by_resource_and_scope(self.batch.clone(), &self.resource);
        let message = ExportTraceServiceRequest { resource_spans }.encode_to_vec();
        let sent = self.post.send(Signal::Traces, message).await;
        if let Err(Refused::Never(_)) = sent {
            metrics::spans_dropped(self.batch.len() as u64);
        }
        if !matches!(sent, Err(Refused::Later(_))) {
            self.batch.clear();
        }
        self.tell(sent);
    }

    async fn push_metrics(&mut self) {
        let mut request = ExportMetricsServiceRequest::from(&metrics::collect());
        for metrics in &mut request.resource_metrics {
            let attributes = self.resource.attributes.0.clone();
            metrics.resource = Some(Origin { attributes, ..Origin::default() });
        }
        let sent = self.post.send(Signal::Metrics, request.encode_to_vec()).await;
        self.tell(sent);
    }

    fn tell(&mut self, sent: Result<(), Refused>) {
        match sent {
            Ok(()) if self.away => tracing::info!("the collector takes traces and metrics again"),
            Err(refused) if !self.away => {
                tracing::warn!(error = %refused, "the collector does not take traces and metrics; runs go on");
                self.away = true;
                return;
            }
            _ => {}
        }
        self.away = self.away && sent.is_err();
    }
}

fn every(period: Duration) -> Interval {
    let mut interval = interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}
