//! Where a clock hangs.

use super::{ScheduleError, error::excerpt};
use jiff::tz::{self, TimeZone};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A time zone of the IANA database, with its rules. UTC by default.
///
/// The rules are those that the program brings along, so they do not depend on what
/// is installed on the machine.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeZoneName(TimeZone);

impl TimeZoneName {
    /// The name, in the database's writing.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Only zones from the database get in here, and all of those have a name.
        self.0.iana_name().unwrap_or("UTC")
    }

    /// Whether it is UTC.
    #[must_use]
    pub fn is_utc(&self) -> bool {
        self.as_str() == "UTC"
    }

    pub(super) fn rules(&self) -> &TimeZone {
        &self.0
    }
}

impl Default for TimeZoneName {
    fn default() -> Self {
        Self(TimeZone::UTC)
    }
}

impl fmt::Debug for TimeZoneName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for TimeZoneName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl PartialEq for TimeZoneName {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for TimeZoneName {}

impl FromStr for TimeZoneName {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Self, ScheduleError> {
        let unknown = || ScheduleError::TimeZone(excerpt(text));
        let zone = tz::db().get(text.trim()).map_err(|_| unknown())?;
        // `Etc/Unknown` stands for a zone that nobody could find out.
        if zone.is_unknown() || zone.iana_name().is_none() { Err(unknown()) } else { Ok(Self(zone)) }
    }
}

impl TryFrom<String> for TimeZoneName {
    type Error = ScheduleError;

    fn try_from(text: String) -> Result<Self, ScheduleError> {
        text.parse()
    }
}

impl From<TimeZoneName> for String {
    fn from(zone: TimeZoneName) -> Self {
        zone.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_found_without_a_database_on_the_machine() {
        for (text, name) in [
            ("UTC", "UTC"),
            ("utc", "UTC"),
            ("Europe/Vienna", "Europe/Vienna"),
            ("AMERICA/argentina/buenos_aires", "America/Argentina/Buenos_Aires"),
            ("Asia/Kathmandu", "Asia/Kathmandu"),
            ("Etc/GMT+5", "Etc/GMT+5"),
        ] {
            assert_eq!(text.parse::<TimeZoneName>().expect(text).as_str(), name);
        }
        for text in ["", "Vienna", "+02:00", "Etc/Unknown", "local", "../etc/passwd"] {
            assert!(text.parse::<TimeZoneName>().is_err(), "{text}");
        }
    }
}
