//! What is asked of the API.

use crate::api::{AUTHOR, is_author};
use anyhow::Context as _;
use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, Method, Request, header},
};
use std::env;

/// What is asked.
#[derive(Debug)]
pub(crate) struct Call {
    method: Method,
    path: String,
    kind: Option<&'static str>,
    author: Option<HeaderValue>,
    body: Bytes,
}

/// A path below `/api/v1`, every part written so that it stays one part.
pub(crate) fn path(parts: &[&str]) -> String {
    parts.iter().fold("/api/v1".to_owned(), |path, part| format!("{path}/{}", encode(part)))
}

/// Percent-encoding (RFC 3986) of everything but letters, digits, `-`, `_` and `~`.
/// The dot is encoded too: `..` means something else to whoever tidies a path.
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'~' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

impl Call {
    fn new(method: Method, path: String) -> Self {
        Self { method, path, kind: None, author: None, body: Bytes::new() }
    }

    pub(crate) fn get(path: String) -> Self {
        Self::new(Method::GET, path)
    }

    pub(crate) fn post(path: String) -> Self {
        Self::new(Method::POST, path)
    }

    pub(crate) fn put(path: String) -> Self {
        Self::new(Method::PUT, path)
    }

    pub(crate) fn patch(path: String) -> Self {
        Self::new(Method::PATCH, path)
    }

    pub(crate) fn delete(path: String) -> Self {
        Self::new(Method::DELETE, path)
    }

    /// Adds a parameter where there is a value.
    pub(crate) fn with(mut self, name: &str, value: Option<&str>) -> Self {
        if let Some(value) = value {
            let mark = if self.path.contains('?') { '&' } else { '?' };
            self.path = format!("{}{mark}{name}={}", self.path, encode(value));
        }
        self
    }

    pub(crate) fn json(mut self, body: &serde_json::Value) -> Self {
        self.kind = Some("application/json");
        self.body = Bytes::from(body.to_string());
        self
    }

    pub(crate) fn bytes(mut self, body: Vec<u8>) -> Self {
        self.kind = Some("application/octet-stream");
        self.body = Bytes::from(body);
        self
    }

    /// Says that the user of this process asks.
    pub(crate) fn by_this_user(mut self) -> Self {
        let mut names = ["USER", "LOGNAME", "USERNAME"].into_iter().filter_map(|name| env::var(name).ok());
        let name = names.find(|name| is_author(name));
        self.author = HeaderValue::from_str(name.as_deref().unwrap_or("cli")).ok();
        self
    }

    /// The request to the API at `base`.
    pub(super) fn to(self, base: &str) -> anyhow::Result<Request<Body>> {
        let mut request = Request::builder()
            .method(self.method)
            .uri(format!("{base}{}", self.path))
            .body(Body::from(self.body))
            .context("the request cannot be made")?;
        if let Some(kind) = self.kind {
            request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        if let Some(author) = self.author {
            request.headers_mut().insert(AUTHOR, author);
        }
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_path_stay_parts() {
        for (part, encoded) in
            [("zen-1", "zen-1"), ("a/b c", "a%2Fb%20c"), ("..", "%2E%2E"), ("ü?#%", "%C3%BC%3F%23%25")]
        {
            assert_eq!(path(&["channels", part]), format!("/api/v1/channels/{encoded}"));
        }
    }

    #[test]
    fn parameters_without_a_value_are_left_out() {
        let call = Call::get("/runs".into()).with("a", None).with("b", Some("x&y")).with("c", Some("1"));
        assert_eq!(call.path, "/runs?b=x%26y&c=1");
    }
}
