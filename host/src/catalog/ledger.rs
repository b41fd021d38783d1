//! What is known of every file of the folder, and what is to be done next.
//!
//! It reads no file and no clock: sightings, verdicts and the time come in from
//! the watcher.

mod file;

pub(super) use self::file::Ticket;

use self::file::File;
use super::{
    Fit, Offer, Refusal,
    folder::Sighting,
    judge::Verdict,
    registry::{Holdings, Snapshot},
};
use crate::model::Name;
use std::{
    collections::{BTreeMap, BTreeSet, btree_map},
    sync::Arc,
    time::Duration,
};
use tokio::time::Instant;

/// The state of all files.
#[derive(Default)]
pub(super) struct Ledger {
    files: BTreeMap<String, File>,
    holdings: Holdings,
    lost: BTreeMap<Name, String>,
    /// The files of the first look that are not judged yet; none before that look.
    /// Until they are, which file holds a channel type is open: it is the first by
    /// name, however long that one takes.
    starting: Option<BTreeSet<String>>,
    tickets: Ticket,
    changed: bool,
}

/// A file that is to be judged.
pub(super) struct Due {
    pub(super) name: String,
    pub(super) ticket: Ticket,
    /// The version that is taken up.
    pub(super) known: Option<Arc<Fit>>,
}

/// Work that is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Open {
    /// Files wait to stand still.
    pub(super) settling: bool,
    /// Files are being judged.
    pub(super) judging: bool,
}

impl Ledger {
    /// Takes in a look at the folder. Tells the files whose judgement is out of date.
    pub(super) fn look(&mut self, found: BTreeMap<String, Sighting>, now: Instant) -> Vec<String> {
        let mut stale = self.forget_all_but(&found);
        let first = self.starting.is_none();
        let names = || found.keys().cloned().collect();
        let starting = self.starting.get_or_insert_with(names);
        for (name, sighting) in found {
            match self.files.entry(name) {
                btree_map::Entry::Vacant(new) => {
                    let rested = first && sighting.rested;
                    new.insert(File::new(sighting, (!rested).then_some(now)));
                }
                btree_map::Entry::Occupied(mut known) => {
                    let judging = known.get().is_judging();
                    if !known.get_mut().see(sighting, now) {
                        continue;
                    }
                    starting.remove(known.key());
                    stale.extend(judging.then(|| known.key().clone()));
                }
            }
            self.changed = true;
        }
        self.take_up();
        stale
    }

    /// The files that have stood still long enough. They count as being judged from now on.
    pub(super) fn settled(&mut self, settle: Duration, now: Instant) -> Vec<Due> {
        let mut due = Vec::new();
        for (name, file) in &mut self.files {
            let ticket = self.tickets + 1;
            if file.start_judging(settle, now, ticket) {
                self.tickets = ticket;
                let known = file.current().cloned();
                due.push(Due { name: name.clone(), ticket, known });
            }
        }
        due
    }

    /// When the next file will have stood still long enough.
    pub(super) fn next_settled(&self, settle: Duration) -> Option<Instant> {
        let since = self.files.values().filter_map(File::settling_since).min();
        since.map(|since| since + settle)
    }

    /// Takes in a verdict.
    pub(super) fn judged(&mut self, name: &str, ticket: Ticket, verdict: Verdict, now: Instant) {
        let file = self.files.get_mut(name);
        if file.is_some_and(|file| file.judged(ticket, verdict, now)) {
            self.changed = true;
            self.take_up();
        }
    }

    /// Puts the files that were refused for what is in them back, to be judged
    /// again: what hindered them may have been the machine.
    pub(super) fn retry(&mut self) {
        for file in self.files.values_mut() {
            self.changed |= file.retry();
        }
    }

    /// Puts every file that is being judged back: the judging was broken off.
    pub(super) fn broken_off(&mut self, now: Instant) {
        self.files.values_mut().for_each(|file| file.broken_off(now));
    }

    /// Work that is left.
    pub(super) fn open(&self) -> Open {
        Open {
            settling: self.files.values().any(File::is_settling),
            judging: self.files.values().any(File::is_judging),
        }
    }

    /// What others get to see, where it changed since it was last asked for.
    pub(super) fn news(&mut self) -> Option<Snapshot> {
        if !std::mem::take(&mut self.changed) {
            return None;
        }
        let entry =
            |(name, file): (&String, &File)| file.entry(name, |types| taken(&self.holdings, name, types));
        let entries = Arc::new(self.files.iter().map(entry).collect());
        let offers = self.files.iter().flat_map(|(name, file)| offers(name, file.current()));
        Some(Snapshot { entries, offers: offers.collect(), lost: self.lost.clone() })
    }

    fn forget_all_but(&mut self, found: &BTreeMap<String, Sighting>) -> Vec<String> {
        let is_gone = |name: &String, _: &mut File| !found.contains_key(name);
        let gone: Vec<_> = self.files.extract_if(.., is_gone).collect();
        let mut stale = Vec::new();
        for (name, file) in gone {
            tracing::info!(file = name, "plugin file is gone");
            let lost = self.holdings.release(&name).into_iter();
            self.lost.extend(lost.map(|id| (id, name.clone())));
            stale.extend(file.is_judging().then_some(name));
            self.changed = true;
        }
        stale
    }

    /// Takes up every fit file whose channel types are free. Goes on until
    /// nothing changes, because a new version may set free what another waits for.
    fn take_up(&mut self) {
        if self.starting.as_ref().is_some_and(|starting| !starting.is_empty()) {
            self.holdings = Holdings::default();
            self.files.values_mut().for_each(File::put_down);
        }
        while self.take_up_once() {}
        if let Some(starting) = &mut self.starting {
            starting.retain(|name| self.files.get(name).is_some_and(File::is_open));
        }
    }

    fn take_up_once(&mut self) -> bool {
        let mut changed = false;
        for (name, file) in &mut self.files {
            let Some(fit) = file.waiting().cloned() else {
                continue;
            };
            if self.holdings.claim(name, &fit.types()).is_err() {
                continue;
            }
            let before = file.take_up(fit).map(|before| before.types()).unwrap_or_default();
            let dropped = before.into_iter().filter(|id| !self.holdings.has(id));
            self.lost.extend(dropped.map(|id| (id, name.clone())));
            changed = true;
        }
        self.lost.retain(|id, _| !self.holdings.has(id));
        changed
    }
}

/// Why a fit file is not taken up.
fn taken(holdings: &Holdings, name: &str, types: &[Name]) -> Refusal {
    let reason = match holdings.taken(name, types) {
        Some((id, holder)) => format!(
            "it offers the channel type '{id}', which {holder} offers already: remove one of the two files"
        ),
        None => "another file offers one of its channel types".into(),
    };
    Refusal::new("catalog.taken", reason)
}

fn offers(file: &str, fit: Option<&Arc<Fit>>) -> Vec<(Name, Offer)> {
    let Some(fit) = fit else { return Vec::new() };
    let types = fit.channel_types.iter();
    types
        .map(|channel_type| {
            let offer = Offer {
                plugin: fit.plugin.clone(),
                manifest: fit.manifest.clone(),
                channel_type: channel_type.clone(),
                file: file.into(),
            };
            (channel_type.id.clone(), offer)
        })
        .collect()
}

#[cfg(test)]
mod tests;
