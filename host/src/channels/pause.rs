//! Holding a channel's runs back, and letting them go on.
//!
//! A pause is a program's; it never touches a person's switch, nor a row that a
//! person changed in the meantime.

use super::{Error, Inner};
use crate::{
    model::{Channel, Paused},
    store,
};

impl Inner {
    pub(super) async fn pause(&self, seen: &Channel, reason: Paused) -> Result<bool, Error> {
        let found = self.store.channels().get(seen.id).await?;
        let Some(before) = found.filter(|now| now.revision == seen.revision && now.paused.is_none()) else {
            return Ok(false);
        };
        // Not an edit: what was edited last, and when, is a person's.
        let after = Channel { paused: Some(reason), revision: before.revision + 1, ..before.clone() };
        if !self.swap(&before, &after).await? {
            return Ok(false);
        }
        if let Some(reason) = &after.paused {
            tracing::warn!(
                channel.id = %after.id, channel.name = %after.name, reason.class = %reason.class,
                reason.code, reason.message, "channel paused"
            );
        }
        Ok(true)
    }

    pub(super) async fn resume(&self, seen: &Channel) -> Result<bool, Error> {
        let found = self.store.channels().get(seen.id).await?;
        let Some(before) = found.filter(|now| now.revision == seen.revision && now.paused.is_some()) else {
            return Ok(false);
        };
        let mut after = Channel { revision: before.revision + 1, ..before.clone() };
        self.end_pause(&mut after);
        let done = self.swap(&before, &after).await?;
        if done {
            tracing::info!(channel.id = %after.id, channel.name = %after.name, "the channel's pause is over");
        }
        Ok(done)
    }

    /// False where somebody was faster.
    pub(super) async fn swap(&self, before: &Channel, after: &Channel) -> Result<bool, Error> {
        match self.store.channels().update(before, after).await {
            Ok(()) => Ok(true),
            Err(store::Error::Expectation) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// From now on runs may start again.
    pub(super) fn end_pause(&self, channel: &mut Channel) {
        if channel.paused.take().is_some() {
            channel.enabled_since = Some(self.clock.now());
        }
    }
}
