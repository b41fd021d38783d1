//! The addresses of a channel: base URL and further origins, from the templates
//! of its transport.
//!
//! A setting can fill a place in an address but never change its shape: that is
//! what keeps `{subdomain}.zendesk.com` below `zendesk.com`.

use crate::{
    catalog::Template,
    model::{FieldError, Name, Transport},
};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use url::Url;

/// Where a channel may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Addresses {
    pub(super) base: Url,
    pub(super) origins: BTreeMap<Name, Url>,
}

/// Fills the templates in. An origin whose fields have no value is left out.
///
/// # Errors
/// The fields that are missing or do not fit an address.
pub(super) fn addresses(
    transport: &Transport,
    effective: &Map<String, Value>,
) -> Result<Addresses, Vec<FieldError>> {
    let texts = texts(effective);
    let base = base(transport, &texts)?;
    let mut origins = BTreeMap::new();
    for origin in &transport.origins {
        let template = parse(&origin.url);
        if template.fields().all(|name| texts.contains_key(name.as_str())) {
            origins.insert(origin.name.clone(), fill(&template, &texts)?);
        }
    }
    Ok(Addresses { base, origins })
}

/// The settings as texts, by field.
pub(super) fn texts(effective: &Map<String, Value>) -> BTreeMap<&str, String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    effective.iter().map(|(name, value)| (name.as_str(), text(value))).collect()
}

/// The address of a provider: a URL template, or a path below the base URL.
///
/// # Errors
/// The fields that are missing or do not fit an address.
pub(super) fn endpoint(
    text: &str,
    texts: &BTreeMap<&str, String>,
    base: &Url,
) -> Result<Url, Vec<FieldError>> {
    let template = match text.starts_with('/') {
        true => parse(&format!("{}{text}", base.as_str().trim_end_matches('/'))),
        false => parse(text),
    };
    let is_ready = template.fields().all(|name| texts.contains_key(name.as_str()));
    match is_ready {
        true => fill(&template, texts),
        false => Err(vec![missing(&[template], texts)]),
    }
}

fn base(transport: &Transport, texts: &BTreeMap<&str, String>) -> Result<Url, Vec<FieldError>> {
    let templates: Vec<_> = transport.base_url.iter().map(|text| parse(text)).collect();
    let ready =
        templates.iter().find(|template| template.fields().all(|name| texts.contains_key(name.as_str())));
    match ready {
        Some(template) => fill(template, texts),
        None => Err(vec![missing(&templates, texts)]),
    }
}

fn missing(templates: &[Template], texts: &BTreeMap<&str, String>) -> FieldError {
    let needed = |template: &Template| {
        let names = template.fields().filter(|name| !texts.contains_key(name.as_str()));
        names.map(|name| format!("'{name}'")).collect::<Vec<_>>().join(" and ")
    };
    let ways: Vec<_> = templates.iter().map(needed).collect();
    let first = templates.iter().flat_map(Template::fields).find(|name| !texts.contains_key(name.as_str()));
    let words = format!("the address of the remote system is not known: give {}", ways.join(" or "));
    FieldError::new(first.map_or("", Name::as_str), words)
}

fn fill(template: &Template, texts: &BTreeMap<&str, String>) -> Result<Url, Vec<FieldError>> {
    if template.sole_field().is_none() {
        let misfits: Vec<_> = template
            .fields()
            .filter(|name| !fits_in_an_address(&texts[name.as_str()]))
            .map(|name| {
                FieldError::new(
                    name.as_str(),
                    "becomes a part of an address: use letters, digits, '-', '_' and single '.' within it",
                )
            })
            .collect();
        if !misfits.is_empty() {
            return Err(misfits);
        }
    }
    let filled = template.fill(|name| texts.get(name.as_str()).map(String::as_str)).ok();
    let url = filled.and_then(|text| Url::parse(&text).ok()).filter(is_plain_address);
    let blamed = template.fields().next().map_or("", Name::as_str);
    url.ok_or_else(|| {
        vec![FieldError::new(
            blamed,
            "does not give an address like https://host/path, without user name, '?' and '#'",
        )]
    })
}

/// Dots at the ends or next to each other could climb out of a path or end a host name.
fn fits_in_an_address(text: &str) -> bool {
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    plain && text.split('.').all(|part| !part.is_empty())
}

fn is_plain_address(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none()
}

