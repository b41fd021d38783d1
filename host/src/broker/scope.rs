//! What one channel may do.
//!
//! Values only: nothing here is allowed yet, the egress decision judges it.

use super::Tokens;
use crate::model::{Name, Secret};
use std::{collections::BTreeMap, sync::Arc};
use url::Url;

/// How requests of a scope authenticate.
#[derive(Clone, Debug)]
pub enum Credential {
    /// Not at all.
    None,
    /// HTTP Basic (RFC 7617). The username has no `:`.
    Basic {
        /// Such as `agent@example.com/token`.
        username: Secret,
        /// The password or token.
        password: Secret,
    },
    /// `Authorization: Bearer` (RFC 6750).
    Bearer {
        /// The token.
        token: Secret,
    },
    /// A header of the remote system's own.
    Header {
        /// The header's name, in any case.
        name: String,
        /// The whole value.
        value: Secret,
    },
    /// A query parameter.
    Query {
        /// The parameter's name, not percent-encoded.
        name: String,
        /// The value, not percent-encoded.
        value: Secret,
    },
    /// `Authorization: Bearer` with a token that changes while requests go on.
    Token(Arc<dyn Tokens>),
}

/// What one channel may do.
#[derive(Clone, Debug)]
pub struct Scope {
    /// Where requests go that name no origin. Its path stands before the path
    /// of every request. No query, no fragment, no user.
    pub base: Url,
    /// Further origins, by the name that requests give them.
    pub origins: BTreeMap<Name, Url>,
    /// Put on every request, whichever of the origins it goes to, until it is
    /// redirected from one origin to another.
    pub credential: Credential,
    /// Requests at the same time to one origin; 0 means 1. Scopes with the same
    /// credential share them.
    pub concurrency: usize,
    /// How many requests a minute each origin bears, for all scopes with the same
    /// credential; none where that is not known.
    pub requests_per_minute: Option<u32>,
}
