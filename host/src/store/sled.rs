//! The engine on sled, and the only file that names it.
//!
//! It hides what sled would do badly on its own; each remedy stands with its reason.
//!
//! **Memory.** sled's cache counts a page only after 64 accesses of pages in the
//! same 256th, and pages with a value of more than 128 KiB not at all. Left alone,
//! a scan of a million small rows holds 130 MiB more than the cache was given, and
//! large rows stay in memory for ever. So pages are touched more
//! often than they are read, and long values are kept in [parts](super::parts).
//! What remains is sled's book-keeping, 20 to 30 bytes for a row.
//!
//! **One thread.** Many threads in sled leave scraps of memory in the heap of
//! each: 20 MiB more for the same work. sled applies one batch at a time anyway. So
//! one thread does everything, in its [lane](super::lane); it also makes a scan,
//! and what a batch expected, true for one moment, which sled alone would not.
//!
//! A batch is held in memory twelve times over until it is applied. So a large
//! one is applied in pieces, and the [journal](super::journal) makes them one.
//!
//! **Segments.** When sled takes a new segment of its log while it shortens the file, it
//! waits for one of its seven threads; and where seven segments wait to be written, all
//! of them wait for it. So a segment has room for more than a batch writes, which
//! is four times its rows, and what a batch wrote is flushed before the next.
//!
//! **Order.** A batch of sled is a hash map, and is written in no order. Neighbours
//! written one after the other leave fewer scraps of pages behind: a fifth less memory
//! after a million rows. A transaction writes its trees one after the other, so it is
//! given the same tree many times, and each time the next few neighbours.
//!
//! **Durability.** sled's flush hands its log to the disk without waiting for the file
//! system's own journal. Nothing is lost when the process dies at any instant. A
//! power cut can take back the commits of the last seconds, and leaves an earlier
//! state, whole; [`Durability::PowerCut`] waits for the disk instead. There is no
//! thread that flushes in the background: a commit flushes, or it is not done.

use super::engine::{Engine, Entry, Range, Want};
use super::journal::{self, Journal};
use super::lane::{self, Lane};
use super::lock::Release;
use super::parts::{self, Cut, Head};
use super::{Batch, Config, Durability, Error, Result, Watch, Watchers, batch::Writes};
use bytes::{Bytes, BytesMut};
use sled::transaction::{ConflictableTransactionError, TransactionError, Transactional, TransactionalTree};
use std::convert::Infallible;
use std::fs::File;
use std::io;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Below this sled spends its time on reading pages again, in bytes.
const SMALLEST_CACHE: u64 = 1 << 20;

/// The pieces in which sled's log is written, in bytes. It cannot be changed for a folder.
const SEGMENT: usize = 4 << 20;

/// A batch of more bytes than this is applied in pieces. A page of a thousand short
/// records is not: the journal would cost it time.
const LARGE: usize = 3 << 19;

/// Rows that go into one view of a transaction: about half a page. With more of them
/// order is lost, with fewer the views cost more than they save.
const NEIGHBOURS: usize = 8;

/// Further accesses for each row that is read: a page holds about ten rows, so it is
/// counted after two pages in its 256th were read through, or sixteen were hit once.
const TOUCHES: usize = 3;

/// Rows in a folder. Fields are dropped in this order: the last one waits for the first.
pub(super) struct Sled {
    lane: Lane<Option<Database>>,
    watchers: Arc<Watchers>,
    durability: Durability,
    _release: Release,
}

impl Sled {
    /// Opens the folder, or makes it.
    ///
    /// # Errors
    /// [`Error::Locked`] where another process has it open.
    pub(super) fn open(folder: &Path, config: &Config) -> Result<Self> {
        let (path, cache) = (folder.to_owned(), config.cache.0.max(SMALLEST_CACHE));
        let lane = Lane::start("tidegate-store", move || Database::open(&path, cache).map(Some))?;
        Ok(Self {
            lane,
            watchers: Arc::default(),
            durability: config.durability,
            _release: Release(log_file(folder)),
        })
    }

    fn call<R: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Database) -> Result<R> + Send + 'static,
    ) -> Result<R> {
        self.lane.call(move |database| database.as_mut().ok_or_else(broken).and_then(job))?
    }
}

impl Engine for Sled {
    fn get(&self, keys: Vec<Vec<u8>>) -> Result<Vec<Option<Bytes>>> {
        self.call(move |database| keys.iter().map(|key| database.get(key)).collect())
    }

    fn scan(&self, range: Range, limit: usize, want: Want) -> Result<Vec<Entry>> {
        self.call(move |database| database.scan(&range, limit, want))
    }

