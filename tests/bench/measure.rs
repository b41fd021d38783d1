//! Reads what a process used, and sums up repeated measurements.

use serde::{Deserialize, Serialize};
use std::time::Instant;

/// What one side of a comparison did in one run, as its process printed it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Sample {
    /// Records counted at the sink after the run.
    pub(crate) records: u64,
    /// Wall time from the first request to the last commit, in seconds.
    pub(crate) seconds: f64,
    /// CPU time of the whole process in that span, in seconds.
    pub(crate) cpu_seconds: f64,
    /// The most resident memory of the process, in MiB.
    pub(crate) peak_mib: f64,
}

impl Sample {
    pub(crate) fn rate(&self) -> f64 {
        self.records as f64 / self.seconds
    }

    /// CPU time a record, in microseconds.
    pub(crate) fn cpu_micros(&self) -> f64 {
        self.cpu_seconds * 1e6 / self.records as f64
    }
}

/// A stretch of work that is being measured.
pub(crate) struct Stretch {
    begun: Instant,
    cpu: f64,
}

impl Stretch {
    pub(crate) fn begin() -> Self {
        Self { begun: Instant::now(), cpu: cpu_seconds() }
    }

    pub(crate) fn end(self, records: u64) -> Sample {
        Sample {
            records,
            seconds: self.begun.elapsed().as_secs_f64(),
            cpu_seconds: cpu_seconds() - self.cpu,
            peak_mib: peak_mib(),
        }
    }
}

/// CPU time of this process so far: fields 14 and 15 of `/proc/self/stat`, in
/// ticks of 10 ms (proc(5); the tick is 100 Hz on every Linux in use).
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

/// `VmHWM` of `/proc/self/status`.
fn peak_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1024.0
}

/// The middle value.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
    }
}

/// Half the distance from the least to the greatest value, as a share of the median.
pub(crate) fn spread(values: &[f64]) -> f64 {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let greatest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    (greatest - least) / 2.0 / median(values)
}
