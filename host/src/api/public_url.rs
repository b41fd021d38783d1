//! Where the host is reached from outside.

use serde::{Deserialize, Serialize};
use std::fmt;
use url::Url;

/// An `http` or `https` URL without user, query and fragment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicUrl(Url);

impl PublicUrl {
    /// The text, with a slash at the end where it has no path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl TryFrom<String> for PublicUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let is_plain = |url: &Url| {
            matches!(url.scheme(), "http" | "https")
                && url.has_host()
                && url.username().is_empty()
                && url.password().is_none()
                && url.query().is_none()
                && url.fragment().is_none()
        };
        let url = Url::parse(&text).ok().filter(is_plain);
        url.map(Self)
            .ok_or_else(|| format!("'{text}' is no address: write it like \"https://hooks.example.com\""))
    }
}

impl From<PublicUrl> for String {
    fn from(url: PublicUrl) -> Self {
        url.0.into()
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_addresses_are_taken() {
        let check = |text: &str, good: bool| {
            assert_eq!(PublicUrl::try_from(text.to_owned()).is_ok(), good, "{text}");
        };
        check("https://hooks.example.com", true);
        check("http://10.0.0.7:8080/tidegate/", true);
        for bad in ["hooks.example.com", "ftp://a", "https://u:p@a", "https://a?b", "https://a#b", ""] {
            check(bad, false);
        }
    }
}
