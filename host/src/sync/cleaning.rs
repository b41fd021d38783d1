//! Which ended runs go, and which conflicts.
//!
//! Pure: it decides about what is shown to it, and removes nothing.

use super::keeping::Keep;
use crate::{
    model::{Conflict, Status, Timestamp},
    store::{EndedRun, Older},
};
use std::time::Duration;

/// Whether an ended run goes. The newest of its connector never does, so that one can
/// always see how it last went; nor does a run that goes on.
pub(super) fn goes(ended: &EndedRun, keep: Keep, now: Timestamp) -> bool {
    let run = &ended.run;
    let kept_for = if run.status == Status::Completed { keep.completed } else { keep.failed };
    let since_end = now.millis_since(run.ended.unwrap_or(run.requested));
    run.status.has_ended() && !ended.is_newest && u128::from(since_end) >= kept_for.as_millis()
}

/// Whether a conflict goes. One that waits for a person never does.
pub(super) fn is_past(conflict: &Conflict, keep: Duration, now: Timestamp) -> bool {
    let over = match &conflict.settled {
        Some(settlement) => Some(settlement.at),
        None => (!conflict.held).then_some(conflict.at),
    };
    over.is_some_and(|over| u128::from(now.millis_since(over)) >= keep.as_millis())
}

/// Where to look for them: a run that was asked for later cannot have ended long enough ago.
pub(super) fn older(keep: Keep, now: Timestamp) -> Older {
    Older { completed: before(now, keep.completed), failed: before(now, keep.failed) }
}

fn before(now: Timestamp, span: Duration) -> Timestamp {
    let span = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
    // A run that was asked for in the very millisecond is looked at, too.
    Timestamp::from_millis(now.as_millis().saturating_sub(span).saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Author, ConflictId, Run, RunId, Settlement},
        sync::tests::support::{connector, key, queued, ready},
    };

    const HOUR: u64 = 3_600_000;
    const DAY: u64 = 24 * HOUR;
    const NOW: i64 = 1_767_225_600_000;

    fn time(before_now: u64) -> Timestamp {
        Timestamp::from_millis(NOW - i64::try_from(before_now).unwrap())
    }

    fn run(status: Status, ended: Option<u64>) -> Run {
        let channel = ready(vec![connector("ticket")]);
        Run { status, ended: ended.map(time), ..queued(&channel, "ticket", time(90 * DAY)) }
    }

    fn keep() -> Keep {
        crate::sync::keeping::Config::default().keep()
    }

    fn check(status: Status, ended: Option<u64>, is_newest: bool, expected: bool) {
        let ended_run = EndedRun { run: run(status, ended), is_newest };
        assert_eq!(goes(&ended_run, keep(), time(0)), expected, "{status} {ended:?} {is_newest}");
    }

    #[test]
    fn completed_runs_go_after_a_week_and_all_others_after_a_month() {
        check(Status::Completed, Some(7 * DAY - 1), false, false);
        check(Status::Completed, Some(7 * DAY), false, true);
        for status in [Status::Failed, Status::Cancelled, Status::Skipped, Status::CompletedWithWarnings] {
            check(status, Some(7 * DAY), false, false);
            check(status, Some(30 * DAY - 1), false, false);
            check(status, Some(30 * DAY), false, true);
        }
    }

    #[test]
    fn the_newest_stays_however_old_it_is() {
        check(Status::Completed, Some(90 * DAY), true, false);
        check(Status::Failed, Some(90 * DAY), true, false);
    }

    #[test]
    fn a_run_that_goes_on_stays_however_old_it_is() {
        check(Status::Queued, None, false, false);
        check(Status::Running, None, false, false);
    }

    #[test]
    fn the_end_counts_and_not_the_beginning() {
        check(Status::Completed, Some(HOUR), false, false);
        check(Status::Skipped, None, false, true);
    }

    #[test]
    fn a_conflict_goes_when_it_is_over_for_long_enough() {
        let settled = |ago| Some(Settlement { at: time(ago), by: Author::Remote });
        for (held, settled, expected) in [
            (false, None, true),
            (true, None, false),
            (true, settled(90 * DAY - 1), false),
            (true, settled(90 * DAY), true),
        ] {
            let conflict = Conflict {
                id: ConflictId::new(),
                key: key("k"),
                at: time(100 * DAY),
                run: Some(RunId::from_bytes([1; 16])),
                route: None,
                fields: Vec::new(),
                held,
                settled,
            };
            let keep = Duration::from_millis(90 * DAY);
            assert_eq!(is_past(&conflict, keep, time(0)), expected, "{conflict:?}");
        }
    }

    #[test]
    fn nothing_that_goes_is_overlooked() {
        for days in [0, 1, 7, 30, 10_000_000_000] {
            let keep = Keep { completed: Duration::from_secs(days * 86_400), failed: Duration::ZERO };
            let older = older(keep, time(0));
            assert!(older.failed > time(0), "what ended right now goes where nothing is kept");
            assert!(older.completed <= older.failed);
        }
        assert_eq!(older(keep(), time(0)).completed, time(7 * DAY - 1));
    }
}
