//! Which headers pass, in either direction.
//!
//! Pure. A guest's header that is not its business is refused, never quietly
//! replaced; a remote's header that is not the guest's business is left out.

use super::marks::Marks;
use crate::model::{Class, Failure, Size};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};

/// The most headers of a request.
const MAX_COUNT: usize = 100;
/// The most bytes of names and values of a request's headers together.
const MAX_BYTES: usize = 32 << 10;
/// The most bytes of names and values of a response's headers together.
pub(super) const MAX_RESPONSE_BYTES: usize = 64 << 10;

/// Headers that belong to the connection, the host or the credential.
const FORBIDDEN: [&str; 28] = [
    "accept-encoding",
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "cookie2",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "idempotency-key",
    "keep-alive",
    "proxy",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-forwarded",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-url",
    "x-real-ip",
    "x-rewrite-url",
    "true-client-ip",
];
const FORBIDDEN_PREFIXES: [&str; 3] = ["proxy-", "sec-", "x-forwarded-"];

/// Headers that decide where a message ends or goes; not even a credential may
/// have their names.
const FRAMING: [&str; 8] =
    ["connection", "content-length", "expect", "host", "te", "trailer", "transfer-encoding", "upgrade"];

/// Headers of a response that a guest does not get: cookies are the host's,
/// the rest is between two hops.
const WITHHELD: [HeaderName; 10] = [
    header::SET_COOKIE,
    HeaderName::from_static("set-cookie2"),
    header::AUTHORIZATION,
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::TRANSFER_ENCODING,
    header::TRAILER,
    header::UPGRADE,
];

/// A guest's headers, checked. `owned` is the name that the credential has.
pub(super) fn outgoing(
    headers: Vec<(String, Bytes)>,
    owned: Option<&HeaderName>,
) -> Result<HeaderMap, Failure> {
    let bytes: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    if headers.len() > MAX_COUNT || bytes > MAX_BYTES {
        return Err(denied(format!(
            "the request has more than {MAX_COUNT} headers, or more than 32 KiB of them"
        )));
    }
    let mut checked = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let (name, value) = pair(&name, value, owned)?;
        // The count is bounded above, far below what makes a map fail.
        checked.try_append(name, value).map_err(|_| denied("the request has too many headers"))?;
    }
    Ok(checked)
}

fn pair(name: &str, value: Bytes, owned: Option<&HeaderName>) -> Result<(HeaderName, HeaderValue), Failure> {
    let shown: String = name.chars().take(64).collect();
    let Ok(parsed) = HeaderName::from_bytes(name.as_bytes()) else {
        return Err(denied(format!("{shown:?} is not the name of a header")));
    };
    if owned == Some(&parsed) {
        return Err(denied(format!("the header '{shown}' carries the credential: the host sets it")));
    }
    if is_forbidden(parsed.as_str()) {
        return Err(denied(format!("a plugin may not set the header '{shown}'")));
    }
    let value = HeaderValue::from_maybe_shared(value).map_err(|_| {
        denied(format!("the value of the header '{shown}' has characters that no header can carry"))
    })?;
    Ok((parsed, value))
}

fn is_forbidden(name: &str) -> bool {
    FORBIDDEN.contains(&name) || FORBIDDEN_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Whether a credential may not have this name.
pub(super) fn is_framing(name: &HeaderName) -> bool {
    FRAMING.contains(&name.as_str())
}

/// The value of `Idempotency-Key`.
pub(super) fn idempotency_key(key: &str) -> Result<HeaderValue, Failure> {
    let fits = (1..=255).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    let value = HeaderValue::from_str(key).ok().filter(|_| fits);
    value.ok_or_else(|| {
        let message = "the idempotency key is not 1 to 255 visible ASCII characters";
        Failure::new(Class::Denied, "http.idempotency-key", message)
    })
}

/// What a response's headers say about its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Description {
    /// How it is handed over.
    True,
    /// What it was before it was decompressed.
    Outdated,
}

/// A response's headers for the guest.
pub(super) fn incoming(
    headers: &HeaderMap,
    description: Description,
    marks: &Marks,
) -> Result<Vec<(String, Bytes)>, Failure> {
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if bytes > MAX_RESPONSE_BYTES {
        return Err(too_large());
    }
    let removed = |name: &HeaderName| {
        description == Description::Outdated
            && (name == header::CONTENT_LENGTH || name == header::CONTENT_ENCODING)
    };
    let kept = headers.iter().filter(|(name, value)| {
        !WITHHELD.contains(name) && !removed(name) && !marks.shows_in(value.as_bytes())
    });
    Ok(kept
        .map(|(name, value)| (name.as_str().to_owned(), Bytes::copy_from_slice(value.as_bytes())))
        .collect())
}

/// The failure for a response whose head is beyond the bounds.
pub(super) fn too_large() -> Failure {
    let message = format!(
        "the answer has more headers than the host takes (100, or {})",
        Size(MAX_RESPONSE_BYTES as u64)
    );
    Failure::new(Class::Limit, "limit.response-headers", message)
}

