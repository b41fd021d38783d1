//! Origins: how they are written, compared and matched.
//!
//! An origin is scheme, host and port. Nothing here decides what is allowed.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use url::Url;

/// An entry of `allow-origins`: `https://example.com`, `https://example.com:8443`,
/// or `https://*.example.com` for every host below `example.com`. Without a
/// port it means the usual one of the scheme.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OriginPattern {
    /// Scheme, host and port; the host without `*.`.
    origin: Url,
    hosts: Hosts,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hosts {
    /// The host itself.
    Exact,
    /// Every host below it, at any depth, but not the host itself.
    Below,
}

/// A text that is no origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' is not an origin: write it like \"https://example.com\", \"https://example.com:8443\" or \"https://*.example.com\""
)]
pub struct PatternError(String);

impl OriginPattern {
    /// Whether the URL's origin is one that the pattern means.
    #[must_use]
    pub fn matches(&self, url: &Url) -> bool {
        let (Some(host), Some(own)) = (url.host_str(), self.origin.host_str()) else {
            return false;
        };
        let same_host = match self.hosts {
            Hosts::Exact => host == own,
            Hosts::Below => host.strip_suffix(own).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
        };
        same_host
            && url.scheme() == self.origin.scheme()
            && url.port_or_known_default() == self.origin.port_or_known_default()
    }
}

impl FromStr for OriginPattern {
    type Err = PatternError;
    fn from_str(text: &str) -> Result<Self, PatternError> {
        let error = || PatternError(text.to_owned());
        let (scheme, rest) = text.split_once("://").ok_or_else(error)?;
        let (hosts, rest) = match rest.strip_prefix("*.") {
            Some(rest) => (Hosts::Below, rest),
            None => (Hosts::Exact, rest),
        };
        let odd = |c: char| c.is_whitespace() || c.is_control() || "/\\@?#*".contains(c);
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if !matches!(scheme, "http" | "https") || rest.is_empty() || rest.contains(odd) {
            return Err(error());
        }
        let origin = Url::parse(&format!("{scheme}://{rest}")).map_err(|_| error())?;
        if hosts == Hosts::Below && origin.domain().is_none() {
            return Err(error());
        }
        Ok(Self { origin, hosts })
    }
}

impl fmt::Display for OriginPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let star = match self.hosts {
            Hosts::Exact => "",
            Hosts::Below => "*.",
        };
        write!(f, "{}://{star}{}", self.origin.scheme(), authority(&self.origin))
    }
}

impl TryFrom<String> for OriginPattern {
    type Error = PatternError;
    fn try_from(text: String) -> Result<Self, PatternError> {
        text.parse()
    }
}

impl From<OriginPattern> for String {
    fn from(pattern: OriginPattern) -> Self {
        pattern.to_string()
    }
}

/// Whether two URLs have the same scheme, host and port.
pub(super) fn same(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme()
        && one.host() == other.host()
        && one.port_or_known_default() == other.port_or_known_default()
}

/// Whether a user or password stands before the host.
pub(super) fn has_user(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

/// The origin as people write it; nothing of the URL's path, query or user.
pub(super) fn text(url: &Url) -> String {
    format!("{}://{}", url.scheme(), authority(url))
}

/// Host, and port where it is not the usual one.
pub(super) fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// The URL's path without the `/` at its end: what the paths of requests are
/// put behind.
pub(super) fn base_path(url: &Url) -> &str {
    url.path().trim_end_matches('/')
}

/// The part of `url`'s path below the path of `base`: empty, or starting with
/// `/`. None where it is not below.
pub(super) fn below<'a>(base: &Url, url: &'a Url) -> Option<&'a str> {
    let rest = url.path().strip_prefix(base_path(base))?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pattern_means_the_origins_that_it_says() {
        #[track_caller]
        fn check(pattern: &str, url: &str, expected: bool) {
            let pattern: OriginPattern = pattern.parse().expect("a pattern");
            let url = Url::parse(url).expect("a URL");
            assert_eq!(pattern.matches(&url), expected, "{pattern} {url}");
        }
        check("https://example.com", "https://example.com/any/path?q", true);
        check("https://example.com", "https://EXAMPLE.com", true);
        check("https://EXAMPLE.com/", "https://example.com:443", true);
        check("https://example.com", "http://example.com", false);
        check("https://example.com", "https://example.com:8443", false);
        check("https://example.com", "https://a.example.com", false);
        check("https://example.com", "https://example.com.", false);
        check("https://example.com:8443", "https://example.com:8443", true);
        check("https://example.com:8443", "https://example.com", false);
        check("https://*.example.com", "https://a.example.com", true);
        check("https://*.example.com", "https://a.b.example.com", true);
        check("https://*.example.com", "https://example.com", false);
        check("https://*.example.com", "https://badexample.com", false);
        check("https://*.example.com", "https://example.com.evil.net", false);
        check("https://*.example.com", "https://a.example.com:444", false);
        check("https://*.bücher.example", "https://a.xn--bcher-kva.example", true);
        check("http://127.0.0.1:8080", "http://127.0.0.1:8080", true);
        check("http://[::1]:8080", "http://[0:0:0::1]:8080", true);
        check("https://1.2.3.4", "https://0x01020304", true);
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        for text in [
            "",
            "example.com",
            "*",
            "https://",
            "https://*",
            "https://*.",
            "ftp://example.com",
            "https://a.*.com",
            "https://example.com/path",
            "https://user@example.com",
            "https://example.com?q",
            "https://example.com#f",
            "https://exa mple.com",
            "https://*.1.2.3.4",
            "https://*.*.example.com",
            "https://example.com:99999",
            "https:\\\\example.com",
            "HTTPS//example.com",
        ] {
            assert!(text.parse::<OriginPattern>().is_err(), "{text}");
        }
    }

    #[test]
    fn pattern_is_written_as_it_is_read() {
        for text in ["https://*.example.com", "https://example.com:8443", "http://[::1]"] {
            assert_eq!(text.parse::<OriginPattern>().expect(text).to_string(), text);
        }
    }

    #[test]
    fn path_below_a_base_ends_at_a_segment() {
        #[track_caller]
        fn check(base: &str, url: &str, expected: Option<&str>) {
            let (base, url) = (Url::parse(base).expect("a URL"), Url::parse(url).expect("a URL"));
            assert_eq!(below(&base, &url), expected, "{base} {url}");
        }
        check("https://a", "https://a/x/y", Some("/x/y"));
        check("https://a/", "https://a/", Some("/"));
        check("https://a/api", "https://a/api/x", Some("/x"));
        check("https://a/api/", "https://a/api", Some(""));
        check("https://a/api", "https://a/apix", None);
        check("https://a/api", "https://a/", None);
        check("https://a/api", "https://a/api/../x", None);
    }
}
