//! How a transport reaches the remote system: base URLs, further origins,
//! credentials.

mod oauth;

use super::{
    super::template::Template,
    faults::{Faults, first_repeated},
    form,
};
use crate::model::{Auth, AuthScheme, Field, FieldKind, Transport};
use url::Url;

/// Checks everything of a transport that leads out.
pub(super) fn check(place: &str, transport: &Transport, faults: &mut Faults) {
    if transport.base_url.is_empty() {
        faults.add(format!("{place}/base-url"), "a transport has at least one base URL");
    }
    for (at, text) in transport.base_url.iter().enumerate() {
        check_url(&format!("{place}/base-url/{at}"), text, &transport.form, faults);
    }
    if let Some(name) = first_repeated(transport.origins.iter().map(|origin| &origin.name)) {
        faults.add(format!("{place}/origins"), format!("two origins have the name '{name}'"));
    }
    for (at, origin) in transport.origins.iter().enumerate() {
        check_url(&format!("{place}/origins/{at}/url"), &origin.url, &transport.form, faults);
    }
    for (at, auth) in transport.auth.iter().enumerate() {
        check_auth(&format!("{place}/auth/{at}"), auth, &transport.form, faults);
    }
}

fn check_url(place: &str, text: &str, form: &[Field], faults: &mut Faults) {
    let Some(template) = check_template(place, text, form, faults) else {
        return;
    };
    if template
        .fields()
        .any(|name| form.iter().any(|field| field.name == *name && field.kind == FieldKind::Secret))
    {
        return faults.add(place, "names a secret: URLs are logged");
    }
    if template.sole_field().is_some() {
        return;
    }
    // Any letter will do: values of a longer template are letters, digits, `-`, `_` and `.`.
    let sample = template.fill(|_| Some("x")).map(|filled| Url::parse(&filled));
    match sample {
        Ok(Ok(url)) if !(text.starts_with("https://") || text.starts_with("http://")) || !url.has_host() => {
            faults.add(place, "starts with https:// or http://, unless it is one field alone");
        }
        Ok(Ok(url)) if has_more_than_an_address(&url) => {
            faults.add(place, "has no user name, no password, no `?` and no `#`");
        }
        Ok(Ok(_)) => {}
        _ => faults.add(place, "is not a URL when its fields are filled in"),
    }
}

fn has_more_than_an_address(url: &Url) -> bool {
    !url.username().is_empty()
        || url.password().is_some()
        || url.query().is_some()
        || url.fragment().is_some()
}

fn check_template(place: &str, text: &str, form: &[Field], faults: &mut Faults) -> Option<Template> {
    let template = match Template::parse(text) {
        Ok(template) => template,
        Err(error) => {
            faults.add(place, error.to_string());
            return None;
        }
    };
    let unknown = template.fields().find(|name| !form.iter().any(|field| field.name == **name));
    if let Some(name) = unknown {
        faults.add(place, format!("names the field '{name}', which the form does not have"));
        return None;
    }
    Some(template)
}

fn check_auth(place: &str, auth: &Auth, form: &[Field], faults: &mut Faults) {
    if let Some(condition) = &auth.applicable_if {
        form::check_condition(&format!("{place}/applicable-if"), condition, form, faults);
    }
    let mut template = |member: &str, text: &str| {
        check_template(&format!("{place}/{member}"), text, form, faults);
    };
    match &auth.scheme {
        AuthScheme::None => {}
        AuthScheme::Basic { username, password } => {
            template("username", username);
            template("password", password);
        }
        AuthScheme::Bearer { token } => template("token", token),
        AuthScheme::Header { value, .. } | AuthScheme::Query { value, .. } => template("value", value),
        AuthScheme::OAuth2(declared) => oauth::check(place, declared, form, faults),
    }
    check_names(place, &auth.scheme, faults);
}

/// Headers that the connection itself, or another scheme, owns.
const OWNED_HEADERS: [&str; 9] = [
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "host",
    "te",
    "transfer-encoding",
    "upgrade",
];

fn check_names(place: &str, scheme: &AuthScheme, faults: &mut Faults) {
    let place = format!("{place}/name");
    match scheme {
        AuthScheme::Header { name, .. } if http::HeaderName::try_from(name.as_str()).is_err() => {
            faults.add(place, "is not the name of a header");
        }
        AuthScheme::Header { name, .. } if OWNED_HEADERS.contains(&name.to_ascii_lowercase().as_str()) => {
            faults.add(place, "is a header that no credential travels in");
        }
        AuthScheme::Query { name, .. } if name.is_empty() => {
            faults.add(place, "a query parameter has a name")
        }
        _ => {}
    }
}
