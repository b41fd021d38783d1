//! How schedules look to people.

use crate::{
    api::view::{Idle, Schedule},
    model::Span,
};

/// `every 15 min`, `cron 0 * * * * Europe/Vienna, quiet 22:00-06:00`, `by hand only`.
pub(super) fn words(schedule: &Schedule) -> String {
    let zone = schedule.time_zone.as_deref().unwrap_or("UTC");
    let rhythm = match schedule {
        Schedule { manual: true, .. } => return "by hand only".to_owned(),
        Schedule { cron: Some(cron), .. } => format!("cron {cron} {zone}"),
        Schedule { every: Some(every), default: true, .. } => {
            format!("every {} (the host's default)", span(*every))
        }
        Schedule { every: Some(every), .. } => format!("every {}", span(*every)),
        _ => "in a way that this version does not know".to_owned(),
    };
    match &schedule.quiet {
        None => rhythm,
        Some(quiet) if schedule.cron.is_some() => format!("{rhythm}, quiet {quiet}"),
        Some(quiet) => format!("{rhythm}, quiet {quiet} {zone}"),
    }
}

/// Why there is no next time.
pub(super) fn idle(idle: Idle) -> &'static str {
    match idle {
        Idle::Disabled => "disabled",
        Idle::Paused => "paused",
        Idle::NoConnectors => "no connector is on",
        Idle::Manual => "by hand only",
        Idle::Maintenance => "schedule paused",
    }
}

/// `15 min`, `1 h`, `2 days`; what is no whole number of them as `1h 30m`.
pub(super) fn span(span: Span) -> String {
    let milliseconds = span.0.as_millis();
    for (unit, length) in [("day", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000)] {
        if milliseconds > 0 && milliseconds.is_multiple_of(length) {
            let count = milliseconds / length;
            let plural = if unit == "day" && count > 1 { "s" } else { "" };
            return format!("{count} {unit}{plural}");
        }
    }
    span.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn schedules_are_told_in_words() {
        let check = |json: Value, expected: &str| {
            let schedule: Schedule = serde_json::from_value(json).expect("a schedule");
            assert_eq!(words(&schedule), expected);
        };
        check(json!({"every": "15m"}), "every 15 min");
        check(json!({"every": "5m", "default": true}), "every 5 min (the host's default)");
        check(json!({"cron": "0 * * * *"}), "cron 0 * * * * UTC");
        check(
            json!({"cron": "0 * * * *", "time-zone": "Europe/Vienna", "quiet": "22:00-06:00"}),
            "cron 0 * * * * Europe/Vienna, quiet 22:00-06:00",
        );
        check(json!({"every": "1h", "quiet": "22:00-06:00"}), "every 1 h, quiet 22:00-06:00 UTC");
        check(json!({"manual": true, "quiet": "22:00-06:00"}), "by hand only");
        check(json!({"moon": "full"}), "in a way that this version does not know");
    }

    #[test]
    fn spans_are_told_in_one_unit_where_they_can() {
        for (seconds, text) in [
            (10, "10 s"),
            (300, "5 min"),
            (3_600, "1 h"),
            (86_400, "1 day"),
            (172_800, "2 days"),
            (5_400, "90 min"),
        ] {
            assert_eq!(span(Span::secs(seconds)), text);
        }
        assert_eq!(span(Span::millis(10_500)), "10s 500ms");
    }
}
