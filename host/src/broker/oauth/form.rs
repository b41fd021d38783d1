//! What is asked of a token endpoint. Pure.

use super::{Nonce, Provider};
use crate::model::{ClientAuth, Secret};
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

impl Provider {
    /// The body of the request. Wiped when it is dropped.
    pub(super) fn form(&self, asking: Asking<'_>) -> Zeroizing<String> {
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
        self.written(pairs)
    }

    /// The body of a request to give a token back (RFC 7009).
    pub(super) fn revocation(&self, token: &Secret, hint: &str) -> Zeroizing<String> {
        self.written(vec![("token", token.expose()), ("token_type_hint", hint)])
    }

    fn written<'a>(&'a self, mut pairs: Vec<(&'a str, &'a str)>) -> Zeroizing<String> {
        match (self.client.auth, &self.client.secret) {
            (ClientAuth::Basic, Some(_)) => {}
            (ClientAuth::Post, Some(secret)) => {
                pairs.extend([("client_id", self.client.id.as_str()), ("client_secret", secret.expose())]);
            }
            (ClientAuth::None, _) | (_, None) => pairs.push(("client_id", &self.client.id)),
        }
        pairs.extend(self.token_parameters.iter().map(|(name, value)| (name.as_str(), value.expose())));
        Zeroizing::new(form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish())
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
    use super::super::{Client, provider::tests::example};
    use super::*;

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
            assert_eq!(*with(auth).form(asking), expected);
        }
        let (user, password) = with(ClientAuth::Basic).basic().expect("a pair");
        assert_eq!((user.expose(), password.expose()), ("tide+gate", "s3cret%26"));
        assert!(with(ClientAuth::Post).basic().is_none() && with(ClientAuth::None).basic().is_none());
    }
}
