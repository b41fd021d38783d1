//! Which log lines are written.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use tracing_subscriber::filter::{LevelFilter, Targets};

/// A level, or targets with levels. A bare level counts for the host's own
/// modules; the libraries below it stay at `warn`.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    text: String,
    targets: Targets,
}

impl Filter {
    /// A filter of the program's own.
    pub(super) fn known(text: &'static str) -> Self {
        Self::parse(text).expect("the program's own filters can be read")
    }

    fn parse(text: &str) -> Result<Self, String> {
        let targets = match text.parse::<LevelFilter>() {
            Ok(level) => {
                Targets::new().with_default(level.min(LevelFilter::WARN)).with_target("tidegate", level)
            }
            Err(_) if is_directives(text) => text.parse().map_err(|_| refusal(text))?,
            Err(_) => return Err(refusal(text)),
        };
        Ok(Self { text: text.to_owned(), targets })
    }

    pub(super) fn targets(&self) -> Targets {
        self.targets.clone()
    }
}

/// `Targets` takes a mistyped level for a module's name; here a module needs its level.
fn is_directives(text: &str) -> bool {
    text.split(',').all(|part| part.contains('=') || part.trim().parse::<LevelFilter>().is_ok())
}

fn refusal(text: &str) -> String {
    format!(
        "'{text}' is not a log level: write off, error, warn, info, debug or trace, \
         or targets like \"info,tidegate::broker=debug\""
    )
}

impl Default for Filter {
    fn default() -> Self {
        Self::known("info")
    }
}

impl Serialize for Filter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Filter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Level;

    #[test]
    fn a_bare_level_keeps_libraries_quiet() {
        for (text, own, library) in [
            ("off", None, None),
            ("error", Some(Level::ERROR), Some(Level::ERROR)),
            ("info", Some(Level::INFO), Some(Level::WARN)),
            ("trace", Some(Level::TRACE), Some(Level::WARN)),
        ] {
            let targets = Filter::parse(text).expect(text).targets();
            for level in [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE] {
                let enabled = |most: Option<Level>| most.is_some_and(|most| level <= most);
                assert_eq!(targets.would_enable("tidegate::sync", &level), enabled(own), "{text} {level}");
                assert_eq!(targets.would_enable("hyper", &level), enabled(library), "{text} {level}");
            }
        }
    }

    #[test]
    fn every_step_of_loudness_is_a_filter() {
        let loud = |verbose| {
            let filter = crate::telemetry::log::Config::quiet(verbose).level;
            filter.targets().would_enable("tidegate::app", &Level::DEBUG)
        };
        assert_eq!([0, 1, 2, 3, 9].map(loud), [false, false, true, true, true]);
        let serve = crate::telemetry::log::Config::default().louder(1).level;
        assert!(serve.targets().would_enable("tidegate::sync", &Level::DEBUG));
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        for bad in ["loud", "tidegate=loud", "a=b=c"] {
            assert!(Filter::parse(bad).is_err(), "{bad}");
        }
        assert!(Filter::parse("warn,tidegate::broker=debug").is_ok());
    }
}
