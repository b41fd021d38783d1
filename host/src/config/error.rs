//! What is wrong with a configuration, in words for whoever wrote it.

use super::{Config, closest::closest};
use crate::model::Fault;
use std::{fmt, io, path::PathBuf};

/// Why a configuration cannot be used.
#[derive(Debug)]
pub enum Error {
    /// The file cannot be read.
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not TOML.
    Syntax {
        /// The file.
        file: PathBuf,
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// What the parser says.
        message: String,
    },
    /// There is no such key.
    Unknown {
        /// The file.
        file: PathBuf,
        /// From 1.
        line: usize,
        /// The dotted name of the section; empty at the top.
        section: String,
        /// The key as it was written.
        key: String,
        /// What could stand there.
        known: &'static [&'static str],
    },
    /// The key cannot have this value.
    Value {
        /// The file.
        file: PathBuf,
        /// From 1.
        line: usize,
        /// The dotted name of the key.
        key: String,
        /// What is wrong.
        message: String,
    },
}

impl Error {
    /// Whoever wrote the file has to act.
    #[must_use]
    pub fn fault(&self) -> Fault {
        Fault::Invalid
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { file, .. } => write!(f, "{} cannot be read", file.display()),
            Self::Syntax { file, line, column, message } => {
                write!(f, "{}, line {line}, column {column}: {message}", file.display())
            }
            Self::Unknown { file, line, section, key, known } => {
                let dot = if section.is_empty() { "" } else { "." };
                write!(f, "{}, line {line}: there is no key '{section}{dot}{key}'; ", file.display())?;
                write_advice(f, key, known)
            }
            Self::Value { file, line, key, message } => {
                write!(f, "{}, line {line}: '{key}': {message}", file.display())
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable { source, .. } => Some(source),
            _ => None,
        }
    }
}

fn write_advice(f: &mut fmt::Formatter<'_>, key: &str, known: &[&str]) -> fmt::Result {
    if let Some(meant) = closest(key, known.iter().copied()) {
        write!(f, "did you mean '{meant}'?")
    } else if let Some(section) = section_of(key) {
        write!(f, "it belongs under [{section}]")
    } else {
        write!(f, "known here: {}", known.join(", "))
    }
}

/// The section that has such a key.
fn section_of(key: &str) -> Option<String> {
    let defaults = toml::Table::try_from(Config::default()).ok()?;
    search(&defaults, key, &mut Vec::new())
}

fn search(table: &toml::Table, key: &str, path: &mut Vec<String>) -> Option<String> {
    if !path.is_empty() && table.contains_key(key) {
        return Some(path.join("."));
    }
    table.iter().find_map(|(name, value)| {
        path.push(name.clone());
        let found = value.as_table().and_then(|inner| search(inner, key, path));
        path.pop();
        found
    })
}
