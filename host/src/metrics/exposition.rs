//! The text format 0.0.4 of Prometheus, from the meter's own data.
//!
//! It writes what there is and invents nothing: names are declared as they are written.

use opentelemetry::KeyValue;
use opentelemetry_sdk::metrics::data::{
    AggregatedMetrics, HistogramDataPoint, Metric, MetricData, ResourceMetrics, ScopeMetrics,
};
use std::{fmt::Display, fmt::Write as _};

/// What `GET /metrics` is sent as.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) fn text(metrics: &ResourceMetrics) -> String {
    let mut families: Vec<&Metric> = metrics.scope_metrics().flat_map(ScopeMetrics::metrics).collect();
    families.sort_by_key(|metric| metric.name());
    let mut text = String::new();
    for metric in families {
        let (kind, mut series) = match metric.data() {
            AggregatedMetrics::F64(data) => family(metric.name(), data),
            AggregatedMetrics::U64(data) => family(metric.name(), data),
            AggregatedMetrics::I64(data) => family(metric.name(), data),
        };
        if series.is_empty() {
            continue;
        }
        series.sort_unstable();
        let name = metric.name();
        put(&mut text, format_args!("# HELP {name} {}\n# TYPE {name} {kind}\n", help(metric.description())));
        series.iter().for_each(|series| text.push_str(series));
    }
    text
}

/// The kind of a family, and the lines of each of its label sets.
fn family<T: Display + Copy>(name: &str, data: &MetricData<T>) -> (&'static str, Vec<String>) {
    match data {
        MetricData::Gauge(gauge) => {
            let points = gauge.data_points();
            ("gauge", points.map(|point| line(name, &labels(point.attributes()), &point.value())).collect())
        }
        MetricData::Sum(sum) => {
            let kind = if sum.is_monotonic() { "counter" } else { "gauge" };
            let points = sum.data_points();
            (kind, points.map(|point| line(name, &labels(point.attributes()), &point.value())).collect())
        }
        MetricData::Histogram(histogram) => {
            ("histogram", histogram.data_points().map(|point| distribution(name, point)).collect())
        }
        // No instrument is declared as one.
        MetricData::ExponentialHistogram(_) => ("untyped", Vec::new()),
    }
}

/// Buckets hold all that is below their bound, as Prometheus counts them.
fn distribution<T: Display + Copy>(name: &str, point: &HistogramDataPoint<T>) -> String {
    let (own, mut text, mut below) = (labels(point.attributes()), String::new(), 0);
    let comma = if own.is_empty() { "" } else { "," };
    let bounds = point.bounds().map(|bound| bound.to_string()).chain(["+Inf".to_owned()]);
    for (bound, count) in bounds.zip(point.bucket_counts()) {
        below += count;
        text.push_str(&line(&format!("{name}_bucket"), &format!("{own}{comma}le=\"{bound}\""), &below));
    }
    text.push_str(&line(&format!("{name}_sum"), &own, &point.sum()));
    text.push_str(&line(&format!("{name}_count"), &own, &point.count()));
    text
}

fn line(name: &str, labels: &str, value: &dyn Display) -> String {
    match labels {
        "" => format!("{name} {value}\n"),
        labels => format!("{name}{{{labels}}} {value}\n"),
    }
}

/// In the order of their keys: the meter gives them now in one order, now in another.
fn labels<'a>(attributes: impl Iterator<Item = &'a KeyValue>) -> String {
    let mut attributes: Vec<_> = attributes.collect();
    attributes.sort_unstable_by(|one, other| one.key.cmp(&other.key));
    let mut text = String::new();
    for attribute in attributes {
        let key = attribute.key.as_str().replace(['.', '-'], "_");
        let value = attribute.value.as_str();
        let comma = if text.is_empty() { "" } else { "," };
        put(&mut text, format_args!("{comma}{key}=\"{}\"", escaped(&value).replace('"', "\\\"")));
    }
    text
}

fn help(text: &str) -> String {
    escaped(text)
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n")
}

/// Writing to a string cannot fail.
fn put(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    let _ = text.write_fmt(arguments);
}
