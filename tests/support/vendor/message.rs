//! What a vendor is asked, and what it answers.

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::{
    HeaderMap, Method, StatusCode,
    header::{HeaderName, HeaderValue},
};
use serde_json::Value;

/// A request, read whole.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The path, still percent-encoded.
    pub path: String,
    /// What follows the question mark, still percent-encoded.
    pub query: Option<String>,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Request {
    /// The header of that name, where it is there and is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Reads a request from the wire; none where its body breaks off.
    pub(super) async fn read(incoming: hyper::Request<hyper::body::Incoming>) -> Option<Self> {
        let (parts, body) = incoming.into_parts();
        let body = body.collect().await.ok()?.to_bytes();
        Some(Self {
            method: parts.method,
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().map(str::to_owned),
            headers: parts.headers,
            body,
        })
    }
}

/// An answer. Its body is a list of pieces, so that a large one need not be copied.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers, each name once.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body, piece after piece.
    pub body: Vec<Bytes>,
}

impl Answer {
    /// A JSON document.
    #[must_use]
    pub fn json(status: StatusCode, document: &Value) -> Self {
        Self::pieces(status, vec![Bytes::from(document.to_string())])
    }

    /// A JSON document that is there already, in pieces.
    #[must_use]
    pub fn pieces(status: StatusCode, body: Vec<Bytes>) -> Self {
        Self { status, headers: Vec::new(), body }.with("content-type", "application/json; charset=utf-8")
    }

    /// Plain text.
    #[must_use]
    pub fn text(status: StatusCode, text: impl Into<Bytes>) -> Self {
        Self { status, headers: Vec::new(), body: vec![text.into()] }
            .with("content-type", "text/plain; charset=utf-8")
    }

    /// No body at all.
    #[must_use]
    pub fn empty(status: StatusCode) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    /// The same with a header, which replaces one of the same name. A header that
    /// HTTP does not allow is left out.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            self.headers.retain(|(other, _)| *other != name);
            self.headers.push((name, value));
        }
        self
    }

    /// The same under another content type.
    #[must_use]
    pub fn typed(self, content_type: &str) -> Self {
        self.with("content-type", content_type)
    }

    /// The number of bytes of the body.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.body.iter().map(|piece| piece.len() as u64).sum()
    }

    /// Whether there is no body.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The body in one piece.
    #[must_use]
    pub fn whole(&self) -> Bytes {
        match self.body.as_slice() {
            [] => Bytes::new(),
            [piece] => piece.clone(),
            pieces => pieces.concat().into(),
        }
    }
}

/// A vendor's API. Its calls must not block: they run where connections are served.
pub trait App: Send + Sync + 'static {
    /// Answers one request.
    fn answer(&self, request: &Request) -> Answer;

    /// Answers a request for the test's own surface, whose path below `/_fake`
    /// is `path`; none where there is nothing under it.
    fn control(&self, path: &str, request: &Request) -> Option<Answer>;

    /// What `control` answers to, a line each.
    fn control_help(&self) -> &'static str;

    /// What the vendor says with a status that a fault script asks for.
    fn words_for(&self, status: StatusCode) -> Answer;

    /// The path with its ids taken out, so that requests can be counted by kind.
    fn kind_of(&self, path: &str) -> String;
}
