//! How a cassette is written. Version 1.
//!
//! A reader of a later version must go on reading this one.

use crate::{
    broker::{Asked, End, Got, Reach},
    model::{ChannelId, ChannelName, Due, Failure, Name, PluginVersion, RunId, Timestamp},
    sandbox::Seed,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};
use std::fmt::Write;
use url::Url;

/// The version of what is written here.
pub(super) const VERSION: u32 = 1;

/// `cassette.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Head {
    pub(super) version: u32,
    pub(super) run: RunId,
    pub(super) channel_id: ChannelId,
    pub(super) channel: ChannelName,
    pub(super) channel_type: Name,
    pub(super) transport: Name,
    pub(super) connector: Name,
    pub(super) plugin: PluginVersion,
    /// What the file was called in the plugins folder.
    pub(super) file: String,
    pub(super) plugin_kept: bool,
    /// Version of the host.
    pub(super) host: String,
    /// As the guest got them: `true` for a secret.
    pub(super) settings: Box<RawValue>,
    /// The base URL.
    pub(super) base: String,
    pub(super) parameter: Option<String>,
    pub(super) created: Timestamp,
    pub(super) truncated: Option<String>,
}

impl Head {
    /// None where the base URL is none.
    pub(super) fn reach(&self) -> Option<Reach> {
        Some(Reach { base: Url::parse(&self.base).ok()?, parameter: self.parameter.clone() })
    }
}

/// A line of `steps.jsonl`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Line {
    pub(super) from: Place,
    pub(super) keys: Vec<String>,
    pub(super) limit: u32,
    pub(super) now_ms: i64,
    pub(super) random: Base64,
    pub(super) exchanges: Vec<Told>,
    pub(super) answer: Answer,
}

impl Line {
    pub(super) fn seed(&self) -> Option<Seed> {
        let random = <[u8; 32]>::try_from(&self.random.0[..]).ok()?;
        Some(Seed { now: Timestamp::from_millis(self.now_ms), random })
    }
}

/// Where a step starts or ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Place {
    pub(super) cursor: Option<Base64>,
    /// The connector's map as a JSON object; none: it is empty.
    pub(super) state: Option<Digest>,
}

/// What a step answered.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Answer {
    Page(Page),
    Failure(Failure),
}

/// A page without its records.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Page {
    /// Records and rejects, as `pages` writes them.
    pub(super) records: Digest,
    pub(super) next: Option<Base64>,
    pub(super) more: bool,
    pub(super) settled: Vec<String>,
    pub(super) due: Vec<DueKeys>,
    pub(super) total: Option<u64>,
    pub(super) not_before_ms: Option<u64>,
    /// Where the next step would start.
    pub(super) to: Place,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct DueKeys {
    pub(super) connector: String,
    pub(super) keys: Vec<String>,
}

impl From<Due> for DueKeys {
    fn from(due: Due) -> Self {
        Self { connector: due.connector, keys: due.keys }
    }
}

impl From<DueKeys> for Due {
    fn from(due: DueKeys) -> Self {
        Self { connector: due.connector, keys: due.keys }
    }
}

/// An exchange, its bodies by digest.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Told {
    pub(super) method: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) origin: Option<String>,
    pub(super) path: String,
    pub(super) headers: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) body: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) idempotency_key: Option<String>,
    pub(super) got: ToldGot,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ToldGot {
    Answer { status: u16, headers: Vec<(String, String)>, body: Digest, end: End, attempts: u8 },
    Failure(Failure),
}

impl Told {
    /// `GET /path → 200`.
    pub(super) fn told(&self) -> String {
        let origin = self.origin.as_ref().map(|origin| format!("{origin}:")).unwrap_or_default();
        let got = match &self.got {
            ToldGot::Answer { status, .. } => status.to_string(),
            ToldGot::Failure(failure) => failure.code.clone(),
        };
        format!("{} {origin}{} → {got}", self.method, self.path)
    }

    /// The exchange, each body fetched by its digest.
    pub(super) fn exchange<E>(
        self,
        mut body_of: impl FnMut(&Digest) -> Result<Bytes, E>,
    ) -> Result<crate::broker::Exchange, E> {
        let asked = Asked {
            method: self.method,
            origin: self.origin,
            path: self.path,
            headers: self.headers,
            body: self.body.as_ref().map(&mut body_of).transpose()?,
            idempotency_key: self.idempotency_key,
        };
        let got = match self.got {
            ToldGot::Failure(failure) => Got::Failure(failure),
            ToldGot::Answer { status, headers, body, end, attempts } => {
                let body = body_of(&body)?;
                Got::Answer(crate::broker::Answered { status, headers, body, end, attempts })
            }
        };
        Ok(crate::broker::Exchange { asked, got })
    }

    /// Every body that it names.
    pub(super) fn digests(&self) -> impl Iterator<Item = &Digest> {
        let got = match &self.got {
            ToldGot::Answer { body, .. } => Some(body),
            ToldGot::Failure(_) => None,
        };
        self.body.iter().chain(got)
    }
}

impl Line {
    /// Everything that lies elsewhere.
    pub(super) fn digests(&self) -> impl Iterator<Item = &Digest> {
        let page = match &self.answer {
            Answer::Page(page) => Some(page),
            Answer::Failure(_) => None,
        };
        let of_page = page.into_iter().flat_map(|page| [Some(&page.records), page.to.state.as_ref()]);
        let own = [self.from.state.as_ref()].into_iter().chain(of_page).flatten();
        own.chain(self.exchanges.iter().flat_map(Told::digests))
    }
}

/// SHA-256 in lower-case hex.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Digest(String);

impl Digest {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut hex = String::with_capacity(64);
        for byte in Sha256::digest(bytes) {
            write!(hex, "{byte:02x}").expect("a String takes every write");
        }
        Self(hex)
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Digest {
    type Error = String;

    /// It becomes the name of a file: nothing else may pass.
    fn try_from(text: String) -> Result<Self, String> {
        let fits = text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if fits { Ok(Self(text)) } else { Err(format!("'{text}' is no digest")) }
    }
}

/// Bytes as base64.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Base64(pub(super) Bytes);

impl Serialize for Base64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        BASE64_STANDARD.decode(text).map(|bytes| Self(bytes.into())).map_err(D::Error::custom)
    }
}
