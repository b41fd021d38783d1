//! The keys that a connector on trial is still to fetch.
//!
//! The stored ones come first, then those that were asked for in the trial, each
//! once, up to a bound.

use crate::model::RecordKey;
use std::collections::{HashSet, VecDeque};

/// Keys in the order in which they are fetched.
#[derive(Default)]
pub(in crate::sync) struct Waiting {
    keys: VecDeque<RecordKey>,
    known: HashSet<RecordKey>,
    is_full: bool,
}

impl Waiting {
    /// Keys that wait at most, about 100 bytes each.
    pub(super) const MOST: usize = 500_000;

    /// Asks for keys; one that waits already keeps its place.
    pub(in crate::sync) fn ask(&mut self, keys: impl IntoIterator<Item = RecordKey>) {
        for key in keys {
            if self.known.contains(&key) {
                continue;
            }
            if self.keys.len() == Self::MOST {
                self.is_full = true;
                continue;
            }
            self.known.insert(key.clone());
            self.keys.push_back(key);
        }
    }

    /// Asks for the keys that wait elsewhere.
    pub(super) fn take_over(&mut self, other: Self) {
        self.is_full |= other.is_full;
        self.ask(other.keys);
    }

    /// The next keys, at most so many.
    pub(super) fn first(&self, most: usize) -> Vec<RecordKey> {
        self.keys.iter().take(most).cloned().collect()
    }

    /// Of the first `asked` keys those that are named wait no longer; answers them.
    pub(super) fn settle(&mut self, asked: usize, named: &[String]) -> Vec<String> {
        let named: HashSet<&str> = named.iter().map(String::as_str).collect();
        let (settled, open): (Vec<_>, Vec<_>) =
            self.keys.drain(..asked).partition(|key| named.contains(key.as_str()));
        open.into_iter().rev().for_each(|key| self.keys.push_front(key));
        settled.iter().for_each(|key| {
            self.known.remove(key);
        });
        settled.iter().map(RecordKey::to_string).collect()
    }

    /// What people have to know of its bound.
    pub(super) fn shortcoming(&self) -> Option<String> {
        let words = || format!("more than {} due keys: the others are not looked at", Self::MOST);
        self.is_full.then(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str) -> Vec<RecordKey> {
        text.split_whitespace().map(|key| RecordKey::try_new(key).unwrap()).collect()
    }

    #[test]
    fn keys_wait_in_order_until_they_are_settled() {
        let mut waiting = Waiting::default();
        waiting.ask(keys("2 1 3"));
        waiting.ask(keys("3 4 1"));
        assert_eq!(waiting.first(3), keys("2 1 3"));
        assert_eq!(waiting.settle(3, &["1".into(), "4".into(), "9".into()]), ["1"], "4 was not asked for");
        assert_eq!(waiting.first(9), keys("2 3 4"));
        waiting.ask(keys("1"));
        assert_eq!(waiting.first(9), keys("2 3 4 1"), "one that is settled can be asked for again");
        assert_eq!(waiting.shortcoming(), None);
    }

    #[test]
    fn what_is_too_much_is_said_wherever_it_was_asked_for() {
        let mut asked = Waiting::default();
        asked.ask((0..=Waiting::MOST).map(|number| RecordKey::try_new(number.to_string()).unwrap()));
        let mut waiting = Waiting::default();
        waiting.ask(keys("0 stored"));
        waiting.take_over(asked);
        assert_eq!(waiting.first(3), keys("0 stored 1"));
        assert_eq!(waiting.keys.len(), Waiting::MOST);
        assert!(waiting.shortcoming().is_some());
    }
}
