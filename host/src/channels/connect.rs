//! Connecting a channel by OAuth: from the address that a person opens to the first tokens.
//!
//! An attempt is a row with its secrets sealed. The row decides whether a browser that comes
//! back is let in: once, within ten minutes, with the state that only the host can have made.

mod parting;
mod report;

pub use self::{
    parting::Disconnected,
    report::{AttemptReport, ConnectionReport, Standing},
};

use super::{
    Channels, Error, Inner,
    grant::{self, Asked, Party, Place as Whose, settled_against},
    vault::Place,
};
use crate::{
    broker::{Asking, Callback, Nonce, Returned, Sending, same},
    model::{
        Channel, ChannelId, ChannelName, Class, ConnectStage, Failure, GrantType, KeptAttempt, KeptGrant,
        Secret, Timestamp,
    },
    store::{self, Swap},
};
use std::{sync::Arc, time::Duration};
use zeroize::Zeroizing;

/// How long a person has.
const PATIENCE: Duration = Duration::from_secs(600);

/// What state and verifier are sealed for.
const FIELD: &str = "oauth/attempt";

/// How connecting begins.
#[derive(Clone, Debug)]
pub enum Connecting {
    /// A person goes on, in a browser.
    Browser(Started),
    /// It is done: no person was needed.
    Done,
}

/// An attempt of a person.
#[derive(Clone, Debug)]
pub struct Started {
    /// Tells it from earlier and later ones.
    pub attempt: String,
    /// What to open. It holds the state: who has it can come back with it.
    pub authorize_url: Secret,
    /// Where the browser comes back to.
    pub redirect_uri: String,
    /// Until when.
    pub expires: Timestamp,
}

/// Why a browser that came back is not let in.
#[derive(Clone, Debug)]
pub enum Rejected {
    /// No provider answers like that.
    NoAnswer,
    /// Nobody asked for it, or it was used, or too late.
    Stale,
    /// The provider says no: `access_denied` where the person does.
    Refused {
        /// Which channel.
        channel: ChannelName,
        /// The standard's word.
        code: String,
        /// The provider's own words.
        words: Option<String>,
    },
    /// It came to nothing.
    Failed(Failure),
}

impl Channels {
    /// Begins to connect a channel by OAuth: with the address that a person opens, which
    /// comes back to `redirect_uri`; or at once, where the channel has credentials of its own.
    /// An attempt that was begun before counts no more.
    ///
    /// # Errors
    /// The channel signs in by other means, a person is needed and there is no address to come
    /// back to, the provider refuses, the store fails.
    pub async fn connect(&self, name: &str, redirect_uri: Option<&str>) -> Result<Connecting, Error> {
        self.0.connect(name, redirect_uri).await
    }

    /// Turns what a browser brought back, the query of its address, into tokens, and lets a
    /// channel go on that was paused for the lack of them. What was begun is brought to its end
    /// whether or not the caller waits.
    ///
    /// # Errors
    /// In words for the person in front of the browser.
    pub async fn finish_connecting(&self, query: &str) -> Result<ChannelName, Rejected> {
        let callback = Callback::read(query).ok_or(Rejected::NoAnswer)?;
        let inner = Arc::clone(&self.0);
        let finishing = self.0.flights.see_through(async move { inner.finish(callback).await });
        finishing.await.unwrap_or_else(|failure| Err(Rejected::Failed(failure)))
    }

    /// How a channel is connected; none where it signs in by other means.
    ///
    /// # Errors
    /// Nothing has that name, or the store fails.
    pub async fn connection(&self, name: &str) -> Result<Option<ConnectionReport>, Error> {
        self.0.connection(name).await
    }

    /// Forgets a channel's tokens, and gives them back where the provider takes them.
    ///
    /// # Errors
    /// Nothing has that name, the channel signs in by other means, the store fails.
    pub async fn disconnect(&self, name: &str) -> Result<Disconnected, Error> {
        self.0.disconnect(name).await
    }

    /// Waits until tokens that are being got are in the store. Belongs to the stop of a host,
    /// after everything that asks for tokens.
    pub async fn settle_tokens(&self) {
        self.0.flights.land().await;
    }
}

impl Inner {
    pub(super) async fn connect(&self, name: &str, redirect_uri: Option<&str>) -> Result<Connecting, Error> {
        let channel = self.get(name).await?;
        let party = self.party(&channel).await?.ok_or_else(|| Error::Plugin(by_other_means(&channel)))?;
        // Secrets under two keys could be opened with neither.
        self.verify_key().await?;
        if party.provider.grant == GrantType::ClientCredentials {
            self.connect_at_once(&channel, party).await?;
            return Ok(Connecting::Done);
        }
        let redirect_uri = redirect_uri.ok_or_else(|| Error::Plugin(nowhere_to_come_back()))?;
        self.begin(&channel, &party, redirect_uri).await.map(Connecting::Browser)
    }

