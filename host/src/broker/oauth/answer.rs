//! What a token endpoint answers. Pure.
//!
//! No failure holds a byte of the answer but the standard's words and the provider's, with
//! what was sent to it hidden.

use super::{INVALID_GRANT, Provider};
use crate::{
    broker::{
        marks::Marks,
        snippet::{self, Beginning, Rest},
    },
    model::{Class, Failure, Secret},
};
use serde_json::Value;
use std::time::Duration;

/// The longest token that is taken, in bytes.
const MAX_TOKEN: usize = 32 << 10;
/// The longest time that is believed, in seconds: ten years.
const MAX_SECONDS: f64 = 315_360_000.0;

/// What was granted. `Debug` shows no token.
#[derive(Clone, Debug)]
pub struct Granted {
    /// Goes with requests.
    pub access: Secret,
    /// Gets the next access token.
    pub refresh: Option<Secret>,
    /// How long the access token holds, from when it was asked for.
    pub expires_in: Option<Duration>,
    /// None where the answer does not tell: those that were asked for.
    pub scopes: Option<Vec<String>>,
}

/// An answer as it came.
pub(super) struct Answer<'a> {
    pub(super) host: &'a str,
    pub(super) status: u16,
    pub(super) body: &'a [u8],
    /// What was sent.
    pub(super) marks: &'a Marks,
}

impl Answer<'_> {
    /// The tokens in it.
    pub(super) fn granted(&self, provider: &Provider) -> Result<Granted, Failure> {
        let document: Value = serde_json::from_slice(self.body).unwrap_or_default();
        // Some providers answer errors with 200.
        if let Some(error) = document["error"].as_str() {
            return Err(self.refused(error, document["error_description"].as_str()));
        }
        if !(200..300).contains(&self.status) {
            return Err(self.odd());
        }
        refuse_other_types(&document)?;
        let fields = &provider.answer;
        let token = |field: &str| {
            let text = member(&document, field)?.as_str()?;
            let is_fit = (1..=MAX_TOKEN).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
            is_fit.then(|| Secret::new(text))
        };
        let access = token(&fields.access_token).ok_or_else(|| self.without_a_token(&fields.access_token))?;
        Ok(Granted {
            access,
            refresh: token(&fields.refresh_token),
            expires_in: member(&document, &fields.expires_in).and_then(seconds).or(provider.expires_default),
            scopes: member(&document, &fields.scope).and_then(|scope| scopes(scope, provider)),
        })
    }

    /// Whether a token was taken back (RFC 7009, 2.2): one that is not known is, too.
    pub(super) fn revoked(&self) -> Result<(), Failure> {
        if (200..300).contains(&self.status) {
            return Ok(());
        }
        let document: Value = serde_json::from_slice(self.body).unwrap_or_default();
        match document["error"].as_str() {
            Some(error) => Err(self.refused(error, document["error_description"].as_str())),
            None => Err(self.odd()),
        }
    }

    /// The error codes of RFC 6749, 5.2, and those that providers add.
    fn refused(&self, error: &str, description: Option<&str>) -> Failure {
        let host = self.host;
        let (class, code, words) = match error {
            "invalid_grant" | "bad_refresh_token" | "bad_verification_code" => {
                (Class::Auth, INVALID_GRANT, format!("{host} does not know the grant any more"))
            }
            "invalid_client" | "unauthorized_client" | "incorrect_client_credentials" => (
                Class::Auth,
                "oauth.client-refused",
                format!("{host} refuses the client: check the client id and the client secret"),
            ),
            "temporarily_unavailable" | "server_error" | "slow_down" => {
                (Class::Transient, "oauth.unavailable", format!("{host} cannot give tokens just now"))
            }
            _ => (Class::Config, "oauth.refused", format!("{host} refuses to give tokens")),
        };
        let said = [Some(error), description].into_iter().flatten().filter_map(|text| self.words(text));
        let said = said.collect::<Vec<_>>().join(": ");
        let said = if said.is_empty() { String::new() } else { format!("; it said: {said}") };
        Failure::new(class, code, format!("{words}{said}"))
    }

    fn words(&self, text: &str) -> Option<String> {
        snippet::words(&Beginning { bytes: text.as_bytes(), rest: Rest::None }, self.marks)
    }

    fn odd(&self) -> Failure {
        let (host, status) = (self.host, self.status);
        let message =
            format!("{host} answers a request for tokens with HTTP {status}: check the channel's address");
        Failure::new(Class::Config, "oauth.answer", message)
    }

    fn without_a_token(&self, field: &str) -> Failure {
        let message = format!("the answer of {} has no token in '{field}'", self.host);
        Failure::new(Class::InvalidData, "oauth.answer", message)
    }
}

