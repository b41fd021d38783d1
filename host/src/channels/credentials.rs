//! The credential of a channel: its transport's way to authenticate, filled in
//! with settings and opened secrets.
//!
//! It puts nothing on a request: that is the broker's part.

use super::{grant::Filling, settings};
use crate::{
    broker::Credential,
    model::{Auth, AuthScheme, Class, Failure, OAuth2, Secret},
};
use serde_json::{Map, Value};

/// What the settings lead to.
pub(super) enum Found<'a> {
    /// Always the same.
    Ready(Credential),
    /// Tokens that the host gets from that provider.
    Granted(&'a OAuth2),
}

/// The first way to authenticate whose condition holds; no credential where the
/// transport has no ways at all.
///
/// # Errors
/// None holds, or a value is missing or unfit. No text holds a secret.
pub(super) fn credential<'a>(
    filling: &Filling<'a>,
    effective: &Map<String, Value>,
) -> Result<Found<'a>, Failure> {
    let holds = |auth: &&Auth| {
        auth.applicable_if.as_ref().is_none_or(|condition| settings::holds(condition, effective))
    };
    let ways = &filling.transport.auth;
    let Some(auth) = ways.iter().find(holds) else {
        return if ways.is_empty() { Ok(Found::Ready(Credential::None)) } else { Err(no_way()) };
    };
    let fill = |template: &str| filling.fill(template);
    Ok(Found::Ready(match &auth.scheme {
        AuthScheme::None => Credential::None,
        AuthScheme::Basic { username, password } => {
            let (username, password) = (fill(username)?, fill(password)?);
            refuse_colon(&username)?;
            Credential::Basic { username, password }
        }
        AuthScheme::Bearer { token } => Credential::Bearer { token: fill(token)? },
        AuthScheme::Header { name, value } => Credential::Header { name: name.clone(), value: fill(value)? },
        AuthScheme::Query { name, value } => Credential::Query { name: name.clone(), value: fill(value)? },
        AuthScheme::OAuth2(declared) => return Ok(Found::Granted(declared)),
    }))
}

/// RFC 7617: what stands before the first colon is the user name.
fn refuse_colon(username: &Secret) -> Result<(), Failure> {
    if username.expose().contains(':') {
        return Err(config(
            "auth.username",
            "the user name holds a ':', which HTTP Basic authentication cannot carry",
        ));
    }
    Ok(())
}

fn no_way() -> Failure {
    config("auth.none", "no way to authenticate fits the settings: edit the channel")
}

fn config(code: &str, message: impl Into<String>) -> Failure {
    Failure::new(Class::Config, code, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{channels::address, model::Transport};
    use serde_json::json;
    use std::collections::BTreeMap;

    fn found(auth: Value, effective: Value) -> String {
        let transport = json!({"id": "rest", "label": "REST", "base-url": [], "auth": auth, "form": [
            {"name": "token", "label": "T", "kind": "secret"}, {"name": "pin", "label": "P", "kind": "secret"}
        ]});
        let transport: Transport = serde_json::from_value(transport).expect("a transport");
        let secrets = BTreeMap::from([("token".to_owned(), Secret::new("s3cret"))]);
        let effective = effective.as_object().expect("an object").clone();
        let filling = Filling { transport: &transport, texts: address::texts(&effective), secrets: &secrets };
        match credential(&filling, &effective) {
            Ok(Found::Granted(declared)) => format!("oauth2 {}", declared.token_url),
            Ok(Found::Ready(credential)) => shown(&credential),
            Err(failure) => {
                assert!(!failure.to_string().contains("s3cret"));
                assert_eq!(failure.class, Class::Config);
                failure.code
            }
        }
    }

    fn shown(credential: &Credential) -> String {
        match credential {
            Credential::None => "none".into(),
            Credential::Basic { username, password } => {
                format!("basic {} {}", username.expose(), password.expose())
            }
            Credential::Bearer { token } => format!("bearer {}", token.expose()),
            Credential::Header { name, value } => format!("header {name} {}", value.expose()),
            Credential::Query { name, value } => format!("query {name} {}", value.expose()),
            Credential::Token(_) => "token".into(),
        }
    }

    #[test]
    fn every_scheme_is_filled_in() {
        // `true` is what the settings have in the place of a secret; it is never put on the wire.
        let settings = json!({"email": "a@b.example", "token": true, "pin": true, "number": 7});
        for (scheme, expected) in [
            (json!({"scheme": "none"}), "none"),
            (
                json!({"scheme": "basic", "username": "{email}/token", "password": "{token}"}),
                "basic a@b.example/token s3cret",
            ),
            (json!({"scheme": "bearer", "token": "{token}"}), "bearer s3cret"),
            (
                json!({"scheme": "header", "name": "X-Key", "value": "k {number} {token}"}),
                "header X-Key k 7 s3cret",
            ),
            (json!({"scheme": "query", "name": "key", "value": "{token}"}), "query key s3cret"),
            (json!({"scheme": "bearer", "token": "{nobody}"}), "auth.missing"),
            (json!({"scheme": "bearer", "token": "{pin}"}), "auth.missing"),
        ] {
            assert_eq!(found(json!([scheme]), settings.clone()), expected, "{scheme}");
        }
        let basic = json!([{"scheme": "basic", "username": "{email}", "password": "{token}"}]);
        assert_eq!(found(basic, json!({"email": "a:b"})), "auth.username");
        assert_eq!(found(json!([]), json!({})), "none");
    }

    #[test]
    fn the_first_way_whose_condition_holds_is_used() {
        let ways = json!([
            {"scheme": "bearer", "token": "{token}", "applicable-if": {"field": "way", "in": ["key"]}},
            {"scheme": "oauth2", "authorize-url": "https://a.example", "token-url": "https://a.example",
             "applicable-if": {"field": "way", "in": ["oauth"]}}
        ]);
        for (way, expected) in
            [("key", "bearer s3cret"), ("oauth", "oauth2 https://a.example"), ("other", "auth.none")]
        {
            assert_eq!(found(ways.clone(), json!({"way": way})), expected);
        }
    }
}
