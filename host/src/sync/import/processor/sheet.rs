//! A page's records with their keys and payloads checked, and what has no fit key.
//!
//! It knows nothing of what is stored.

use super::payload;
use crate::{
    model::{Class, Envelope, Failure, Record, RecordKey, Reject, RunId, Timestamp, Version},
    store::Origin,
    sync::mapping::Mapper,
};
use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::collections::{HashMap, HashSet};
use tokio_util::sync::CancellationToken;

/// What of a key out of bounds is shown.
const SHOWN_KEY: usize = 60;

/// A page as it is judged.
#[derive(Clone)]
pub(in crate::sync::import) struct Sheet {
    /// In the order of the page.
    pub(super) items: Vec<Item>,
    /// Records without a fit key, then the rejects.
    pub(super) misfits: Vec<Misfit>,
    /// Due keys that the page settles. One that was in quarantine, because it could not
    /// be fetched, is good again unless the page rejects it.
    pub(super) settled: Vec<String>,
}

/// A record with a fit key.
#[derive(Clone)]
pub(super) struct Item {
    pub(super) key: RecordKey,
    /// The idempotency key with which it was created, where it was created by a host.
    pub(super) origin: Option<String>,
    pub(super) deleted: bool,
    pub(super) version: Version,
    /// Why it cannot be stored, boxed because it is rare.
    pub(super) unfit: Option<Box<Unfit>>,
}

/// Why a record with a fit key cannot be stored.
#[derive(Clone)]
pub(super) struct Unfit {
    pub(super) reason: Failure,
    /// What it takes to judge it anew.
    pub(super) origin: Origin,
}

/// Something that goes to quarantine, whatever is stored.
#[derive(Clone)]
pub(super) struct Misfit {
    /// A fit key, or one made from an unfit one.
    pub(super) key: String,
    pub(super) reason: Failure,
    pub(super) payload: Option<Bytes>,
    pub(super) origin: Origin,
    /// What it may be.
    pub(super) name: Name,
}

/// What a misfit says of the record that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// It has a key that no record can have: none that is stored.
    Impossible,
    /// Its key may be that of a record, or only say where to find it.
    Perhaps,
    /// It may be any record.
    Nobody,
}

impl Sheet {
    /// Payloads may have up to `record_bytes`.
    pub(in crate::sync::import) fn new(
        records: Vec<Envelope>,
        rejects: Vec<Reject>,
        settled: Vec<String>,
        record_bytes: usize,
    ) -> Self {
        let mut sheet = Self { items: Vec::with_capacity(records.len()), misfits: Vec::new(), settled };
        for record in records {
            match item(&record, record_bytes) {
                Ok(item) => sheet.items.push(item),
                Err(reason) => sheet.misfits.push(Misfit {
                    key: findable(&record.key, &record.payload),
                    reason,
                    payload: Some(record.payload),
                    origin: Origin::Reject,
                    name: Name::Impossible,
                }),
            }
        }
        let is_due: HashSet<&str> = match rejects.is_empty() {
            true => HashSet::new(),
            false => sheet.settled.iter().map(String::as_str).collect(),
        };
        sheet.misfits.extend(rejects.into_iter().map(|reject| misfit(reject, &is_due)));
        sheet
    }

    /// Turns the payloads that are fit into those that are kept. One that cannot be turned
    /// stays as it was delivered, so that it can be judged anew.
    ///
    /// # Errors
    /// Nothing can be mapped now, whatever the record, or nobody waits for it any more.
    pub(in crate::sync::import) fn map(
        &mut self,
        mapper: &Mapper,
        record_bytes: usize,
        cancel: &CancellationToken,
    ) -> Result<(), Failure> {
        for item in self.items.iter_mut().filter(|item| !item.deleted && item.unfit.is_none()) {
            if cancel.is_cancelled() {
                return Err(Failure::cancelled());
            }
            let mapped = mapper.import(&item.version.payload);
            let checked = mapped.and_then(|mapped| payload::check(&mapped, record_bytes).map(|()| mapped));
            match checked {
                Ok(mapped) => item.version.payload = mapped,
                Err(reason) if reason.class != Class::InvalidData => return Err(reason),
                Err(reason) => {
                    let Version { updated, parent, .. } = &item.version;
                    let parent = parent.as_ref().map(ToString::to_string);
                    let origin = Origin::Record { updated: *updated, parent };
                    item.unfit = Some(Box::new(Unfit { reason, origin }));
                }
            }
        }
        Ok(())
    }

