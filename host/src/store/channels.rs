//! The configured channels, each with its unique name.
//!
//! It keeps names unique and deletes a channel with all that it has; what a channel
//! may look like is decided above.

use super::engine::{Engine, Want};
use super::keys::{self, Table};
use super::walk::{self, remove_all, walk};
use super::{Batch, Error, Result, Store, Watch, codec, ended, feed};
use crate::model::{Channel, ChannelId};
use bytes::Bytes;

const WHAT: &str = "a channel";

/// The configured channels.
pub struct Channels<'a>(pub(super) &'a Store);

impl Channels<'_> {
    /// All of them, in the order of their names.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn list(&self) -> Result<Vec<Channel>> {
        self.0.blocking(list).await
    }

    /// The channel with this id.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn get(&self, id: ChannelId) -> Result<Option<Channel>> {
        self.0.blocking(move |engine| get(engine, id)).await
    }

    /// The channel with this name.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn by_name(&self, name: &str) -> Result<Option<Channel>> {
        let key = keys::channel_name(name);
        self.0
            .blocking(move |engine| match walk::get(engine, key)? {
                Some(row) => get(engine, decode_id(row)?),
                None => Ok(None),
            })
            .await
    }

    /// Adds a channel.
    ///
    /// # Errors
    /// [`Error::NameTaken`]; [`Error::Expectation`] where the id is there already; and
    /// where the store cannot be written.
    pub async fn create(&self, channel: &Channel) -> Result<()> {
        let channel = channel.clone();
        self.0.blocking(move |engine| create(engine, &channel)).await
    }

    /// Replaces `before` by `after`, which has the same id.
    ///
    /// # Errors
    /// [`Error::NameTaken`]; [`Error::Expectation`] where `before` is no longer what is
    /// stored, or is being deleted; and where the store cannot be written.
    pub async fn update(&self, before: &Channel, after: &Channel) -> Result<()> {
        let (before, after) = (before.clone(), after.clone());
        self.0.blocking(move |engine| update(engine, &before, &after)).await
    }

    /// Removes the channel and everything of it in every table; false where it is not
    /// there. The channel itself goes last, so that a killed delete can be repeated.
    ///
    /// A run that goes on cannot leave anything behind: its lease goes first.
    ///
    /// # Errors
    /// Where the store cannot be written; then part of it is left, and the channel too.
    pub async fn delete(&self, id: ChannelId) -> Result<bool> {
        self.0.blocking(move |engine| delete(engine, id)).await
    }

    /// Tells of channels that are created, changed or deleted.
    #[must_use]
    pub fn watch(&self) -> Watch {
        self.0.engine.watch(&Table::Channels.rows().start)
    }
}

impl Batch {
    /// Expects the channel to be there, and nobody to have begun to delete it.
    pub fn expect_channel(&mut self, id: ChannelId) {
        self.expect_value(keys::open_channel(id), codec::encode_bytes(b""));
    }
}

fn list(engine: &dyn Engine) -> Result<Vec<Channel>> {
    let mut channels: Vec<Channel> = Vec::new();
    walk(engine, Table::Channels.rows(), Want::Entries, |entry| {
        channels.push(codec::decode(WHAT, entry.value)?);
        Ok(())
    })?;
    channels.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(channels)
}

fn get(engine: &dyn Engine, id: ChannelId) -> Result<Option<Channel>> {
    walk::get(engine, keys::channel(id))?.map(|row| codec::decode(WHAT, row)).transpose()
}

fn create(engine: &dyn Engine, channel: &Channel) -> Result<()> {
    let mut batch = Batch::new();
    batch.expect_absent(keys::channel(channel.id));
    batch.put(keys::channel(channel.id), codec::encode(channel));
    batch.put(keys::open_channel(channel.id), codec::encode_bytes(b""));
    claim_name(&mut batch, channel);
    commit_name(engine, batch, channel)
}

fn update(engine: &dyn Engine, before: &Channel, after: &Channel) -> Result<()> {
    debug_assert_eq!(before.id, after.id, "an update keeps the id");
    // The row is compared as it is read, not as it would be written: an older form of
    // it says the same with other bytes.
    let row = walk::get(engine, keys::channel(before.id))?.ok_or(Error::Expectation)?;
    if codec::decode::<Channel>(WHAT, row.clone())? != *before {
        return Err(Error::Expectation);
    }
    let mut batch = Batch::new();
    batch.expect_channel(before.id);
    batch.expect_value(keys::channel(before.id), row.to_vec());
    batch.put(keys::channel(after.id), codec::encode(after));
    if before.name != after.name {
        batch.remove(keys::channel_name(before.name.as_str()));
        claim_name(&mut batch, after);
    }
    commit_name(engine, batch, after)
}

fn claim_name(batch: &mut Batch, channel: &Channel) {
    let key = keys::channel_name(channel.name.as_str());
    batch.expect_absent(key.clone());
    batch.put(key, codec::encode_bytes(&channel.id.to_bytes()));
}

/// Commits, and finds out whether it was the name that somebody else has.
fn commit_name(engine: &dyn Engine, batch: Batch, channel: &Channel) -> Result<()> {
    match engine.commit(batch) {
        Err(Error::Expectation) => {
            let holder = walk::get(engine, keys::channel_name(channel.name.as_str()))?;
            match holder.map(decode_id).transpose()? {
                Some(holder) if holder != channel.id => Err(Error::NameTaken(channel.name.to_string())),
                _ => Err(Error::Expectation),
            }
        }
        Err(error) => Err(error),
        Ok(()) => engine.flush(),
    }
}

fn delete(engine: &dyn Engine, id: ChannelId) -> Result<bool> {
    if get(engine, id)?.is_none() {
        return Ok(false);
    }
    let mut batch = Batch::new();
    batch.remove(keys::open_channel(id));
    // Whoever works on the channel holds a lease, and writes nothing without it.
    for entry in Table::OF_DIRECTIONS.map(|table| engine.scan(table.rows_of(id), usize::MAX, Want::Keys)) {
        entry?.into_iter().for_each(|entry| batch.remove(entry.key.into()));
    }
    engine.commit(batch)?;
    // Read again: from here on nobody can rename it any more.
    let Some(channel) = get(engine, id)? else {
        return Ok(true);
    };

    for rows in Table::all_of(id) {
        remove_all(engine, &rows, Want::Keys, |batch, entry| batch.remove(entry.key.into()))?;
    }
    Table::OF_SUBSCRIBERS.iter().try_for_each(|table| feed::remove_of(engine, *table, id))?;
    ended::remove_details_of(engine, id)?;
    remove_all(engine, &Table::RunsOfChannel.rows_of(id), Want::Entries, Batch::remove_run)?;

    let mut batch = Batch::new();
    batch.remove(keys::channel(id));
    batch.remove(keys::channel_name(channel.name.as_str()));
    // After another delete the name may be another channel's.
    batch.expect_value(keys::channel_name(channel.name.as_str()), codec::encode_bytes(&id.to_bytes()));
    match engine.commit(batch) {
        Err(Error::Expectation) => Ok(true),
        Err(error) => Err(error),
        Ok(()) => engine.flush().map(|()| true),
    }
}

fn decode_id(row: Bytes) -> Result<ChannelId> {
    const WHAT: &str = "the name of a channel";
    let id = codec::decode_bytes(WHAT, row)?;
    let id = id[..].try_into().map_err(|_| Error::Corrupt(WHAT.into()))?;
    Ok(ChannelId::from_bytes(id))
}
