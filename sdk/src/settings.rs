//! What the operator filled in.

use crate::{Error, json};
use serde::Deserialize;

/// A channel's settings by the transport's form, defaults filled in. A field of
/// the kind `secret` holds `true` where a secret is set, never its value.
///
/// Read it into a struct of one's own: optional fields as `Option`, secrets as
/// `bool` with `#[serde(default)]`.
///
/// ```
/// #[derive(serde::Deserialize)]
/// #[serde(rename_all = "kebab-case")]
/// struct Mine {
///     url: Option<String>,
///     #[serde(default)]
///     api_token: bool,
/// }
/// let settings = tidegate_sdk::Settings::from_bytes(br#"{"api-token": true}"#.to_vec());
/// let mine: Mine = settings.read().unwrap();
/// assert!(mine.url.is_none() && mine.api_token);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings(Vec<u8>);

impl Settings {
    /// Settings as a JSON object.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The JSON object's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Reads them as the author's type. Borrowed parts point into the settings.
    ///
    /// # Errors
    /// `config`: the form allows what the type does not.
    pub fn read<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Error> {
        json::read(&self.0).map_err(|error| {
            Error::config("settings", format!("the settings are not as the plugin needs them: {error}"))
        })
    }
}
