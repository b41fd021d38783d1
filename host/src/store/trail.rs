//! What became of each record: its newest changes.
//!
//! Kept for connectors that go both ways. One row a record, so that it goes on in the
//! batch of the change, and is bounded.

use super::keys::Table;
use super::{Batch, Result, Store, codec};
use crate::model::{ChannelId, Name, RecordKey, TrailStep};

const WHAT: &str = "the history of a record";

/// Changes that are kept of one record.
pub const KEPT: usize = 50;

/// What became of each record.
pub struct Trails<'a>(pub(super) &'a Store);

impl Trails<'_> {
    /// The newest changes of these records, the oldest first, in the order of `keys`.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn get_many(
        &self,
        channel: ChannelId,
        connector: &Name,
        keys: Vec<RecordKey>,
    ) -> Result<Vec<Vec<TrailStep>>> {
        let rows = self.0.rows(Table::Trails, channel, connector);
        let found = rows.get(keys, |key| key.as_str().as_bytes(), |_, row| codec::decode(WHAT, row)).await?;
        Ok(found.into_iter().map(Option::unwrap_or_default).collect())
    }
}

impl Batch {
    /// Adds a change to those that are kept of the record, `before`; the oldest go.
    pub fn extend_trail(
        &mut self,
        channel: ChannelId,
        connector: &Name,
        key: &RecordKey,
        (mut before, step): (Vec<TrailStep>, TrailStep),
    ) {
        before.push(step);
        let surplus = before.len().saturating_sub(KEPT);
        before.drain(..surplus);
        let row = Table::Trails.in_connector(channel, connector, key.as_str().as_bytes());
        self.put(row, codec::encode(&before));
    }
}
