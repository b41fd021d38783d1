//! Configured instances of channel types, and their secrets.
//!
//! It starts no run and sends no request but the check that an operator asks
//! for. Secrets go in and never come out: a [`Channel`] holds only sealed ones,
//! guests see `true` in their place, and only the broker gets them opened.

mod address;
mod breakers;
mod channel;
mod check;
mod credentials;
mod error;
mod gateways;
mod guest;
mod hook;
mod lifecycle;
mod mapping;
mod open;
mod options;
mod pause;
mod postman;
mod recorded;
mod settings;
mod traps;
mod upgrade;
mod vault;

pub use self::{
    breakers::BreakerKeeper,
    error::Error,
    hook::{HookDoor, Owner},
    lifecycle::{Deletion, Disabled, Objection, Veto},
    options::{Options, ScheduleChange},
    postman::{Posting, Postman},
    recorded::{RecordedSettings, settings_for},
    traps::TrapKeeper,
    vault::VaultError,
};

use self::{gateways::Gateways, upgrade::Upgrades, vault::Vault};
use crate::{
    broker::{Broker, Gateway, Origins},
    catalog::{Catalog, Offer},
    clock::Clock,
    model::{Channel, ChannelId, ChannelName, Failure, Hook, Mapping, Name, Paused, Sealed, Secret, Usage},
    store::Store,
};
use bytes::Bytes;
use serde_json::{Map, Value};
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, atomic::AtomicBool},
};

/// What an operator asks for. Values come as text or JSON; the form decides.
pub struct Draft {
    /// Unique in the host.
    pub name: ChannelName,
    /// Which kind of integration.
    pub channel_type: Name,
    /// None: the first one.
    pub transport: Option<Name>,
    /// By field. `null` and empty texts count as not given.
    pub settings: Map<String, Value>,
    /// By field. A line end at the end is left out.
    pub secrets: BTreeMap<String, Secret>,
    /// None: all of the channel type.
    pub connectors: Option<Vec<Name>>,
    /// Whether local changes are exported.
    pub two_way: bool,
    /// Whether runs may start.
    pub enabled: bool,
    /// How and when it syncs.
    pub options: Options,
}

/// What is to change; none: as it was.
#[derive(Default)]
pub struct Change {
    /// A new name.
    pub name: Option<ChannelName>,
    /// New values by field; `null` or an empty text takes a value, or a secret, away.
    pub settings: Map<String, Value>,
    /// New secrets by field.
    pub secrets: BTreeMap<String, Secret>,
    /// The connectors that are switched on from now on.
    pub connectors: Option<Vec<Name>>,
    /// Whether local changes are exported.
    pub two_way: Option<bool>,
    /// How and when it syncs.
    pub options: Options,
}

/// Everything that a step of a channel needs.
#[derive(Clone)]
pub struct Opened {
    /// As it is stored.
    pub channel: Channel,
    /// The plugin; it stays the same to the end of a run.
    pub offer: Offer,
    /// The way out, with the credential in it.
    pub gateway: Gateway,
    /// The settings for the guest, secrets replaced by `true`, defaults filled in.
    pub settings: Bytes,
}

impl Opened {
    /// The same for a dry run: only requests that read leave the host.
    #[must_use]
    pub fn read_only(&self) -> Self {
        Self { gateway: self.gateway.read_only(), ..self.clone() }
    }
}

/// What came of a check.
pub struct CheckReport {
    /// Facts about the account, or why the channel does not work.
    pub result: Result<Map<String, Value>, Failure>,
    /// What the check used; nothing where it did not get as far as the plugin.
    pub usage: Usage,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// What channels are made of.
pub struct Parts {
    /// Where they are kept.
    pub store: Store,
    /// Where their plugins come from.
    pub catalog: Catalog,
    /// Their way out.
    pub broker: Broker,
    /// Dates their edits.
    pub clock: Clock,
    /// The file with the key of the secrets.
    pub key_file: PathBuf,
    /// The key itself, instead of the file: the text of `TIDEGATE_KEY`.
    pub key: Option<Secret>,
}

/// A handle on the channels; cheap to clone.
#[derive(Clone)]
pub struct Channels(Arc<Inner>);

struct Inner {
    store: Store,
    catalog: Catalog,
    broker: Broker,
    clock: Clock,
    vault: Vault,
    gateways: Gateways,
    upgrades: Upgrades,
    /// The key was compared with the secrets that are there.
    key_fits: AtomicBool,
}

impl Channels {
    /// Reads the key from `key`, or from the file, which it makes (0600) where it
    /// is missing. Blocks on the file system for a moment.
    ///
    /// # Errors
    /// No key can be had, or the file is open to others.
    pub fn build(parts: Parts) -> Result<Self, Error> {
        let Parts { store, catalog, broker, clock, key_file, key } = parts;
        let vault = Vault::open(key.as_ref(), &key_file)?;
        let (gateways, upgrades, key_fits) =
            (Gateways::default(), Upgrades::default(), AtomicBool::new(false));
        Ok(Self(Arc::new(Inner { store, catalog, broker, clock, vault, gateways, upgrades, key_fits })))
    }

