//! One connector's pages, read and decided on as in a run, with nothing kept.
//!
//! It only reads the store. What a run would have written by then is held in
//! memory, so that the next page meets it there.

mod gone;
mod overlay;
mod waiting;

pub(in crate::sync) use overlay::is_forgotten;
pub(in crate::sync) use waiting::Waiting;

use super::{
    due, no_progress,
    processor::{self, Decided, Known, Rules, Sheet},
    reader::{Ask, Look, Position, Source, Taken},
    store_failure,
};
use crate::{
    model::{
        Channel, ChannelType, Class, Connector, Counters, DrivenBy, Failure, Name, Page, Record, RecordKey,
        RunId, Timestamp, Usage, Vanished,
    },
    sandbox::Outcome,
    store::{self, Store},
    sync::Config,
};
use bytes::Bytes;
use gone::Gone;
use overlay::Overlay;
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};
use tokio_util::sync::CancellationToken;

/// What a trial needs.
pub(in crate::sync) struct Parts {
    pub(in crate::sync) store: Store,
    pub(in crate::sync) config: Config,
    pub(in crate::sync) channel: Channel,
    pub(in crate::sync) channel_type: Arc<ChannelType>,
    pub(in crate::sync) connector: Connector,
    /// Whether it was asked for from the beginning.
    pub(in crate::sync) full: bool,
    pub(in crate::sync) source: Arc<dyn Source>,
    pub(in crate::sync) now: Timestamp,
    /// Keys that other trials have asked this connector for.
    pub(in crate::sync) asked: Waiting,
    /// Ends the step under way.
    pub(in crate::sync) cancel: CancellationToken,
}

/// A connector on trial.
pub(in crate::sync) struct Trial {
    parts: Parts,
    look: Look,
    rules: Rules,
    position: Position,
    waiting: Waiting,
    overlay: Overlay,
    /// Of one from the beginning.
    gone: Option<Gone>,
    /// Whether a full sync that went before is not over yet.
    goes_on: bool,
    usage: Usage,
    /// Pages in a row that would leave nothing behind.
    idle: u32,
    is_over: bool,
}

/// What one page would do.
pub(in crate::sync) struct Tried {
    /// Pages that were read for it.
    pub(in crate::sync) pages: u64,
    pub(in crate::sync) counters: Counters,
    pub(in crate::sync) changed: Vec<Changed>,
    /// Keys that other connectors are to fetch.
    pub(in crate::sync) asked: Vec<(Name, Vec<RecordKey>)>,
    pub(in crate::sync) total: Option<u64>,
}

/// What would become of one record.
pub(in crate::sync) struct Changed {
    /// For quarantine maybe no record's key, but what finds it again.
    pub(in crate::sync) key: String,
    pub(in crate::sync) before: Option<Record>,
    pub(in crate::sync) after: Option<Record>,
    /// Why it would go to quarantine; what is stored then stays.
    pub(in crate::sync) reason: Option<Failure>,
    /// What would become of it, where it is gone remotely without a word.
    pub(in crate::sync) vanished: Option<Vanished>,
}

impl Trial {
    pub(in crate::sync) async fn open(parts: Parts) -> Result<Self, Failure> {
        let look = Look::of(&parts.config, &parts.channel, &parts.connector.id, &parts.cancel).await?;
        Self::start(parts, look).await.map_err(|error| store_failure(&error))
    }

