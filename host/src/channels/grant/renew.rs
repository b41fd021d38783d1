//! Getting the next access token: the steps from the row to the provider and back.
//!
//! It works on what the store says, never on what somebody remembers. Each step that changes
//! the row expects it as it was read; where it is not, all begins again.

use super::{Access, Party, Place, keep};
use crate::{
    broker::{Asking, Granted, INVALID_GRANT},
    channels::{Error, Inner},
    model::{Claim, Class, Failure, GrantType, KeptGrant, Paused, Secret, Timestamp},
    store::{self, Swap},
};
use std::{sync::Arc, time::Duration};

/// Another host has so long to use a refresh token: longer than a request can take.
const CLAIM: Duration = Duration::from_secs(90);
/// How long one waits before looking whether the other host is done.
const LOOK: Duration = Duration::from_millis(250);
/// Changes of the row by others that are borne in one go.
const ROUNDS: usize = 1_000;
/// How often tokens that are there already are written again when the store fails.
const WRITES: u32 = 5;

/// Which token is wanted.
#[derive(Clone, Debug)]
pub(in crate::channels) struct Asked {
    pub(in crate::channels) place: Place,
    pub(in crate::channels) party: Arc<Party>,
    /// Any other than this.
    pub(in crate::channels) refused: Option<Secret>,
}

/// What a look at the row says.
enum Look {
    /// Take this one.
    Use(Access),
    /// Ask with this token, or with the client's own credentials.
    Ask(Option<Box<KeptGrant>>, Option<Secret>, Fallback),
    /// Another host asks.
    Wait,
}

/// The token that is still valid while a new one is asked for.
type Fallback = Option<Access>;

impl Inner {
    /// A token that is fresh, from the row or from the provider.
    pub(super) async fn renewed(&self, asked: &Asked) -> Result<Access, Failure> {
        for _ in 0..ROUNDS {
            let kept = self.store.grants().get(asked.place.channel).await.map_err(from_store)?.grant;
            let next = match self.look(asked, kept)? {
                Look::Use(access) => return Ok(access),
                Look::Wait => {
                    tokio::time::sleep(LOOK).await;
                    continue;
                }
                Look::Ask(kept, refresh, fallback) => {
                    self.ask(asked, kept.map(|kept| *kept), refresh, fallback).await?
                }
            };
            if let Some(access) = next {
                return Ok(access);
            }
        }
        Err(Failure::new(Class::Transient, "oauth.busy", "others keep changing the channel's tokens"))
    }

    fn look(&self, asked: &Asked, kept: Option<KeptGrant>) -> Result<Look, Failure> {
        let Asked { place, party, refused } = asked;
        let by_client = party.provider.grant == GrantType::ClientCredentials;
        // What a client got with its own credentials, it gets again.
        let usable = kept.as_ref().filter(|kept| kept.provider == party.digest && kept.ended.is_none());
        let Some(usable) = usable else {
            return if by_client {
                Ok(Look::Ask(kept.map(Box::new), None, None))
            } else {
                Err(unconnected(place, kept))
            };
        };
        let now = self.clock.now();
        let opened = match keep::open(&self.vault, place.channel, usable) {
            Ok(opened) => opened,
            Err(error) => return Err(Error::from(error).into_failure()),
        };
        let is_refused = refused.as_ref().is_some_and(|refused| refused.expose() == opened.access.expose());
        let is_valid = !is_refused && usable.expires.is_none_or(|expires| now < expires);
        let access = keep::access(&opened.access, usable);
        if !is_refused && access.fresh_until.is_none_or(|until| now < until) {
            return Ok(Look::Use(access));
        }
        if usable.claim.as_ref().is_some_and(|claim| claim.host != self.host && now < claim.until) {
            return Ok(Look::Wait);
        }
        match (opened.refresh, by_client) {
            // Its own credentials are always good; a refresh token, where it got one, may not be.
            (_, true) => Ok(Look::Ask(kept.map(Box::new), None, is_valid.then_some(access))),
            (None, false) if is_valid => Ok(Look::Use(Access { fresh_until: usable.expires, ..access })),
            (None, false) => Err(run_out(place, is_refused)),
            (refresh, false) => Ok(Look::Ask(kept.map(Box::new), refresh, is_valid.then_some(access))),
        }
    }

    /// One request to the provider. None: the row was changed by somebody else, look again.
    async fn ask(
        &self,
        asked: &Asked,
        kept: Option<KeptGrant>,
        refresh: Option<Secret>,
        fallback: Fallback,
    ) -> Result<Option<Access>, Failure> {
        let now = self.clock.now();
        let claimed = match kept {
            None => None,
            Some(kept) => {
                let claim = Some(Claim { host: self.host, until: now.plus(CLAIM) });
                let claimed = KeptGrant { claim, ..kept.clone() };
                if !self.swap_grant(asked, Some(kept), Some(claimed.clone())).await.map_err(from_store)? {
                    return Ok(None);
                }
                Some(claimed)
            }
        };
        let Party { provider, .. } = &*asked.party;
        let asking = refresh.as_ref().map_or(Asking::Client, Asking::Refresh);
        match self.broker.ask_for_tokens(provider, asking).await {
            Ok(granted) => self.take(asked, claimed, refresh, &granted, now).await,
            Err(failure) if failure.code == INVALID_GRANT => self.lose(asked, claimed, failure).await,
            Err(failure) => self.put_off(asked, claimed, failure, fallback).await,
        }
    }

