//! The life of a channel's row: created, edited, switched, deleted.
//!
//! Every change names the row that it is based on, so that two operators cannot
//! undo each other's work unseen.

use super::{
    Change, Disabled, Draft, Error, Inner, VaultError, Veto, address, guest,
    settings::{self, Asked, Settled},
    upgrade,
    vault::Place,
};
use crate::{
    catalog::Offer,
    model::{
        Channel, ChannelId, ChannelType, ConflictPolicies, Failure, LifecycleStep, Name, Parallel, Schedule,
        Sealed, Secret, Transport, Vanished, Ways,
    },
    store,
};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, sync::atomic::Ordering};

impl Inner {
    pub(super) async fn get(&self, name: &str) -> Result<Channel, Error> {
        self.store.channels().by_name(name).await?.ok_or_else(|| Error::NoChannel(name.into()))
    }

    pub(super) async fn create(&self, draft: Draft) -> Result<Channel, Error> {
        let Draft { name, channel_type, transport, settings, secrets, connectors, two_way, enabled, options } =
            draft;
        let offer = self.catalog.offer(channel_type.as_str());
        let offer = offer.ok_or_else(|| Error::NoType(self.catalog.absence(channel_type.as_str())))?;
        let transport = transport_of(&offer.channel_type, transport.as_ref())?;
        let connectors = connectors_of(&offer.channel_type, connectors)?;
        refuse_one_way(&offer.channel_type, two_way)?;
        // Known before the plugin is asked; the store decides in the end.
        if self.store.channels().by_name(name.as_str()).await?.is_some() {
            return Err(Error::NameTaken(name.into()));
        }
        let asked = Asked {
            form: &transport.form,
            stored: &Map::new(),
            has_secret: &|_| false,
            given: &settings,
            given_secrets: &secrets,
        };
        let settled = check_settings(&offer, transport, &asked).await?;
        let (id, now) = (ChannelId::new(), self.clock.now());
        let mut channel = Channel {
            id,
            name,
            transport: transport.id.clone(),
            channel_type,
            connectors,
            two_way,
            enabled,
            enabled_since: None,
            paused: None,
            schedule: Schedule::default(),
            parallel: Parallel::default(),
            vanished: Vanished::default(),
            conflicts: ConflictPolicies::default(),
            mappings: BTreeMap::new(),
            secrets: self.seal_all(id, &settled.fresh).await?,
            settings: settled.settings,
            plugin_version: offer.manifest.version.clone(),
            migrated: None,
            created: now,
            edited: now,
            revision: 1,
        };
        options.apply(&mut channel);
        self.store.channels().create(&channel).await.map_err(|error| explained(error, &channel))?;
        tracing::info!(channel.id = %channel.id, channel.name = %channel.name, "channel created");
        Ok(channel)
    }

    pub(super) async fn edit(&self, name: &str, change: Change) -> Result<Channel, Error> {
        let before = self.get(name).await?;
        let mut after = before.clone();
        let Change { name, settings, secrets, connectors, two_way, options } = change;
        if let Some(name) = name {
            after.name = name;
        }
        if !settings.is_empty() || !secrets.is_empty() || connectors.is_some() || two_way.is_some() {
            let offer = self.offer_for(&before)?;
            if connectors.is_some() {
                after.connectors = connectors_of(&offer.channel_type, connectors)?;
            } else {
                after.connectors.retain(|id| offer.channel_type.connector(id.as_str()).is_some());
            }
            if let Some(two_way) = two_way {
                refuse_one_way(&offer.channel_type, two_way)?;
                after.two_way = two_way;
            }
            self.edit_settings(&mut after, &offer, &settings, &secrets).await?;
        }
        options.apply(&mut after);
        if after.settings != before.settings || after.secrets != before.secrets {
            self.end_pause(&mut after);
        }
        // A new revision would cost the channel its connections for nothing.
        if after == before { Ok(before) } else { self.replace(&before, after).await }
    }

    pub(super) async fn enable(&self, name: &str) -> Result<Channel, Error> {
        let before = self.get(name).await?;
        let mut after = Channel { enabled: true, ..before.clone() };
        // A person's word replaces a program's.
        self.end_pause(&mut after);
        if !before.enabled {
            after.enabled_since = Some(self.clock.now());
        }
        if after == before {
            return Ok(before);
        }
        self.hear(&before, LifecycleStep::Enable, Veto::Heeded).await?;
        self.replace(&before, after).await
    }

    pub(super) async fn disable(&self, name: &str, veto: Veto) -> Result<Disabled, Error> {
        let before = self.get(name).await?;
        if !before.enabled {
            return Ok(Disabled { channel: before, warning: None });
        }
        let warning = self.hear(&before, LifecycleStep::Disable, veto).await?;
        let after = Channel { enabled: false, ..before.clone() };
        Ok(Disabled { channel: self.replace(&before, after).await?, warning })
    }

    pub(super) async fn hear_before_delete(&self, name: &str, veto: Veto) -> Result<Option<Failure>, Error> {
        self.hear(&self.get(name).await?, LifecycleStep::Delete, veto).await
    }

    pub(super) async fn delete(&self, name: &str) -> Result<(), Error> {
        let channel = self.get(name).await?;
        let found = self.store.channels().delete(channel.id).await?;
        self.gateways.forget(channel.id);
        if !found {
            return Err(Error::NoChannel(name.into()));
        }
        tracing::info!(channel.id = %channel.id, channel.name = %channel.name, "channel deleted");
        Ok(())
    }

