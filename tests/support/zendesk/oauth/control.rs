//! The control surface's part about OAuth: what happens to a grant without the client's doing.

use crate::{
    vendor::{Answer, Request},
    zendesk::account::Account,
};
use hyper::{Method, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};

/// What can be asked for.
pub(in crate::zendesk) const HELP: &str =
    "GET    /_fake/oauth                 how often codes, tokens and refreshes were given
POST   /_fake/oauth/redirect-uris   register one: {\"uri\": …}
POST   /_fake/oauth/expire          all access tokens are refused from now on
POST   /_fake/oauth/revoke          all grants are over
POST   /_fake/oauth/rules           set {\"lifetime\": seconds, \"denies\": …}
";

/// How often what was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct OAuthCounts {
    /// Codes that were given out.
    pub codes: u64,
    /// Codes that became tokens.
    pub exchanges: u64,
    /// Refresh tokens that became new tokens.
    pub refreshes: u64,
    /// Tokens for the client's own credentials.
    pub client_grants: u64,
    /// Requests for tokens that were refused.
    pub refusals: u64,
}

/// Answers a request below `/_fake/oauth`.
pub(in crate::zendesk) fn answer(account: &Account, path: &[&str], request: &Request) -> Option<Answer> {
    let body = || serde_json::from_slice::<Value>(&request.body).unwrap_or_default();
    match (&request.method, path) {
        (&Method::GET, []) => {}
        (&Method::POST, ["redirect-uris"]) => register(account, body()["uri"].as_str().unwrap_or_default()),
        (&Method::POST, ["expire"]) => expire(account),
        (&Method::POST, ["revoke"]) => revoke(account),
        (&Method::POST, ["rules"]) => {
            let (body, mut grants) = (body(), account.grants());
            grants.lifetime = body["lifetime"].as_i64().unwrap_or(grants.lifetime);
            grants.denies = body["denies"].as_bool().unwrap_or(grants.denies);
        }
        _ => return None,
    }
    Some(Answer::json(StatusCode::OK, &json!(account.grants().counts)))
}

/// Registers a redirect URL, which has to come exactly so.
pub(in crate::zendesk) fn register(account: &Account, uri: &str) {
    account.grants().redirect_uris.push(uri.to_owned());
}

/// Refuses all access tokens that there are; they can be renewed.
pub(in crate::zendesk) fn expire(account: &Account) {
    account.grants().expire();
}

/// Ends all grants.
pub(in crate::zendesk) fn revoke(account: &Account) {
    account.grants().revoke();
}
