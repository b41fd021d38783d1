//! When the schedule last asked for a sync of each channel, and whether a person
//! holds the whole schedule back.
//!
//! It keeps times and decides nothing: what is due is reckoned above.

use super::engine::Want;
use super::keys::{self, Table};
use super::walk::{self, walk};
use super::{Batch, Error, Result, Store, Watch, codec};
use crate::model::{ChannelId, Maintenance, Timestamp};
use bytes::Bytes;

const WHAT: &str = "the last tick of a channel";

/// When the schedule last asked for a sync of each channel.
pub struct Ticks<'a>(pub(super) &'a Store);

impl Ticks<'_> {
    /// The last tick of every channel that has had one, in the order of their ids.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn all(&self) -> Result<Vec<(ChannelId, Timestamp)>> {
        self.0
            .blocking(|engine| {
                let mut all = Vec::new();
                walk(engine, Table::Ticks.rows(), Want::Entries, |entry| {
                    let id = keys::tick_channel(&entry.key).ok_or_else(|| Error::Corrupt(WHAT.into()))?;
                    all.push((id, decode(entry.value)?));
                    Ok(())
                })?;
                Ok(all)
            })
            .await
    }

    /// The last tick of the channel.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn get(&self, channel: ChannelId) -> Result<Option<Timestamp>> {
        self.0.blocking(move |engine| walk::get(engine, keys::tick(channel))?.map(decode).transpose()).await
    }
}

/// Whether a person holds the schedule of the whole host back.
pub struct Upkeep<'a>(pub(super) &'a Store);

impl Upkeep<'_> {
    /// Since when and what for; none: nobody does.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn get(&self) -> Result<Option<Maintenance>> {
        let decode = |row| codec::decode("the maintenance of the schedule", row);
        self.0.blocking(move |engine| walk::get(engine, keys::maintenance())?.map(decode).transpose()).await
    }

    /// Tells of a maintenance that begins, changes or ends.
    #[must_use]
    pub fn watch(&self) -> Watch {
        self.0.engine.watch(&keys::maintenance())
    }
}

impl Batch {
    /// Sets the last tick of a channel; a time before 1970 counts as 1970. It belongs
    /// into a batch that says [`expect_channel`](Self::expect_channel), so that nothing
    /// of a deleted channel is left.
    pub fn put_tick(&mut self, channel: ChannelId, time: Timestamp) {
        let milliseconds = u64::try_from(time.as_millis()).unwrap_or(0);
        self.put(keys::tick(channel), codec::encode_number(milliseconds));
    }

    /// Forgets the last tick of a channel.
    pub fn drop_tick(&mut self, channel: ChannelId) {
        self.remove(keys::tick(channel));
    }

    /// Holds the schedule of the whole host back.
    pub fn put_maintenance(&mut self, maintenance: &Maintenance) {
        self.put(keys::maintenance(), codec::encode(maintenance));
    }

    /// Lets the schedule go on.
    pub fn drop_maintenance(&mut self) {
        self.remove(keys::maintenance());
    }
}

fn decode(row: Bytes) -> Result<Timestamp> {
    let milliseconds = codec::decode_number(WHAT, row)?;
    Ok(Timestamp::from_millis(i64::try_from(milliseconds).unwrap_or(i64::MAX)))
}