    pub(super) async fn verify_key(&self) -> Result<(), Error> {
        if self.key_fits.load(Ordering::Relaxed) {
            return Ok(());
        }
        let channels = self.store.channels().list().await?;
        let put_aside =
            channels.iter().filter_map(|channel| channel.migrated.as_ref()).map(|old| &old.secrets);
        let secrets = channels.iter().map(|channel| &channel.secrets).chain(put_aside);
        if !secrets.flat_map(BTreeMap::values).all(|sealed| self.vault.fits(sealed)) {
            return Err(VaultError::WrongKey.into());
        }
        self.key_fits.store(true, Ordering::Relaxed);
        Ok(())
    }

    async fn edit_settings(
        &self,
        channel: &mut Channel,
        offer: &Offer,
        given: &Map<String, Value>,
        given_secrets: &BTreeMap<String, Secret>,
    ) -> Result<(), Error> {
        let transport = transport_of(&offer.channel_type, Some(&channel.transport))?;
        if let Some(restored) = upgrade::restored(channel, offer) {
            *channel = restored;
        }
        // Where the plugin cannot take old settings over, the operator still has to
        // be able to mend them: the form says what is missing.
        let stored = guest::carried_over(offer, channel).await.unwrap_or_else(|_| channel.settings.clone());
        let has_secret = |name: &str| channel.secrets.contains_key(name);
        let asked =
            Asked { form: &transport.form, stored: &stored, has_secret: &has_secret, given, given_secrets };
        let settled = check_settings(offer, transport, &asked).await?;
        if channel.plugin_version != offer.manifest.version {
            *channel = upgrade::keeping_the_old(channel, self.clock.now());
        }
        channel.secrets.retain(|name, _| settled.kept.contains(name));
        channel.secrets.extend(self.seal_all(channel.id, &settled.fresh).await?);
        channel.settings = settled.settings;
        channel.plugin_version = offer.manifest.version.clone();
        Ok(())
    }

    pub(super) async fn replace(&self, before: &Channel, mut after: Channel) -> Result<Channel, Error> {
        after.edited = self.clock.now();
        after.revision = before.revision + 1;
        self.store.channels().update(before, &after).await.map_err(|error| explained(error, &after))?;
        tracing::info!(channel.id = %after.id, channel.name = %after.name, revision = after.revision, "channel changed");
        Ok(after)
    }

    /// Seals under a key of which is known that it fits what is there: one data
    /// folder with secrets under two keys could be opened with neither.
    async fn seal_all(
        &self,
        channel: ChannelId,
        secrets: &BTreeMap<String, Secret>,
    ) -> Result<BTreeMap<String, Sealed>, Error> {
        if secrets.is_empty() {
            return Ok(BTreeMap::new());
        }
        self.verify_key().await?;
        let seal = |(field, secret): (&String, &Secret)| {
            Ok((field.clone(), self.vault.seal(secret, Place { channel, field })?))
        };
        secrets.iter().map(seal).collect()
    }
}

/// The form's rules, the addresses, then what only the plugin knows.
async fn check_settings(offer: &Offer, transport: &Transport, asked: &Asked<'_>) -> Result<Settled, Error> {
    let settled = settings::settle(asked).map_err(Error::Settings)?;
    address::addresses(transport, &settled.effective).map_err(Error::Settings)?;
    guest::validate(offer, &settled.effective).await?;
    Ok(settled)
}

pub(super) fn transport_of<'a>(
    channel_type: &'a ChannelType,
    id: Option<&Name>,
) -> Result<&'a Transport, Error> {
    let found = match id {
        Some(id) => channel_type.transport(id.as_str()),
        None => channel_type.transports.first(),
    };
    found.ok_or_else(|| Error::NoTransport {
        channel_type: channel_type.id.clone(),
        transport: id.unwrap_or(&channel_type.id).clone(),
        known: listed(channel_type.transports.iter().map(|transport| &transport.id)),
    })
}

fn connectors_of(channel_type: &ChannelType, asked: Option<Vec<Name>>) -> Result<Vec<Name>, Error> {
    let known = || channel_type.connectors.iter().map(|connector| &connector.id);
    let Some(asked) = asked else {
        return Ok(known().cloned().collect());
    };
    let mut connectors = Vec::with_capacity(asked.len());
    for connector in asked {
        if !known().any(|id| *id == connector) {
            return Err(Error::NoConnector {
                channel_type: channel_type.id.clone(),
                connector,
                known: listed(known()),
            });
        }
        if !connectors.contains(&connector) {
            connectors.push(connector);
        }
    }
    Ok(connectors)
}

fn refuse_one_way(channel_type: &ChannelType, two_way: bool) -> Result<(), Error> {
    if two_way && !channel_type.connectors.iter().any(|connector| connector.direction == Ways::TwoWay) {
        return Err(Error::OneWay(channel_type.id.clone()));
    }
    Ok(())
}

fn listed<'a>(names: impl Iterator<Item = &'a Name>) -> String {
    let names: Vec<_> = names.map(Name::as_str).collect();
    if names.is_empty() { "none".into() } else { names.join(", ") }
}

fn explained(error: store::Error, channel: &Channel) -> Error {
    match error {
        store::Error::NameTaken(name) => Error::NameTaken(name),
        store::Error::Expectation => Error::Stale(channel.name.to_string()),
        other => Error::Store(other),
    }
}
