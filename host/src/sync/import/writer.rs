//! Everything of a page in one batch: it lands whole, or not at all.
//!
//! It decides nothing about records. What it commits it also shows, in that
//! order.

use super::{Import, due, due::Sorted, processor::Decided, reader::Position};
use crate::{
    metrics,
    model::{Counters, Due, RecordKey, Run},
    store::{self, Batch, DueKey},
    sync::history,
};
use bytes::Bytes;
use std::collections::{BTreeMap, HashMap};
use tokio::time::Instant;

/// What a page leaves behind.
pub(super) struct Landing {
    pub(super) decided: Decided,
    /// Where the next step goes on; none: the cursor stays.
    pub(super) cursor: Option<Bytes>,
    pub(super) due: Vec<Due>,
    /// With the stamps that they had when they were read.
    pub(super) settled: Vec<DueKey>,
    pub(super) state: BTreeMap<String, Option<Bytes>>,
    pub(super) total: Option<u64>,
    /// Whether the run ends with it.
    pub(super) last: bool,
}

/// Writes for one run, as the only one that does so for its connector.
pub(super) struct Writer<'a> {
    import: &'a Import<'a>,
    /// Records of the connector.
    count: u64,
    /// What the store held when the run began.
    before: Position,
    /// When the last page landed, or the run began.
    landed: Instant,
}

impl<'a> Writer<'a> {
    pub(super) async fn open(import: &'a Import<'a>, before: Position) -> store::Result<Self> {
        let count = import.store.records().count(import.channel.id, &import.connector.id).await?;
        Ok(Self { import, count, before, landed: Instant::now() })
    }

    /// Records of the connector, as of the last commit.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Puts the run on record as begun, before its first page. A run from the
    /// beginning drops cursor and state with that: killed later, it is still
    /// from the beginning that the next one goes on.
    pub(super) async fn begin(&self) -> store::Result<()> {
        let (channel, connector) = (self.import.channel.id, &self.import.connector.id);
        let mut batch = Batch::default();
        batch.put_run(&self.import.progress.snapshot());
        if self.import.starts_over() {
            batch.drop_cursor(channel, connector);
            for key in self.before.state.keys() {
                batch.set_state(channel, connector, key, None);
            }
        }
        self.import.store.commit(batch).await
    }

    /// Commits a page and shows the run as it stands then. Where somebody asked
    /// for a settled key anew in the meantime, that key stays due.
    pub(super) async fn commit(&mut self, mut landing: Landing) -> store::Result<()> {
        let due = self.sorted(std::mem::take(&mut landing.due));
        let run = self.run_after(&landing);
        let count = self.count.saturating_add_signed(landing.decided.growth);
        let batch = self.batch(&landing, &due, &run);
        let counters = landing.decided.counters;
        let newly_quarantined =
            landing.decided.quarantined.iter().filter(|entry| entry.attempts == 1).count();
        // Only a batch that settles keys can meet another expectation; any other page is
        // let go of here, as the batch holds a copy of it.
        let again = (!landing.settled.is_empty()).then_some(landing);
        match (self.import.store.commit(batch).await, again) {
            (Err(store::Error::Expectation), Some(mut landing)) => {
                landing.settled = self.still_due(landing.settled).await?;
                self.import.store.commit(self.batch(&landing, &due, &run)).await?;
            }
            (result, _) => result?,
        }
        self.count = count;
        self.measure(&counters, newly_quarantined);
        tracing::debug!(page = run.pages, read = run.counters.read, records = count, "page committed");
        self.import.progress.show(run);
        Ok(())
    }

    fn measure(&mut self, counters: &Counters, newly_quarantined: usize) {
        let before = std::mem::replace(&mut self.landed, Instant::now());
        metrics::page(&metrics::Page {
            channel_type: &self.import.channel_type.id,
            connector: &self.import.connector.id,
            counters,
            newly_quarantined: newly_quarantined as u64,
            took: self.landed - before,
        });
    }

    fn sorted(&self, due: Vec<Due>) -> Sorted {
        let sorted = due::sort(due, self.import.channel, self.import.channel_type);
        for (reason, count) in &sorted.dropped {
            tracing::warn!(reason, count, "due keys of a page were dropped");
        }
        sorted
    }

    fn run_after(&self, landing: &Landing) -> Run {
        let mut run = self.import.progress.snapshot();
        run.pages += 1;
        run.counters.add(&landing.decided.counters);
        run.total = landing.total.or(run.total);
        if landing.last {
            run.status = history::done(run.counters.quarantined);
            run.ended = Some(self.import.clock.now());
        }
        run
    }

    fn batch(&self, landing: &Landing, due: &Sorted, run: &Run) -> Batch {
        let (channel, connector) = (self.import.channel.id, &self.import.connector.id);
        let decided = &landing.decided;
        let mut batch = Batch::default();
        for record in &decided.puts {
            batch.put_record(channel, connector, record);
        }
        for key in &decided.deletes {
            batch.delete_record(channel, connector, key);
        }
        if decided.growth != 0 {
            let count = self.count.saturating_add_signed(decided.growth);
            batch.set_record_count(channel, connector, count);
        }
        for entry in &decided.quarantined {
            batch.put_quarantined(channel, connector, entry);
        }
        for key in &decided.released {
            batch.remove_quarantined(channel, connector, key);
        }
        if let Some(cursor) = &landing.cursor {
            batch.put_cursor(channel, connector, cursor);
        }
        for (key, value) in &landing.state {
            batch.set_state(channel, connector, key, value.as_deref());
        }
        // Settled before added: a page may ask for a key anew that it settles.
        for due in &landing.settled {
            batch.settle_due(channel, connector, due);
        }
        self.add_due(&mut batch, due);
        batch.put_run(run);
        batch
    }

    /// A stamp tells one asking from a later one; it has to be another one each
    /// time, and means nothing else.
    fn add_due(&self, batch: &mut Batch, due: &Sorted) {
        let stamp = fastrand::u64(..);
        for (connector, keys) in &due.kept {
            for key in keys {
                let due = DueKey { key: key.clone(), stamp };
                batch.add_due(self.import.channel.id, connector, &due);
            }
        }
    }

    /// Of the settled keys, those that nobody asked for anew.
    async fn still_due(&self, settled: Vec<DueKey>) -> store::Result<Vec<DueKey>> {
        let due = self.due_up_to(settled.iter().map(|due| &due.key).max(), settled.len()).await?;
        let stamps: HashMap<RecordKey, u64> = due.into_iter().map(|due| (due.key, due.stamp)).collect();
        let before = settled.len();
        let settled: Vec<_> =
            settled.into_iter().filter(|due| stamps.get(&due.key) == Some(&due.stamp)).collect();
        let anew = before - settled.len();
        tracing::debug!(anew, "keys were asked for anew while they were fetched");
        Ok(settled)
    }

    /// The due keys up to `last` and perhaps some more. They are few: a step
    /// gets the first ones, so that only younger ones can lie between.
    async fn due_up_to(&self, last: Option<&RecordKey>, mut limit: usize) -> store::Result<Vec<DueKey>> {
        let (channel, connector) = (self.import.channel.id, &self.import.connector.id);
        loop {
            limit = limit.saturating_mul(2);
            let due = self.import.store.due().list(channel, connector, Vec::new(), limit).await?;
            if due.len() < limit || due.last().map(|due| &due.key) >= last {
                return Ok(due);
            }
        }
    }
}
