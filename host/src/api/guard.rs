//! Keeps browsers' other pages out: the API has no login, so the only thing
//! between it and a web page is where the request says it comes from.
//!
//! It knows no users and no rights.

use super::Error;
use crate::model::Class;
use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use std::net::IpAddr;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Lets a request in, or answers why not.
pub(super) async fn admit(request: Request, next: Next) -> Response {
    match verdict(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

/// A page that rebinds its name to 127.0.0.1 still sends its own name as `Host`;
/// a page of another site sends its `Origin`, or the browser says `cross-site`.
fn verdict(headers: &HeaderMap) -> Result<(), Error> {
    let host = sole(headers, &header::HOST).filter(|host| is_loopback(host)).ok_or_else(|| {
        let message = "the Host header must name localhost or a loopback address";
        Error::new(Class::Denied, "request.host", message)
    })?;
    let same_origin = match headers.get(header::ORIGIN) {
        None => true,
        Some(_) => sole(headers, &header::ORIGIN)
            .and_then(|origin| origin.strip_prefix("http://"))
            .is_some_and(|origin| origin.eq_ignore_ascii_case(host)),
    };
    let same_site = match headers.get(SEC_FETCH_SITE) {
        None => true,
        Some(site) => site == "same-origin" || site == "none",
    };
    if same_origin && same_site {
        return Ok(());
    }
    Err(Error::new(Class::Denied, "request.origin", "requests from pages of other sites are refused"))
}

/// The value of a header that comes exactly once.
fn sole<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    if values.next().is_some() {
        return None;
    }
    value.to_str().ok()
}

fn is_loopback(host: &str) -> bool {
    let Ok(authority) = host.parse::<axum::http::uri::Authority>() else {
        return false;
    };
    if authority.as_str().contains('@') {
        return false;
    }
    let name = authority.host();
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name.eq_ignore_ascii_case("localhost")
        || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn is_admitted(headers: &[(&'static str, &str)]) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_str(value).expect("a header"));
        }
        verdict(&map).is_ok()
    }

    #[test]
    fn only_loopback_names_are_hosts() {
        for host in
            ["localhost", "LOCALHOST:7070", "127.0.0.1:7070", "127.1.2.3", "[::1]:7070", "localhost:1"]
        {
            assert!(is_admitted(&[("host", host)]), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:7070",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "192.168.0.1:7070",
            "169.254.169.254",
            "0.0.0.0:7070",
            "x@127.0.0.1",
            "",
        ] {
            assert!(!is_admitted(&[("host", host)]), "{host}");
        }
        assert!(!is_admitted(&[]), "no host at all");
        assert!(!is_admitted(&[("host", "localhost"), ("host", "evil.example")]), "two hosts");
    }

    #[test]
    fn only_the_own_origin_is_let_in() {
        let with = |origin| is_admitted(&[("host", "127.0.0.1:7070"), ("origin", origin)]);
        assert!(with("http://127.0.0.1:7070"));
        for origin in [
            "null",
            "http://evil.example",
            "http://127.0.0.1:3000",
            "https://127.0.0.1:7070",
            "http://localhost:7070",
        ] {
            assert!(!with(origin), "{origin}");
        }
    }

    #[test]
    fn what_a_browser_calls_another_site_is_refused() {
        let with = |site| is_admitted(&[("host", "localhost:7070"), ("sec-fetch-site", site)]);
        assert!(with("same-origin") && with("none"));
        assert!(!with("cross-site") && !with("same-site"));
    }
}
