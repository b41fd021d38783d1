//! What an operator fills in, and what the form alone cannot say of it.
//!
//! How the manifest has the host sign in by OAuth is from these pages, all below
//! `https://developer.zendesk.com`:
//!
//! - `/api-reference/ticketing/oauth/grant_type_tokens/`: `/oauth/tokens` takes JSON, with the
//!   client's id and secret in it; codes hold two minutes; each refresh ends the access and the
//!   refresh token before it, and gives new ones; client credentials
//! - `/documentation/api-basics/authentication/oauth-pkce`: PKCE with S256 beside the secret
//! - `/documentation/api-basics/authentication/refresh-token`: tokens expire
//! - `/documentation/api-basics/authentication/revoking-oauth-token`: no end point of RFC 7009
//!
//! The address of the page for people, and what may be a redirect URL, is in Zendesk's help:
//! `https://support.zendesk.com/hc/en-us/articles/4408845965210`.

use serde::Deserialize;
use tidegate_sdk::{FieldError, time};

/// The settings. The token itself stays with the host.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Form {
    pub(crate) subdomain: Option<String>,
    pub(crate) url: Option<String>,
    pub(crate) authorization: Option<String>,
    pub(crate) start_date: Option<String>,
    pub(crate) default_user_email: Option<String>,
}

/// Zendesk takes 0 for «from the beginning».
const BEGINNING: u64 = 0;

impl Form {
    /// What is wrong with the values together.
    pub(crate) fn validate(&self) -> Result<(), Vec<FieldError>> {
        self.address().map_or(Ok(()), |problem| Err(vec![problem]))
    }

    /// Whether the host gets tokens by OAuth.
    pub(crate) fn is_by_oauth(&self) -> bool {
        matches!(self.authorization.as_deref(), Some("oauth" | "oauth-client"))
    }

    /// The name of the field that says where Zendesk is.
    pub(crate) fn address_field(&self) -> &'static str {
        if self.url.is_some() { "url" } else { "subdomain" }
    }

    /// Where the exports begin, in seconds since 1970.
    pub(crate) fn start_seconds(&self) -> u64 {
        self.start_date.as_deref().and_then(time::date_seconds).unwrap_or(BEGINNING)
    }

    fn address(&self) -> Option<FieldError> {
        match (&self.subdomain, &self.url) {
            (None, None) => Some(FieldError::new(
                "subdomain",
                "give the subdomain (the 'acme' of acme.zendesk.com), or the address as 'url'",
            )),
            (Some(_), Some(_)) => Some(FieldError::new("url", "give 'subdomain' or 'url', not both")),
            (None, Some(url)) if url.contains("/api/") || url.ends_with("/api") => Some(FieldError::new(
                "url",
                "leave '/api/v2' out: give the address that people type in, such as https://help.acme.com",
            )),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_sdk::Settings;

    fn form(json: &str) -> Form {
        Settings::from_bytes(json.into()).read().unwrap()
    }

    #[test]
    fn exactly_one_address_is_wanted() {
        let check = |json: &str, fields: &[&str]| {
            let problems = form(json).validate().err().unwrap_or_default();
            let found: Vec<_> = problems.iter().map(|problem| problem.field.as_str()).collect();
            assert_eq!(found, fields, "{json}");
        };
        check(r#"{"subdomain": "acme", "authorization": "email-token", "token": true}"#, &[]);
        check(r#"{"url": "https://help.acme.com"}"#, &[]);
        check(r#"{"url": "http://127.0.0.1:8080/"}"#, &[]);
        check("{}", &["/subdomain"]);
        check(r#"{"subdomain": null}"#, &["/subdomain"]);
        check(r#"{"subdomain": "acme", "url": "https://acme.zendesk.com"}"#, &["/url"]);
        check(r#"{"url": "https://acme.zendesk.com/api/v2"}"#, &["/url"]);
        check(r#"{"subdomain": "acme", "authorization": "oauth"}"#, &[]);
        check(r#"{"authorization": "oauth"}"#, &["/subdomain"]);
    }

    #[test]
    fn both_grants_of_oauth_are_known() {
        let check = |authorization: &str, expected: bool| {
            let form = form(&format!(r#"{{"authorization": "{authorization}"}}"#));
            assert_eq!(form.is_by_oauth(), expected, "{authorization}");
        };
        check("oauth", true);
        check("oauth-client", true);
        check("email-token", false);
        assert!(!form("{}").is_by_oauth());
    }

    #[test]
    fn start_date_is_midnight_or_the_beginning() {
        assert_eq!(form("{}").start_seconds(), 0);
        assert_eq!(form(r#"{"start-date": "2023-11-14"}"#).start_seconds(), 1_699_920_000);
    }
}
