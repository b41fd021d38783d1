//! Conflicts between local and remote edits, as they are kept.

use super::keys::Table;
use super::{Batch, Error, Result, Store, codec};
use crate::model::{ChannelId, Conflict, ConflictId, Name};

const WHAT: &str = "a conflict";

/// Conflicts between local and remote edits.
pub struct Conflicts<'a>(pub(super) &'a Store);

impl Conflicts<'_> {
    /// The conflict with this id.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn get(
        &self,
        channel: ChannelId,
        connector: &Name,
        id: ConflictId,
    ) -> Result<Option<Conflict>> {
        let rows = self.0.rows(Table::Conflicts, channel, connector);
        let key = id.to_bytes();
        let mut found = rows.get(vec![key], |key| &key[..], |_, row| codec::decode(WHAT, row)).await?;
        Ok(found.pop().flatten())
    }

    /// At most `limit` conflicts, the oldest first, those after `after`.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn list(
        &self,
        channel: ChannelId,
        connector: &Name,
        after: Option<ConflictId>,
        limit: usize,
    ) -> Result<Vec<Conflict>> {
        let rows = self.0.rows(Table::Conflicts, channel, connector);
        let after = after.map(ConflictId::to_bytes);
        let decode = |key: &[u8], row| {
            let _: [u8; 16] = key.try_into().map_err(|_| Error::Corrupt(WHAT.into()))?;
            codec::decode(WHAT, row)
        };
        rows.list(after.as_ref().map(|id| &id[..]), limit, decode).await
    }
}

impl Batch {
    /// Adds the conflict, or replaces the one with its id.
    pub fn put_conflict(&mut self, channel: ChannelId, connector: &Name, conflict: &Conflict) {
        self.put(row_key(channel, connector, conflict.id), codec::encode(conflict));
    }

    /// Forgets the conflict.
    pub fn remove_conflict(&mut self, channel: ChannelId, connector: &Name, id: ConflictId) {
        self.remove(row_key(channel, connector, id));
    }
}

fn row_key(channel: ChannelId, connector: &Name, id: ConflictId) -> Vec<u8> {
    Table::Conflicts.in_connector(channel, connector, &id.to_bytes())
}
