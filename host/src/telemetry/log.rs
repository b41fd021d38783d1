//! The host's own log: who writes it, in which form, from which level on.
//!
//! Every line carries the fields of the spans that it was written in, so that one `job.id`,
//! `run.id` or `channel.name` finds all of a run.

mod filter;
mod json;

pub use filter::Filter;

use json::Json;
use serde::{Deserialize, Serialize};
use std::io::{self, IsTerminal};
use tracing::Subscriber;
use tracing_subscriber::{
    Layer,
    fmt::{MakeWriter, format::JsonFields},
    registry::LookupSpan,
};

/// `[log]` of the configuration; counts for `tidegate serve`. Other commands
/// print warnings only, unless `-v` asks for more.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Config {
    /// From which level on lines are written: `error`, `warn`, `info` (the
    /// default), `debug`, `trace` or `off`; or targets with levels, such as
    /// `info,tidegate::broker=debug`.
    pub level: Filter,
    /// `human` (the default) or `json`, one document a line.
    pub format: Format,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// For people; coloured on a terminal.
    #[default]
    Human,
    /// For programs.
    Json,
}

impl Config {
    /// What a command that ends by itself writes: warnings, and more with every `-v`.
    /// How runs and requests fail it prints itself, so the log does not say it again.
    #[must_use]
    pub fn quiet(verbose: u8) -> Self {
        let levels = ["warn,tidegate::sync=off,tidegate::api=off", "info", "debug", "trace"];
        let level = levels[usize::from(verbose).min(3)];
        Self { level: Filter::known(level), format: Format::Human }
    }

    /// What `serve` writes: as configured, and more with `-v`.
    #[must_use]
    pub fn louder(&self, verbose: u8) -> Self {
        let level = match verbose {
            0 => self.level.clone(),
            1 => Filter::known("debug"),
            _ => Filter::known("trace"),
        };
        Self { level, format: self.format }
    }
}

/// The log of this process, on stderr.
pub(super) fn layer<S: Subscriber + for<'a> LookupSpan<'a>>(
    config: &Config,
) -> impl Layer<S> + Send + Sync + use<S> {
    layer_to(config, io::stderr, is_coloured())
}

fn layer_to<S, W>(config: &Config, writer: W, coloured: bool) -> impl Layer<S> + Send + Sync + use<S, W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    let layer = match config.format {
        Format::Human => lines.with_ansi(coloured).with_target(false).boxed(),
        Format::Json => lines.with_ansi(false).fmt_fields(JsonFields::new()).event_format(Json).boxed(),
    };
    layer.with_filter(config.level.targets())
}

/// `NO_COLOR` is the terminal user's wish, not a setting of the host.
fn is_coloured() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

#[cfg(test)]
mod tests;