    fn commit(&self, batch: Batch) -> Result<()> {
        let (expectations, writes) = batch.into_parts();
        let watchers = Arc::clone(&self.watchers);
        self.lane.call(move |slot| {
            let database = slot.as_ref().ok_or_else(broken)?;
            for expected in &expectations {
                if database.get(&expected.key)?.as_deref() != expected.value.as_deref() {
                    return Err(Error::Expectation);
                }
            }
            watchers.wake(&writes);
            // A write that failed left half a batch in sled's memory, not yet in its log.
            // Dropping sled would write it there, so it is left alone.
            database.apply(writes).inspect_err(|_| std::mem::forget(slot.take()))
        })?
    }

    fn flush(&self) -> Result<()> {
        match self.durability {
            Durability::Crash => self.call(|database| database.flush()),
            Durability::PowerCut => self.call(|database| database.settle()),
        }
    }

    fn watch(&self, prefix: &[u8]) -> Watch {
        self.watchers.watch(prefix)
    }
}

/// What the one thread works on.
struct Database {
    journal: Journal,
    log: File,
    rows: sled::Tree,
    parts: sled::Tree,
    _db: sled::Db,
}

impl Database {
    fn open(folder: &Path, cache: u64) -> Result<Self> {
        let db = sled::Config::new()
            .path(folder)
            .cache_capacity(cache)
            .segment_size(SEGMENT)
            .flush_every_ms(None)
            .open()
            .map_err(|error| open_error(error, folder))?;
        let database = Self {
            journal: Journal::new(folder),
            log: File::open(log_file(folder))?,
            rows: db.open_tree("rows").map_err(engine_error)?,
            parts: db.open_tree("parts").map_err(engine_error)?,
            _db: db,
        };
        if let Some(writes) = database.journal.read()? {
            let weights = database.weights(&writes)?;
            database.apply_in_pieces(writes, weights)?;
        }
        Ok(database)
    }

    fn get(&self, key: &[u8]) -> Result<Option<Bytes>> {
        let Some(stored) = self.rows.get(key).map_err(engine_error)? else {
            return Ok(None);
        };
        touch(&self.rows, key)?;
        self.join(key, Head::new(Bytes::from_owner(stored))?).map(Some)
    }

    /// The value, brought together from its parts where it was cut.
    fn join(&self, key: &[u8], head: Head) -> Result<Bytes> {
        let count = head.parts();
        let length = match head {
            Head::Whole(value) => return Ok(value),
            Head::Cut(length) => length,
        };
        let mut value = BytesMut::with_capacity(length);
        for index in 0..count {
            let key = parts::key(key, index);
            let part = self.parts.get(&key).map_err(engine_error)?;
            touch(&self.parts, &key)?;
            value.extend_from_slice(&part.ok_or_else(|| Error::Corrupt("a part of a value".into()))?);
        }
        Ok(value.freeze())
    }

    fn scan(&self, range: &Range, limit: usize, want: Want) -> Result<Vec<Entry>> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        let start = Bound::Included(range.start.as_slice());
        let end = range.end.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let mut entries = Vec::new();
        for found in self.rows.range::<&[u8], _>((start, end)).take(limit) {
            let (key, stored) = found.map_err(engine_error)?;
            touch(&self.rows, &key)?;
            let value = match want {
                Want::Keys => Bytes::new(),
                Want::Entries => self.join(&key, Head::new(Bytes::from_owner(stored))?)?,
            };
            entries.push(Entry { key: Bytes::from_owner(key), value });
        }
        Ok(entries)
    }

    fn apply(&self, writes: Writes) -> Result<()> {
        let weights = self.weights(&writes)?;
        if weights.iter().sum::<usize>() <= LARGE {
            return self.transact(writes);
        }
        // A power cut must not take what was before, and leave the journal.
        self.settle()?;
        self.journal.write(&writes)?;
        self.apply_in_pieces(writes, weights)
    }

    fn apply_in_pieces(&self, writes: Writes, weights: Vec<usize>) -> Result<()> {
        for piece in journal::pieces(writes, weights) {
            self.transact(piece)?;
            self.flush()?;
        }
        self.settle()?;
        Ok(self.journal.remove()?)
    }

    /// About the bytes that each change writes: those of the row, and those of the parts
    /// that it had.
    fn weights(&self, writes: &Writes) -> Result<Vec<usize>> {
        let has_parts = !self.parts.is_empty();
        let old_parts = |key: &[u8]| -> Result<usize> {
            let Some(stored) = self.rows.get(key).map_err(engine_error)? else {
                return Ok(0);
            };
            Ok(Head::new(Bytes::from_owner(stored))?.parts())
        };
        let weight = |(key, value): (&Vec<u8>, &Option<Vec<u8>>)| {
            let old = if has_parts { old_parts(key)? * parts::PART } else { 0 };
            Ok(key.len() + value.as_ref().map_or(0, Vec::len) + old)
        };
        writes.iter().map(weight).collect()
    }

    /// Returns when all is on the disk, whatever durability was asked for.
    fn settle(&self) -> Result<()> {
        self.flush()?;
        Ok(self.log.sync_data()?)
    }

    fn flush(&self) -> Result<()> {
        self.rows.flush().map(drop).map_err(engine_error)
    }

    fn transact(&self, writes: Writes) -> Result<()> {
        if writes.is_empty() {
            return Ok(());
        }
        let changes: Vec<Change> = writes.into_iter().map(Change::from).collect();
        let trees = [&self.rows, &self.parts].repeat(changes.len().div_ceil(NEIGHBOURS));
        let applied = trees[..].transaction(|views| {
            for (views, changes) in views.chunks_exact(2).zip(changes.chunks(NEIGHBOURS)) {
                changes.iter().try_for_each(|change| change.apply(&views[0], &views[1]))?;
            }
            Ok::<(), ConflictableTransactionError<Infallible>>(())
        });
        applied.map_err(|error| match error {
            TransactionError::Storage(error) => engine_error(error),
            TransactionError::Abort(never) => match never {},
        })
    }
}

