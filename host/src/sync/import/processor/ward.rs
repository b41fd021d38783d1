//! The connector's quarantine, as far as a page touches it.
//!
//! It keeps count of entries; why one enters is decided elsewhere.

use super::Rules;
use crate::{
    model::{Failure, Timestamp},
    store::{Origin, Quarantined},
};
use bytes::Bytes;
use std::collections::{BTreeMap, HashMap};

/// What is kept of any payload: enough to see what is wrong.
const KEPT_PAYLOAD: usize = 64 << 10;
/// A record that the host refused is kept whole up to this, so that it can be judged anew
/// when a limit was raised.
const KEPT_RECORD: usize = 4 << 20;

/// Something that is to go into quarantine.
pub(super) struct Case<'a> {
    pub(super) key: &'a str,
    pub(super) reason: Failure,
    pub(super) payload: Option<&'a Bytes>,
    pub(super) origin: Origin,
}

/// Entries by key.
pub(super) struct Ward {
    held: HashMap<String, Quarantined>,
    /// None: released.
    changed: BTreeMap<String, Option<Quarantined>>,
}

impl Ward {
    /// `held`: what is stored under the keys of the page.
    pub(super) fn new(held: Vec<Option<Quarantined>>) -> Self {
        let held = held.into_iter().flatten().map(|entry| (entry.key.clone(), entry)).collect();
        Self { held, changed: BTreeMap::new() }
    }

    pub(super) fn admit(&mut self, case: Case<'_>, rules: &Rules) {
        let Case { key, reason, payload, origin } = case;
        let before = self.entry(key);
        let kept = payload.map(|payload| kept(payload, &origin));
        let entry = Quarantined {
            key: key.to_owned(),
            reason,
            origin,
            size: payload.map(|payload| payload.len() as u64),
            kept: kept.as_ref().map_or(0, |kept| kept.len() as u64),
            payload: kept,
            first_seen: before.map_or(rules.now, |entry| entry.first_seen),
            last_seen: rules.now,
            attempts: before.map_or(1, |entry| entry.attempts.saturating_add(1)),
            run: rules.run,
        };
        self.changed.insert(key.to_owned(), Some(entry));
    }

    /// Something good came under the key. `updated`: as of when; it says nothing of an entry
    /// that tells of a later time. A full run takes the remote's word over that of earlier
    /// runs.
    pub(super) fn release(&mut self, key: &str, updated: Option<Timestamp>, rules: &Rules) {
        let binds = |entry: &Quarantined| !rules.full || entry.run == rules.run;
        let is_newer = |entry: &Quarantined| match (&entry.origin, updated) {
            (Origin::Record { updated: Some(failed), .. }, Some(good)) => good < *failed,
            _ => false,
        };
        if self.entry(key).is_some_and(|entry| binds(entry) && is_newer(entry)) {
            return;
        }
        if self.held.contains_key(key) {
            self.changed.insert(key.to_owned(), None);
        } else if !self.changed.is_empty() {
            self.changed.remove(key);
        }
    }

    /// The entry as the page has left it so far.
    fn entry(&self, key: &str) -> Option<&Quarantined> {
        match self.changed.get(key) {
            Some(changed) => changed.as_ref(),
            None => self.held.get(key),
        }
    }

    /// The entries to write, and the keys to remove.
    pub(super) fn changes(self) -> (Vec<Quarantined>, Vec<String>) {
        let mut changes = (Vec::new(), Vec::new());
        for (key, entry) in self.changed {
            match entry {
                Some(entry) => changes.0.push(entry),
                None => changes.1.push(key),
            }
        }
        changes
    }
}

fn kept(payload: &Bytes, origin: &Origin) -> Bytes {
    let is_whole = matches!(origin, Origin::Record { .. }) && payload.len() <= KEPT_RECORD;
    if is_whole { payload.clone() } else { payload.slice(..payload.len().min(KEPT_PAYLOAD)) }
}
