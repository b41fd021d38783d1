//! Everything of a page in one batch: it lands whole, or not at all.
//!
//! It decides nothing about records. What it commits it also shows, in that
//! order.

use super::{
    Import, due,
    due::Sorted,
    processor::Decided,
    reader::Position,
    roll::{self, At, Roll},
    sweep,
    twoway::Reconciled,
};
use crate::{
    metrics,
    model::{Counters, Due, RecordKey, Run, RunPage},
    store::{self, Batch, DueKey, Inboxed},
    sync::{news::News, timeline::Timeline},
};
use bytes::Bytes;
use std::collections::{BTreeMap, HashMap};
use tokio::time::Instant;

/// How often a page is committed anew that met somebody who asked for more.
const TRIES: u32 = 20;

/// What a page leaves behind.
#[derive(Default)]
pub(super) struct Landing {
    pub(super) decided: Decided,
    /// Where the next step goes on; none: the cursor stays.
    pub(super) cursor: Option<Bytes>,
    pub(super) due: Vec<Due>,
    /// With the stamps that they had when they were read.
    pub(super) settled: Vec<DueKey>,
    pub(super) state: BTreeMap<String, Option<Bytes>>,
    pub(super) total: Option<u64>,
    /// Whether the run got on with it.
    pub(super) moved: bool,
    /// Which records it shows to be there remotely.
    pub(super) roll: Roll,
    /// Keys of entries in quarantine that it judges anew.
    pub(super) retried: Vec<String>,
    /// Delivered records that it takes in, as they were when they were read.
    pub(super) inbox: Vec<Inboxed>,
    /// Whether the run ends with it.
    pub(super) last: bool,
    /// Of a connector that goes both ways: what becomes of local changes.
    pub(super) reconciled: Option<Reconciled>,
    /// What subscribers are told; the writer fills it in.
    pub(super) news: News,
}

/// Writes for one run, as the only one that does so for its connector.
pub(super) struct Writer<'a> {
    import: &'a Import<'a>,
    /// Records of the connector.
    count: u64,
    /// What the store held when the run began.
    before: Position,
    /// Whether the run's beginning is on record. One that starts from nothing drops the
    /// cursor with it.
    begun: bool,
    timeline: Timeline,
    /// When the last page landed, or the run began.
    landed: Instant,
}

impl<'a> Writer<'a> {
    pub(super) async fn open(import: &'a Import<'a>, before: Position) -> store::Result<Self> {
        let count = import.store.records().count(import.channel.id, &import.connector.id).await?;
        let timeline = Timeline::begin(&import.progress.snapshot(), import.clock.now());
        let begun = !import.starts_over();
        import.subscribers.load(import.store).await?;
        Ok(Self { import, count, before, begun, timeline, landed: Instant::now() })
    }

    /// Records of the connector, as of the last commit.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Puts the run on record as begun, before its first page. A run from the
    /// beginning drops cursor and state with that: killed later, it is still
    /// from the beginning that the next one goes on.
    pub(super) async fn begin(&mut self) -> store::Result<()> {
        let (channel, connector) = (self.import.channel.id, &self.import.connector.id);
        let mut batch = Batch::default();
        batch.expect_lease(self.import.lease);
        let run = Run { begun: true, ..self.import.progress.snapshot() };
        batch.put_run(&run);
        if !self.begun {
            batch.drop_cursor(channel, connector);
            batch.put_reading(channel, connector, &roll::begun_by(self.import.progress.id()));
            for key in self.before.state.keys() {
                batch.set_state(channel, connector, key, None);
            }
        }
        self.import.store.commit(batch).await?;
        self.begun = true;
        self.import.progress.show(run);
        Ok(())
    }

    /// Commits a page and shows the run as it stands then. Where somebody asked
    /// for a settled key anew in the meantime, that key stays due.
    pub(super) async fn commit(&mut self, mut landing: Landing) -> store::Result<()> {
        let due = self.sorted(std::mem::take(&mut landing.due));
        let run = self.run_after(&landing);
        let count = self.count.saturating_add_signed(landing.decided.growth);
        landing.news = self.news(&landing).await?;
        let page = self.page(&landing, &run);
        let (batch, logged) = self.with_history(self.batch(&landing, &due, &run), &page);
        let counters = landing.decided.counters;
        let newly_quarantined =
            landing.decided.quarantined.iter().filter(|entry| entry.attempts == 1).count();
        // Only a batch that settles keys can be made anew; any other page is let go of
        // here, as the batch holds a copy of it.
        let again = !(landing.settled.is_empty() && landing.inbox.is_empty());
        let again = again.then_some(landing);
        match (self.import.store.commit(batch).await, again) {
            (Err(store::Error::Expectation), Some(landing)) => {
                self.commit_left(landing, &due, &run, &page).await?
            }
            (result, _) => result?,
        }
        self.count = count;
        self.history_landed(&page, &run, logged);
        self.measure(&counters, newly_quarantined);
        tracing::debug!(page = run.pages, read = run.counters.read, records = count, "page committed");
        self.import.progress.show(run);
        Ok(())
    }

