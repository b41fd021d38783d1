//! What an operator can set: one TOML file, a struct of the modules' `Config`s.
//!
//! It reads no secrets and no environment: a secret has no place in a file that
//! gets copied, and a setting that comes from two places is a setting nobody knows.

mod closest;
mod document;
mod error;
mod source;

pub use error::Error;
pub use source::{Flags, Loaded, Source};

use crate::{api, broker, cassettes, catalog, model::Span, sandbox, store, sync, telemetry};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Everything that can be set. Keys are kebab-case; unknown ones are refused.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Config {
    /// Where the host keeps everything; made `0700` where it is missing. Default
    /// `tidegate-data`. In a file, relative to the file's folder.
    pub data: PathBuf,
    /// The folder into which plugins are dropped. Default `plugins` in the data folder.
    pub plugins: Option<PathBuf>,
    /// How long a stopping host waits for runs to reach a page border. Default `10s`.
    pub grace: Span,
    /// The embedded store.
    pub store: store::Config,
    /// What may leave for remote systems, and how.
    pub broker: broker::Config,
    /// The plugins' limits.
    pub sandbox: sandbox::Config,
    /// How the plugins folder is watched.
    pub catalog: catalog::Config,
    /// How runs are driven.
    pub sync: sync::Config,
    /// When channels sync by themselves.
    pub schedule: sync::schedule::Config,
    /// What is kept of runs, and for how long.
    pub history: sync::HistoryConfig,
    /// How much of runs may be recorded.
    pub cassettes: cassettes::Config,
    /// How notices of changes are sent.
    pub notices: sync::NoticeConfig,
    /// The HTTP API.
    pub api: api::Config,
    /// The host's own log.
    pub log: telemetry::log::Config,
    /// What the host sends of itself.
    pub telemetry: telemetry::Config,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data: PathBuf::from("tidegate-data"),
            plugins: None,
            grace: Span::secs(10),
            store: store::Config::default(),
            broker: broker::Config::default(),
            sandbox: sandbox::Config::default(),
            catalog: catalog::Config::default(),
            sync: sync::Config::default(),
            schedule: sync::schedule::Config::default(),
            history: sync::HistoryConfig::default(),
            cassettes: cassettes::Config::default(),
            notices: sync::NoticeConfig::default(),
            api: api::Config::default(),
            log: telemetry::log::Config::default(),
            telemetry: telemetry::Config::default(),
        }
    }
}

impl Config {
    /// The file that is taken where no other is named.
    pub const FILE: &str = "tidegate.toml";

    /// The folder into which plugins are dropped.
    #[must_use]
    pub fn plugins_folder(&self) -> PathBuf {
        self.plugins.clone().unwrap_or_else(|| self.data.join("plugins"))
    }

    /// The configuration that `text` stands for; `path` is for the messages.
    ///
    /// # Errors
    /// Names the line and the key, and for an unknown key the closest known one.
    pub fn parse(text: &str, path: &Path) -> Result<Self, Error> {
        document::read(text).map_err(|problem| problem.at(text, path))
    }

    /// The configuration as a TOML document.
    #[must_use]
    pub fn to_toml(&self) -> String {
        toml::to_string_pretty(self).expect("plain values and tables with text keys are TOML")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_can_be_read_again() {
        let shown = Config::default().to_toml();
        let again = Config::parse(&shown, Path::new("shown.toml")).expect(&shown);
        assert_eq!(again.to_toml(), shown);
    }

    #[test]
    fn an_empty_file_means_the_defaults() {
        let config = Config::parse("", Path::new("empty.toml")).expect("empty");
        assert_eq!(config.to_toml(), Config::default().to_toml());
        assert_eq!(config.plugins_folder(), Path::new("tidegate-data/plugins"));
    }

    #[test]
    fn the_manual_shows_the_defaults() {
        const MANUAL: &str = include_str!("../../docs/operating.md");
        let (_, section) = MANUAL.split_once("\n## Configuration\n").expect("the section is there");
        let shown = section.split("```").nth(1).and_then(|block| block.strip_prefix("toml\n"));
        let config = Config::parse(shown.expect("a file is shown"), Path::new("operating.md"));
        assert_eq!(
            config.map(|config| config.to_toml()).map_err(|error| error.to_string()),
            Ok(Config::default().to_toml())
        );
    }

    #[track_caller]
    fn refused(text: &str, message: &str) {
        let error = Config::parse(text, Path::new("t.toml")).expect_err(text);
        assert_eq!(error.to_string(), message);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        refused(
            "\n[stor]\ncache = \"1MiB\"\n",
            "t.toml, line 2: there is no key 'stor'; did you mean 'store'?",
        );
        refused(
            "[store]\n\ncahce = \"1MiB\"\n",
            "t.toml, line 3: there is no key 'store.cahce'; did you mean 'cache'?",
        );
        refused(
            "[store]\nlisten = \"127.0.0.1:1\"\n",
            "t.toml, line 2: there is no key 'store.listen'; it belongs under [api]",
        );
        refused(
            "colour = 1\n",
            "t.toml, line 1: there is no key 'colour'; known here: data, plugins, grace, store, \
             broker, sandbox, catalog, sync, schedule, history, cassettes, notices, api, log, telemetry",
        );
        refused(
            "[store]\ncache = \"much\"\n",
            "t.toml, line 2: 'store.cache': 'much' is not a size: write it like \"64MiB\"",
        );
        refused("grace = 10\n", "t.toml, line 1: 'grace': found integer `10`, expected a string");
        refused("[log]\nformat = \"jsn\"\n", "t.toml, line 2: 'log.format': 'jsn' is not one of human, json");
        refused("store = 1\n", "t.toml, line 1: 'store': found integer `1`, expected struct Config");
        refused("a = 1\na = 2\n", "t.toml, line 2, column 1: duplicate key");
    }
}
