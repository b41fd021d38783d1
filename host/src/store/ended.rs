//! The runs that are over: finding the old ones, and removing them with all that
//! history keeps of them.
//!
//! Which of them go is decided above; one that has not ended is never removed.
//! Cursors, due keys and records lie in other tables, and are not touched.
//!
//! Ended runs are listed by connector and by whether they ended well, the oldest first,
//! so that old ones are found without a look at the others: of a list whose first run is
//! young, nothing more is read.

use super::engine::{Engine, Entry, Range, Want};
use super::keys::{self, Table};
use super::walk::{self, remove_all, walk};
use super::{Batch, Error, Result, Runs, codec};
use crate::model::{ChannelId, Run, RunId, Timestamp};

const WHAT: &str = "a run";
/// Entries that are looked at in one go; each costs some microseconds.
const LOOKS: usize = 1_024;
/// Entries of one list that are read at a time; the first one is often enough.
const PIECE: usize = 16;

/// Which ended runs are looked for: those that were asked for before a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Older {
    /// The time for runs that completed without warnings.
    pub completed: Timestamp,
    /// The time for all others.
    pub failed: Timestamp,
}

/// A run that has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct EndedRun {
    /// The run.
    pub run: Run,
    /// Whether no later run of its connector and direction has ended.
    pub is_newest: bool,
}

/// A part of the ended runs.
#[derive(Debug)]
pub struct Ended {
    /// Those that were found.
    pub runs: Vec<EndedRun>,
    /// The `from` of the part that follows; none: that was all.
    pub next: Option<Vec<u8>>,
}

impl Runs<'_> {
    /// Some of the ended runs that are older, in no order that matters; `from` is the
    /// `next` of the part before. A part costs some milliseconds at most, however many
    /// runs there are, and may be empty though more follow.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn ended(&self, older: Older, from: Option<Vec<u8>>) -> Result<Ended> {
        self.0.blocking(move |engine| find(engine, older, from)).await
    }

    /// Removes runs and what history keeps of them, and says which were there. A run that
    /// has not ended stays.
    ///
    /// # Errors
    /// Where the store cannot be written; some of them may be removed already.
    pub async fn remove(&self, runs: Vec<RunId>) -> Result<Vec<RunId>> {
        self.0
            .blocking(move |engine| {
                let mut removed = Vec::with_capacity(runs.len());
                for id in runs {
                    if remove(engine, id)? {
                        removed.push(id);
                    }
                }
                engine.flush()?;
                Ok(removed)
            })
            .await
    }
}

fn find(engine: &dyn Engine, older: Older, from: Option<Vec<u8>>) -> Result<Ended> {
    let mut rest = Table::EndedRuns.rows();
    rest.start = from.unwrap_or(rest.start);
    let mut found = Vec::new();
    let mut looks = 0;
    while looks < LOOKS {
        let entries = engine.scan(rest.clone(), PIECE, Want::Keys)?;
        let Some(last) = entries.last() else {
            return Ok(Ended { runs: get_all(engine, found)?, next: None });
        };
        looks += entries.len();
        rest = rest.after(&last.key);
        for (at, entry) in entries.iter().enumerate() {
            let place = place(&entry.key)?;
            let before = if place.well { older.completed } else { older.failed };
            if place.id.time() >= before {
                // Whatever follows in this list is younger still.
                rest.start = Range::prefix(&place.alike).end.unwrap_or(rest.start);
                break;
            }
            let next = entries.get(at + 1).map(|entry| &entry.key[..]);
            let has_later = next.is_some_and(|next| next.starts_with(&place.alike));
            found.push((place.id, !has_later && is_newest(engine, &place)?));
        }
    }
    Ok(Ended { runs: get_all(engine, found)?, next: Some(rest.start) })
}

fn place(key: &[u8]) -> Result<keys::EndedRun> {
    keys::ended_run_of(key).ok_or_else(|| Error::Corrupt("the key of an ended run".into()))
}

fn is_newest(engine: &dyn Engine, place: &keys::EndedRun) -> Result<bool> {
    for list in [&place.alike, &place.others] {
        let mut key = list.clone();
        key.extend_from_slice(&place.id.to_bytes());
        if !engine.scan(Range::prefix(list).after(&key), 1, Want::Keys)?.is_empty() {
            return Ok(false);
        }
    }
    Ok(true)
}

fn get_all(engine: &dyn Engine, found: Vec<(RunId, bool)>) -> Result<Vec<EndedRun>> {
    let rows = engine.get(found.iter().map(|(id, _)| keys::run(*id)).collect())?;
    let there = rows.into_iter().zip(found).filter_map(|(row, (_, is_newest))| Some((row?, is_newest)));
    there.map(|(row, is_newest)| Ok(EndedRun { run: codec::decode(WHAT, row)?, is_newest })).collect()
}

/// The details go first: what is left of a removal that was killed is found again.
fn remove(engine: &dyn Engine, id: RunId) -> Result<bool> {
    let Some(row) = walk::get(engine, keys::run(id))? else {
        return Ok(false);
    };
    let run: Run = codec::decode(WHAT, row.clone())?;
    if !run.status.has_ended() {
        return Ok(false);
    }
    remove_details(engine, id)?;
    let mut batch = Batch::new();
    batch.expect_value(keys::run(id), row.to_vec());
    batch.remove(keys::ended_run(&run));
    let job = codec::encode_bytes(&run.job.to_bytes());
    batch.remove_run(Entry { key: keys::run_of_channel(run.channel_id, id).into(), value: job.into() });
    match engine.commit(batch) {
        Err(Error::Expectation) => Ok(false),
        result => result.map(|()| true),
    }
}

/// Removes the pages and logs of every run of a channel.
pub(super) fn remove_details_of(engine: &dyn Engine, channel: ChannelId) -> Result<()> {
    walk(engine, Table::RunsOfChannel.rows_of(channel), Want::Keys, |entry| {
        keys::run_id(&entry.key).map_or(Ok(()), |id| remove_details(engine, id))
    })
}

fn remove_details(engine: &dyn Engine, id: RunId) -> Result<()> {
    let remove: fn(&mut Batch, Entry) = |batch, entry| batch.remove(entry.key.into());
    Table::OF_RUNS.iter().try_for_each(|table| remove_all(engine, &table.rows_of_run(id), Want::Keys, remove))
}

/// Lists the runs that ended before there was a list.
pub(super) fn list_all(engine: &dyn Engine) -> Result<()> {
    let mut listed = 0;
    let mut batch = Batch::new();
    walk(engine, Table::Runs.rows(), Want::Entries, |entry: Entry| {
        let run: Run = codec::decode(WHAT, entry.value)?;
        if run.status.has_ended() {
            batch.put(keys::ended_run(&run), codec::encode_bytes(b""));
            listed += 1;
        }
        if listed % LOOKS == 0 { engine.commit(std::mem::take(&mut batch)) } else { Ok(()) }
    })?;
    engine.commit(batch)
}
