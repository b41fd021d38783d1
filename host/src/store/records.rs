//! The records of connectors.
//!
//! It keeps them as they were delivered; what is new and what has changed is
//! decided above.

use super::keys::Table;
use super::{Batch, Error, Result, Store, codec, walk};
use crate::model::{ChannelId, Name, Record, RecordKey};

/// The records of connectors.
pub struct Records<'a>(pub(super) &'a Store);

impl Records<'_> {
    /// The record with this key.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn get(&self, channel: ChannelId, connector: &Name, key: &RecordKey) -> Result<Option<Record>> {
        let mut found = self.get_many(channel, connector, vec![key.clone()]).await?;
        Ok(found.pop().flatten())
    }

    /// The records with these keys, in the order of `keys`.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn get_many(
        &self,
        channel: ChannelId,
        connector: &Name,
        keys: Vec<RecordKey>,
    ) -> Result<Vec<Option<Record>>> {
        let rows = self.0.rows(Table::Records, channel, connector);
        rows.get(keys, |key| key.as_str().as_bytes(), codec::decode_record).await
    }

    /// At most `limit` records in the order of the bytes of their keys, those after `after`.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn list(
        &self,
        channel: ChannelId,
        connector: &Name,
        after: Option<&RecordKey>,
        limit: usize,
    ) -> Result<Vec<Record>> {
        let after = after.map(|key| key.as_str().as_bytes());
        let decode = |key: &[u8], row| codec::decode_record(decode_key(key)?, row);
        self.0.rows(Table::Records, channel, connector).list(after, limit, decode).await
    }

    /// At most `limit` keys of records in the order of their bytes, those after `after`.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn keys(
        &self,
        channel: ChannelId,
        connector: &Name,
        after: Option<&RecordKey>,
        limit: usize,
    ) -> Result<Vec<RecordKey>> {
        let after = after.map(|key| key.as_str().as_bytes());
        self.0.rows(Table::Records, channel, connector).keys(after, limit, decode_key).await
    }

    /// The number of records, as the writer counted them.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn count(&self, channel: ChannelId, connector: &Name) -> Result<u64> {
        Ok(self.counted(channel, connector).await?.unwrap_or_default())
    }

    /// The same; none where nobody has counted yet.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn counted(&self, channel: ChannelId, connector: &Name) -> Result<Option<u64>> {
        let key = total_key(channel, connector);
        let row = self.0.blocking(move |engine| walk::get(engine, key)).await?;
        row.map(|row| codec::decode_number("a number of records", row)).transpose()
    }
}

impl Batch {
    /// Adds the record, or replaces the one with its key.
    pub fn put_record(&mut self, channel: ChannelId, connector: &Name, record: &Record) {
        self.put(row_key(channel, connector, &record.key), codec::encode_record(record));
    }

    /// Expects the record just as it was read, or that there is none.
    pub fn expect_record(
        &mut self,
        channel: ChannelId,
        connector: &Name,
        key: &RecordKey,
        record: Option<&Record>,
    ) {
        let key = row_key(channel, connector, key);
        match record {
            Some(record) => self.expect_value(key, codec::encode_record(record)),
            None => self.expect_absent(key),
        }
    }

    /// Expects this number of records; none: nobody has counted yet.
    pub fn expect_record_count(&mut self, channel: ChannelId, connector: &Name, count: Option<u64>) {
        let key = total_key(channel, connector);
        match count {
            None => self.expect_absent(key),
            Some(count) => self.expect_value(key, codec::encode_number(count)),
        }
    }

    /// Removes the record with this key, if it is there.
    pub fn delete_record(&mut self, channel: ChannelId, connector: &Name, key: &RecordKey) {
        self.remove(row_key(channel, connector, key));
    }

    /// Sets the number of records of the connector. The writer knows it: it reads which of
    /// a page's records are there anyway, and counting a million takes seconds.
    pub fn set_record_count(&mut self, channel: ChannelId, connector: &Name, count: u64) {
        self.put(total_key(channel, connector), codec::encode_number(count));
    }
}

fn row_key(channel: ChannelId, connector: &Name, key: &RecordKey) -> Vec<u8> {
    Table::Records.in_connector(channel, connector, key.as_str().as_bytes())
}

fn total_key(channel: ChannelId, connector: &Name) -> Vec<u8> {
    Table::Totals.in_connector(channel, connector, b"")
}

/// The record key that a row's key ends with.
pub(super) fn decode_key(bytes: &[u8]) -> Result<RecordKey> {
    let key = str::from_utf8(bytes).ok().and_then(|text| RecordKey::try_new(text).ok());
    key.ok_or_else(|| Error::Corrupt("the key of a record".into()))
}
