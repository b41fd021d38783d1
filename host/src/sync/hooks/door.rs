//! What a webhook needs of its channel.
//!
//! It hands on what `channels` opens.

use super::signature::Posted;
use crate::{
    channels::{self, Channels, HookDoor},
    model::{Effect, Failure, Hook, Secret, SignatureScheme},
    sandbox::Outcome,
};
use futures_util::future::BoxFuture;

/// Opens webhooks. The host's channels, or a script in tests.
pub(super) trait Doors: Send + Sync + 'static {
    /// Fails where deliveries cannot be taken now.
    fn open<'a>(&'a self, hook: &'a Hook) -> BoxFuture<'a, Result<Open, channels::Error>>;
}

/// A webhook that takes deliveries.
pub(super) struct Open {
    pub(super) signature: SignatureScheme,
    pub(super) key: Option<Secret>,
    pub(super) ear: Box<dyn Ear>,
}

/// Understands deliveries.
pub(super) trait Ear: Send + Sync {
    fn receive(&self, posted: Posted) -> BoxFuture<'_, Result<Effect, Failure>>;
}

impl Doors for Channels {
    fn open<'a>(&'a self, hook: &'a Hook) -> BoxFuture<'a, Result<Open, channels::Error>> {
        Box::pin(async move {
            let door = self.open_hook(hook).await?;
            let (signature, key) = (door.signature.clone(), door.key.clone());
            Ok(Open { signature, key, ear: Box::new(door) })
        })
    }
}

impl Ear for HookDoor {
    fn receive(&self, posted: Posted) -> BoxFuture<'_, Result<Effect, Failure>> {
        Box::pin(async move {
            let Outcome { result, .. } = HookDoor::receive(self, posted.headers, posted.body).await;
            result
        })
    }
}
