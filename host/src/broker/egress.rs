//! May it go out? Pure.
//!
//! A request goes to an origin of the channel's scope, below that origin's
//! path, by the operator's rules. Nothing is sent here; but what is sent has
//! been here, because only this file can make a [`Permitted`].

use super::{
    Method,
    draft::{Carry, Draft},
    origin, path,
    rules::Rules,
};
use crate::model::{Class, Failure, Name};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::{collections::BTreeMap, sync::Arc};
use url::{Url, form_urlencoded};

/// The longest URL, query included, in bytes.
const MAX_URL: usize = 32 << 10;

/// The origins of one channel under the operator's rules.
#[derive(Clone, Debug)]
pub(super) struct Egress {
    rules: Arc<Rules>,
    base: Url,
    named: BTreeMap<Name, Url>,
}

/// A request that may go out. Its fields are private and it has no other
/// constructor than [`Egress::permit`]. The credential is put on through its
/// methods, which do not change where it goes.
pub(super) struct Permitted {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Option<Bytes>,
    carry: Carry,
}

/// What the client sends.
pub(super) struct Parts {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Bytes>,
}

// === impl Egress ===

impl Egress {
    /// Fails with `denied` where the rules forbid one of the origins.
    pub(super) fn new(rules: Arc<Rules>, base: Url, named: BTreeMap<Name, Url>) -> Result<Self, Failure> {
        for url in named.values().chain([&base]) {
            rules.check(url)?;
            if url.query().is_some() || url.fragment().is_some() {
                let message =
                    format!("the URL of {} has a query or fragment: leave it out", origin::text(url));
                return Err(denied("egress.origin", message));
            }
        }
        Ok(Self { rules, base, named })
    }

    /// Without asking whether the rules allow the origin: only to read links by.
    pub(super) fn unjudged(rules: Arc<Rules>, base: Url) -> Self {
        Self { rules, base, named: BTreeMap::new() }
    }

    pub(super) fn base(&self) -> &Url {
        &self.base
    }

    /// Whether no origin of the scope is `https`.
    pub(super) fn is_all_plain(&self) -> bool {
        self.origins().all(|url| url.scheme() == "http")
    }

    /// The URL of a path below one of the origins.
    pub(super) fn locate(
        &self,
        name: Option<&str>,
        path: &str,
        query: &[(String, String)],
    ) -> Result<Url, Failure> {
        path::check(path).map_err(|words| {
            let shown: String = path.chars().take(80).collect();
            denied("egress.path", format!("the path {shown:?} {words}"))
        })?;
        if query.iter().any(|(name, value)| name.contains('\0') || value.contains('\0')) {
            return Err(denied("egress.path", "a query parameter has a NUL in it"));
        }
        let mut url = self.origin(name)?.clone();
        let (path, own_query) =
            path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        let path = format!("{}{path}", origin::base_path(&url));
        url.set_path(&path);
        url.set_query(own_query);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        if url.as_str().len() > MAX_URL {
            return Err(denied("egress.path", "the URL with its query is longer than 32 KiB"));
        }
        Ok(url)
    }

    /// The decision, for a first request and for every hop after it.
    pub(super) fn permit(&self, draft: &Draft) -> Result<Permitted, Failure> {
        self.judge(draft)?;
        Ok(Permitted {
            method: draft.method,
            url: draft.url.clone(),
            headers: draft.headers.clone(),
            body: draft.body.clone(),
            carry: draft.carry,
        })
    }

    /// Whether [`Egress::permit`] would permit it.
    pub(super) fn judge(&self, draft: &Draft) -> Result<(), Failure> {
        let url = &draft.url;
        let in_scope = self.origins().any(|origin| covers(origin, url));
        if !in_scope || path::segments(url.path()).is_err() {
            return Err(outside(draft));
        }
        self.rules.check(url)
    }

    /// A link from an answer as a path for a request to the base URL. A parameter
    /// named `owned`, which some remote systems put into their links, is left out.
    pub(super) fn path_of(&self, link: &str, owned: Option<&str>) -> Result<String, Failure> {
        let link = link.trim();
        let url = self.parse_link(link)?;
        if !origin::same(&self.base, &url) || origin::has_user(&url) {
            return Err(link_denied(format!(
                "the link leads to {}, and the channel is set up for {}",
                origin::text(&url),
                origin::text(&self.base)
            )));
        }
        let Some(below) = origin::below(&self.base, &url) else {
            return Err(link_denied(format!("the link leads outside the path of {}", self.base)));
        };
        let query = url.query().map(|query| owned.map_or(query.to_owned(), |owned| without(query, owned)));
        let query =
            query.filter(|query| !query.is_empty()).map(|query| format!("?{query}")).unwrap_or_default();
        let below = if below.is_empty() { "/" } else { below };
        let path = format!("{below}{query}");
        path::check(&path).map_err(|words| link_denied(format!("the link's path {words}")))?;
        Ok(path)
    }