    /// The keys of the items, one by one.
    pub(in crate::sync::import) fn keys(&self) -> impl ExactSizeIterator<Item = &RecordKey> {
        self.items.iter().map(|item| &item.key)
    }

    /// The item at a place as `run` would store it, whatever is decided.
    pub(in crate::sync::import) fn record(&self, place: usize, run: RunId, now: Timestamp) -> Record {
        let Item { key, version: Version { updated, parent, payload }, .. } = &self.items[place];
        let (updated, parent, payload) = (*updated, parent.clone(), payload.clone());
        Record { key: key.clone(), parent, updated, imported: now, run, payload }
    }

    /// The keys of the items, each with the idempotency key with which it was created.
    pub(in crate::sync::import) fn origins(&self) -> impl Iterator<Item = (&RecordKey, Option<&str>)> {
        self.items.iter().map(|item| (&item.key, item.origin.as_deref()))
    }

    /// Parents of the items, where they have one.
    pub(in crate::sync::import) fn parents(&self) -> impl Iterator<Item = &RecordKey> {
        self.items.iter().filter_map(|item| item.version.parent.as_ref())
    }

    /// The same with other keys for some items and some parents.
    pub(in crate::sync::import) fn renamed(
        mut self,
        keys: &HashMap<RecordKey, RecordKey>,
        parents: &HashMap<RecordKey, RecordKey>,
    ) -> Self {
        for item in &mut self.items {
            if let Some(key) = keys.get(&item.key) {
                item.key = key.clone();
            }
            if let Some(parent) = &mut item.version.parent
                && let Some(key) = parents.get(parent)
            {
                *parent = key.clone();
            }
        }
        self
    }

    /// The keys under which something of the page may be in quarantine.
    pub(in crate::sync::import) fn quarantine_keys(&self) -> Vec<String> {
        let items = self.items.iter().map(|item| item.key.as_str());
        let misfits = self.misfits.iter().map(|misfit| misfit.key.as_str());
        let settled = self.settled.iter().map(String::as_str);
        items.chain(misfits).chain(settled).map(str::to_owned).collect()
    }

    /// The keys of all that was delivered, as far as records can have them.
    pub(in crate::sync::import) fn delivered(&self) -> impl Iterator<Item = &str> {
        let misfits = self.misfits.iter().filter(|misfit| misfit.name == Name::Perhaps);
        self.keys().map(RecordKey::as_str).chain(misfits.map(|misfit| misfit.key.as_str()))
    }

    /// The keys of what was set aside, of which only a look at the records tells whether
    /// they are those of records.
    pub(in crate::sync::import) fn perhaps(&self) -> Vec<RecordKey> {
        let misfits = self.misfits.iter().filter(|misfit| misfit.name == Name::Perhaps);
        misfits.filter_map(|misfit| RecordKey::try_new(misfit.key.as_str()).ok()).collect()
    }

    /// Whether something was set aside that may be any record.
    pub(in crate::sync::import) fn has_nameless(&self) -> bool {
        self.misfits.iter().any(|misfit| misfit.name == Name::Nobody)
    }

    /// For each item the first one with the same key.
    pub(super) fn first_of_key(&self) -> Vec<usize> {
        let mut first = HashMap::with_capacity(self.items.len());
        let keys = self.items.iter().map(|item| &item.key).enumerate();
        keys.map(|(index, key)| *first.entry(key).or_insert(index)).collect()
    }
}

