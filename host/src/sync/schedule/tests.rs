//! Ticks as tables, and what holds of all of them.

use super::*;
use crate::model::{ChannelId, Span};
use proptest::prelude::*;

fn at(text: &str) -> Timestamp {
    Timestamp::try_from(text.to_owned()).expect(text)
}

fn schedule(json: &str) -> Schedule {
    serde_json::from_str(json).expect(json)
}

fn minutes(count: u64) -> Interval {
    Interval::try_new(Span::secs(count * 60)).expect("within bounds")
}

/// A channel that was due for the first time at the start of 2026, on a host with the
/// usual interval.
fn ticks<'a>(schedule: &'a Schedule, last: Option<&str>, jitter: Jitter) -> Ticks<'a> {
    let first = at("2026-01-01T00:00:00Z");
    Ticks { schedule, every: minutes(5), first, last: last.map(at), jitter }
}

/// Without jitter.
#[track_caller]
fn check(json: &str, last: Option<&str>, now: &str, next: Option<&str>) {
    let schedule = schedule(json);
    let found = ticks(&schedule, last, Jitter::NONE).next(at(now));
    assert_eq!(found, next.map(at), "{json}, last tick at {last:?}, now {now}");
}

/// With as much jitter as there is.
#[track_caller]
fn spread_to(json: &str, last: Option<&str>, now: &str, next: &str) {
    let schedule = schedule(json);
    let found = ticks(&schedule, last, Jitter::MOST).next(at(now)).expect("a time");
    assert_eq!(found.to_string(), next, "{json}, last tick at {last:?}, now {now}");
}

#[test]
fn the_first_tick_comes_when_it_is_due_whatever_the_rhythm() {
    for json in ["{}", r#"{"every": "1h"}"#, r#"{"cron": "0 3 * * *"}"#] {
        check(json, None, "2025-12-31T23:59:50Z", Some("2026-01-01T00:00:00Z"));
        check(json, None, "2026-01-01T00:00:00Z", Some("2026-01-01T00:00:00Z"));
        // It was enabled again after its last tick.
        check(json, Some("2025-12-31T23:59:50Z"), "2025-12-31T23:59:59Z", Some("2026-01-01T00:00:00Z"));
        check(json, None, "2026-01-02T12:00:00Z", Some("2026-01-02T12:00:00Z"));
    }
    spread_to("{}", None, "2025-12-31T23:59:50Z", "2026-01-01T00:00:00.000Z");
    spread_to("{}", None, "2026-01-02T12:00:00Z", "2026-01-02T12:00:29.999Z");
}