    /// With the client's own credentials, anew even where there are tokens: that is what was
    /// asked for.
    async fn connect_at_once(&self, channel: &Channel, party: Party) -> Result<(), Error> {
        let grant = self.store.grants().get(channel.id).await?.grant;
        if let Some(before) = grant {
            let forgotten = Some(Swap { before: Some(before), after: None });
            settled_against(self.store.grants().swap(channel.id, forgotten, None).await)?;
        }
        let place = Whose { channel: channel.id, name: channel.name.clone() };
        let asked = Asked { place, party: Arc::new(party), refused: None };
        self.fly(asked).await.map_err(Error::Plugin)?;
        self.connected(channel.id).await?;
        Ok(())
    }

    async fn begin(&self, channel: &Channel, party: &Party, redirect_uri: &str) -> Result<Started, Error> {
        let random = |_| Error::Vault(super::VaultError::Random);
        let (state, verifier, attempt) =
            (Nonce::new().map_err(random)?, Nonce::new().map_err(random)?, Nonce::new().map_err(random)?);
        let state = Secret::new(format!("{}.{}", channel.id, state.expose()));
        let sending = Sending { redirect_uri, state: state.expose(), verifier: &verifier };
        let url =
            party.provider.authorization(sending).ok_or_else(|| Error::Plugin(by_other_means(channel)))?;
        self.broker.may_show(&url).map_err(Error::Plugin)?;
        let now = self.clock.now();
        let sealed = Zeroizing::new(format!("{} {}", state.expose(), verifier.expose()));
        let sealed = self.vault.seal(&Secret::new(sealed.as_str()), place_of(channel.id))?;
        let after = KeptAttempt {
            // Half of its bits do: it lets nobody in.
            id: attempt.expose()[..22].to_owned(),
            provider: party.digest.clone(),
            redirect_uri: redirect_uri.to_owned(),
            begun: now,
            expires: now.plus(PATIENCE),
            stage: ConnectStage::Waiting { sealed },
        };
        let before = self.store.grants().get(channel.id).await?.attempt;
        let begun = Started {
            attempt: after.id.clone(),
            authorize_url: Secret::new(String::from(url)),
            redirect_uri: redirect_uri.to_owned(),
            expires: after.expires,
        };
        let swap = Some(Swap { before, after: Some(after) });
        if !settled_against(self.store.grants().swap(channel.id, None, swap).await)? {
            return Err(Error::Stale(channel.name.to_string()));
        }
        tracing::info!(channel.id = %channel.id, channel.name = %channel.name, "connecting the channel was begun");
        Ok(begun)
    }

    /// From the browser's return to the tokens in the store.
    pub(super) async fn finish(&self, callback: Callback) -> Result<ChannelName, Rejected> {
        let (channel, attempt, verifier) = self.recognise(&callback).await?;
        let party = match self.party(&channel).await {
            Ok(Some(party)) if party.digest == attempt.provider => party,
            Ok(_) => return self.fail(&channel, attempt, changed_meanwhile(&channel)).await,
            Err(error) => return self.fail(&channel, attempt, error.into_failure()).await,
        };
        if let Err(failure) = callback.check_issuer(&party.provider) {
            return self.fail(&channel, attempt, failure).await;
        }
        let code = match callback.returned {
            Returned::Code(code) => code,
            Returned::Error { code, words } => {
                let failure = refused(&code, words.as_deref());
                self.fail(&channel, attempt, failure).await.err().filter(is_stale).map_or(Ok(()), Err)?;
                return Err(Rejected::Refused { channel: channel.name, code, words });
            }
        };
        // From here on the state is used up, whatever becomes of the code.
        let redeeming = KeptAttempt { stage: ConnectStage::Redeeming, ..attempt.clone() };
        self.advance(&channel, attempt, redeeming.clone()).await?;
        let asked = self.clock.now();
        let asking = Asking::Code { code: &code, redirect_uri: &redeeming.redirect_uri, verifier: &verifier };
        let granted = match self.broker.ask_for_tokens(&party.provider, asking).await {
            Ok(granted) => granted,
            Err(failure) => return self.fail(&channel, redeeming, failure).await,
        };
        let kept =
            grant::Kept { channel: channel.id, digest: &party.digest, asked, scopes: &party.provider.scopes };
        let sealed = grant::sealed(&self.vault, kept, &granted);
        let grant = sealed.map_err(|error| Rejected::Failed(Error::from(error).into_failure()))?;
        self.keep(&channel, redeeming, grant).await?;
        tracing::info!(channel.id = %channel.id, channel.name = %channel.name, "the channel is connected");
        Ok(channel.name)
    }

