//! One run that brings records in: page by page, until there is nothing more.
//!
//! The *reader* gets a page and looks it through, the *processor* decides, the
//! *writer* commits. The next page is read while the last one is decided on and
//! committed, so that at most two pages are in memory. Nothing here decides who runs when.

mod brought;
mod due;
mod inbox;
mod processor;
mod reader;
mod retrial;
mod roll;
mod sweep;
mod trial;
mod twoway;
mod writer;

pub(super) use reader::{Ask, Source};
pub(super) use retrial::can_judge;
pub(super) use trial::{
    Changed, Parts as TrialParts, Trial, Tried, Waiting, is_forgotten, panicked as trial_panicked,
};

use super::{Config, history::store_failure, progress::Progress, subscribers::Subscribers, turns::Turn};
use crate::{
    clock::Clock,
    metrics,
    model::{Channel, ChannelType, Class, Connector, DrivenBy, Envelope, Failure, Page, RecordKey, Status},
    store::{self, Lease, Reading, Store},
};
use brought::Brought;
use processor::{Decided, Known, Rules, Sheet};
use reader::{Look, Position, Reader, Taken};
use roll::Reach;
use std::{sync::Arc, time::Duration};
use sweep::Then;
use twoway::TwoWay;
use writer::{Landing, Writer};

/// A run whose first page takes longer than this gets its opening row at once;
/// one that is quicker saves a flush, as its row lands with the page.
const OPENING: Duration = Duration::from_millis(100);

/// Why the work on a run ended before there was nothing more to read.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Stop {
    /// Its token ended it.
    Told,
    /// The lease is somebody else's: what was read is not written.
    Lost,
    Failed(Failure),
}

/// What a run needs.
pub(super) struct Import<'a> {
    pub(super) store: &'a Store,
    pub(super) clock: &'a Clock,
    pub(super) config: &'a Config,
    pub(super) channel: &'a Channel,
    pub(super) channel_type: &'a ChannelType,
    pub(super) connector: &'a Connector,
    pub(super) source: Arc<dyn Source>,
    pub(super) progress: &'a Progress,
    /// What every batch expects to be held.
    pub(super) lease: &'a Lease,
    /// The place among the channels that sync.
    pub(super) turn: &'a Turn,
    /// Who wants to know what changes.
    pub(super) subscribers: &'a Subscribers,
}

impl Import<'_> {
    /// Imports to the end. To stop it, cancel the run's token: a commit that is
    /// under way is waited for, a step is not.
    ///
    /// # Errors
    /// Why it ended before there was nothing more to read.
    pub(super) async fn run(&self) -> Result<(), Stop> {
        let _running = metrics::Running::begin();
        let mut run = self.progress.snapshot();
        run.status = Status::Running;
        let goes_on = run.started.is_some();
        run.started.get_or_insert_with(|| self.clock.now());
        tracing::info!(full = run.full, trigger = ?run.trigger, goes_on, "run started");
        self.progress.show(run);
        let token = self.progress.token();
        let look = Look::of(self.config, self.channel, &self.connector.id, token).await;
        let look = look.map_err(Stop::Failed)?;
        Pages::open(self, look).await.map_err(broken)?.work().await
    }

    /// Whether all that the remote system has is read. A run that is driven by keys
    /// has no beginning: it goes on with the keys that are due.
    fn is_full(&self) -> bool {
        self.progress.snapshot().full && self.connector.driven_by == DrivenBy::Cursor
    }

    /// Whether the run starts from nothing: a full one that has not begun yet.
    fn starts_over(&self) -> bool {
        self.is_full() && !self.progress.snapshot().begun
    }
}

/// A run on its way.
struct Pages<'a> {
    import: &'a Import<'a>,
    reader: Reader<'a>,
    look: Look,
    writer: Writer<'a>,
    /// Whether the run starts from nothing.
    anew: bool,
    /// After the last page that was read.
    position: Position,
    /// Whether the reader looked for due keys before the last commit.
    looked_early: bool,
    /// Pages in a row that left nothing behind.
    idle: u32,
    /// Whether the connector may have entries in quarantine.
    quarantined: bool,
    /// Whether the connector may have records that are marked as gone.
    marked: bool,
    /// The full reading that is going on, whichever run began it.
    reading: Option<Reading>,
    /// What the run has brought, where there was nothing before it and nobody else writes.
    brought: Option<Brought>,
    /// Where records are changed here, too.
    two_way: Option<TwoWay>,
}

