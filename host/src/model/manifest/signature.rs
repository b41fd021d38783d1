//! How deliveries of webhooks are signed, as a manifest declares it.
//!
//! It verifies nothing: names and numbers only, and the schemes of known senders.

use super::Name;
use serde::{Deserialize, Serialize};

/// How a delivery is signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", tag = "scheme")]
pub enum SignatureScheme {
    /// HMAC-SHA256 over the body, or over the timestamp, the separator and the body.
    HmacSha256(HmacScheme),
    /// As Zendesk signs.
    Zendesk {
        /// See [`HmacScheme::secret`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        secret: Option<Name>,
    },
    /// As GitHub signs.
    Github {
        /// See [`HmacScheme::secret`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        secret: Option<Name>,
    },
    /// Not at all: an operator has to allow it for each webhook.
    None {},
}

/// HMAC-SHA256 (RFC 2104, FIPS 180-4), and where its parts stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct HmacScheme {
    /// The header with the signature.
    pub header: String,
    /// What stands before the signature in the header, such as `sha256=`.
    #[serde(default)]
    pub prefix: String,
    /// `hex` or `base64`.
    pub encoding: String,
    /// The header with the timestamp, where there is one.
    #[serde(default)]
    pub timestamp_header: Option<String>,
    /// How the timestamp is written.
    #[serde(default)]
    pub timestamp_format: TimestampFormat,
    /// What is signed between the timestamp and the body.
    #[serde(default)]
    pub separator: String,
    /// How far the timestamp may be from the host's clock.
    #[serde(default = "five_minutes")]
    pub tolerance_seconds: u32,
    /// The header with the id of a delivery, the same when it is sent again.
    #[serde(default)]
    pub delivery_header: Option<String>,
    /// What tells that a delivery came before.
    #[serde(default)]
    pub repeats: Repeats,
    /// How long deliveries are remembered where no timestamp limits it.
    #[serde(default = "one_day")]
    pub window_seconds: u32,
    /// The secret setting of the channel that holds the key; none: each webhook has its own.
    #[serde(default)]
    pub secret: Option<Name>,
}

/// How a timestamp is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TimestampFormat {
    /// Seconds since 1970.
    #[default]
    Unix,
    /// Milliseconds since 1970.
    UnixMs,
    /// Such as `2026-01-31T12:00:00Z`.
    #[serde(rename = "rfc3339")]
    Rfc3339,
}

/// What tells that a delivery came before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Repeats {
    /// Its id, or what was signed.
    #[default]
    All,
    /// Its id alone, for a sender whose bodies are the same for different events.
    Ids,
}

fn five_minutes() -> u32 {
    300
}

fn one_day() -> u32 {
    86_400
}

impl SignatureScheme {
    /// The scheme spelled out; none where nothing is signed.
    #[must_use]
    pub fn hmac(&self) -> Option<HmacScheme> {
        match self {
            Self::HmacSha256(scheme) => Some(scheme.clone()),
            Self::Zendesk { secret } => Some(zendesk(secret.clone())),
            Self::Github { secret } => Some(github(secret.clone())),
            Self::None {} => None,
        }
    }

    /// The secret setting of the channel that holds the key.
    #[must_use]
    pub fn setting(&self) -> Option<&Name> {
        match self {
            Self::HmacSha256(scheme) => scheme.secret.as_ref(),
            Self::Zendesk { secret } | Self::Github { secret } => secret.as_ref(),
            Self::None {} => None,
        }
    }
}

/// `base64(HMAC-SHA256(timestamp + body))`.
fn zendesk(secret: Option<Name>) -> HmacScheme {
    HmacScheme {
        header: "X-Zendesk-Webhook-Signature".into(),
        prefix: String::new(),
        encoding: "base64".into(),
        timestamp_header: Some("X-Zendesk-Webhook-Signature-Timestamp".into()),
        timestamp_format: TimestampFormat::Rfc3339,
        separator: String::new(),
        tolerance_seconds: five_minutes(),
        delivery_header: Some("X-Zendesk-Webhook-Invocation-Id".into()),
        repeats: Repeats::All,
        window_seconds: one_day(),
        secret,
    }
}

/// `sha256=` and `hex(HMAC-SHA256(body))`; what is sent again has the same id for three days.
fn github(secret: Option<Name>) -> HmacScheme {
    HmacScheme {
        header: "X-Hub-Signature-256".into(),
        prefix: "sha256=".into(),
        encoding: "hex".into(),
        timestamp_header: None,
        timestamp_format: TimestampFormat::Unix,
        separator: String::new(),
        tolerance_seconds: five_minutes(),
        delivery_header: Some("X-GitHub-Delivery".into()),
        repeats: Repeats::All,
        window_seconds: 3 * one_day(),
        secret,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<SignatureScheme> {
        serde_json::from_str(json).ok()
    }

    #[test]
    fn every_scheme_is_read() {
        let hmac = read(r#"{"scheme": "hmac-sha256", "header": "S", "encoding": "hex"}"#).expect("a scheme");
        let spelled = hmac.hmac().expect("it signs");
        assert_eq!((spelled.tolerance_seconds, spelled.window_seconds), (300, 86_400));
        assert_eq!((spelled.timestamp_format, spelled.repeats), (TimestampFormat::Unix, Repeats::All));
        assert_eq!(hmac.setting(), None);

        let zendesk = read(r#"{"scheme": "zendesk", "secret": "key"}"#).expect("a scheme");
        assert_eq!(zendesk.setting().map(Name::as_str), Some("key"));
        assert_eq!(zendesk.hmac().expect("it signs").timestamp_format, TimestampFormat::Rfc3339);
        let github = read(r#"{"scheme": "github"}"#).and_then(|scheme| scheme.hmac()).expect("it signs");
        assert_eq!((github.prefix.as_str(), github.timestamp_header), ("sha256=", None));
        assert_eq!(read(r#"{"scheme": "none"}"#).and_then(|scheme| scheme.hmac()), None);
        assert_eq!(read(r#"{"scheme": "rot13"}"#), None);
    }
}