fn parse(text: &str) -> Template {
    Template::parse(text).expect("the catalog takes up only plugins whose templates parse")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn transport(base_urls: &[&str]) -> Transport {
        serde_json::from_value(json!({
            "id": "rest", "label": "REST", "form": [], "base-url": base_urls,
            "origins": [{"name": "upload", "url": "https://up.{site}.example"}, {"name": "fixed", "url": "https://cdn.example"}]
        }))
        .expect("a transport")
    }

    fn check(base_urls: &[&str], settings: Value, expected: Result<&str, (&str, &str)>) {
        let found = addresses(&transport(base_urls), settings.as_object().expect("an object"));
        match (found, expected) {
            (Ok(found), Ok(url)) => assert_eq!(found.base.as_str(), url, "{settings}"),
            (Err(faults), Err((field, words))) => {
                assert_eq!(faults[0].field, field, "{settings}");
                assert!(faults[0].message.contains(words), "{settings}: {faults:?}");
            }
            (found, expected) => panic!("{settings}: {found:?}, not {expected:?}"),
        }
    }

    #[test]
    fn the_first_template_with_all_values_is_used() {
        let both = ["{url}", "https://{site}.example/v{major}"];
        check(&both, json!({"url": "http://127.0.0.1:8080/x", "site": "a"}), Ok("http://127.0.0.1:8080/x"));
        check(&both, json!({"site": "acme.eu", "major": 2}), Ok("https://acme.eu.example/v2"));
        check(&both, json!({"site": "a"}), Err(("/url", "give 'url' or 'major'")));
        check(&both, json!({}), Err(("/url", "give 'url' or 'site' and 'major'")));
        check(&["https://fixed.example"], json!({}), Ok("https://fixed.example/"));
    }

    #[test]
    fn a_provider_is_where_its_template_says_or_below_the_base_url() {
        let base = Url::parse("https://acme.example/api").expect("a URL");
        let texts = BTreeMap::from([("site", "acme".to_owned()), ("bad", "a/b".to_owned())]);
        let found = |text| endpoint(text, &texts, &base).map(String::from).ok();
        assert_eq!(found("/oauth/token").as_deref(), Some("https://acme.example/api/oauth/token"));
        assert_eq!(found("/{site}/token").as_deref(), Some("https://acme.example/api/acme/token"));
        assert_eq!(found("https://{site}.id.example/t").as_deref(), Some("https://acme.id.example/t"));
        assert_eq!(found("/{bad}/token"), None);
        assert_eq!(found("https://{nobody}.example"), None);
    }

    #[test]
    fn a_value_cannot_change_the_shape_of_an_address() {
        for value in [
            "a/b", "a@b", "a:1", "a?b", "a#b", "a%2fb", "a b", "ü", "a\\b", "..", "a..b", ".a", "a.", "",
            "[::1]",
        ] {
            check(
                &["https://{site}.example/api"],
                json!({"site": value}),
                Err(("/site", "becomes a part of an address")),
            );
            check(
                &["https://api.example/{site}/v1"],
                json!({"site": value}),
                Err(("/site", "becomes a part")),
            );
        }
    }

    #[test]
    fn an_address_of_the_operators_own_is_a_plain_one() {
        for value in [
            "https://me:pw@a.example",
            "https://a.example?x",
            "https://a.example/#x",
            "ftp://a.example",
            "nonsense",
        ] {
            check(&["{url}"], json!({"url": value}), Err(("/url", "does not give an address")));
        }
    }

    #[test]
    fn origins_without_values_are_left_out() {
        let found = |settings: Value| {
            let found =
                addresses(&transport(&["https://fixed.example"]), settings.as_object().expect("an object"));
            found
                .expect("addresses")
                .origins
                .into_iter()
                .map(|(name, url)| format!("{name} {url}"))
                .collect::<Vec<_>>()
        };
        assert_eq!(found(json!({})), ["fixed https://cdn.example/"]);
        assert_eq!(
            found(json!({"site": "a"})),
            ["fixed https://cdn.example/", "upload https://up.a.example/"]
        );
    }

    proptest! {
        #[test]
        fn no_value_at_all_changes_the_shape_of_an_address(value in "\\PC*|[a-z0-9./:@?#%\\\\-]{0,12}") {
            let settings = json!({"site": value});
            let settings = settings.as_object().expect("an object");
            if let Ok(found) = addresses(&transport(&["https://{site}.example/api"]), settings) {
                prop_assert!(found.base.host_str().is_some_and(|host| host.ends_with(".example")));
                prop_assert_eq!((found.base.path(), found.base.port()), ("/api", None));
            }
            if let Ok(found) = addresses(&transport(&["https://api.example/{site}/v1"]), settings) {
                prop_assert_eq!(found.base.host_str(), Some("api.example"));
                prop_assert_eq!(found.base.path(), format!("/{value}/v1"));
            }
        }
    }
}
