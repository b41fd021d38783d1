//! Times by the clock, as cron writes them.
//!
//! The only file that names croner: it searches, on a trait that stands here on the
//! host's own dates.

use super::{ScheduleError, TimeZoneName, error::excerpt};
use crate::model::Timestamp;
use croner::{
    CivilDate, CivilDateTime, CivilTime, Cron, CronDateTime, Resolution, Weekday,
    errors::CronError,
    parser::{CronParser, Seconds, Year},
};
use jiff::{
    SignedDuration,
    civil::{self, DateTime},
    tz::{AmbiguousOffset, TimeZone},
};
use serde::{Deserialize, Serialize};
use std::{cmp::Ordering, fmt, str::FromStr, sync::Arc};

/// A cron expression of five fields (minute, hour, day of the month, month, day of
/// the week), or a nickname such as `@hourly`, that comes true some day.
///
/// Where the clock is set forward, what has a fixed time in the hour that is left
/// out comes right after it, and what has no fixed time skips it. Where the clock
/// is set back, what has a fixed time comes once, the first time; the rest goes on
/// as the clock shows it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CronText {
    text: String,
    /// Shared, because channels are cloned often.
    cron: Arc<Cron>,
}

impl CronText {
    /// The longest expression, in bytes.
    pub const MAX: usize = 256;

    /// The expression, with one space between its fields.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The first time after `time` at which the clock of that zone shows it; none in
    /// the year 5000, where the search ends.
    #[must_use]
    pub fn next_after(&self, time: Timestamp, zone: &TimeZoneName) -> Option<Timestamp> {
        let start = Local { instant: time.instant(), zone: zone.rules() };
        let found = self.cron.find_next_occurrence(&start, false).ok()?;
        Some(Timestamp::from_millis(found.instant.as_millisecond()))
    }
}

impl FromStr for CronText {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Self, ScheduleError> {
        let refused = |reason: String| ScheduleError::Cron { text: excerpt(text.trim()), reason };
        if text.len() > Self::MAX {
            return Err(refused(format!("longer than {} characters", Self::MAX)));
        }
        let fields: Vec<_> = text.split_whitespace().collect();
        let is_nickname = fields.len() == 1 && fields[0].starts_with('@');
        if !is_nickname && fields.len() != 5 {
            return Err(refused(format!("{} fields instead of 5", fields.len())));
        }
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let text = fields.join(" ");
        let cron = parser.parse(&text).map_err(|error| refused(reason(&error)))?;
        let cron = Self { text, cron: Arc::new(cron) };
        match cron.next_after(Timestamp::from_millis(0), &TimeZoneName::default()) {
            Some(_) => Ok(cron),
            None => Err(ScheduleError::Never(cron.text)),
        }
    }
}

/// croner's words, where they help a person.
fn reason(error: &CronError) -> String {
    match error {
        CronError::IllegalCharacters(_) => "a character that has no meaning there".to_owned(),
        CronError::ComponentError(words) => words.trim_end_matches('.').to_owned(),
        _ => "it cannot be read".to_owned(),
    }
}

impl fmt::Debug for CronText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CronText").field(&self.text).finish()
    }
}

impl fmt::Display for CronText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for CronText {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for CronText {}

impl TryFrom<String> for CronText {
    type Error = ScheduleError;

    fn try_from(text: String) -> Result<Self, ScheduleError> {
        text.parse()
    }
}

impl From<CronText> for String {
    fn from(cron: CronText) -> Self {
        cron.text
    }
}

/// An instant, and where the clock hangs that shows it.
#[derive(Clone)]
struct Local<'a> {
    instant: jiff::Timestamp,
    zone: &'a TimeZone,
}

impl Local<'_> {
    fn clock(&self) -> DateTime {
        self.zone.to_datetime(self.instant)
    }

    fn with(&self, instant: Result<jiff::Timestamp, jiff::Error>) -> Result<Self, CronError> {
        let instant = instant.map_err(|_| CronError::InvalidTime)?;
        Ok(Self { instant, zone: self.zone })
    }
}

impl CronDateTime for Local<'_> {
    fn to_civil(&self) -> CivilDateTime {
        let clock = self.clock();
        let [month, day, hour, minute, second] =
            [clock.month(), clock.day(), clock.hour(), clock.minute(), clock.second()]
                .map(|part| u32::from(part.unsigned_abs()));
        CivilDateTime::new(
            CivilDate::from_parts_unchecked(i32::from(clock.year()), month, day),
            CivilTime::from_parts_unchecked(hour, minute, second),
        )
    }

    fn civil_weekday(&self) -> Weekday {
        let days = self.clock().date().weekday().to_sunday_zero_offset();
        Weekday::from_days_from_sunday(u32::from(days.unsigned_abs()))
    }

    fn resolve_civil(&self, civil: CivilDateTime) -> Result<Resolution<Self>, CronError> {
        let found = self.zone.to_ambiguous_timestamp(date_time(civil)?);
        Ok(match found.offset() {
            AmbiguousOffset::Unambiguous { .. } => Resolution::Single(self.with(found.unambiguous())?),
            AmbiguousOffset::Fold { .. } => {
                let earlier = self.with(found.earlier())?;
                Resolution::Ambiguous(earlier, self.with(found.later())?)
            }
            AmbiguousOffset::Gap { .. } => Resolution::Gap,
        })
    }

    fn checked_add_seconds(&self, seconds: i64) -> Option<Self> {
        self.with(self.instant.checked_add(SignedDuration::from_secs(seconds))).ok()
    }

    fn cmp_instant(&self, other: &Self) -> Ordering {
        self.instant.cmp(&other.instant)
    }
}