/// Lets the cache count the page of this row: 0.3 µs each time, as it is in memory.
fn touch(tree: &sled::Tree, key: &[u8]) -> Result<()> {
    (0..TOUCHES).try_for_each(|_| tree.contains_key(key).map(drop)).map_err(engine_error)
}

/// A change of one row, in sled's own values, which are cheap to clone.
struct Change {
    key: sled::IVec,
    head: Option<sled::IVec>,
    parts: Vec<sled::IVec>,
}

impl From<(Vec<u8>, Option<Vec<u8>>)> for Change {
    fn from((key, value): (Vec<u8>, Option<Vec<u8>>)) -> Self {
        let key = key.into();
        match value.map(Cut::new) {
            Some(Cut { head, parts }) => {
                Self { key, head: Some(head.into()), parts: parts.into_iter().map(Into::into).collect() }
            }
            None => Self { key, head: None, parts: Vec::new() },
        }
    }
}

impl Change {
    /// Writes the row, its parts, and removes those of its parts that are left over.
    fn apply(
        &self,
        rows: &TransactionalTree,
        parts: &TransactionalTree,
    ) -> std::result::Result<(), ConflictableTransactionError<Infallible>> {
        let before = match &self.head {
            Some(head) => rows.insert(self.key.clone(), head.clone())?,
            None => rows.remove(self.key.clone())?,
        };
        for (index, part) in self.parts.iter().enumerate() {
            parts.insert(parts::key(&self.key, index), part.clone())?;
        }
        let head = before.and_then(|before| Head::new(Bytes::from_owner(before)).ok());
        for index in self.parts.len()..head.map_or(0, |head| head.parts()) {
            parts.remove(parts::key(&self.key, index))?;
        }
        Ok(())
    }
}

/// Where sled keeps everything.
fn log_file(folder: &Path) -> PathBuf {
    folder.join("db")
}

fn open_error(error: sled::Error, folder: &Path) -> Error {
    match error {
        // sled has no kind of its own for this.
        sled::Error::Io(error) if error.to_string().contains("could not acquire lock") => {
            Error::Locked(folder.display().to_string())
        }
        error => engine_error(error),
    }
}

fn engine_error(error: sled::Error) -> Error {
    match error {
        sled::Error::Io(error) => Error::Engine(error),
        sled::Error::Corruption { .. } => Error::Corrupt("a page of the database".into()),
        error => Error::Engine(io::Error::other(error)),
    }
}