    async fn news(&self, landing: &Landing) -> store::Result<News> {
        let Import { store, channel, connector, subscribers, .. } = self.import;
        subscribers.news(store, channel.id, &connector.id, landing.decided.changes()).await
    }

    /// Commits what of a page is still as it was read. Webhooks go on meanwhile, so it may
    /// take more than one try.
    async fn commit_left(
        &self,
        mut landing: Landing,
        due: &Sorted,
        run: &Run,
        page: &RunPage,
    ) -> store::Result<()> {
        for _ in 1..TRIES {
            landing.settled = self.still_due(landing.settled).await?;
            landing.inbox = self.still_waiting(landing.inbox).await?;
            let (batch, _) = self.with_history(self.batch(&landing, due, run), page);
            match self.import.store.commit(batch).await {
                Err(store::Error::Expectation) => {}
                result => return result,
            }
        }
        // Nobody is that unlucky: it is the lease that is lost.
        Err(store::Error::Expectation)
    }

    /// Stores what the run has said so far. Where that fails, the lines wait for the page.
    pub(super) async fn flush_log(&self) {
        let Some(log) = self.import.progress.log() else {
            return;
        };
        let mut batch = Batch::default();
        batch.expect_lease(self.import.lease);
        let logged = log.put_into(&mut batch);
        match self.import.store.commit(batch).await {
            Ok(()) => log.landed(logged),
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::debug!(error, "lines of the log cannot be stored yet");
            }
        }
    }

    /// What history keeps of the page. The last one ends the log of the run.
    fn page(&self, landing: &Landing, run: &Run) -> RunPage {
        if landing.last {
            self.import.progress.log().inspect(|log| log.close(run));
        }
        let cursor = landing.cursor.as_ref().map(Bytes::len);
        self.timeline.page(run, landing.decided.counters, cursor, self.import.clock.now())
    }

    /// Adds the page's row, and the lines that wait; answers up to which.
    fn with_history(&self, mut batch: Batch, page: &RunPage) -> (Batch, u64) {
        batch.put_page(self.import.progress.id(), page);
        let logged = self.import.progress.log().map(|log| log.put_into(&mut batch));
        (batch, logged.unwrap_or_default())
    }

    fn history_landed(&mut self, page: &RunPage, run: &Run, logged: u64) {
        self.timeline.turn(page, run);
        self.import.progress.log().inspect(|log| log.landed(logged));
    }

    /// Commits something else than a page, and shows the run as it stands then.
    pub(super) async fn land(&mut self, mut batch: Batch, run: Run) -> store::Result<()> {
        batch.expect_lease(self.import.lease);
        batch.put_run(&run);
        self.import.store.commit(batch).await?;
        self.import.progress.show(run);
        Ok(())
    }

    /// Counts records that the batch deletes. The batch must land before the next one.
    pub(super) fn shrink(&mut self, batch: &mut Batch, by: u64) {
        self.count = self.count.saturating_sub(by);
        batch.set_record_count(self.import.channel.id, &self.import.connector.id, self.count);
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
        run.begun = self.begun;
        if landing.moved {
            run.tries = 0;
            run.deferred = None;
        }
        run.counters.add(&landing.decided.counters);
        run.total = landing.total.or(run.total);
        if landing.last {
            sweep::end(&mut run);
            run.ended = Some(self.import.clock.now());
        }
        run
    }

    fn batch(&self, landing: &Landing, due: &Sorted, run: &Run) -> Batch {
        let (channel, connector) = (self.import.channel.id, &self.import.connector.id);
        let decided = &landing.decided;
        let mut batch = Batch::default();
        batch.expect_lease(self.import.lease);
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
        for key in &landing.retried {
            batch.remove_retrial(channel, connector, key);
        }
        landing.roll.put(&mut batch, &At { channel, connector, run: run.id, page: run.pages });
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
        for inboxed in &landing.inbox {
            batch.settle_inbox(channel, connector, inboxed);
        }
        self.add_due(&mut batch, due);
        if let Some(reconciled) = &landing.reconciled {
            reconciled.put(&mut batch, channel, connector);
        }
        landing.news.put(&mut batch);
        batch.put_run(run);
        batch
    }

    /// Counts the records anew: somebody else has written.
    pub(super) async fn recount(&mut self) -> store::Result<()> {
        self.count =
            self.import.store.records().count(self.import.channel.id, &self.import.connector.id).await?;
        Ok(())
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

    /// Of delivered records, those that did not come anew.
    async fn still_waiting(&self, inbox: Vec<Inboxed>) -> store::Result<Vec<Inboxed>> {
        if inbox.is_empty() {
            return Ok(inbox);
        }
        let (channel, connector) = (self.import.channel.id, &self.import.connector.id);
        let keys = inbox.iter().map(|inboxed| inboxed.envelope.key.clone()).collect();
        let found = self.import.store.inbox().get_many(channel, connector, keys).await?;
        let is_same = |(inboxed, found): &(Inboxed, Option<Inboxed>)| found.as_ref() == Some(inboxed);
        Ok(inbox.into_iter().zip(found).filter(is_same).map(|(inboxed, _)| inboxed).collect())
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
