//! The engine that forgets: for tests and dry runs.
//!
//! It keeps every promise of an engine but to outlive the process.

use super::{Batch, Engine, Entry, Error, Range, Result, Want, Watch, Watchers};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{PoisonError, RwLock};

/// Rows in memory.
#[derive(Debug, Default)]
pub(super) struct Memory {
    rows: RwLock<BTreeMap<Vec<u8>, Bytes>>,
    watchers: Watchers,
}

impl Engine for Memory {
    fn get(&self, keys: Vec<Vec<u8>>) -> Result<Vec<Option<Bytes>>> {
        let rows = self.rows.read().unwrap_or_else(PoisonError::into_inner);
        Ok(keys.iter().map(|key| rows.get(key).cloned()).collect())
    }

    fn scan(&self, range: Range, limit: usize, want: Want) -> Result<Vec<Entry>> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        let end = range.end.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let rows = self.rows.read().unwrap_or_else(PoisonError::into_inner);
        let found = rows.range::<[u8], _>((Bound::Included(range.start.as_slice()), end));
        let entries = found.take(limit).map(|(key, value)| Entry {
            key: Bytes::copy_from_slice(key),
            value: match want {
                Want::Keys => Bytes::new(),
                Want::Entries => value.clone(),
            },
        });
        Ok(entries.collect())
    }

    fn commit(&self, batch: Batch) -> Result<()> {
        let (expectations, writes) = batch.into_parts();
        let mut rows = self.rows.write().unwrap_or_else(PoisonError::into_inner);
        let holds = expectations
            .iter()
            .all(|expected| rows.get(&expected.key).map(|value| &value[..]) == expected.value.as_deref());
        if !holds {
            return Err(Error::Expectation);
        }
        self.watchers.wake(&writes);
        for (key, value) in writes {
            match value {
                Some(value) => rows.insert(key, value.into()),
                None => rows.remove(&key),
            };
        }
        Ok(())
    }

    fn flush(&self) -> Result<()> {
        Ok(())
    }

    fn watch(&self, prefix: &[u8]) -> Watch {
        self.watchers.watch(prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::conformance;
    use std::sync::Arc;

    struct Subject;

    impl conformance::Subject for Subject {
        fn open(&self, _: &str) -> Arc<dyn Engine> {
            Arc::new(Memory::default())
        }

        fn survives(&self) -> bool {
            false
        }
    }

    #[test]
    fn memory_keeps_the_promises_of_an_engine() {
        conformance::check(&Subject);
    }
}