    /// The parser drops line breaks and turns backslashes round, so they are
    /// refused before it sees them.
    fn parse_link(&self, link: &str) -> Result<Url, Failure> {
        if link.chars().any(|c| c.is_ascii_control() || c == '\\') {
            return Err(link_denied("the link has a control character or backslash in it"));
        }
        let parsed = match link.starts_with('/') && !link.starts_with("//") {
            true => self.base.join(link),
            false => Url::parse(link),
        };
        parsed.map_err(|_| link_denied("the link is no URL, and no path that starts with one /"))
    }

    fn origin(&self, name: Option<&str>) -> Result<&Url, Failure> {
        let Some(name) = name else {
            return Ok(&self.base);
        };
        let found = self.named.iter().find(|(known, _)| known.as_str() == name);
        found.map(|(_, url)| url).ok_or_else(|| {
            let shown: String = name.chars().take(64).collect();
            denied("egress.origin", format!("the channel has no origin named {shown:?}"))
        })
    }

    fn origins(&self) -> impl Iterator<Item = &Url> {
        self.named.values().chain([&self.base])
    }
}

// === impl Permitted ===

impl Permitted {
    /// Whether the credential is to be put on.
    pub(super) fn carry(&self) -> Carry {
        self.carry
    }

    /// Scheme, host and port: all of the URL that may be told.
    pub(super) fn origin(&self) -> String {
        origin::text(&self.url)
    }

    /// How many bytes of body go with it.
    pub(super) fn body_length(&self) -> usize {
        self.body.as_ref().map_or(0, Bytes::len)
    }

    /// Sets a header, in place of any other of that name.
    pub(super) fn set_header(&mut self, name: HeaderName, value: HeaderValue) {
        self.headers.insert(name, value);
    }

    /// Sets a query parameter, in place of any other of that name.
    pub(super) fn set_parameter(&mut self, name: &str, value: &str) {
        forget(&mut self.url, name);
        self.url.query_pairs_mut().append_pair(name, value);
    }

    pub(super) fn into_parts(self) -> Parts {
        let Self { method, url, headers, body, carry: _ } = self;
        Parts { method, url, headers, body }
    }
}

/// Takes a query parameter out of a URL.
pub(super) fn forget(url: &mut Url, name: &str) {
    let rest = url.query().map(|query| without(query, name));
    url.set_query(rest.as_deref().filter(|rest| !rest.is_empty()));
}

/// A query without one parameter, the others untouched.
fn without(query: &str, name: &str) -> String {
    let is_other = |pair: &&str| {
        !form_urlencoded::parse(pair.as_bytes()).any(|(found, _)| found.eq_ignore_ascii_case(name))
    };
    query.split('&').filter(is_other).collect::<Vec<_>>().join("&")
}

fn covers(allowed: &Url, url: &Url) -> bool {
    origin::same(allowed, url) && origin::below(allowed, url).is_some() && !origin::has_user(url)
}

fn outside(draft: &Draft) -> Failure {
    let target = origin::text(&draft.url);
    match &draft.via {
        Some(via) => denied(
            "egress.redirect",
            format!(
                "{via} redirects to {target}, outside what the channel is set up for: check the channel's URL"
            ),
        ),
        None => denied("egress.origin", format!("{target} is not what the channel is set up for")),
    }
}

fn link_denied(message: impl Into<String>) -> Failure {
    denied("egress.link", message)
}

