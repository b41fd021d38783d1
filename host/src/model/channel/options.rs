//! How a channel's syncs go, beside when.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// How many connectors of a channel may run at the same time: 1 to 16, 1 by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct Parallel(u8);

impl Parallel {
    /// The most.
    pub const MAX: u8 = 16;

    /// Checks the bounds.
    ///
    /// # Errors
    /// Names them, in words for an operator.
    pub fn try_new(connectors: u64) -> Result<Self, String> {
        match u8::try_from(connectors) {
            Ok(count @ 1..=Self::MAX) => Ok(Self(count)),
            _ => Err(format!("1 to {} connectors can run at the same time, not {connectors}", Self::MAX)),
        }
    }

    /// As a number.
    #[must_use]
    pub fn get(self) -> usize {
        usize::from(self.0)
    }

    /// Whether it is one after the other, as where nobody says anything.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for Parallel {
    fn default() -> Self {
        Self(1)
    }
}

impl fmt::Display for Parallel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Parallel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let count = text.parse().map_err(|_| format!("'{text}' is not a number from 1 to {}", Self::MAX))?;
        Self::try_new(count)
    }
}

impl TryFrom<u64> for Parallel {
    type Error = String;

    fn try_from(connectors: u64) -> Result<Self, String> {
        Self::try_new(connectors)
    }
}

impl From<Parallel> for u64 {
    fn from(parallel: Parallel) -> Self {
        u64::from(parallel.0)
    }
}

/// What a full sync does with records that are gone remotely.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Vanished {
    /// Leaves them as they are.
    Keep,
    /// Keeps them, and marks them as gone.
    #[default]
    Mark,
    /// Deletes them.
    Delete,
}

impl Vanished {
    /// The name that people and the API use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Mark => "mark",
            Self::Delete => "delete",
        }
    }

    /// Whether it is what counts where nobody says anything.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for Vanished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connectors_at_the_same_time_keep_their_bounds() {
        for count in [1, 16] {
            assert_eq!(Parallel::try_new(count).expect("within").get() as u64, count);
        }
        for count in [0, 17, 257, u64::MAX] {
            let words = Parallel::try_new(count).expect_err("out of bounds");
            assert_eq!(words, format!("1 to 16 connectors can run at the same time, not {count}"));
        }
        assert!("many".parse::<Parallel>().is_err());
        assert!(serde_json::from_str::<Parallel>("0").is_err());
    }

    #[test]
    fn names_are_those_of_serde() {
        for vanished in [Vanished::Keep, Vanished::Mark, Vanished::Delete] {
            assert_eq!(serde_json::to_value(vanished).expect("plain enum"), vanished.as_str());
        }
    }
}
