//! What a notice has given up: looking at it, telling it again, forgetting it.

use super::{NoticeError, Notices};
use crate::{
    model::Notice,
    store::{self, Batch, DeadNotice, FeedKey, FeedRow},
};

/// Changes that are put back or forgotten in one commit.
const PIECE: usize = 500;

/// What becomes of those that are picked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    ToldAgain,
    Forgotten,
}

impl Notices {
    /// At most `limit` changes that a notice does not tell any more, in a stable order,
    /// those after `after`.
    ///
    /// # Errors
    /// Nothing has that name, or the store fails.
    pub async fn dead(
        &self,
        name: &str,
        after: Option<&FeedKey>,
        limit: usize,
    ) -> Result<Vec<(FeedKey, DeadNotice)>, NoticeError> {
        let notice = self.find(name).await?;
        Ok(self.0.shared.store.notices().dead(notice.id, after, limit).await?)
    }

    /// Tells those again that `wanted` picks; answers how many.
    ///
    /// # Errors
    /// Nothing has that name, or the store fails.
    pub async fn retry_dead(
        &self,
        name: &str,
        wanted: impl Fn(&FeedKey) -> bool + Send,
    ) -> Result<u64, NoticeError> {
        let notice = self.find(name).await?;
        let count = self.decide(&notice, wanted, Fate::ToldAgain).await?;
        self.0.board.touch(notice.id);
        Ok(count)
    }

    /// Forgets those that `wanted` picks; answers how many.
    ///
    /// # Errors
    /// Nothing has that name, or the store fails.
    pub async fn drop_dead(
        &self,
        name: &str,
        wanted: impl Fn(&FeedKey) -> bool + Send,
    ) -> Result<u64, NoticeError> {
        let notice = self.find(name).await?;
        Ok(self.decide(&notice, wanted, Fate::Forgotten).await?)
    }

    async fn decide(
        &self,
        notice: &Notice,
        wanted: impl Fn(&FeedKey) -> bool + Send,
        fate: Fate,
    ) -> store::Result<u64> {
        let store = &self.0.shared.store;
        let (mut after, mut count) = (None, 0);
        loop {
            let dead = store.notices().dead(notice.id, after.as_ref(), PIECE).await?;
            let Some((last, _)) = dead.last() else { return Ok(count) };
            after = Some(last.clone());
            let mut batch = Batch::new();
            for (key, dead) in dead.into_iter().filter(|(key, _)| wanted(key)) {
                count += 1;
                let is_told_anyway =
                    fate == Fate::ToldAgain && store.feed().get(notice.id, &key).await?.is_some();
                if is_told_anyway {
                    // What changed since takes its fields along, and it goes when that arrives.
                    continue;
                }
                batch.remove_dead_notice(notice.id, &key);
                if fate == Fate::ToldAgain {
                    batch.remove_notice_tries(notice.id, &key);
                    let row = FeedRow { key, entry: dead.entry, changed: dead.changed };
                    batch.feed_row(notice.id, &row);
                }
            }
            if !batch.is_empty() {
                store.commit(batch).await?;
            }
        }
    }
}
