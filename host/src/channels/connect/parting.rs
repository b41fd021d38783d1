//! Taking leave of a provider: tokens are forgotten, and given back where it takes them.
//!
//! It stops nothing: what cannot be given back is forgotten all the same, and said.

use super::by_other_means;
use crate::{
    channels::{
        Error, Inner,
        grant::{self, Party, settled_against},
    },
    model::{Channel, Class, Failure, KeptGrant},
    store::{self, Swap},
};
use std::time::Duration;

/// How long the deletion of a channel waits for a provider to take its tokens back.
const PARTING: Duration = Duration::from_secs(10);

/// What became of the tokens of a channel.
#[derive(Clone, Debug)]
pub struct Disconnected {
    /// Whether there were any.
    pub was_connected: bool,
    /// What the provider made of it; none where it takes none back.
    pub revoked: Option<Result<(), Failure>>,
}

impl Inner {
    pub(in crate::channels) async fn disconnect(&self, name: &str) -> Result<Disconnected, Error> {
        let channel = self.get(name).await?;
        let party = self.party(&channel).await;
        let before = self.store.grants().get(channel.id).await?;
        if before == store::Connection::default() {
            // Where there is nothing, a wrong word about the channel helps nobody.
            party?.ok_or_else(|| Error::Plugin(by_other_means(&channel)))?;
            return Ok(Disconnected { was_connected: false, revoked: None });
        }
        let grants = before.grant.clone().map(|grant| Swap { before: Some(grant), after: None });
        let attempts = before.attempt.map(|attempt| Swap { before: Some(attempt), after: None });
        if !settled_against(self.store.grants().swap(channel.id, grants, attempts).await)? {
            return Err(Error::Stale(channel.name.to_string()));
        }
        self.gateways.forget(channel.id);
        tracing::info!(channel.id = %channel.id, channel.name = %channel.name, "the channel is disconnected");
        let (was_connected, mut revoked) = (before.grant.is_some(), None);
        if let (Ok(Some(party)), Some(grant)) = (party, before.grant) {
            revoked = self.give_back(&channel, &party, &grant).await;
        }
        Ok(Disconnected { was_connected, revoked })
    }

    /// Gives the tokens of a channel back that is about to be deleted, where there are any and
    /// the provider takes them. None: there is nothing to be said.
    pub(in crate::channels) async fn part(&self, channel: &Channel) -> Option<Result<(), Failure>> {
        let grant =
            self.store.grants().get(channel.id).await.ok()?.grant.filter(|grant| grant.ended.is_none())?;
        let giving_back = async {
            match self.party(channel).await {
                Ok(Some(party)) => self.give_back(channel, &party, &grant).await,
                Ok(None) => None,
                Err(error) => Some(Err(error.into_failure())),
            }
        };
        let outcome = tokio::time::timeout(PARTING, giving_back).await.unwrap_or_else(|_| Some(Err(late())));
        if let Some(Err(failure)) = &outcome {
            tracing::warn!(
                channel.id = %channel.id, channel.name = %channel.name, code = failure.code,
                message = failure.message, "the provider did not take back the tokens of a channel that is deleted"
            );
        }
        outcome
    }

    /// None: the provider takes none back, or they are of other settings, and go to nobody.
    async fn give_back(
        &self,
        channel: &Channel,
        party: &Party,
        kept: &KeptGrant,
    ) -> Option<Result<(), Failure>> {
        let is_theirs = party.provider.revoke_url.is_some() && party.digest == kept.provider;
        if is_theirs { Some(self.revoke(channel, party, kept).await) } else { None }
    }

    /// The refresh token stands for the whole grant (RFC 7009, 2.1).
    async fn revoke(&self, channel: &Channel, party: &Party, kept: &KeptGrant) -> Result<(), Failure> {
        let opened = grant::open(&self.vault, channel.id, kept);
        let opened = opened.map_err(|error| Error::from(error).into_failure())?;
        match &opened.refresh {
            Some(token) => self.broker.revoke(&party.provider, token, "refresh_token").await,
            None => self.broker.revoke(&party.provider, &opened.access, "access_token").await,
        }
    }
}

fn late() -> Failure {
    let message = format!("the provider did not answer within {} s", PARTING.as_secs());
    Failure::new(Class::Transient, "oauth.unavailable", message)
}
