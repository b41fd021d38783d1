//! What can be done about records in quarantine: ask for another try, or give them up.
//!
//! It decides by where an entry came from, and leaves the trying to the next run: a due
//! key is asked for again, a payload that is kept is marked to be judged anew.

use super::{Error, Job, Request, Sync, import::can_judge};
use crate::{
    model::{
        Channel, ChannelId, ChannelName, Connector, Direction, DrivenBy, Name, RecordKey, Span, Timestamp,
        Trigger,
    },
    store::{Batch, DueKey, Origin, Place, Quarantined, Sought, Store},
};
use std::collections::BTreeSet;

/// Entries of one batch.
const PIECE: usize = 500;
/// Entries that are told one by one.
const TOLD: usize = 100;

/// The engine's half of the quarantine.
pub struct Quarantine<'a>(pub(super) &'a Sync);

/// Which entries of a channel.
#[derive(Clone, Debug)]
pub enum Selection {
    /// One of them.
    One(Name, String),
    /// Those that fit; the channel in it is not looked at.
    Fitting(Sought),
}

/// What came of asking for another try.
#[derive(Debug, Default)]
pub struct Retried {
    /// Due keys that were asked for again.
    pub asked: u64,
    /// Records whose payload is judged anew by the next run.
    pub judged: u64,
    /// Entries that cannot be tried again.
    pub cannot: u64,
    /// The first of those.
    pub told: Vec<Hopeless>,
    /// The job that does it.
    pub job: Option<Job>,
    /// Why no job was started. What was asked for is kept for the next one.
    pub refused: Option<Error>,
}

/// An entry that cannot be tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hopeless {
    /// The connector.
    pub connector: Name,
    /// The key of the entry.
    pub key: String,
    /// Why not.
    pub why: Why,
    /// Whether a full sync of the connector brings it again.
    pub full_helps: bool,
}

/// Why an entry cannot be tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// Only the connector can judge it.
    #[error("the connector itself could not make sense of it, so only another delivery helps")]
    Rejected,
    /// Only the beginning of its payload is kept.
    #[error("its payload was too long to be kept whole, so only another delivery helps")]
    Cut,
    /// Its connector is not switched on, or not offered.
    #[error("its connector is not switched on, or the plugin does not offer it any more")]
    NoConnector,
}

/// How an entry is tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Way {
    Ask(RecordKey),
    Judge,
    None(Why),
}

impl Quarantine<'_> {
    /// Asks for another try of the entries, and for a sync of their connectors. Entries
    /// stay until they come good. None where the one that is named is not there.
    ///
    /// # Errors
    /// When nothing can be synced in the channel, or the store cannot be written; then what
    /// was asked for before that holds.
    ///
    /// # Cancel safety
    /// Dropped early, some entries may have been asked for, and no sync.
    pub async fn retry(&self, channel: &ChannelName, selection: Selection) -> Result<Option<Retried>, Error> {
        let shared = &self.0.shared;
        let ready = shared.opener.open(channel).await?;
        if !ready.channel.enabled {
            return Err(Error::Disabled(channel.clone()));
        }
        let mut desk = Desk {
            channel: &ready.channel,
            connectors: &ready.channel_type.connectors,
            retried: Retried::default(),
            touched: BTreeSet::new(),
        };
        let mut walk = Walk::new(&shared.store, ready.channel.id, selection);
        let mut is_there = !walk.is_of_one();
        while let Some(entries) = walk.next().await? {
            is_there |= !entries.is_empty();
            let batch = desk.take(entries);
            if !batch.is_empty() {
                shared.store.commit(batch).await?;
            }
        }
        if !is_there {
            return Ok(None);
        }
        let Desk { mut retried, touched, .. } = desk;
        if !touched.is_empty() {
            let connectors = touched.into_iter().collect();
            let request = Request {
                channel: channel.clone(),
                direction: Direction::Import,
                connectors,
                full: false,
                record: false,
                trigger: Trigger::Request,
            };
            match self.0.request(request).await {
                Ok(job) => retried.job = Some(job),
                Err(error) => retried.refused = Some(error),
            }
        }
        Ok(Some(retried))
    }

    /// The time so long ago.
    #[must_use]
    pub fn ago(&self, span: Span) -> Timestamp {
        let milliseconds = i64::try_from(span.0.as_millis()).unwrap_or(i64::MAX);
        let now = self.0.shared.clock.now();
        Timestamp::from_millis(now.as_millis().saturating_sub(milliseconds))
    }

    /// Gives the entries up; how many they were. What a connector delivers again later
    /// comes into quarantine again.
    ///
    /// # Errors
    /// When the store cannot be written; then those before that are gone.
    ///
    /// # Cancel safety
    /// Dropped early, some of them may be gone.
    pub async fn give_up(&self, channel: ChannelId, selection: Selection) -> Result<u64, Error> {
        let store = &self.0.shared.store;
        let mut walk = Walk::new(store, channel, selection);
        let mut count = 0;
        while let Some(entries) = walk.next().await? {
            let mut batch = Batch::default();
            for (place, _) in &entries {
                batch.remove_quarantined(channel, &place.connector, &place.key);
            }
            if !batch.is_empty() {
                store.commit(batch).await?;
            }
            count += entries.len() as u64;
        }
        Ok(count)
    }
}

/// The entries of a selection, piece by piece.
struct Walk<'a> {
    store: &'a Store,
    channel: ChannelId,
    selection: Selection,
    after: Option<Place>,
    is_over: bool,
}

