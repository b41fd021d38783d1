//! What is done about a call that failed, by the class of its failure: the one table of
//! it. Pure.
//!
//! It is the table of runs (`sync/policy.rs`) for things that must not be done twice:
//! nothing is tried again that may have been done, unless doing it twice is safe. The
//! manual, docs/operations.md, shows the same table.

use super::recovery;
use crate::{
    model::{Call, CallMode, Class, Deferred, Failure, Timestamp, Usage},
    sync::{Config, policy as runs},
};

/// What a class of failures leads to, for a call that is queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Policy {
    /// Wait for as long as the remote system asks.
    Wait,
    /// Put off, longer each time, for as long as it takes.
    Defer,
    /// Pause the channel; the call waits until somebody has mended it.
    Hold,
    /// Once more at once, then fail.
    Retry,
    /// Fail: the same would come of it again.
    Fail,
}

/// The table.
pub(super) const TABLE: [(Class, Policy); 11] = [
    (Class::Transient, Policy::Defer),
    (Class::RateLimited, Policy::Wait),
    (Class::Auth, Policy::Hold),
    (Class::Config, Policy::Hold),
    (Class::NotFound, Policy::Fail),
    (Class::Conflict, Policy::Fail),
    (Class::InvalidData, Policy::Fail),
    (Class::Denied, Policy::Fail),
    (Class::Limit, Policy::Retry),
    (Class::Unsupported, Policy::Fail),
    (Class::Internal, Policy::Retry),
];

/// What to do with a call.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Verdict {
    /// Try again at once.
    Retry,
    Defer(Deferred),
    /// Let it wait for its channel, which is to be paused.
    Hold(Deferred),
    Fail,
    /// Fail, and pause the channel.
    Pause,
}

/// What is known of the try that failed.
pub(super) struct Case<'a> {
    pub(super) call: &'a Call,
    pub(super) failure: &'a Failure,
    /// What the try used.
    pub(super) usage: &'a Usage,
    pub(super) now: Timestamp,
    /// Where the channel's remote system is.
    pub(super) origin: Option<&'a str>,
    /// From 0 up to, not including, 1.
    pub(super) jitter: f64,
}

pub(super) fn judge(case: &Case<'_>, config: &Config) -> Verdict {
    let policy = policy(case.failure);
    if case.call.mode == CallMode::Now {
        return if policy == Policy::Hold { Verdict::Pause } else { Verdict::Fail };
    }
    // Whatever the class: what may have been done, and has no key there, is not done again.
    if case.usage.unkeyed_writes > 0 {
        return if policy == Policy::Hold { Verdict::Pause } else { Verdict::Fail };
    }
    match policy {
        Policy::Fail => Verdict::Fail,
        Policy::Retry if case.call.tries == 0 && !is_about_the_answer(case.failure) => Verdict::Retry,
        Policy::Retry => Verdict::Fail,
        Policy::Hold => Verdict::Hold(held(case.failure.clone(), case.call, case.now, config)),
        Policy::Wait | Policy::Defer => Verdict::Defer(runs::deferred(
            &runs::Case {
                failure: case.failure,
                tries: case.call.tries,
                since: case.call.deferred.as_ref().map(|deferred| deferred.since),
                now: case.now,
                origin: case.origin,
                jitter: case.jitter,
            },
            config,
        )),
    }
}

/// How a call is put off that waits for its channel. It is woken when that is mended; the
/// time is for the case that this is missed.
pub(super) fn held(reason: Failure, call: &Call, now: Timestamp, config: &Config) -> Deferred {
    let since = call.deferred.as_ref().map_or(now, |deferred| deferred.since);
    Deferred { until: now.plus(config.defer_max.0), since, reason, origin: None }
}

fn policy(failure: &Failure) -> Policy {
    // Nobody knows whether it was done, and the remote system keeps no keys.
    if failure.code == recovery::INTERRUPTED {
        return Policy::Fail;
    }
    if runs::waits_for_plugin(failure) {
        return Policy::Defer;
    }
    let row = TABLE.iter().find(|(class, _)| *class == failure.class);
    row.expect("every class has its row").1
}

