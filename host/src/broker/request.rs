//! What a guest asks for and what it gets.
//!
//! Values only, as they come from and go to the sandbox; nothing is checked
//! here.

use super::Body;
use bytes::Bytes;
use std::time::Duration;

/// The methods that there are for guests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Reads the head only.
    Head,
    /// Does whatever the resource does.
    Post,
    /// Creates or replaces.
    Put,
    /// Changes.
    Patch,
    /// Removes.
    Delete,
    /// Asks what is possible.
    Options,
}

impl Method {
    /// The name on the wire.
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

    /// Whether it only asks, and changes nothing there (RFC 9110, 9.2.1).
    #[must_use]
    pub fn is_safe(self) -> bool {
        matches!(self, Self::Get | Self::Head | Self::Options)
    }

    /// Whether sending it twice does what sending it once does (RFC 9110, 9.2.2).
    #[must_use]
    pub fn is_idempotent(self) -> bool {
        !matches!(self, Self::Post | Self::Patch)
    }
}

/// One request.
#[derive(Clone, Debug)]
pub struct Request {
    /// What to do.
    pub method: Method,
    /// A further origin of the scope by its name; none: the base URL.
    pub origin: Option<String>,
    /// Path below the origin's URL, percent-encoded; starts with one `/`, may
    /// carry a query. At most 8 KiB.
    pub path: String,
    /// Further query parameters, not percent-encoded.
    pub query: Vec<(String, String)>,
    /// At most 100, 32 KiB in all.
    pub headers: Vec<(String, Bytes)>,
    /// At most `request-bytes` of the configuration; none for `GET` and `HEAD`.
    pub body: Option<Bytes>,
    /// Makes it safe to repeat a `POST` or `PATCH`; 1 to 255 visible ASCII
    /// characters, sent as `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    /// Shortens the configuration's `total-timeout`.
    pub timeout: Option<Duration>,
}

/// An answer, whole.
#[derive(Clone, Debug)]
pub struct Response {
    /// 200 to 599, and never one that is a failure.
    pub status: u16,
    /// Names in lower case; without cookies and what echoes a credential.
    pub headers: Vec<(String, Bytes)>,
    /// Decompressed.
    pub body: Bytes,
    /// How often the request was sent, redirects not counted; at least 1.
    pub attempts: u8,
}

/// An answer whose body is still to be read.
#[derive(Debug)]
pub struct Streamed {
    /// As in [`Response`].
    pub status: u16,
    /// As in [`Response`].
    pub headers: Vec<(String, Bytes)>,
    /// The rest. Dropping it ends the exchange.
    pub body: Body,
}
