//! What a plugin says of itself: the document that `describe` answers.
//!
//! The published form is `wit/manifest.schema.json`; the catalog checks a
//! document against it before it is read into these types.

mod connector;
mod oauth;
mod signature;

pub use connector::{Connector, Direction, DrivenBy, Reference, Write};
pub use oauth::{AnswerFields, ClientAuth, GrantType, OAuth2, TokenRequest};

use super::Name;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The whole document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Manifest {
    /// Version of the document's form; 1.
    pub manifest: u32,
    /// The plugin's id, the same in all its versions.
    pub id: Name,
    /// The plugin's version, by Semantic Versioning.
    pub version: String,
    /// Who wrote it.
    #[serde(default)]
    pub authors: Vec<String>,
    /// SPDX expression.
    #[serde(default)]
    pub license: Option<String>,
    /// Where to read more.
    #[serde(default)]
    pub homepage: Option<String>,
    /// The kinds of integration that it offers; at least one.
    pub channel_types: Vec<ChannelType>,
    /// Limits that it needs to be higher than usual.
    #[serde(default)]
    pub limits: Wanted,
}

/// Limits that a plugin asks for; the operator's maximum still holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Wanted {
    /// Linear memory, in bytes.
    pub memory: Option<u64>,
}

/// A kind of integration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ChannelType {
    /// Unique in the host: two plugins cannot offer the same one.
    pub id: Name,
    /// What people call it.
    pub label: String,
    /// One or two sentences for the operator.
    #[serde(default)]
    pub description: String,
    /// An SVG image.
    #[serde(default)]
    pub icon: Option<String>,
    /// Who owns imported records: `user`, `business-unit`, or nobody.
    #[serde(default)]
    pub owner: Option<String>,
    /// How the remote system can be reached; at least one.
    pub transports: Vec<Transport>,
    /// The entity streams; none for an integration of operations only.
    #[serde(default)]
    pub connectors: Vec<Connector>,
    /// The calls.
    #[serde(default)]
    pub operations: Vec<Operation>,
    /// What the remote system may post to the host.
    #[serde(default)]
    pub webhooks: Vec<Webhook>,
}

/// How the remote system is reached.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Transport {
    /// Unique within the channel type.
    pub id: Name,
    /// What people call it.
    pub label: String,
    /// The settings that an operator fills in.
    pub form: Vec<Field>,
    /// URL templates with `{field}` in them; the first whose fields all have a
    /// value is used. A template that is more than one field takes values of
    /// letters, digits, `-`, `_` and `.` only.
    pub base_url: Vec<String>,
    /// Further origins that requests may name.
    #[serde(default)]
    pub origins: Vec<Origin>,
    /// The ways to authenticate; the first whose condition holds is used. None:
    /// no credentials.
    #[serde(default)]
    pub auth: Vec<Auth>,
    /// What the remote system is known to bear.
    #[serde(default)]
    pub rate: RateHint,
}

/// One setting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Field {
    /// The key in the settings.
    pub name: Name,
    /// What people call it.
    pub label: String,
    /// What it is for and where to find it.
    #[serde(default)]
    pub help: String,
    /// What kind of value it takes.
    pub kind: FieldKind,
    /// Whether it must have a value (where it applies).
    #[serde(default)]
    pub required: bool,
    /// The value where none is given; never for a secret.
    #[serde(default)]
    pub default: Option<Value>,
    /// The values that it can have, for the kind `choice`.
    #[serde(default)]
    pub choices: Vec<Choice>,
    /// A regular expression that the whole text must match.
    #[serde(default)]
    pub pattern: Option<String>,
    /// The least and the greatest number; for texts, of characters.
    #[serde(default)]
    pub min: Option<i64>,
    /// See `min`.
    #[serde(default)]
    pub max: Option<i64>,
    /// The field applies only where this holds; elsewhere it must have no value.
    #[serde(default)]
    pub applicable_if: Option<Condition>,
}

/// The kind of value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FieldKind {
    /// One line of text.
    Text,
    /// A text that is sealed and never shown again.
    Secret,
    /// An absolute `http` or `https` URL.
    Url,
    /// An e-mail address.
    Email,
    /// A whole number.
    Integer,
    /// `true` or `false`.
    Boolean,
    /// One of `choices`.
    Choice,
    /// A day, `2026-01-31`.
    Date,
}

/// One value of a choice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// What the settings hold.
    pub value: String,
    /// What people see.
    pub label: String,
}

/// Holds where a field has one of the values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Condition {
    /// A field that stands before this one in the form.
    pub field: Name,
    /// The values that it may have.
    #[serde(rename = "in")]
    pub values: Vec<Value>,
}

/// A further origin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// What requests call it.
    pub name: Name,
    /// A URL template as in `base-url`.
    pub url: String,
}

/// One way to authenticate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Auth {
    /// Used only where this holds.
    #[serde(default)]
    pub applicable_if: Option<Condition>,
    /// How the credential is put on.
    #[serde(flatten)]
    pub scheme: AuthScheme,
}

