//! How a channel is connected, for people. It shows no token and no state.

use crate::{
    channels::{Error, Inner},
    model::{Class, ConnectStage, Failure, GrantType, KeptAttempt, KeptGrant, Paused, Timestamp},
};

/// How a channel is connected.
#[derive(Clone, Debug)]
pub struct ConnectionReport {
    /// How it comes to tokens.
    pub grant: GrantType,
    /// Whether it works.
    pub standing: Standing,
    /// Since when it is connected.
    pub since: Option<Timestamp>,
    /// Until when the access token holds.
    pub until: Option<Timestamp>,
    /// Whether the host renews it by itself.
    pub renewable: bool,
    /// How often it did.
    pub renewals: u64,
    /// The scopes that were granted.
    pub scopes: Vec<String>,
    /// Why it does not work any more.
    pub ended: Option<Paused>,
    /// The last attempt of a person to connect it.
    pub attempt: Option<AttemptReport>,
}

/// Whether a connection works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// There are tokens, and they are thought to be good.
    Connected,
    /// There are none.
    NotConnected,
    /// The provider ended it, or it ran out.
    Ended,
    /// There are some of other settings.
    OtherSettings,
}

/// An attempt of a person to connect a channel.
#[derive(Clone, Debug)]
pub struct AttemptReport {
    /// Which one.
    pub id: String,
    /// Where the browser comes back to.
    pub redirect_uri: String,
    /// Until when it had, or has, to be back.
    pub expires: Timestamp,
    /// None: it goes on. Why it failed, or that it went well.
    pub outcome: Option<Result<(), Failure>>,
}

impl Inner {
    pub(in crate::channels) async fn connection(
        &self,
        name: &str,
    ) -> Result<Option<ConnectionReport>, Error> {
        let channel = self.get(name).await?;
        // Where its plugin or its settings do not fit, the channel itself says so.
        let party = match self.party(&channel).await {
            Ok(party) => party,
            Err(Error::Plugin(_) | Error::Vault(_)) => None,
            Err(error) => return Err(error),
        };
        let Some(party) = party else { return Ok(None) };
        let kept = self.store.grants().get(channel.id).await?;
        let now = self.clock.now();
        let grant = kept.grant.as_ref();
        Ok(Some(ConnectionReport {
            grant: party.provider.grant,
            standing: standing(grant, &party.digest, party.provider.grant, now),
            since: grant.map(|grant| grant.connected),
            until: grant.and_then(|grant| grant.expires),
            renewable: party.provider.grant == GrantType::ClientCredentials
                || grant.is_some_and(|grant| grant.renewable),
            renewals: grant.map_or(0, |grant| grant.renewals),
            scopes: grant.map(|grant| grant.scopes.clone()).unwrap_or_default(),
            ended: grant.and_then(|grant| grant.ended.clone()),
            attempt: kept.attempt.map(|attempt| reported(attempt, now)),
        }))
    }
}

fn standing(kept: Option<&KeptGrant>, digest: &str, grant: GrantType, now: Timestamp) -> Standing {
    let Some(kept) = kept else { return Standing::NotConnected };
    let is_over = kept.expires.is_some_and(|expires| expires <= now)
        && !kept.renewable
        && grant == GrantType::AuthorizationCode;
    match () {
        () if kept.provider != digest => Standing::OtherSettings,
        () if kept.ended.is_some() || is_over => Standing::Ended,
        () => Standing::Connected,
    }
}

fn reported(attempt: KeptAttempt, now: Timestamp) -> AttemptReport {
    let outcome = match attempt.stage {
        ConnectStage::Connected => Some(Ok(())),
        ConnectStage::Failed { failure } => Some(Err(failure)),
        ConnectStage::Waiting { .. } | ConnectStage::Redeeming if now >= attempt.expires => {
            Some(Err(too_late()))
        }
        ConnectStage::Waiting { .. } | ConnectStage::Redeeming => None,
    };
    AttemptReport { id: attempt.id, redirect_uri: attempt.redirect_uri, expires: attempt.expires, outcome }
}

fn too_late() -> Failure {
    let message = "nobody came back from the provider in time";
    Failure::new(Class::Auth, "oauth.too-late", message)
}
