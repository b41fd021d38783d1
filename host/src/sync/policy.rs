//! What is done about a failure, by its class: the one table of it. Pure.
//!
//! It neither waits nor throws dice; docs/operating.md shows the same table.

use super::Config;
use crate::model::{Class, Deferred, Failure, Timestamp};
use std::time::Duration;

/// What a class of failures leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Policy {
    /// Wait for as long as the remote system asks.
    Wait,
    /// Put off, longer each time, for as long as it takes.
    Defer,
    /// Fail, and hold the channel back until somebody has mended it.
    Pause,
    /// Once more from the last page, then fail.
    Retry,
    /// Fail; the next run may fare better.
    Fail,
}

/// The table.
pub(super) const TABLE: [(Class, Policy); 11] = [
    (Class::Transient, Policy::Defer),
    (Class::RateLimited, Policy::Wait),
    (Class::Auth, Policy::Pause),
    (Class::Config, Policy::Pause),
    (Class::NotFound, Policy::Fail),
    (Class::Conflict, Policy::Fail),
    (Class::InvalidData, Policy::Retry),
    (Class::Denied, Policy::Fail),
    (Class::Limit, Policy::Retry),
    (Class::Unsupported, Policy::Fail),
    (Class::Internal, Policy::Retry),
];

/// Codes that say more than their class: the host itself will see to it.
const DEFERRED_CODES: [&str; 2] = ["plugin.missing", "plugin.quarantined"];

/// Whether a run waits for its plugin.
pub(super) fn waits_for_plugin(failure: &Failure) -> bool {
    DEFERRED_CODES.contains(&failure.code.as_str())
}

/// The code of a request that was not sent because its origin is left alone.
const BREAKER_OPEN: &str = "breaker.open";

/// What to do with a run.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Verdict {
    /// Try again at once, from the last page.
    Retry,
    Defer(Deferred),
    Fail,
    /// Fail, and pause the channel.
    Pause,
}

/// What is known of the run that failed.
pub(super) struct Case<'a> {
    pub(super) failure: &'a Failure,
    /// Tries in a row that brought no page, this one not counted.
    pub(super) tries: u32,
    /// Since when it has been put off, where it was.
    pub(super) since: Option<Timestamp>,
    pub(super) now: Timestamp,
    /// Where the channel's remote system is.
    pub(super) origin: Option<&'a str>,
    /// From 0 up to, not including, 1.
    pub(super) jitter: f64,
}

/// The policy for a failure.
pub(super) fn policy(failure: &Failure) -> Policy {
    if waits_for_plugin(failure) {
        return Policy::Defer;
    }
    let row = TABLE.iter().find(|(class, _)| *class == failure.class);
    row.expect("every class has its row").1
}

/// Whether a step of changes may have failed for one of them: a failure that neither passes by
/// itself nor is mended in the channel.
pub(super) fn blames_changes(failure: &Failure) -> bool {
    matches!(policy(failure), Policy::Retry | Policy::Fail)
}

/// Whether a try counts: one that sent nothing burns no attempt.
pub(super) fn counts(failure: &Failure) -> bool {
    let sent = !matches!(failure.code.as_str(), BREAKER_OPEN | "throttle.blocked");
    sent && failure.class != Class::RateLimited && !waits_for_plugin(failure)
}

pub(super) fn judge(case: &Case<'_>, config: &Config) -> Verdict {
    match policy(case.failure) {
        Policy::Fail => Verdict::Fail,
        Policy::Pause => Verdict::Pause,
        Policy::Retry if case.tries == 0 => Verdict::Retry,
        Policy::Retry => Verdict::Fail,
        Policy::Wait | Policy::Defer => Verdict::Defer(deferred(case, config)),
    }
}

/// How long it is put off, and what it waits for.
pub(super) fn deferred(case: &Case<'_>, config: &Config) -> Deferred {
    Deferred {
        until: case.now.plus(wait(case, config)),
        since: case.since.unwrap_or(case.now),
        reason: case.failure.clone(),
        origin: case.origin.filter(|_| case.failure.code == BREAKER_OPEN).map(Into::into),
    }
}

