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
    model::{ChannelId, ChannelName, Route, SubscriberId, Timestamp},
    store::{self, Watch},
    sync::Sync,
};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

/// The longest sleep: the time of day may be set meanwhile.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);
/// When it is tried again to do what could not be done.
const SOON: Duration = Duration::from_secs(5);

/// The task that carries records along routes.
pub struct RouteWorker {
    sync: Sync,
    board: Arc<Board>,
    lanes: JoinSet<Result<Rest, Trouble>>,
    /// Which route a lane is of.
    of: HashMap<Id, Route>,
    live: HashSet<SubscriberId>,
    /// When a route has something to do again.
    wake: HashMap<SubscriberId, Timestamp>,
    /// Routes for which something changed since their lane began.
    news: HashSet<SubscriberId>,
    /// Those in which records may wait for others that came since.
    parents: HashSet<SubscriberId>,
}

impl RouteWorker {
    pub(super) fn new(sync: Sync, board: Arc<Board>) -> Self {
        Self {
            sync,
            board,
            lanes: JoinSet::new(),
            of: HashMap::new(),
            live: HashSet::new(),
            wake: HashMap::new(),
            news: HashSet::new(),
            parents: HashSet::new(),
        }
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
                Some(ended) = self.lanes.join_next_with_id(), if !self.lanes.is_empty() => self.ended(ended),
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
        self.wake.retain(|id, _| is_there(id));
        self.news.retain(is_there);
        self.parents.retain(is_there);
        if is_news {
            self.news.extend(routes.iter().map(|route| route.id));
        }
        let now = self.sync.shared.clock.now();
        let is_due = |route: &&Route| {
            let woken = self.wake.get(&route.id).is_some_and(|wake| *wake <= now);
            !route.paused && !self.live.contains(&route.id) && (woken || self.news.contains(&route.id))
        };
        let due: Vec<Route> = routes.iter().filter(is_due).cloned().collect();
        if !due.is_empty() {
            let channels = store.channels().list().await?;
            let names = channels.into_iter().map(|channel| (channel.id, channel.name));
            let names = Arc::new(names.collect::<HashMap<_, _>>());
            due.into_iter().for_each(|route| self.begin(route, &routes, &names, stop));
        }
        let waiting = self.wake.iter().filter(|(id, _)| !self.live.contains(id));
        let next = waiting.map(|(_, wake)| *wake).min();
        Ok(next.map_or(LONGEST_SLEEP, |next| {
            // A little later, so that its time has come then.
            Duration::from_millis(next.millis_since(now) + 1).min(LONGEST_SLEEP)
        }))
    }

    fn begin(
        &mut self,
        route: Route,
        routes: &Arc<Vec<Route>>,
        names: &Arc<HashMap<ChannelId, ChannelName>>,
        stop: &CancellationToken,
    ) {
        let id = route.id;
        self.news.remove(&id);
        self.wake.remove(&id);
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
        let task = self.lanes.spawn(async move { lane.work().await });
        self.of.insert(task.id(), route);
        self.live.insert(id);
    }

    /// Whether there is news for other routes.
    fn ended(&mut self, ended: Result<(Id, Result<Rest, Trouble>), JoinError>) -> bool {
        let soon = self.sync.shared.clock.now().plus(SOON);
        let (task, result) = match ended {
            Ok(ended) => ended,
            Err(error) => {
                tracing::error!(%error, "the host made a mistake while it worked for a route");
                (error.id(), Ok(Rest { wake: Some(soon), has_linked: false }))
            }
        };
        let Some(route) = self.of.remove(&task) else { return false };
        self.live.remove(&route.id);
        let rest = result.unwrap_or_else(|trouble| {
            self.report(&route, trouble);
            Rest { wake: Some(soon), has_linked: false }
        });
        if let Some(wake) = rest.wake {
            self.wake.insert(route.id, wake);
        }
        if rest.has_linked {
            self.parents.extend(self.of.values().map(|route| route.id).chain(self.wake.keys().copied()));
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

async fn changed(watch: &mut Watch) {
    if !watch.changed().await {
        // The store is closed; the stop is on its way.
        std::future::pending::<()>().await;
    }
}