fn item(record: &Envelope, record_bytes: usize) -> Result<Item, Failure> {
    let key = |code: &str, text: &str| {
        RecordKey::try_new(text).map_err(|error| Failure::new(Class::InvalidData, code, error.to_string()))
    };
    let parent = record.parent.as_deref().map(|text| key("record.parent", text)).transpose();
    let updated = record.updated_ms.map(timestamp);
    let key = key("record.key", &record.key)?;
    // A deleted record leaves no payload behind.
    let checked = if record.deleted { Ok(()) } else { payload::check(&record.payload, record_bytes) };
    let (parent, checked) = match parent {
        Ok(parent) => (parent, checked),
        Err(unfit) => (None, Err(unfit)),
    };
    let unfit = |reason| {
        let origin = Origin::Record { updated, parent: record.parent.clone() };
        Box::new(Unfit { reason, origin })
    };
    let unfit = checked.err().map(unfit);
    let version = Version { updated, parent, payload: record.payload.clone() };
    Ok(Item { key, origin: record.origin.clone(), deleted: record.deleted, version, unfit })
}

/// `is_due`: the due keys that the page settles.
fn misfit(reject: Reject, is_due: &HashSet<&str>) -> Misfit {
    let Reject { key, reason, payload } = reject;
    if RecordKey::try_new(key.as_str()).is_err() {
        let key = findable(&key, payload.as_deref().unwrap_or_default());
        return Misfit { key, reason, payload, origin: Origin::Reject, name: Name::Nobody };
    }
    let origin = if is_due.contains(key.as_str()) { Origin::Key } else { Origin::Reject };
    Misfit { key, reason, payload, origin, name: Name::Perhaps }
}

/// Times beyond what a calendar shows are moved to its end.
fn timestamp(milliseconds: u64) -> Timestamp {
    Timestamp::from_millis(i64::try_from(milliseconds).unwrap_or(i64::MAX))
}

/// A key for quarantine from one out of bounds: the same for the same record,
/// so that it does not enter twice.
fn findable(key: &str, payload: &[u8]) -> String {
    let digest = Sha256::new().chain_update(key).chain_update([0]).chain_update(payload).finalize();
    let digest: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let shown: String =
        key.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).take(SHOWN_KEY).collect();
    format!("bad-key:{digest}:{shown}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(key: &str) -> Envelope {
        Envelope {
            key: key.into(),
            parent: None,
            origin: None,
            updated_ms: None,
            deleted: false,
            payload: Bytes::new(),
        }
    }

    #[test]
    fn keys_out_of_bounds_become_keys_that_fit_quarantine() {
        let check = |key: &str, shown: &str| {
            let sheet = Sheet::new(vec![envelope(key)], Vec::new(), Vec::new(), 0);
            let [misfit] = &sheet.misfits[..] else { panic!("{key} is taken") };
            assert_eq!(misfit.reason.code, "record.key");
            assert!(misfit.key.starts_with("bad-key:") && misfit.key.ends_with(shown), "{}", misfit.key);
            assert!(RecordKey::try_new(misfit.key.as_str()).is_ok(), "{}", misfit.key);
        };
        check("", ":");
        check("a\nb", ":a\u{fffd}b");
        check(&"ü".repeat(600), &"ü".repeat(60));
    }

    #[test]
    fn the_same_misfit_always_gets_the_same_key() {
        assert_eq!(findable("a\n", b"1"), findable("a\n", b"1"));
        assert_ne!(findable("a\n", b"1"), findable("a\n", b"2"));
        assert_ne!(findable("a\n", b"1"), findable("a\t", b"1"));
    }

    #[test]
    fn a_key_that_comes_again_points_to_the_first() {
        let records = ["a", "b", "a", "c", "b"].map(envelope).into();
        assert_eq!(Sheet::new(records, Vec::new(), Vec::new(), 0).first_of_key(), [0, 1, 0, 3, 1]);
    }

    #[test]
    fn absurd_times_end_where_the_calendar_ends() {
        assert_eq!(timestamp(u64::MAX), Timestamp::from_millis(i64::MAX));
        assert_eq!(timestamp(5), Timestamp::from_millis(5));
    }
}
