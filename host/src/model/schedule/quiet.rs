//! The hours of a day in which nothing starts by itself.

use super::{ScheduleError, TimeZoneName, error::excerpt};
use crate::model::Timestamp;
use jiff::civil::Time;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// From one minute of the day up to another one, which is no longer quiet; past
/// midnight where it is the earlier one. Written `22:00-06:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Quiet {
    from: Time,
    to: Time,
}

impl Quiet {
    /// When the quiet hours end in which `time` lies; none: it lies in none.
    ///
    /// What counts is what the clock on the wall shows. So where the clock is set
    /// back into quiet hours that were over, it is quiet once more; and where it is
    /// set forward past their end, they end as much later.
    #[must_use]
    pub fn end_after(self, time: Timestamp, zone: &TimeZoneName) -> Option<Timestamp> {
        let instant = time.instant();
        let local = zone.rules().to_datetime(instant);
        if !self.holds(local.time()) {
            return None;
        }
        let ends_tomorrow = self.from > self.to && local.time() >= self.from;
        let date = if ends_tomorrow { local.date().tomorrow().ok()? } else { local.date() };
        let end = zone.rules().to_ambiguous_timestamp(date.to_datetime(self.to));
        let first = end.compatible().ok()?;
        let end = if first > instant { first } else { end.later().ok()? };
        Some(Timestamp::from_millis(end.as_millisecond())).filter(|end| *end > time)
    }

    fn holds(self, time: Time) -> bool {
        if self.from < self.to {
            (self.from..self.to).contains(&time)
        } else {
            time >= self.from || time < self.to
        }
    }
}

impl fmt::Display for Quiet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, to) = (self.from, self.to);
        write!(f, "{:02}:{:02}-{:02}:{:02}", from.hour(), from.minute(), to.hour(), to.minute())
    }
}

impl FromStr for Quiet {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Self, ScheduleError> {
        let span = text.split_once('-').and_then(|(from, to)| Some((minute(from)?, minute(to)?)));
        let (from, to) = span.ok_or_else(|| ScheduleError::Quiet(excerpt(text)))?;
        if from == to {
            return Err(ScheduleError::QuietAlways(format!("{:02}:{:02}", from.hour(), from.minute())));
        }
        Ok(Self { from, to })
    }
}

/// `6:30`, `06:30`; `24:00` is the midnight at the end of the day.
fn minute(text: &str) -> Option<Time> {
    let (hour, minute) = text.trim().split_once(':')?;
    let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    if !(is_number(hour) && is_number(minute) && minute.len() == 2) {
        return None;
    }
    match (hour.parse().ok()?, minute.parse().ok()?) {
        (24, 0) => Some(Time::midnight()),
        (hour, minute) => Time::new(hour, minute, 0, 0).ok(),
    }
}

impl TryFrom<String> for Quiet {
    type Error = ScheduleError;

    fn try_from(text: String) -> Result<Self, ScheduleError> {
        text.parse()
    }
}

impl From<Quiet> for String {
    fn from(quiet: Quiet) -> Self {
        quiet.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(quiet: &str, zone: &str, time: &str, end: Option<&str>) {
        let at = |text: &str| Timestamp::try_from(text.to_owned()).expect(text);
        let quiet: Quiet = quiet.parse().expect(quiet);
        let found = quiet.end_after(at(time), &zone.parse().expect(zone));
        assert_eq!(found, end.map(at), "{quiet} in {zone} at {time}");
    }

    #[test]
    fn quiet_hours_begin_and_end_by_the_clock_on_the_wall() {
        check("01:00-02:00", "UTC", "2026-01-31T00:59:59.999Z", None);
        check("01:00-02:00", "UTC", "2026-01-31T01:00:00Z", Some("2026-01-31T02:00:00Z"));
        check("01:00-02:00", "UTC", "2026-01-31T01:59:59.999Z", Some("2026-01-31T02:00:00Z"));
        check("01:00-02:00", "UTC", "2026-01-31T02:00:00Z", None);
        check("22:00-06:00", "UTC", "2026-01-31T21:59:00Z", None);
        check("22:00-06:00", "UTC", "2026-01-31T22:00:00Z", Some("2026-02-01T06:00:00Z"));
        check("22:00-06:00", "UTC", "2026-02-01T00:00:00Z", Some("2026-02-01T06:00:00Z"));
        check("22:00-06:00", "UTC", "2026-02-01T06:00:00Z", None);
        check("18:00-24:00", "UTC", "2026-01-31T23:59:59Z", Some("2026-02-01T00:00:00Z"));
        check("22:00-06:00", "Europe/Vienna", "2026-01-31T20:59:00Z", None);
        check("22:00-06:00", "Europe/Vienna", "2026-01-31T21:00:00Z", Some("2026-02-01T05:00:00Z"));
        check("22:00-06:00", "Europe/Vienna", "2026-07-01T03:00:00Z", Some("2026-07-01T04:00:00Z"));
    }

    #[test]
    fn the_end_of_quiet_hours_is_found_where_the_clock_changes() {
        // 2026-03-29 01:00Z: 02:00 becomes 03:00 in Vienna. 02:30 is not shown that day.
        check("22:00-06:00", "Europe/Vienna", "2026-03-28T23:00:00Z", Some("2026-03-29T04:00:00Z"));
        check("22:00-02:30", "Europe/Vienna", "2026-03-28T23:00:00Z", Some("2026-03-29T01:30:00Z"));
        check("22:00-02:30", "Europe/Vienna", "2026-03-29T01:00:00Z", None);
        // 2026-10-25 01:00Z: 03:00 becomes 02:00. 02:30 is shown twice.
        check("22:00-02:30", "Europe/Vienna", "2026-10-25T00:29:00Z", Some("2026-10-25T00:30:00Z"));
        check("22:00-02:30", "Europe/Vienna", "2026-10-25T00:30:00Z", None);
        check("22:00-02:30", "Europe/Vienna", "2026-10-25T01:00:00Z", Some("2026-10-25T01:30:00Z"));
        check("22:00-06:00", "Europe/Vienna", "2026-10-24T22:00:00Z", Some("2026-10-25T05:00:00Z"));
    }

    #[test]
    fn only_two_times_of_the_day_are_quiet_hours() {
        for text in
            ["", "22:00", "22-06", "25:00-06:00", "22:60-06:00", "22:0-06:00", "+2:00-06:00", "a:00-b:00"]
        {
            assert!(matches!(text.parse::<Quiet>(), Err(ScheduleError::Quiet(_))), "{text}");
        }
        assert!(matches!("24:00-00:00".parse::<Quiet>(), Err(ScheduleError::QuietAlways(_))));
    }
}
