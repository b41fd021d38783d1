//! What a guest asked and what it got, kept to be played again.
//!
//! The seam is the gateway: above it there are no retries, no redirects and no
//! credential, so none of them is in an [`Exchange`]. What a remote system echoes of
//! the credential is hidden before an exchange leaves this module. It keeps no file.

mod player;
mod recording;
mod redact;

pub use player::{Player, Tape};
pub use recording::Recording;

pub(super) use recording::{Head, Slot, Tee};

use super::Request;
use crate::model::Failure;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use url::form_urlencoded;

/// One request of a guest and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// What the guest asked.
    pub asked: Asked,
    /// What it got in the end.
    pub got: Got,
}

/// A request as the guest made it, without a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The method's name.
    pub method: String,
    /// A further origin by its name; none: the base URL.
    pub origin: Option<String>,
    /// Below the origin's URL, with the whole query.
    pub path: String,
    /// Those that are harmless to keep; they play no part when it is looked for.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Option<Bytes>,
    /// What made it safe to repeat.
    pub idempotency_key: Option<String>,
}

/// What a guest got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Got {
    /// An answer.
    Answer(Answered),
    /// The host had given up, or refused.
    Failure(Failure),
}

/// An answer as the guest saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The status.
    pub status: u16,
    /// Those that the guest saw, without what may let somebody in.
    pub headers: Vec<(String, String)>,
    /// Decompressed, as far as the guest read it.
    pub body: Bytes,
    /// What came behind the body.
    pub end: End,
    /// How often the request was sent.
    pub attempts: u8,
}

/// What came behind the part of a body that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// Nothing: it is whole.
    Whole,
    /// Nobody knows: the guest stopped reading.
    Unread,
    /// It broke off.
    Broken(Failure),
}

impl Asked {
    /// What the guest asked, as it is compared: nothing of it is hidden yet.
    fn of(request: &Request) -> Self {
        let mut path = request.path.clone();
        if !request.query.is_empty() {
            let mut pairs = form_urlencoded::Serializer::new(String::new());
            pairs.extend_pairs(&request.query);
            path.push(if path.contains('?') { '&' } else { '?' });
            path.push_str(&pairs.finish());
        }
        Self {
            method: request.method.as_str().to_owned(),
            origin: request.origin.clone(),
            path,
            headers: texts(&request.headers),
            body: request.body.clone(),
            idempotency_key: request.idempotency_key.clone(),
        }
    }
}

/// Headers as texts. Those of HTTP/1.1 are; the rare other byte is replaced.
fn texts(headers: &[(String, Bytes)]) -> Vec<(String, String)> {
    let text = |(name, value): &(String, Bytes)| {
        (name.to_ascii_lowercase(), String::from_utf8_lossy(value).into_owned())
    };
    headers.iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::Method;

    #[test]
    fn a_query_is_one_text_wherever_the_guest_put_it() {
        for (path, query, expected) in [
            ("/a", vec![], "/a"),
            ("/a?x=1", vec![], "/a?x=1"),
            ("/a", vec![("q", "b c&d")], "/a?q=b+c%26d"),
            ("/a?x=1", vec![("y", "2"), ("z", "")], "/a?x=1&y=2&z="),
        ] {
            let pair = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
            let request = Request {
                method: Method::Get,
                origin: None,
                path: path.to_owned(),
                query: query.into_iter().map(pair).collect(),
                headers: Vec::new(),
                body: None,
                idempotency_key: None,
                timeout: None,
            };
            assert_eq!(Asked::of(&request).path, expected);
        }
    }
}