/// What the remote system asks for, or else a doubling pause; over either some jitter, so
/// that not all come back at once. Never shorter than what was asked for.
fn wait(case: &Case<'_>, config: &Config) -> Duration {
    let (base, spread) = match case.failure.retry_after_ms {
        Some(asked) => (Duration::from_millis(asked), 0.1),
        // It is woken when the plugin is there; the time is for the case that this is missed.
        None if waits_for_plugin(case.failure) => (config.defer_max.0, 0.25),
        None => {
            let doublings = case.tries.min(20);
            (config.defer_base.0.saturating_mul(1 << doublings).min(config.defer_max.0), 0.25)
        }
    };
    base.saturating_add(base.mul_f64(case.jitter.clamp(0.0, 1.0) * spread))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Span;

    fn failure(class: Class, code: &str) -> Failure {
        Failure::new(class, code, "as the test says")
    }

    fn case(failure: &Failure, tries: u32) -> Case<'_> {
        let now = Timestamp::from_millis(1_000);
        Case { failure, tries, since: None, now, origin: Some("https://a.example"), jitter: 0.0 }
    }

    #[test]
    fn each_class_has_one_row() {
        for (at, (class, _)) in TABLE.iter().enumerate() {
            assert!(TABLE[..at].iter().all(|(other, _)| other != class), "{class}");
        }
    }

    /// The rows of the manual's table: class and what the host does about it.
    fn manual() -> Vec<(String, String)> {
        const MANUAL: &str = include_str!("../../../docs/operating.md");
        let (_, section) = MANUAL.split_once("\n### Errors by class\n").expect("the section is there");
        let (section, _) = section.split_once("\n#").expect("another one follows");
        let cell = |cell: &str| cell.trim().trim_matches('`').to_owned();
        let row = |line: &str| {
            let mut cells = line.strip_prefix("| `")?.split('|').map(cell);
            Some((cells.next()?, cells.next()?))
        };
        section.lines().filter_map(row).collect()
    }

    fn word(policy: Policy) -> &'static str {
        match policy {
            Policy::Wait => "wait",
            Policy::Defer => "defer",
            Policy::Pause => "pause",
            Policy::Retry => "retry",
            Policy::Fail => "fail",
        }
    }

    #[test]
    fn the_manual_has_the_same_table() {
        let table = TABLE.map(|(class, policy)| (class.to_string(), word(policy).to_owned()));
        assert_eq!(manual(), table, "docs/operating.md, \"Errors by class\"");
    }

    #[test]
    fn what_cannot_help_is_not_tried_again() {
        let check = |class, tries, expected: Verdict| {
            let failure = failure(class, "some.code");
            assert_eq!(judge(&case(&failure, tries), &Config::default()), expected, "{class} {tries}");
        };
        for class in [Class::NotFound, Class::Conflict, Class::Denied, Class::Unsupported] {
            check(class, 0, Verdict::Fail);
        }
        for class in [Class::Auth, Class::Config] {
            check(class, 0, Verdict::Pause);
        }
        for class in [Class::Internal, Class::Limit, Class::InvalidData] {
            check(class, 0, Verdict::Retry);
            check(class, 1, Verdict::Fail);
        }
    }

    #[test]
    fn pauses_double_up_to_the_longest_and_what_is_asked_for_is_kept() {
        let config = Config { defer_base: Span::secs(60), defer_max: Span::secs(600), ..Config::default() };
        let check = |failure: &Failure, tries, jitter, seconds: i64| {
            let case = Case { jitter, ..case(failure, tries) };
            let Verdict::Defer(deferred) = judge(&case, &config) else { panic!("{failure:?}") };
            assert_eq!(deferred.until.as_millis(), 1_000 + seconds * 1_000, "{failure:?} {tries}");
        };
        let down = failure(Class::Transient, "net.connect");
        for (tries, seconds) in [(0, 60), (1, 120), (2, 240), (3, 480), (4, 600), (1_000, 600)] {
            check(&down, tries, 0.0, seconds);
        }
        check(&down, 0, 1.0, 75);
        let asked = failure(Class::RateLimited, "http.status.429").retry_after_ms(Some(50_000));
        check(&asked, 9, 0.0, 50);
        check(&asked, 9, 1.0, 55);
        check(&failure(Class::Config, "plugin.missing"), 0, 0.0, 600);
    }

    #[test]
    fn what_sent_nothing_burns_no_attempt() {
        let check = |class, code, expected| assert_eq!(counts(&failure(class, code)), expected, "{code}");
        check(Class::Transient, "net.connect", true);
        check(Class::Internal, "trap.unreachable", true);
        check(Class::Transient, "breaker.open", false);
        check(Class::RateLimited, "throttle.blocked", false);
        check(Class::RateLimited, "http.status.429", false);
        check(Class::Config, "plugin.missing", false);
        check(Class::Config, "plugin.quarantined", false);
    }

    #[test]
    fn a_run_waits_for_an_origin_only_where_that_is_left_alone() {
        for (code, origin) in [("breaker.open", Some("https://a.example")), ("net.connect", None)] {
            let down = failure(Class::Transient, code);
            let Verdict::Defer(deferred) = judge(&case(&down, 0), &Config::default()) else {
                panic!("{code}")
            };
            assert_eq!(deferred.origin.as_deref(), origin);
        }
    }

    #[test]
    fn it_is_told_since_when_a_run_is_put_off() {
        let down = failure(Class::Transient, "net.connect");
        let since = Some(Timestamp::from_millis(7));
        let verdict = judge(&Case { since, ..case(&down, 3) }, &Config::default());
        assert!(matches!(verdict, Verdict::Defer(deferred) if Some(deferred.since) == since));
    }
}
