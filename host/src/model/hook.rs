//! Webhooks: an address that a remote system posts to, what it posts, and what that means.

use super::{ChannelId, Envelope, HookId, Name, Sealed, Timestamp};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// An address that a remote system posts to, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Hook {
    /// Stays the same when the address changes.
    pub id: HookId,
    /// Which channel the deliveries are for.
    pub channel_id: ChannelId,
    /// Which kind of webhook of the manifest.
    pub kind: Name,
    /// The channel's name when the address was made: the first part of the address, which
    /// stays good when the channel gets another name.
    pub place: String,
    /// SHA-256 of the random part of the address, in hex.
    pub digest: String,
    /// The random part, sealed, so that the address can be shown again.
    pub random: Sealed,
    /// The key of the signatures; none: deliveries are not signed, and an operator
    /// allowed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<HookSecret>,
    /// When it was made.
    pub created: Timestamp,
    /// When address or key last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotated: Option<Timestamp>,
}

/// Where the key of the signatures is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HookSecret {
    /// The webhook has its own.
    Own(Sealed),
    /// It is a secret setting of the channel.
    Setting(Name),
}

/// What came to a webhook.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct HookCounts {
    /// Deliveries whose effect is in the store.
    pub taken: u64,
    /// Deliveries that had been taken before.
    pub repeated: u64,
    /// Deliveries with a signature or a timestamp that does not fit.
    pub refused: u64,
    /// Deliveries that the plugin does not understand.
    pub not_understood: u64,
    /// Deliveries that the plugin or the host failed over.
    pub failed: u64,
    /// Deliveries that were turned away because too many came.
    pub limited: u64,
    /// When one was last taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_taken: Option<Timestamp>,
    /// What last went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<HookFailure>,
}

/// Why a delivery was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct HookFailure {
    /// When it came.
    pub at: Timestamp,
    /// A stable dotted name.
    pub code: String,
    /// A sentence for an operator.
    pub message: String,
}

/// What was posted, for the plugin; the fields are those of `delivery` in the contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Which kind of webhook of the manifest.
    pub kind: Name,
    /// The channel's settings as JSON, secrets replaced by `true`.
    pub settings: Bytes,
    /// Without the header of the signature.
    pub headers: Vec<(String, Bytes)>,
    /// As it came.
    pub body: Bytes,
}

/// A record that a delivery carried whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookChange {
    /// The connector that it belongs to, as the guest named it.
    pub connector: String,
    /// The record.
    pub record: Envelope,
}

/// What a delivery means; the fields are those of `effect` in the contract.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effect {
    /// Records that it carried whole.
    pub changes: Vec<HookChange>,
    /// Ids that connectors are to fetch.
    pub due: Vec<super::Due>,
}
