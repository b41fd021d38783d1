//! What a trial has decided so far, as if it were stored.
//!
//! It holds records whole up to a number of bytes, then their digests only, and
//! those up to a number of keys. What it does not hold, the store answers for.

use crate::model::{Record, RecordKey, RunId, Timestamp};
use bytes::Bytes;
use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
};

/// Stands for a payload of which only the digest is known. It is no JSON, so no
/// stored payload is like it.
const FORGOTTEN: &[u8] = b"\0";
/// What a record costs besides its key and payload, about.
const OVERHEAD: usize = 200;

/// Whether the payload is known by its digest only.
pub(in crate::sync) fn is_forgotten(payload: &[u8]) -> bool {
    payload == FORGOTTEN
}

/// How much is held.
struct Bounds {
    whole_bytes: usize,
    /// About 50 bytes each.
    brief_keys: usize,
}

/// Decided records by key.
pub(super) struct Overlay {
    whole: HashMap<RecordKey, Option<Record>>,
    whole_bytes: usize,
    brief: HashMap<u64, Brief>,
    seed: RandomState,
    bounds: Bounds,
    is_full: bool,
}

/// What is left of a record.
#[derive(Clone, Copy)]
enum Brief {
    Gone,
    Here { updated: Option<Timestamp>, digest: u64, run: RunId },
}

impl Default for Overlay {
    fn default() -> Self {
        Self::bounded(Bounds { whole_bytes: 32 << 20, brief_keys: 1_000_000 })
    }
}

impl Overlay {
    fn bounded(bounds: Bounds) -> Self {
        Self {
            whole: HashMap::new(),
            whole_bytes: 0,
            brief: HashMap::new(),
            seed: RandomState::new(),
            bounds,
            is_full: false,
        }
    }

    /// What was decided of the key: nothing, that it is gone, or the record. Of a
    /// record that is held briefly the payload is told where it is that of `draft`.
    pub(super) fn get(&self, key: &RecordKey, draft: impl FnOnce() -> Record) -> Option<Option<Record>> {
        if let Some(decided) = self.whole.get(key) {
            return Some(decided.clone());
        }
        // Most keys come once: nothing is hashed for them while nothing is brief.
        if self.brief.is_empty() {
            return None;
        }
        Some(match *self.brief.get(&self.seed.hash_one(key.as_str()))? {
            Brief::Gone => None,
            Brief::Here { updated, digest, run } => {
                let draft = draft();
                Some(match self.digest(&draft) == digest {
                    true => Record { run, ..draft },
                    false => Record { updated, run, payload: Bytes::from_static(FORGOTTEN), ..draft },
                })
            }
        })
    }

    pub(super) fn put(&mut self, record: &Record) {
        self.note(&record.key, Some(record));
    }

    pub(super) fn delete(&mut self, key: &RecordKey) {
        self.note(key, None);
    }

    /// What people have to know of its bounds.
    pub(super) fn shortcoming(&self) -> Option<String> {
        let most = self.bounds.brief_keys;
        let words = || {
            format!("more than {most} records change: some that come twice are compared with the store only")
        };
        self.is_full.then(words)
    }

    fn note(&mut self, key: &RecordKey, record: Option<&Record>) {
        if let Some(old) = self.whole.remove(key) {
            self.whole_bytes -= cost(key, old.as_ref());
        }
        let bytes = self.whole_bytes + cost(key, record);
        if self.brief.is_empty() && bytes <= self.bounds.whole_bytes {
            self.whole_bytes = bytes;
            self.whole.insert(key.clone(), record.cloned());
            return;
        }
        let brief = match record {
            None => Brief::Gone,
            Some(record) => {
                let Record { updated, run, .. } = *record;
                Brief::Here { updated, digest: self.digest(record), run }
            }
        };
        let hash = self.seed.hash_one(key.as_str());
        if self.brief.len() < self.bounds.brief_keys || self.brief.contains_key(&hash) {
            self.brief.insert(hash, brief);
        } else {
            self.is_full = true;
        }
    }

    fn digest(&self, record: &Record) -> u64 {
        let updated = record.updated.map(Timestamp::as_millis);
        let parent = record.parent.as_ref().map(RecordKey::as_str);
        self.seed.hash_one((updated, parent, &record.payload))
    }
}

fn cost(key: &RecordKey, record: Option<&Record>) -> usize {
    OVERHEAD + 2 * key.as_str().len() + record.map_or(0, |record| record.payload.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> RecordKey {
        RecordKey::try_new(text).unwrap()
    }

    fn record(text: &str, at: i64, payload: &'static str) -> Record {
        let updated = Some(Timestamp::from_millis(at));
        Record {
            key: key(text),
            parent: None,
            updated,
            imported: Timestamp::from_millis(0),
            run: RunId::from_bytes([7; 16]),
            payload: Bytes::from_static(payload.as_bytes()),
        }
    }

    /// What is held of a key when `payload` comes for it at `at`.
    fn held(overlay: &Overlay, text: &str, at: i64, payload: &'static str) -> String {
        match overlay.get(&key(text), || record(text, at, payload)) {
            None => "nothing".into(),
            Some(None) => "gone".into(),
            Some(Some(found)) => {
                let words = String::from_utf8_lossy(&found.payload).replace('\0', "?");
                format!("{}@{}={words}", found.key, found.updated.unwrap().as_millis())
            }
        }
    }

    fn filled(whole_bytes: usize, brief_keys: usize) -> Overlay {
        let mut overlay = Overlay::bounded(Bounds { whole_bytes, brief_keys });
        overlay.put(&record("a", 1, "1"));
        overlay.put(&record("a", 2, "2"));
        overlay.put(&record("b", 1, "1"));
        overlay.delete(&key("b"));
        overlay
    }

    #[test]
    fn the_last_decision_is_found_again() {
        let overlay = filled(1 << 20, 0);
        assert_eq!(held(&overlay, "a", 9, "9"), "a@2=2");
        assert_eq!(held(&overlay, "b", 9, "9"), "gone");
        assert_eq!(held(&overlay, "c", 9, "9"), "nothing");
        assert_eq!(overlay.shortcoming(), None);
    }

    #[test]
    fn past_its_bytes_it_knows_a_record_by_its_digest() {
        let overlay = filled(0, 10);
        assert_eq!(held(&overlay, "a", 2, "2"), "a@2=2", "the same version is known");
        assert_eq!(held(&overlay, "a", 9, "2"), "a@2=?", "of another only the time");
        assert_eq!(held(&overlay, "b", 1, "1"), "gone");
        assert_eq!(held(&overlay, "c", 1, "1"), "nothing");
        assert_eq!(overlay.shortcoming(), None);
    }

    #[test]
    fn past_its_keys_it_says_that_it_is_less_exact() {
        let overlay = filled(0, 1);
        assert_eq!(held(&overlay, "a", 2, "2"), "a@2=2");
        assert_eq!(held(&overlay, "b", 1, "1"), "nothing");
        assert!(overlay.shortcoming().unwrap().contains("more than 1 records"));
    }

    #[test]
    fn replaced_records_cost_their_bytes_once() {
        let mut overlay = Overlay::bounded(Bounds { whole_bytes: 2 * OVERHEAD, brief_keys: 0 });
        (0..100).for_each(|at| overlay.put(&record("a", at, "1")));
        assert_eq!(held(&overlay, "a", 0, ""), "a@99=1");
    }
}
