//! The time from one tick to the next.

use super::{ScheduleError, error::excerpt};
use crate::model::Span;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr, time::Duration};

/// The time from one tick to the next: 10 seconds to 30 days, in whole milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Interval(Duration);

impl Interval {
    /// The shortest.
    pub const MIN: Span = Span::secs(10);
    /// The longest.
    pub const MAX: Span = Span::secs(30 * 24 * 60 * 60);
    /// What a host does where nobody says anything.
    pub const USUAL: Self = Self(Duration::from_secs(5 * 60));

    /// Checks the bounds.
    ///
    /// # Errors
    /// Names them.
    pub fn try_new(span: Span) -> Result<Self, ScheduleError> {
        if (Self::MIN..=Self::MAX).contains(&span) {
            Ok(Self(Duration::from_millis(u64::try_from(span.0.as_millis()).unwrap_or(u64::MAX))))
        } else {
            Err(ScheduleError::Interval(span.to_string()))
        }
    }

    /// The same as a duration.
    #[must_use]
    pub fn span(self) -> Span {
        Span(self.0)
    }

    /// The same in milliseconds.
    #[must_use]
    pub fn as_millis(self) -> i64 {
        i64::try_from(self.0.as_millis()).unwrap_or(i64::MAX)
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.span().fmt(f)
    }
}

impl FromStr for Interval {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Self, ScheduleError> {
        let duration = humantime::parse_duration(text).map_err(|_| ScheduleError::Duration(excerpt(text)))?;
        Self::try_new(Span(duration)).map_err(|_| ScheduleError::Interval(excerpt(text)))
    }
}

impl TryFrom<String> for Interval {
    type Error = ScheduleError;

    fn try_from(text: String) -> Result<Self, ScheduleError> {
        text.parse()
    }
}

impl From<Interval> for String {
    fn from(interval: Interval) -> Self {
        interval.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_keep_their_bounds() {
        for (text, milliseconds) in [("10s", 10_000), ("5m", 300_000), ("30d", 2_592_000_000)] {
            assert_eq!(text.parse().map(Interval::as_millis), Ok(milliseconds), "{text}");
        }
        for text in ["9s 999ms", "30d 1ms", "0s", "300", "-5m", ""] {
            assert!(text.parse::<Interval>().is_err(), "{text}");
        }
    }
}