impl<'a> Pages<'a> {
    async fn open(import: &'a Import<'a>, look: Look) -> store::Result<Self> {
        let (channel, connector) = (import.channel.id, &import.connector.id);
        let stored = Position::stored(import.store, channel, connector).await?;
        let held = import.store.quarantine().list(channel, connector, None, 1).await?;
        let marked = import.store.vanished().list(channel, connector, None, 1).await?;
        let reading = import.store.seen().reading(channel, connector).await?;
        let anew = import.starts_over();
        let position = if anew { Position::default() } else { stored.clone() };
        let writer = Writer::open(import, stored).await?;
        let two_way = TwoWay::of(import).await?;
        Ok(Self {
            reader: Reader::new(import, look.clone()),
            look,
            brought: (writer.count() == 0 && two_way.is_none()).then(Brought::nothing),
            two_way,
            writer,
            anew,
            position,
            looked_early: false,
            idle: 0,
            quarantined: !held.is_empty(),
            marked: !marked.is_empty(),
            reading,
            import,
        })
    }

    async fn work(mut self) -> Result<(), Stop> {
        if !self.anew {
            self.sweep(Then::ReadOn).await?;
        }
        self.retry().await?;
        self.drain().await?;
        self.reader.start(self.position.clone());
        let mut read = self.first().await?;
        loop {
            let more = match read {
                Some(taken) => self.page(taken).await?,
                None => self.look_again(),
            };
            if !more {
                return self.sweep(Then::End).await;
            }
            self.border().await?;
            read = self.next().await?;
        }
    }

    /// The page that was begun. What the run says while it takes long is stored meanwhile.
    async fn next(&mut self) -> Result<Option<Taken>, Stop> {
        let log = self.import.progress.log();
        loop {
            tokio::select! {
                biased;
                read = self.reader.next() => return read,
                () = async { log.expect("there is one").is_due().await }, if log.is_some() => {
                    self.writer.flush_log().await;
                }
            }
        }
    }

    /// Gives way to other channels, where it is their turn.
    async fn border(&self) -> Result<(), Stop> {
        tokio::select! {
            biased;
            () = self.import.progress.token().cancelled() => Err(Stop::Told),
            () = self.import.turn.border(self.import.clock.now()) => Ok(()),
        }
    }

    /// The first page, with the opening row where that cannot wait.
    async fn first(&mut self) -> Result<Option<Taken>, Stop> {
        if !self.anew {
            tokio::select! {
                read = self.reader.next() => return read,
                () = tokio::time::sleep(OPENING) => {}
            }
        }
        self.writer.begin().await.map_err(broken)?;
        self.open_roll().await?;
        self.next().await
    }

    /// Decides on a page and commits it while the next one is read. False when
    /// it was the last one.
    async fn page(&mut self, taken: Taken) -> Result<bool, Stop> {
        let next = self.position.after(&taken);
        let moved = next.differs_from(&self.position) || !taken.settled.is_empty();
        let last = self.is_last(&taken);
        if !last {
            self.reader.start(next.clone());
            self.looked_early = true;
        }
        self.position = next;
        let reach = if last && !taken.page.more { Reach::End } else { Reach::Further };
        let ends = last && !(reach == Reach::End && self.reading.is_some());
        let moved = self.land(taken, &Course { reach, moved, ends }).await?;
        let stuck = self.is_stuck(last || moved);
        self.position.landed();
        self.import.source.landed();
        if stuck { Err(Stop::Failed(no_progress(self.idle))) } else { Ok(!last) }
    }

    /// Decides on a page and commits it; anew, where somebody has written to the connector
    /// meanwhile. Whether the run got on with it.
    async fn land(&mut self, taken: Taken, course: &Course) -> Result<bool, Stop> {
        if self.two_way.is_some() {
            return self.land_both_ways(taken, course).await;
        }
        let Taken { page, sheet, settled, state } = taken;
        let roll = self.call_roll(&sheet, course.reach).await.map_err(broken)?;
        let decided = self.decide(sheet).await?;
        let moved = course.moved || decided.changes_records();
        let landing = Landing { decided, settled, state, roll, ..course.landing(page, moved) };
        self.writer.commit(landing).await.map_err(broken)?;
        Ok(moved)
    }