fn denied(code: &str, message: impl Into<String>) -> Failure {
    Failure::new(Class::Denied, code, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::{Config, retry::Repeat};

    fn egress(config: &str, base: &str, named: &[(&str, &str)]) -> Result<Egress, Failure> {
        let config: Config = toml::from_str(config).expect("a configuration");
        let url = |text: &str| Url::parse(text).expect(text);
        let named = named.iter().map(|(name, text)| (Name::try_new(*name).expect("a name"), url(text)));
        Egress::new(Arc::new(Rules::new(&config)), url(base), named.collect())
    }

    fn example() -> Egress {
        let named = [("uploads", "https://up.example.com/v1/"), ("odd", "https://api.example.com:8443")];
        egress("", "https://api.example.com/api/", &named).expect("public")
    }

    fn draft(url: &str, via: Option<&str>) -> Draft {
        Draft {
            method: Method::Get,
            url: Url::parse(url).expect(url),
            headers: HeaderMap::new(),
            body: None,
            carry: Carry::Credential,
            via: via.map(str::to_owned),
            repeat: Repeat::Safe,
        }
    }

    #[test]
    fn path_is_put_below_the_url_of_its_origin() {
        #[track_caller]
        fn check(name: Option<&str>, path: &str, query: &[(&str, &str)], expected: &str) {
            let query: Vec<_> =
                query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            let url = example().locate(name, path, &query).expect(path);
            assert_eq!(url.as_str(), expected);
            assert!(example().permit(&draft(url.as_str(), None)).is_ok(), "{url}");
        }
        check(None, "/users.json", &[], "https://api.example.com/api/users.json");
        check(None, "/", &[], "https://api.example.com/api/");
        check(None, "/a?b=c%20d&e", &[], "https://api.example.com/api/a?b=c%20d&e");
        check(
            None,
            "/a",
            &[("page[size]", "100"), ("q", "a b&c")],
            "https://api.example.com/api/a?page%5Bsize%5D=100&q=a+b%26c",
        );
        check(None, "/a?x=1", &[("y", "2")], "https://api.example.com/api/a?x=1&y=2");
        check(None, "/a b/ü", &[], "https://api.example.com/api/a%20b/%C3%BC");
        check(None, "/users/@me", &[], "https://api.example.com/api/users/@me");
        check(None, "/a%2Fb", &[], "https://api.example.com/api/a%2Fb");
        check(None, "/a//b", &[], "https://api.example.com/api/a//b");
        check(None, "/a:b@evil.example", &[], "https://api.example.com/api/a:b@evil.example");
        check(Some("uploads"), "/file", &[], "https://up.example.com/v1/file");
        check(
            Some("odd"),
            "/file",
            &[("n", "line\nbreak")],
            "https://api.example.com:8443/file?n=line%0Abreak",
        );
    }

    #[test]
    fn path_that_could_lead_elsewhere_is_refused() {
        for path in [
            "",
            "x",
            "//evil.example/",
            "https://evil.example/",
            "\\\\evil.example",
            "/../admin",
            "/a%00",
            "/a\r\nb",
            "/a#b",
        ] {
            let failure = example().locate(None, path, &[]).expect_err(path);
            assert_eq!((failure.class, failure.code.as_str()), (Class::Denied, "egress.path"), "{path:?}");
        }
        let nul = [("a".to_owned(), "\0".to_owned())];
        assert_eq!(example().locate(None, "/", &nul).expect_err("NUL").code, "egress.path");
        let long = [("a".to_owned(), "x".repeat(MAX_URL))];
        assert_eq!(example().locate(None, "/", &long).expect_err("long").code, "egress.path");
        assert_eq!(
            example().locate(Some("nowhere"), "/", &[]).expect_err("no such origin").code,
            "egress.origin"
        );
    }

    #[test]
    fn only_the_scope_is_permitted() {
        #[track_caller]
        fn check(url: &str, expected: bool) {
            assert_eq!(example().permit(&draft(url, None)).is_ok(), expected, "{url}");
            if !expected {
                let failure = example().permit(&draft(url, Some("api.example.com"))).err().expect(url);
                assert_eq!(
                    (failure.class, failure.code.as_str()),
                    (Class::Denied, "egress.redirect"),
                    "{url}"
                );
            }
        }
        check("https://api.example.com/api/users", true);
        check("https://API.example.com:443/api", true);
        check("https://up.example.com/v1/x", true);
        check("https://api.example.com:8443/anything", true);
        check("https://api.example.com/admin", false);
        check("https://api.example.com/apix", false);
        check("http://api.example.com/api/users", false);
        check("https://api.example.com:444/api/users", false);
        check("https://api.example.com./api/users", false);
        check("https://example.com/api/users", false);
        check("https://up.example.com/v2", false);
        check("https://evil.example/api/", false);
        check("https://api.example.com.evil.example/api/", false);
        check("https://api.example.com@evil.example/api/", false);
        check("https://user@api.example.com/api/users", false);
        check("https://:pw@api.example.com/api/users", false);
        check("https://api.example.com/api/..%2fadmin", false);
        check("https://api.example.com/api/a%00", false);
        check("http://127.0.0.1/api/", false);
        check("http://169.254.169.254/latest", false);
        check("ftp://api.example.com/api/users", false);
    }

    #[test]
    fn scope_that_the_operator_forbids_makes_no_gateway() {
        #[track_caller]
        fn check(config: &str, base: &str, named: &[(&str, &str)], code: &str) {
            let failure = egress(config, base, named).expect_err(base);
            assert_eq!((failure.class, failure.code.as_str()), (Class::Denied, code), "{}", failure.message);
        }
        check("", "http://example.com", &[], "egress.plain-http");
        check("", "https://127.0.0.1", &[], "egress.address");
        check("", "https://example.com", &[("up", "https://10.0.0.1")], "egress.address");
        check("", "https://example.com", &[("up", "https://u:p@example.com")], "egress.origin");
        check("", "https://example.com/?q", &[], "egress.origin");
        check("", "https://example.com/#f", &[], "egress.origin");
        check("", "https://example.com:25", &[], "egress.port");
        check("allow-origins = ['https://*.example.com']", "https://other.net", &[], "egress.origin");
    }

    #[test]
    fn link_below_the_base_url_becomes_a_path() {
        #[track_caller]
        fn check(link: &str, expected: Result<&str, &str>) {
            let outcome = example().path_of(link, Some("api_key"));
            match (&outcome, expected) {
                (Ok(path), Ok(expected)) => {
                    assert_eq!(path, expected, "{link}");
                    assert!(example().locate(None, path, &[]).is_ok(), "{link}");
                }
                (Err(failure), Err(part)) => {
                    assert_eq!(
                        (failure.class, failure.code.as_str()),
                        (Class::Denied, "egress.link"),
                        "{link}"
                    );
                    assert!(failure.message.contains(part), "{link}: {}", failure.message);
                }
                _ => panic!("{link}: {outcome:?}"),
            }
        }
        check("https://api.example.com/api/users.json?page=2", Ok("/users.json?page=2"));
        check("https://API.example.com:443/api/users.json", Ok("/users.json"));
        check(" https://api.example.com/api/a ", Ok("/a"));
        check("https://api.example.com/api", Ok("/"));
        check("https://api.example.com/api/a?x=%2F&y=a+b#top", Ok("/a?x=%2F&y=a+b"));
        check("https://api.example.com/api/a?api_key=s3cret&page=2", Ok("/a?page=2"));
        check("https://api.example.com/api/a?API%5Fkey=s3cret", Ok("/a"));
        check("/api/a?page=2", Ok("/a?page=2"));
        check("https://api.example.com/api/x/../a", Ok("/a"));
        check("https://api.example.com/admin", Err("outside the path"));
        check("https://api.example.com/api/../admin", Err("outside the path"));
        check("https://api.example.com/api/%2e%2e/admin", Err("outside the path"));
        check("https://api.example.com/api/..%2fadmin", Err("segment"));
        check("https://api.example.com/api//evil", Err("names a host"));
        check("/admin", Err("outside the path"));
        check("http://api.example.com/api/a", Err("http://api.example.com"));
        check("https://api.example.com:8443/api/a", Err("https://api.example.com:8443"));
        check("https://up.example.com/v1/a", Err("https://up.example.com"));
        check("https://evil.example/api/a", Err("https://evil.example"));
        check("https://api.example.com.evil.example/api/a", Err("evil.example"));
        check("https://api.example.com@evil.example/api/a", Err("evil.example"));
        check("https://user:pw@api.example.com/api/a", Err("leads to"));
        check("//evil.example/api/a", Err("no URL"));
        check("\\\\evil.example\\api", Err("backslash"));
        check("https:\\\\api.example.com/api/a", Err("backslash"));
        check("https://api.example.com/api/a\r\nb", Err("control character"));
        check("a?page=2", Err("no URL"));
        check("", Err("no URL"));
        check("javascript:alert(1)", Err("leads to"));
    }

    #[test]
    fn parameter_replaces_others_of_its_name() {
        let draft = draft("https://api.example.com/api/a?key=1&b=2%2F&KEY=3", None);
        let Ok(mut permitted) = example().permit(&draft) else { panic!("it is in scope") };
        permitted.set_parameter("key", "s3 cret");
        assert_eq!(permitted.into_parts().url.query(), Some("b=2%2F&key=s3+cret"));
    }

    proptest::proptest! {
        #[test]
        fn what_is_located_is_permitted_and_comes_back_as_a_path(path in "/[a-zA-Z0-9@:;,.~%/_?=& -]{0,40}") {
            if let Ok(url) = example().locate(None, &path, &[]) {
                proptest::prop_assert!(url.as_str().starts_with("https://api.example.com/api/"));
                proptest::prop_assert!(example().permit(&draft(url.as_str(), None)).is_ok());
                if let Ok(again) = example().path_of(url.as_str(), None) {
                    let same = example().locate(None, &again, &[]).expect("it came from there");
                    proptest::prop_assert_eq!(same.as_str().trim_end_matches('?'), url.as_str().trim_end_matches('?'));
                }
            }
        }
    }
}
