//! `[sandbox]` of the configuration: what one step of a plugin may use.
//!
//! Values only; `limiter`, `budget` and their neighbours enforce them.

use crate::model::{Size, Span};
use serde::{Deserialize, Serialize};
use std::num::NonZeroUsize;

/// `[sandbox]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Config {
    /// Steps that run at the same time in the whole host; further ones wait
    /// for their turn. At least 1; default 64.
    pub steps_at_once: NonZeroUsize,
    /// Address space of the process that compiles a component. Default 3GiB.
    pub compile_memory: Size,
    /// CPU time of that process, in whole seconds. Default 2m.
    pub compile_cpu: Span,
    /// Time on the clock of that process. Default 3m.
    pub compile_wall: Span,
    /// What one step may use.
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            steps_at_once: NonZeroUsize::new(64).expect("64 is not 0"),
            compile_memory: Size::mib(3 << 10),
            compile_cpu: Span::secs(120),
            compile_wall: Span::secs(180),
            limits: Limits::default(),
        }
    }
}

/// `[sandbox.limits]`: what one step of a plugin may use, and how large a
/// plugin may be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Limits {
    /// Size of a component file. Default 64MiB.
    pub component_bytes: Size,
    /// Linear memory, summed over all memories of a step. Default 64MiB.
    pub memory: Size,
    /// The most linear memory that a manifest can ask for. Default 256MiB.
    pub max_memory: Size,
    /// Linear memories of a component. Default 2.
    pub memories: u32,
    /// Tables of a component. Default 16.
    pub tables: u32,
    /// Elements of one table. Default 20000.
    pub table_elements: u32,
    /// Instances that a component makes of its modules. Default 64.
    pub instances: u32,
    /// Handles that a component holds at the same time. Default 1000.
    pub handles: u32,
    /// Things of the host that those handles stand for (streams, timers, open
    /// bodies). Default 1000.
    pub resources: u32,
    /// Data that one call carries out of a component: its answer, or the
    /// arguments of an import. Default 16MiB.
    pub call_bytes: Size,
    /// Random bytes. Default 64KiB.
    pub random_bytes: Size,
    /// Log lines that are kept; further ones are counted and dropped. Default
    /// 256KiB.
    pub log_bytes: Size,
    /// Standard output and standard error that are kept as log lines; the rest
    /// is counted and dropped. Default 64KiB.
    pub output_bytes: Size,
    /// CPU time, measured in ticks of 10 ms. Default 5s.
    pub cpu: Span,
    /// Time on the clock, waiting for answers included. Default 2m.
    pub wall: Span,
    /// Requests, retries not counted. Default 1000.
    pub requests: u32,
    /// Bytes of response bodies, decompressed, summed over the step. Default
    /// 64MiB.
    pub response_bytes: Size,
    /// Records and rejects of one page. Default 10000.
    pub page_records: u32,
    /// Size of one record's payload. A larger one goes to quarantine. Default
    /// 1MiB.
    pub record_bytes: Size,
    /// Due keys of one page, for all connectors together. Default 10000.
    pub due_keys: u32,
    /// Keys and values of a connector's durable map. Default 256KiB.
    pub state_bytes: Size,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            component_bytes: Size::mib(64),
            memory: Size::mib(64),
            max_memory: Size::mib(256),
            memories: 2,
            tables: 16,
            table_elements: 20_000,
            instances: 64,
            handles: 1_000,
            resources: 1_000,
            call_bytes: Size::mib(16),
            random_bytes: Size::kib(64),
            log_bytes: Size::kib(256),
            output_bytes: Size::kib(64),
            cpu: Span::secs(5),
            wall: Span::secs(120),
            requests: 1_000,
            response_bytes: Size::mib(64),
            page_records: 10_000,
            record_bytes: Size::mib(1),
            due_keys: 10_000,
            state_bytes: Size::kib(256),
        }
    }
}

impl Limits {
    /// The linear memory that a step gets when its manifest asks for `wanted`
    /// bytes, and the key of the setting that decided.
    pub(super) fn memory_for(&self, wanted: Option<u64>) -> (Size, &'static str) {
        let wanted = Size(wanted.unwrap_or(0)).max(self.memory);
        if wanted >= self.max_memory { (self.max_memory, "max-memory") } else { (wanted, "memory") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_written_in_kebab_case_and_typos_are_refused() {
        let text =
            "steps-at-once = 2\ncompile-wall = \"1m\"\n[limits]\nmax-memory = \"1GiB\"\ncpu = \"250ms\"";
        let config: Config = toml::from_str(text).unwrap();
        assert_eq!(config.steps_at_once.get(), 2);
        assert_eq!(config.limits.max_memory, Size::mib(1 << 10));
        assert_eq!(config.limits.cpu, Span::millis(250));
        assert_eq!(config.limits.tables, Limits::default().tables);
        for bad in ["[limits]\nmemroy = \"1MiB\"", "steps = 1", "steps-at-once = 0"] {
            assert!(toml::from_str::<Config>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_default_is_what_an_empty_section_means() {
        assert_eq!(toml::from_str::<Config>("").unwrap(), Config::default());
    }

    #[test]
    fn a_manifest_can_raise_memory_up_to_the_maximum_only() {
        let limits = Limits { memory: Size::mib(8), max_memory: Size::mib(16), ..Limits::default() };
        for (wanted, size, key) in [
            (None, Size::mib(8), "memory"),
            (Some(1), Size::mib(8), "memory"),
            (Some(9 << 20), Size::mib(9), "memory"),
            (Some(u64::MAX), Size::mib(16), "max-memory"),
        ] {
            assert_eq!(limits.memory_for(wanted), (size, key), "{wanted:?}");
        }
    }
}
