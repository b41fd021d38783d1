//! A notice: changes of records, told to an address of the operator's.

use super::{ChannelId, Failure, Name, Sealed, SubscriberId, Timestamp};
use serde::{Deserialize, Serialize};

/// Where changes of which records are told, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Notice {
    /// Stays the same for ever.
    pub id: SubscriberId,
    /// What its operator calls it; unique in the host.
    pub name: Name,
    /// Where messages are posted.
    pub url: String,
    /// Of this channel only; none: of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<ChannelId>,
    /// Of these connectors only; empty: of all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub connectors: Vec<Name>,
    /// Whether messages carry the record.
    #[serde(default)]
    pub with_payload: bool,
    /// Whether a person holds it back. Changes are gathered all the same.
    #[serde(default)]
    pub paused: bool,
    /// The key of the signatures.
    pub secret: Sealed,
    /// When it was made.
    pub created: Timestamp,
}

/// How it goes with a notice, as far as the host remembers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NoticeState {
    /// Messages that arrived since the host started.
    pub sent: u64,
    /// When one last arrived.
    pub last_sent: Option<Timestamp>,
    /// What last went wrong, and when.
    pub last_failure: Option<(Timestamp, Failure)>,
    /// Until when the address is left alone.
    pub resting_until: Option<Timestamp>,
}