    /// The attempt that the state is of.
    async fn recognise(&self, callback: &Callback) -> Result<(Channel, KeptAttempt, Nonce), Rejected> {
        let id = callback.state.expose().split_once('.').and_then(|(id, _)| id.parse::<ChannelId>().ok());
        let id = id.ok_or(Rejected::Stale)?;
        let attempt = self.store.grants().get(id).await.map_err(broken)?.attempt.ok_or(Rejected::Stale)?;
        let ConnectStage::Waiting { sealed } = &attempt.stage else { return Err(Rejected::Stale) };
        if self.clock.now() >= attempt.expires {
            return Err(Rejected::Stale);
        }
        let opened = self.vault.unseal(sealed, place_of(id));
        let opened = opened.map_err(|error| Rejected::Failed(Error::from(error).into_failure()))?;
        let (state, verifier) = opened.expose().split_once(' ').ok_or(Rejected::Stale)?;
        if !same(state, callback.state.expose()) {
            return Err(Rejected::Stale);
        }
        let channel = self.store.channels().get(id).await.map_err(broken)?.ok_or(Rejected::Stale)?;
        Ok((channel, attempt.clone(), Nonce::of(verifier)))
    }

    /// Both rows at one stroke, and then the channel may run again.
    async fn keep(&self, channel: &Channel, attempt: KeptAttempt, grant: KeptGrant) -> Result<(), Rejected> {
        let connected = KeptAttempt { stage: ConnectStage::Connected, ..attempt.clone() };
        // Another host may be renewing the tokens that these replace.
        for _ in 0..100 {
            let before = self.store.grants().get(channel.id).await.map_err(broken)?;
            if before.attempt.as_ref() != Some(&attempt) {
                return Err(Rejected::Stale);
            }
            let grants = Some(Swap { before: before.grant, after: Some(grant.clone()) });
            let attempts = Some(Swap { before: before.attempt, after: Some(connected.clone()) });
            let outcome = self.store.grants().swap(channel.id, grants, attempts).await;
            if settled_against(outcome).map_err(broken)? {
                return self.connected(channel.id).await.map_err(broken);
            }
        }
        Err(Rejected::Stale)
    }

    /// Gateways hold tokens of before; and what a channel was paused for is mended.
    async fn connected(&self, id: ChannelId) -> store::Result<()> {
        self.gateways.forget(id);
        let channel = self.store.channels().get(id).await?;
        let is_mended =
            |channel: &Channel| channel.paused.as_ref().is_some_and(|paused| paused.class == Class::Auth);
        if let Some(channel) = channel.filter(is_mended)
            && let Err(error) = self.resume(&channel).await
        {
            tracing::warn!(channel.id = %id, %error, "the channel is connected, but its pause cannot be ended");
        }
        Ok(())
    }

    /// Notes why an attempt failed; it is over in any case.
    async fn fail(
        &self,
        channel: &Channel,
        attempt: KeptAttempt,
        failure: Failure,
    ) -> Result<ChannelName, Rejected> {
        tracing::warn!(
            channel.id = %channel.id, channel.name = %channel.name, code = failure.code,
            message = failure.message, "the channel was not connected"
        );
        let stage = ConnectStage::Failed { failure: failure.clone() };
        self.advance(channel, attempt.clone(), KeptAttempt { stage, ..attempt }).await?;
        Err(Rejected::Failed(failure))
    }

    /// Whoever is second, with the same state, finds it used.
    async fn advance(
        &self,
        channel: &Channel,
        before: KeptAttempt,
        after: KeptAttempt,
    ) -> Result<(), Rejected> {
        let swap = Some(Swap { before: Some(before), after: Some(after) });
        match settled_against(self.store.grants().swap(channel.id, None, swap).await).map_err(broken)? {
            true => Ok(()),
            false => Err(Rejected::Stale),
        }
    }
}

fn place_of(channel: ChannelId) -> Place<'static> {
    Place { channel, field: FIELD }
}

fn is_stale(rejected: &Rejected) -> bool {
    matches!(rejected, Rejected::Stale)
}

fn broken(error: store::Error) -> Rejected {
    Rejected::Failed(Error::from(error).into_failure())
}

fn refused(code: &str, words: Option<&str>) -> Failure {
    let words = words.map(|words| format!(": {words}")).unwrap_or_default();
    match code {
        "access_denied" => {
            Failure::new(Class::Auth, "oauth.denied", format!("the person did not let the host in{words}"))
        }
        _ => Failure::new(
            Class::Config,
            "oauth.refused",
            format!(
                "the provider refuses the request ({code}{words}): check the client id, the scopes and the redirect URI that is registered there"
            ),
        ),
    }
}

fn by_other_means(channel: &Channel) -> Failure {
    let message = format!("channel '{}' does not sign in by OAuth, as it is set up", channel.name);
    Failure::new(Class::Config, "oauth.unused", message)
}

fn nowhere_to_come_back() -> Failure {
    let message = "the provider sends the browser back to a host that runs: start it with tidegate serve";
    Failure::new(Class::Config, "oauth.no-host", message)
}

fn changed_meanwhile(channel: &Channel) -> Failure {
    let name = &channel.name;
    let message =
        format!("channel '{name}' was changed meanwhile; start again: tidegate channel connect {name}");
    Failure::new(Class::Conflict, "oauth.changed", message)
}