fn date_time(civil: CivilDateTime) -> Result<DateTime, CronError> {
    let part = |part: u32| i8::try_from(part).map_err(|_| CronError::InvalidDate);
    let year = i16::try_from(civil.year()).map_err(|_| CronError::InvalidDate)?;
    let date = civil::Date::new(year, part(civil.month())?, part(civil.day())?);
    let time = civil::Time::new(part(civil.hour())?, part(civil.minute())?, part(civil.second())?, 0);
    match (date, time) {
        (Ok(date), Ok(time)) => Ok(date.to_datetime(time)),
        _ => Err(CronError::InvalidDate),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::try_from(text.to_owned()).expect(text)
    }

    /// The times that follow `after`, one after the other.
    #[track_caller]
    fn check(cron: &str, zone: &str, after: &str, expected: &[&str]) {
        let (cron, zone): (CronText, TimeZoneName) = (cron.parse().expect(cron), zone.parse().expect(zone));
        let mut time = at(after);
        for next in expected {
            time = cron.next_after(time, &zone).expect("one more");
            assert_eq!(time.to_string(), at(next).to_string(), "{cron} in {zone} after {after}");
        }
    }

    #[test]
    fn times_follow_the_clock_of_their_zone() {
        check("0 * * * *", "UTC", "2026-01-31T22:30:00Z", &["2026-01-31T23:00:00Z", "2026-02-01T00:00:00Z"]);
        check("@hourly", "UTC", "2026-01-31T22:30:00Z", &["2026-01-31T23:00:00Z"]);
        check("@daily", "Europe/Vienna", "2026-01-31T22:30:00Z", &["2026-01-31T23:00:00Z"]);
        check("@weekly", "UTC", "2026-01-28T00:00:00Z", &["2026-02-01T00:00:00Z", "2026-02-08T00:00:00Z"]);
        check("30 9 * * MON-FRI", "America/New_York", "2026-01-30T14:30:00Z", &["2026-02-02T14:30:00Z"]);
        check("0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z", &["2028-02-29T00:00:00Z"]);
        check("0 12 L * *", "UTC", "2026-02-01T00:00:00Z", &["2026-02-28T12:00:00Z"]);
        check("*/20 * * * *", "Asia/Kathmandu", "2026-01-01T00:00:00Z", &["2026-01-01T00:15:00Z"]);
    }

    #[test]
    fn a_time_is_after_the_one_that_it_is_asked_for() {
        check("0 * * * *", "UTC", "2026-01-31T22:59:59.999Z", &["2026-01-31T23:00:00Z"]);
        check("0 * * * *", "UTC", "2026-01-31T23:00:00Z", &["2026-02-01T00:00:00Z"]);
        check("0 * * * *", "UTC", "2026-01-31T23:00:00.001Z", &["2026-02-01T00:00:00Z"]);
    }

    #[test]
    fn where_the_clock_is_set_forward_a_fixed_time_comes_right_after_it() {
        // 2026-03-29 01:00Z: 02:00 becomes 03:00 in Vienna.
        let after = "2026-03-28T12:00:00Z";
        check("30 2 * * *", "Europe/Vienna", after, &["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]);
        check("0 * * * *", "Europe/Vienna", "2026-03-29T00:00:00Z", &["2026-03-29T01:00:00Z"]);
        check("*/30 2 * * *", "Europe/Vienna", after, &["2026-03-30T00:00:00Z", "2026-03-30T00:30:00Z"]);
    }

    #[test]
    fn where_the_clock_is_set_back_a_fixed_time_comes_once() {
        // 2026-10-25 01:00Z: 03:00 becomes 02:00 in Vienna.
        let after = "2026-10-24T12:00:00Z";
        check("30 2 * * *", "Europe/Vienna", after, &["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]);
        check(
            "0,30 * * * *",
            "Europe/Vienna",
            "2026-10-25T00:00:00Z",
            &["2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:00:00Z"],
        );
    }

    #[test]
    fn what_is_no_expression_is_refused_with_the_cure() {
        for (text, reason) in [
            ("", "0 fields instead of 5"),
            ("* * * *", "4 fields instead of 5"),
            ("0 * * * * *", "6 fields instead of 5"),
            ("@often", "it cannot be read"),
            ("60 * * * *", "Number out of bounds"),
            ("a * * * *", "a character that has no meaning there"),
        ] {
            let words = text.parse::<CronText>().expect_err(text).to_string();
            assert!(
                words.starts_with(&format!("'{text}' is not a cron expression ({reason}): write")),
                "{words}"
            );
        }
        assert_eq!(
            "0 0 30 2 *".parse::<CronText>().expect_err("no such day").to_string(),
            "the cron expression '0 0 30 2 *' never comes true: correct its day or month"
        );
        assert!(format!("{} * * * *", "1,".repeat(200)).parse::<CronText>().is_err());
    }

    proptest! {
        /// Around every change of the clock of two years, and in between.
        #[test]
        fn times_always_go_forward(
            cron in prop::sample::select(vec![
                "* * * * *", "0 * * * *", "*/7 1-3 * * *", "30 2 * * *", "0 0 * * 0", "59 23 31 * *",
            ]),
            zone in prop::sample::select(vec![
                "UTC", "Europe/Vienna", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca",
            ]),
            start in 1_735_689_600_000_i64..1_798_761_600_000,
        ) {
            let (cron, zone): (CronText, TimeZoneName) = (cron.parse().expect("cron"), zone.parse().expect("zone"));
            let mut time = Timestamp::from_millis(start);
            for _ in 0..20 {
                let next = cron.next_after(time, &zone).expect("one more");
                prop_assert!(next > time, "{} after {}", next, time);
                time = next;
            }
        }

        #[test]
        fn any_text_is_an_expression_or_refused(text in "[0-9*/,@ LW#a-z-]{0,30}") {
            let _ = text.parse::<CronText>();
        }
    }
}
