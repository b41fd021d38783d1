//! Reading the rows of one connector in one table: some of them by their keys, or one
//! after the other.
//!
//! It knows where a row's own key ends and leaves what a row means to its table.

use super::engine::{Range, Want};
use super::keys::Table;
use super::{Result, Store};
use crate::model::{ChannelId, Name};
use bytes::Bytes;

/// The rows of one connector in one table.
pub(super) struct Rows<'a> {
    store: &'a Store,
    table: Table,
    channel: ChannelId,
    connector: &'a Name,
}

impl Store {
    pub(super) fn rows<'a>(&'a self, table: Table, channel: ChannelId, connector: &'a Name) -> Rows<'a> {
        Rows { store: self, table, channel, connector }
    }
}

impl Rows<'_> {
    /// The rows with these keys, in the order of `keys`.
    pub(super) async fn get<K, T>(
        &self,
        keys: Vec<K>,
        bytes: impl Fn(&K) -> &[u8],
        decode: impl Fn(K, Bytes) -> Result<T> + Send + 'static,
    ) -> Result<Vec<Option<T>>>
    where
        K: Send + 'static,
        T: Send + 'static,
    {
        let rows = keys.iter().map(|key| self.key(bytes(key))).collect();
        let read = move |(key, row): (K, Option<Bytes>)| row.map(|row| decode(key, row)).transpose();
        self.store.blocking(move |engine| keys.into_iter().zip(engine.get(rows)?).map(read).collect()).await
    }

    /// At most `limit` rows in the order of the bytes of their keys, those after `after`;
    /// `decode` gets the row's own key.
    pub(super) async fn list<T: Send + 'static>(
        &self,
        after: Option<&[u8]>,
        limit: usize,
        decode: impl Fn(&[u8], Bytes) -> Result<T> + Send + 'static,
    ) -> Result<Vec<T>> {
        let (range, prefix) = self.range(after);
        self.store
            .blocking(move |engine| {
                let entries = engine.scan(range, limit, Want::Entries)?;
                entries.into_iter().map(|entry| decode(&entry.key[prefix..], entry.value)).collect()
            })
            .await
    }

    /// The keys of at most `limit` rows in the order of their bytes, those after `after`.
    pub(super) async fn keys<T: Send + 'static>(
        &self,
        after: Option<&[u8]>,
        limit: usize,
        decode: impl Fn(&[u8]) -> Result<T> + Send + 'static,
    ) -> Result<Vec<T>> {
        let (range, prefix) = self.range(after);
        self.store
            .blocking(move |engine| {
                let entries = engine.scan(range, limit, Want::Keys)?;
                entries.into_iter().map(|entry| decode(&entry.key[prefix..])).collect()
            })
            .await
    }

    /// The rows after `after`, and where their own keys begin.
    fn range(&self, after: Option<&[u8]>) -> (Range, usize) {
        let rows = self.table.rows_in(self.channel, self.connector);
        let prefix = rows.start.len();
        match after {
            Some(key) => (rows.after(&self.key(key)), prefix),
            None => (rows, prefix),
        }
    }

    fn key(&self, row: &[u8]) -> Vec<u8> {
        self.table.in_connector(self.channel, self.connector, row)
    }
}