    /// All of them, by name.
    ///
    /// # Errors
    /// The store fails.
    pub async fn list(&self) -> Result<Vec<Channel>, Error> {
        Ok(self.0.store.channels().list().await?)
    }

    /// One by its name.
    ///
    /// # Errors
    /// Nothing has that name, or the store fails.
    pub async fn get(&self, name: &str) -> Result<Channel, Error> {
        self.0.get(name).await
    }

    /// Checks a draft against its plugin, seals its secrets and keeps it. Sends nothing.
    ///
    /// # Errors
    /// Nothing offers the type, the settings do not fit, the name is taken.
    pub async fn create(&self, draft: Draft) -> Result<Channel, Error> {
        self.0.create(draft).await
    }

    /// Changes a channel, or nothing of it. A new name or new options alone need no
    /// plugin. New settings or secrets end a pause: they may be what it waited for.
    ///
    /// # Errors
    /// As for `create`; [`Error::Stale`] where somebody else changed it meanwhile.
    pub async fn edit(&self, name: &str, change: Change) -> Result<Channel, Error> {
        self.0.edit(name, change).await
    }

    /// Lets runs start, where the plugin has nothing against it. It ends a pause, too.
    ///
    /// # Errors
    /// [`Error::Refused`], the plugin has a say and gave no answer, nothing has that name,
    /// somebody else changed it meanwhile, the store fails.
    pub async fn enable(&self, name: &str) -> Result<Channel, Error> {
        self.0.enable(name).await
    }

    /// Lets no run start any more; those that are going on are not touched. A pause leaves
    /// its reason to be seen.
    ///
    /// # Errors
    /// [`Error::Refused`] where the veto is heeded, nothing has that name, somebody else
    /// changed it meanwhile, the store fails.
    pub async fn disable(&self, name: &str, veto: Veto) -> Result<Disabled, Error> {
        self.0.disable(name, veto).await
    }

    /// Keeps the mapping of a connector, or none. That it can be run is the caller's to
    /// see to. It counts for records that come from now on.
    ///
    /// # Errors
    /// Nothing has that name, somebody else changed it meanwhile, the store fails.
    pub async fn set_mapping(
        &self,
        name: &str,
        connector: &Name,
        mapping: Option<Mapping>,
    ) -> Result<Channel, Error> {
        self.0.set_mapping(name, connector, mapping).await
    }

    /// Holds a channel's runs back for what one of its runs met. `seen` is the channel
    /// as that run had it. False where nothing was done: the channel is gone or paused
    /// already, or somebody changed it meanwhile, so that the reason may be mended.
    ///
    /// # Errors
    /// The store fails.
    pub async fn pause(&self, seen: &Channel, reason: Paused) -> Result<bool, Error> {
        self.0.pause(seen, reason).await
    }

    /// What [`delete`](Self::delete) would remove, and what the plugin has against it.
    ///
    /// # Errors
    /// Nothing has that name, or the store fails.
    pub async fn deletion(&self, name: &str) -> Result<Deletion, Error> {
        self.0.deletion(name).await
    }

    /// Hears the plugin before a channel is deleted. What it had against it all the same is
    /// a warning to whoever goes on.
    ///
    /// # Errors
    /// [`Error::Refused`] where the veto is heeded, nothing has that name, the store fails.
    pub async fn hear_before_delete(&self, name: &str, veto: Veto) -> Result<Option<Failure>, Error> {
        self.0.hear_before_delete(name, veto).await
    }

