//! Why a schedule makes no sense, and what to write instead.

/// Part of a schedule that breaks its bounds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// Not a duration.
    #[error("'{0}' is not a duration: write it like \"15m\"")]
    Duration(String),
    /// Too short or too long.
    #[error("an interval is 10s to 30d, not {0}")]
    Interval(String),
    /// Not a cron expression.
    #[error(
        "'{text}' is not a cron expression ({reason}): write minute, hour, day of the month, month and day of \
         the week, such as \"0 * * * *\", or one of @hourly, @daily, @weekly, @monthly and @yearly"
    )]
    Cron {
        /// What was written.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A day that no calendar has.
    #[error("the cron expression '{0}' never comes true: correct its day or month")]
    Never(String),
    /// Not in the database of time zones.
    #[error("'{0}' is not a time zone: use a name of the IANA database, such as Europe/Vienna or UTC")]
    TimeZone(String),
    /// Not two times of the day.
    #[error("'{0}' are not quiet hours: write them like \"22:00-06:00\"")]
    Quiet(String),
    /// From a time to the same time.
    #[error(
        "quiet hours from {0} to {0} are none, or the whole day: let them end at another time, or let the \
         channel sync by hand only"
    )]
    QuietAlways(String),
    /// More than one of what excludes each other.
    #[error("a schedule is one of every, cron and manual: name only one of them")]
    Several,
}

/// The beginning of a text, for an error that repeats it.
pub(super) fn excerpt(text: &str) -> String {
    text.chars().take(80).collect()
}
