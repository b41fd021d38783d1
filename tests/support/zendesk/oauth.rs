//! OAuth 2.0 at the fake Zendesk: the page for people, and the end point of tokens.
//!
//! Facts, below `https://developer.zendesk.com`:
//! `/api-reference/ticketing/oauth/grant_type_tokens/` (JSON in, codes for 120 seconds, `expires_in`
//! more than 300 and less than 172,800 seconds where it is asked for, a refresh ends both tokens
//! before it), `/documentation/api-basics/authentication/oauth-pkce` (S256). In Zendesk's help,
//! `https://support.zendesk.com/hc/en-us/articles/4408845965210`: the parameters of the page, that a
//! redirect URL is absolute and has TLS unless it is of this machine, and what is answered where
//! the person says no. The texts of other refusals are the standard's.

mod authorize;
mod control;
mod grants;
mod token;

pub use control::OAuthCounts;
pub(super) use control::{HELP, answer as control_answer, expire, register, revoke};
pub(super) use grants::{Access, Grants};

use super::account::Account;
use crate::vendor::{Answer, Request};
use hyper::{Method, StatusCode};
use serde_json::json;
use std::collections::HashMap;
use url::form_urlencoded;

/// The identifier of the OAuth client that is registered; it is a confidential one.
pub const CLIENT_ID: &str = "tidegate";
/// Its secret, with characters that have to be encoded.
pub const CLIENT_SECRET: &str = "zd+secret/\"1&2";

/// The answer to a request outside of the API; none where it is not about OAuth.
pub(super) fn answer(account: &Account, request: &Request) -> Option<Answer> {
    match (&request.method, request.path.as_str()) {
        (&Method::GET, "/oauth/authorizations/new") => Some(authorize::answer(account, request)),
        (&Method::POST, "/oauth/tokens") => Some(token::answer(account, request)),
        _ => None,
    }
}

/// 401, for a token that does not open anything.
pub(super) fn invalid_token() -> Answer {
    let words = "The access token provided is expired, revoked, malformed or invalid for other reasons.";
    let body = json!({ "error": "invalid_token", "error_description": words });
    Answer::json(StatusCode::UNAUTHORIZED, &body).with("www-authenticate", "Bearer error=\"invalid_token\"")
}

/// 403, for a token without the scope. The text is not documented.
pub(super) fn missing_scope(scope: &str) -> Answer {
    let message = format!("You are missing the following required scopes: {scope}");
    Answer::json(StatusCode::FORBIDDEN, &json!({ "error": { "title": "Forbidden", "message": message } }))
}

/// Parameters by name; none where one is there twice.
fn parameters(text: &str) -> Option<HashMap<String, String>> {
    let mut found = HashMap::new();
    for (name, value) in form_urlencoded::parse(text.as_bytes()) {
        if found.insert(name.into_owned(), value.into_owned()).is_some() {
            return None;
        }
    }
    Some(found)
}
