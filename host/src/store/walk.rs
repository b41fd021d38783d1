//! Reading one row, and ranges of any size, on the five calls.
//!
//! A range is read a bounded piece at a time, and other commits may come between two
//! pieces: nothing here shows one moment.

use super::engine::{Engine, Entry, Range, Want};
use super::{Batch, Result};
use bytes::Bytes;

/// Entries that are read, or removed, at a time: enough to make the cost of a
/// call small, few enough to hold no lock for more than some milliseconds.
const PIECE: usize = 512;

/// The value of one key.
pub(super) fn get(engine: &dyn Engine, key: Vec<u8>) -> Result<Option<Bytes>> {
    Ok(engine.get(vec![key])?.pop().flatten())
}

/// Shows every entry of the range.
pub(super) fn walk(
    engine: &dyn Engine,
    mut range: Range,
    want: Want,
    mut visit: impl FnMut(Entry) -> Result<()>,
) -> Result<()> {
    loop {
        let entries = engine.scan(range.clone(), PIECE, want)?;
        let Some(last) = entries.last() else {
            return Ok(());
        };
        let is_last_piece = entries.len() < PIECE;
        range = range.after(&last.key);
        entries.into_iter().try_for_each(&mut visit)?;
        if is_last_piece {
            return Ok(());
        }
    }
}

/// Counts the entries of the range by their keys.
pub(super) fn count(engine: &dyn Engine, range: Range) -> Result<u64> {
    let mut count = 0;
    walk(engine, range, Want::Keys, |_| {
        count += 1;
        Ok(())
    })?;
    Ok(count)
}

/// Removes the entries of the range; `remove` says what goes with each entry. Killed in the
/// middle, it can be repeated.
pub(super) fn remove_all(
    engine: &dyn Engine,
    range: &Range,
    want: Want,
    remove: fn(&mut Batch, Entry),
) -> Result<()> {
    loop {
        let entries = engine.scan(range.clone(), PIECE, want)?;
        if entries.is_empty() {
            return Ok(());
        }
        let mut batch = Batch::new();
        entries.into_iter().for_each(|entry| remove(&mut batch, entry));
        engine.commit(batch)?;
    }
}
