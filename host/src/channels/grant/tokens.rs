//! A gateway's way to its access tokens.
//!
//! It holds the last one in memory, so that most requests ask nobody.

use super::{Access, Asked, Inner, Party};
use crate::{
    broker::Tokens,
    model::{ChannelId, ChannelName, Class, Failure, Secret},
};
use futures_util::{FutureExt, future::BoxFuture};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// The channel that tokens are of.
#[derive(Clone, Debug)]
pub(in crate::channels) struct Place {
    pub(in crate::channels) channel: ChannelId,
    /// For words.
    pub(in crate::channels) name: ChannelName,
}

/// Cheap to clone; clones share what they hold.
#[derive(Clone)]
pub(in crate::channels) struct ChannelTokens(Arc<Line>);

struct Line {
    inner: Weak<Inner>,
    place: Place,
    party: Arc<Party>,
    /// The same for all gateways of a channel.
    identity: String,
    held: Mutex<Option<Access>>,
}

impl ChannelTokens {
    pub(super) fn new(inner: Weak<Inner>, place: Place, party: Arc<Party>) -> Self {
        let identity = place.channel.to_string();
        Self(Arc::new(Line { inner, place, party, identity, held: Mutex::new(None) }))
    }

    async fn another(self, refused: Option<Secret>) -> Result<Secret, Failure> {
        let Some(inner) = self.0.inner.upgrade() else { return Err(gone()) };
        let is_refused =
            |token: &Secret| refused.as_ref().is_some_and(|refused| refused.expose() == token.expose());
        // The first flight may have begun before the token was refused.
        for _ in 0..2 {
            let (place, party) = (self.0.place.clone(), self.0.party.clone());
            let access = inner.fly(Asked { place, party, refused: refused.clone() }).await?;
            if !is_refused(&access.token) {
                let token = access.token.clone();
                *self.0.held() = Some(access);
                return Ok(token);
            }
        }
        Err(Failure::new(Class::Transient, "oauth.unavailable", "the provider gives the refused token again"))
    }
}

impl Line {
    fn held(&self) -> MutexGuard<'_, Option<Access>> {
        // It is replaced whole.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The token in memory, while it is fresh.
    fn fresh(&self) -> Option<Secret> {
        let now = self.inner.upgrade()?.clock.now();
        let held = self.held();
        let access = held.as_ref()?;
        access.fresh_until.is_none_or(|until| now < until).then(|| access.token.clone())
    }
}

impl Tokens for ChannelTokens {
    fn current(&self) -> BoxFuture<'static, Result<Secret, Failure>> {
        match self.0.fresh() {
            Some(token) => std::future::ready(Ok(token)).boxed(),
            None => self.clone().another(None).boxed(),
        }
    }

    fn instead_of(&self, refused: Secret) -> BoxFuture<'static, Result<Secret, Failure>> {
        match self.0.fresh().filter(|token| token.expose() != refused.expose()) {
            Some(token) => std::future::ready(Ok(token)).boxed(),
            None => self.clone().another(Some(refused)).boxed(),
        }
    }

    fn identity(&self) -> &str {
        &self.0.identity
    }

    fn way_out(&self) -> String {
        format!("reconnect: tidegate channel connect {}", self.0.place.name)
    }
}

fn gone() -> Failure {
    Failure::new(Class::Transient, "oauth.interrupted", "the host is stopping")
}
