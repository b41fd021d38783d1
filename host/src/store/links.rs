//! Which local record is which remote one, where their keys differ.
//!
//! An imported record has its remote id for a key and needs no row. One that was made here
//! gets its row with its creation remotely. Both ways are unique: a batch that links either
//! side a second time is refused.

use super::keys::Table;
use super::records::decode_key;
use super::{Batch, Result, Store, codec};
use crate::model::{ChannelId, Name, RecordKey};
use bytes::Bytes;

const WHAT: &str = "the link of a record";

/// Which local record is which remote one, where their keys differ.
pub struct Links<'a>(pub(super) &'a Store);

/// A local record and the remote one that it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The key here.
    pub local: RecordKey,
    /// The remote id.
    pub remote: RecordKey,
}

impl Links<'_> {
    /// The remote ids of these local records, where they are linked, in the order of `keys`.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn remotes(
        &self,
        channel: ChannelId,
        connector: &Name,
        keys: Vec<RecordKey>,
    ) -> Result<Vec<Option<RecordKey>>> {
        let rows = self.0.rows(Table::Links, channel, connector);
        rows.get(keys, |key| key.as_str().as_bytes(), |_, row| decode(row)).await
    }

    /// The local keys of these remote records, where they are linked, in the order of `keys`.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn locals(
        &self,
        channel: ChannelId,
        connector: &Name,
        keys: Vec<RecordKey>,
    ) -> Result<Vec<Option<RecordKey>>> {
        let rows = self.0.rows(Table::LinksBack, channel, connector);
        rows.get(keys, |key| key.as_str().as_bytes(), |_, row| decode(row)).await
    }

    /// At most `limit` links in the order of the bytes of their local keys, those after
    /// `after`.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn list(
        &self,
        channel: ChannelId,
        connector: &Name,
        after: Option<&RecordKey>,
        limit: usize,
    ) -> Result<Vec<Link>> {
        let rows = self.0.rows(Table::Links, channel, connector);
        let after = after.map(|key| key.as_str().as_bytes());
        rows.list(after, limit, |key, row| Ok(Link { local: decode_key(key)?, remote: decode(row)? })).await
    }
}

impl Batch {
    /// Links the two, and expects that neither is linked.
    pub fn link(&mut self, channel: ChannelId, connector: &Name, link: &Link) {
        let (there, back) = row_keys(channel, connector, link);
        self.expect_absent(there.clone());
        self.expect_absent(back.clone());
        self.put(there, codec::encode_bytes(link.remote.as_str().as_bytes()));
        self.put(back, codec::encode_bytes(link.local.as_str().as_bytes()));
    }

    /// Takes the link away.
    pub fn unlink(&mut self, channel: ChannelId, connector: &Name, link: &Link) {
        let (there, back) = row_keys(channel, connector, link);
        self.remove(there);
        self.remove(back);
    }
}

fn decode(row: Bytes) -> Result<RecordKey> {
    decode_key(&codec::decode_bytes(WHAT, row)?)
}

fn row_keys(channel: ChannelId, connector: &Name, link: &Link) -> (Vec<u8>, Vec<u8>) {
    let key = |table: Table, key: &RecordKey| table.in_connector(channel, connector, key.as_str().as_bytes());
    (key(Table::Links, &link.local), key(Table::LinksBack, &link.remote))
}
