//! The meter that all instruments belong to, and the reader that everybody reads them by.
//!
//! One reader: a scrape and a push see the same sums, and neither resets them.

use super::instruments::Instruments;
use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    metrics::{
        Instrument, InstrumentKind, ManualReader, Pipeline, SdkMeterProvider, Stream, Temporality,
        data::ResourceMetrics, reader::MetricReader,
    },
};
use std::{
    sync::{Arc, LazyLock, Weak},
    time::Duration,
};

/// The most label sets of one instrument: about 1,000 origins, or 100 connectors of ten outcomes.
pub const SERIES: usize = 1_000;

pub(super) static REGISTRY: LazyLock<Registry> = LazyLock::new(Registry::new);

pub(super) struct Registry {
    pub(super) instruments: Instruments,
    reader: Reader,
    /// The reader holds it weakly.
    _provider: SdkMeterProvider,
}

impl Registry {
    fn new() -> Self {
        let reader = Reader(Arc::new(ManualReader::builder().build()));
        let limited = |_: &Instrument| Stream::builder().with_cardinality_limit(SERIES).build().ok();
        let provider = SdkMeterProvider::builder()
            .with_reader(reader.clone())
            .with_view(limited)
            // The default one would ask the environment; who pushes says who we are.
            .with_resource(Resource::builder_empty().build())
            .build();
        Self { instruments: Instruments::of(&provider.meter("tidegate")), reader, _provider: provider }
    }

    pub(super) fn collect(&self) -> ResourceMetrics {
        let mut metrics = ResourceMetrics::default();
        // It fails only after a shutdown, and nobody shuts it down.
        let _ = self.reader.collect(&mut metrics);
        metrics
    }
}

/// The provider takes its reader away; this is the one that it leaves us.
#[derive(Clone, Debug)]
struct Reader(Arc<ManualReader>);

impl MetricReader for Reader {
    fn register_pipeline(&self, pipeline: Weak<Pipeline>) {
        self.0.register_pipeline(pipeline);
    }

    fn collect(&self, metrics: &mut ResourceMetrics) -> OTelSdkResult {
        self.0.collect(metrics)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn temporality(&self, kind: InstrumentKind) -> Temporality {
        self.0.temporality(kind)
    }
}