    /// Removes a channel and everything that belongs to it in the store, without asking its
    /// plugin any more.
    ///
    /// # Errors
    /// Whenever something of it may still be there.
    pub async fn delete(&self, name: &str) -> Result<(), Error> {
        self.0.delete(name).await
    }

    /// Does what the transport's check does, with the stored settings, whether
    /// the channel is enabled or not. A channel that cannot be opened is a report, too.
    ///
    /// # Errors
    /// Nothing has that name, or the store fails.
    pub async fn check(&self, name: &str) -> Result<CheckReport, Error> {
        self.0.check(name).await
    }

    /// What a step of the channel needs. Gateways are kept: as long as neither
    /// the channel nor its plugin changes, its connections are used again. Settings of
    /// another version of the plugin are carried over first, and stored.
    ///
    /// # Errors
    /// The plugin is gone, it cannot take the settings over (which pauses the channel), the settings do not fit it, the key does not fit, or
    /// the operator's configuration denies the address.
    pub async fn open(&self, name: &str) -> Result<Opened, Error> {
        self.0.open(name).await
    }

    /// The same for a channel that may have another name by now.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub async fn open_by_id(&self, id: ChannelId) -> Result<Opened, Error> {
        let channel = self.0.store.channels().get(id).await?;
        self.0.open_channel(channel.ok_or_else(|| Error::NoChannel(id.to_string()))?).await
    }

    /// Lets a channel's runs go on: one of them went well. `seen` is the channel as that
    /// run had it; nothing happens where somebody changed it meanwhile.
    ///
    /// # Errors
    /// The store fails.
    pub async fn resume(&self, seen: &Channel) -> Result<bool, Error> {
        self.0.resume(seen).await
    }

    /// Drops the settings that an upgrade replaced: with those that `seen` has, something
    /// went well. False where there is nothing to drop, or they are others by now.
    ///
    /// # Errors
    /// The store fails.
    pub async fn prove(&self, seen: &Channel) -> Result<bool, Error> {
        self.0.prove(seen).await
    }

    /// Has a channel's check sent, so that the breaker of its origin learns whether the
    /// remote system is back. False where the channel has no check.
    pub async fn probe(&self, id: ChannelId) -> bool {
        self.0.probe(id).await
    }

    /// What is known of the origins that channels go to.
    #[must_use]
    pub fn origins(&self) -> Origins {
        self.0.broker.origins()
    }

    /// The name in [`Channels::origins`] of the origin that the channel is set up for.
    /// Opens and sends nothing. None where its plugin is gone or its settings do not
    /// fit it any more.
    #[must_use]
    pub fn origin_of(&self, channel: &Channel) -> Option<String> {
        self.0.origin_of(channel)
    }

    /// Seals a secret that stands in no form: the key of a webhook, or of a notice.
    ///
    /// # Errors
    /// The key of the data folder does not fit, or the store fails.
    pub async fn seal(&self, owner: Owner, secret: &Secret) -> Result<Sealed, Error> {
        self.0.seal(owner, secret).await
    }

    /// Opens what [`seal`](Self::seal) made for the same owner.
    ///
    /// # Errors
    /// The key of the data folder does not fit, or the text is damaged.
    pub fn unseal(&self, owner: Owner, sealed: &Sealed) -> Result<Secret, Error> {
        self.0.unseal(owner, sealed)
    }

    /// What it takes to take deliveries of a webhook, whether its channel is enabled or not.
    ///
    /// # Errors
    /// The channel or its plugin is gone, the settings do not fit it, or the key is not to
    /// be had.
    pub async fn open_hook(&self, hook: &Hook) -> Result<HookDoor, Error> {
        self.0.open_hook(hook).await
    }

    /// A way out to an address of the operator's own, under the same rules as those of
    /// channels, and without a credential.
    ///
    /// # Errors
    /// The address is no URL that can be posted to, or the rules deny it.
    pub fn postman(&self, url: &str) -> Result<Postman, Failure> {
        Postman::new(&self.0.broker, url)
    }

    /// Whether the key fits the secrets that are stored. Opens none of them.
    ///
    /// # Errors
    /// [`VaultError::WrongKey`], or the store fails.
    pub async fn verify_key(&self) -> Result<(), Error> {
        self.0.verify_key().await
    }
}

#[cfg(test)]
mod tests;
