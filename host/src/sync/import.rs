//! One run that brings records in: page by page, until there is nothing more.
//!
//! The *reader* gets a page and looks it through, the *processor* decides, the
//! *writer* commits. The next page is read while the last one is decided on and
//! committed, so that at most two pages are in memory. Nothing here decides who runs when.

mod brought;
mod due;
mod processor;
mod reader;
mod writer;

pub(super) use reader::{Ask, Source};

use super::{
    Config,
    history::{Ending, store_failure},
    progress::Progress,
};
use crate::{
    clock::Clock,
    metrics,
    model::{Channel, ChannelType, Class, Connector, DrivenBy, Failure, RecordKey, Status},
    store::{self, Store},
};
use brought::Brought;
use processor::{Decided, Known, Rules, Sheet};
use reader::{Position, Reader, Taken};
use std::{sync::Arc, time::Duration};
use writer::{Landing, Writer};

/// A run whose first page takes longer than this gets its opening row at once;
/// one that is quicker saves a flush, as its row lands with the page.
const OPENING: Duration = Duration::from_millis(100);

/// What a run needs.
pub(super) struct Import<'a> {
    pub(super) store: &'a Store,
    pub(super) clock: &'a Clock,
    pub(super) config: &'a Config,
    pub(super) channel: &'a Channel,
    pub(super) channel_type: &'a ChannelType,
    pub(super) connector: &'a Connector,
    /// Whether it was asked for from the beginning.
    pub(super) full: bool,
    pub(super) source: Arc<dyn Source>,
    pub(super) progress: &'a Progress,
}

impl Import<'_> {
    /// Imports to the end. To stop it, cancel the run's token: a commit that is
    /// under way is waited for, a step is not.
    pub(super) async fn run(self) -> Ending {
        let _running = metrics::Running::begin();
        let mut run = self.progress.snapshot();
        run.status = Status::Running;
        run.started = Some(self.clock.now());
        tracing::info!(full = run.full, trigger = ?run.trigger, "run started");
        self.progress.show(run);
        let pages = match Pages::open(&self).await {
            Ok(pages) => pages,
            Err(error) => return Ending::Failed(store_failure(&error)),
        };
        pages.work().await.map_or_else(|ending| ending, |()| Ending::Done)
    }

    /// Whether the run starts from nothing. One that is driven by keys has no
    /// beginning: it goes on with the keys that are due.
    fn starts_over(&self) -> bool {
        self.full && self.connector.driven_by == DrivenBy::Cursor
    }
}

/// A run on its way.
struct Pages<'a> {
    import: &'a Import<'a>,
    reader: Reader<'a>,
    writer: Writer<'a>,
    /// After the last page that was read.
    position: Position,
    /// Whether the reader looked for due keys before the last commit.
    looked_early: bool,
    /// Pages in a row that left nothing behind.
    idle: u32,
    /// Whether the connector may have entries in quarantine.
    quarantined: bool,
    /// What the run has brought, where there was nothing before it.
    brought: Option<Brought>,
}

impl<'a> Pages<'a> {
    async fn open(import: &'a Import<'a>) -> store::Result<Self> {
        let (channel, connector) = (import.channel.id, &import.connector.id);
        let stored = Position::stored(import.store, channel, connector).await?;
        let held = import.store.quarantine().list(channel, connector, None, 1).await?;
        let position = if import.starts_over() { Position::default() } else { stored.clone() };
        let writer = Writer::open(import, stored).await?;
        Ok(Self {
            reader: Reader::new(import),
            brought: (writer.count() == 0).then(Brought::nothing),
            writer,
            position,
            looked_early: false,
            idle: 0,
            quarantined: !held.is_empty(),
            import,
        })
    }

    async fn work(mut self) -> Result<(), Ending> {
        self.reader.start(self.position.clone());
        let mut read = self.first().await?;
        loop {
            let more = match read {
                Some(taken) => self.page(taken).await?,
                None => self.look_again(),
            };
            if !more {
                return Ok(());
            }
            read = self.reader.next().await?;
        }
    }

    /// The first page, with the opening row where that cannot wait.
    async fn first(&mut self) -> Result<Option<Taken>, Ending> {
        if !self.import.starts_over() {
            tokio::select! {
                read = self.reader.next() => return read,
                () = tokio::time::sleep(OPENING) => {}
            }
        }
        self.writer.begin().await.map_err(broken)?;
        self.reader.next().await
    }

    /// Decides on a page and commits it while the next one is read. False when
    /// it was the last one.
    async fn page(&mut self, taken: Taken) -> Result<bool, Ending> {
        let next = self.position.after(&taken);
        let moved = next.differs_from(&self.position) || !taken.settled.is_empty();
        let last = self.is_last(&taken);
        if !last {
            self.reader.start(next.clone());
            self.looked_early = true;
        }
        self.position = next;
        let Taken { page, sheet, settled, state } = taken;
        let decided = self.decide(sheet).await?;
        let stuck = self.is_stuck(last || moved || decided.changes_records());
        let landing =
            Landing { decided, cursor: page.next, due: page.due, settled, state, total: page.total, last };
        self.writer.commit(landing).await.map_err(broken)?;
        self.position.landed();
        if stuck { Err(Ending::Failed(no_progress(self.idle))) } else { Ok(!last) }
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

    async fn decide(&mut self, sheet: Sheet) -> Result<Decided, Ending> {
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

    fn rules(&self) -> Rules {
        Rules {
            run: self.import.progress.id(),
            now: self.import.clock.now(),
            full: self.import.starts_over(),
        }
    }
}

fn broken(error: store::Error) -> Ending {
    Ending::Failed(store_failure(&error))
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
