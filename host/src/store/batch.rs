//! Changes that land together or not at all.
//!
//! It collects and decides nothing; the tables add what may be changed.

use std::collections::BTreeMap;

/// Changes that land together or not at all, and what they expect to find.
///
/// The tables add typed methods. Of two changes of one row the later one holds.
/// Expectations speak of the state before the batch.
#[derive(Debug, Default)]
pub struct Batch {
    expectations: Vec<Expectation>,
    writes: Writes,
}

/// What has to be under a key for the batch to land.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// The whole key.
    pub key: Vec<u8>,
    /// The exact value; none: no such key.
    pub value: Option<Vec<u8>>,
}

/// The new values by key, none: remove it. Ordered, because engines write
/// neighbours faster one after the other.
pub type Writes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

impl Batch {
    /// A batch without changes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether it changes nothing. It may still expect something.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    /// Takes it apart, for the engine that applies it.
    #[must_use]
    pub fn into_parts(self) -> (Vec<Expectation>, Writes) {
        (self.expectations, self.writes)
    }

    pub(super) fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.writes.insert(key, Some(value));
    }

    pub(super) fn remove(&mut self, key: Vec<u8>) {
        self.writes.insert(key, None);
    }

    pub(super) fn expect_value(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.expectations.push(Expectation { key, value: Some(value) });
    }

    pub(super) fn expect_absent(&mut self, key: Vec<u8>) {
        self.expectations.push(Expectation { key, value: None });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_change_of_a_row_holds() {
        let mut batch = Batch::new();
        assert!(batch.is_empty());
        batch.put(b"a".to_vec(), b"1".to_vec());
        batch.remove(b"a".to_vec());
        batch.remove(b"b".to_vec());
        batch.put(b"b".to_vec(), b"2".to_vec());
        let (_, writes) = batch.into_parts();
        assert_eq!(writes[&b"a"[..]], None);
        assert_eq!(writes[&b"b"[..]], Some(b"2".to_vec()));
    }
}
