//! The task that works for the routes: it gives each that has something to do a lane of its
//! own.
//!
//! A lane that fails or waits holds no other up. What a lane does stands in `lane`.

use super::{
    board::Board,
    filters::RouteFilters,
    lane::{Lane, Rest},
    step::{Step, Trouble},
};
use crate::{
    model::{ChannelId, ChannelName, Route, SubscriberId},
    store,
    sync::{
        Sync,
        lanes::{Lanes, SOON, changed},
    },
};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

/// The task that carries records along routes.
pub struct RouteWorker {
    sync: Sync,
    board: Arc<Board>,
    lanes: Lanes<Done>,
    /// Those in which records may wait for others that came since.
    parents: HashSet<SubscriberId>,
}

/// How the lane of a route came to its end.
type Done = (Route, Result<Rest, Trouble>);

impl RouteWorker {
    pub(super) fn new(sync: Sync, board: Arc<Board>) -> Self {
        Self { sync, board, lanes: Lanes::new(), parents: HashSet::new() }
    }

    /// Works until `stop`. What is not done by then is done at the next start.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut feed = self.sync.shared.store.feed().watch();
        let (mut is_news, board) = (true, Arc::clone(&self.board));
        while !stop.is_cancelled() {
            let sleep = match self.turn(is_news, &stop).await {
                Ok(sleep) => sleep,
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "routes cannot be read");
                    SOON
                }
            };
            is_news = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                (route, ended) = self.lanes.ended() => self.ended(route, ended),
                () = changed(&mut feed) => true,
                () = board.changed() => true,
                () = tokio::time::sleep(sleep) => false,
            };
        }
        self.lanes.shutdown().await;
    }

    /// Begins the lanes that have something to do, and says how long nothing will be.
    async fn turn(&mut self, is_news: bool, stop: &CancellationToken) -> store::Result<Duration> {
        let store = &self.sync.shared.store;
        let routes = Arc::new(store.routes().list().await?);
        let is_there = |id: &SubscriberId| routes.iter().any(|route| route.id == *id);
        self.lanes.retain(is_there);
        self.parents.retain(is_there);
        if is_news {
            self.lanes.news(routes.iter().map(|route| route.id));
        }
        let now = self.sync.shared.clock.now();
        let is_due = |route: &&Route| !route.paused && self.lanes.is_due(route.id, now);
        let due: Vec<Route> = routes.iter().filter(is_due).cloned().collect();
        if !due.is_empty() {
            let channels = store.channels().list().await?;
            let names = channels.into_iter().map(|channel| (channel.id, channel.name));
            let names = Arc::new(names.collect::<HashMap<_, _>>());
            due.into_iter().for_each(|route| self.begin(route, &routes, &names, stop));
        }
        Ok(self.lanes.sleep(now))
    }

    fn begin(
        &mut self,
        route: Route,
        routes: &Arc<Vec<Route>>,
        names: &Arc<HashMap<ChannelId, ChannelName>>,
        stop: &CancellationToken,
    ) {
        let id = route.id;
        let lane = Lane {
            step: Step {
                sync: self.sync.clone(),
                board: Arc::clone(&self.board),
                filters: RouteFilters::of(self.sync.shared.config.filters(), &route),
                route: route.clone(),
                routes: Arc::clone(routes),
                names: Arc::clone(names),
            },
            looks_for_parents: self.parents.remove(&id),
            cancel: stop.child_token(),
        };
        self.lanes.begin(id, async move { (route, lane.work().await) });
    }

    /// Whether there is news for other routes.
    fn ended(&mut self, id: SubscriberId, ended: Result<Done, JoinError>) -> bool {
        let again = || Rest { wake: Some(self.sync.shared.clock.now().plus(SOON)), has_linked: false };
        let rest = match ended {
            Ok((_, Ok(rest))) => rest,
            Ok((route, Err(trouble))) => {
                self.report(&route, trouble);
                again()
            }
            Err(error) => {
                tracing::error!(%error, "the host made a mistake while it worked for a route");
                again()
            }
        };
        if let Some(wake) = rest.wake {
            self.lanes.wake(id, wake);
        }
        if rest.has_linked {
            self.parents.extend(self.lanes.known());
        }
        rest.has_linked
    }

    fn report(&self, route: &Route, trouble: Trouble) {
        match trouble {
            // Somebody changed the route itself.
            Trouble::Store(store::Error::Expectation) => {}
            Trouble::Store(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(route = %route.name, error, "a route cannot go on");
            }
            Trouble::Other(failure) => {
                tracing::warn!(route = %route.name, %failure, "a route cannot go on");
                self.board.failed(route.id, self.sync.shared.clock.now(), failure);
            }
        }
    }
}
