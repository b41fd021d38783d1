//! A provider as one channel speaks to it: its manifest's words, filled in.

use crate::model::{AnswerFields, ClientAuth, GrantType, Secret, TokenRequest};
use sha2::{Digest, Sha256};
use std::time::Duration;
use url::Url;

/// A provider, its quirks, and the client that a channel is there. `Debug` shows no secret.
#[derive(Clone, Debug)]
pub struct Provider {
    /// How the host comes to tokens.
    pub grant: GrantType,
    /// Where a person's browser goes.
    pub authorize_url: Option<Url>,
    /// Where tokens come from.
    pub token_url: Url,
    /// Where they are given back.
    pub revoke_url: Option<Url>,
    /// What it names itself.
    pub issuer: Option<String>,
    /// Who the channel is there.
    pub client: Client,
    /// What it asks for.
    pub scopes: Vec<String>,
    /// What stands between two scopes.
    pub scope_separator: String,
    /// Whether the code is bound to the host.
    pub pkce: bool,
    /// Further parameters of the authorization request.
    pub authorize_parameters: Vec<(String, String)>,
    /// Further parameters of requests to the token endpoint.
    pub token_parameters: Vec<(String, Secret)>,
    /// Whom the tokens are for.
    pub audience: Option<String>,
    /// Whom the tokens are for.
    pub resource: Option<String>,
    /// Where the answer holds what.
    pub answer: AnswerFields,
    /// How long an access token holds where the answer does not tell.
    pub expires_default: Option<Duration>,
    /// Whether a refresh token is good for one use.
    pub refresh_rotates: bool,
    /// How parameters are written to the token endpoint.
    pub token_request: TokenRequest,
}

/// A client of a provider.
#[derive(Clone, Debug)]
pub struct Client {
    /// Public.
    pub id: String,
    /// None: a public client.
    pub secret: Option<Secret>,
    /// How it says who it is.
    pub auth: ClientAuth,
}

impl Provider {
    /// A digest of who gives the tokens, to whom, and of `audience`, the base URL that they go
    /// to. Tokens of other settings must neither go to this provider nor to this address.
    #[must_use]
    pub fn digest(&self, audience: &Url) -> String {
        let authorize = self.authorize_url.as_ref().map_or("", Url::as_str);
        let parts = [authorize, self.token_url.as_str(), &self.client.id, audience.as_str()];
        let mut hash = Sha256::new_with_prefix(b"tidegate oauth provider");
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The scopes that are asked for, as one parameter.
    pub(super) fn scope(&self) -> Option<String> {
        (!self.scopes.is_empty()).then(|| self.scopes.join(&self.scope_separator))
    }

    /// What is secret whenever the provider is spoken to.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &Secret> {
        self.client.secret.iter().chain(self.token_parameters.iter().map(|(_, value)| value))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A provider at example.com.
    pub(in crate::broker::oauth) fn example() -> Provider {
        let url = |path| Url::parse(&format!("https://id.example.com{path}")).expect("a URL");
        Provider {
            grant: GrantType::AuthorizationCode,
            authorize_url: Some(url("/authorize")),
            token_url: url("/token"),
            revoke_url: Some(url("/revoke")),
            issuer: None,
            client: Client {
                id: "tide gate".into(),
                secret: Some(Secret::new("s3cret&")),
                auth: ClientAuth::Basic,
            },
            scopes: vec!["read".into(), "write".into()],
            scope_separator: " ".into(),
            pkce: true,
            authorize_parameters: vec![("access_type".into(), "offline".into())],
            token_parameters: Vec::new(),
            audience: None,
            resource: None,
            answer: AnswerFields::default(),
            expires_default: None,
            refresh_rotates: false,
            token_request: TokenRequest::Form,
        }
    }

    #[test]
    fn other_settings_have_another_digest() {
        let audience = Url::parse("https://api.example.com/").expect("a URL");
        let first = example().digest(&audience);
        assert_eq!(example().digest(&audience), first);
        let other = Client { id: "other".into(), ..example().client };
        let elsewhere = Url::parse("https://evil.example.com/").expect("a URL");
        let more = Provider { scopes: vec!["read".into()], ..example() };
        assert_ne!(Provider { client: other, ..example() }.digest(&audience), first);
        assert_ne!(example().digest(&elsewhere), first);
        assert_eq!(more.digest(&audience), first, "an upgrade may ask for more");
    }

    #[test]
    fn debug_shows_no_secret() {
        assert!(!format!("{:?}", example()).contains("s3cret"));
    }
}
