//! The records that a full sync did not find any more.
//!
//! It keeps since when; whether they are kept, marked or deleted is decided above.

use super::keys::Table;
use super::records::decode_key;
use super::{Batch, Result, Store, codec};
use crate::model::{ChannelId, Name, RecordKey, Timestamp};
use bytes::Bytes;

const WHAT: &str = "the mark of a record that is gone";

/// The records that a full sync did not find any more, and since when.
pub struct Marks<'a>(pub(super) &'a Store);

impl Marks<'_> {
    /// Since when the records with these keys are gone, in the order of `keys`.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn get_many(
        &self,
        channel: ChannelId,
        connector: &Name,
        keys: Vec<RecordKey>,
    ) -> Result<Vec<Option<Timestamp>>> {
        let rows = self.0.rows(Table::Vanished, channel, connector);
        rows.get(keys, |key| key.as_str().as_bytes(), |_, row| decode(row)).await
    }

    /// At most `limit` of them in the order of the bytes of their keys, those after `after`.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn list(
        &self,
        channel: ChannelId,
        connector: &Name,
        after: Option<&RecordKey>,
        limit: usize,
    ) -> Result<Vec<(RecordKey, Timestamp)>> {
        let rows = self.0.rows(Table::Vanished, channel, connector);
        let after = after.map(|key| key.as_str().as_bytes());
        rows.list(after, limit, |key, row| Ok((decode_key(key)?, decode(row)?))).await
    }
}

impl Batch {
    /// Marks the record as gone since then.
    pub fn mark_vanished(&mut self, channel: ChannelId, connector: &Name, key: &RecordKey, since: Timestamp) {
        // As many negative times as positive ones; only their order is lost.
        let since = since.as_millis().cast_unsigned();
        self.put(row_key(channel, connector, key), codec::encode_number(since));
    }

    /// Takes the mark away, if there is one.
    pub fn unmark_vanished(&mut self, channel: ChannelId, connector: &Name, key: &RecordKey) {
        self.remove(row_key(channel, connector, key));
    }
}

fn decode(row: Bytes) -> Result<Timestamp> {
    Ok(Timestamp::from_millis(codec::decode_number(WHAT, row)?.cast_signed()))
}

fn row_key(channel: ChannelId, connector: &Name, key: &RecordKey) -> Vec<u8> {
    Table::Vanished.in_connector(channel, connector, key.as_str().as_bytes())
}
