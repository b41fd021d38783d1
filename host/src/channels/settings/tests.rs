//! What is wrong with settings, rule by rule.

use super::*;
use serde_json::json;

/// The form that the design gives to Zendesk, with bounds added.
fn form() -> Vec<Field> {
    let form = json!([
        {"name": "subdomain", "label": "Subdomain", "kind": "text", "pattern": "[a-z0-9-]+", "max": 63},
        {"name": "url", "label": "URL", "kind": "url"},
        {"name": "authorization", "label": "Authorization", "kind": "choice", "default": "email-token",
         "choices": [{"value": "email-token", "label": "API token"}, {"value": "oauth", "label": "OAuth"}]},
        {"name": "email", "label": "E-mail", "kind": "email", "required": true,
         "applicable-if": {"field": "authorization", "in": ["email-token"]}},
        {"name": "token", "label": "Token", "kind": "secret", "required": true, "min": 4,
         "applicable-if": {"field": "authorization", "in": ["email-token"]}},
        {"name": "start-date", "label": "From", "kind": "date"},
        {"name": "pages", "label": "Pages", "kind": "integer", "min": 1, "max": 100, "default": 10},
        {"name": "archive", "label": "Archive", "kind": "boolean"}
    ]);
    serde_json::from_value(form).expect("a form")
}

#[derive(Default)]
struct Case {
    stored: Value,
    stored_secrets: &'static [&'static str],
    given: Value,
    secrets: &'static [(&'static str, &'static str)],
}

fn run(case: &Case) -> Result<Settled, Vec<FieldError>> {
    let object = |value: &Value| value.as_object().cloned().unwrap_or_default();
    settle(&Asked {
        form: &form(),
        stored: &object(&case.stored),
        has_secret: &|name| case.stored_secrets.contains(&name),
        given: &object(&case.given),
        given_secrets: &case
            .secrets
            .iter()
            .map(|(name, text)| ((*name).into(), Secret::new(*text)))
            .collect(),
    })
}

#[track_caller]
fn fits(case: &Case, stored: Value, effective: Value) -> Settled {
    let settled = run(case).unwrap_or_else(|faults| panic!("{faults:?}"));
    assert_eq!(Value::Object(settled.settings.clone()), stored);
    assert_eq!(Value::Object(settled.effective.clone()), effective);
    settled
}

#[track_caller]
fn faulty(case: &Case, expected: &[(&str, &str)]) {
    let faults = run(case).expect_err("faults");
    let faults: Vec<_> = faults.iter().map(|fault| (fault.field.as_str(), fault.message.as_str())).collect();
    assert_eq!(faults, expected);
}

const TOKEN: &[(&str, &str)] = &[("token", "abcd")];

#[test]
fn values_are_typed_and_defaults_are_kept_apart() {
    let case = Case {
        given: json!({"subdomain": "acme", "email": "a@b.example", "pages": "20", "archive": "true", "url": null}),
        secrets: TOKEN,
        ..Case::default()
    };
    let stored = json!({"subdomain": "acme", "email": "a@b.example", "pages": 20, "archive": true});
    let mut effective = stored.clone();
    effective["authorization"] = json!("email-token");
    effective["token"] = json!(true);
    let settled = fits(&case, stored, effective);
    assert_eq!(settled.fresh["token"].expose(), "abcd");
    assert!(settled.kept.is_empty());
}

#[test]
fn an_edit_goes_on_top_of_what_is_stored() {
    let case = Case {
        stored: json!({"subdomain": "acme", "email": "a@b.example", "pages": 20}),
        stored_secrets: &["token"],
        given: json!({"pages": "", "archive": false}),
        ..Case::default()
    };
    let stored = json!({"subdomain": "acme", "email": "a@b.example", "archive": false});
    let mut effective = stored.clone();
    for (name, value) in
        [("authorization", json!("email-token")), ("token", json!(true)), ("pages", json!(10))]
    {
        effective[name] = value;
    }
    assert_eq!(fits(&case, stored, effective).kept, ["token"]);
}

