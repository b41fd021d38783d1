//! How a channel is connected by OAuth, as it is shown: never a token.

use super::Problem;
use crate::{
    channels::{self, ConnectionReport, Standing},
    model::{GrantType, Paused, Timestamp},
};
use serde::{Deserialize, Serialize};

/// How a channel is connected.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Connection {
    /// `connected`, `not-connected`, `ended`, or `other-settings`: connected with others than
    /// it has now.
    pub status: String,
    /// How it comes to tokens.
    pub grant: GrantType,
    /// Since when it is connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Until when the access token holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Whether the host renews it by itself.
    pub renewable: bool,
    /// How often it did.
    pub renewals: u64,
    /// The scopes that were granted.
    pub scopes: Vec<String>,
    /// Why it does not work any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Paused>,
    /// The redirect URI to register with the provider; none where no browser comes back, or
    /// the host does not listen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect_uri: Option<String>,
    /// The last attempt of a person to connect it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<Attempt>,
}

/// An attempt of a person to connect a channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Attempt {
    /// Which one.
    pub id: String,
    /// `waiting`, `connected` or `failed`.
    pub status: String,
    /// Where the browser comes back to.
    pub redirect_uri: String,
    /// Until when it had, or has, to be back.
    pub expires: Timestamp,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Problem>,
}

/// Answer to a request to connect a channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Connect {
    /// `waiting` for a person, or `connected` at once.
    pub status: String,
    /// Tells the attempt from others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<String>,
    /// What the person opens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorize_url: Option<String>,
    /// What the provider has to have registered, exactly so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect_uri: Option<String>,
    /// Until when the person has to be back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
}

/// Answer to a request to disconnect a channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Disconnected {
    /// Whether it was connected.
    pub was_connected: bool,
    /// Whether the provider took the tokens back.
    pub revoked: bool,
    /// Why it did not, where it should have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Problem>,
}

impl Connection {
    /// As it is shown by a host that browsers come back to at `redirect_uri`.
    #[must_use]
    pub fn of(report: ConnectionReport, redirect_uri: Option<String>) -> Self {
        let status = match report.standing {
            Standing::Connected => "connected",
            Standing::NotConnected => "not-connected",
            Standing::Ended => "ended",
            Standing::OtherSettings => "other-settings",
        };
        Self {
            status: status.to_owned(),
            grant: report.grant,
            since: report.since,
            until: report.until,
            renewable: report.renewable,
            renewals: report.renewals,
            scopes: report.scopes,
            ended: report.ended,
            redirect_uri: redirect_uri.filter(|_| report.grant == GrantType::AuthorizationCode),
            attempt: report.attempt.map(Attempt::from),
        }
    }
}

impl From<channels::AttemptReport> for Attempt {
    fn from(report: channels::AttemptReport) -> Self {
        let (status, error) = match report.outcome {
            None => ("waiting", None),
            Some(Ok(())) => ("connected", None),
            Some(Err(failure)) => ("failed", Some(Problem::from(failure))),
        };
        Self {
            id: report.id,
            status: status.to_owned(),
            redirect_uri: report.redirect_uri,
            expires: report.expires,
            error,
        }
    }
}

impl From<channels::Connecting> for Connect {
    fn from(connecting: channels::Connecting) -> Self {
        match connecting {
            channels::Connecting::Done => Self {
                status: "connected".to_owned(),
                attempt: None,
                authorize_url: None,
                redirect_uri: None,
                expires: None,
            },
            channels::Connecting::Browser(started) => Self {
                status: "waiting".to_owned(),
                attempt: Some(started.attempt),
                authorize_url: Some(started.authorize_url.expose().to_owned()),
                redirect_uri: Some(started.redirect_uri),
                expires: Some(started.expires),
            },
        }
    }
}

impl From<channels::Disconnected> for Disconnected {
    fn from(disconnected: channels::Disconnected) -> Self {
        let (revoked, error) = match disconnected.revoked {
            None => (false, None),
            Some(Ok(())) => (true, None),
            Some(Err(failure)) => (false, Some(Problem::from(failure))),
        };
        Self { was_connected: disconnected.was_connected, revoked, error }
    }
}
