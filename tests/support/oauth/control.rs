//! The control surface: what happens at a provider without the client's doing.

use super::provider::Provider;
use crate::vendor::{Answer, Request};
use hyper::{Method, StatusCode};
use serde_json::{Value, json};

/// What can be asked for.
pub(super) const HELP: &str =
    "GET    /_fake/counts               how often codes, tokens and refreshes were given
POST   /_fake/redirect-uris        register one: {\"uri\": …}
POST   /_fake/expire               all access tokens are refused from now on
POST   /_fake/revoke               all grants are over
POST   /_fake/rules                set {\"lifetime\": seconds, \"rotates\": …, \"forgives\": …, \"denies\": …}
";

pub(super) fn answer(provider: &Provider, path: &str, request: &Request) -> Option<Answer> {
    let body = || serde_json::from_slice::<Value>(&request.body).unwrap_or_default();
    let document = match (&request.method, path) {
        (&Method::GET, "/counts") => serde_json::to_value(provider.lock().counts).unwrap_or_default(),
        (&Method::POST, "/redirect-uris") => {
            let uri = body()["uri"].as_str().unwrap_or_default().to_owned();
            register(provider, &uri);
            json!({ "registered": uri })
        }
        (&Method::POST, "/expire") => {
            expire(provider);
            json!({})
        }
        (&Method::POST, "/revoke") => {
            revoke(provider);
            json!({})
        }
        (&Method::POST, "/rules") => {
            set(provider, &body());
            json!({})
        }
        _ => return None,
    };
    Some(Answer::json(StatusCode::OK, &document))
}

pub(super) fn register(provider: &Provider, uri: &str) {
    provider.lock().rules.redirect_uris.push(uri.to_owned());
}

pub(super) fn expire(provider: &Provider) {
    provider.lock().given.access.clear();
}

pub(super) fn revoke(provider: &Provider) {
    provider.lock().given.families.values_mut().for_each(|family| family.revoked = true);
}

fn set(provider: &Provider, wanted: &Value) {
    let rules = &mut provider.lock().rules;
    rules.lifetime = wanted["lifetime"].as_u64().unwrap_or(rules.lifetime);
    rules.rotates = wanted["rotates"].as_bool().unwrap_or(rules.rotates);
    rules.forgives = wanted["forgives"].as_bool().unwrap_or(rules.forgives);
    rules.denies = wanted["denies"].as_bool().unwrap_or(rules.denies);
}
