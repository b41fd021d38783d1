//! What a route has set aside: looking at it, trying it again, forgetting it.

use super::{RouteError, Routes};
use crate::{
    model::Route,
    store::{self, Batch, FailedRoute, FeedEntry, FeedKey, FeedKind},
};

/// Changes that are put back or forgotten in one commit.
const PIECE: usize = 500;

/// What becomes of those that are picked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    TriedAgain,
    Forgotten,
}

impl Routes {
    /// At most `limit` changes that a route has set aside, in a stable order, those after
    /// `after`.
    ///
    /// # Errors
    /// Nothing has that name, or the store fails.
    pub async fn failed(
        &self,
        name: &str,
        after: Option<&FeedKey>,
        limit: usize,
    ) -> Result<Vec<(FeedKey, FailedRoute)>, RouteError> {
        let route = self.find(name).await?;
        Ok(self.store().routes().failed(route.id, after, limit).await?)
    }

    /// Tries those again that `wanted` picks; answers how many.
    ///
    /// # Errors
    /// Nothing has that name, or the store fails.
    pub async fn retry_failed(
        &self,
        name: &str,
        wanted: impl Fn(&FeedKey) -> bool + Send,
    ) -> Result<u64, RouteError> {
        let route = self.find(name).await?;
        let count = self.settle_failed(&route, wanted, Fate::TriedAgain).await?;
        self.0.board.touch();
        Ok(count)
    }

    /// Forgets those that `wanted` picks; answers how many. Their records are looked at
    /// again when they change.
    ///
    /// # Errors
    /// Nothing has that name, or the store fails.
    pub async fn drop_failed(
        &self,
        name: &str,
        wanted: impl Fn(&FeedKey) -> bool + Send,
    ) -> Result<u64, RouteError> {
        let route = self.find(name).await?;
        Ok(self.settle_failed(&route, wanted, Fate::Forgotten).await?)
    }

    async fn settle_failed(
        &self,
        route: &Route,
        wanted: impl Fn(&FeedKey) -> bool + Send,
        fate: Fate,
    ) -> store::Result<u64> {
        let (store, id) = (self.store(), route.id);
        let (mut after, mut count) = (None, 0);
        loop {
            let failed = store.routes().failed(id, after.as_ref(), PIECE).await?;
            let Some((last, _)) = failed.last() else { return Ok(count) };
            after = Some(last.clone());
            let mut batch = Batch::new();
            for (key, _) in failed.into_iter().filter(|(key, _)| wanted(key)) {
                count += 1;
                batch.remove_failed_route(id, &key);
                // What changed since is dealt with anyway.
                if fate == Fate::TriedAgain && store.feed().get(id, &key).await?.is_none() {
                    let entry = FeedEntry { kind: FeedKind::Updated, stamp: fastrand::u64(..), origin: None };
                    batch.feed(id, key.channel, &key.connector, &key.key, &entry);
                    batch.remove_route_tries(id, &key);
                }
            }
            if !batch.is_empty() {
                store.commit(batch).await?;
            }
        }
    }
}