/// How a credential is put on a request. The texts are templates: `{field}`
/// stands for a setting, secret or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", tag = "scheme")]
pub enum AuthScheme {
    /// No credential.
    None,
    /// HTTP Basic (RFC 7617).
    Basic {
        /// Such as `{email}/token`.
        username: String,
        /// Such as `{token}`.
        password: String,
    },
    /// `Authorization: Bearer` (RFC 6750).
    Bearer {
        /// Such as `{token}`.
        token: String,
    },
    /// A header of the remote system's own.
    Header {
        /// The header's name.
        name: String,
        /// Such as `{api-key}`.
        value: String,
    },
    /// A query parameter.
    Query {
        /// The parameter's name.
        name: String,
        /// Such as `{api-key}`.
        value: String,
    },
    /// OAuth 2.0; the host gets and renews the tokens.
    #[serde(rename = "oauth2")]
    OAuth2(Box<OAuth2>),
}

/// What a remote system is known to bear.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct RateHint {
    /// Requests a minute.
    pub requests_per_minute: Option<u32>,
    /// Requests at the same time; 4 where nothing is said.
    pub concurrency: Option<u32>,
}

/// A call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Operation {
    /// Unique within the channel type.
    pub id: Name,
    /// What people call it.
    pub label: String,
    /// What it does.
    #[serde(default)]
    pub description: String,
    /// JSON Schema of the input.
    pub input: Value,
    /// JSON Schema of the output.
    pub output: Value,
    /// Whether a try that may have been done may be made again with the same idempotency
    /// key. False: the remote system does not keep such keys.
    #[serde(default = "yes")]
    pub repeatable: bool,
}

/// What a remote system may post.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Webhook {
    /// Unique within the channel type.
    pub kind: Name,
    /// What people call it.
    pub label: String,
    /// How it is registered at the remote system, in words for an operator.
    #[serde(default)]
    pub help: String,
    /// How the sender signs.
    pub signature: SignatureScheme,
}

pub use signature::{HmacScheme, Repeats, SignatureScheme, TimestampFormat};

impl Manifest {
    /// The channel type of that id.
    #[must_use]
    pub fn channel_type(&self, id: &str) -> Option<&ChannelType> {
        self.channel_types.iter().find(|channel_type| channel_type.id.as_str() == id)
    }
}

impl ChannelType {
    /// The transport of that id.
    #[must_use]
    pub fn transport(&self, id: &str) -> Option<&Transport> {
        self.transports.iter().find(|transport| transport.id.as_str() == id)
    }

    /// The operation of that id.
    #[must_use]
    pub fn operation(&self, id: &str) -> Option<&Operation> {
        self.operations.iter().find(|operation| operation.id.as_str() == id)
    }

    /// The connector of that id.
    #[must_use]
    pub fn connector(&self, id: &str) -> Option<&Connector> {
        self.connectors.iter().find(|connector| connector.id.as_str() == id)
    }
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Manifest {
        serde_json::from_str(text).expect("a manifest that the schema allows")
    }

    #[test]
    fn shipped_manifests_are_read() {
        let zendesk = read(include_str!("../../../plugins/zendesk/manifest.json"));
        let zendesk = zendesk.channel_type("zendesk").expect("its channel type");
        assert_eq!(zendesk.connector("ticket-comment").expect("its connector").driven_by, DrivenBy::Keys);
        let auth = &zendesk.transport("rest").expect("its transport").auth;
        assert!(matches!(auth[0].scheme, AuthScheme::Basic { .. }) && auth[0].applicable_if.is_some());
        assert!(matches!(&auth[1].scheme, AuthScheme::OAuth2(oauth) if oauth.scopes == ["read", "write"]));
        assert_eq!(read(include_str!("../../../examples/minimal/manifest.json")).id.as_str(), "minimal");
    }

    #[test]
    fn what_is_not_said_has_its_default() {
        let text = r#"{"manifest": 1, "id": "a", "version": "1.0.0", "channel-types": [{"id": "a", "label": "A",
            "transports": [{"id": "t", "label": "T", "form": [], "base-url": ["https://a.test"]}],
            "connectors": [{"id": "c", "label": "C", "entity": "c"}],
            "webhooks": [{"kind": "w", "label": "W", "signature": {"scheme": "hmac-sha256", "header": "s",
                "timestamp-header": "t", "encoding": "hex", "secret": "k"}}]}]}"#;
        let manifest = read(text);
        let connector = &manifest.channel_types[0].connectors[0];
        assert_eq!((connector.page_size, connector.supports_full, connector.order), (100, true, 0));
        assert_eq!((connector.direction, connector.driven_by), (Direction::Import, DrivenBy::Cursor));
        let signature = manifest.channel_types[0].webhooks[0].signature.hmac().expect("it is signed");
        assert_eq!(signature.timestamp_header.as_deref(), Some("t"));
    }
}
