//! The connector's quarantine, as far as a page touches it.
//!
//! It keeps count of entries; why one enters is decided elsewhere.

use super::Rules;
use crate::{model::Failure, store::Quarantined};
use bytes::Bytes;
use std::collections::{BTreeMap, HashMap};

/// What is kept of a payload: enough to see what is wrong.
const KEPT_PAYLOAD: usize = 64 << 10;

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

    pub(super) fn admit(&mut self, key: &str, reason: Failure, payload: Option<&Bytes>, rules: &Rules) {
        let before = match self.changed.get(key) {
            Some(changed) => changed.as_ref(),
            None => self.held.get(key),
        };
        let entry = Quarantined {
            key: key.to_owned(),
            reason,
            payload: payload.map(|payload| payload.slice(..payload.len().min(KEPT_PAYLOAD))),
            first_seen: before.map_or(rules.now, |entry| entry.first_seen),
            last_seen: rules.now,
            attempts: before.map_or(1, |entry| entry.attempts.saturating_add(1)),
            run: rules.run,
        };
        self.changed.insert(key.to_owned(), Some(entry));
    }

    pub(super) fn release(&mut self, key: &str) {
        if self.held.contains_key(key) {
            self.changed.insert(key.to_owned(), None);
        } else if !self.changed.is_empty() {
            self.changed.remove(key);
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
