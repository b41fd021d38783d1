//! The credential of a channel: its transport's way to authenticate, filled in
//! with settings and opened secrets.
//!
//! It puts nothing on a request: that is the broker's part.

use super::{address::texts, settings};
use crate::{
    broker::Credential,
    catalog::Template,
    model::{Auth, AuthScheme, Class, Failure, FieldKind, Name, Secret, Transport},
};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The first way to authenticate whose condition holds; no credential where the
/// transport has no ways at all.
///
/// # Errors
/// None holds, a value is missing or unfit, or the host cannot do it. No text holds a secret.
pub(super) fn credential(
    transport: &Transport,
    effective: &Map<String, Value>,
    secrets: &BTreeMap<String, Secret>,
) -> Result<Credential, Failure> {
    let holds = |auth: &&Auth| {
        auth.applicable_if.as_ref().is_none_or(|condition| settings::holds(condition, effective))
    };
    let Some(auth) = transport.auth.iter().find(holds) else {
        return if transport.auth.is_empty() { Ok(Credential::None) } else { Err(no_way()) };
    };
    let texts = texts(effective);
    let fill = |template: &str| {
        // The settings have `true` in the place of a secret: that must never go out as one.
        let value = |name: &Name| match is_secret(transport, name) {
            true => secrets.get(name.as_str()).map(Secret::expose),
            false => texts.get(name.as_str()).map(String::as_str),
        };
        parse(template).fill(value).map(|text| Secret::new(text.as_str())).map_err(|name| missing(&name))
    };
    Ok(match &auth.scheme {
        AuthScheme::None => Credential::None,
        AuthScheme::Basic { username, password } => {
            let (username, password) = (fill(username)?, fill(password)?);
            refuse_colon(&username)?;
            Credential::Basic { username, password }
        }
        AuthScheme::Bearer { token } => Credential::Bearer { token: fill(token)? },
        AuthScheme::Header { name, value } => Credential::Header { name: name.clone(), value: fill(value)? },
        AuthScheme::Query { name, value } => Credential::Query { name: name.clone(), value: fill(value)? },
        AuthScheme::OAuth2 { .. } => return Err(no_oauth()),
    })
}

fn is_secret(transport: &Transport, name: &Name) -> bool {
    transport.form.iter().any(|field| field.name == *name && field.kind == FieldKind::Secret)
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

fn parse(template: &str) -> Template {
    Template::parse(template).expect("the catalog takes up only plugins whose templates parse")
}

fn missing(name: &Name) -> Failure {
    config("auth.missing", format!("'{name}' has no value, and authentication needs it: edit the channel"))
}

fn no_way() -> Failure {
    config("auth.none", "no way to authenticate fits the settings: edit the channel")
}

fn no_oauth() -> Failure {
    config(
        "auth.oauth",
        "this version of tidegate cannot authenticate with OAuth 2.0: choose another way in the channel's settings",
    )
}

fn config(code: &str, message: impl Into<String>) -> Failure {
    Failure::new(Class::Config, code, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(auth: Value, effective: Value) -> String {
        let transport = json!({"id": "rest", "label": "REST", "base-url": [], "auth": auth, "form": [
            {"name": "token", "label": "T", "kind": "secret"}, {"name": "pin", "label": "P", "kind": "secret"}
        ]});
        let transport: Transport = serde_json::from_value(transport).expect("a transport");
        let secrets = BTreeMap::from([("token".to_owned(), Secret::new("s3cret"))]);
        let effective = effective.as_object().expect("an object").clone();
        match credential(&transport, &effective, &secrets) {
            Ok(Credential::None) => "none".into(),
            Ok(Credential::Basic { username, password }) => {
                format!("basic {} {}", username.expose(), password.expose())
            }
            Ok(Credential::Bearer { token }) => format!("bearer {}", token.expose()),
            Ok(Credential::Header { name, value }) => format!("header {name} {}", value.expose()),
            Ok(Credential::Query { name, value }) => format!("query {name} {}", value.expose()),
            Err(failure) => {
                assert!(!failure.to_string().contains("s3cret"));
                assert_eq!(failure.class, Class::Config);
                failure.code
            }
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
        for (way, expected) in [("key", "bearer s3cret"), ("oauth", "auth.oauth"), ("other", "auth.none")] {
            assert_eq!(found(ways.clone(), json!({"way": way})), expected);
        }
    }
}
