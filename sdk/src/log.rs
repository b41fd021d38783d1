//! Lines for the operator's log of the run.
//!
//! Never waits and never fails: past 256 KiB a step the host counts lines and
//! drops them. Natively lines are kept for [`testing::logs`](crate::testing::logs).

use std::fmt::Display;

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Every request.
    Trace,
    /// Every page.
    Debug,
    /// Start, stop and outcome.
    Info,
    /// We coped, but somebody may want to know.
    Warn,
    /// A person must act.
    Error,
}

/// Writes one line with its fields.
pub fn write(level: Level, message: &str, fields: &[(&str, &dyn Display)]) {
    let fields: Vec<_> = fields.iter().map(|(name, value)| ((*name).to_owned(), value.to_string())).collect();
    sink(level, message, fields);
}

/// Writes a line for every page.
pub fn debug(message: &str, fields: &[(&str, &dyn Display)]) {
    write(Level::Debug, message, fields);
}

/// Writes a line about the run as a whole.
pub fn info(message: &str, fields: &[(&str, &dyn Display)]) {
    write(Level::Info, message, fields);
}

/// Writes a line about something that went wrong and was dealt with.
pub fn warn(message: &str, fields: &[(&str, &dyn Display)]) {
    write(Level::Warn, message, fields);
}

/// Writes a line that asks a person to act.
pub fn error(message: &str, fields: &[(&str, &dyn Display)]) {
    write(Level::Error, message, fields);
}

#[cfg(target_arch = "wasm32")]
fn sink(level: Level, message: &str, fields: Vec<(String, String)>) {
    use crate::bindings::log as wit;
    let level = match level {
        Level::Trace => wit::Level::Trace,
        Level::Debug => wit::Level::Debug,
        Level::Info => wit::Level::Info,
        Level::Warn => wit::Level::Warn,
        Level::Error => wit::Level::Error,
    };
    wit::write(level, message, &fields);
}

#[cfg(not(target_arch = "wasm32"))]
fn sink(level: Level, message: &str, fields: Vec<(String, String)>) {
    crate::testing::keep_line(crate::testing::Line { level, message: message.to_owned(), fields });
}
