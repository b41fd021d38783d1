//! Records that go back and forth between the two ends of a route with nobody changing
//! them. Pure.

use super::half::Way;
use crate::model::{RecordKey, SubscriberId, Timestamp};
use std::collections::{HashMap, VecDeque};

/// How often a record may go back and forth within the time below.
const MOST: usize = 5;
const WITHIN_MS: u64 = 60_000;
/// Records that are kept in mind; then those that have come to rest are forgotten.
const KEPT: usize = 1_000;

/// What is known of the last minute.
#[derive(Default)]
pub(super) struct Bounces(HashMap<(SubscriberId, RecordKey), Bounce>);

struct Bounce {
    way: Way,
    turns: VecDeque<Timestamp>,
}

impl Bounces {
    /// A route is about to write a record. `is_echo`: what it carries over was written by a
    /// route, too, or by the answer of a remote system to that. True where that has to end.
    pub(super) fn goes_on(
        &mut self,
        route: SubscriberId,
        from: &RecordKey,
        way: Way,
        is_echo: bool,
        now: Timestamp,
    ) -> bool {
        if self.0.len() > KEPT {
            self.0.retain(|_, bounce| bounce.turns.back().is_some_and(|last| is_recent(*last, now)));
        }
        let fresh = || Bounce { way, turns: VecDeque::new() };
        let bounce = self.0.entry((route, from.clone())).or_insert_with(fresh);
        if !is_echo {
            *bounce = fresh();
            return false;
        }
        if bounce.way != way {
            bounce.way = way;
            bounce.turns.push_back(now);
        }
        bounce.turns.retain(|turn| is_recent(*turn, now));
        bounce.turns.len() > MOST
    }
}

fn is_recent(turn: Timestamp, now: Timestamp) -> bool {
    now.millis_since(turn) < WITHIN_MS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::tests::support::key;

    #[test]
    fn what_goes_back_and_forth_is_stopped_and_an_edit_sets_it_free() {
        let (route, mut bounces) = (SubscriberId::new(), Bounces::default());
        let mut go = |way, is_echo, secs: i64| {
            bounces.goes_on(route, &key("1"), way, is_echo, Timestamp::from_millis(secs * 1_000))
        };
        assert!(!go(Way::There, false, 0), "somebody changed it");
        let turns = [Way::Back, Way::There, Way::Back, Way::There, Way::Back];
        for way in turns {
            assert!(!go(way, true, 1));
        }
        assert!(!go(Way::Back, true, 1), "the same way again is no turn");
        assert!(go(Way::There, true, 1));
        assert!(!go(Way::Back, false, 2), "somebody changed it");
        for (way, secs) in turns.into_iter().chain(turns).zip([0, 20, 40, 60, 80, 100, 120, 140, 160, 180]) {
            assert!(!go(way, true, secs), "slowly, it may");
        }
    }
}