/// It was done, and only what the plugin makes of it is wrong: another try brings the same.
fn is_about_the_answer(failure: &Failure) -> bool {
    matches!(failure.code.as_str(), "answer.json" | "answer.schema" | "limit.answer-bytes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::tests::support::{called, name, ready_to_call};

    fn call(mode: CallMode, tries: u32) -> Call {
        Call { mode, tries, ..called(&ready_to_call(Vec::new()), &name("send"), Timestamp::from_millis(0)) }
    }

    fn verdict(mode: CallMode, tries: u32, class: Class, code: &str, unkeyed: u64) -> &'static str {
        let (call, failure) = (call(mode, tries), Failure::new(class, code, "as the test says"));
        let usage = Usage { unkeyed_writes: unkeyed, ..Usage::default() };
        let now = Timestamp::from_millis(1_000);
        let case = Case { call: &call, failure: &failure, usage: &usage, now, origin: None, jitter: 0.0 };
        match judge(&case, &Config::default()) {
            Verdict::Retry => "retry",
            Verdict::Defer(_) => "defer",
            Verdict::Hold(_) => "hold",
            Verdict::Fail => "fail",
            Verdict::Pause => "pause",
        }
    }

    #[test]
    fn a_queued_call_goes_by_the_table() {
        use Class::{Auth, Config, Conflict, Denied, Internal, InvalidData, Limit, NotFound};
        use Class::{RateLimited, Transient, Unsupported};
        let check = |class, tries, expected| {
            assert_eq!(verdict(CallMode::Queued, tries, class, "some.code", 0), expected, "{class} {tries}");
        };
        for (class, first, later) in [
            (Transient, "defer", "defer"),
            (RateLimited, "defer", "defer"),
            (Auth, "hold", "hold"),
            (Config, "hold", "hold"),
            (NotFound, "fail", "fail"),
            (Conflict, "fail", "fail"),
            (InvalidData, "fail", "fail"),
            (Denied, "fail", "fail"),
            (Unsupported, "fail", "fail"),
            (Limit, "retry", "fail"),
            (Internal, "retry", "fail"),
        ] {
            check(class, 0, first);
            check(class, 1, later);
        }
        assert_eq!(verdict(CallMode::Queued, 0, Config, "plugin.missing", 0), "defer");
        assert_eq!(verdict(CallMode::Queued, 0, Transient, "call.interrupted", 0), "fail");
    }

    #[test]
    fn what_may_have_been_done_without_a_key_is_not_done_again() {
        for (class, code, expected) in [
            (Class::Transient, "http.status.503", "fail"),
            (Class::RateLimited, "http.status.429", "fail"),
            (Class::Internal, "trap.unreachable", "fail"),
            (Class::Auth, "http.status.401", "pause"),
        ] {
            assert_eq!(verdict(CallMode::Queued, 0, class, code, 1), expected, "{class}");
        }
    }

    #[test]
    fn what_was_answered_wrongly_is_not_asked_again() {
        for (class, code) in [
            (Class::Internal, "answer.schema"),
            (Class::Internal, "answer.json"),
            (Class::Limit, "limit.answer-bytes"),
        ] {
            assert_eq!(verdict(CallMode::Queued, 0, class, code, 0), "fail", "{code}");
        }
    }

    #[test]
    fn who_waits_gets_the_first_answer() {
        for (class, _) in TABLE {
            let expected = if matches!(class, Class::Auth | Class::Config) { "pause" } else { "fail" };
            assert_eq!(verdict(CallMode::Now, 0, class, "some.code", 0), expected, "{class}");
        }
    }

    /// The rows of the manual's table: class and what the host does about it.
    fn manual() -> Vec<(String, String)> {
        const MANUAL: &str = include_str!("../../../../docs/operations.md");
        let (_, section) = MANUAL.split_once("\n## Failures by class\n").expect("the section is there");
        let (section, _) = section.split_once("\n#").expect("another one follows");
        let cell = |cell: &str| cell.trim().trim_matches('`').to_owned();
        let row = |line: &str| {
            let mut cells = line.strip_prefix("| `")?.split('|').map(cell);
            Some((cells.next()?, cells.next()?))
        };
        section.lines().filter_map(row).collect()
    }

    #[test]
    fn the_manual_has_the_same_table() {
        let word = |policy: Policy| match policy {
            Policy::Wait => "wait",
            Policy::Defer => "defer",
            Policy::Hold => "hold",
            Policy::Retry => "retry",
            Policy::Fail => "fail",
        };
        let table = TABLE.map(|(class, policy)| (class.to_string(), word(policy).to_owned()));
        assert_eq!(manual(), table, "docs/operations.md, \"Failures by class\"");
    }
}
