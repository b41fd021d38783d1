//! How much may be recorded.

use crate::model::Size;
use serde::{Deserialize, Serialize};

/// `[cassettes]` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Config {
    /// The most that one run records, bodies and records included. The run goes on beyond
    /// it, its recording does not. A replay holds as much in memory. Default `64MiB`.
    pub run_bytes: Size,
    /// The most that all cassettes take together, kept plugins included; nothing is
    /// recorded beyond it before some are deleted. Default `1GiB`.
    pub total_bytes: Size,
}

impl Default for Config {
    fn default() -> Self {
        Self { run_bytes: Size::mib(64), total_bytes: Size::mib(1 << 10) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_kebab_case_and_typos_are_refused() {
        let config: Config = toml::from_str("run-bytes = '1MiB'").expect("a configuration");
        assert_eq!(config, Config { run_bytes: Size::mib(1), ..Config::default() });
        assert!(toml::from_str::<Config>("run_bytes = '1MiB'").is_err());
    }
}
