//! The next page of a connector, read and looked through ahead of its turn.
//!
//! It keeps nothing: where to go on follows from the page before alone, and a
//! page that was read ahead is dropped when the one before it does not land.

use super::{Import, Stop, panicked, processor::Sheet, store_failure};
use crate::{
    model::{
        Channel, ChannelId, Class, DrivenBy, Envelope, Failure, Name, Page, RecordKey, Reject, Span, Usage,
    },
    sandbox::Outcome,
    store::{self, DueKey, Store},
    sync::{
        Config,
        mapping::{Mapper, MappingError},
        progress::Progress,
    },
};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};
use tokio::{task::JoinSet, time::Instant};
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::Instrument;

/// How long a step that was told to end may take to say what it used. A
/// guest's CPU loop notices within two ticks of 10 ms; a cancel is promised
/// within 1 s.
const GRACE: Duration = Duration::from_millis(500);

/// Payload bytes of a page up to which it is looked through where it is, about
/// 0.5 ms of work; more goes to the blocking pool.
const INLINE: usize = 256 << 10;

/// Where pages come from: a plugin, or a script in tests.
pub(in crate::sync) trait Source: Send + Sync + 'static {
    /// One step. Ends soon after the token of `ask`; may also be dropped.
    fn pull(&self, ask: Ask) -> BoxFuture<'static, Outcome<Page>>;

    /// Is told when a page that it gave is in the store.
    fn landed(&self) {}
}

/// What one step is asked for.
pub(in crate::sync) struct Ask {
    pub(in crate::sync) cursor: Option<Bytes>,
    pub(in crate::sync) keys: Vec<String>,
    pub(in crate::sync) limit: u32,
    pub(in crate::sync) state: BTreeMap<String, Bytes>,
    pub(in crate::sync) cancel: CancellationToken,
}

/// Where a step goes on.
#[derive(Clone, Default)]
pub(super) struct Position {
    pub(super) cursor: Option<Bytes>,
    pub(super) state: BTreeMap<String, Bytes>,
    /// Settled by the page that is being committed: due for a little longer.
    settling: Vec<RecordKey>,
}

impl Position {
    /// Where the last committed page ended.
    pub(super) async fn stored(store: &Store, channel: ChannelId, connector: &Name) -> store::Result<Self> {
        Ok(Self {
            cursor: store.cursors().get(channel, connector).await?,
            state: store.state().all(channel, connector).await?,
            settling: Vec::new(),
        })
    }

    /// Where the page after `taken` goes on.
    pub(super) fn after(&self, taken: &Taken) -> Self {
        let mut next = self.clone();
        next.settling = taken.settled.iter().map(|due| due.key.clone()).collect();
        if let Some(cursor) = &taken.page.next {
            next.cursor = Some(cursor.clone());
        }
        for (key, value) in &taken.state {
            match value {
                Some(value) => next.state.insert(key.clone(), value.clone()),
                None => next.state.remove(key),
            };
        }
        next
    }

    /// The page before has landed: what it settled is no longer due, or due anew.
    pub(super) fn landed(&mut self) {
        self.settling.clear();
    }

    /// Whether a step from here can answer anything else.
    pub(super) fn differs_from(&self, other: &Self) -> bool {
        self.cursor != other.cursor || self.state != other.state
    }
}

/// A page that was read.
pub(super) struct Taken {
    /// Without its records and rejects.
    pub(super) page: Page,
    /// Those, looked through.
    pub(super) sheet: Sheet,
    /// The due keys that it settles, of those that were asked for.
    pub(super) settled: Vec<DueKey>,
    /// What it writes to the connector's map.
    pub(super) state: BTreeMap<String, Option<Bytes>>,
}

/// Reads one page at a time, in a task of its own.
pub(super) struct Reader<'a> {
    progress: &'a Progress,
    /// The longest time for a page.
    longest: Duration,
    /// When the page that was begun must be there.
    deadline: Instant,
    feed: Arc<Feed>,
    ahead: JoinSet<store::Result<Option<Step>>>,
    /// Ends the step when the reader goes.
    _ends: DropGuard,
}

/// What the task needs.
struct Feed {
    source: Arc<dyn Source>,
    store: Store,
    channel: ChannelId,
    connector: Name,
    driven_by: DrivenBy,
    limit: u32,
    keys_per_step: usize,
    look: Look,
    cancel: CancellationToken,
}

/// A step that was run.
struct Step {
    taken: Result<Taken, Failure>,
    usage: Usage,
}

