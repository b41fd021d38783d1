//! Settings when the plugin's version changes: carried over once, the old ones kept until
//! the new ones have proved themselves, and back again with the old version.
//!
//! It asks the plugin, never a person: what cannot be carried over pauses the channel.

use super::{Error, Inner, address, channel, guest, open::settle, settings::Settled};
use crate::{
    catalog::Offer,
    model::{Channel, ChannelId, Class, Failure, Migrated, Paused, Timestamp},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};
use tokio::sync::{Mutex as Turn, OwnedMutexGuard};

/// The code of the failure that pauses a channel, by which its end is known, too.
const CODE: &str = "settings.migration";

impl Inner {
    /// The channel with settings for the plugin as it is now, which are stored if they had
    /// to be carried over. The plugin is asked once, however many want to know.
    ///
    /// # Errors
    /// They cannot be carried over: the channel is paused, with the same words.
    pub(super) async fn fitted(&self, channel: Channel, offer: &Offer) -> Result<Channel, Error> {
        if fits(&channel, offer) && !is_paused_here(&channel) {
            return Ok(channel);
        }
        let _turn = self.upgrades.turn(channel.id).await;
        // Whoever had the turn before may have done it.
        let found = self.store.channels().get(channel.id).await?;
        let before = found.ok_or_else(|| Error::NoChannel(channel.name.to_string()))?;
        let mut after = match self.carried_channel(&before, offer).await {
            Ok(after) => after,
            Err(error) => return Err(self.give_up(&before, offer, error).await?),
        };
        if is_paused_here(&before) {
            self.end_pause(&mut after);
        }
        if after == before {
            return Ok(before);
        }
        after.revision = before.revision + 1;
        if !self.swap(&before, &after).await? {
            return Err(Error::Stale(before.name.into()));
        }
        tracing::info!(
            channel.id = %after.id, channel.name = %after.name, from = before.plugin_version,
            to = after.plugin_version, "the settings of a channel were carried over"
        );
        Ok(after)
    }

    /// Drops the settings that were replaced: a run with the new ones went well.
    pub(super) async fn prove(&self, seen: &Channel) -> Result<bool, Error> {
        let found = self.store.channels().get(seen.id).await?;
        let Some(before) = found.filter(|now| now.migrated.is_some() && is_same(now, seen)) else {
            return Ok(false);
        };
        let after = Channel { migrated: None, revision: before.revision + 1, ..before.clone() };
        self.swap(&before, &after).await
    }

    /// The channel as the plugin wants it, checked and not stored.
    pub(super) async fn carried_channel(&self, channel: &Channel, offer: &Offer) -> Result<Channel, Error> {
        if fits(channel, offer) {
            return Ok(channel.clone());
        }
        if let Some(restored) = restored(channel, offer) {
            return Ok(restored);
        }
        let settled = self.carried(channel, offer).await?;
        Ok(replaced(channel, offer, self.clock.now(), settled))
    }

    /// The settings as the plugin wants them, checked against its form and by itself.
    pub(super) async fn carried(&self, channel: &Channel, offer: &Offer) -> Result<Settled, Error> {
        let restored = restored(channel, offer);
        let channel = restored.as_ref().unwrap_or(channel);
        let transport = channel::transport_of(&offer.channel_type, Some(&channel.transport))?;
        let stored = guest::carried_over(offer, channel).await.map_err(Error::Plugin)?;
        let settled = settle(channel, transport, &stored).map_err(Error::Settings)?;
        if !fits(channel, offer) {
            address::addresses(transport, &settled.effective).map_err(Error::Settings)?;
            guest::validate(offer, &settled.effective).await?;
        }
        Ok(settled)
    }

    /// Pauses the channel and says why.
    async fn give_up(&self, channel: &Channel, offer: &Offer, error: Error) -> Result<Error, Error> {
        let failure = refusal(channel, offer, error);
        self.pause(channel, Paused::because(&failure, self.clock.now())).await?;
        Ok(Error::Plugin(failure))
    }
}

/// Whether the settings are of the version of the plugin that is there.
fn fits(channel: &Channel, offer: &Offer) -> bool {
    channel.plugin_version == offer.manifest.version
}

fn is_paused_here(channel: &Channel) -> bool {
    channel.paused.as_ref().is_some_and(|paused| paused.code == CODE)
}

/// Whether a run that saw the one has had the settings of the other.
fn is_same(now: &Channel, seen: &Channel) -> bool {
    (&now.plugin_version, &now.settings, &now.secrets)
        == (&seen.plugin_version, &seen.settings, &seen.secrets)
}

/// The channel as it was before the upgrade, where that is the version that is there (again).
pub(super) fn restored(channel: &Channel, offer: &Offer) -> Option<Channel> {
    let old = channel.migrated.as_ref().filter(|old| old.from == offer.manifest.version)?;
    Some(Channel {
        settings: old.settings.clone(),
        secrets: old.secrets.clone(),
        plugin_version: old.from.clone(),
        migrated: None,
        ..channel.clone()
    })
}

fn replaced(channel: &Channel, offer: &Offer, at: Timestamp, settled: Settled) -> Channel {
    let mut after = keeping_the_old(channel, at);
    after.secrets.retain(|name, _| settled.kept.contains(name));
    after.settings = settled.settings;
    after.plugin_version = offer.manifest.version.clone();
    after
}

/// With the settings put aside as they are; those that were put aside before are older,
/// and the last that a run went well with.
pub(super) fn keeping_the_old(channel: &Channel, at: Timestamp) -> Channel {
    let old = channel.migrated.clone().unwrap_or_else(|| Migrated {
        from: channel.plugin_version.clone(),
        at,
        settings: channel.settings.clone(),
        secrets: channel.secrets.clone(),
    });
    Channel { migrated: Some(old), ..channel.clone() }
}

fn refusal(channel: &Channel, offer: &Offer, error: Error) -> Failure {
    let failure = error.into_failure();
    let told: Vec<_> = failure
        .fields
        .iter()
        .map(|fault| format!("{} {}", fault.field.trim_start_matches('/'), fault.message))
        .collect();
    let why = if told.is_empty() { failure.message } else { told.join("; ") };
    let words = format!(
        "the settings of channel '{}' are of plugin version {}, and version {} cannot take them over: {why}; edit the channel, or put the old version back",
        channel.name, channel.plugin_version, offer.manifest.version
    );
    Failure::new(Class::Config, CODE, words).with_fields(failure.fields)
}

/// Channels whose settings are being carried over: one at a time for each.
#[derive(Default)]
pub(super) struct Upgrades(Mutex<HashMap<ChannelId, Weak<Turn<()>>>>);

impl Upgrades {
    /// Waits for whoever is at it. The turn is over when the guard is dropped.
    async fn turn(&self, channel: ChannelId) -> OwnedMutexGuard<()> {
        let turn = {
            let mut turns = self.lock();
            turns.retain(|_, turn| turn.strong_count() > 0);
            let known = turns.get(&channel).and_then(Weak::upgrade);
            let turn = known.unwrap_or_default();
            turns.insert(channel, Arc::downgrade(&turn));
            turn
        };
        turn.lock_owned().await
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ChannelId, Weak<Turn<()>>>> {
        // Every change is whole before anything in it can panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
