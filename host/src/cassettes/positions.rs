//! Where the steps of a recorded run went on, told by the steps before them. Pure.
//!
//! A replay follows its own cursors: a newer version of a plugin may write them in
//! another form. Most steps go on where the one before ended. One that repeats a page
//! that failed, or that was read ahead and never committed, goes on where an earlier one
//! did, and the replay has to do the same.

use super::reader::{Position, Step};
use std::collections::BTreeSet;

/// Where a recorded step began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// Where the first one did.
    Start,
    /// Where that step ended.
    After(usize),
    /// Nowhere that is known: the cursor was changed by other means.
    Elsewhere,
}

/// The origin of every step.
pub(super) fn origins(steps: &[Step]) -> Vec<Origin> {
    let end = |step: &Step| step.result.as_ref().ok().map(|(_, to)| to.clone());
    let ends: Vec<Option<Position>> = steps.iter().map(end).collect();
    let starts: Vec<&Position> = steps.iter().map(|step| &step.from).collect();
    (0..steps.len()).map(|at| origin(at, &starts, &ends)).collect()
}

fn origin(at: usize, starts: &[&Position], ends: &[Option<Position>]) -> Origin {
    let here = starts[at];
    match ends[..at].iter().rposition(|end| end.as_ref() == Some(here)) {
        Some(before) => Origin::After(before),
        None if here == starts[0] => Origin::Start,
        None => Origin::Elsewhere,
    }
}

/// The due keys that a replay has asked for and not settled, beside those of the
/// recorded run.
#[derive(Debug, Default)]
pub(super) struct OpenKeys {
    recorded: BTreeSet<String>,
    replayed: BTreeSet<String>,
}

impl OpenKeys {
    /// The keys that a step is to be asked for: those that were asked for then, without
    /// what the replay has settled meanwhile, and with what it has not.
    pub(super) fn ask(&self, recorded: &[String]) -> Vec<String> {
        let asked: BTreeSet<&String> = recorded.iter().collect();
        let fresh =
            recorded.iter().filter(|key| !self.recorded.contains(*key) || self.replayed.contains(*key));
        let left = self.replayed.iter().filter(|key| !self.recorded.contains(*key) && !asked.contains(*key));
        fresh.chain(left).cloned().collect()
    }

    /// What both sides asked for and settled in a step.
    pub(super) fn note(&mut self, recorded: (&[String], &[String]), replayed: (&[String], &[String])) {
        for (open, (asked, settled)) in [(&mut self.recorded, recorded), (&mut self.replayed, replayed)] {
            open.extend(asked.iter().cloned());
            for key in settled {
                open.remove(key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    /// `from>to` a step, `from!` for one that failed; `-` is no cursor.
    fn check(steps: &str, expected: &str) {
        let position = |text: &str| Position {
            cursor: (text != "-").then(|| Bytes::from(text.to_owned())),
            ..Position::default()
        };
        let steps: Vec<_> = steps
            .split(' ')
            .map(|step| match step.split_once('>') {
                Some((from, to)) => (position(from), Some(position(to))),
                None => (position(step.trim_end_matches('!')), None),
            })
            .collect();
        let starts: Vec<_> = steps.iter().map(|(from, _)| from).collect();
        let ends: Vec<_> = steps.iter().map(|(_, to)| to.clone()).collect();
        let told: Vec<_> = (0..steps.len())
            .map(|at| match origin(at, &starts, &ends) {
                Origin::Start => "s".to_owned(),
                Origin::After(before) => before.to_string(),
                Origin::Elsewhere => "?".to_owned(),
            })
            .collect();
        assert_eq!(told.join(" "), expected, "{starts:?}");
    }

    #[test]
    fn a_step_goes_on_where_an_earlier_one_ended() {
        check("->a a>b b>c", "s 0 1");
        check("x>y y>z", "s 0");
        check("-! -! ->a a>b", "s s s 2");
        check("->a a! a! a>b b>c", "s 0 0 0 3");
        // A page was read ahead, its forerunner was not committed.
        check("->a a>b b>c a>b b>c", "s 0 1 0 3");
        check("->a q>r", "s ?");
        // The cursor stays.
        check("a>a a>a a>b", "s 0 1");
    }

    #[test]
    fn keys_are_asked_for_as_they_were_but_for_what_the_replay_did_with_them() {
        let list = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let check = |settled_then: &str, settled_now: &str, next: &str, expected: &str| {
            let mut open = OpenKeys::default();
            let asked = list("1 2 3");
            assert_eq!(open.ask(&asked), asked);
            open.note((&asked, &list(settled_then)), (&asked, &list(settled_now)));
            assert_eq!(open.ask(&list(next)), list(expected), "{settled_then} {settled_now}");
        };
        check("1 2 3", "1 2 3", "4 5", "4 5");
        check("1 2", "1 2", "3 4", "3 4");
        check("1 2", "1 2", "4", "4");
        check("1 2", "1 2 3", "3 4", "4");
        check("1 2 3", "1 2", "4", "4 3");
        check("1 2 3", "1 2 3", "1 4", "1 4");
    }
}
