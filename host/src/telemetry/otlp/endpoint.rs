//! Where a collector takes messages.

use serde::{Deserialize, Serialize};
use url::Url;

/// An `http` or `https` URL without user, query and fragment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Endpoint(Url);

impl Endpoint {
    pub(super) fn url(&self) -> &Url {
        &self.0
    }

    /// The URL with a path behind its own.
    pub(super) fn below(&self, path: &str) -> Url {
        let mut url = self.0.clone();
        url.set_path(&format!("{}/{path}", self.0.path().trim_end_matches('/')));
        url
    }
}

impl TryFrom<String> for Endpoint {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let url = Url::parse(&text).ok().filter(|url| {
            matches!(url.scheme(), "http" | "https")
                && url.username().is_empty()
                && url.password().is_none()
                && url.query().is_none()
                && url.fragment().is_none()
        });
        // The text is not shown: somebody may have put a secret into it.
        let advice = "this is not the address of a collector: write it like \"http://127.0.0.1:4318\", \
                      and put secrets into the headers-file";
        url.map(Self).ok_or_else(|| advice.to_owned())
    }
}

impl From<Endpoint> for String {
    fn from(endpoint: Endpoint) -> Self {
        endpoint.0.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_have_paths_below_the_endpoint() {
        let check = |text: &str, expected: Option<&str>| {
            let url = Endpoint::try_from(text.to_owned()).map(|endpoint| endpoint.below("v1/traces"));
            assert_eq!(url.ok().as_ref().map(Url::as_str), expected, "{text}");
        };
        check("http://127.0.0.1:4318", Some("http://127.0.0.1:4318/v1/traces"));
        check("https://otel.example/in/", Some("https://otel.example/in/v1/traces"));
        check("127.0.0.1:4318", None);
        check("ftp://otel.example", None);
        check("http://user:secret@otel.example", None);
        check("http://otel.example/?key=secret", None);
    }
}
