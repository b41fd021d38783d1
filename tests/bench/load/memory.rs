//! The resident memory of another process: `/proc/PID/status`, see proc(5).

use anyhow::{Context as _, Result};

/// In MiB.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// Now: `VmRSS`.
    pub(crate) now: f64,
    /// At most so far: `VmHWM`.
    pub(crate) peak: f64,
}

impl Memory {
    pub(crate) fn of(pid: u32) -> Result<Self> {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).context("the host's status")?;
        let mib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
            kib.map(|kib| kib / 1024.0).with_context(|| format!("no {name} in {status}"))
        };
        Ok(Self { now: mib("VmRSS:")?, peak: mib("VmHWM:")? })
    }
}
