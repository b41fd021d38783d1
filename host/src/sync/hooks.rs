//! Webhooks: addresses that remote systems post to, and what becomes of what they post.
//!
//! A delivery is known by its address, verified, shown to the plugin, and what it means is
//! durable before it is answered (`desk`, `signature`, `ledger`). What it means is due keys,
//! or records for the inbox, and a job that takes them in: nothing here touches a record.

mod bucket;
mod desk;
mod door;
mod effect;
mod ledger;
mod registry;
mod signature;
#[cfg(test)]
mod tests;

pub use desk::{Admitted, Taken, Turned};
pub use signature::Posted;

use super::Sync;
use crate::{
    channels::{self, Channels, Owner},
    model::{
        Asked, Channel, ChannelId, Direction, Fault, Hook, HookCounts, HookId, HookSecret, Name, Secret,
        SignatureScheme, Trigger, Webhook,
    },
    store::{self, Batch},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use desk::{Desk, digest_of};
use std::{fmt::Write as _, sync::Arc};

/// Bytes of the random part of an address, and of a key that the host makes.
const RANDOM: usize = 24;
const KEY: usize = 32;

/// Why a webhook is not made, or not found.
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    /// Nothing has that id.
    #[error("there is no webhook '{0}': see the list of webhooks")]
    NoHook(String),
    /// The plugin has no such kind.
    #[error("the channel type '{channel_type}' has no webhook '{kind}'; it has: {known}")]
    NoKind {
        /// What the channel is.
        channel_type: Name,
        /// What was asked for.
        kind: Name,
        /// What there is.
        known: String,
    },
    /// Nobody allowed deliveries that are not signed.
    #[error(
        "deliveries of '{0}' are not signed: whoever learns the address can post to it. Allow that (--unsigned), or do without"
    )]
    Unsigned(Name),
    /// Somebody allowed what there is no need for.
    #[error("deliveries of '{0}' are signed, so they are taken with their signature only")]
    Signed(Name),
    /// A key without a signature, or an empty one.
    #[error("{0}")]
    Key(&'static str),
    /// The system has no randomness.
    #[error("the system gives no random bytes")]
    Random,
    /// The channel, its plugin or the key of the secrets.
    #[error(transparent)]
    Channels(#[from] channels::Error),
    /// The store.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl HookError {
    /// Who has to act, and whether trying again helps.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::Random => Fault::Transient,
            Self::Channels(error) => error.fault(),
            Self::Store(error) => error.fault(),
            _ => Fault::Invalid,
        }
    }
}

/// Where the key of a new webhook's signatures comes from.
#[derive(Clone, Debug, Default)]
pub enum NewSecret {
    /// From the channel's settings, where the plugin says so and it is set; else the host
    /// makes one.
    #[default]
    Made,
    /// From whoever makes the webhook.
    Given(Secret),
    /// There is none: deliveries are not signed.
    Unsigned,
}

/// What a rotation changes.
#[derive(Clone, Debug)]
pub struct Rotation {
    /// Whether the address stays.
    pub address: Fit,
    /// Whether the key stays.
    pub key: Fit,
    /// The new key; none: the host makes one.
    pub secret: Option<Secret>,
}

/// Whether something is kept as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// It stays.
    Kept,
    /// Another takes its place.
    Replaced,
}

/// The two parts of an address that come after `/hooks/`.
#[derive(Clone, Debug)]
pub struct Address {
    /// The channel's name when it was made.
    pub place: String,
    /// What nobody can guess.
    pub random: Secret,
}

/// A webhook as it is shown.
pub struct Shown {
    /// Its row.
    pub hook: Hook,
    /// Its address.
    pub address: Address,
    /// Its channel as it is now.
    pub channel: Channel,
    /// What its plugin says of its kind, where it still does.
    pub webhook: Option<Webhook>,
    /// What came to it.
    pub counts: HookCounts,
}

/// A webhook that was made, or changed.
pub struct Made {
    /// As it is now.
    pub shown: Shown,
    /// The key, where the host made it: shown this once.
    pub secret: Option<Secret>,
}

/// A handle on the webhooks; cheap to clone.
#[derive(Clone)]
pub struct Hooks {
    desk: Arc<Desk>,
    channels: Channels,
}

impl Hooks {
    /// Reads nothing yet.
    #[must_use]
    pub fn build(sync: &Sync, channels: Channels) -> Self {
        let desk = Desk::new(Arc::clone(&sync.shared), Arc::new(channels.clone()));
        Self { desk, channels }
    }