    /// The new tokens are in the store before anybody gets them: the old refresh token may be
    /// worth nothing by now.
    async fn take(
        &self,
        asked: &Asked,
        claimed: Option<KeptGrant>,
        refresh: Option<Secret>,
        granted: &Granted,
        now: Timestamp,
    ) -> Result<Option<Access>, Failure> {
        let after = self.next_row(asked, claimed.as_ref(), refresh, granted, now)?;
        for write in 1.. {
            match self.swap_grant(asked, claimed.clone(), Some(after.clone())).await {
                Ok(true) => break,
                // Disconnected, or connected anew: these tokens are nobody's.
                Ok(false) => return Ok(None),
                Err(error) if write >= WRITES => return Err(from_store(error)),
                Err(error) => {
                    tracing::warn!(channel.id = %asked.place.channel, %error, "new tokens cannot be written yet");
                    tokio::time::sleep(LOOK * write).await;
                }
            }
        }
        tracing::info!(
            channel.id = %asked.place.channel, channel.name = %asked.place.name, renewals = after.renewals,
            "the channel has a new access token"
        );
        Ok(Some(keep::access(&granted.access, &after)))
    }

    fn next_row(
        &self,
        asked: &Asked,
        before: Option<&KeptGrant>,
        refresh: Option<Secret>,
        granted: &Granted,
        now: Timestamp,
    ) -> Result<KeptGrant, Failure> {
        let Party { provider, digest } = &*asked.party;
        // Without a new one the old one goes on, unless it was good for one use.
        let refresh = granted.refresh.clone().or(refresh.filter(|_| !provider.refresh_rotates));
        let granted = Granted { refresh, ..granted.clone() };
        let scopes = match before {
            Some(before) if before.provider == *digest => &before.scopes,
            _ => &provider.scopes,
        };
        let kept = keep::Kept { channel: asked.place.channel, digest, asked: now, scopes };
        let first =
            keep::sealed(&self.vault, kept, &granted).map_err(|error| Error::from(error).into_failure())?;
        Ok(match before.filter(|before| before.provider == *digest) {
            Some(before) => KeptGrant { connected: before.connected, renewals: before.renewals + 1, ..first },
            None => first,
        })
    }

    /// The provider has ended the grant: only a person can mend that.
    async fn lose(
        &self,
        asked: &Asked,
        claimed: Option<KeptGrant>,
        failure: Failure,
    ) -> Result<Option<Access>, Failure> {
        let place = &asked.place;
        let message = format!("{}; reconnect: tidegate channel connect {}", failure.message, place.name);
        let failure = Failure::new(Class::Auth, "oauth.revoked", message);
        let reason = Paused::because(&failure, self.clock.now());
        if let Some(before) = claimed {
            let after = KeptGrant { claim: None, ended: Some(reason.clone()), ..before.clone() };
            if !self.swap_grant(asked, Some(before), Some(after)).await.map_err(from_store)? {
                return Ok(None);
            }
        }
        if let Ok(Some(channel)) = self.store.channels().get(place.channel).await
            && let Err(error) = self.pause(&channel, reason).await
        {
            tracing::warn!(channel.id = %place.channel, %error, "the channel cannot be paused");
        }
        Err(failure)
    }

    /// Nothing is known, or the client is refused: the refresh token stays, for the next try.
    async fn put_off(
        &self,
        asked: &Asked,
        claimed: Option<KeptGrant>,
        failure: Failure,
        fallback: Fallback,
    ) -> Result<Option<Access>, Failure> {
        if let Some(before) = claimed {
            let after = KeptGrant { claim: None, ..before.clone() };
            // Where that fails, the claim runs out.
            let _ = self.swap_grant(asked, Some(before), Some(after)).await;
        }
        match fallback {
            Some(access) => {
                tracing::warn!(
                    channel.id = %asked.place.channel, channel.name = %asked.place.name,
                    code = failure.code, message = failure.message,
                    "the access token cannot be renewed yet, and is used on"
                );
                // Asked again soon, not with every request.
                let soon = self.clock.now().plus(Duration::from_secs(1));
                Ok(Some(Access { fresh_until: Some(soon), ..access }))
            }
            None => Err(failure),
        }
    }

    /// False where the row is not what it was.
    async fn swap_grant(
        &self,
        asked: &Asked,
        before: Option<KeptGrant>,
        after: Option<KeptGrant>,
    ) -> store::Result<bool> {
        settled_against(
            self.store.grants().swap(asked.place.channel, Some(Swap { before, after }), None).await,
        )
    }
}

/// Whether a change landed, or somebody was faster.
pub(in crate::channels) fn settled_against(outcome: store::Result<()>) -> store::Result<bool> {
    match outcome {
        Ok(()) => Ok(true),
        Err(store::Error::Expectation) => Ok(false),
        Err(error) => Err(error),
    }
}

fn unconnected(place: &Place, kept: Option<KeptGrant>) -> Failure {
    let name = &place.name;
    let (code, message) = match kept {
        None => (
            "oauth.not-connected",
            format!("channel '{name}' is not connected: tidegate channel connect {name}"),
        ),
        Some(KeptGrant { ended: Some(ended), .. }) => {
            return Failure::new(ended.class, ended.code, ended.message);
        }
        Some(_) => (
            "oauth.other-settings",
            format!(
                "channel '{name}' was connected with other settings than it has now; \
                 reconnect: tidegate channel connect {name}"
            ),
        ),
    };
    Failure::new(Class::Auth, code, message)
}

fn run_out(place: &Place, is_refused: bool) -> Failure {
    let what = if is_refused { "was refused" } else { "has run out" };
    let name = &place.name;
    let message = format!(
        "the access token of channel '{name}' {what}, and the provider gave none to renew it with; \
         reconnect: tidegate channel connect {name}"
    );
    Failure::new(Class::Auth, "oauth.expired", message)
}

fn from_store(error: store::Error) -> Failure {
    Error::from(error).into_failure()
}
