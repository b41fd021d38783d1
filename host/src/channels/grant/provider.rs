//! The provider of a channel: its plugin's words, filled in with settings and opened secrets.

use super::Party;
use crate::{
    broker::{OAuthClient, Provider},
    catalog::Template,
    channels::address,
    model::{Class, ClientAuth, Failure, FieldError, FieldKind, GrantType, Name, OAuth2, Secret, Transport},
};
use std::{collections::BTreeMap, time::Duration};
use url::Url;

/// What templates of credentials are filled in with.
pub(in crate::channels) struct Filling<'a> {
    pub(in crate::channels) transport: &'a Transport,
    /// The settings as texts.
    pub(in crate::channels) texts: BTreeMap<&'a str, String>,
    pub(in crate::channels) secrets: &'a BTreeMap<String, Secret>,
}

impl Filling<'_> {
    /// # Errors
    /// `config`, for a field that has no value.
    pub(in crate::channels) fn fill(&self, template: &str) -> Result<Secret, Failure> {
        let filled = parse(template).fill(|name| self.value(name));
        filled.map(|text| Secret::new(text.as_str())).map_err(|name| missing(&name))
    }

    /// The settings have `true` in the place of a secret: that must never go out as one.
    fn value(&self, name: &Name) -> Option<&str> {
        match self.is_secret(name) {
            true => self.secrets.get(name.as_str()).map(Secret::expose),
            false => self.texts.get(name.as_str()).map(String::as_str),
        }
    }

    fn is_secret(&self, name: &Name) -> bool {
        self.transport.form.iter().any(|field| field.name == *name && field.kind == FieldKind::Secret)
    }

    fn setting(&self, name: &Name) -> Result<String, Failure> {
        self.value(name).map(str::to_owned).ok_or_else(|| missing(name))
    }

    fn plain(&self, template: &str) -> Result<String, Failure> {
        Ok(self.fill(template)?.expose().to_owned())
    }
}

/// The provider of a channel whose base URL is `base`.
///
/// # Errors
/// `config`: a value is missing or does not fit an address, or the plugin does not say who the
/// client is.
pub(in crate::channels) fn provider(
    declared: &OAuth2,
    filling: &Filling<'_>,
    base: &Url,
) -> Result<Party, Failure> {
    let endpoint =
        |text: &String| address::endpoint(text, &filling.texts, base).map_err(|faults| unfit(&faults));
    let pairs = |parameters: &BTreeMap<String, String>| -> Result<Vec<(String, Secret)>, Failure> {
        parameters.iter().map(|(name, text)| Ok((name.clone(), filling.fill(text)?))).collect()
    };
    let shown = pairs(&declared.authorize_parameters)?;
    let optional = |text: &Option<String>| text.as_ref().map(|text| filling.plain(text)).transpose();
    let provider = Provider {
        grant: declared.grant,
        authorize_url: match declared.grant {
            GrantType::AuthorizationCode => declared.authorize_url.as_ref().map(endpoint).transpose()?,
            GrantType::ClientCredentials => None,
        },
        token_url: endpoint(&declared.token_url)?,
        revoke_url: declared.revoke_url.as_ref().map(endpoint).transpose()?,
        issuer: optional(&declared.issuer)?,
        client: client(declared, filling)?,
        scopes: declared.scopes.clone(),
        scope_separator: declared.scope_separator.clone(),
        pkce: declared.pkce,
        authorize_parameters: shown
            .into_iter()
            .map(|(name, value)| (name, value.expose().to_owned()))
            .collect(),
        token_parameters: pairs(&declared.token_parameters)?,
        audience: optional(&declared.audience)?,
        resource: optional(&declared.resource)?,
        answer: declared.answer.clone(),
        expires_default: declared.expires_default.map(Duration::from_secs),
        refresh_rotates: declared.refresh_rotates,
        token_request: declared.token_request,
    };
    let digest = provider.digest(base);
    Ok(Party { provider, digest })
}

fn client(declared: &OAuth2, filling: &Filling<'_>) -> Result<OAuthClient, Failure> {
    let Some(id) = &declared.client_id else {
        let message = "the plugin does not say which setting holds the OAuth client id: \
             take a newer version of it, or choose another way to sign in";
        return Err(config("oauth.client", message));
    };
    let secret = match (&declared.client_secret, declared.client_auth) {
        (None, _) | (_, ClientAuth::None) => None,
        (Some(name), _) => Some(Secret::new(filling.setting(name)?)),
    };
    Ok(OAuthClient { id: filling.setting(id)?, secret, auth: declared.client_auth })
}

fn parse(template: &str) -> Template {
    Template::parse(template).expect("the catalog takes up only plugins whose templates parse")
}

fn missing(name: &Name) -> Failure {
    config("auth.missing", format!("'{name}' has no value, and authentication needs it: edit the channel"))
}

fn unfit(faults: &[FieldError]) -> Failure {
    let told: Vec<_> = faults
        .iter()
        .map(|fault| format!("{} {}", fault.field.trim_start_matches('/'), fault.message))
        .collect();
    config("oauth.address", format!("the provider's address is not known: {}", told.join("; ")))
        .with_fields(faults.to_vec())
}

fn config(code: &str, message: impl Into<String>) -> Failure {
    Failure::new(Class::Config, code, message)
}