    /// Lets a delivery in; its body may be read then.
    ///
    /// # Errors
    /// The address is not known, or too many come.
    pub async fn admit(&self, place: &str, random: &str) -> Result<Admitted, Turned> {
        self.desk.admit(place, random).await
    }

    /// Makes a webhook for a kind of what the channel's remote system posts.
    ///
    /// # Errors
    /// There is no such kind, or it is not signed and nobody allowed that.
    pub async fn create(&self, channel: &str, kind: &Name, secret: NewSecret) -> Result<Made, HookError> {
        let channel = self.channels.open(channel).await?.channel;
        let webhook = self.kind(&channel, kind).await?;
        let id = HookId::new();
        let (secret, shown) = self.key(&channel, id, &webhook, secret).await?;
        let address = Address { place: channel.name.to_string(), random: random()? };
        let hook = Hook {
            id,
            channel_id: channel.id,
            kind: kind.clone(),
            place: address.place.clone(),
            digest: digest_of(address.random.expose()),
            random: self.channels.seal(Owner::HookAddress(channel.id, id), &address.random).await?,
            secret,
            created: self.desk.shared.clock.now(),
            rotated: None,
        };
        self.keep(&hook, None).await?;
        tracing::info!(hook.id = %id, channel.id = %channel.id, kind = %kind, "webhook created");
        Ok(Made { shown: self.shown(hook, HookCounts::default()).await?, secret: shown })
    }

    /// All of them, of one channel or of every one.
    ///
    /// # Errors
    /// The store fails.
    pub async fn list(&self, channel: Option<ChannelId>) -> Result<Vec<Shown>, HookError> {
        let mut shown = Vec::new();
        for entry in self.desk.registry.all(&self.desk.shared.store).await? {
            if channel.is_none_or(|channel| channel == entry.hook.channel_id) {
                match self.shown(entry.hook.clone(), entry.life.counts()).await {
                    // It was deleted just now, and its webhooks with it.
                    Err(HookError::Channels(channels::Error::NoChannel(_))) => {}
                    result => shown.push(result?),
                }
            }
        }
        Ok(shown)
    }

    /// One by its id.
    ///
    /// # Errors
    /// Nothing has that id, or the store fails.
    pub async fn get(&self, id: &str) -> Result<Shown, HookError> {
        let entry = self.entry(id).await?;
        self.shown(entry.hook.clone(), entry.life.counts()).await
    }

    /// Gives a webhook another address, another key, or both. What there was ends at once.
    ///
    /// # Errors
    /// Nothing has that id, the key does not fit, or somebody else changed it meanwhile.
    pub async fn rotate(&self, id: &str, rotation: Rotation) -> Result<Made, HookError> {
        let entry = self.entry(id).await?;
        let mut hook = entry.hook.clone();
        let mut shown = None;
        if rotation.address == Fit::Replaced {
            let random = random()?;
            hook.digest = digest_of(random.expose());
            hook.random = self.channels.seal(Owner::HookAddress(hook.channel_id, hook.id), &random).await?;
        }
        if rotation.key == Fit::Replaced && hook.secret.is_some() {
            let (key, made) = own_key(rotation.secret)?;
            let sealed = self.channels.seal(Owner::HookKey(hook.channel_id, hook.id), &key).await?;
            hook.secret = Some(HookSecret::Own(sealed));
            shown = made.then_some(key);
        } else if rotation.secret.is_some() {
            return Err(HookError::Key("deliveries of this webhook are not signed: it takes no key"));
        }
        hook.rotated = Some(self.desk.shared.clock.now());
        self.keep(&hook, Some(&entry.hook)).await?;
        tracing::info!(hook.id = %hook.id, "webhook rotated");
        Ok(Made { shown: self.shown(hook, entry.life.counts()).await?, secret: shown })
    }

    /// Removes a webhook: its address leads nowhere from then on.
    ///
    /// # Errors
    /// Nothing has that id, or the store fails.
    pub async fn delete(&self, id: &str) -> Result<(), HookError> {
        let entry = self.entry(id).await?;
        let store = &self.desk.shared.store;
        store.hooks().delete(entry.hook.channel_id, entry.hook.id).await?;
        self.desk.registry.reload(store).await?;
        tracing::info!(hook.id = %entry.hook.id, "webhook deleted");
        Ok(())
    }

