//! The end point of tokens: JSON in, JSON out.

use super::{
    CLIENT_ID, CLIENT_SECRET,
    grants::{Grants, Token},
};
use crate::{
    vendor::{Answer, Request},
    zendesk::account::Account,
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use hyper::StatusCode;
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value, json};

type Asked = Map<String, Value>;

/// Why nothing is given (RFC 6749, 5.2).
#[derive(Clone, Copy)]
struct Refusal(StatusCode, &'static str, &'static str);

/// What Zendesk says of a code or a refresh token that is no good, whichever way.
const NO_GRANT: Refusal = Refusal(
    StatusCode::BAD_REQUEST,
    "invalid_grant",
    "The provided authorization grant is invalid, expired, revoked, does not match the redirection URI used in the authorization request, or was issued to another client.",
);

pub(super) fn answer(account: &Account, request: &Request) -> Answer {
    let now = account.clock.now();
    let mut grants = account.grants();
    let outcome = read(request).and_then(|asked| {
        let lifetime = lifetime(&asked)?;
        authenticate(&asked)?;
        match text(&asked, "grant_type") {
            "authorization_code" => exchange(&mut grants, &asked, lifetime, now),
            "refresh_token" => refresh(&mut grants, &asked, lifetime, now),
            "client_credentials" => client(&mut grants, &asked, lifetime, now),
            _ => Err(invalid("unsupported_grant_type", "no such grant type")),
        }
    });
    match outcome {
        Ok(token) => granted(&token),
        Err(Refusal(status, error, words)) => {
            grants.counts.refusals += 1;
            Answer::json(status, &json!({ "error": error, "error_description": words }))
        }
    }
}

/// The parameters «must be formatted as JSON»; what a form gets is not documented.
fn read(request: &Request) -> Result<Asked, Refusal> {
    let kind = request.header("content-type").and_then(|kind| kind.split(';').next());
    if kind != Some("application/json") {
        return Err(invalid("invalid_request", "the parameters are not JSON"));
    }
    serde_json::from_slice(&request.body)
        .map_err(|_| invalid("invalid_request", "the parameters are not JSON"))
}

fn text<'a>(asked: &'a Asked, name: &str) -> &'a str {
    asked.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn authenticate(asked: &Asked) -> Result<(), Refusal> {
    match (text(asked, "client_id"), text(asked, "client_secret")) {
        (CLIENT_ID, CLIENT_SECRET) => Ok(()),
        _ => Err(Refusal(StatusCode::UNAUTHORIZED, "invalid_client", "Client authentication failed.")),
    }
}

fn lifetime(asked: &Asked) -> Result<Option<i64>, Refusal> {
    let Some(value) = asked.get("expires_in").filter(|value| !value.is_null()) else { return Ok(None) };
    let fits = value.as_i64().filter(|seconds| (301..172_800).contains(seconds));
    fits.map(Some).ok_or(invalid("invalid_request", "expires_in is more than 300 and less than 172800"))
}

fn exchange(grants: &mut Grants, asked: &Asked, lifetime: Option<i64>, now: i64) -> Result<Token, Refusal> {
    let code = grants.redeem(text(asked, "code"), now).ok_or(NO_GRANT)?;
    if text(asked, "redirect_uri") != code.redirect_uri {
        return Err(NO_GRANT);
    }
    let verifier = text(asked, "code_verifier");
    let fits = match &code.challenge {
        None => verifier.is_empty(),
        Some(challenge) => {
            (43..=128).contains(&verifier.len())
                && BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes())) == *challenge
        }
    };
    if !fits {
        return Err(NO_GRANT);
    }
    grants.counts.exchanges += 1;
    Ok(grants.token(&code.scope, lifetime, now))
}

fn refresh(grants: &mut Grants, asked: &Asked, lifetime: Option<i64>, now: i64) -> Result<Token, Refusal> {
    let scope = grants.refresh(text(asked, "refresh_token"), now).ok_or(NO_GRANT)?;
    grants.counts.refreshes += 1;
    Ok(grants.token(&scope, lifetime, now))
}

fn client(grants: &mut Grants, asked: &Asked, lifetime: Option<i64>, now: i64) -> Result<Token, Refusal> {
    let scope = text(asked, "scope");
    if scope.is_empty() {
        return Err(invalid("invalid_scope", "a scope is needed"));
    }
    grants.counts.client_grants += 1;
    Ok(grants.token(scope, lifetime, now))
}

fn granted(token: &Token) -> Answer {
    let document = json!({
        "access_token": token.access, "refresh_token": token.refresh, "token_type": "bearer",
        "scope": token.scope, "expires_in": token.lifetime, "refresh_token_expires_in": 2_592_000,
    });
    Answer::json(StatusCode::OK, &document).with("cache-control", "no-store")
}

fn invalid(error: &'static str, words: &'static str) -> Refusal {
    Refusal(StatusCode::BAD_REQUEST, error, words)
}
