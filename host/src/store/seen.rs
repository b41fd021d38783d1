//! What a full reading of a connector has seen, and how far it is.
//!
//! It remembers keys as hashes and never forgets one; of a key that was not seen it may,
//! once in a long while, say that it was. What follows from a key that was not seen is
//! decided above.
//!
//! A reading outlives the run that began it, so its pages lie in the store: a row a page,
//! in the batch with the page. Rows of an earlier reading mean nothing to a later one.

use super::engine::{Engine, Range, Want};
use super::keys::Table;
use super::{Batch, Error, Result, Store, codec, walk};
use crate::model::{ChannelId, Name, RecordKey, RunId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

const WHAT: &str = "a full reading";
/// Bytes of a hash, the first ones of SHA-256: the same on every machine and for ever.
const HASH: usize = 8;
/// Pages that are read at a time: with ten thousand keys each, 5 MiB.
const PIECE: usize = 64;

/// A reading of a connector from the beginning to the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Reading {
    /// The run that began it.
    pub id: RunId,
    /// How far it is.
    pub stage: Stage,
    /// Whether something was delivered of which nobody knows which record it is.
    #[serde(default)]
    pub unclear: bool,
}

/// How far a full reading is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Pages are read.
    Reading,
    /// All was read; records up to a key were looked at.
    Sweeping {
        /// The last of them; none: not yet begun.
        after: Option<RecordKey>,
    },
    /// All is done; what was seen can go.
    Clearing,
}

/// Where the keys of one page are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeenPage {
    /// Which reading.
    pub reading: RunId,
    /// The run that read the page, not always the one that began the reading.
    pub run: RunId,
    /// Which of its pages.
    pub page: u64,
}

/// The keys that a full reading has seen: 8 bytes each in memory.
#[derive(Debug, Default)]
pub struct SeenKeys(Vec<u64>);

impl SeenKeys {
    fn of(mut hashes: Vec<u64>) -> Self {
        hashes.sort_unstable();
        hashes.dedup();
        Self(hashes)
    }

    /// Whether it has seen nothing at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it has seen the key; never false for one that it has.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.0.binary_search(&hash(key)).is_ok()
    }
}

/// Keys that are being seen, for whoever keeps none of them.
#[derive(Debug, Default)]
pub struct SeenNotes(Vec<u64>);

impl SeenNotes {
    /// Takes down more keys.
    pub fn note<'a>(&mut self, keys: impl Iterator<Item = &'a str>) {
        self.0.extend(keys.map(hash));
    }

    /// All that were seen.
    #[must_use]
    pub fn keys(self) -> SeenKeys {
        SeenKeys::of(self.0)
    }
}

/// What full readings have seen.
pub struct Seen<'a>(pub(super) &'a Store);

impl Seen<'_> {
    /// The full reading that is not over, if there is one.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn reading(&self, channel: ChannelId, connector: &Name) -> Result<Option<Reading>> {
        let key = reading_key(channel, connector);
        self.0
            .blocking(move |engine| walk::get(engine, key)?.map(|row| codec::decode(WHAT, row)).transpose())
            .await
    }

    /// All keys that a reading has seen.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn keys(&self, channel: ChannelId, connector: &Name, reading: RunId) -> Result<SeenKeys> {
        let rows = Table::Seen.in_connector(channel, connector, &reading.to_bytes());
        self.0.blocking(move |engine| load(engine, Range::prefix(&rows))).await
    }

    /// At most `limit` pages, of any reading.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn pages(&self, channel: ChannelId, connector: &Name, limit: usize) -> Result<Vec<SeenPage>> {
        let rows = Table::Seen.rows_in(channel, connector).after(&reading_key(channel, connector));
        self.0
            .blocking(move |engine| {
                let entries = engine.scan(rows, limit, Want::Keys)?;
                entries.iter().map(|entry| SeenPage::from_row(&entry.key)).collect()
            })
            .await
    }
}

impl Batch {
    /// Begins a full reading, or says how far it is.
    pub fn put_reading(&mut self, channel: ChannelId, connector: &Name, reading: &Reading) {
        self.put(reading_key(channel, connector), codec::encode(reading));
    }