/// Tokens that need more than to be shown are not for this host.
fn refuse_other_types(document: &Value) -> Result<(), Failure> {
    let kind = document["token_type"].as_str().unwrap_or("bearer");
    if ["mac", "dpop", "pop"].iter().any(|other| kind.eq_ignore_ascii_case(other)) {
        let message = format!("tokens of the type '{}' are not supported", kind.to_ascii_lowercase());
        return Err(Failure::new(Class::Unsupported, "oauth.token-type", message));
    }
    Ok(())
}

fn member<'a>(document: &'a Value, field: &str) -> Option<&'a Value> {
    if field.starts_with('/') { document.pointer(field) } else { document.get(field) }
}

/// A number, or a number as text.
fn seconds(value: &Value) -> Option<Duration> {
    let seconds = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
    (seconds > 0.0).then(|| Duration::from_secs_f64(seconds.min(MAX_SECONDS)))
}

fn scopes(value: &Value, provider: &Provider) -> Option<Vec<String>> {
    const MOST: usize = 200;
    let separators = |c: char| c.is_whitespace() || provider.scope_separator.contains(c);
    let listed = |text: &str| -> Vec<String> {
        text.split(separators).filter(|scope| !scope.is_empty()).map(str::to_owned).take(MOST).collect()
    };
    match value {
        Value::String(text) => Some(listed(text)),
        Value::Array(items) => {
            Some(items.iter().filter_map(Value::as_str).flat_map(listed).take(MOST).collect())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::provider::tests::example;
    use super::*;
    use crate::{broker::Credential, model::AnswerFields};
    use serde_json::json;

    fn answer(status: u16, body: &Value, provider: &Provider) -> Result<Granted, Failure> {
        let marks = Marks::new(&Credential::Bearer { token: Secret::new("refresh-1") });
        let body = body.to_string();
        Answer { host: "id.example.com", status, body: body.as_bytes(), marks: &marks }.granted(provider)
    }

    #[test]
    fn tokens_are_found_where_the_provider_puts_them() {
        let plain = json!({"access_token": "a", "refresh_token": "r", "expires_in": 3600, "token_type": "Bearer",
            "scope": "read write"});
        let granted = answer(200, &plain, &example()).expect("tokens");
        assert_eq!((granted.access.expose(), granted.refresh.as_ref().map(Secret::expose)), ("a", Some("r")));
        assert_eq!(granted.expires_in, Some(Duration::from_secs(3_600)));
        assert_eq!(granted.scopes.as_deref(), Some(&["read".to_owned(), "write".to_owned()][..]));
        assert!(!format!("{granted:?}").contains("\"a\""));

        let fields = AnswerFields {
            access_token: "/authed_user/access_token".into(),
            expires_in: "ext".into(),
            ..AnswerFields::default()
        };
        let odd = Provider {
            answer: fields,
            expires_default: Some(Duration::from_secs(60)),
            scope_separator: ",".into(),
            ..example()
        };
        let body = json!({"ok": true, "authed_user": {"access_token": "b"}, "scope": "x,y"});
        let granted = answer(200, &body, &odd).expect("tokens");
        assert_eq!((granted.access.expose(), granted.expires_in), ("b", Some(Duration::from_secs(60))));
        assert_eq!(granted.scopes.expect("told").len(), 2);
        let texts = json!({"access_token": "c", "expires_in": "17"});
        let granted = answer(200, &texts, &example()).expect("tokens");
        assert_eq!(granted.expires_in, Some(Duration::from_secs(17)));
    }

    #[test]
    fn refusals_have_a_class_and_no_secret() {
        for (status, body, class, code) in [
            (400, json!({"error": "invalid_grant"}), Class::Auth, INVALID_GRANT),
            (200, json!({"error": "bad_refresh_token"}), Class::Auth, INVALID_GRANT),
            (401, json!({"error": "invalid_client"}), Class::Auth, "oauth.client-refused"),
            (400, json!({"error": "temporarily_unavailable"}), Class::Transient, "oauth.unavailable"),
            (400, json!({"error": "invalid_scope"}), Class::Config, "oauth.refused"),
            (404, json!("nothing"), Class::Config, "oauth.answer"),
            (200, json!({}), Class::InvalidData, "oauth.answer"),
            (200, json!({"access_token": "a b"}), Class::InvalidData, "oauth.answer"),
            (200, json!({"access_token": "a", "token_type": "DPoP"}), Class::Unsupported, "oauth.token-type"),
            (
                400,
                json!({"error": "invalid_grant", "error_description": "refresh-1 is used"}),
                Class::Auth,
                INVALID_GRANT,
            ),
        ] {
            let failure = answer(status, &body, &example()).expect_err("a refusal");
            assert_eq!((failure.class, failure.code.as_str()), (class, code), "{body}");
            assert!(!failure.message.contains("refresh-1"), "{}", failure.message);
        }
    }
}
