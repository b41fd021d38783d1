//! Traces and metrics for an OpenTelemetry collector, over HTTP with protobuf.
//!
//! A collector that is slow or away costs spans, never a run: spans wait in a bounded
//! queue, one task sends, and nobody waits for it.

mod endpoint;
mod headers;
mod post;
mod push;
mod queue;
mod ratio;

pub use endpoint::Endpoint;
pub use headers::Error as HeadersError;
pub use ratio::Ratio;

use crate::{
    broker,
    model::{Failure, Span},
};
use opentelemetry::{KeyValue, trace::TracerProvider};
use opentelemetry_sdk::{
    Resource,
    trace::{Sampler, SdkTracerProvider},
};
use post::Post;
use push::Push;
use queue::Queue;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use tokio_util::sync::CancellationToken;
use tracing::{Level, Subscriber};
use tracing_subscriber::{
    Layer,
    filter::{LevelFilter, filter_fn},
    registry::LookupSpan,
};

/// `[telemetry.otlp]` of the configuration.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Config {
    /// Where the collector takes OTLP over HTTP, such as `http://127.0.0.1:4318`;
    /// `/v1/traces` and `/v1/metrics` are put behind it. None, the default: nothing is
    /// sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<Endpoint>,
    /// Whether traces are sent. Default true.
    pub traces: bool,
    /// Whether metrics are sent. Default true.
    pub metrics: bool,
    /// How often metrics are sent; spans go every 5 s. Default `30s`, at least `1s`.
    pub interval: Span,
    /// What the collector calls this host. Default `tidegate`.
    pub service_name: String,
    /// A file of `name: value` lines that are sent as headers: they tend to be secrets,
    /// which have no place here. In a file, relative to the file's folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headers_file: Option<PathBuf>,
    /// The share of jobs and requests that are traced, from 0 to 1. Default 1.
    pub ratio: Ratio,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            endpoint: None,
            traces: true,
            metrics: true,
            interval: Span::secs(30),
            service_name: "tidegate".to_owned(),
            headers_file: None,
            ratio: Ratio::ALL,
        }
    }
}

/// Why nothing can be sent.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The headers cannot be had.
    #[error(transparent)]
    Headers(#[from] HeadersError),
    /// The client cannot be made.
    #[error("telemetry.otlp: {}", .0.message)]
    Client(Failure),
}

/// What sends. Nothing is sent before it runs.
pub struct Exporter {
    push: Push,
    provider: Option<SdkTracerProvider>,
}

impl Exporter {
    /// None where no collector is named.
    ///
    /// # Errors
    /// When the endpoint, the headers or the certificates cannot be used.
    pub fn build(config: &Config, broker: &broker::Config) -> Result<Option<Self>, Error> {
        let Some(endpoint) = &config.endpoint else {
            return Ok(None);
        };
        let resource = Resource::builder_empty()
            .with_attributes([
                KeyValue::new("service.name", config.service_name.clone()),
                KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
                KeyValue::new("process.pid", i64::from(std::process::id())),
            ])
            .build();
        let (queue, waiting) = queue::queue();
        let provider = config.traces.then(|| provider(config.ratio, resource.clone(), queue));
        let push = Push::new(push::Setup {
            post: Post::new(endpoint, config.headers_file.as_deref(), broker.ca_file.clone())?,
            resource,
            spans: waiting,
            metrics: config.metrics,
            interval: config.interval.0,
        });
        Ok(Some(Self { push, provider }))
    }

    /// Turns spans into traces; none where traces are not wanted.
    pub(super) fn layer<S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync>(
        &self,
    ) -> Option<impl Layer<S> + Send + Sync + use<S>> {
        let tracer = self.provider.as_ref()?.tracer("tidegate");
        let spans = tracing_opentelemetry::layer()
            .with_tracer(tracer)
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_context_activation(false);
        // Steps and requests are part of the picture; lines below `info` are not.
        let wanted = filter_fn(|about| {
            let most = if about.is_span() { Level::DEBUG } else { Level::INFO };
            let own = about.target().starts_with("tidegate") || about.target() == "guest";
            own && *about.level() <= most
        });
        Some(spans.with_filter(wanted.with_max_level_hint(LevelFilter::DEBUG)))
    }

    /// Sends until `stop`, then what is left. Dropped, it loses at most what it has not
    /// sent.
    pub async fn run(self, stop: CancellationToken) {
        self.push.run(stop).await;
    }
}

fn provider(ratio: Ratio, resource: Resource, queue: Queue) -> SdkTracerProvider {
    let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(ratio.get())));
    SdkTracerProvider::builder()
        .with_resource(resource)
        .with_sampler(sampler)
        .with_span_processor(queue)
        .build()
}

#[cfg(test)]
mod tests;
