//! What the system says of this process. Only Linux tells; elsewhere the figures are absent.

use crate::clock::Clock;
use std::fs;

/// Seconds since 1970.
pub(super) fn started() -> u64 {
    u64::try_from(Clock::system().now().as_millis()).unwrap_or_default() / 1_000
}

/// Bytes of memory that are not swapped out.
pub(super) fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}

/// The one that reads the folder is not counted.
pub(super) fn open_files() -> Option<u64> {
    let files = fs::read_dir("/proc/self/fd").ok()?.count();
    u64::try_from(files.saturating_sub(1)).ok()
}
