//! The authorization page (RFC 6749, 4.1.1), with a person in front of it.

use super::{
    CLIENT_ID,
    family::Code,
    provider::{Provider, parameters},
};
use crate::vendor::{Answer, Request};
use hyper::StatusCode;
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};
use url::Url;

/// How long a code is good (RFC 6749 recommends ten minutes at most).
const CODE_LIFETIME: Duration = Duration::from_secs(60);
/// The shortest state that is believed to be unguessable.
const SHORTEST_STATE: usize = 22;

pub(super) fn answer(provider: &Provider, request: &Request) -> Answer {
    let query = request.query.as_deref().unwrap_or_default();
    let Some(asked) = parameters(query) else { return refusal("a parameter is there twice") };
    let get = |name: &str| asked.get(name).map(String::as_str).unwrap_or_default();
    let mut inner = provider.lock();
    // Of these nobody is sent back: the address may be an attacker's (RFC 9700, 4.1.3).
    if get("client_id") != CLIENT_ID {
        return refusal("no such client");
    }
    let redirect_uri = get("redirect_uri");
    if !inner.rules.redirect_uris.iter().any(|known| known == redirect_uri) {
        return refusal("the redirect URI is not registered");
    }
    let state = get("state");
    let back = |pairs: &[(&str, &str)]| back(provider, redirect_uri, state, pairs);
    if let Err(words) = check(&asked) {
        return back(&[("error", "invalid_request"), ("error_description", words)]);
    }
    if inner.rules.denies {
        return back(&[("error", "access_denied"), ("error_description", "the person said no")]);
    }
    let code = inner.given.fresh("code");
    let given = Code {
        redirect_uri: redirect_uri.to_owned(),
        challenge: get("code_challenge").to_owned(),
        scope: get("scope").to_owned(),
        until: Instant::now() + CODE_LIFETIME,
        family: None,
    };
    inner.given.codes.insert(code.clone(), given);
    inner.counts.codes += 1;
    back(&[("code", &code)])
}

fn check(asked: &HashMap<String, String>) -> Result<(), &'static str> {
    let get = |name: &str| asked.get(name).map(String::as_str).unwrap_or_default();
    if get("response_type") != "code" {
        return Err("the response type is not code");
    }
    if get("state").len() < SHORTEST_STATE {
        return Err("the state can be guessed");
    }
    if get("code_challenge_method") != "S256" || get("code_challenge").len() != 43 {
        return Err("PKCE with S256 is needed");
    }
    Ok(())
}

fn back(provider: &Provider, redirect_uri: &str, state: &str, pairs: &[(&str, &str)]) -> Answer {
    let Ok(mut url) = Url::parse(redirect_uri) else { return refusal("the redirect URI is no URL") };
    url.query_pairs_mut().extend_pairs(pairs).append_pair("state", state).append_pair("iss", &provider.url);
    Answer::empty(StatusCode::FOUND).with("location", url.as_str())
}

fn refusal(words: &'static str) -> Answer {
    Answer::text(StatusCode::BAD_REQUEST, words)
}
