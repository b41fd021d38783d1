//! What a plugin asks the remote system for.

use crate::Error;
use serde::Serialize;

/// An HTTP method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Reads the headers only.
    Head,
    /// Makes something, or does anything else.
    Post,
    /// Writes the whole.
    Put,
    /// Writes a part.
    Patch,
    /// Takes away.
    Delete,
    /// Asks what is possible.
    Options,
}

impl Method {
    /// As it stands in a request line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
        }
    }
}

/// A request to the origin of the transport.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What to do.
    pub method: Method,
    /// A further origin by the name that the manifest gives it; none: the base URL.
    pub origin: Option<String>,
    /// Path below the base URL. Starts with one `/`; may carry a query; at most 8 KiB.
    pub path: String,
    /// Further query parameters, not yet percent-encoded.
    pub query: Vec<(String, String)>,
    /// Names and values; never credentials. At most 100, and 32 KiB in all.
    pub headers: Vec<(String, Vec<u8>)>,
    /// At most 16 MiB by default.
    pub body: Option<Vec<u8>>,
    /// Makes it safe to repeat a `post` or `patch`: 1 to 255 visible ASCII characters.
    pub idempotency_key: Option<String>,
    /// Shortens the host's total time-out, in milliseconds.
    pub timeout_ms: Option<u32>,
}

impl Request {
    /// A request without query, headers or body.
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            origin: None,
            path: path.into(),
            query: Vec::new(),
            headers: Vec::new(),
            body: None,
            idempotency_key: None,
            timeout_ms: None,
        }
    }

    /// Reads `path`.
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::Get, path)
    }

    /// Posts to `path`.
    pub fn post(path: impl Into<String>) -> Self {
        Self::new(Method::Post, path)
    }

    /// Writes `path` whole.
    pub fn put(path: impl Into<String>) -> Self {
        Self::new(Method::Put, path)
    }

    /// Writes a part of `path`.
    pub fn patch(path: impl Into<String>) -> Self {
        Self::new(Method::Patch, path)
    }

    /// Takes `path` away.
    pub fn delete(path: impl Into<String>) -> Self {
        Self::new(Method::Delete, path)
    }

    /// The same with one more query parameter; the host encodes it.
    #[must_use]
    pub fn query(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.query.push((name.into(), value.to_string()));
        self
    }

    /// The same with one more header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The same with a body of the caller's own kind.
    #[must_use]
    pub fn body(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.body = Some(bytes.into());
        self
    }

    /// The same with a JSON body and its `Content-Type`.
    ///
    /// # Errors
    /// `internal` when the value cannot be written as JSON.
    pub fn json(self, value: &impl Serialize) -> Result<Self, Error> {
        let body = serde_json::to_vec(value).map_err(|error| {
            Error::internal("request.json", format!("{}: the body cannot be written: {error}", self.place()))
        })?;
        Ok(self.header("content-type", "application/json").body(body))
    }

    /// The same to a further origin of the manifest.
    #[must_use]
    pub fn origin(mut self, name: impl Into<String>) -> Self {
        self.origin = Some(name.into());
        self
    }

    /// The same, safe to be repeated under this key.
    #[must_use]
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.idempotency_key = Some(key.into());
        self
    }

    /// The same with a shorter total time-out, in milliseconds.
    #[must_use]
    pub fn timeout_ms(mut self, milliseconds: u32) -> Self {
        self.timeout_ms = Some(milliseconds);
        self
    }

    /// Method and path without the query, for messages: `GET /tickets`.
    #[must_use]
    pub fn place(&self) -> String {
        let path = self.path.split('?').next().unwrap_or_default();
        format!("{} {path}", self.method.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn place_leaves_the_query_out() {
        assert_eq!(Request::get("/a/b?secret=1").query("c", 2).place(), "GET /a/b");
    }

    #[test]
    fn json_body_names_its_type() {
        let request = Request::post("/a").json(&[1, 2]).unwrap();
        assert_eq!(request.body.as_deref(), Some(&b"[1,2]"[..]));
        assert_eq!(request.headers, [("content-type".to_owned(), b"application/json".to_vec())]);
    }
}
