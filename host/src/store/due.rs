//! The keys that wait to be fetched.
//!
//! Each key waits once, however often it was asked for. It keeps no count: whoever
//! asks for a key does not know whether it waits already.

use super::engine::{Engine, Range, Want};
use super::keys::Table;
use super::records::decode_key;
use super::walk::count;
use super::{Batch, Result, Store, codec};
use crate::model::{ChannelId, Name, RecordKey};
use std::collections::HashSet;

const WHAT: &str = "a due key";

/// A key that waits to be fetched. `stamp` tells one asking from a later one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueKey {
    /// What to fetch.
    pub key: RecordKey,
    /// Which asking; a later one has another stamp.
    pub stamp: u64,
}

/// The keys that wait to be fetched.
pub struct Due<'a>(pub(super) &'a Store);

impl Due<'_> {
    /// At most `limit` of them, in the order of the bytes of their keys; those in
    /// `without` are left out.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn list(
        &self,
        channel: ChannelId,
        connector: &Name,
        without: Vec<RecordKey>,
        limit: usize,
    ) -> Result<Vec<DueKey>> {
        let rows = Table::Due.rows_in(channel, connector);
        let without: HashSet<RecordKey> = without.into_iter().collect();
        self.0.blocking(move |engine| list(engine, &rows, &without, limit)).await
    }

    /// Which of these keys wait, in the order of `keys`.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn are_waiting(
        &self,
        channel: ChannelId,
        connector: &Name,
        keys: Vec<String>,
    ) -> Result<Vec<bool>> {
        let rows = self.0.rows(Table::Due, channel, connector);
        let found = rows.get(keys, |key| key.as_bytes(), |_, _| Ok(())).await?;
        Ok(found.into_iter().map(|row| row.is_some()).collect())
    }

    /// How many there are. Reads all their keys, some microseconds each; to know whether
    /// there are any, list one.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn count(&self, channel: ChannelId, connector: &Name) -> Result<u64> {
        let rows = Table::Due.rows_in(channel, connector);
        self.0.blocking(move |engine| count(engine, rows)).await
    }
}

impl Batch {
    /// Asks for the key; of an earlier asking only the stamp is replaced.
    pub fn add_due(&mut self, channel: ChannelId, connector: &Name, due: &DueKey) {
        self.put(row_key(channel, connector, due), codec::encode_number(due.stamp));
    }

    /// Expects the key with this stamp, and removes it. A key that was asked for again
    /// in the meantime so refuses the batch, and stays.
    pub fn settle_due(&mut self, channel: ChannelId, connector: &Name, due: &DueKey) {
        let key = row_key(channel, connector, due);
        self.expect_value(key.clone(), codec::encode_number(due.stamp));
        self.remove(key);
    }
}

fn list(
    engine: &dyn Engine,
    rows: &Range,
    without: &HashSet<RecordKey>,
    limit: usize,
) -> Result<Vec<DueKey>> {
    // Those left out can be no more than this, so one scan is enough.
    let entries = engine.scan(rows.clone(), limit.saturating_add(without.len()), Want::Entries)?;
    let mut due = Vec::new();
    for entry in entries {
        let key = decode_key(&entry.key[rows.start.len()..])?;
        if due.len() < limit && !without.contains(&key) {
            due.push(DueKey { key, stamp: codec::decode_number(WHAT, entry.value)? });
        }
    }
    Ok(due)
}

fn row_key(channel: ChannelId, connector: &Name, due: &DueKey) -> Vec<u8> {
    Table::Due.in_connector(channel, connector, due.key.as_str().as_bytes())
}
