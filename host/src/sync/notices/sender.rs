//! The task that sends notices: it gives every notice that has something to tell a lane of
//! its own.
//!
//! A lane that waits for its address holds no other up. What a lane does stands in `lane`.

use super::{backoff::Config, board::Board, lane::Lane, message::Key};
use crate::{
    channels::{Channels, Owner, Postman},
    clock::Clock,
    model::{Class, Failure, Notice, SubscriberId, Timestamp},
    store::{self, Store},
    sync::lanes::{Lanes, SOON, changed},
};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

/// The task that sends notices.
pub struct NoticeSender {
    store: Store,
    channels: Channels,
    clock: Clock,
    config: Config,
    board: Arc<Board>,
    /// One ends with the time at which its notice has something to do again.
    lanes: Lanes<Option<Timestamp>>,
    postmen: HashMap<SubscriberId, (String, Postman)>,
}

/// What a sender is made of.
pub(super) struct Parts {
    pub(super) store: Store,
    pub(super) channels: Channels,
    pub(super) clock: Clock,
    pub(super) config: Config,
    pub(super) board: Arc<Board>,
}

impl NoticeSender {
    pub(super) fn new(parts: Parts) -> Self {
        let Parts { store, channels, clock, config, board } = parts;
        Self { store, channels, clock, config, board, lanes: Lanes::new(), postmen: HashMap::new() }
    }

    /// Sends until `stop`. A message that is under way then may arrive, and is sent again
    /// at the next start.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut feed = self.store.feed().watch();
        let mut is_news = true;
        while !stop.is_cancelled() {
            let sleep = match self.turn(is_news, &stop).await {
                Ok(sleep) => sleep,
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "notices cannot be sent");
                    SOON
                }
            };
            let board = Arc::clone(&self.board);
            is_news = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                (notice, ended) = self.lanes.ended() => {
                    self.ended(notice, ended);
                    false
                }
                () = changed(&mut feed) => true,
                () = board.changed() => true,
                () = tokio::time::sleep(sleep) => false,
            };
        }
        self.lanes.shutdown().await;
    }

    /// Begins the lanes that have something to do, and says how long nothing will be.
    async fn turn(&mut self, is_news: bool, stop: &CancellationToken) -> store::Result<Duration> {
        let notices = self.store.notices().list().await?;
        let now = self.clock.now();
        self.postmen.retain(|id, _| notices.iter().any(|notice| notice.id == *id));
        self.lanes.retain(|id| notices.iter().any(|notice| notice.id == *id));
        let active = || notices.iter().filter(|notice| !notice.paused);
        if is_news {
            self.lanes.news(active().map(|notice| notice.id));
        }
        for notice in active().cloned() {
            let is_resting = self.board.state(notice.id).resting_until.is_some_and(|until| until > now);
            if self.lanes.is_due(notice.id, now) && !is_resting {
                self.begin(notice, stop);
            }
        }
        Ok(self.lanes.sleep(now))
    }

    fn begin(&mut self, notice: Notice, stop: &CancellationToken) {
        let id = notice.id;
        let (postman, key) = match self.ready(&notice) {
            Ok(ready) => ready,
            Err(failure) => {
                let now = self.clock.now();
                tracing::warn!(notice = %notice.name, %failure, "a notice cannot be sent");
                let until = now.plus(self.config.wait(self.board.rests(id, false), None));
                self.board.failed(id, now, failure);
                self.board.resting(id, until);
                self.lanes.rest(id, until);
                return;
            }
        };
        let lane = Lane {
            store: self.store.clone(),
            clock: self.clock.clone(),
            config: self.config.clone(),
            board: Arc::clone(&self.board),
            notice,
            postman,
            key,
            cancel: stop.child_token(),
        };
        let clock = self.clock.clone();
        let work = async move {
            match lane.work().await {
                Ok(wake) => wake,
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "notices cannot be sent");
                    Some(clock.now().plus(SOON))
                }
            }
        };
        self.lanes.begin(id, work);
    }

    /// The way out and the key. The connections of an address are used again.
    fn ready(&mut self, notice: &Notice) -> Result<(Postman, Key), Failure> {
        let secret = self.channels.unseal(Owner::NoticeKey(notice.id), &notice.secret);
        let secret = secret.map_err(|error| error.into_failure())?;
        let key = Key::read(&secret).ok_or_else(|| {
            Failure::new(Class::Internal, "notice.key", "the key of the notice is not what was stored")
        })?;
        let known = self.postmen.get(&notice.id).filter(|(url, _)| *url == notice.url);
        let postman = match known {
            Some((_, postman)) => postman.clone(),
            None => self.channels.postman(&notice.url)?,
        };
        self.postmen.insert(notice.id, (notice.url.clone(), postman.clone()));
        Ok((postman, key))
    }

    fn ended(&mut self, notice: SubscriberId, ended: Result<Option<Timestamp>, JoinError>) {
        let wake = ended.unwrap_or_else(|error| {
            tracing::error!(%error, "the host made a mistake while it sent notices");
            Some(self.clock.now().plus(SOON))
        });
        if let Some(wake) = wake {
            self.lanes.wake(notice, wake);
        }
    }
}
