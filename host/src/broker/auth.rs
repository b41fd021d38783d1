//! Puts a channel's credential on, last of all.
//!
//! It decides nothing about where a request goes, and it gives the credential
//! to nothing but a permitted request.

use super::{Credential, Tokens, egress::Permitted, headers, marks::Marks};
use crate::model::{Class, Failure, Secret};
use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderName, HeaderValue, header};
use std::{fmt, sync::Arc};
use zeroize::Zeroizing;

/// A credential, ready to be put on.
pub(super) struct Auth {
    form: Form,
    marks: Arc<Marks>,
}

enum Form {
    None,
    Header(HeaderName, HeaderValue),
    Query(String, Secret),
    Token(Arc<dyn Tokens>),
}

/// The token for one attempt; none where the credential is always the same.
pub(super) struct Held(Option<(Secret, HeaderValue)>);

impl Auth {
    /// Fails with `config` where the credential cannot be sent as HTTP.
    pub(super) fn new(credential: &Credential) -> Result<Self, Failure> {
        let form = match credential {
            Credential::None => Form::None,
            Credential::Basic { username, password } => basic(username.expose(), password.expose())?,
            Credential::Bearer { token } => {
                authorization(&Zeroizing::new(format!("Bearer {}", token.expose())))?
            }
            Credential::Header { name, value } => custom(name, value.expose())?,
            Credential::Query { name, value } => Form::Query(name.clone(), value.clone()),
            Credential::Token(tokens) => Form::Token(tokens.clone()),
        };
        Ok(Self { form, marks: Arc::new(Marks::new(credential)) })
    }

    /// The header that no guest may set.
    pub(super) fn owned_header(&self) -> Option<&HeaderName> {
        match &self.form {
            Form::Header(name, _) => Some(name),
            Form::Token(_) => Some(&header::AUTHORIZATION),
            Form::None | Form::Query(..) => None,
        }
    }

    /// The query parameter that no guest may set.
    pub(super) fn owned_parameter(&self) -> Option<&str> {
        match &self.form {
            Form::Query(name, _) => Some(name),
            Form::None | Form::Header(..) | Form::Token(_) => None,
        }
    }

    /// Whether there is a credential at all.
    pub(super) fn is_none(&self) -> bool {
        matches!(self.form, Form::None)
    }

    /// The spellings of the credential, to hide them.
    pub(super) fn marks(&self) -> &Arc<Marks> {
        &self.marks
    }

    /// Whether another token can take the place of one that is refused.
    pub(super) fn renews(&self) -> bool {
        matches!(self.form, Form::Token(_))
    }

    /// What the next attempt needs. It may take a request to the provider.
    pub(super) async fn hold(&self) -> Result<Held, Failure> {
        match &self.form {
            Form::Token(tokens) => self.learnt(tokens.current().await?),
            Form::None | Form::Header(..) | Form::Query(..) => Ok(Held(None)),
        }
    }

    /// The same after that one was refused.
    pub(super) async fn hold_another(&self, refused: &Held) -> Result<Held, Failure> {
        match (&self.form, &refused.0) {
            (Form::Token(tokens), Some((token, _))) => self.learnt(tokens.instead_of(token.clone()).await?),
            _ => self.hold().await,
        }
    }

    /// A refusal of a token that was new, with what a person can do.
    pub(super) fn refused(&self, failure: Failure) -> Failure {
        match &self.form {
            Form::Token(tokens) => {
                let message = format!("{}, and so is a new token; {}", failure.message, tokens.way_out());
                Failure::new(Class::Auth, "oauth.token-refused", message)
            }
            Form::None | Form::Header(..) | Form::Query(..) => failure,
        }
    }

    /// From now on the token is hidden like every other credential.
    fn learnt(&self, token: Secret) -> Result<Held, Failure> {
        self.marks.learn(&token);
        let value = sensitive(&Zeroizing::new(format!("Bearer {}", token.expose())))?;
        Ok(Held(Some((token, value))))
    }