#[test]
fn a_channel_by_hand_is_never_due() {
    check(r#"{"manual": true}"#, None, "2026-01-01T00:00:00Z", None);
    check(r#"{"manual": true}"#, Some("2026-01-01T00:00:00Z"), "2026-02-01T00:00:00Z", None);
}

#[test]
fn an_interval_counts_from_the_last_tick() {
    let last = Some("2026-01-31T12:00:07Z");
    check("{}", last, "2026-01-31T12:00:07Z", Some("2026-01-31T12:05:07Z"));
    check(r#"{"every": "15m"}"#, last, "2026-01-31T12:14:59Z", Some("2026-01-31T12:15:07Z"));
    check(r#"{"every": "15m"}"#, last, "2026-01-31T12:15:07Z", Some("2026-01-31T12:15:07Z"));
    check(r#"{"every": "30d"}"#, last, "2026-01-31T12:00:08Z", Some("2026-03-02T12:00:07Z"));
}

#[test]
fn jitter_is_a_tenth_of_the_interval_and_at_most_half_a_minute() {
    let last = Some("2026-01-31T12:00:00Z");
    let now = "2026-01-31T12:00:00Z";
    spread_to(r#"{"every": "10s"}"#, last, now, "2026-01-31T12:00:10.999Z");
    spread_to(r#"{"every": "1m"}"#, last, now, "2026-01-31T12:01:05.999Z");
    spread_to("{}", last, now, "2026-01-31T12:05:29.999Z");
    spread_to(r#"{"every": "1d"}"#, last, now, "2026-02-01T12:00:29.999Z");
    spread_to(r#"{"cron": "5 * * * *"}"#, last, now, "2026-01-31T12:05:00.000Z");
}

#[test]
fn missed_ticks_are_one() {
    let last = Some("2026-01-31T12:00:00Z");
    for json in ["{}", r#"{"every": "1h"}"#, r#"{"cron": "*/10 * * * *"}"#] {
        check(json, last, "2026-02-03T04:05:06.789Z", Some("2026-02-03T04:05:06.789Z"));
        spread_to(json, last, "2026-02-03T04:05:06.789Z", "2026-02-03T04:05:36.788Z");
        let schedule = schedule(json);
        let missed = ticks(&schedule, last, Jitter::NONE);
        let now = at("2026-02-03T04:05:06.789Z");
        let after = Ticks { last: missed.next(now), ..missed };
        assert!(after.next(now).expect("one more") > now, "{json}: not one by one");
    }
}

#[test]
fn a_cron_expression_follows_the_clock_of_its_zone() {
    let (json, last) = (r#"{"cron": "30 2 * * *", "time-zone": "Europe/Vienna"}"#, "2026-03-28T01:30:00Z");
    // Set forward in that night: right after the hour that is left out.
    check(json, Some(last), last, Some("2026-03-29T01:00:00Z"));
    check(json, Some("2026-03-29T01:00:00Z"), "2026-03-29T01:00:01Z", Some("2026-03-30T00:30:00Z"));
    // Set back in that night: once.
    let last = "2026-10-24T00:30:00Z";
    check(json, Some(last), last, Some("2026-10-25T00:30:00Z"));
    check(json, Some("2026-10-25T00:30:00Z"), "2026-10-25T00:30:00Z", Some("2026-10-26T01:30:00Z"));
}

#[test]
fn quiet_hours_put_a_tick_off_to_their_end() {
    let night = r#"{"every": "1h", "quiet": "22:00-06:00"}"#;
    let check = |last, next| check(night, Some(last), last, Some(next));
    check("2026-01-31T20:59:59Z", "2026-01-31T21:59:59Z");
    check("2026-01-31T21:00:00Z", "2026-02-01T06:00:00Z");
    check("2026-01-31T23:30:00Z", "2026-02-01T06:00:00Z");
    check("2026-02-01T05:30:00Z", "2026-02-01T06:30:00Z");
    spread_to(night, Some("2026-01-31T22:00:00Z"), "2026-01-31T22:00:00Z", "2026-02-01T06:00:29.999Z");
}

#[test]
fn quiet_hours_hold_for_every_kind_of_tick() {
    let vienna = r#""time-zone": "Europe/Vienna", "quiet": "22:00-06:00""#;
    let cron = format!(r#"{{"cron": "0 3 * * *", {vienna}}}"#);
    let last = Some("2026-01-31T12:00:00Z");
    check(&cron, last, "2026-01-31T12:00:00Z", Some("2026-02-01T05:00:00Z"));
    let plain = format!("{{{vienna}}}");
    check(&plain, None, "2025-12-31T23:59:00Z", Some("2026-01-01T05:00:00Z"));
    check(&plain, last, "2026-02-03T04:05:06Z", Some("2026-02-03T05:00:00Z"));
    check(&plain, last, "2026-02-03T05:05:06Z", Some("2026-02-03T05:05:06Z"));
}

#[test]
fn a_clock_that_was_set_back_does_not_stop_a_channel() {
    let last = Some("2027-01-31T12:00:00Z");
    check("{}", last, "2026-01-31T12:00:00Z", Some("2026-01-31T12:05:00Z"));
}

#[test]
fn upcoming_times_follow_one_another() {
    let schedule = schedule(r#"{"every": "8h", "quiet": "22:00-06:00"}"#);
    let ticks = ticks(&schedule, Some("2026-01-31T12:00:00Z"), Jitter::NONE);
    let times = ticks.upcoming(at("2026-01-31T13:00:00Z"), 4);
    let expected =
        ["2026-01-31T20:00:00Z", "2026-02-01T06:00:00Z", "2026-02-01T14:00:00Z", "2026-02-02T06:00:00Z"];
    assert_eq!(times, expected.map(at));
    let manual = Schedule { rhythm: Rhythm::Manual, ..Schedule::default() };
    assert!(Ticks { schedule: &manual, ..ticks }.upcoming(at("2026-01-31T13:00:00Z"), 4).is_empty());
}

fn any_schedule() -> impl Strategy<Value = Schedule> {
    let rhythms = prop::sample::select(vec![
        "",
        r#""every": "10s""#,
        r#""every": "37m""#,
        r#""every": "30d""#,
        r#""cron": "* * * * *""#,
        r#""cron": "*/30 1-3 * * *""#,
        r#""cron": "30 2 * * *""#,
    ]);
    let zones = prop::sample::select(vec![
        "UTC",
        "Europe/Vienna",
        "America/New_York",
        "Australia/Lord_Howe",
        "Africa/Casablanca",
        "Asia/Kathmandu",
    ]);
    let minute = 0..24 * 60_u32;
    (rhythms, zones, prop::option::of((minute.clone(), minute))).prop_map(|(rhythm, zone, quiet)| {
        let time = |minute: u32| format!("{:02}:{:02}", minute / 60, minute % 60);
        let mut parts = vec![format!(r#""time-zone": "{zone}""#)];
        parts.extend(Some(rhythm.to_owned()).filter(|rhythm| !rhythm.is_empty()));
        let quiet = quiet.filter(|(from, to)| from != to);
        parts.extend(quiet.map(|(from, to)| format!(r#""quiet": "{}-{}""#, time(from), time(to))));
        schedule(&format!("{{{}}}", parts.join(", ")))
    })
}

/// 2026 in milliseconds: every change of the clock is in it.
const YEAR: std::ops::Range<i64> = 1_767_225_600_000..1_798_761_600_000;

proptest! {
    #[test]
    fn the_next_tick_is_after_the_last_and_never_quiet(
        schedule in any_schedule(),
        last in prop::option::of(YEAR),
        passed in prop_oneof![0..600_000_i64, 0..10_000_000_000_i64],
        jitter in prop::sample::select(vec![Jitter::NONE, Jitter::MOST, Jitter::of_channel(ChannelId::from_bytes([3; 16]))]),
    ) {
        let first = Timestamp::from_millis(YEAR.start);
        let last = last.map(Timestamp::from_millis);
        let now = last.unwrap_or(first).plus_millis(passed);
        let ticks = Ticks { schedule: &schedule, every: minutes(5), first, last, jitter };
        let mut before = last;
        for time in ticks.upcoming(now, 5) {
            prop_assert!(time >= now, "{} is before {}", time, now);
            prop_assert!(before.is_none_or(|before| time > before), "{} follows {:?}", time, before);
            let quiet = schedule.quiet.and_then(|quiet| quiet.end_after(time, &schedule.time_zone));
            prop_assert!(quiet.is_none(), "{} is quiet", time);
            before = Some(time);
        }
        prop_assert!(before != last, "there is a next time");
    }

    /// Who keeps the answer gets the same one, until it is due.
    #[test]
    fn a_tick_that_is_not_missed_stays_where_it_is(schedule in any_schedule(), last in YEAR, part in 0.0..1.0_f64) {
        let last = Timestamp::from_millis(last);
        let first = Timestamp::from_millis(YEAR.start);
        let ticks = Ticks { schedule: &schedule, every: minutes(5), first, last: Some(last), jitter: Jitter::MOST };
        let planned = ticks.planned(last).expect("a time");
        let wait = planned.millis_since(last) as f64 * part;
        let later = last.plus_millis(wait as i64);
        prop_assert_eq!(ticks.next(later), ticks.next(last));
    }
}
