//! The way of one route: row by row, until nothing is left that can be done now.
//!
//! A record that fails holds no other up: it is tried a few times, later and later, and then
//! set aside. It knows no other route.

use super::{
    fill,
    step::{Outcome, Step, Trouble},
};
use crate::{
    metrics::{self, Routed},
    model::{Failure, Timestamp},
    store::{self, Batch, FailedRoute, FeedKey, FeedRow, RouteTries},
    sync::lanes::{kept, sooner},
};
use futures_util::{StreamExt, stream};
use std::{collections::HashMap, time::Duration};
use tokio_util::sync::CancellationToken;

/// Rows that are read in one go.
const ROWS: usize = 64;
/// Records that are worked on at the same time.
const AT_ONCE: usize = 4;
/// How often a record is tried before it is set aside.
const ATTEMPTS: u32 = 5;
/// How long a record waits after its first failure; twice as long after each further one.
const BACKOFF: Duration = Duration::from_secs(1);
const LONGEST_BACKOFF: Duration = Duration::from_secs(300);

/// A route at work.
pub(super) struct Lane {
    pub(super) step: Step,
    /// Whether records that wait for another one are looked at before their time.
    pub(super) looks_for_parents: bool,
    pub(super) cancel: CancellationToken,
}

/// How a lane came to its end.
#[derive(Default)]
pub(super) struct Rest {
    /// When there is something to do again, apart from what changes meanwhile.
    pub(super) wake: Option<Timestamp>,
    /// Whether new records have their counterpart now, for which others may wait.
    pub(super) has_linked: bool,
}

impl Lane {
    /// # Errors
    /// Nothing of the route can be done now.
    pub(super) async fn work(&self) -> Result<Rest, Trouble> {
        let (mut route, mut rest) = (self.step.route.clone(), Rest::default());
        let store = &self.step.sync.shared.store;
        loop {
            let is_filling = fill::piece(store, &mut route).await?;
            self.pass(&mut rest).await?;
            if !is_filling || self.cancel.is_cancelled() {
                return Ok(rest);
            }
        }
    }

    /// Looks at every row once.
    async fn pass(&self, rest: &mut Rest) -> Result<(), Trouble> {
        let (id, store) = (self.step.route.id, &self.step.sync.shared.store);
        let tries: HashMap<FeedKey, RouteTries> = store.routes().tries(id).await?.into_iter().collect();
        let mut after = None;
        while !self.cancel.is_cancelled() {
            let rows = store.feed().list(id, after.as_ref(), ROWS).await?;
            let Some(last) = rows.last() else { break };
            after = Some(last.key.clone());
            let ready = self.ready(rows, &tries, &mut rest.wake);
            let work = ready.into_iter().map(|row| async {
                let outcome = self.step.work(&row.key).await;
                (row, outcome)
            });
            let mut done = stream::iter(work).buffer_unordered(AT_ONCE);
            while let Some((row, outcome)) = done.next().await {
                self.note(&row, outcome?, of(&tries, &row), rest).await?;
            }
        }
        Ok(())
    }

    /// Those that may be tried now; `wake` gets the time of the first of the others.
    fn ready(
        &self,
        rows: Vec<FeedRow>,
        tries: &HashMap<FeedKey, RouteTries>,
        wake: &mut Option<Timestamp>,
    ) -> Vec<FeedRow> {
        let now = self.step.sync.shared.clock.now();
        let is_ready = |row: &FeedRow| match of(tries, row) {
            Some(tried) if tried.waits > 0 && self.looks_for_parents => true,
            Some(tried) if tried.next > now => {
                sooner(wake, tried.next);
                false
            }
            _ => true,
        };
        rows.into_iter().filter(is_ready).collect()
    }

    async fn note(
        &self,
        row: &FeedRow,
        outcome: Outcome,
        tried: Option<&RouteTries>,
        rest: &mut Rest,
    ) -> store::Result<()> {
        metrics::route(routed(&outcome));
        let (board, id) = (&self.step.board, self.step.route.id);
        let now = self.step.sync.shared.clock.now();
        rest.has_linked |= outcome == Outcome::Created;
        let before = tried.map_or((0, 0), |tried| (tried.tries, tried.waits));
        match outcome {
            Outcome::Created | Outcome::Updated | Outcome::Deleted => board.written(id, now),
            Outcome::LeftOut => board.left_out(id),
            Outcome::Unchanged => {}
            Outcome::Waits(_) => {
                let next = now.plus(backoff(before.1 + 1));
                sooner(&mut rest.wake, next);
                self.put_off(row, before.0, before.1 + 1, next).await?;
            }
            Outcome::Failed(reason) if before.0 + 1 < ATTEMPTS => {
                let next = now.plus(backoff(before.0 + 1));
                sooner(&mut rest.wake, next);
                board.failed(id, now, reason);
                self.put_off(row, before.0 + 1, 0, next).await?;
            }
            Outcome::Failed(reason) | Outcome::Held(reason) => {
                self.set_aside(row, before.0 + 1, reason, now).await?;
            }
        }
        Ok(())
    }

    async fn put_off(&self, row: &FeedRow, tries: u32, waits: u32, next: Timestamp) -> store::Result<()> {
        let id = self.step.route.id;
        let tries = RouteTries { stamp: row.entry.stamp, tries, waits, next };
        let mut batch = Batch::new();
        batch.expect_feed(id, row);
        batch.put_route_tries(id, &row.key, &tries);
        kept(self.step.sync.shared.store.commit(batch).await)
    }

    /// Not tried again, unless its record changes.
    async fn set_aside(
        &self,
        row: &FeedRow,
        tries: u32,
        reason: Failure,
        now: Timestamp,
    ) -> store::Result<()> {
        let (id, name) = (self.step.route.id, &self.step.route.name);
        tracing::warn!(route = %name, %reason, tries, "a record was set aside by a route");
        metrics::route(Routed::SetAside);
        self.step.board.failed(id, now, reason.clone());
        let mut batch = Batch::new();
        batch.settle_feed(id, row);
        batch.remove_route_tries(id, &row.key);
        batch.put_failed_route(id, &row.key, &FailedRoute { tries, reason, since: now });
        kept(self.step.sync.shared.store.commit(batch).await)
    }
}

fn routed(outcome: &Outcome) -> Routed {
    match outcome {
        Outcome::Created => Routed::Created,
        Outcome::Updated => Routed::Updated,
        Outcome::Deleted => Routed::Deleted,
        Outcome::Unchanged => Routed::Unchanged,
        Outcome::LeftOut => Routed::LeftOut,
        Outcome::Waits(_) => Routed::Waits,
        Outcome::Failed(_) | Outcome::Held(_) => Routed::Failed,
    }
}

fn backoff(failures: u32) -> Duration {
    BACKOFF.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1))).min(LONGEST_BACKOFF)
}

/// What was tried of this very change.
fn of<'a>(tries: &'a HashMap<FeedKey, RouteTries>, row: &FeedRow) -> Option<&'a RouteTries> {
    tries.get(&row.key).filter(|tried| tried.stamp == row.entry.stamp)
}
