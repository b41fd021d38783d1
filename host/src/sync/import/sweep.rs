//! The sweep at the end of a full reading: what is kept here and was not seen is gone
//! remotely, and is treated as the channel says.
//!
//! It knows nothing of pages. It goes over the keys of the records in bounded batches, each
//! of which says how far it came, so that another run goes on where this one was killed.
//! Where it cannot be sure it deletes nothing.

use super::{Pages, Stop, broken, roll::PIECE as ROWS};
use crate::{
    model::{Class, Failure, RecordKey, Run, Status, Vanished},
    store::{self, Batch, FeedKind, Reading, SeenKeys, Stage},
    sync::history,
};

/// Keys that are looked at in one go.
pub(super) const PIECE: usize = 1_000;

/// What comes after a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// The run ends with it.
    End,
    /// It was left over by an earlier run; this one reads on.
    ReadOn,
}

impl Pages<'_> {
    /// Sweeps where a full reading has come to its end; else there is nothing to do.
    pub(super) async fn sweep(&mut self, then: Then) -> Result<(), Stop> {
        let Some(mut reading) = self.reading.clone() else {
            return Ok(());
        };
        let mut run = self.import.progress.snapshot();
        match reading.stage.clone() {
            Stage::Reading => return Ok(()),
            Stage::Sweeping { after } => {
                let (channel, connector) = (self.import.channel.id, &self.import.connector.id);
                let seen = self.import.store.seen().keys(channel, connector, reading.id).await;
                let seen = seen.map_err(broken)?;
                let is_guarded = seen.is_empty() && self.writer.count() > 0;
                if !is_guarded {
                    run = self.walk(&mut reading, &seen, after).await?;
                }
                run.error = match is_guarded {
                    true => Some(nothing_read(self.writer.count())),
                    false => doubt(self.import.channel.vanished, reading.unclear, run.counters.vanished),
                };
            }
            Stage::Clearing => {}
        }
        self.clear(reading, run, then).await
    }

    /// Over all keys, from where an earlier run came.
    async fn walk(
        &mut self,
        reading: &mut Reading,
        seen: &SeenKeys,
        mut after: Option<RecordKey>,
    ) -> Result<Run, Stop> {
        let (store, channel) = (self.import.store, self.import.channel.id);
        let connector = &self.import.connector.id;
        loop {
            if self.import.progress.token().is_cancelled() {
                return Err(Stop::Told);
            }
            let keys = store.records().keys(channel, connector, after.as_ref(), PIECE).await;
            let mut keys = keys.map_err(broken)?;
            let Some(last) = keys.last().cloned() else {
                return Ok(self.import.progress.snapshot());
            };
            keys.retain(|key| !seen.has(key.as_str()));
            after = Some(last);
            if !keys.is_empty() && self.two_way.is_some() {
                reading.stage = Stage::Sweeping { after: after.clone() };
                self.treat_both_ways(keys, reading).await?;
                continue;
            }
            if !keys.is_empty() {
                reading.stage = Stage::Sweeping { after: after.clone() };
                self.treat(keys, reading).await.map_err(broken)?;
            }
        }
    }

    /// Treats records that are gone as the channel says.
    async fn treat(&mut self, gone: Vec<RecordKey>, reading: &Reading) -> store::Result<()> {
        self.treat_in(Batch::default(), gone, reading).await
    }

    /// The same in a batch that expects something.
    pub(super) async fn treat_in(
        &mut self,
        mut batch: Batch,
        gone: Vec<RecordKey>,
        reading: &Reading,
    ) -> store::Result<()> {
        let (channel, connector) = (self.import.channel.id, &self.import.connector.id);
        let mut run = self.import.progress.snapshot();
        run.counters.vanished += gone.len() as u64;
        match self.policy(reading) {
            Vanished::Keep => {}
            Vanished::Mark => {
                let marks = self.import.store.vanished();
                let marks = marks.get_many(channel, connector, gone.clone()).await?;
                let unmarked = gone.iter().zip(marks).filter(|(_, since)| since.is_none());
                let now = self.import.clock.now();
                unmarked.for_each(|(key, _)| batch.mark_vanished(channel, connector, key, now));
                self.marked = true;
            }
            Vanished::Delete => {
                for key in &gone {
                    batch.delete_record(channel, connector, key);
                    batch.unmark_vanished(channel, connector, key);
                    if self.quarantined {
                        batch.remove_quarantined(channel, connector, key.as_str());
                    }
                }
                let gone_ones = gone.iter().map(|key| (key, FeedKind::Deleted));
                self.import.subscribers.tell(&mut batch, channel, connector, gone_ones);
                run.counters.deleted += gone.len() as u64;
                self.writer.shrink(&mut batch, gone.len() as u64);
            }
        }
        batch.put_reading(channel, connector, reading);
        self.writer.land(batch, run).await
    }

    fn policy(&self, reading: &Reading) -> Vanished {
        policy(self.import.channel.vanished, reading.unclear)
    }

    /// Forgets the full reading, in as many batches as it takes; the last one says that it
    /// is over.
    async fn clear(&mut self, mut reading: Reading, mut run: Run, then: Then) -> Result<(), Stop> {
        let (store, channel) = (self.import.store, self.import.channel.id);
        let connector = &self.import.connector.id;
        loop {
            let pages = store.seen().pages(channel, connector, ROWS + 1).await.map_err(broken)?;
            let mut batch = Batch::default();
            pages.iter().take(ROWS).for_each(|page| batch.remove_seen(channel, connector, *page));
            let is_last = pages.len() <= ROWS;
            if is_last {
                batch.end_reading(channel, connector);
                if then == Then::End {
                    end(&mut run);
                    run.ended = Some(self.import.clock.now());
                }
            } else {
                reading.stage = Stage::Clearing;
                batch.put_reading(channel, connector, &reading);
            }
            self.writer.land(batch, run.clone()).await.map_err(broken)?;
            if is_last {
                let vanished = run.counters.vanished;
                tracing::info!(vanished, deleted = run.counters.deleted, "a full reading is over");
                self.reading = None;
                return Ok(());
            }
        }
    }
}

/// What the channel says; but nothing is deleted that may be there after all.
pub(super) fn policy(asked: Vanished, unclear: bool) -> Vanished {
    match asked {
        Vanished::Delete if unclear => Vanished::Mark,
        other => other,
    }
}

/// What is to be said where less was done than the channel says.
pub(super) fn doubt(asked: Vanished, is_unclear: bool, vanished: u64) -> Option<Failure> {
    let is_held_back = policy(asked, is_unclear) != asked && vanished > 0;
    is_held_back.then(|| unclear(vanished))
}

/// The status of a run that came to its end, and may have a warning.
pub(super) fn end(run: &mut Run) {
    run.status = match run.error {
        Some(_) => Status::CompletedWithWarnings,
        None => history::done(run.counters.quarantined),
    };
}

pub(super) fn nothing_read(count: u64) -> Failure {
    let message = format!(
        "the full sync delivered nothing at all, though {count} records are kept here; none of them was taken for \
         gone. Look at what the credentials may see; where the records are gone indeed, delete the channel or leave \
         them"
    );
    Failure::new(Class::InvalidData, "sweep.nothing-read", message)
}

fn unclear(count: u64) -> Failure {
    let message = format!(
        "{count} records were not found any more; they are marked and not deleted, because the connector set records \
         aside of which nobody knows which they are: look at the quarantine, then do a full sync again"
    );
    Failure::new(Class::InvalidData, "sweep.unclear", message)
}
