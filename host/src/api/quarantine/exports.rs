//! Local changes that the remote system refused, as entries of the quarantine.
//!
//! Their rows in the outbox are the entries: nothing is kept twice.

use crate::{
    api::{
        Error, Parts,
        outbox::connectors_of,
        view::{List, Quarantined},
    },
    model::{Author, Channel, ChannelId, ChannelName, Name, RecordKey},
    store::{self, Place},
    sync::{Selection, Sieve},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use std::collections::BTreeMap;

/// Rows that one request looks at.
const LOOK: usize = 2_000;
/// Rows that are read at a time.
const BITE: usize = 200;
/// Tells a token of this part of the list; none of the other has it.
const MARK: char = '~';

/// What a list looks for.
pub(super) struct Sought<'a> {
    pub(super) names: &'a BTreeMap<ChannelId, ChannelName>,
    pub(super) connector: Option<Name>,
    pub(super) sieve: Sieve,
}

/// The rest of a token, where it is one of this part.
pub(super) fn begun(token: &str) -> Option<&str> {
    token.strip_prefix(MARK)
}

/// The refused changes that a search of the quarantine is about.
pub(super) fn sieve(sought: &store::Sought) -> Sieve {
    let store::Sought { connector, code, class, since, .. } = sought.clone();
    Sieve { connector, key: None, refused: true, code, class, since }
}

/// The same for a selection; none where it can mean no change.
pub(super) fn of(selection: &Selection) -> Option<Sieve> {
    match selection {
        Selection::Fitting(sought) => Some(sieve(sought)),
        Selection::One(connector, key) => {
            let key = RecordKey::try_new(key.as_str()).ok()?;
            Some(Sieve {
                connector: Some(connector.clone()),
                key: Some(key),
                refused: true,
                ..Sieve::default()
            })
        }
    }
}

impl Sought<'_> {
    /// A page of them, from the rest of a token; `next` where it goes on.
    pub(super) async fn list(
        &self,
        parts: &Parts,
        token: &str,
        limit: usize,
    ) -> Result<List<Quarantined>, Error> {
        let from = if token.is_empty() { None } else { Some(super::place(token)?) };
        let (mut items, mut looked) = (Vec::new(), 0);
        for (id, name) in
            self.names.range(from.as_ref().map_or(ChannelId::from_bytes([0; 16]), |at| at.channel)..)
        {
            let channel = parts.channels.get(name.as_str()).await?;
            for connector in connectors_of(parts, &channel) {
                let at = from.as_ref().filter(|at| at.channel == *id);
                if self.connector.as_ref().is_some_and(|one| *one != connector)
                    || at.is_some_and(|at| connector < at.connector)
                {
                    continue;
                }
                let at = at.filter(|at| at.connector == connector);
                let mut after = at.map(|at| RecordKey::try_new(at.key.as_str())).transpose()?;
                loop {
                    let rows = parts.store.outbox().list(*id, &connector, after.as_ref(), BITE).await?;
                    let is_end = rows.len() < BITE;
                    looked += rows.len();
                    for row in rows {
                        after = Some(row.key.clone());
                        if self.sieve.fits(&row) {
                            items.push(Quarantined::refused(name.clone(), connector.clone(), row, None));
                        }
                        if items.len() == limit {
                            break;
                        }
                    }
                    if let Some(last) = after.as_ref().filter(|_| items.len() >= limit || looked >= LOOK) {
                        let place = Place { channel: *id, connector, key: last.to_string() };
                        let next = format!("{MARK}{}", URL_SAFE_NO_PAD.encode(place.to_bytes()));
                        return Ok(List { items, next: Some(next) });
                    }
                    if is_end {
                        break;
                    }
                }
            }
        }
        Ok(List { items, next: None })
    }
}

/// One of them, with the record as it is here.
pub(super) async fn get(
    parts: &Parts,
    channel: &Channel,
    connector: &Name,
    key: &str,
) -> Result<Option<Quarantined>, Error> {
    let Ok(key) = RecordKey::try_new(key) else { return Ok(None) };
    let row = parts.store.outbox().get(channel.id, connector, &key).await?;
    let Some(row) = row.filter(|row| row.refused) else { return Ok(None) };
    let record = parts.store.records().get(channel.id, connector, &key).await?;
    let payload = record.as_ref().map(|record| &record.payload[..]);
    Ok(Some(Quarantined::refused(channel.name.clone(), connector.clone(), row, payload)))
}

/// Has them exported again; how many. None where the channel exports nothing.
pub(super) async fn retry(parts: &Parts, channel: &Channel, sieve: &Sieve) -> Result<u64, Error> {
    match channel.two_way {
        true => Ok(parts.sync.local().retry(&channel.name, sieve).await?),
        false => Ok(0),
    }
}

/// Gives them up; how many.
pub(super) async fn drop(
    parts: &Parts,
    channel: &Channel,
    sieve: &Sieve,
    author: &Author,
) -> Result<u64, Error> {
    // Whatever became of the plugin: where nothing waits, nobody has to ask it.
    if !parts.store.outbox().channels().await?.contains(&channel.id) {
        return Ok(0);
    }
    Ok(parts.sync.local().give_up(&channel.name, sieve, author).await?.dropped)
}
