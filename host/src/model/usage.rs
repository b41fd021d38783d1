//! What a step of a guest used.

use serde::{Deserialize, Serialize};

/// Measured use of the host's resources, by one step or summed over a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Usage {
    /// Steps that were run.
    pub steps: u64,
    /// Ticks of 10 ms that fell into guest code.
    pub cpu_ticks: u64,
    /// Time on the clock, in milliseconds.
    pub wall_ms: u64,
    /// The most linear memory that a step held, in bytes.
    pub peak_memory: u64,
    /// Requests of the guest; retries not counted.
    pub requests: u64,
    /// Requests that were sent, retries and redirects included.
    pub sent: u64,
    /// Requests that change something there and were done, or may have been.
    #[serde(skip_serializing_if = "is_none_of_it")]
    pub writes: u64,
    /// Those of them that are not safe to repeat: no `PUT`, no `DELETE`, no idempotency key.
    #[serde(skip_serializing_if = "is_none_of_it")]
    pub unkeyed_writes: u64,
    /// Bytes of request bodies.
    pub request_bytes: u64,
    /// Bytes of response bodies, decompressed.
    pub response_bytes: u64,
    /// Bytes of log lines and output that were kept.
    pub log_bytes: u64,
    /// Log lines that were dropped at the limit.
    pub log_dropped: u64,
}

impl Usage {
    /// Adds another step's use; the peak is the greater one.
    pub fn add(&mut self, other: &Self) {
        self.steps += other.steps;
        self.cpu_ticks += other.cpu_ticks;
        self.wall_ms += other.wall_ms;
        self.peak_memory = self.peak_memory.max(other.peak_memory);
        self.requests += other.requests;
        self.sent += other.sent;
        self.writes += other.writes;
        self.unkeyed_writes += other.unkeyed_writes;
        self.request_bytes += other.request_bytes;
        self.response_bytes += other.response_bytes;
        self.log_bytes += other.log_bytes;
        self.log_dropped += other.log_dropped;
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_none_of_it(count: &u64) -> bool {
    *count == 0
}
