//! What a webhook needs of its channel: how deliveries are signed, the key, and the plugin
//! that understands them.
//!
//! It verifies nothing and keeps nothing. Of what it seals, each thing opens in its own
//! place only.

use super::{Error, Inner, Opened, guest, vault::Place};
use crate::{
    model::{
        ChannelId, Class, Delivery, Effect, Failure, Hook, HookId, HookSecret, Name, Sealed, Secret,
        SignatureScheme, SubscriberId,
    },
    sandbox::Outcome,
};
use bytes::Bytes;

/// Whose secret it is that stands in no form.
#[derive(Clone, Copy, Debug)]
pub enum Owner {
    /// The random part of a webhook's address.
    HookAddress(ChannelId, HookId),
    /// The key of a webhook's signatures.
    HookKey(ChannelId, HookId),
    /// The key of a notice's signatures.
    NoticeKey(SubscriberId),
}

impl Owner {
    fn place(self) -> (ChannelId, String) {
        match self {
            Self::HookAddress(channel, hook) => (channel, format!("webhook/{hook}/address")),
            Self::HookKey(channel, hook) => (channel, format!("webhook/{hook}/key")),
            // No channel owns it; its own id keeps it in its place all the same.
            Self::NoticeKey(notice) => (ChannelId::from_bytes(notice.to_bytes()), "notice/key".to_owned()),
        }
    }
}

/// A webhook that is ready to take deliveries.
pub struct HookDoor {
    /// How they are signed.
    pub signature: SignatureScheme,
    /// The key of the signatures; none: they are not signed.
    pub key: Option<Secret>,
    kind: Name,
    opened: Opened,
}

impl HookDoor {
    /// Asks the plugin what a delivery means. It gets no way out.
    pub async fn receive(&self, headers: Vec<(String, Bytes)>, body: Bytes) -> Outcome<Effect> {
        let delivery =
            Delivery { kind: self.kind.clone(), settings: self.opened.settings.clone(), headers, body };
        let step = guest::pure_step(&self.opened.offer);
        let mut outcome = self.opened.offer.plugin.receive(step, delivery).await;
        if let Err(failure) = &mut outcome.result {
            failure.message = self.opened.gateway.redact(&failure.message);
        }
        outcome
    }
}

impl Inner {
    pub(super) async fn seal(&self, owner: Owner, secret: &Secret) -> Result<Sealed, Error> {
        self.verify_key().await?;
        let (channel, field) = owner.place();
        Ok(self.vault.seal(secret, Place { channel, field: &field })?)
    }

    pub(super) fn unseal(&self, owner: Owner, sealed: &Sealed) -> Result<Secret, Error> {
        let (channel, field) = owner.place();
        Ok(self.vault.unseal(sealed, Place { channel, field: &field })?)
    }

    pub(super) async fn open_hook(&self, hook: &Hook) -> Result<HookDoor, Error> {
        let channel = self.store.channels().get(hook.channel_id).await?;
        let opened = self.open_channel(channel.ok_or_else(|| Error::NoChannel(hook.place.clone()))?).await?;
        let webhooks = &opened.offer.channel_type.webhooks;
        let webhook = webhooks.iter().find(|webhook| webhook.kind == hook.kind);
        let signature = webhook.ok_or_else(|| kind_gone(hook))?.signature.clone();
        let key = match &hook.secret {
            None => None,
            Some(HookSecret::Own(sealed)) => {
                Some(self.unseal(Owner::HookKey(hook.channel_id, hook.id), sealed)?)
            }
            Some(HookSecret::Setting(field)) => {
                let sealed = opened.channel.secrets.get(field.as_str());
                let sealed = sealed.ok_or_else(|| setting_gone(field))?;
                Some(self.vault.unseal(sealed, Place { channel: opened.channel.id, field: field.as_str() })?)
            }
        };
        Ok(HookDoor { signature, key, kind: hook.kind.clone(), opened })
    }
}

fn kind_gone(hook: &Hook) -> Error {
    let message = format!(
        "the plugin has no webhook '{}' any more: put back the version that had it, or delete the webhook",
        hook.kind
    );
    Error::Plugin(Failure::new(Class::Config, "webhook.kind-gone", message))
}

fn setting_gone(field: &Name) -> Error {
    let message =
        format!("the channel's secret '{field}' holds the key of this webhook and is not set: set it again");
    Error::Plugin(Failure::new(Class::Config, "webhook.no-key", message))
}
