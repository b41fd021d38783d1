//! Finding runs by what became of them.
//!
//! It walks history from the newest run on and never further than a bounded number of
//! runs at a time; who wants more asks again from there.

use super::{Error, Sync};
use crate::model::{ChannelId, Name, Run, RunId, Status, Timestamp};
use std::time::Duration;

/// Runs that one search looks at, at most: some milliseconds of work each thousand.
const LOOKS: usize = 20_000;
/// Runs that are read at a time where not all of them are wanted.
const PIECE: usize = 500;

/// Which runs are wanted.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// Of this channel.
    pub channel: Option<ChannelId>,
    /// Of connectors with this name.
    pub connector: Option<Name>,
    /// That stand like one of these; empty: however they stand.
    pub statuses: Vec<Status>,
    /// Asked for within this time before now.
    pub since: Option<Duration>,
    /// Older than this one.
    pub before: Option<RunId>,
    /// So many at most.
    pub limit: usize,
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The runs as they stand, newest first.
    pub runs: Vec<Run>,
    /// The `before` with which to go on; none: there are no more. Few runs, or none, do not
    /// mean that.
    pub next: Option<RunId>,
}

impl Search {
    fn is_choosy(&self) -> bool {
        self.connector.is_some() || !self.statuses.is_empty()
    }

    fn wants(&self, run: &Run) -> bool {
        self.connector.as_ref().is_none_or(|connector| run.connector == *connector)
            && (self.statuses.is_empty() || self.statuses.contains(&run.status))
    }
}

impl Sync {
    /// Runs that are wanted, newest first, live counters included.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find(&self, search: &Search) -> Result<Found, Error> {
        let since = search.since.map(|since| before(self.shared.clock.now(), since));
        let piece = if search.is_choosy() { PIECE } else { search.limit + 1 };
        let mut found = Vec::new();
        let (mut before, mut looks) = (search.before, 0);
        loop {
            let runs = self.runs(search.channel, before, piece).await?;
            let is_last = runs.len() < piece;
            looks += runs.len();
            before = runs.last().map(|run| run.id);
            for run in runs {
                if since.is_some_and(|since| run.requested < since) {
                    return Ok(Found { runs: found, next: None });
                }
                if !search.wants(&run) {
                    continue;
                }
                if found.len() == search.limit {
                    let next = found.last().map(|run: &Run| run.id);
                    return Ok(Found { runs: found, next });
                }
                found.push(run);
            }
            if is_last || looks >= LOOKS {
                return Ok(Found { runs: found, next: before.filter(|_| !is_last) });
            }
        }
    }
}

fn before(now: Timestamp, span: Duration) -> Timestamp {
    let span = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(now.as_millis().saturating_sub(span))
}
