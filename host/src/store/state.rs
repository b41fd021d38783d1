//! What connectors asked the host to remember.
//!
//! Small values by key, the connector's own; how much of it is allowed is decided
//! above.

use super::engine::Want;
use super::keys::Table;
use super::walk::walk;
use super::{Batch, Error, Result, Store, codec};
use crate::model::{ChannelId, Name};
use bytes::Bytes;
use std::collections::BTreeMap;

const WHAT: &str = "a value of a connector's state";

/// What connectors asked the host to remember.
pub struct State<'a>(pub(super) &'a Store);

impl State<'_> {
    /// Everything that the connector has.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn all(&self, channel: ChannelId, connector: &Name) -> Result<BTreeMap<String, Bytes>> {
        let rows = Table::State.rows_in(channel, connector);
        let prefix = rows.start.len();
        self.0
            .blocking(move |engine| {
                let mut all = BTreeMap::new();
                walk(engine, rows, Want::Entries, |entry| {
                    let key = String::from_utf8(entry.key[prefix..].to_vec());
                    let key = key.map_err(|_| Error::Corrupt(WHAT.into()))?;
                    all.insert(key, codec::decode_bytes(WHAT, entry.value)?);
                    Ok(())
                })?;
                Ok(all)
            })
            .await
    }
}

impl Batch {
    /// Sets a value, or forgets it.
    pub fn set_state(&mut self, channel: ChannelId, connector: &Name, key: &str, value: Option<&[u8]>) {
        let key = Table::State.in_connector(channel, connector, key.as_bytes());
        match value {
            Some(value) => self.put(key, codec::encode_bytes(value)),
            None => self.remove(key),
        }
    }
}
