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
        match self.store.channels().update(&before, &after).await {
            Ok(()) => {}
            Err(store::Error::Expectation) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        if let Some(reason) = &after.paused {
            tracing::warn!(
                channel.id = %after.id, channel.name = %after.name, reason.class = %reason.class,
                reason.code, reason.message, "channel paused"
            );
        }
        Ok(true)
    }

    /// From now on runs may start again.
    pub(super) fn end_pause(&self, channel: &mut Channel) {
        if channel.paused.take().is_some() {
            channel.enabled_since = Some(self.clock.now());
        }
    }
}
