//! Asking the plugin before a channel is enabled, disabled or deleted.
//!
//! A plugin has a say and no more: a person can overrule it, except where a channel is to be
//! enabled, and one that gives no answer keeps nobody from getting rid of it.

use super::{Error, Inner, guest};
use crate::{
    catalog::Offer,
    model::{Channel, Class, Failure, Held, Holdings, LifecycleQuestion, LifecycleStep, Name},
};
use bytes::Bytes;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// The longest that a person waits for a plugin's word.
const PATIENCE: Duration = Duration::from_secs(5);

/// What becomes of a plugin's refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Veto {
    /// It stands.
    Heeded,
    /// A person goes on all the same.
    Overruled,
}

/// What a plugin has against a step.
#[derive(Clone, Debug, PartialEq)]
pub enum Objection {
    /// In its own words.
    Refusal(Failure),
    /// It has a say, and came to no answer.
    NoAnswer(Failure),
}

/// A channel that was disabled.
#[derive(Clone, Debug, PartialEq)]
pub struct Disabled {
    /// As it is now.
    pub channel: Channel,
    /// What the plugin had against it.
    pub warning: Option<Failure>,
}

/// What the deletion of a channel would remove. Nothing is changed by looking.
#[derive(Clone, Debug, PartialEq)]
pub struct Deletion {
    /// The channel.
    pub channel: Channel,
    /// What there is of it.
    pub holdings: Holdings,
    /// What its plugin has against it.
    pub objection: Option<Objection>,
}

impl Inner {
    /// Hears the plugin. What it objected to all the same is told to whoever goes on.
    ///
    /// # Errors
    /// Its refusal stands, or it gave no answer and the channel is to be enabled.
    pub(super) async fn hear(
        &self,
        channel: &Channel,
        step: LifecycleStep,
        veto: Veto,
    ) -> Result<Option<Failure>, Error> {
        let Some(objection) = self.objection(channel, step).await? else {
            return Ok(None);
        };
        let may_go_on = step != LifecycleStep::Enable;
        match objection {
            Objection::Refusal(words) if may_go_on && veto == Veto::Overruled => {
                tracing::warn!(channel.id = %channel.id, %step, refusal = %words, "a plugin's refusal is overruled");
                Ok(Some(words))
            }
            Objection::Refusal(words) => {
                Err(Error::Refused { channel: channel.name.clone(), step, words: Box::new(words) })
            }
            Objection::NoAnswer(failure) if may_go_on => {
                tracing::warn!(channel.id = %channel.id, %step, %failure, "a plugin that has a say gave no answer");
                Ok(Some(unanswered(&failure)))
            }
            Objection::NoAnswer(failure) => Err(Error::Plugin(unanswered(&failure))),
        }
    }

    pub(super) async fn deletion(&self, name: &str) -> Result<Deletion, Error> {
        let channel = self.get(name).await?;
        let holdings = self.store.channels().holdings(channel.id).await?;
        let objection = self.objection(&channel, LifecycleStep::Delete).await?;
        Ok(Deletion { channel, holdings, objection })
    }

    /// What the plugin has against the step; none as well where it has no say, or is gone.
    async fn objection(&self, channel: &Channel, step: LifecycleStep) -> Result<Option<Objection>, Error> {
        let offer = self.catalog.offer(channel.channel_type.as_str());
        let Some(offer) = offer.filter(|offer| offer.plugin.exports().lifecycle) else {
            return Ok(None);
        };
        let holdings = self.store.channels().holdings(channel.id).await?;
        let question = LifecycleQuestion {
            step,
            channel_type: channel.channel_type.clone(),
            settings: guest::bytes(&self.shown_settings(channel, &offer).await),
            holdings: shown_holdings(channel, &offer, &holdings),
        };
        let word = tokio::time::timeout(PATIENCE, offer.plugin.may(guest::pure_step(&offer), question)).await;
        Ok(match word.map(|outcome| outcome.result) {
            Ok(Ok(Ok(()))) => None,
            Ok(Ok(Err(words))) => Some(Objection::Refusal(words)),
            Ok(Err(failure)) => Some(Objection::NoAnswer(failure)),
            Err(_) => {
                let words = format!("it did not answer within {} s", PATIENCE.as_secs());
                Some(Objection::NoAnswer(Failure::new(Class::Limit, "lifecycle.late", words)))
            }
        })
    }

    /// As steps get them, or as they are stored where they no longer fit.
    async fn shown_settings(&self, channel: &Channel, offer: &Offer) -> Map<String, Value> {
        match self.carried(channel, offer).await {
            Ok(carried) => carried.effective,
            Err(_) => guest::with_secrets(channel),
        }
    }
}

fn shown_holdings(channel: &Channel, offer: &Offer, holdings: &Holdings) -> Bytes {
    let offered = offer.channel_type.connectors.iter().map(|connector| &connector.id);
    let mut names: Vec<&Name> =
        channel.connectors.iter().chain(offered).chain(holdings.connectors.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let connectors: Vec<_> = names
        .into_iter()
        .map(|name| {
            let Held { records, due, quarantined, unsent } =
                holdings.connectors.get(name).copied().unwrap_or_default();
            json!({
                "connector": name, "enabled": channel.connectors.contains(name), "records": records,
                "due": due, "quarantined": quarantined, "unsent": unsent,
            })
        })
        .collect();
    json!({ "two-way": channel.two_way, "connectors": connectors }).to_string().into()
}

fn unanswered(failure: &Failure) -> Failure {
    let words = format!("the plugin has a say in this and gave no answer: {}", failure.message);
    Failure::new(failure.class, failure.code.clone(), words)
}