impl<'a> Walk<'a> {
    fn new(store: &'a Store, channel: ChannelId, mut selection: Selection) -> Self {
        if let Selection::Fitting(sought) = &mut selection {
            sought.channel = Some(channel);
        }
        Self { store, channel, selection, after: None, is_over: false }
    }

    fn is_of_one(&self) -> bool {
        matches!(self.selection, Selection::One(..))
    }

    /// The next piece, which may be empty; none at the end.
    async fn next(&mut self) -> Result<Option<Vec<(Place, Quarantined)>>, Error> {
        if self.is_over {
            return Ok(None);
        }
        let quarantine = self.store.quarantine();
        match &self.selection {
            Selection::One(connector, key) => {
                self.is_over = true;
                let found = quarantine.get_many(self.channel, connector, vec![key.clone()]).await?;
                let place = Place { channel: self.channel, connector: connector.clone(), key: key.clone() };
                Ok(Some(found.into_iter().flatten().map(|entry| (place.clone(), entry)).collect()))
            }
            Selection::Fitting(sought) => {
                let found = quarantine.search(sought.clone(), self.after.take(), PIECE).await?;
                self.is_over = found.next.is_none();
                self.after = found.next;
                Ok(Some(found.entries))
            }
        }
    }
}

/// Where entries are looked at.
struct Desk<'a> {
    channel: &'a Channel,
    connectors: &'a [Connector],
    retried: Retried,
    /// The connectors that have something to do.
    touched: BTreeSet<Name>,
}

impl Desk<'_> {
    fn take(&mut self, entries: Vec<(Place, Quarantined)>) -> Batch {
        let mut batch = Batch::default();
        // It tells this asking from an earlier one, and means nothing else.
        let stamp = fastrand::u64(..);
        for (place, entry) in entries {
            let (id, connector) = (self.channel.id, self.connector(&place.connector));
            match way(&entry, connector) {
                Way::Ask(key) => {
                    batch.add_due(id, &place.connector, &DueKey { key, stamp });
                    self.retried.asked += 1;
                }
                Way::Judge => {
                    batch.add_retrial(id, &place.connector, &place.key);
                    self.retried.judged += 1;
                }
                Way::None(why) => {
                    let full_helps = connector.is_some_and(can_start_over);
                    self.refuse(place, why, full_helps);
                    continue;
                }
            }
            self.touched.insert(place.connector);
        }
        if !batch.is_empty() {
            // Whoever deletes the channel in the meantime must not find a row left over.
            batch.expect_channel(self.channel.id);
        }
        batch
    }

    /// The connector, where a sync can run it.
    fn connector(&self, name: &Name) -> Option<&Connector> {
        let is_on = self.channel.connectors.contains(name);
        self.connectors.iter().find(|connector| is_on && connector.id == *name)
    }

    fn refuse(&mut self, place: Place, why: Why, full_helps: bool) {
        self.retried.cannot += 1;
        if self.retried.told.len() < TOLD {
            let Place { connector, key, .. } = place;
            self.retried.told.push(Hopeless { connector, key, why, full_helps });
        }
    }
}

fn can_start_over(connector: &Connector) -> bool {
    connector.driven_by == DrivenBy::Cursor && connector.supports_full
}

fn way(entry: &Quarantined, connector: Option<&Connector>) -> Way {
    let Some(connector) = connector else {
        return Way::None(Why::NoConnector);
    };
    match &entry.origin {
        Origin::Record { .. } if can_judge(entry) => Way::Judge,
        Origin::Record { .. } => Way::None(Why::Cut),
        Origin::Key if connector.driven_by == DrivenBy::Keys => {
            match RecordKey::try_new(entry.key.as_str()) {
                Ok(key) => Way::Ask(key),
                Err(_) => Way::None(Why::Rejected),
            }
        }
        Origin::Key | Origin::Reject => Way::None(Why::Rejected),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Class, Failure, RunId},
        sync::tests::support::{by_keys, connector},
    };

    fn entry(origin: Origin, size: u64, kept: u64) -> Quarantined {
        Quarantined {
            key: "7".into(),
            reason: Failure::new(Class::InvalidData, "a.b", "no"),
            origin,
            size: Some(size),
            kept,
            payload: None,
            first_seen: Timestamp::from_millis(1),
            last_seen: Timestamp::from_millis(1),
            attempts: 1,
            run: RunId::from_bytes([1; 16]),
        }
    }

    #[test]
    fn how_an_entry_is_tried_again_follows_from_where_it_came_from() {
        let (ticket, comment) = (connector("ticket"), by_keys("comment"));
        let record = || Origin::Record { updated: None, parent: None };
        let ask = || Way::Ask(RecordKey::try_new("7").unwrap());
        let check = |origin: Origin, kept: u64, connector: Option<&Connector>, expected: Way| {
            let found = way(&entry(origin.clone(), 9, kept), connector);
            assert_eq!(found, expected, "{origin:?} {kept} {connector:?}");
        };
        check(record(), 9, Some(&ticket), Way::Judge);
        check(record(), 9, Some(&comment), Way::Judge);
        check(record(), 8, Some(&ticket), Way::None(Why::Cut));
        check(record(), 9, None, Way::None(Why::NoConnector));
        check(Origin::Key, 9, Some(&comment), ask());
        check(Origin::Key, 0, Some(&comment), ask());
        check(Origin::Key, 9, Some(&ticket), Way::None(Why::Rejected));
        check(Origin::Reject, 9, Some(&ticket), Way::None(Why::Rejected));
        // The comment of a ticket: nobody can fetch it by its own key.
        check(Origin::Reject, 9, Some(&comment), Way::None(Why::Rejected));
    }
}
