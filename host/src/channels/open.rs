//! From a channel's row to what a step needs: plugin, settings, gateway.
//!
//! It sends nothing. The one row that it changes is that of a channel whose settings are
//! of another version of its plugin: they are carried over first.

use super::{
    Error, Inner, Opened, address, channel, credentials,
    gateways::{Kept, Made},
    guest,
    settings::{self, Asked, Settled},
    vault::Place,
};
use crate::{
    broker::{Gateway, Origins, Scope},
    catalog::Offer,
    model::{Channel, Class, Failure, FieldError, Secret, Transport},
};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Requests at the same time, where the manifest says nothing.
const CONCURRENCY: u32 = 4;
/// The most that a manifest can ask for: a channel must not take every connection of the host.
const MOST_CONCURRENCY: u32 = 64;

impl Inner {
    pub(super) async fn open(&self, name: &str) -> Result<Opened, Error> {
        self.open_channel(self.get(name).await?).await
    }

    pub(super) async fn open_channel(&self, channel: Channel) -> Result<Opened, Error> {
        let offer = self.offer_for(&channel)?;
        let channel = self.fitted(channel, &offer).await?;
        let made = Made { revision: channel.revision, sha256: offer.plugin.sha256().into() };
        let kept = match self.gateways.get(channel.id, &made) {
            Some(kept) => kept,
            None => self.gateways.keep(channel.id, made, self.prepare(&channel, &offer)?),
        };
        Ok(Opened { channel, offer, gateway: kept.gateway, settings: kept.settings })
    }

    /// The plugin of a channel, where it may run.
    ///
    /// # Errors
    /// It is gone, with words that name the file, or in quarantine.
    pub(super) fn offer_for(&self, channel: &Channel) -> Result<Offer, Error> {
        let id = channel.channel_type.as_str();
        let missing =
            || Error::Plugin(Failure::new(Class::Config, "plugin.missing", self.catalog.absence(id)));
        let offer = self.catalog.offer(id).ok_or_else(missing)?;
        offer.plugin.objection().map_or(Ok(offer), |objection| Err(Error::Plugin(objection)))
    }

    /// Settings of another plugin version are read as they are: most have the same
    /// address in them.
    pub(super) fn origin_of(&self, channel: &Channel) -> Option<String> {
        let offer = self.catalog.offer(channel.channel_type.as_str())?;
        let made = Made { revision: channel.revision, sha256: offer.plugin.sha256().into() };
        if let Some(kept) = self.gateways.get(channel.id, &made) {
            return Some(kept.gateway.origin().to_owned());
        }
        let transport = channel::transport_of(&offer.channel_type, Some(&channel.transport)).ok()?;
        let settled = settle(channel, transport, &channel.settings).ok()?;
        let addresses = address::addresses(transport, &settled.effective).ok()?;
        Some(Origins::name_of(&addresses.base))
    }

    fn prepare(&self, channel: &Channel, offer: &Offer) -> Result<Kept, Error> {
        let transport = channel::transport_of(&offer.channel_type, Some(&channel.transport))?;
        let settled =
            settle(channel, transport, &channel.settings).map_err(|faults| misfit(channel, faults))?;
        let gateway = self.gateway(channel, transport, &settled)?;
        Ok(Kept { gateway, settings: guest::bytes(&settled.effective) })
    }

    fn gateway(&self, channel: &Channel, transport: &Transport, settled: &Settled) -> Result<Gateway, Error> {
        let addresses =
            address::addresses(transport, &settled.effective).map_err(|faults| misfit(channel, faults))?;
        let secrets = self.unseal_all(channel, &settled.kept)?;
        let credential =
            credentials::credential(transport, &settled.effective, &secrets).map_err(Error::Plugin)?;
        let concurrency = transport.rate.concurrency.unwrap_or(CONCURRENCY).clamp(1, MOST_CONCURRENCY);
        let scope = Scope {
            base: addresses.base,
            origins: addresses.origins,
            credential,
            concurrency: usize::try_from(concurrency).unwrap_or(1),
            requests_per_minute: transport.rate.requests_per_minute,
        };
        self.broker.gateway(scope).map_err(Error::Plugin)
    }

    fn unseal_all(&self, channel: &Channel, fields: &[String]) -> Result<BTreeMap<String, Secret>, Error> {
        let sealed = fields.iter().filter_map(|field| Some((field, channel.secrets.get(field)?)));
        sealed
            .map(|(field, sealed)| {
                Ok((field.clone(), self.vault.unseal(sealed, Place { channel: channel.id, field })?))
            })
            .collect()
    }
}

/// The stored settings with the form's defaults.
pub(super) fn settle(
    channel: &Channel,
    transport: &Transport,
    stored: &Map<String, Value>,
) -> Result<Settled, Vec<FieldError>> {
    settings::settle(&Asked {
        form: &transport.form,
        stored,
        has_secret: &|name| channel.secrets.contains_key(name),
        given: &Map::new(),
        given_secrets: &BTreeMap::new(),
    })
}

/// Stored settings that were fine once do not fit the plugin as it is now.
fn misfit(channel: &Channel, faults: Vec<FieldError>) -> Error {
    let told: Vec<_> = faults
        .iter()
        .map(|fault| format!("{} {}", fault.field.trim_start_matches('/'), fault.message))
        .collect();
    let words = format!(
        "the settings of channel '{}' do not fit its plugin: {}; edit the channel",
        channel.name,
        told.join("; ")
    );
    Error::Plugin(Failure::new(Class::Config, "settings.misfit", words).with_fields(faults))
}
