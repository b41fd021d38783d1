//! The roll: which records a page shows to be there remotely.
//!
//! It takes down what was delivered, fit or not, and draws no conclusion from what was
//! not: that is for the sweep, when all was read.

use super::{Pages, Stop, broken, processor::Sheet};
use crate::{
    model::{ChannelId, Name, RecordKey, RunId},
    store::{self, Batch, Reading, Records, SeenPage, Stage},
};

/// Rows that are removed in one batch.
pub(super) const PIECE: usize = 500;

/// What a page says of the roll; it lands with the page.
#[derive(Default)]
pub(super) struct Roll {
    /// Of a full reading: what was seen.
    seen: Option<(RunId, Vec<String>)>,
    /// Of a full reading: what is new of itself.
    reading: Option<Reading>,
    /// Records that were taken for gone.
    back: Vec<RecordKey>,
}

/// Where a page belongs.
pub(super) struct At<'a> {
    pub(super) channel: ChannelId,
    pub(super) connector: &'a Name,
    pub(super) run: RunId,
    pub(super) page: u64,
}

impl Roll {
    pub(super) fn put(&self, batch: &mut Batch, at: &At<'_>) {
        let At { channel, connector, run, page } = *at;
        if let Some((reading, keys)) = &self.seen
            && !keys.is_empty()
        {
            let page = SeenPage { reading: *reading, run, page };
            batch.put_seen(channel, connector, page, keys.iter().map(String::as_str));
        }
        if let Some(reading) = &self.reading {
            batch.put_reading(channel, connector, reading);
        }
        for key in &self.back {
            batch.unmark_vanished(channel, connector, key);
        }
    }
}

/// Whether a page is the last one of all there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    Further,
    End,
}

impl Pages<'_> {
    /// Begins a full reading. What earlier ones have seen counts no more, and goes.
    pub(super) async fn open_roll(&mut self) -> Result<(), Stop> {
        if !self.anew {
            return Ok(());
        }
        self.reading = Some(begun_by(self.import.progress.id()));
        let (store, channel) = (self.import.store, self.import.channel.id);
        let connector = &self.import.connector.id;
        loop {
            let pages = store.seen().pages(channel, connector, PIECE).await.map_err(broken)?;
            if pages.is_empty() {
                return Ok(());
            }
            let mut batch = Batch::default();
            pages.into_iter().for_each(|page| batch.remove_seen(channel, connector, page));
            self.writer.land(batch, self.import.progress.snapshot()).await.map_err(broken)?;
        }
    }

    /// What a page says of the roll. With the last page of a full reading its end is on
    /// record.
    pub(super) async fn call_roll(&mut self, sheet: &Sheet, reach: Reach) -> store::Result<Roll> {
        let mut roll = Roll::default();
        if self.marked {
            roll.back = self.back(sheet).await?;
        }
        let Some(mut reading) = self.reading.clone() else {
            return Ok(roll);
        };
        let (channel, connector) = (self.import.channel.id, &self.import.connector.id);
        reading.unclear |= is_unclear(sheet, self.import.store.records(), (channel, connector)).await?;
        if reach == Reach::End {
            reading.stage = Stage::Sweeping { after: None };
        }
        roll.seen = Some((reading.id, sheet.delivered().map(str::to_owned).collect()));
        if self.reading.as_ref() != Some(&reading) {
            roll.reading = Some(reading.clone());
            self.reading = Some(reading);
        }
        Ok(roll)
    }

    /// Of the marked records those that were delivered.
    async fn back(&self, sheet: &Sheet) -> store::Result<Vec<RecordKey>> {
        let keys: Vec<_> = sheet.delivered().filter_map(|key| RecordKey::try_new(key).ok()).collect();
        let marks = self.import.store.vanished();
        let found = marks.get_many(self.import.channel.id, &self.import.connector.id, keys.clone()).await?;
        Ok(keys.into_iter().zip(found).filter_map(|(key, since)| since.map(|_| key)).collect())
    }
}

/// Whether something was set aside of which nobody knows which record it is: it has no
/// key, or one that is no record's, and may be a record all the same.
pub(super) async fn is_unclear(
    sheet: &Sheet,
    records: Records<'_>,
    at: (ChannelId, &Name),
) -> store::Result<bool> {
    let keys = sheet.perhaps();
    if sheet.has_nameless() || keys.is_empty() {
        return Ok(sheet.has_nameless());
    }
    let found = records.get_many(at.0, at.1, keys).await?;
    Ok(found.iter().any(Option::is_none))
}

/// A full reading at its beginning.
pub(super) fn begun_by(run: RunId) -> Reading {
    Reading { id: run, stage: Stage::Reading, unclear: false }
}