    /// Asks for a sync of what came while the channel's runs could not start. Called when
    /// they can.
    pub async fn wake(&self, channel: &Channel) {
        let store = &self.desk.shared.store;
        let mut connectors = Vec::new();
        for connector in &channel.connectors {
            let inbox = store.inbox().is_empty(channel.id, connector).await;
            let due = store.due().list(channel.id, connector, Vec::new(), 1).await;
            if inbox.is_ok_and(|empty| !empty) || due.is_ok_and(|due| !due.is_empty()) {
                connectors.push(connector.clone());
            }
        }
        if connectors.is_empty() || !channel.is_active() {
            return;
        }
        let asked = Asked { connectors, full: false, record: false, trigger: Trigger::Webhook };
        let shared = &self.desk.shared;
        let placed = match shared.opener.reopen(channel.id).await {
            Ok(ready) => shared.queue.place(&ready, Direction::Import, &asked).await.map(drop),
            Err(error) => Err(error.into()),
        };
        if let Err(error) = placed {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "what came meanwhile waits for the next sync"
            );
        }
    }

    async fn entry(&self, id: &str) -> Result<Arc<registry::Entry>, HookError> {
        let missing = || HookError::NoHook(id.to_owned());
        let parsed: HookId = id.parse().map_err(|_| missing())?;
        self.desk.registry.get(&self.desk.shared.store, parsed).await?.ok_or_else(missing)
    }

    async fn kind(&self, channel: &Channel, kind: &Name) -> Result<Webhook, HookError> {
        let channel_type = self.channels.open_by_id(channel.id).await?.offer.channel_type;
        let found = channel_type.webhooks.iter().find(|webhook| webhook.kind == *kind);
        found.cloned().ok_or_else(|| {
            let known: Vec<_> = channel_type.webhooks.iter().map(|webhook| webhook.kind.as_str()).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            HookError::NoKind { channel_type: channel_type.id.clone(), kind: kind.clone(), known }
        })
    }

    /// Where the key is, and the key itself where the host made it.
    async fn key(
        &self,
        channel: &Channel,
        id: HookId,
        webhook: &Webhook,
        secret: NewSecret,
    ) -> Result<(Option<HookSecret>, Option<Secret>), HookError> {
        let given = match (&webhook.signature, secret) {
            (SignatureScheme::None {}, NewSecret::Unsigned) => return Ok((None, None)),
            (SignatureScheme::None {}, _) => return Err(HookError::Unsigned(webhook.kind.clone())),
            (_, NewSecret::Unsigned) => return Err(HookError::Signed(webhook.kind.clone())),
            (_, NewSecret::Given(secret)) => Some(secret),
            (_, NewSecret::Made) => None,
        };
        let setting = webhook.signature.setting().filter(|name| channel.secrets.contains_key(name.as_str()));
        if let (None, Some(setting)) = (&given, setting) {
            return Ok((Some(HookSecret::Setting(setting.clone())), None));
        }
        let (key, made) = own_key(given)?;
        let sealed = self.channels.seal(Owner::HookKey(channel.id, id), &key).await?;
        Ok((Some(HookSecret::Own(sealed)), made.then_some(key)))
    }

    async fn keep(&self, hook: &Hook, before: Option<&Hook>) -> Result<(), HookError> {
        let mut batch = Batch::new();
        batch.expect_channel(hook.channel_id);
        if let Some(before) = before {
            batch.expect_hook(before);
        }
        batch.put_hook(hook);
        let store = &self.desk.shared.store;
        store.commit(batch).await?;
        Ok(self.desk.registry.reload(store).await?)
    }

    async fn shown(&self, hook: Hook, counts: HookCounts) -> Result<Shown, HookError> {
        let channel = self.desk.shared.store.channels().get(hook.channel_id).await?;
        let channel = channel.ok_or_else(|| channels::Error::NoChannel(hook.place.clone()))?;
        let random = self.channels.unseal(Owner::HookAddress(hook.channel_id, hook.id), &hook.random)?;
        let webhook = self.kind(&channel, &hook.kind).await.ok();
        let address = Address { place: hook.place.clone(), random };
        Ok(Shown { hook, address, channel, webhook, counts })
    }
}

/// The key that is given, or one that is made; and which it is.
fn own_key(given: Option<Secret>) -> Result<(Secret, bool), HookError> {
    match given {
        Some(secret) if secret.expose().is_empty() => Err(HookError::Key("the secret is empty")),
        Some(secret) => Ok((secret, false)),
        None => {
            let mut text = String::with_capacity(2 * KEY);
            for byte in bytes::<KEY>()? {
                // Writing to a string cannot fail.
                let _ = write!(text, "{byte:02x}");
            }
            Ok((Secret::new(text), true))
        }
    }
}

fn random() -> Result<Secret, HookError> {
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(bytes::<RANDOM>()?)))
}

fn bytes<const N: usize>() -> Result<[u8; N], HookError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| HookError::Random)?;
    Ok(bytes)
}