    /// Puts the credential on.
    pub(super) fn put_on(&self, permitted: &mut Permitted, held: &Held) {
        match &self.form {
            Form::None => {}
            Form::Token(_) => {
                if let Some((_, value)) = &held.0 {
                    permitted.set_header(header::AUTHORIZATION, value.clone());
                }
            }
            Form::Header(name, value) => permitted.set_header(name.clone(), value.clone()),
            Form::Query(name, value) => permitted.set_parameter(name, value.expose()),
        }
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auth")
            .field("header", &self.owned_header())
            .field("parameter", &self.owned_parameter())
            .finish()
    }
}

fn basic(username: &str, password: &str) -> Result<Form, Failure> {
    if username.contains(':') {
        return Err(unfit("the user of the credential has a ':' in it, which HTTP Basic cannot carry"));
    }
    let pair = Zeroizing::new(format!("{username}:{password}"));
    authorization(&Zeroizing::new(format!("Basic {}", BASE64_STANDARD.encode(pair.as_bytes()))))
}

fn authorization(value: &str) -> Result<Form, Failure> {
    Ok(Form::Header(header::AUTHORIZATION, sensitive(value)?))
}

fn custom(name: &str, value: &str) -> Result<Form, Failure> {
    let parsed = HeaderName::from_bytes(name.as_bytes());
    match parsed.ok().filter(|name| !headers::is_framing(name)) {
        Some(name) => Ok(Form::Header(name, sensitive(value)?)),
        None => Err(unfit(format!("{name:?} cannot be the header that carries the credential"))),
    }
}

fn sensitive(value: &str) -> Result<HeaderValue, Failure> {
    let mut value = HeaderValue::from_str(value).map_err(|_| {
        unfit("the credential has characters that no header can carry: look for line breaks in it")
    })?;
    // Kept out of HPACK's tables, and out of every `Debug`.
    value.set_sensitive(true);
    Ok(value)
}

fn unfit(message: impl Into<String>) -> Failure {
    Failure::new(Class::Config, "auth.credential", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header_of(credential: &Credential) -> (String, String) {
        let auth = Auth::new(credential).expect("fit");
        let Form::Header(name, value) = &auth.form else { panic!("no header") };
        assert!(value.is_sensitive());
        (name.to_string(), value.to_str().expect("ASCII").to_owned())
    }

    #[test]
    fn schemes_make_the_headers_of_their_standards() {
        let basic =
            Credential::Basic { username: Secret::new("Aladdin"), password: Secret::new("open sesame") };
        assert_eq!(header_of(&basic), ("authorization".into(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==".into()));
        let bearer = Credential::Bearer { token: Secret::new("mF_9.B5f-4.1JqM") };
        assert_eq!(header_of(&bearer), ("authorization".into(), "Bearer mF_9.B5f-4.1JqM".into()));
        let header = Credential::Header { name: "X-Api-Key".into(), value: Secret::new("k") };
        assert_eq!(header_of(&header), ("x-api-key".into(), "k".into()));
    }

    #[test]
    fn credential_that_http_cannot_carry_is_a_fault_of_the_settings() {
        for credential in [
            Credential::Basic { username: Secret::new("a:b"), password: Secret::new("c") },
            Credential::Bearer { token: Secret::new("tok\nen") },
            Credential::Header { name: "x y".into(), value: Secret::new("k") },
            Credential::Header { name: "Host".into(), value: Secret::new("k") },
            Credential::Header { name: "Transfer-Encoding".into(), value: Secret::new("k") },
            Credential::Header { name: "x-key".into(), value: Secret::new("a\r\nb: c") },
        ] {
            let failure = Auth::new(&credential).expect_err("unfit");
            assert_eq!((failure.class, failure.code.as_str()), (Class::Config, "auth.credential"));
            assert!(!failure.message.contains("tok"), "{}", failure.message);
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let auth =
            Auth::new(&Credential::Query { name: "key".into(), value: Secret::new("s3cret") }).expect("fit");
        assert!(!format!("{auth:?}").contains("s3cret"));
    }
}