fn broken() -> Error {
    Error::Engine(lane::stopped())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::conformance;
    use crate::store::memory::Memory;
    use proptest::collection::{btree_map, vec};
    use proptest::option;
    use proptest::prelude::*;
    use std::sync::Arc;

    struct Subject {
        folder: tempfile::TempDir,
        config: Config,
    }

    impl conformance::Subject for Subject {
        fn open(&self, name: &str) -> Arc<dyn Engine> {
            Arc::new(Sled::open(&self.folder.path().join(name), &self.config).expect("a folder of our own"))
        }

        fn survives(&self) -> bool {
            true
        }
    }

    fn subject(durability: Durability) -> Subject {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Subject { folder, config: Config { durability, ..Config::default() } }
    }

    #[test]
    fn sled_keeps_the_promises_of_an_engine() {
        conformance::check(&subject(Durability::Crash));
    }

    #[test]
    fn sled_keeps_its_promises_when_it_waits_for_the_disk() {
        conformance::check(&subject(Durability::PowerCut));
    }

    #[test]
    fn parts_go_with_their_value() {
        let subject = subject(Durability::Crash);
        let sled = Sled::open(subject.folder.path(), &subject.config).expect("a folder of our own");
        let put = |value: Option<usize>| {
            let mut batch = Batch::new();
            match value {
                Some(length) => batch.put(b"key".to_vec(), vec![7; length]),
                None => batch.remove(b"key".to_vec()),
            }
            sled.commit(batch).expect("a batch");
        };
        let check = |value: Option<usize>, parts: usize| {
            put(value);
            assert_eq!(sled.call(|database| Ok(database.parts.len())).expect("read"), parts, "{value:?}");
            let found = sled.get(vec![b"key".to_vec()]).expect("read");
            assert_eq!(found[0].as_ref().map(Bytes::len), value);
        };
        check(Some(10 * parts::PART), 10);
        check(Some(3 * parts::PART - 1), 3);
        check(Some(5 * parts::PART), 5);
        check(Some(8), 0);
        check(Some(2 * parts::PART), 2);
        check(None, 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]

        #[test]
        fn sled_and_memory_agree(
            batches in vec(btree_map(0..40_u8, option::of(0..5_usize), 0..40), 1..25),
            reopen in vec(any::<bool>(), 25),
        ) {
            // Around the length at which values are cut, and long enough for pieces.
            const LENGTHS: [usize; 5] = [0, 700, parts::PART, parts::PART + 1, 60_000];
            let (subject, memory) = (subject(Durability::Crash), Memory::default());
            let mut sled = conformance::Subject::open(&subject, "rows");
            for (round, (rows, reopen)) in batches.into_iter().zip(reopen).enumerate() {
                let batch = || {
                    let mut batch = Batch::new();
                    for (row, length) in &rows {
                        match length {
                            Some(length) => batch.put(vec![*row], vec![round as u8; LENGTHS[*length]]),
                            None => batch.remove(vec![*row]),
                        }
                    }
                    batch
                };
                memory.commit(batch()).expect("a batch");
                sled.commit(batch()).expect("a batch");
                if reopen {
                    drop(sled);
                    sled = conformance::Subject::open(&subject, "rows");
                }
                let all = |engine: &dyn Engine| engine.scan(Range::all(), usize::MAX, Want::Entries).expect("read");
                prop_assert!(all(&*sled) == all(&memory));
            }
        }
    }

    #[test]
    fn large_batch_that_was_killed_half_way_is_applied_when_opened() {
        let subject = subject(Durability::Crash);
        let folder = subject.folder.path();
        let row = |index: u8, value: &[u8]| (vec![index], Some(value.repeat(100_000)));
        drop(Sled::open(folder, &subject.config).expect("a folder of our own"));
        let mut writes: Writes = (0..30).map(|index| row(index, b"new")).collect();
        writes.insert(vec![30], None);
        Journal::new(folder).write(&writes).expect("written");

        for _ in 0..2 {
            let sled = Sled::open(folder, &subject.config).expect("a folder of our own");
            let found = sled.scan(Range::all(), usize::MAX, Want::Entries).expect("read");
            assert_eq!(found.len(), 30);
            assert!(found.iter().all(|entry| entry.value == b"new".repeat(100_000)));
            assert_eq!(Journal::new(folder).read().expect("read"), None, "it is done");
        }
    }

    #[test]
    fn folder_in_use_is_named() {
        let subject = subject(Durability::Crash);
        let _first = Sled::open(subject.folder.path(), &subject.config).expect("a folder of our own");
        let error = Sled::open(subject.folder.path(), &subject.config).err().expect("it is locked");
        let folder = subject.folder.path().display().to_string();
        assert!(matches!(&error, Error::Locked(named) if *named == folder), "{error:?}");
    }

    #[test]
    fn folder_is_free_as_soon_as_the_engine_is_dropped() {
        let subject = subject(Durability::Crash);
        for round in 0..40_u32 {
            let sled = Sled::open(subject.folder.path(), &subject.config).expect("nobody else has it");
            let mut batch = Batch::new();
            for row in 0..200_u32 {
                batch.put([round.to_be_bytes(), row.to_be_bytes()].concat(), vec![7; 900]);
            }
            sled.commit(batch).expect("a batch");
        }
    }

    #[test]
    fn failed_write_stops_the_engine() {
        let subject = subject(Durability::Crash);
        let sled = Sled::open(subject.folder.path(), &subject.config).expect("a folder of our own");
        sled.lane.call(Option::take).expect("a job");
        assert!(matches!(sled.get(vec![b"key".to_vec()]), Err(Error::Engine(_))));
        assert!(matches!(sled.commit(Batch::new()), Err(Error::Engine(_))));
        assert!(matches!(sled.flush(), Err(Error::Engine(_))));
    }
}
