//! What the store asks of a database: five calls on ordered bytes.
//!
//! It says nothing of tables, rows and formats; those are the store's own.

use super::{Batch, Result, Watch};
use bytes::Bytes;

/// A database that the store can live in.
///
/// All calls block; the store makes them on the blocking pool. Every engine
/// passes [`conformance`](super::conformance), which is the exact wording of
/// what is promised here.
pub trait Engine: Send + Sync + 'static {
    /// The values of some keys, in the order of `keys`, all of one moment.
    ///
    /// # Errors
    /// Where the engine cannot read.
    fn get(&self, keys: Vec<Vec<u8>>) -> Result<Vec<Option<Bytes>>>;

    /// The entries of a range, in the order of the bytes of their keys, at most
    /// `limit` of them, all of one moment: of a batch it shows all or nothing.
    ///
    /// # Errors
    /// Where the engine cannot read.
    fn scan(&self, range: Range, limit: usize, want: Want) -> Result<Vec<Entry>>;

    /// Applies the batch if every expectation holds, whole or not at all. Two
    /// batches never mix. Readers see it at once; it is durable after a flush.
    ///
    /// # Errors
    /// [`Error::Expectation`](super::Error::Expectation) where an expectation
    /// does not hold: nothing was written. Otherwise the engine cannot write.
    fn commit(&self, batch: Batch) -> Result<()>;

    /// Returns when everything committed before is durable.
    ///
    /// # Errors
    /// Where the engine cannot write.
    fn flush(&self) -> Result<()>;

    /// Tells of commits that touch a key with this prefix.
    fn watch(&self, prefix: &[u8]) -> Watch;
}

/// What a scan is to bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// Keys only; the values come empty.
    Keys,
    /// Keys and values.
    Entries,
}

/// One key and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The whole key.
    pub key: Bytes,
    /// The value; empty where only keys were wanted.
    pub value: Bytes,
}

/// Keys from `start` (in it) to `end` (not in it), in the order of their bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first key that may be in the range.
    pub start: Vec<u8>,
    /// The first key after the range; none: no end.
    pub end: Option<Vec<u8>>,
}

impl Range {
    /// Every key.
    #[must_use]
    pub fn all() -> Self {
        Self::prefix(&[])
    }

    /// Every key that starts with `prefix`.
    #[must_use]
    pub fn prefix(prefix: &[u8]) -> Self {
        Self { start: prefix.to_vec(), end: successor(prefix) }
    }

    /// The same range without `key` and all that is before it.
    #[must_use]
    pub fn after(mut self, key: &[u8]) -> Self {
        // Nothing lies between a key and the same key with a zero byte.
        let mut next = Vec::with_capacity(key.len() + 1);
        next.extend_from_slice(key);
        next.push(0);
        if next > self.start {
            self.start = next;
        }
        self
    }

    /// Whether no key can be in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.end.as_ref().is_some_and(|end| *end <= self.start)
    }
}

/// The first key that is greater than every key with this prefix.
fn successor(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte < u8::MAX)?;
    let mut next = prefix[..=last].to_vec();
    next[last] += 1;
    Some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefix_ends_at_the_next_prefix() {
        let check = |prefix: &[u8], end: Option<&[u8]>| {
            assert_eq!(Range::prefix(prefix).end.as_deref(), end, "{prefix:?}");
        };
        check(b"", None);
        check(b"a", Some(b"b"));
        check(b"a\xff", Some(b"b"));
        check(b"a\xff\x01", Some(b"a\xff\x02"));
        check(b"\xff\xff", None);
    }

    #[test]
    fn after_a_key_comes_its_longer_neighbour() {
        let range = Range::prefix(b"a").after(b"ab");
        assert_eq!(range.start, b"ab\0");
        assert_eq!(range.clone().after(b"aa"), range, "a range does not grow");
        assert!(!range.is_empty());
        assert!(range.after(b"b").is_empty());
    }
}
