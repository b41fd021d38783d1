//! How a provider of OAuth 2.0 wants to be spoken to, as a plugin declares it.
//!
//! Texts only: they are filled in with a channel's settings elsewhere.

use crate::model::Name;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A provider and its quirks. The URLs and the values of parameters are templates:
/// `{field}` stands for a setting. A URL that begins with `/` is below the channel's
/// base URL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct OAuth2 {
    /// How the host comes to tokens.
    #[serde(default)]
    pub grant: GrantType,
    /// The authorization endpoint, to which a person's browser goes; none with client
    /// credentials.
    #[serde(default)]
    pub authorize_url: Option<String>,
    /// The token endpoint.
    pub token_url: String,
    /// The revocation endpoint (RFC 7009), where there is one.
    #[serde(default)]
    pub revoke_url: Option<String>,
    /// What the provider names itself in the `iss` of its answers (RFC 9207), where it
    /// does so always.
    #[serde(default)]
    pub issuer: Option<String>,
    /// The setting that holds the client id.
    #[serde(default)]
    pub client_id: Option<Name>,
    /// The secret setting that holds the client secret; none for a public client.
    #[serde(default)]
    pub client_secret: Option<Name>,
    /// How the client says who it is at the token endpoint.
    #[serde(default)]
    pub client_auth: ClientAuth,
    /// The scopes to ask for.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// What stands between two scopes.
    #[serde(default = "blank")]
    pub scope_separator: String,
    /// Whether the code is bound to the host by PKCE (RFC 7636, S256).
    #[serde(default = "yes")]
    pub pkce: bool,
    /// Further parameters of the authorization request.
    #[serde(default)]
    pub authorize_parameters: BTreeMap<String, String>,
    /// Further parameters of every request to the token endpoint. They may name secrets.
    #[serde(default)]
    pub token_parameters: BTreeMap<String, String>,
    /// Whom the tokens are for, in the word of some providers.
    #[serde(default)]
    pub audience: Option<String>,
    /// Whom the tokens are for (RFC 8707).
    #[serde(default)]
    pub resource: Option<String>,
    /// Where the answer of the token endpoint holds what.
    #[serde(default)]
    pub answer: AnswerFields,
    /// For how many seconds an access token holds where the answer does not tell.
    #[serde(default)]
    pub expires_default: Option<u64>,
    /// Whether a refresh token is good for one use: an answer without a new one then leaves
    /// the channel with none.
    #[serde(default)]
    pub refresh_rotates: bool,
    /// How parameters are written to the token endpoint.
    #[serde(default)]
    pub token_request: TokenRequest,
}

/// How parameters are written to a token endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenRequest {
    /// As a form, as the standard has it (RFC 6749, 4.1.3).
    #[default]
    Form,
    /// As the members of a JSON object.
    Json,
}

/// How the host comes to tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GrantType {
    /// A person lets it in, once, in a browser (RFC 6749, 4.1).
    #[default]
    AuthorizationCode,
    /// It has credentials of its own (RFC 6749, 4.4).
    ClientCredentials,
}

/// How a client says who it is (RFC 6749, 2.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientAuth {
    /// HTTP Basic.
    #[default]
    Basic,
    /// Parameters of the body.
    Post,
    /// By its id alone: a public client.
    None,
}

/// Where the answer of the token endpoint holds what: the name of a member, or a JSON
/// Pointer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct AnswerFields {
    /// The access token.
    pub access_token: String,
    /// The refresh token.
    pub refresh_token: String,
    /// For how many seconds the access token holds.
    pub expires_in: String,
    /// The scopes that were granted.
    pub scope: String,
}

impl Default for AnswerFields {
    fn default() -> Self {
        Self {
            access_token: "access_token".to_owned(),
            refresh_token: "refresh_token".to_owned(),
            expires_in: "expires_in".to_owned(),
            scope: "scope".to_owned(),
        }
    }
}

fn blank() -> String {
    " ".to_owned()
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Auth, AuthScheme};
    use serde_json::json;

    fn read(document: serde_json::Value) -> OAuth2 {
        let auth: Auth = serde_json::from_value(document).expect("a way to authenticate");
        match auth.scheme {
            AuthScheme::OAuth2(oauth) => *oauth,
            other => panic!("not {other:?}"),
        }
    }

    #[test]
    fn what_is_not_said_is_what_the_standard_says() {
        let plain = read(json!({
            "scheme": "oauth2", "authorize-url": "https://a.test/authorize", "token-url": "/token",
            "client-id": "client-id"
        }));
        assert_eq!((plain.grant, plain.client_auth), (GrantType::AuthorizationCode, ClientAuth::Basic));
        assert_eq!((plain.pkce, plain.scope_separator.as_str()), (true, " "));
        assert_eq!((plain.answer, plain.refresh_rotates), (AnswerFields::default(), false));
        assert_eq!(plain.token_request, TokenRequest::Form);
    }

    #[test]
    fn quirks_are_read() {
        let odd = read(json!({
            "scheme": "oauth2", "applicable-if": {"field": "way", "in": ["oauth"]},
            "grant": "client-credentials", "token-url": "https://a.test/token", "client-auth": "post",
            "client-id": "id", "client-secret": "key", "pkce": false, "scope-separator": ",",
            "token-parameters": {"tenant": "{tenant}"}, "expires-default": 3600,
            "answer": {"access-token": "/authed_user/access_token"}, "refresh-rotates": true,
            "token-request": "json"
        }));
        assert_eq!((odd.grant, odd.client_auth), (GrantType::ClientCredentials, ClientAuth::Post));
        assert_eq!((odd.expires_default, odd.pkce, odd.refresh_rotates), (Some(3600), false, true));
        assert_eq!(odd.answer.access_token, "/authed_user/access_token");
        assert_eq!(odd.answer.expires_in, "expires_in");
        assert_eq!(odd.token_request, TokenRequest::Json);
    }
}
