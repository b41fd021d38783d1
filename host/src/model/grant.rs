//! What a channel may do with a remote system by OAuth 2.0, as it is stored, and how it
//! is asked for.
//!
//! Tokens, verifiers and states are sealed; nothing else in these rows is secret.

use super::{Failure, HostId, Paused, Sealed, Timestamp};
use serde::{Deserialize, Serialize};

/// The tokens of a channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct KeptGrant {
    /// A digest of where they are from and where they may go: other settings, other tokens.
    pub provider: String,
    /// The access token, and the refresh token where there is one.
    pub tokens: Sealed,
    /// The scopes that were granted.
    pub scopes: Vec<String>,
    /// Since when the channel is connected.
    pub connected: Timestamp,
    /// When the access token was asked for.
    pub renewed: Timestamp,
    /// Until when the access token holds; none where nobody tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// Whether the host can get another access token by itself.
    pub renewable: bool,
    /// How often it did.
    pub renewals: u64,
    /// Who is getting another one just now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<Claim>,
    /// Why the grant is no good any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Paused>,
}

/// The right to use a refresh token, which may be good for one use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Claim {
    /// Whose it is.
    pub host: HostId,
    /// Others leave it to that host until then.
    pub until: Timestamp,
}

/// One attempt of a person to connect a channel; a channel has at most one, the last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct KeptAttempt {
    /// Tells it from earlier ones.
    pub id: String,
    /// As in [`KeptGrant`].
    pub provider: String,
    /// Where the provider sends the browser back to.
    pub redirect_uri: String,
    /// When it was begun.
    pub begun: Timestamp,
    /// Until when the browser has to be back.
    pub expires: Timestamp,
    /// How far it is.
    pub stage: ConnectStage,
}

/// How far an attempt to connect is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum ConnectStage {
    /// The browser is with the provider.
    Waiting {
        /// The state and the verifier.
        sealed: Sealed,
    },
    /// The browser came back, and the code is being turned into tokens. No state leads
    /// back from here: a code is used once.
    Redeeming,
    /// It went well.
    Connected,
    /// It did not.
    Failed {
        /// Why.
        failure: Failure,
    },
}