    /// The full reading is over.
    pub fn end_reading(&mut self, channel: ChannelId, connector: &Name) {
        self.remove(reading_key(channel, connector));
    }

    /// Keeps the keys that a page showed. It belongs into the batch with the page.
    pub fn put_seen<'a>(
        &mut self,
        channel: ChannelId,
        connector: &Name,
        page: SeenPage,
        keys: impl Iterator<Item = &'a str>,
    ) {
        let hashes: Vec<u8> = keys.flat_map(|key| hash(key).to_be_bytes()).collect();
        self.put(page.row(channel, connector), codec::encode_bytes(&hashes));
    }

    /// Forgets what a page showed.
    pub fn remove_seen(&mut self, channel: ChannelId, connector: &Name, page: SeenPage) {
        self.remove(page.row(channel, connector));
    }
}

impl SeenPage {
    fn row(self, channel: ChannelId, connector: &Name) -> Vec<u8> {
        let key = [&self.reading.to_bytes()[..], &self.run.to_bytes(), &self.page.to_be_bytes()].concat();
        Table::Seen.in_connector(channel, connector, &key)
    }

    fn from_row(key: &[u8]) -> Result<Self> {
        let corrupt = || Error::Corrupt("a page of a full reading".into());
        let tail: &[u8; 40] = key.last_chunk().ok_or_else(corrupt)?;
        let (reading, rest) = tail.split_first_chunk().ok_or_else(corrupt)?;
        let (run, page) = rest.split_first_chunk().ok_or_else(corrupt)?;
        let page = page.try_into().map_err(|_| corrupt())?;
        Ok(Self {
            reading: RunId::from_bytes(*reading),
            run: RunId::from_bytes(*run),
            page: u64::from_be_bytes(page),
        })
    }
}

fn load(engine: &dyn Engine, mut range: Range) -> Result<SeenKeys> {
    let mut hashes = Vec::new();
    loop {
        let rows = engine.scan(range.clone(), PIECE, Want::Entries)?;
        let Some(last) = rows.last() else { break };
        range = range.after(&last.key);
        for row in rows {
            let bytes = codec::decode_bytes("a page of a full reading", row.value)?;
            let chunks = bytes.chunks_exact(HASH);
            hashes.extend(chunks.map(|chunk| u64::from_be_bytes(chunk.try_into().expect("8 bytes"))));
        }
    }
    Ok(SeenKeys::of(hashes))
}

fn hash(key: &str) -> u64 {
    let digest = Sha256::digest(key);
    u64::from_be_bytes(*digest.first_chunk().expect("SHA-256 has 32 bytes"))
}

fn reading_key(channel: ChannelId, connector: &Name) -> Vec<u8> {
    Table::Seen.in_connector(channel, connector, b"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_of_a_key_is_the_same_for_ever() {
        assert_eq!(hash("abc"), 0xba78_16bf_8f01_cfea);
    }

    #[test]
    fn how_far_a_reading_is_has_its_form() {
        let id: RunId = "01JZZZZZZZZZZZZZZZZZZZZZZZ".parse().expect("an id");
        let check = |stage: Stage, json: &str| {
            let reading = Reading { id, stage, unclear: false };
            let row = codec::encode(&reading);
            let json =
                format!("{{\"id\":\"01JZZZZZZZZZZZZZZZZZZZZZZZ\",\"stage\":{json},\"unclear\":false}}");
            assert_eq!(std::str::from_utf8(&row[1..]).expect("text"), json);
            assert_eq!(codec::decode::<Reading>(WHAT, row.into()).expect("a row"), reading);
        };
        check(Stage::Reading, "\"reading\"");
        check(Stage::Sweeping { after: None }, "{\"sweeping\":{\"after\":null}}");
        let after = RecordKey::try_new("7").ok();
        check(Stage::Sweeping { after }, "{\"sweeping\":{\"after\":\"7\"}}");
        check(Stage::Clearing, "\"clearing\"");
    }
}
