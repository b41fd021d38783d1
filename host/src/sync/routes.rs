//! Routes: records of one channel's connector feed those of another's, so that two remote
//! systems stay in step.
//!
//! A route is a subscriber: what changes gathers in its rows of the feed, written with the
//! records themselves, and a task works them off (`worker`, `lane`). What becomes of one
//! record is decided from what both sides are now (`desk`) and written in one commit
//! (`step`); it goes on through the local write, the outbox and the export of the channel
//! that it goes to.

mod board;
mod bounce;
mod create;
mod desk;
mod error;
mod failed;
mod fill;
mod filters;
mod graph;
mod half;
mod held;
mod lane;
mod parents;
mod step;
mod trial;
mod turn;
mod worker;

#[cfg(test)]
mod tests;

pub use create::NewRoute;
pub use error::RouteError;
pub use trial::{TrialAsk, Tried, TriedWhat};
pub use worker::RouteWorker;

use super::Sync;
use crate::{
    model::{ChannelId, Route, RouteState},
    store::{self, Batch},
};
use board::Board;
use std::sync::Arc;

/// How often a change of a route is made anew that met the route's own progress.
const TRIES: u32 = 20;

/// A route as it is shown.
#[derive(Clone, Debug)]
pub struct ShownRoute {
    /// Its row.
    pub route: Route,
    /// The channel that it comes from by today's name; none: it is deleted.
    pub from: Option<String>,
    /// The channel that it goes to.
    pub to: Option<String>,
    /// How it goes.
    pub state: RouteState,
    /// Pairs of records that are each other's counterpart.
    pub links: u64,
    /// Changes that are still to be dealt with.
    pub waiting: u64,
    /// Changes that were set aside.
    pub failed: u64,
}

/// A handle on the routes; cheap to clone.
#[derive(Clone)]
pub struct Routes(Arc<Inner>);

/// A channel that may go. While this is there, no route is made.
#[derive(Debug)]
pub struct Released {
    used: Vec<Route>,
    _making: tokio::sync::OwnedMutexGuard<()>,
}

struct Inner {
    sync: Sync,
    board: Arc<Board>,
    /// One is made at a time, so that names stay unique and no circle comes about.
    making: Arc<tokio::sync::Mutex<()>>,
}

impl Routes {
    /// The handle, and the task that has to run for it.
    #[must_use]
    pub fn build(sync: &Sync) -> (Self, RouteWorker) {
        let board = Arc::new(Board::default());
        let worker = RouteWorker::new(sync.clone(), Arc::clone(&board));
        (Self(Arc::new(Inner { sync: sync.clone(), board, making: Arc::default() })), worker)
    }

    /// All of them, by name.
    ///
    /// # Errors
    /// The store fails.
    pub async fn list(&self) -> Result<Vec<ShownRoute>, RouteError> {
        let mut routes = self.store().routes().list().await?;
        routes.sort_by(|a, b| a.name.cmp(&b.name));
        let mut shown = Vec::with_capacity(routes.len());
        for route in routes {
            shown.push(self.shown(route).await?);
        }
        Ok(shown)
    }

    /// One by its name.
    ///
    /// # Errors
    /// Nothing has that name, or the store fails.
    pub async fn get(&self, name: &str) -> Result<ShownRoute, RouteError> {
        self.shown(self.find(name).await?).await
    }

    /// Holds a route back, or lets it go on. What changes meanwhile is gathered.
    ///
    /// # Errors
    /// Nothing has that name, or the store fails.
    pub async fn set_paused(&self, name: &str, paused: bool) -> Result<ShownRoute, RouteError> {
        for _ in 0..TRIES {
            let before = self.find(name).await?;
            let after = Route { paused, ..before.clone() };
            let mut batch = Batch::new();
            batch.expect_route(&before);
            batch.put_route(&after);
            match self.store().commit(batch).await {
                Err(store::Error::Expectation) => {}
                Err(error) => return Err(error.into()),
                Ok(()) => {
                    tracing::info!(route = %after.name, paused, "route paused or resumed");
                    self.0.board.touch();
                    return self.shown(after).await;
                }
            }
        }
        Err(store::Error::Expectation.into())
    }

    /// Removes a route, what it knows of the records, and all that it had to do. The
    /// records stay.
    ///
    /// # Errors
    /// Nothing has that name, or the store fails.
    pub async fn delete(&self, name: &str) -> Result<(), RouteError> {
        let route = self.find(name).await?;
        self.remove(&route).await
    }

    /// Whether a channel may go: its routes stand in the way, unless `force` lets them go with
    /// it. Keep what is returned until the channel is gone: no route is made meanwhile.
    ///
    /// # Errors
    /// Routes use the channel, or the store fails.
    pub async fn release(&self, channel: ChannelId, name: &str, force: bool) -> Result<Released, RouteError> {
        let making = Arc::clone(&self.0.making).lock_owned().await;
        let routes = self.store().routes().list().await?;
        let used: Vec<_> = routes.into_iter().filter(|route| route.uses(channel)).collect();
        if !used.is_empty() && !force {
            let routes = used.into_iter().map(|route| route.name).collect();
            return Err(RouteError::InUse { channel: name.to_owned(), routes });
        }
        Ok(Released { used, _making: making })
    }

    /// Removes the routes of a channel that nothing else stands in the way of.
    ///
    /// # Errors
    /// The store fails.
    pub async fn let_go(&self, released: &Released) -> Result<(), RouteError> {
        for route in &released.used {
            self.remove(route).await?;
        }
        Ok(())
    }

    async fn remove(&self, route: &Route) -> Result<(), RouteError> {
        self.0.sync.shared.subscribers.remove(route.id);
        self.store().routes().delete(route.id).await?;
        self.0.board.forget(route.id);
        tracing::info!(route = %route.name, "route deleted");
        Ok(())
    }

    fn store(&self) -> &store::Store {
        &self.0.sync.shared.store
    }

    async fn find(&self, name: &str) -> Result<Route, RouteError> {
        let routes = self.store().routes().list().await?;
        let found = routes.into_iter().find(|route| route.name.as_str() == name);
        found.ok_or_else(|| RouteError::NoRoute(name.to_owned()))
    }

    async fn shown(&self, route: Route) -> Result<ShownRoute, RouteError> {
        let (store, id) = (self.store(), route.id);
        let name = async |channel| {
            let channel = store.channels().get(channel).await?;
            Ok::<_, store::Error>(channel.map(|channel| channel.name.to_string()))
        };
        Ok(ShownRoute {
            from: name(route.from.channel).await?,
            to: name(route.to.channel).await?,
            state: self.0.board.state(id),
            links: store.routes().count_links(id).await?,
            waiting: store.feed().count(id).await?,
            failed: store.routes().count_failed(id).await?,
            route,
        })
    }
}