    /// Due keys may have come with the very page during whose commit the
    /// reader found none. False when it has looked since.
    fn look_again(&mut self) -> bool {
        if self.looked_early {
            self.reader.start(self.position.clone());
        }
        std::mem::take(&mut self.looked_early)
    }

    /// A connector driven by keys goes on for as long as keys are due.
    fn is_last(&self, taken: &Taken) -> bool {
        let driven_by_cursor = self.import.connector.driven_by == DrivenBy::Cursor;
        taken.page.not_before_ms.is_some() || (driven_by_cursor && !taken.page.more)
    }

    fn is_stuck(&mut self, moved: bool) -> bool {
        self.idle = if moved { 0 } else { self.idle + 1 };
        self.idle >= self.import.config.pages_without_progress.get()
    }

    async fn decide(&mut self, sheet: Sheet) -> Result<Decided, Stop> {
        let known = self.known(&sheet).await.map_err(broken)?;
        let decided = processor::decide(sheet, known, &self.rules());
        self.quarantined |= decided.quarantines();
        Ok(decided)
    }

    /// What the store has under the keys of a page. Nothing is looked up where
    /// there can be nothing: this run is the only one that adds.
    async fn known(&mut self, sheet: &Sheet) -> store::Result<Known> {
        let (store, channel) = (self.import.store, self.import.channel.id);
        let connector = &self.import.connector.id;
        let mut known = Known::default();
        let (places, keys) = self.note(sheet);
        if !keys.is_empty() {
            let found = store.records().get_many(channel, connector, keys).await?;
            known.records.resize(sheet.keys().len(), None);
            places.into_iter().zip(found).for_each(|(place, record)| known.records[place] = record);
        }
        if self.quarantined {
            let keys = sheet.quarantine_keys();
            known.quarantined = store.quarantine().get_many(channel, connector, keys).await?;
        }
        Ok(known)
    }

    /// Notes the keys of the page; those that may be stored, with their places in it.
    fn note(&mut self, sheet: &Sheet) -> (Vec<usize>, Vec<RecordKey>) {
        let mut may_be_stored =
            |key: &RecordKey| self.brought.as_mut().is_none_or(|brought| brought.note(key));
        let keys = sheet.keys().enumerate().filter(|(_, key)| may_be_stored(key));
        keys.map(|(place, key)| (place, key.clone())).unzip()
    }

    /// Records that were not read by this run, looked through as if they were.
    async fn look_through(&self, records: Vec<Envelope>) -> Result<Sheet, Stop> {
        let sheet = self.look.through(records, Vec::new(), Vec::new()).await;
        sheet.map_err(|failure| match self.import.progress.token().is_cancelled() {
            true => Stop::Told,
            false => Stop::Failed(failure),
        })
    }

    fn rules(&self) -> Rules {
        Rules { run: self.import.progress.id(), now: self.import.clock.now(), full: self.import.is_full() }
    }
}

/// What is known of a page before it is decided on.
struct Course {
    reach: Reach,
    /// Whether the run gets on with it, whatever is decided.
    moved: bool,
    /// Whether the run ends with it.
    ends: bool,
}

impl Course {
    fn landing(&self, page: Page, moved: bool) -> Landing {
        Landing {
            cursor: page.next,
            due: page.due,
            total: page.total,
            moved,
            last: self.ends,
            ..Landing::default()
        }
    }
}

/// What a batch expects besides its due keys is the lease.
fn broken(error: store::Error) -> Stop {
    match error {
        store::Error::Expectation => Stop::Lost,
        error => Stop::Failed(store_failure(&error)),
    }
}

/// What is said of a panic, which has told its own story in the log.
pub(super) fn panicked() -> Failure {
    let message = "the host made a mistake in this run; the next sync goes on from the last committed page";
    Failure::new(Class::Internal, "run.panic", message)
}

fn no_progress(pages: u32) -> Failure {
    let message = format!(
        "the connector asked to go on after {pages} pages in a row with the same cursor, nothing new and nothing settled; this is a defect of the plugin"
    );
    Failure::new(Class::Internal, "run.no-progress", message)
}
