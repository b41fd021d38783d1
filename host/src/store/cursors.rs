//! How far connectors have read.
//!
//! A cursor is the connector's own; nothing here understands it. It has a table
//! of its own, so that no cleaning of runs or records touches it.

use super::keys::Table;
use super::{Batch, Result, Store, codec, walk};
use crate::model::{ChannelId, Name};
use bytes::Bytes;

/// How far connectors have read.
pub struct Cursors<'a>(pub(super) &'a Store);

impl Cursors<'_> {
    /// Where the last page of the connector ended.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn get(&self, channel: ChannelId, connector: &Name) -> Result<Option<Bytes>> {
        let key = key(channel, connector);
        self.0
            .blocking(move |engine| {
                walk::get(engine, key)?.map(|row| codec::decode_bytes("a cursor", row)).transpose()
            })
            .await
    }
}

impl Batch {
    /// Sets the cursor. It belongs into the batch with the page that it ends.
    pub fn put_cursor(&mut self, channel: ChannelId, connector: &Name, cursor: &[u8]) {
        self.put(key(channel, connector), codec::encode_bytes(cursor));
    }

    /// Forgets the cursor: the connector begins anew.
    pub fn drop_cursor(&mut self, channel: ChannelId, connector: &Name) {
        self.remove(key(channel, connector));
    }
}

fn key(channel: ChannelId, connector: &Name) -> Vec<u8> {
    Table::Cursors.in_connector(channel, connector, b"")
}