#[test]
fn what_no_longer_applies_is_left_out() {
    let case = Case {
        stored: json!({"email": "a@b.example", "dropped": 1}),
        stored_secrets: &["token"],
        given: json!({"authorization": "oauth"}),
        ..Case::default()
    };
    let settled =
        fits(&case, json!({"authorization": "oauth"}), json!({"authorization": "oauth", "pages": 10}));
    assert!(settled.kept.is_empty(), "the secret goes, too");
}

#[test]
fn a_value_for_a_field_that_does_not_apply_is_an_error() {
    let words = "does not apply: it is used only where 'authorization' is 'email-token'";
    let given = json!({"authorization": "oauth", "email": "a@b.example"});
    faulty(&Case { given, secrets: TOKEN, ..Case::default() }, &[("/email", words), ("/token", words)]);
}

#[test]
fn every_fault_has_an_entry() {
    let case = Case {
        given: json!({
            "subdomain": "ACME!", "url": "acme", "email": 5, "start-date": "soon", "pages": 0, "archive": "maybe", "tokn": "x"
        }),
        ..Case::default()
    };
    faulty(
        &case,
        &[
            ("/subdomain", "must match the pattern `[a-z0-9-]+`"),
            ("/url", "must be a URL that starts with https:// or http://"),
            ("/email", "must be a text"),
            ("/token", "is required"),
            ("/start-date", "must be a day, written like 2026-01-31"),
            ("/pages", "must be at least 1"),
            ("/archive", "must be true or false"),
            ("/tokn", "there is no such setting; did you mean 'token'?"),
        ],
    );
}

#[test]
fn required_fields_must_stay() {
    let words = [("/email", "is required"), ("/token", "is required")];
    faulty(&Case::default(), &words);
    let stored = json!({"email": "a@b.example"});
    let given = json!({"email": null, "token": null});
    faulty(&Case { stored, stored_secrets: &["token"], given, ..Case::default() }, &words);
}

#[test]
fn secrets_and_settings_are_not_mixed_up() {
    let given = json!({"email": "a@b.example", "token": "abcd"});
    faulty(
        &Case { given, ..Case::default() },
        &[("/token", "is a secret: give it as a secret, not as a setting")],
    );
    let secrets = &[("email", "a@b.example"), ("token", "abcd")];
    faulty(&Case { secrets, ..Case::default() }, &[("/email", "is not a secret: give it as a setting")]);
}

#[test]
fn secrets_are_checked_and_never_repeated() {
    let given = json!({"email": "a@b.example"});
    let empty = "is empty: give the secret, or set it to null to take it away";
    faulty(
        &Case { given: given.clone(), secrets: &[("token", "\n")], ..Case::default() },
        &[("/token", empty)],
    );
    let short = "must have at least 4 characters";
    faulty(
        &Case { given: given.clone(), secrets: &[("token", "xyz")], ..Case::default() },
        &[("/token", short)],
    );
    let settled =
        run(&Case { given, secrets: &[("token", " abcd \r\n")], ..Case::default() }).expect("a token");
    assert_eq!(settled.fresh["token"].expose(), " abcd ", "only the line end goes");
}

#[test]
fn unknown_fields_are_named_with_the_closest_one() {
    let case = |given| Case {
        given,
        stored: json!({"email": "a@b.example", "old": 1}),
        stored_secrets: &["token"],
        ..Case::default()
    };
    faulty(
        &case(json!({"Sub-domain": "x"})),
        &[("/Sub-domain", "there is no such setting; did you mean 'subdomain'?")],
    );
    let all = "there is no such setting; there are: subdomain, url, authorization, email, token, start-date, pages, archive";
    faulty(&case(json!({"colour": "x"})), &[("/colour", all)]);
    faulty(&case(json!({"colour": null})), &[("/colour", all)]);
    assert!(run(&case(json!({"old": null}))).is_ok(), "taking away what is stored is fine");
}