    async fn start(mut parts: Parts, look: Look) -> store::Result<Self> {
        let (channel, connector) = (parts.channel.id, &parts.connector.id);
        let by_cursor = parts.connector.driven_by == DrivenBy::Cursor;
        let full = parts.full && by_cursor;
        let position = match full {
            true => Position::default(),
            false => Position::stored(&parts.store, channel, connector).await?,
        };
        let goes_on = !full && parts.store.seen().reading(channel, connector).await?.is_some();
        let mut waiting = Waiting::default();
        if !by_cursor {
            let due = parts.store.due().list(channel, connector, Vec::new(), Waiting::MOST).await?;
            waiting.ask(due.into_iter().map(|due| due.key));
            waiting.take_over(std::mem::take(&mut parts.asked));
        }
        // Nothing has this id: it only tells this trial's records from stored ones.
        let rules = Rules { run: RunId::new(), now: parts.now, full };
        Ok(Self {
            parts,
            look,
            rules,
            position,
            waiting,
            overlay: Overlay::default(),
            gone: full.then(Gone::nothing_yet),
            goes_on,
            usage: Usage::default(),
            idle: 0,
            is_over: false,
        })
    }

    /// What the steps have used so far.
    pub(in crate::sync) fn usage(&self) -> Usage {
        self.usage
    }

    /// Where the trial is less exact than a run, for people.
    pub(in crate::sync) fn shortcomings(&self) -> Vec<String> {
        let earlier = || "a full sync is not over: what it will find to be gone is not shown".to_owned();
        let notes = [self.overlay.shortcoming(), self.waiting.shortcoming(), self.goes_on.then(earlier)];
        notes.into_iter().flatten().collect()
    }

    /// What a sync would do with records that are gone; none where it would not look for them.
    pub(in crate::sync) fn vanished(&self) -> Option<Vanished> {
        self.gone.as_ref().map(|gone| gone.policy(&self.parts))
    }

    /// What a sync would have to remark at its end.
    pub(in crate::sync) fn remark(&self) -> Option<&Failure> {
        self.gone.as_ref()?.remark()
    }

    /// What the next page would do; none when there is nothing more to read.
    /// Dropped early, the page counts as not read; the trial is of no use any more.
    pub(in crate::sync) async fn page(&mut self) -> Result<Option<Tried>, Failure> {
        let keys = self.waiting.first(self.keys_per_step());
        let by_keys = self.parts.connector.driven_by == DrivenBy::Keys;
        if self.is_over || (by_keys && keys.is_empty()) {
            return match &mut self.gone {
                Some(gone) => gone.next(&self.parts).await.map_err(|error| store_failure(&error)),
                None => Ok(None),
            };
        }
        let ask = self.ask(&keys);
        let Outcome { result, state, usage } = tokio::select! {
            biased;
            () = self.parts.cancel.cancelled() => return Err(Failure::cancelled()),
            outcome = self.parts.source.pull(ask) => outcome,
        };
        self.usage.add(&usage);
        let page = result?;
        let settled = self.waiting.settle(keys.len(), &page.settled);
        self.judge(page, settled, state).await.map(Some)
    }

    fn keys_per_step(&self) -> usize {
        let most = self.limit().min(self.parts.config.keys_per_step.get());
        usize::try_from(most).unwrap_or(usize::MAX)
    }

    fn limit(&self) -> u32 {
        self.parts.connector.page_size.max(1)
    }

    fn ask(&self, keys: &[RecordKey]) -> Ask {
        Ask {
            cursor: self.position.cursor.clone(),
            keys: keys.iter().map(RecordKey::to_string).collect(),
            limit: self.limit(),
            state: self.position.state.clone(),
            cancel: self.parts.cancel.clone(),
        }
    }

