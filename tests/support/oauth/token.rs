//! The token endpoint (RFC 6749, 3.2) and the revocation endpoint (RFC 7009).

use super::{
    CLIENT_ID, CLIENT_SECRET,
    family::Refresh,
    provider::{Inner, Provider, parameters},
};
use crate::vendor::{Answer, Request};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use hyper::StatusCode;
use ring::digest::{SHA256, digest};
use serde_json::json;
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};
use url::form_urlencoded;

type Form = HashMap<String, String>;

/// Why nothing is given (RFC 6749, 5.2).
#[derive(Clone, Copy)]
struct Refusal {
    status: StatusCode,
    error: &'static str,
    words: &'static str,
}

pub(super) fn answer(provider: &Provider, request: &Request) -> Answer {
    let mut inner = provider.lock();
    let outcome = form(request).and_then(|form| {
        authenticate(request, &form)?;
        match form.get("grant_type").map(String::as_str) {
            Some("authorization_code") => exchange(&mut inner, &form),
            Some("refresh_token") => refresh(&mut inner, &form),
            Some("client_credentials") => Ok(client(&mut inner)),
            _ => Err(refusal("unsupported_grant_type", "only codes, refresh tokens and clients")),
        }
    });
    outcome.unwrap_or_else(|refusal| {
        inner.counts.refusals += 1;
        refused(refusal)
    })
}

/// Ends the whole family; a token that is not known is gone already.
pub(super) fn revoke(provider: &Provider, request: &Request) -> Answer {
    let mut inner = provider.lock();
    let outcome = form(request).and_then(|form| {
        authenticate(request, &form)?;
        form.get("token").cloned().ok_or(refusal("invalid_request", "no token"))
    });
    match outcome {
        Ok(token) => {
            if let Some(family) = inner.given.family_of(&token) {
                inner.given.end(family);
                inner.counts.revocations += 1;
            }
            Answer::empty(StatusCode::OK)
        }
        Err(refusal) => refused(refusal),
    }
}

fn form(request: &Request) -> Result<Form, Refusal> {
    if request.header("content-type") != Some("application/x-www-form-urlencoded") {
        return Err(refusal("invalid_request", "the body is not a form"));
    }
    if request.query.is_some() {
        return Err(refusal("invalid_request", "parameters belong into the body"));
    }
    let text = std::str::from_utf8(&request.body).map_err(|_| refusal("invalid_request", "not text"))?;
    parameters(text).ok_or(refusal("invalid_request", "a parameter is there twice"))
}

/// By HTTP Basic, form-encoded (RFC 6749, 2.3.1), or in the body; never both.
fn authenticate(request: &Request, form: &Form) -> Result<(), Refusal> {
    let in_body = form.get("client_id").zip(form.get("client_secret"));
    let in_body = in_body.map(|(id, secret)| (id.clone(), secret.clone()));
    let found = match (basic(request), in_body) {
        (Some(_), Some(_)) => return Err(refusal("invalid_request", "two ways of client authentication")),
        (found, other) => found.or(other),
    };
    match found {
        Some((id, secret)) if id == CLIENT_ID && secret == CLIENT_SECRET => Ok(()),
        _ => Err(Refusal { status: StatusCode::UNAUTHORIZED, error: "invalid_client", words: "who is that" }),
    }
}

fn basic(request: &Request) -> Option<(String, String)> {
    let encoded = request.header("authorization")?.strip_prefix("Basic ")?;
    let decoded = String::from_utf8(BASE64_STANDARD.decode(encoded).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    // A lone value, decoded as a form's.
    let plain = |text: &str| {
        let pair = form_urlencoded::parse(text.as_bytes()).next()?;
        pair.1.is_empty().then(|| pair.0.into_owned())
    };
    Some((plain(id)?, plain(secret)?))
}

fn exchange(inner: &mut Inner, form: &Form) -> Result<Answer, Refusal> {
    let get = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let code = get("code").to_owned();
    let invalid = |words| Err(refusal("invalid_grant", words));
    let Some(found) = inner.given.codes.get(&code).cloned() else { return invalid("no such code") };
    if let Some(family) = found.family {
        // Somebody stole it, and nobody knows who was first.
        inner.given.end(family);
        inner.counts.reuses += 1;
        return invalid("the code was used");
    }
    if Instant::now() >= found.until {
        return invalid("the code is too old");
    }
    if get("redirect_uri") != found.redirect_uri {
        return invalid("another redirect URI");
    }
    let verifier = get("code_verifier");
    let fits = (43..=128).contains(&verifier.len())
        && BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes())) == found.challenge;
    if !fits {
        return invalid("the verifier is not that of the challenge");
    }
    let family = inner.given.family(&found.scope);
    if let Some(code) = inner.given.codes.get_mut(&code) {
        code.family = Some(family);
    }
    inner.counts.exchanges += 1;
    let refresh = inner.given.refresh_token(family);
    Ok(granted(inner, family, Some(refresh)))
}

fn refresh(inner: &mut Inner, form: &Form) -> Result<Answer, Refusal> {
    let token = form.get("refresh_token").map(String::as_str).unwrap_or_default();
    match inner.given.judge(token, inner.rules.forgives) {
        Refresh::Good(family) => {
            inner.counts.refreshes += 1;
            let next = inner.rules.rotates.then(|| inner.given.refresh_token(family));
            Ok(granted(inner, family, next))
        }
        Refresh::Reused => {
            inner.counts.reuses += 1;
            Err(refusal("invalid_grant", "the refresh token was used: all tokens of it are void"))
        }
        Refresh::Unknown => Err(refusal("invalid_grant", "no such refresh token")),
    }
}

fn client(inner: &mut Inner) -> Answer {
    inner.counts.client_grants += 1;
    let family = inner.given.family("");
    granted(inner, family, None)
}

fn granted(inner: &mut Inner, family: u64, refresh: Option<String>) -> Answer {
    let lifetime = inner.rules.lifetime;
    let access = inner.given.access_token(family, Duration::from_secs(lifetime));
    let scope = inner.given.families.get(&family).map(|family| family.scope.clone()).unwrap_or_default();
    let mut document = json!({
        "access_token": access, "token_type": "Bearer", "expires_in": lifetime, "scope": scope,
    });
    if let Some(refresh) = refresh {
        document["refresh_token"] = refresh.into();
    }
    Answer::json(StatusCode::OK, &document).with("cache-control", "no-store")
}

fn refusal(error: &'static str, words: &'static str) -> Refusal {
    Refusal { status: StatusCode::BAD_REQUEST, error, words }
}

fn refused(Refusal { status, error, words }: Refusal) -> Answer {
    Answer::json(status, &json!({ "error": error, "error_description": words }))
}
