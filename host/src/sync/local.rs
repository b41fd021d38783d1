//! Local writes: records that people, programs and routes create, edit and delete here.
//!
//! A write lands with its row of the outbox in one batch, and an export is asked for. It is
//! checked against the connector's schema and refused where the channel does not go both
//! ways; nothing here speaks to a remote system.

mod desk;
mod error;
mod linking;
mod schema;
mod settlement;
mod waiting;

pub use error::Refusal;
pub use settlement::{Decision, Pick};
pub use waiting::{Dropped, Sieve, Waiting};

use super::{Sync, news::Change, overtaken};
use crate::{
    model::{
        Author, Channel, ChannelName, Connector, Name, Outgoing, Record, RecordKey, Settlement, TrailStep,
        Ways, Write,
    },
    store::{self, Batch, Epoch, FeedKind},
};
use desk::{Before, Decided};
use serde_json::Value;
use std::time::Duration;

/// How long edits are waited for that go together with one.
const SOON: Duration = Duration::from_secs(1);

/// How often a batch is made anew that met somebody else's.
const TRIES: u32 = 50;

/// What somebody wants to do with a record.
#[derive(Clone, Debug)]
pub struct Edit {
    /// The channel.
    pub channel: ChannelName,
    /// The connector.
    pub connector: Name,
    /// The record's key here. For one that is not there yet: its key from now on.
    pub key: RecordKey,
    /// Who wants it.
    pub author: Author,
    /// What is to be done.
    pub what: What,
}

/// What is to be done with a record.
#[derive(Clone, Debug)]
pub enum What {
    /// Creates it, or replaces all of it.
    Put {
        /// The whole record.
        payload: Value,
        /// The record that it belongs to, by its key here; none: as it is.
        parent: Option<RecordKey>,
    },
    /// Changes fields: a merge patch (RFC 7396).
    Patch(Value),
    /// Deletes it.
    Delete,
}

/// What became of a record.
#[derive(Clone, Debug)]
pub struct Written {
    /// What was done; none: it was just so already.
    pub kind: Option<Write>,
    /// JSON Pointers of the fields that changed.
    pub fields: Vec<String>,
    /// The record as it is now; none where it was deleted.
    pub record: Option<Record>,
    /// The change that waits to be exported, if one does.
    pub outgoing: Option<Outgoing>,
}

/// What goes into the batch of a write beside it.
pub(super) type With<'a> = &'a (dyn Fn(&mut Batch) + Send + std::marker::Sync);

/// One record of a channel's connector.
#[derive(Clone, Debug)]
pub struct Target {
    /// The channel.
    pub channel: ChannelName,
    /// The connector.
    pub connector: Name,
    /// The record's key here.
    pub key: RecordKey,
}

/// Local writes.
pub struct Local<'a>(pub(super) &'a Sync);

/// Where a write belongs.
struct Place {
    channel: Channel,
    connector: Connector,
    key: RecordKey,
}