impl<'a> Reader<'a> {
    pub(super) fn new(import: &'a Import<'_>, look: Look) -> Self {
        let cancel = import.progress.token().child_token();
        let limit = import.connector.page_size.max(1);
        let keys_per_step = limit.min(import.config.keys_per_step.get());
        Self {
            progress: import.progress,
            longest: import.config.page_deadline.0,
            deadline: Instant::now() + import.config.page_deadline.0,
            _ends: cancel.clone().drop_guard(),
            feed: Arc::new(Feed {
                source: Arc::clone(&import.source),
                store: import.store.clone(),
                channel: import.channel.id,
                connector: import.connector.id.clone(),
                driven_by: import.connector.driven_by,
                limit,
                keys_per_step: usize::try_from(keys_per_step).unwrap_or(usize::MAX),
                look: Look { cancel: cancel.clone(), ..look },
                cancel,
            }),
            ahead: JoinSet::new(),
        }
    }

    /// Begins to read the page at `position`. Call it only when none is under way.
    pub(super) fn start(&mut self, position: Position) {
        debug_assert!(self.ahead.is_empty(), "two pages read at once");
        self.deadline = Instant::now() + self.longest;
        let feed = Arc::clone(&self.feed);
        self.ahead.spawn(async move { feed.read(position).await }.in_current_span());
    }

    /// The page that was begun; none where no keys are due. Cancel safe: the
    /// page stays under way.
    pub(super) async fn next(&mut self) -> Result<Option<Taken>, Stop> {
        let read = tokio::select! {
            biased;
            () = self.progress.token().cancelled() => None,
            () = tokio::time::sleep_until(self.deadline) => return Err(Stop::Failed(self.stuck())),
            read = self.ahead.join_next() => Some(read.expect("a page was begun")),
        };
        match read {
            None => Err(self.give_up().await),
            Some(Ok(Ok(None))) => Ok(None),
            Some(Ok(Ok(Some(step)))) => {
                self.progress.spend(&step.usage);
                step.taken.map(Some).map_err(Stop::Failed)
            }
            Some(Ok(Err(error))) => Err(Stop::Failed(store_failure(&error))),
            Some(Err(_panicked)) => Err(Stop::Failed(panicked())),
        }
    }

    /// The step has seen its token; what it used counts, its page does not.
    async fn give_up(&mut self) -> Stop {
        let read = tokio::time::timeout(GRACE, self.ahead.join_next()).await;
        if let Ok(Some(Ok(Ok(Some(step))))) = read {
            self.progress.spend(&step.usage);
        }
        Stop::Told
    }

    fn stuck(&self) -> Failure {
        let message = format!("no page came within {} (sync.page-deadline)", Span(self.longest));
        Failure::new(Class::Internal, "run.stuck", message)
    }
}

impl Feed {
    /// None where a connector driven by keys has none that are due.
    async fn read(&self, position: Position) -> store::Result<Option<Step>> {
        let asked = match self.driven_by {
            DrivenBy::Cursor => Vec::new(),
            DrivenBy::Keys => {
                let without = position.settling;
                let due = self.store.due();
                due.list(self.channel, &self.connector, without, self.keys_per_step).await?
            }
        };
        if asked.is_empty() && self.driven_by == DrivenBy::Keys {
            return Ok(None);
        }
        let ask = Ask {
            cursor: position.cursor,
            keys: asked.iter().map(|due| due.key.to_string()).collect(),
            limit: self.limit,
            state: position.state,
            cancel: self.cancel.clone(),
        };
        let Outcome { result, state, usage } = self.source.pull(ask).await;
        let taken = match result {
            Ok(mut page) => {
                let settled = settled(asked, &page.settled);
                let sheet = self.look_through(&mut page, &settled).await;
                sheet.map(|sheet| Taken { sheet, page, settled, state })
            }
            Err(failure) => Err(failure),
        };
        Ok(Some(Step { taken, usage }))
    }

    /// Takes the records out of the page. This is most of the work that a page makes
    /// before it can be committed, so it is done beside the commit of the one before.
    async fn look_through(&self, page: &mut Page, settled: &[DueKey]) -> Result<Sheet, Failure> {
        let (records, rejects) = (std::mem::take(&mut page.records), std::mem::take(&mut page.rejects));
        let settled = settled.iter().map(|due| due.key.to_string()).collect();
        self.look.through(records, rejects, settled).await
    }
}

/// How the payloads of a page are looked through.
#[derive(Clone)]
pub(super) struct Look {
    record_bytes: usize,
    /// None: they are kept as they are delivered.
    mapper: Option<Mapper>,
    /// Ends the mapping of a page between two records.
    cancel: CancellationToken,
}

