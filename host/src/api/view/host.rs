//! The host itself: whether it lives, how it is configured, what ails it.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::PathBuf;

/// The answer of `/healthz`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Health {
    /// `tidegate`: tells the host from any other program on the port.
    pub program: String,
    /// The program's version.
    pub version: String,
    /// The host's process id.
    pub pid: u32,
    /// `ok`.
    pub status: String,
}

/// The effective configuration. It holds no secrets: they have no place in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Configuration {
    /// The file that was read; none: there was none.
    pub file: Option<PathBuf>,
    /// The flags that override it.
    pub flags: Vec<String>,
    /// Where the key of the secrets comes from.
    pub key: KeySource,
    /// Every key with its value, sections as objects.
    pub config: Value,
}

/// Where the key of the secrets comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeySource {
    /// The file `key` in the data folder.
    File,
    /// The variable `TIDEGATE_KEY`.
    Environment,
}

/// What `doctor` finds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Diagnosis {
    /// Whether nothing fails; warnings do not count.
    pub ok: bool,
    /// One after the other, as they were made.
    pub items: Vec<Check>,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Check {
    /// What was looked at, such as `data-folder`.
    pub name: String,
    /// How it is.
    pub level: Level,
    /// What was found.
    pub message: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

/// How a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// As it should be.
    Ok,
    /// It works, but somebody should look at it.
    Warn,
    /// It does not work.
    Fail,
}

impl Diagnosis {
    /// Of these checks.
    #[must_use]
    pub fn of(items: Vec<Check>) -> Self {
        Self { ok: items.iter().all(|check| check.level != Level::Fail), items }
    }
}

impl Check {
    /// A thing that is as it should be.
    pub fn ok(name: &str, message: impl Into<String>) -> Self {
        Self { name: name.to_owned(), level: Level::Ok, message: message.into(), advice: None }
    }

    /// A thing that works, but that somebody should look at.
    pub fn warn(name: &str, message: impl Into<String>, advice: impl Into<String>) -> Self {
        let advice = Some(advice.into());
        Self { level: Level::Warn, advice, ..Self::ok(name, message) }
    }

    /// A thing that does not work.
    pub fn fail(name: &str, message: impl Into<String>, advice: impl Into<String>) -> Self {
        let advice = Some(advice.into());
        Self { level: Level::Fail, advice, ..Self::ok(name, message) }
    }
}
