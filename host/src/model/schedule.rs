//! When a channel syncs by itself, as an operator says it.
//!
//! Values within their bounds: they are read and written here, and refused with the
//! cure where they make no sense. It reads no clock and decides nothing: when a
//! channel is due is `sync`'s to reckon.

mod cron;
mod error;
mod interval;
mod quiet;
mod zone;

pub use cron::CronText;
pub use error::ScheduleError;
pub use interval::Interval;
pub use quiet::Quiet;
pub use zone::TimeZoneName;

use super::Timestamp;
use serde::{Deserialize, Serialize};

/// When a channel syncs by itself. By default as often as the host's configuration
/// says, at any time of the day.
///
/// Written `{"every": "15m", "quiet": "22:00-06:00", "time-zone": "Europe/Vienna"}`;
/// at most one of `every`, `cron` and `manual`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Schedule {
    /// How often, or at which times.
    pub rhythm: Rhythm,
    /// Where the clock hangs that cron expressions and quiet hours mean. Default UTC.
    pub time_zone: TimeZoneName,
    /// The hours of a day in which no run starts by itself.
    pub quiet: Option<Quiet>,
}

/// How often, or at which times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Rhythm {
    /// As often as the host's configuration says: `[schedule] every`.
    #[default]
    Host,
    /// So much time after the last time.
    Every(Interval),
    /// Whenever the clock shows it.
    Cron(CronText),
    /// Never; only when somebody asks for it.
    Manual,
}

impl Schedule {
    /// Whether nothing was said, so that all of it is the host's default.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the channel never syncs by itself.
    #[must_use]
    pub fn is_manual(&self) -> bool {
        self.rhythm == Rhythm::Manual
    }
}

/// A schedule as JSON has it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Written {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    every: Option<Interval>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cron: Option<CronText>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    manual: bool,
    #[serde(default, skip_serializing_if = "TimeZoneName::is_utc")]
    time_zone: TimeZoneName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    quiet: Option<Quiet>,
}

impl TryFrom<Written> for Schedule {
    type Error = ScheduleError;

    fn try_from(written: Written) -> Result<Self, ScheduleError> {
        let Written { every, cron, manual, time_zone, quiet } = written;
        let rhythm = match (every, cron, manual) {
            (None, None, false) => Rhythm::Host,
            (Some(every), None, false) => Rhythm::Every(every),
            (None, Some(cron), false) => Rhythm::Cron(cron),
            (None, None, true) => Rhythm::Manual,
            _ => return Err(ScheduleError::Several),
        };
        Ok(Self { rhythm, time_zone, quiet })
    }
}

impl From<Schedule> for Written {
    fn from(schedule: Schedule) -> Self {
        let Schedule { rhythm, time_zone, quiet } = schedule;
        let mut written = Self { every: None, cron: None, manual: false, time_zone, quiet };
        match rhythm {
            Rhythm::Host => {}
            Rhythm::Every(every) => written.every = Some(every),
            Rhythm::Cron(cron) => written.cron = Some(cron),
            Rhythm::Manual => written.manual = true,
        }
        written
    }
}

/// The host's schedule held back as a whole, by a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Maintenance {
    /// Since when.
    pub since: Timestamp,
    /// What for, in the person's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Maintenance {
    /// The longest reason that is kept, in characters.
    pub const MAX_REASON: usize = 500;

    /// From now on, for a reason that is cut where it is too long.
    #[must_use]
    pub fn new(since: Timestamp, reason: Option<&str>) -> Self {
        let reason = reason.map(str::trim).filter(|reason| !reason.is_empty());
        Self { since, reason: reason.map(|reason| reason.chars().take(Self::MAX_REASON).collect()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(json: Value) -> Result<Schedule, String> {
        serde_json::from_value(json).map_err(|error| error.to_string())
    }

    #[test]
    fn a_schedule_is_written_as_it_is_read() {
        for json in [
            json!({}),
            json!({"every": "15m"}),
            json!({"manual": true}),
            json!({"cron": "0 * * * *", "time-zone": "Europe/Vienna"}),
            json!({"every": "1h 30m", "time-zone": "America/New_York", "quiet": "22:00-06:00"}),
        ] {
            let schedule = read(json.clone()).expect("a schedule");
            assert_eq!(serde_json::to_value(&schedule).expect("JSON"), json);
            assert_eq!(schedule.is_default(), json == json!({}));
            assert_eq!(schedule.is_manual(), json == json!({"manual": true}));
        }
    }

    #[test]
    fn names_and_spans_are_put_in_one_form() {
        let given =
            json!({"cron": " 0  12 * *   mon ", "time-zone": "europe/vienna", "quiet": "9:00 - 24:00"});
        let kept = json!({"cron": "0 12 * * mon", "time-zone": "Europe/Vienna", "quiet": "09:00-00:00"});
        assert_eq!(serde_json::to_value(read(given).expect("a schedule")).expect("JSON"), kept);
        assert!(read(json!({"time-zone": "utc"})).expect("a schedule").is_default());
    }

    #[test]
    fn a_schedule_that_makes_no_sense_is_refused_with_the_cure() {
        const ONE: &str = "a schedule is one of every, cron and manual: name only one of them";
        for (json, words) in [
            (json!({"every": "1h", "cron": "@daily"}), ONE),
            (json!({"every": "1h", "manual": true}), ONE),
            (json!({"cron": "@daily", "manual": true}), ONE),
            (json!({"every": "soon"}), "'soon' is not a duration: write it like \"15m\""),
            (json!({"every": "9s"}), "an interval is 10s to 30d, not 9s"),
            (json!({"every": "31d"}), "an interval is 10s to 30d, not 31d"),
            (
                json!({"time-zone": "Mars/Base"}),
                "'Mars/Base' is not a time zone: use a name of the IANA database, such as Europe/Vienna or UTC",
            ),
            (json!({"quiet": "at night"}), "'at night' are not quiet hours: write them like \"22:00-06:00\""),
            (
                json!({"quiet": "22:00-22:00"}),
                "quiet hours from 22:00 to 22:00 are none, or the whole day: let them end at another time, \
                 or let the channel sync by hand only",
            ),
        ] {
            assert_eq!(read(json.clone()).expect_err("no schedule"), words, "{json}");
        }
    }

    #[test]
    fn a_reason_is_kept_short_and_an_empty_one_not_at_all() {
        let since = Timestamp::from_millis(0);
        assert_eq!(Maintenance::new(since, Some("  ")).reason, None);
        assert_eq!(Maintenance::new(since, Some(" a disk ")).reason.as_deref(), Some("a disk"));
        let long = "ü".repeat(600);
        let kept = Maintenance::new(since, Some(&long)).reason.expect("a reason");
        assert_eq!(kept.chars().count(), Maintenance::MAX_REASON);
    }
}
