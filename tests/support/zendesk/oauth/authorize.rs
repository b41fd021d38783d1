//! The page on which a person lets a client in. Whoever opens it is an administrator who is signed
//! in, and says yes at once, unless he was told to refuse.

use super::{CLIENT_ID, grants::NewCode, parameters};
use crate::{
    vendor::{Answer, Request},
    zendesk::account::Account,
};
use hyper::StatusCode;
use std::collections::HashMap;
use url::Url;

/// What is said where the person says no: in Zendesk's help.
const DENIED: &str = "The end-user or authorization server denied the request";

pub(super) fn answer(account: &Account, request: &Request) -> Answer {
    let Some(asked) = parameters(request.query.as_deref().unwrap_or_default()) else {
        return refusal("a parameter is there twice");
    };
    let get = |name: &str| asked.get(name).map(String::as_str).unwrap_or_default();
    let now = account.clock.now();
    let mut grants = account.grants();
    if get("client_id") != CLIENT_ID {
        return refusal("invalid_client: no such client");
    }
    let redirect_uri = get("redirect_uri");
    if !grants.redirect_uris.iter().any(|known| known == redirect_uri) {
        return refusal("the redirect URL is not one of the client's");
    }
    let state = asked.get("state").map(String::as_str);
    if let Err(words) = check(&asked) {
        return back(redirect_uri, state, &[("error", "invalid_request"), ("error_description", words)]);
    }
    if grants.denies {
        return back(redirect_uri, state, &[("error", "access_denied"), ("error_description", DENIED)]);
    }
    grants.counts.codes += 1;
    let challenge = asked.get("code_challenge").map(String::as_str);
    let code = grants.code(NewCode { redirect_uri, challenge, scope: get("scope") }, now);
    back(redirect_uri, state, &[("code", &code)])
}

fn check(asked: &HashMap<String, String>) -> Result<(), &'static str> {
    let get = |name: &str| asked.get(name).map(String::as_str).unwrap_or_default();
    if get("response_type") != "code" {
        return Err("the response type is not code");
    }
    if get("scope").is_empty() {
        return Err("a scope is needed");
    }
    let (method, challenge) = (get("code_challenge_method"), get("code_challenge"));
    match (method, challenge) {
        ("", "") => Ok(()),
        ("S256", challenge) if challenge.len() == 43 => Ok(()),
        _ => Err("PKCE needs S256 and its challenge"),
    }
}

fn back(redirect_uri: &str, state: Option<&str>, pairs: &[(&str, &str)]) -> Answer {
    let Ok(mut url) = Url::parse(redirect_uri) else { return refusal("the redirect URL is no URL") };
    url.query_pairs_mut().extend_pairs(pairs).extend_pairs(state.map(|state| ("state", state)));
    Answer::empty(StatusCode::FOUND).with("location", url.as_str())
}

/// Of these nobody is sent back: the address may be anybody's.
fn refusal(words: &'static str) -> Answer {
    Answer::text(StatusCode::BAD_REQUEST, words)
}
