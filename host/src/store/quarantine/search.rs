//! Entries of many connectors, those that are looked for.
//!
//! It looks at a bounded number of rows a call, so that a filter that fits nothing costs
//! no more than one that fits all.

use super::{Quarantine, Quarantined, decode, decode_key};
use crate::{
    model::{ChannelId, Class, Name, Timestamp},
    store::{
        Error, Result,
        engine::{Engine, Range, Want},
        keys::Table,
    },
};

/// Rows that one call looks at, some milliseconds of work.
const LOOKED_AT: usize = 5_000;
/// Rows that are read at a time.
const PIECE: usize = 256;

/// What is looked for; what is absent fits all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sought {
    /// In this channel only.
    pub channel: Option<ChannelId>,
    /// Of connectors with this name.
    pub connector: Option<Name>,
    /// The beginning of the code of the cause.
    pub code: Option<String>,
    /// The class of the cause.
    pub class: Option<Class>,
    /// Failed then or later.
    pub since: Option<Timestamp>,
}

/// Where an entry is. Ordered by channel, connector, key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The channel.
    pub channel: ChannelId,
    /// The connector.
    pub connector: Name,
    /// The key of the entry.
    pub key: String,
}

/// What a call found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// In the order of their places; without payloads.
    pub entries: Vec<(Place, Quarantined)>,
    /// Where the search goes on; none: nothing more is there. There can be more though
    /// little was found.
    pub next: Option<Place>,
}

impl Place {
    /// The place as bytes, in the same order; for whoever hands it around.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.row().split_off(1)
    }

    /// The place that [`to_bytes`](Self::to_bytes) wrote.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (channel, rest) = bytes.split_first_chunk()?;
        let end = rest.iter().position(|byte| *byte == 0)?;
        let connector = Name::try_new(std::str::from_utf8(&rest[..end]).ok()?).ok()?;
        let key = decode_key(&rest[end + 1..]).ok()?;
        Some(Self { channel: ChannelId::from_bytes(*channel), connector, key })
    }

    fn row(&self) -> Vec<u8> {
        Table::Quarantine.in_connector(self.channel, &self.connector, self.key.as_bytes())
    }
}

impl Sought {
    fn rows(&self) -> Range {
        match (self.channel, &self.connector) {
            (Some(channel), Some(connector)) => Table::Quarantine.rows_in(channel, connector),
            (Some(channel), None) => Table::Quarantine.rows_of(channel),
            (None, _) => Table::Quarantine.rows(),
        }
    }

    fn is_in(&self, place: &Place) -> bool {
        self.connector.as_ref().is_none_or(|connector| *connector == place.connector)
    }

    /// Whether the entry is one of those, wherever it is.
    #[must_use]
    pub fn fits(&self, entry: &Quarantined) -> bool {
        self.code.as_ref().is_none_or(|code| entry.reason.code.starts_with(code.as_str()))
            && self.class.is_none_or(|class| entry.reason.class == class)
            && self.since.is_none_or(|since| entry.last_seen >= since)
    }
}

impl Quarantine<'_> {
    /// At most `limit` entries that fit, those after `after`.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn search(&self, sought: Sought, after: Option<Place>, limit: usize) -> Result<Found> {
        self.0.blocking(move |engine| search(engine, &sought, after, limit)).await
    }
}

fn search(engine: &dyn Engine, sought: &Sought, after: Option<Place>, limit: usize) -> Result<Found> {
    let mut found = Found::default();
    let mut range = sought.rows();
    if let Some(after) = after {
        range = range.after(&after.row());
    }
    let mut looked_at = 0;
    while !range.is_empty() {
        let entries = engine.scan(range.clone(), PIECE, Want::Entries)?;
        let is_last_piece = entries.len() < PIECE;
        range = entries.last().map_or(range.clone(), |last| range.after(&last.key));
        for entry in entries {
            let place = Place::from_bytes(&entry.key[1..])
                .ok_or_else(|| Error::Corrupt("the key of a record in quarantine".into()))?;
            let row = decode(place.key.clone(), entry.value)?;
            looked_at += 1;
            let last = place.clone();
            if sought.is_in(&place) && sought.fits(&row) {
                found.entries.push((place, row));
            }
            if looked_at == LOOKED_AT || found.entries.len() == limit {
                found.next = Some(last);
                return Ok(found);
            }
        }
        if is_last_piece {
            break;
        }
    }
    Ok(found)
}
