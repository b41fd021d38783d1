//! What is asked of a token endpoint, and how it is written. Pure.

use super::{Nonce, Provider};
use crate::model::{ClientAuth, Secret, TokenRequest};
use serde::Serializer as _;
use url::form_urlencoded;
use zeroize::Zeroizing;

/// What tokens are asked for with.
#[derive(Clone, Copy, Debug)]
pub enum Asking<'a> {
    /// The code that a browser brought.
    Code {
        /// The code.
        code: &'a Secret,
        /// Where the browser was to bring it.
        redirect_uri: &'a str,
        /// What the code is bound to.
        verifier: &'a Nonce,
    },
    /// A refresh token.
    Refresh(&'a Secret),
    /// The client's own credentials.
    Client,
}

/// The body of a request. Wiped when it is dropped.
pub(super) struct Body {
    pub(super) content_type: &'static str,
    pub(super) text: Zeroizing<String>,
}

impl Body {
    fn form(pairs: Vec<(&str, &str)>) -> Self {
        let text = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        Self { content_type: "application/x-www-form-urlencoded", text: Zeroizing::new(text) }
    }

    fn json(pairs: Vec<(&str, &str)>) -> Self {
        let mut bytes = Zeroizing::new(Vec::new());
        let written = serde_json::Serializer::new(&mut *bytes).collect_map(pairs);
        written.expect("texts with texts for keys are JSON");
        let text = Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned());
        Self { content_type: "application/json", text }
    }
}

impl Provider {
    /// The request for tokens.
    pub(super) fn request(&self, asking: Asking<'_>) -> Body {
        let mut pairs: Vec<(&str, &str)> = Vec::new();
        match &asking {
            Asking::Code { code, redirect_uri, verifier } => {
                pairs.extend([("grant_type", "authorization_code"), ("code", code.expose())]);
                pairs.push(("redirect_uri", redirect_uri));
                if self.pkce {
                    pairs.push(("code_verifier", verifier.expose()));
                }
            }
            Asking::Refresh(token) => {
                pairs.extend([("grant_type", "refresh_token"), ("refresh_token", token.expose())]);
            }
            Asking::Client => pairs.push(("grant_type", "client_credentials")),
        }
        // A code and a refresh token stand for their scopes already.
        let scope = self.scope().filter(|_| matches!(asking, Asking::Client));
        pairs.extend(scope.as_deref().map(|scope| ("scope", scope)));
        pairs.extend(self.audience.as_deref().map(|audience| ("audience", audience)));
        pairs.extend(self.resource.as_deref().map(|resource| ("resource", resource)));
        let pairs = self.signed(pairs);
        match self.token_request {
            TokenRequest::Form => Body::form(pairs),
            TokenRequest::Json => Body::json(pairs),
        }
    }

    /// The request to give a token back: a form always (RFC 7009).
    pub(super) fn revocation(&self, token: &Secret, hint: &str) -> Body {
        Body::form(self.signed(vec![("token", token.expose()), ("token_type_hint", hint)]))
    }

    /// With who asks, where that stands in the body, and what the provider wants besides.
    fn signed<'a>(&'a self, mut pairs: Vec<(&'a str, &'a str)>) -> Vec<(&'a str, &'a str)> {
        match (self.client.auth, &self.client.secret) {
            (ClientAuth::Basic, Some(_)) => {}
            (ClientAuth::Post, Some(secret)) => {
                pairs.extend([("client_id", self.client.id.as_str()), ("client_secret", secret.expose())]);
            }
            (ClientAuth::None, _) | (_, None) => pairs.push(("client_id", &self.client.id)),
        }
        pairs.extend(self.token_parameters.iter().map(|(name, value)| (name.as_str(), value.expose())));
        pairs
    }

    /// User and password of HTTP Basic, form-encoded (RFC 6749, 2.3.1).
    pub(super) fn basic(&self) -> Option<(Secret, Secret)> {
        let secret = self.client.secret.as_ref().filter(|_| self.client.auth == ClientAuth::Basic)?;
        let encoded =
            |text: &str| Secret::new(form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>());
        Some((encoded(&self.client.id), encoded(secret.expose())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::oauth::{Client, provider::tests::example};

    const FORM: &str = "application/x-www-form-urlencoded";

    #[test]
    fn forms_are_those_of_the_standard() {
        let (code, verifier, refresh) = (Secret::new("c/d"), Nonce::of("v"), Secret::new("r"));
        let redirect_uri = "http://127.0.0.1:7070/oauth/callback";
        let asking = Asking::Code { code: &code, redirect_uri, verifier: &verifier };
        let with = |auth| Provider { client: Client { auth, ..example().client }, ..example() };
        for (auth, asking, expected) in [
            (
                ClientAuth::Basic,
                asking,
                "grant_type=authorization_code&code=c%2Fd&redirect_uri=http%3A%2F%2F127.0.0.1%3A7070%2Foauth%2Fcallback&code_verifier=v",
            ),
            (
                ClientAuth::Post,
                Asking::Refresh(&refresh),
                "grant_type=refresh_token&refresh_token=r&client_id=tide+gate&client_secret=s3cret%26",
            ),
            (
                ClientAuth::None,
                Asking::Client,
                "grant_type=client_credentials&scope=read+write&client_id=tide+gate",
            ),
        ] {
            let body = with(auth).request(asking);
            assert_eq!((body.content_type, body.text.as_str()), (FORM, expected));
        }
        let (user, password) = with(ClientAuth::Basic).basic().expect("a pair");
        assert_eq!((user.expose(), password.expose()), ("tide+gate", "s3cret%26"));
        assert!(with(ClientAuth::Post).basic().is_none() && with(ClientAuth::None).basic().is_none());
    }

    #[test]
    fn providers_that_want_json_get_it_for_tokens_alone() {
        let client = Client { auth: ClientAuth::Post, ..example().client };
        let odd = Provider { client, token_request: TokenRequest::Json, ..example() };
        let refresh = Secret::new("r\"1");
        let body = odd.request(Asking::Refresh(&refresh));
        let expected = r#"{"grant_type":"refresh_token","refresh_token":"r\"1","client_id":"tide gate","client_secret":"s3cret&"}"#;
        assert_eq!((body.content_type, body.text.as_str()), ("application/json", expected));
        assert_eq!(odd.revocation(&refresh, "refresh_token").content_type, FORM);
    }
}
