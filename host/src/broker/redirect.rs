//! Where a redirect leads. Pure.
//!
//! It makes the next draft by RFC 9110, section 15.4; whether that may go out
//! is decided by `egress`, like any other.

use super::{
    Method,
    draft::{Carry, Draft, IDEMPOTENCY_KEY},
    egress, origin,
};
use crate::model::{Class, Failure};
use http::{HeaderValue, header};

/// The head of an answer, as far as it matters here.
#[derive(Clone, Copy)]
pub(super) struct Answered<'a> {
    pub(super) status: u16,
    pub(super) location: Option<&'a HeaderValue>,
}

/// What to send next; none where the answer is not a redirect that is followed.
/// `owned` is the query parameter that carries the credential.
pub(super) fn next(
    draft: &Draft,
    answered: Answered<'_>,
    owned: Option<&str>,
) -> Result<Option<Draft>, Failure> {
    let Answered { status, location: Some(location) } = answered else {
        return Ok(None);
    };
    if !matches!(status, 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let from = origin::authority(&draft.url);
    let target = std::str::from_utf8(location.as_bytes()).ok().and_then(|text| draft.url.join(text).ok());
    let Some(mut url) = target else {
        let message = format!("{from} redirects (HTTP {status}) to something that is no URL");
        return Err(Failure::new(Class::Denied, "egress.redirect", message));
    };
    url.set_fragment(None);
    let mut following = Draft { url, via: Some(from), ..draft.clone() };
    if turns_into_get(draft.method, status) {
        become_get(&mut following);
    }
    if !origin::same(&draft.url, &following.url) {
        following.carry = Carry::Nothing;
    }
    if let (Carry::Nothing, Some(owned)) = (following.carry, owned) {
        // The remote echoes the parameter when it builds the link from ours.
        egress::forget(&mut following.url, owned);
    }
    Ok(Some(following))
}

/// The failure for a chain of redirects that goes on and on.
pub(super) fn too_many(draft: &Draft, most: u8) -> Failure {
    let host = origin::authority(&draft.url);
    let message =
        format!("{host} redirects more than {most} times (broker.redirects): check the channel's URL");
    Failure::new(Class::Config, "http.redirects", message)
}

/// 303 means it; for 301 and 302 every client does it with `POST`.
fn turns_into_get(method: Method, status: u16) -> bool {
    match status {
        303 => !matches!(method, Method::Get | Method::Head),
        301 | 302 => method == Method::Post,
        _ => false,
    }
}

fn become_get(draft: &mut Draft) {
    draft.method = Method::Get;
    draft.body = None;
    for name in
        [header::CONTENT_TYPE, header::CONTENT_ENCODING, header::CONTENT_LANGUAGE, header::CONTENT_LOCATION]
    {
        draft.headers.remove(name);
    }
    draft.headers.remove(IDEMPOTENCY_KEY);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::retry::Repeat;
    use bytes::Bytes;
    use http::HeaderMap;
    use url::Url;

    fn draft(method: Method) -> Draft {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(IDEMPOTENCY_KEY, HeaderValue::from_static("k"));
        Draft {
            method,
            url: Url::parse("https://api.example.com/v1/a?x=1").expect("a URL"),
            headers,
            body: Some(Bytes::from_static(b"{}")),
            carry: Carry::Credential,
            via: None,
            repeat: Repeat::Unsafe,
        }
    }

    fn follow(draft: &Draft, status: u16, location: &'static str) -> Result<Option<Draft>, Failure> {
        let location = HeaderValue::from_str(location).expect("a header");
        next(draft, Answered { status, location: Some(&location) }, Some("key"))
    }

    #[test]
    fn only_redirects_with_a_location_are_followed() {
        for status in [200, 201, 300, 304, 305, 306, 400, 503] {
            assert!(follow(&draft(Method::Get), status, "/b").expect("fine").is_none(), "{status}");
        }
        let without = Answered { status: 302, location: None };
        assert!(next(&draft(Method::Get), without, None).expect("fine").is_none());
    }

    #[test]
    fn method_and_body_follow_the_status() {
        use Method::{Delete, Get, Head, Options, Patch, Post, Put};
        for (status, method, expected) in [
            (301, Get, Get),
            (301, Head, Head),
            (301, Post, Get),
            (301, Put, Put),
            (301, Delete, Delete),
            (302, Get, Get),
            (302, Head, Head),
            (302, Post, Get),
            (302, Patch, Patch),
            (303, Get, Get),
            (303, Head, Head),
            (303, Post, Get),
            (303, Put, Get),
            (303, Delete, Get),
            (303, Options, Get),
            (307, Post, Post),
            (307, Patch, Patch),
            (307, Get, Get),
            (308, Post, Post),
            (308, Put, Put),
        ] {
            let followed = follow(&draft(method), status, "/b").expect("fine").expect("followed");
            assert_eq!(followed.method, expected, "{status} {method:?}");
            let changed = method != expected;
            assert_eq!(followed.body.is_none(), changed, "{status} {method:?}");
            assert_eq!(followed.headers.contains_key(header::CONTENT_TYPE), !changed, "{status} {method:?}");
            assert_eq!(followed.headers.contains_key(IDEMPOTENCY_KEY), !changed, "{status} {method:?}");
            assert!(followed.headers.contains_key(header::ACCEPT));
        }
    }

    #[test]
    fn location_is_resolved_against_the_url_that_answered() {
        for (location, expected, carry) in [
            ("/b?y", "https://api.example.com/b?y", Carry::Credential),
            ("b", "https://api.example.com/v1/b", Carry::Credential),
            ("?z", "https://api.example.com/v1/a?z", Carry::Credential),
            ("https://API.example.com:443/b#f", "https://api.example.com/b", Carry::Credential),
            ("/b?key=s3cret", "https://api.example.com/b?key=s3cret", Carry::Credential),
            ("http://api.example.com/b", "http://api.example.com/b", Carry::Nothing),
            ("https://api.example.com:8443/b", "https://api.example.com:8443/b", Carry::Nothing),
            ("//other.example/b", "https://other.example/b", Carry::Nothing),
            ("\\\\other.example/b", "https://other.example/b", Carry::Nothing),
            ("https://other.example/b?key=s3cret&c=1", "https://other.example/b?c=1", Carry::Nothing),
            ("https://other.example/b?KEY=s3cret", "https://other.example/b", Carry::Nothing),
        ] {
            let followed = follow(&draft(Method::Get), 302, location).expect("fine").expect("followed");
            assert_eq!((followed.url.as_str(), followed.carry), (expected, carry), "{location}");
            assert_eq!(followed.via.as_deref(), Some("api.example.com"));
        }
    }

    #[test]
    fn dropped_credential_stays_dropped_on_the_way_back() {
        let away =
            follow(&draft(Method::Get), 302, "https://other.example/b").expect("fine").expect("followed");
        let back = follow(&away, 302, "https://api.example.com/v1/a?key=1").expect("fine").expect("followed");
        assert_eq!((back.carry, back.url.as_str()), (Carry::Nothing, "https://api.example.com/v1/a"));
    }

    #[test]
    fn location_that_is_no_url_is_refused() {
        for location in ["https://", "http://[::1", "https://a b/"] {
            assert_eq!(
                follow(&draft(Method::Get), 302, location).expect_err(location).code,
                "egress.redirect"
            );
        }
        let bytes = HeaderValue::from_bytes(b"/\xff").expect("a header");
        let answered = Answered { status: 302, location: Some(&bytes) };
        assert_eq!(next(&draft(Method::Get), answered, None).expect_err("no text").code, "egress.redirect");
    }
}
