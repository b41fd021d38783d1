//! What a plugin declares of a provider of OAuth 2.0.

use super::{Faults, check_template, check_url};
use crate::model::{Field, FieldKind, GrantType, Name, OAuth2};
use std::collections::BTreeMap;

/// Parameters that the host itself sets in an authorization request.
const OF_AUTHORIZATION: [&str; 9] = [
    "audience",
    "client_id",
    "code_challenge",
    "code_challenge_method",
    "redirect_uri",
    "resource",
    "response_type",
    "scope",
    "state",
];

/// Parameters that the host itself sets in a request to the token endpoint.
const OF_TOKENS: [&str; 10] = [
    "audience",
    "client_id",
    "client_secret",
    "code",
    "code_verifier",
    "grant_type",
    "redirect_uri",
    "refresh_token",
    "resource",
    "scope",
];

pub(super) fn check(place: &str, declared: &OAuth2, form: &[Field], faults: &mut Faults) {
    if declared.grant == GrantType::AuthorizationCode && declared.authorize_url.is_none() {
        faults.add(format!("{place}/authorize-url"), "is needed where a person lets the host in");
    }
    let urls = [
        ("authorize-url", declared.authorize_url.as_ref()),
        ("token-url", Some(&declared.token_url)),
        ("revoke-url", declared.revoke_url.as_ref()),
    ];
    for (member, text) in urls.into_iter().filter_map(|(member, text)| Some((member, text?))) {
        check_endpoint(&format!("{place}/{member}"), text, form, faults);
    }
    check_client(place, declared, form, faults);
    for (member, text) in
        [("issuer", &declared.issuer), ("audience", &declared.audience), ("resource", &declared.resource)]
    {
        let place = format!("{place}/{member}");
        let template = text.as_ref().and_then(|text| check_template(&place, text, form, faults));
        refuse_secrets(&place, template.iter().flat_map(|template| template.fields()), form, faults);
    }
    check_parameters(place, declared, form, faults);
}

/// A path is below the base URL, which is checked where it stands.
fn check_endpoint(place: &str, text: &str, form: &[Field], faults: &mut Faults) {
    match text.strip_prefix('/') {
        Some(path) => check_url(place, &format!("https://base.example/{path}"), form, faults),
        None => check_url(place, text, form, faults),
    }
}

fn check_client(place: &str, declared: &OAuth2, form: &[Field], faults: &mut Faults) {
    let kind_of = |name: &Name| form.iter().find(|field| field.name == *name).map(|field| field.kind);
    if let Some(name) = &declared.client_id {
        match kind_of(name) {
            None => faults.add(format!("{place}/client-id"), format!("the form has no field '{name}'")),
            Some(FieldKind::Secret) => {
                faults.add(format!("{place}/client-id"), "is a secret: it stands in addresses")
            }
            Some(_) => {}
        }
    }
    if let Some(name) = &declared.client_secret
        && kind_of(name) != Some(FieldKind::Secret)
    {
        faults.add(format!("{place}/client-secret"), format!("the form has no secret '{name}'"));
    }
}

fn check_parameters(place: &str, declared: &OAuth2, form: &[Field], faults: &mut Faults) {
    let mut each = |member: &str, parameters: &BTreeMap<String, String>, owned: &[&str]| {
        for (name, text) in parameters {
            let place = format!("{place}/{member}/{name}");
            if owned.contains(&name.as_str()) {
                faults.add(&*place, "is set by the host");
            }
            let template = check_template(&place, text, form, faults);
            if member == "authorize-parameters" {
                refuse_secrets(&place, template.iter().flat_map(|template| template.fields()), form, faults);
            }
        }
    };
    each("authorize-parameters", &declared.authorize_parameters, &OF_AUTHORIZATION);
    each("token-parameters", &declared.token_parameters, &OF_TOKENS);
}

fn refuse_secrets<'a>(
    place: &str,
    mut names: impl Iterator<Item = &'a Name>,
    form: &[Field],
    faults: &mut Faults,
) {
    let is_secret =
        |name: &Name| form.iter().any(|field| field.name == *name && field.kind == FieldKind::Secret);
    if names.any(is_secret) {
        faults.add(place, "names a secret: it goes through a browser, where many see it");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[track_caller]
    fn check_one(declared: Value, expected: &[&str]) {
        let form: Vec<Field> = serde_json::from_value(json!([
            {"name": "site", "label": "S", "kind": "text"},
            {"name": "id", "label": "I", "kind": "text"},
            {"name": "key", "label": "K", "kind": "secret"}
        ]))
        .expect("a form");
        let declared: OAuth2 = serde_json::from_value(declared).expect("a declaration");
        let mut faults = Faults::default();
        check("/auth/0", &declared, &form, &mut faults);
        let told = faults.into_result().err().map(|refusal| refusal.reason).unwrap_or_default();
        assert_eq!(told.is_empty(), expected.is_empty(), "{told}");
        for words in expected {
            assert!(told.contains(words), "{words} in: {told}");
        }
    }

    #[test]
    fn what_cannot_work_is_refused_with_its_place() {
        let fine = json!({"authorize-url": "/oauth/authorize", "token-url": "https://{site}.example/token",
            "client-id": "id", "client-secret": "key", "token-parameters": {"api_key": "{key}"}});
        check_one(fine, &[]);
        check_one(json!({"token-url": "/token", "grant": "client-credentials"}), &[]);
        check_one(json!({"token-url": "/token"}), &["/auth/0/authorize-url"]);
        check_one(
            json!({"authorize-url": "/a?x=1", "token-url": "/{nobody}", "client-id": "nobody", "client-secret": "id"}),
            &["/auth/0/authorize-url", "'nobody'", "/auth/0/client-id", "/auth/0/client-secret"],
        );
        check_one(
            json!({"authorize-url": "/a", "token-url": "/t", "client-id": "key", "audience": "{key}",
                "authorize-parameters": {"state": "mine", "hint": "{key}"}, "token-parameters": {"grant_type": "mine"}}),
            &[
                "client-id",
                "audience",
                "authorize-parameters/state",
                "authorize-parameters/hint",
                "token-parameters/grant_type",
            ],
        );
    }
}