    async fn judge(
        &mut self,
        mut page: Page,
        settled: Vec<String>,
        state: BTreeMap<String, Option<Bytes>>,
    ) -> Result<Tried, Failure> {
        let has_settled = !settled.is_empty();
        let sheet = self.look_through(&mut page, settled).await?;
        let taken = Taken { page, sheet, settled: Vec::new(), state };
        let next = self.position.after(&taken);
        let moved = has_settled || next.differs_from(&self.position);
        self.position = next;
        let Taken { page, sheet, .. } = taken;
        let by_cursor = self.parts.connector.driven_by == DrivenBy::Cursor;
        self.is_over = page.not_before_ms.is_some() || (by_cursor && !page.more);

        self.call_roll(&sheet, page.more).await.map_err(|error| store_failure(&error))?;
        let known = self.known(&sheet).await.map_err(|error| store_failure(&error))?;
        let before: HashMap<RecordKey, Record> =
            known.records.iter().flatten().map(|record| (record.key.clone(), record.clone())).collect();
        let decided = processor::decide(sheet, known, &self.rules);
        let moved = self.is_over || moved || decided.changes_records();
        self.idle = if moved { 0 } else { self.idle + 1 };
        if self.idle >= self.parts.config.pages_without_progress.get() {
            return Err(no_progress(self.idle));
        }
        let (total, asked) = (page.total, self.sort(page));
        let counters = decided.counters;
        Ok(Tried { pages: 1, counters, changed: self.change(decided, before), asked, total })
    }

    /// Of a trial from the beginning: which records are there remotely.
    async fn call_roll(&mut self, sheet: &Sheet, more: bool) -> store::Result<()> {
        let Some(gone) = &mut self.gone else { return Ok(()) };
        gone.call_roll(sheet, &self.parts).await?;
        if self.is_over && !more {
            gone.all_is_read(&self.parts).await?;
        }
        Ok(())
    }

    async fn look_through(&self, page: &mut Page, settled: Vec<String>) -> Result<Sheet, Failure> {
        let (records, rejects) = (std::mem::take(&mut page.records), std::mem::take(&mut page.rejects));
        self.look.through(records, rejects, settled).await
    }

    /// What a run would find in the store under the keys of a page.
    async fn known(&self, sheet: &Sheet) -> store::Result<Known> {
        let mut records = Vec::with_capacity(sheet.keys().len());
        let (mut places, mut keys) = (Vec::new(), Vec::new());
        for (place, key) in sheet.keys().enumerate() {
            let Rules { run, now, .. } = self.rules;
            match self.overlay.get(key, || sheet.record(place, run, now)) {
                Some(decided) => records.push(decided),
                None => {
                    records.push(None);
                    places.push(place);
                    keys.push(key.clone());
                }
            }
        }
        let found = self.parts.store.records();
        let found = found.get_many(self.parts.channel.id, &self.parts.connector.id, keys).await?;
        places.into_iter().zip(found).for_each(|(place, record)| records[place] = record);
        // What is in quarantine changes no count, and no record.
        Ok(Known { records, ..Known::default() })
    }

    /// The keys for other connectors; those for this one wait at once.
    fn sort(&mut self, page: Page) -> Vec<(Name, Vec<RecordKey>)> {
        let sorted = due::sort(page.due, &self.parts.channel, &self.parts.channel_type);
        let mut asked = Vec::new();
        for (connector, keys) in sorted.kept {
            match connector == self.parts.connector.id {
                true => self.waiting.ask(keys),
                false => asked.push((connector, keys)),
            }
        }
        asked
    }

    /// Takes note of what a run would have written.
    fn change(&mut self, decided: Decided, mut before: HashMap<RecordKey, Record>) -> Vec<Changed> {
        let mut changed = Vec::new();
        for record in decided.puts {
            self.overlay.put(&record);
            changed.push(Changed {
                key: record.key.to_string(),
                before: before.remove(&record.key),
                after: Some(record),
                reason: None,
                vanished: None,
            });
        }
        for key in decided.deletes {
            self.overlay.delete(&key);
            let before = before.remove(&key);
            changed.push(Changed { key: key.to_string(), before, after: None, reason: None, vanished: None });
        }
        for entry in decided.quarantined {
            let reason = Some(entry.reason);
            changed.push(Changed { key: entry.key, before: None, after: None, reason, vanished: None });
        }
        changed
    }
}

/// What is said of a panic, which has told its own story in the log.
pub(in crate::sync) fn panicked() -> Failure {
    Failure::new(Class::Internal, "run.panic", "the host made a mistake in this dry run")
}