impl Look {
    /// As the channel says.
    ///
    /// # Errors
    /// The connector's mapping cannot be used.
    pub(super) async fn of(
        config: &Config,
        channel: &Channel,
        connector: &Name,
        cancel: &CancellationToken,
    ) -> Result<Self, Failure> {
        let (record_bytes, cancel) = (config.record_bytes.as_len(), cancel.clone());
        let Some(mapping) = channel.mappings.get(connector).cloned() else {
            return Ok(Self { record_bytes, mapper: None, cancel });
        };
        let filters = config.filters();
        let compiled = apart(move || Mapper::compile(&filters, &mapping)).await;
        Ok(Self { record_bytes, mapper: Some(compiled.map_err(MappingError::into_failure)?), cancel })
    }

    /// The sheet, made on the blocking pool where it is much work.
    ///
    /// # Errors
    /// Nothing can be mapped now, whatever the record.
    pub(super) async fn through(
        &self,
        records: Vec<Envelope>,
        rejects: Vec<Reject>,
        settled: Vec<String>,
    ) -> Result<Sheet, Failure> {
        let Self { record_bytes, mapper, cancel } = self.clone();
        let bytes: usize = records.iter().map(|record| record.payload.len()).sum();
        let work = move || Sheet::new(records, rejects, settled, record_bytes);
        let Some(mapper) = mapper else {
            return Ok(if bytes <= INLINE { work() } else { apart(work).await });
        };
        apart(move || {
            let mut sheet = work();
            sheet.map(&mapper, record_bytes, &cancel)?;
            Ok(sheet)
        })
        .await
    }
}

async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let done = tokio::task::spawn_blocking(work).await;
    // The task that asks for it is the place where a panic is noticed.
    done.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

/// Of the keys that were asked for, those that a page names, each once.
fn settled(asked: Vec<DueKey>, named: &[String]) -> Vec<DueKey> {
    let mut open: HashMap<String, DueKey> = asked.into_iter().map(|due| (due.key.to_string(), due)).collect();
    let settled: Vec<DueKey> = named.iter().filter_map(|key| open.remove(key)).collect();
    let strange = named.len() - settled.len();
    if strange > 0 {
        tracing::warn!(strange, "a page settles keys that it was not asked for, or twice");
    }
    settled
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(key: &str, stamp: u64) -> DueKey {
        DueKey { key: RecordKey::try_new(key).unwrap(), stamp }
    }

    fn taken(next: Option<&'static str>, settled: &[&str], state: &[(&str, Option<&str>)]) -> Taken {
        let bytes = |text: &str| Bytes::copy_from_slice(text.as_bytes());
        Taken {
            page: Page { next: next.map(bytes), ..Page::default() },
            sheet: Sheet::new(Vec::new(), Vec::new(), Vec::new(), 0),
            settled: settled.iter().map(|key| due(key, 1)).collect(),
            state: state.iter().map(|(key, value)| ((*key).into(), value.map(bytes))).collect(),
        }
    }

    #[test]
    fn a_page_settles_only_what_it_was_asked_for() {
        let check = |asked: &[&str], named: &[&str], expected: &[&str]| {
            let asked = asked.iter().map(|key| due(key, 7)).collect();
            let named: Vec<String> = named.iter().map(|&key| key.into()).collect();
            let expected: Vec<DueKey> = expected.iter().map(|key| due(key, 7)).collect();
            assert_eq!(settled(asked, &named), expected);
        };
        check(&["1", "2", "3"], &["3", "1"], &["3", "1"]);
        check(&["1"], &["1", "1"], &["1"]);
        check(&["1"], &["2"], &[]);
        check(&[], &["1"], &[]);
    }

    #[test]
    fn the_next_position_follows_from_the_page_alone() {
        let start = Position::default().after(&taken(Some("a"), &["1"], &[("x", Some("1"))]));
        assert_eq!(start.cursor.as_deref(), Some(&b"a"[..]));
        assert_eq!(start.settling, [due("1", 1).key]);

        let kept = start.after(&taken(None, &[], &[]));
        assert!(!kept.differs_from(&start), "no cursor keeps the cursor");
        assert!(kept.settling.is_empty(), "the page before has landed by then");

        let mapped = start.after(&taken(None, &[], &[("x", None), ("y", Some("2"))]));
        assert!(mapped.differs_from(&start));
        assert_eq!(mapped.state, BTreeMap::from([("y".into(), Bytes::from_static(b"2"))]));
    }
}
