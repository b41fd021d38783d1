//! Where others find the host: the URL of whatever stands in front of it.

use serde::{Deserialize, Serialize};
use std::{fmt, net::SocketAddr, str::FromStr};
use url::{Host, Url};

/// A base URL without a slash at its end: `https`, or `http` on this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicUrl(String);

impl PublicUrl {
    /// The address itself, where nothing stands in front of it.
    #[must_use]
    pub fn of(address: SocketAddr) -> Self {
        Self(format!("http://{address}"))
    }

    /// The URL of a path below it.
    #[must_use]
    pub fn join(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }
}

impl FromStr for PublicUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = |why: &str| format!("'{text}' {why}");
        let url =
            Url::parse(text).map_err(|_| refused("is not a URL such as https://tidegate.example.com"))?;
        let is_plain = url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        match url.scheme() {
            "https" | "http" if !is_plain => {
                Err(refused("has a user, a query or a fragment: leave them out"))
            }
            "https" => Ok(Self(text.trim_end_matches('/').to_owned())),
            "http" if is_here(&url) => Ok(Self(text.trim_end_matches('/').to_owned())),
            _ => Err(refused("is not https, and what comes there would cross the network in the clear")),
        }
    }
}

fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        None => false,
    }
}

impl TryFrom<String> for PublicUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<PublicUrl> for String {
    fn from(url: PublicUrl) -> Self {
        url.0
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_that_keep_secrets_are_taken() {
        for (text, joined) in [
            ("https://tide.example.com", "https://tide.example.com/oauth/callback"),
            ("https://example.com/tide/", "https://example.com/tide/oauth/callback"),
            ("http://localhost:7070", "http://localhost:7070/oauth/callback"),
            ("http://127.0.0.1:7070/", "http://127.0.0.1:7070/oauth/callback"),
        ] {
            assert_eq!(text.parse::<PublicUrl>().expect(text).join("/oauth/callback"), joined);
        }
        for text in [
            "",
            "tide.example.com",
            "http://tide.example.com",
            "https://a@b.example",
            "https://a.example?x",
            "ftp://a.example",
        ] {
            assert!(text.parse::<PublicUrl>().is_err(), "{text}");
        }
    }
}
