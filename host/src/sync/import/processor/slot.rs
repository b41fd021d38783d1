//! One record's fate within a page.
//!
//! It compares versions; whether a payload is fit to be stored is not asked here.

use super::{Item, Rules};
use crate::model::{Record, Timestamp, Version};

/// Whether a record is just so.
fn is_of(version: &Version, record: &Record) -> bool {
    let Record { updated, parent, payload, .. } = record;
    version.updated == *updated && version.parent == *parent && version.payload == *payload
}

/// What is stored under a key, and what the page has made of it so far.
pub(super) struct Slot {
    stored: Option<Record>,
    fate: Fate,
    /// Delivered records that were settled here.
    settled: u64,
}

enum Fate {
    Stays,
    Put(Version),
    Gone(Option<Timestamp>),
}

/// What a delivered record means to the one that is here.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Verdict {
    Older,
    Same,
    Written,
    Deleted,
}

/// What the page changes in the end.
pub(super) enum Change {
    None,
    Add(Version),
    Update(Version),
    Delete,
}

impl Slot {
    pub(super) fn new(stored: Option<Record>) -> Self {
        Self { stored, fate: Fate::Stays, settled: 0 }
    }

    pub(super) fn judge(&self, item: &Item, rules: &Rules) -> Verdict {
        if self.is_newer_than(item, rules) {
            return Verdict::Older;
        }
        if item.deleted {
            return Verdict::Deleted;
        }
        let is_here = match &self.fate {
            Fate::Stays => self.stored.as_ref().is_some_and(|record| is_of(&item.version, record)),
            Fate::Put(version) => *version == item.version,
            Fate::Gone(_) => false,
        };
        if is_here { Verdict::Same } else { Verdict::Written }
    }

    /// Takes note of what was judged, and not found unfit.
    pub(super) fn settle(&mut self, verdict: Verdict, version: Version) {
        self.settled += 1;
        match verdict {
            Verdict::Written => self.fate = Fate::Put(version),
            Verdict::Deleted => self.fate = Fate::Gone(version.updated),
            Verdict::Older | Verdict::Same => {}
        }
    }

    /// Delivered records that were settled here.
    pub(super) fn settled(&self) -> u64 {
        self.settled
    }

    pub(super) fn change(self) -> Change {
        match (self.fate, self.stored) {
            (Fate::Put(version), None) => Change::Add(version),
            (Fate::Put(version), Some(stored)) if is_of(&version, &stored) => Change::None,
            (Fate::Put(version), Some(_)) => Change::Update(version),
            (Fate::Gone(_), Some(_)) => Change::Delete,
            _ => Change::None,
        }
    }

    fn is_newer_than(&self, item: &Item, rules: &Rules) -> bool {
        let here = match &self.fate {
            Fate::Put(Version { updated, .. }) | Fate::Gone(updated) => *updated,
            Fate::Stays => self.stored.as_ref().and_then(|record| record.updated),
        };
        let by_this_run = |record: &Record| record.run == rules.run;
        let of_this_run = self.settled > 0 || self.stored.as_ref().is_none_or(by_this_run);
        let binds = !rules.full || of_this_run;
        binds && matches!((item.version.updated, here), (Some(new), Some(here)) if new < here)
    }
}
