//! The OAuth tokens of channels: kept sealed, renewed in time, given to the broker alone.
//!
//! A refresh token may be good for one use, and its answer may get lost. So it is used by one
//! task at a time in this process and by one host at a time, the new one is in the store before
//! anything is done with it, and the old one stays until then. The task belongs to the channels,
//! not to whoever asked: a run that is cancelled cannot lose an answer.

mod keep;
mod provider;
mod renew;
mod tokens;

pub(super) use self::{
    keep::{Kept, open, sealed},
    provider::{Filling, provider},
    renew::{Asked, settled_against},
    tokens::{ChannelTokens, Place},
};

use super::Inner;
use crate::{
    broker::Provider,
    model::{ChannelId, Class, Failure, Secret, Timestamp},
};
use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;

/// An access token, and until when it is used without a question.
#[derive(Clone, Debug)]
pub(super) struct Access {
    pub(super) token: Secret,
    /// Sooner than it expires; none: until it is refused.
    pub(super) fresh_until: Option<Timestamp>,
}

/// A provider, and which grants are of it.
#[derive(Debug)]
pub(super) struct Party {
    pub(super) provider: Provider,
    pub(super) digest: String,
}

/// A token that is being got, for all who wait for it.
type Flight = Shared<BoxFuture<'static, Result<Access, Failure>>>;

/// The tasks that get tokens: of each channel and provider at most one at a time.
#[derive(Default)]
pub(super) struct Flights {
    tracker: TaskTracker,
    under_way: Mutex<HashMap<(ChannelId, String), Flight>>,
}

impl Flights {
    /// Waits until every answer that is under way is in the store. Nothing begins any more.
    pub(super) async fn land(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }

    /// Runs to its end whether or not somebody waits. Cancel safe.
    pub(super) async fn see_through<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Failure> {
        let (tell, told) = oneshot::channel();
        self.tracker.spawn(async move {
            // Whoever asked may be gone; what was done is in the store.
            let _ = tell.send(work.await);
        });
        told.await.map_err(|_| interrupted())
    }
}

impl Inner {
    /// The token that somebody is getting already, or else one that is got now.
    pub(super) fn fly(&self, asked: Asked) -> Flight {
        let mut under_way = self.flights.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (asked.place.channel, asked.party.digest.clone());
        if let Some(flight) = under_way.get(&key) {
            return flight.clone();
        }
        let (tell, told) = oneshot::channel();
        let flight = told.map(|told| told.unwrap_or_else(|_| Err(interrupted()))).boxed().shared();
        under_way.insert(key.clone(), flight.clone());
        let inner = self.me.upgrade();
        self.flights.tracker.spawn(async move {
            let Some(inner) = inner else { return };
            let outcome = inner.renewed(&asked).await;
            // First gone, then told: who asks from now on is not given an old answer.
            inner.flights.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
            let _ = tell.send(outcome);
        });
        flight
    }
}

/// How to reach a channel's tokens, for whoever keeps a gateway.
pub(super) fn tokens(inner: &Inner, place: Place, party: Party) -> ChannelTokens {
    ChannelTokens::new(inner.me.clone(), place, Arc::new(party))
}

fn interrupted() -> Failure {
    Failure::new(Class::Transient, "oauth.interrupted", "the host stopped while it asked for tokens")
}