impl Local<'_> {
    /// Writes, and asks for an export. When it returns, both are in the store.
    ///
    /// # Errors
    /// The channel does not go both ways, the connector cannot do it, or the record does
    /// not fit; nothing is written then.
    ///
    /// # Cancel safety
    /// Dropped early, it was done or not, but never half.
    pub async fn write(&self, edit: Edit) -> Result<Written, Refusal> {
        let Edit { channel, connector, key, author, what } = edit;
        let place = self.place(Target { channel, connector, key }).await?;
        let written = self.change(&place, &author, what, None).await?;
        self.nudged(&place, written).await
    }

    /// The same, together with what `with` adds to the batch, and tried once: where the
    /// record, or what `with` expects, has changed, nothing is written. Neither is it where
    /// the record is just so already.
    ///
    /// # Errors
    /// As `write`; [`store::Error::Expectation`] where something has changed.
    pub(super) async fn write_with(&self, edit: Edit, with: With<'_>) -> Result<Written, Refusal> {
        let Edit { channel, connector, key, author, what } = edit;
        let place = self.place(Target { channel, connector, key }).await?;
        let written = self.change(&place, &author, what, Some(with)).await?;
        self.nudged(&place, written).await
    }

    async fn nudged(&self, place: &Place, written: Written) -> Result<Written, Refusal> {
        if written.outgoing.is_some() {
            self.ask(&place.channel).await?;
        }
        Ok(written)
    }

    /// Asks for an export, where the channel has any.
    async fn ask(&self, channel: &Channel) -> Result<(), Refusal> {
        if channel.two_way {
            self.0.shared.queue.nudge(channel, self.0.shared.clock.now().plus(SOON)).await?;
        }
        Ok(())
    }

    /// The channel and the connector, if records of it may be written here.
    async fn place(&self, target: Target) -> Result<Place, Refusal> {
        let place = self.open(target).await?;
        if !place.channel.two_way {
            return Err(Refusal::OneWay(place.channel.name));
        }
        Ok(place)
    }

    /// The channel and the connector, whether changes of it go out now or did once.
    async fn open(&self, target: Target) -> Result<Place, Refusal> {
        let Target { channel, connector: name, key } = target;
        let ready = self.0.shared.opener.open(&channel).await?;
        let Some(connector) = ready.channel_type.connector(name.as_str()).cloned() else {
            return Err(Refusal::NoConnector { channel, connector: name });
        };
        if connector.direction != Ways::TwoWay {
            return Err(Refusal::ImportOnly { connector: name });
        }
        Ok(Place { channel: ready.channel, connector, key })
    }

    async fn change(
        &self,
        place: &Place,
        author: &Author,
        what: What,
        with: Option<With<'_>>,
    ) -> Result<Written, Refusal> {
        let shared = &self.0.shared;
        let tries = if with.is_some() { 1 } else { TRIES };
        for _ in 0..tries {
            let (before, epoch) = self.before(place).await?;
            let decided = desk::decide(&before, &what, author, shared.clock.now())?;
            let Some(decided) = decided else {
                let Before { record, row, .. } = before;
                return Ok(Written { kind: None, fields: Vec::new(), record, outgoing: row });
            };
            self.judge(place, &before, &decided)?;
            let mut batch = self.batch(place, &before, &decided, epoch).await?;
            if let Some(with) = with {
                with(&mut batch);
            }
            match shared.store.commit(batch).await {
                Err(store::Error::Expectation) => {}
                Err(error) => return Err(error.into()),
                Ok(()) => {
                    let Decided { step, record, row, .. } = decided;
                    return Ok(Written { kind: Some(step.kind), fields: step.fields, record, outgoing: row });
                }
            }
        }
        // Somebody writes all the time; or the channel is gone.
        Err(store::Error::Expectation.into())
    }

    async fn before(&self, place: &Place) -> store::Result<(Before, Epoch)> {
        let (store, channel, connector) = (&self.0.shared.store, place.channel.id, &place.connector.id);
        // First, so that nothing that comes later goes unnoticed.
        let epoch = store.outbox().epoch(channel, connector).await?;
        let record = store.records().get(channel, connector, &place.key).await?;
        let row = store.outbox().get(channel, connector, &place.key).await?;
        let trail = store.trails().get_many(channel, connector, vec![place.key.clone()]).await?;
        let trail: Vec<TrailStep> = trail.into_iter().next().unwrap_or_default();
        Ok((Before { key: place.key.clone(), record, row, trail }, epoch))
    }

    /// Whether the connector can do it, and the record fits its schema.
    fn judge(&self, place: &Place, before: &Before, decided: &Decided) -> Result<(), Refusal> {
        let Place { connector, key, .. } = place;
        let wanted = decided.row.as_ref().map(|row| row.kind);
        if let Some(kind) = wanted.filter(|kind| !connector.writes.contains(kind)) {
            return Err(Refusal::NotWritable { connector: connector.id.clone(), kind });
        }
        let Some(record) = &decided.record else { return Ok(()) };
        let most = self.0.shared.config.record_bytes;
        if record.payload.len() > most.as_len() {
            return Err(Refusal::TooLong { key: key.clone(), most });
        }
        if place.channel.mappings.contains_key(&connector.id) {
            // The schema is of the remote form; what is kept here has another.
            return Ok(());
        }
        let faults = schema::faults(connector, &record.payload, before.record.as_ref());
        if faults.is_empty() { Ok(()) } else { Err(Refusal::Unfit { key: key.clone(), faults }) }
    }

    async fn batch(
        &self,
        place: &Place,
        before: &Before,
        decided: &Decided,
        epoch: Epoch,
    ) -> store::Result<Batch> {
        let (channel, connector, key) = (place.channel.id, &place.connector.id, &place.key);
        let store = &self.0.shared.store;
        let mut batch = Batch::new();
        batch.expect_channel(channel);
        batch.advance_epoch(channel, connector, epoch);
        batch.expect_record(channel, connector, key, before.record.as_ref());
        batch.expect_outgoing(channel, connector, key, before.row.as_ref());
        match &decided.record {
            Some(record) => batch.put_record(channel, connector, record),
            None => batch.delete_record(channel, connector, key),
        }
        if decided.growth != 0 {
            let count = store.records().counted(channel, connector).await?;
            batch.expect_record_count(channel, connector, count);
            let count = count.unwrap_or_default().saturating_add_signed(decided.growth);
            batch.set_record_count(channel, connector, count);
        }
        match &decided.row {
            Some(row) => batch.put_outgoing(channel, connector, row),
            None => batch.remove_outgoing(channel, connector, key),
        }
        let told = match decided.step.kind {
            Write::Create => FeedKind::Added,
            Write::Update => FeedKind::Updated,
            Write::Delete => FeedKind::Deleted,
        };
        let subscribers = &self.0.shared.subscribers;
        subscribers.load(store).await?;
        let payload = decided.record.as_ref().map(|record| &record.payload[..]);
        let change = std::iter::once(Change { key, kind: told, payload });
        subscribers.news(store, channel, connector, change).await?.put(&mut batch);
        batch.extend_trail(channel, connector, key, (before.trail.clone(), decided.step.clone()));
        let row = (before.row.as_ref(), decided.row.as_ref());
        let settlement = Settlement { at: decided.step.at, by: decided.step.author.clone() };
        let overtaken = overtaken::by(store, (channel, connector), row, settlement).await?;
        overtaken.iter().for_each(|conflict| batch.put_conflict(channel, connector, conflict));
        Ok(batch)
    }
}
