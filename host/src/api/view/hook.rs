//! Webhooks as they are shown and made.

use crate::{
    model::{ChannelName, HookCounts, HookId, HookSecret, Name, SignatureScheme, Timestamp},
    sync::ShownHook,
};
use serde::{Deserialize, Serialize};

/// An address that a remote system posts to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Hook {
    /// Stays the same when the address changes.
    pub id: HookId,
    /// The channel that deliveries are for.
    pub channel: ChannelName,
    /// Which kind of what its remote system posts.
    pub kind: Name,
    /// What people call the kind.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub label: String,
    /// The full address. Whoever has it can find out whether it is there.
    pub address: String,
    /// How deliveries are verified.
    pub signature: HookSignature,
    /// How it is registered, in words of the plugin.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub help: String,
    /// When it was made.
    pub created: Timestamp,
    /// When address or key last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotated: Option<Timestamp>,
    /// What came to it.
    pub deliveries: HookCounts,
}

/// How deliveries are verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct HookSignature {
    /// `hmac-sha256`, `none`, or `unknown` where the plugin has no such kind any more.
    pub scheme: String,
    /// The header with the signature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// Where the key is: `own`, or the channel's setting of that name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

impl Hook {
    /// As a host shows it that is reached at that address.
    #[must_use]
    pub fn of(shown: ShownHook, address: String) -> Self {
        let (label, help) = match &shown.webhook {
            Some(webhook) => (webhook.label.clone(), webhook.help.clone()),
            None => Default::default(),
        };
        let signature = shown.webhook.map(|webhook| webhook.signature);
        Self {
            id: shown.hook.id,
            channel: shown.channel.name,
            kind: shown.hook.kind,
            label,
            address,
            signature: HookSignature::of(signature.as_ref(), shown.hook.secret.as_ref()),
            help,
            created: shown.hook.created,
            rotated: shown.hook.rotated,
            deliveries: shown.counts,
        }
    }
}

impl HookSignature {
    fn of(signature: Option<&SignatureScheme>, secret: Option<&HookSecret>) -> Self {
        let hmac = signature.and_then(SignatureScheme::hmac);
        let scheme = match (signature, &hmac) {
            (None, _) => "unknown",
            (_, Some(_)) => "hmac-sha256",
            (_, None) => "none",
        };
        let secret = secret.map(|secret| match secret {
            HookSecret::Own(_) => "own".to_owned(),
            HookSecret::Setting(name) => name.to_string(),
        });
        Self { scheme: scheme.to_owned(), header: hmac.map(|hmac| hmac.header), secret }
    }
}

/// A webhook that was made or changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct MadeHook {
    /// As it is now.
    #[serde(flatten)]
    pub hook: Hook,
    /// The key of the signatures, where the host made it: it is not shown again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// Body of a request for a webhook.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NewHook {
    /// The channel.
    pub channel: ChannelName,
    /// Which kind of what its remote system posts.
    pub kind: Name,
    /// The key of the signatures; none: from the channel's settings, or made.
    #[serde(default)]
    pub secret: Option<String>,
    /// Take deliveries that are not signed.
    #[serde(default)]
    pub unsigned: bool,
}

/// Body of a request for another address, another key, or both.
#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct HookRotation {
    /// The address stays.
    pub keep_address: bool,
    /// The key stays.
    pub keep_secret: bool,
    /// The new key; none: the host makes one.
    pub secret: Option<String>,
}
