//! From what a page delivers and what is stored to what has to change.
//!
//! Pure: it reads and writes nothing. Records are taken in the order in which
//! the page has them, rejects after them, each as if it came in a page of its
//! own; so a key that comes twice in a page follows the same rules as one that
//! comes again in a later page: the newest wins, then the last.
//!
//! The rules for one record, of which the first that applies decides:
//!
//! 1. A key out of bounds: quarantine, under a key made from it.
//! 2. An older version than the one that is here (both tell their time): no
//!    change. Pages may overtake each other, and a newer record is not given up
//!    for an older one. A full run, though, takes the remote's word over that of
//!    earlier runs, so that wrong times can be mended.
//! 3. Deleted: removed, or no change where it is not here.
//! 4. Same version and payload: no change, and not written.
//! 5. A payload that is too long, is not one JSON document, or is nested too
//!    deep: quarantine. What is stored under the key stays.
//! 6. Added, or updated.
//!
//! A record that comes good leaves quarantine, and so does a due key that is settled; one
//! that is older than what is here, or than what is in quarantine, tells nothing new. Every record is counted once. What changed is counted
//! by what the page changes in the end; so the same page again counts, and
//! writes, nothing but unchanged records and what is still in quarantine.

mod payload;
mod sheet;
mod slot;
mod ward;

pub(super) use sheet::Sheet;

use crate::{
    model::{Counters, Record, RecordKey, RunId, Timestamp, Version},
    store::{FeedKind, Quarantined},
    sync::news,
};
use sheet::{Item, Misfit, Unfit};
use slot::{Change, Slot, Verdict};
use std::collections::HashSet;
use ward::{Case, Ward};

/// By what a page is judged.
#[derive(Clone, Copy)]
pub(super) struct Rules {
    pub(super) run: RunId,
    pub(super) now: Timestamp,
    /// Whether the run started from the beginning.
    pub(super) full: bool,
}

/// What the store has under the keys of a page.
#[derive(Default)]
pub(super) struct Known {
    /// In the order of the sheet's keys, or empty where nothing is stored.
    pub(super) records: Vec<Option<Record>>,
    /// In any order.
    pub(super) quarantined: Vec<Option<Quarantined>>,
}

/// What has to change.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Decided {
    pub(super) counters: Counters,
    pub(super) puts: Vec<Record>,
    /// Which of them are new here, by their places.
    pub(super) new: Vec<usize>,
    pub(super) deletes: Vec<RecordKey>,
    /// By how many records the connector grows.
    pub(super) growth: i64,
    pub(super) quarantined: Vec<Quarantined>,
    /// Keys that leave quarantine.
    pub(super) released: Vec<String>,
}

impl Decided {
    /// Whether any record is written or removed.
    pub(super) fn changes_records(&self) -> bool {
        !self.puts.is_empty() || !self.deletes.is_empty()
    }

    /// Adds a record that is written.
    pub(super) fn push(&mut self, record: Record, is_new: bool) {
        if is_new {
            self.new.push(self.puts.len());
        }
        self.puts.push(record);
    }

    /// What becomes of which record.
    pub(super) fn changes(&self) -> impl Iterator<Item = news::Change<'_>> {
        let mut new = self.new.iter().copied().peekable();
        let puts = self.puts.iter().enumerate().map(move |(place, record)| {
            let is_new = new.next_if_eq(&place).is_some();
            let kind = if is_new { FeedKind::Added } else { FeedKind::Updated };
            news::Change { key: &record.key, kind, payload: Some(&record.payload) }
        });
        let gone = |key| news::Change { key, kind: FeedKind::Deleted, payload: None };
        puts.chain(self.deletes.iter().map(gone))
    }

    /// Whether anything enters quarantine.
    pub(super) fn quarantines(&self) -> bool {
        !self.quarantined.is_empty()
    }
}

/// Judges a page.
pub(super) fn decide(sheet: Sheet, known: Known, rules: &Rules) -> Decided {
    let first = sheet.first_of_key();
    let Sheet { items, misfits, settled } = sheet;
    let mut records = known.records;
    records.resize_with(items.len(), || None);
    let mut desk = Desk {
        rules,
        slots: records.into_iter().map(Slot::new).collect(),
        ward: Ward::new(known.quarantined),
        counters: Counters::default(),
    };
    let mut keys = Vec::with_capacity(items.len());
    for (item, slot) in items.into_iter().zip(first) {
        keys.push(desk.take(item, slot));
    }
    // A key that is rejected again has not come good, and goes on counting.
    let rejected: HashSet<&str> = misfits.iter().map(|misfit| misfit.key.as_str()).collect();
    for key in settled.iter().filter(|key| !rejected.contains(key.as_str())) {
        desk.ward.release(key, None, rules);
    }
    for misfit in misfits {
        desk.set_aside(misfit);
    }
    desk.clear(keys)
}

/// Where one page is judged.
struct Desk<'a> {
    rules: &'a Rules,
    /// One for each item; of those with the same key only the first is used.
    slots: Vec<Slot>,
    ward: Ward,
    counters: Counters,
}

impl Desk<'_> {
    fn take(&mut self, item: Item, slot: usize) -> RecordKey {
        self.counters.read += 1;
        let slot = &mut self.slots[slot];
        let verdict = slot.judge(&item, self.rules);
        if verdict == Verdict::Written
            && let Some(unfit) = item.unfit
        {
            self.counters.quarantined += 1;
            let Unfit { reason, origin } = *unfit;
            let (key, payload) = (item.key.as_str(), Some(&item.version.payload));
            self.ward.admit(Case { key, reason, payload, origin }, self.rules);
            return item.key;
        }
        if verdict != Verdict::Older {
            self.ward.release(item.key.as_str(), item.version.updated, self.rules);
        }
        slot.settle(verdict, item.version);
        item.key
    }

    fn set_aside(&mut self, misfit: Misfit) {
        self.counters.read += 1;
        self.counters.quarantined += 1;
        let Misfit { key, reason, payload, origin, .. } = misfit;
        self.ward.admit(Case { key: &key, reason, payload: payload.as_ref(), origin }, self.rules);
    }

    /// `keys` belong to the slots, pair by pair.
    fn clear(self, keys: Vec<RecordKey>) -> Decided {
        let mut decided = Decided { counters: self.counters, ..Decided::default() };
        for (slot, key) in self.slots.into_iter().zip(keys) {
            decided.note(slot, key, self.rules);
        }
        (decided.quarantined, decided.released) = self.ward.changes();
        decided
    }
}

impl Decided {
    fn note(&mut self, slot: Slot, key: RecordKey, rules: &Rules) {
        let Rules { run, now: imported, .. } = *rules;
        let record = |key, version| {
            let Version { updated, parent, payload } = version;
            Record { key, parent, updated, imported, run, payload }
        };
        let counters = &mut self.counters;
        counters.unchanged += slot.settled();
        let counter = match slot.change() {
            Change::None => return,
            Change::Add(version) => {
                self.growth += 1;
                self.new.push(self.puts.len());
                self.puts.push(record(key, version));
                &mut counters.added
            }
            Change::Update(version) => {
                self.puts.push(record(key, version));
                &mut counters.updated
            }
            Change::Delete => {
                self.growth -= 1;
                self.deletes.push(key);
                &mut counters.deleted
            }
        };
        *counter += 1;
        // One of those that were settled made the change.
        counters.unchanged -= 1;
    }
}

#[cfg(test)]
mod tests;