fn denied(message: impl Into<String>) -> Failure {
    Failure::new(Class::Denied, "http.header", message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{broker::Credential, model::Secret};

    fn one(name: &str, value: &'static [u8]) -> Result<HeaderMap, Failure> {
        outgoing(
            vec![(name.to_owned(), Bytes::from_static(value))],
            Some(&HeaderName::from_static("x-api-key")),
        )
    }

    #[test]
    fn headers_that_are_not_the_guests_business_are_refused() {
        for name in [
            "Host",
            "HOST",
            "connection",
            "TE",
            "Transfer-Encoding",
            "Content-Length",
            "Upgrade",
            "Expect",
            "Trailer",
            "Proxy-Authorization",
            "proxy-connection",
            "Proxy-Anything",
            "Forwarded",
            "X-Forwarded-For",
            "X-Forwarded-Host",
            "Cookie",
            "Cookie2",
            "Authorization",
            "aUTHORIZATION",
            "X-Api-Key",
            "x-api-key",
            "Accept-Encoding",
            "Idempotency-Key",
            "Keep-Alive",
            "Via",
            "Sec-Fetch-Site",
            "X-HTTP-Method-Override",
            "X-Original-URL",
            "X-Real-IP",
        ] {
            let failure = one(name, b"x").expect_err(name);
            assert_eq!((failure.class, failure.code.as_str()), (Class::Denied, "http.header"), "{name}");
            assert!(failure.message.contains(name), "{}", failure.message);
        }
    }

    #[test]
    fn what_is_no_header_is_refused() {
        for (name, value) in [
            ("", b"x".as_slice()),
            ("a b", b"x"),
            (":authority", b"x"),
            ("a\r\nhost", b"x"),
            ("ü", b"x"),
            ("x-a", b"a\r\nhost: evil"),
            ("x-a", b"a\nb"),
            ("x-a", b"a\0b"),
            ("x-a", b"\x7f"),
        ] {
            assert_eq!(one(name, value).expect_err(name).code, "http.header", "{name:?}");
        }
    }

    #[test]
    fn other_headers_pass_as_they_are() {
        let headers = [
            ("Accept", "a"),
            ("X-Many", "1"),
            ("x-many", "2"),
            ("If-None-Match", "\"x\""),
            ("User-Agent", "me"),
        ];
        let list =
            headers.iter().map(|(name, value)| ((*name).to_owned(), Bytes::from_static(value.as_bytes())));
        let passed = outgoing(list.collect(), None).expect("harmless");
        assert_eq!(passed.get_all("x-many").iter().collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(passed.len(), headers.len());
    }

    #[test]
    fn count_and_bytes_are_bounded() {
        let many = |count: usize, size: usize| {
            let value = Bytes::from(vec![b'v'; size]);
            outgoing((0..count).map(|n| (format!("x-{n}"), value.clone())).collect(), None)
        };
        assert!(many(100, 10).is_ok());
        assert_eq!(many(101, 10).expect_err("too many").code, "http.header");
        assert_eq!(many(1, MAX_BYTES).expect_err("too large").code, "http.header");
        assert!(many(1, MAX_BYTES - 3).is_ok());
        assert_eq!(many(100_000, 0).expect_err("far too many").code, "http.header");
    }

    #[test]
    fn idempotency_key_is_visible_ascii() {
        for key in ["a", "0b6c1b6e-4a7c-4c9f-9d57-2f1a3f2a9a01", &"k".repeat(255)] {
            assert!(idempotency_key(key).is_ok(), "{key}");
        }
        for key in ["", "a b", "ü", "a\n", &"k".repeat(256)] {
            assert_eq!(idempotency_key(key).expect_err(key).code, "http.idempotency-key");
        }
    }

    #[test]
    fn response_loses_cookies_and_echoes_of_the_credential() {
        let marks = Marks::new(&Credential::Bearer { token: Secret::new("s3cret") });
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("content-type", "application/json"),
            ("set-cookie", "session=1"),
            ("set-cookie", "other=2"),
            ("set-cookie2", "x"),
            ("x-echo", "Bearer s3cret"),
            ("location", "https://example.com/?token=s3cret"),
            ("connection", "keep-alive"),
            ("transfer-encoding", "chunked"),
            ("content-encoding", "gzip"),
            ("content-length", "5"),
            ("x-many", "1"),
            ("x-many", "2"),
        ] {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let names = |description| -> Vec<String> {
            incoming(&headers, description, &marks)
                .expect("small")
                .into_iter()
                .map(|(name, _)| name)
                .collect()
        };
        assert_eq!(names(Description::Outdated), ["content-type", "x-many", "x-many"]);
        assert_eq!(
            names(Description::True),
            ["content-type", "content-encoding", "content-length", "x-many", "x-many"]
        );
    }

    #[test]
    fn response_with_too_large_a_head_is_a_limit() {
        let mut headers = HeaderMap::new();
        headers.insert("x-big", HeaderValue::from_bytes(&vec![b'v'; MAX_RESPONSE_BYTES]).expect("plain"));
        let failure =
            incoming(&headers, Description::True, &Marks::new(&Credential::None)).expect_err("too large");
        assert_eq!((failure.class, failure.code.as_str()), (Class::Limit, "limit.response-headers"));
    }
}
