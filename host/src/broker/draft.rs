//! A request with its URL and headers, still to be permitted.
//!
//! It holds no credential and grants nothing: `egress` judges it.

use super::{Method, Request, auth::Auth, egress::Egress, headers, meter::Write, retry::Repeat};
use crate::model::{Class, Failure, Size};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use url::Url;

/// What is to be sent.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Bytes>,
    pub(super) carry: Carry,
    /// The host that redirected here.
    pub(super) via: Option<String>,
    pub(super) repeat: Repeat,
}

/// Whether the credential goes with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carry {
    Credential,
    /// A redirect led from one origin to another; no further one brings it back.
    Nothing,
}

/// What a draft is made by.
#[derive(Clone, Copy)]
pub(super) struct Desk<'a> {
    pub(super) egress: &'a Egress,
    pub(super) auth: &'a Auth,
    pub(super) request_bytes: Size,
}

/// The header that makes it safe to repeat a request.
pub(super) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

const USER_AGENT: HeaderValue = HeaderValue::from_static(concat!("tidegate/", env!("CARGO_PKG_VERSION")));
const CODINGS: HeaderValue = HeaderValue::from_static("gzip, br, zstd");
const NO_CODING: HeaderValue = HeaderValue::from_static("identity");

impl Draft {
    /// What it does to what is there.
    pub(super) fn write(&self) -> Write {
        match (self.method.is_safe(), self.repeat) {
            (true, _) => Write::No,
            (false, Repeat::Safe) => Write::Repeatable,
            (false, Repeat::Unsafe) => Write::Once,
        }
    }
}

impl Desk<'_> {
    /// Checks the bounds of a guest's request and finds its URL.
    pub(super) fn draft(self, request: Request) -> Result<Draft, Failure> {
        self.body(&request)?;
        let url = self.egress.locate(request.origin.as_deref(), &request.path, &request.query)?;
        self.parameters(&url)?;
        let mut headers = headers::outgoing(request.headers, self.auth.owned_header())?;
        if let Some(key) = &request.idempotency_key {
            headers.insert(IDEMPOTENCY_KEY, headers::idempotency_key(key)?);
        }
        hosts_own(&mut headers);
        let repeat = match request.method.is_idempotent() || request.idempotency_key.is_some() {
            true => Repeat::Safe,
            false => Repeat::Unsafe,
        };
        let (method, body) = (request.method, request.body);
        Ok(Draft { method, url, headers, body, carry: Carry::Credential, via: None, repeat })
    }

    fn body(self, request: &Request) -> Result<(), Failure> {
        let Some(body) = &request.body else {
            return Ok(());
        };
        if matches!(request.method, Method::Get | Method::Head) {
            let message = format!("a {} request has no body: leave it out", request.method.as_str());
            return Err(Failure::new(Class::Denied, "http.body", message));
        }
        if body.len() as u64 > self.request_bytes.0 {
            let message =
                format!("the request's body is larger than {} (broker.request-bytes)", self.request_bytes);
            return Err(Failure::new(Class::Limit, "limit.request-bytes", message));
        }
        Ok(())
    }

    fn parameters(self, url: &Url) -> Result<(), Failure> {
        let Some(owned) = self.auth.owned_parameter() else {
            return Ok(());
        };
        if url.query_pairs().any(|(name, _)| name.eq_ignore_ascii_case(owned)) {
            let message = format!("the query parameter '{owned}' carries the credential: the host sets it");
            return Err(Failure::new(Class::Denied, "http.query", message));
        }
        Ok(())
    }
}

fn hosts_own(headers: &mut HeaderMap) {
    // Ranges of a compressed body are of no use to anybody.
    let codings = if headers.contains_key(header::RANGE) { NO_CODING } else { CODINGS };
    headers.insert(header::ACCEPT_ENCODING, codings);
    headers.entry(header::USER_AGENT).or_insert(USER_AGENT);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::{Config, Credential, rules::Rules};
    use crate::model::Secret;
    use std::{collections::BTreeMap, sync::Arc};

    fn request(method: Method) -> Request {
        Request {
            method,
            origin: None,
            path: "/x".into(),
            query: Vec::new(),
            headers: Vec::new(),
            body: None,
            idempotency_key: None,
            timeout: None,
        }
    }

    fn draft(credential: &Credential, request: Request) -> Result<Draft, Failure> {
        let rules = Arc::new(Rules::new(&Config::default()));
        let base = Url::parse("https://api.example.com").expect("a URL");
        let egress = Egress::new(rules, base, BTreeMap::new()).expect("public");
        let auth = Auth::new(credential).expect("fit");
        Desk { egress: &egress, auth: &auth, request_bytes: Size(10) }.draft(request)
    }

    #[test]
    fn host_adds_its_own_headers() {
        let plain = draft(&Credential::None, request(Method::Get)).expect("harmless");
        assert_eq!(plain.headers[header::ACCEPT_ENCODING], "gzip, br, zstd");
        assert!(plain.headers[header::USER_AGENT].to_str().expect("ASCII").starts_with("tidegate/"));
        let headers = vec![("Range".into(), "bytes=0-9".into()), ("User-Agent".into(), "acme/1".into())];
        let ranged = draft(&Credential::None, Request { headers, ..request(Method::Get) }).expect("harmless");
        assert_eq!(ranged.headers[header::ACCEPT_ENCODING], "identity");
        assert_eq!(ranged.headers[header::USER_AGENT], "acme/1");
    }

    #[test]
    fn repeating_is_safe_for_idempotent_methods_and_with_a_key() {
        for (method, key, repeat) in [
            (Method::Get, None, Repeat::Safe),
            (Method::Head, None, Repeat::Safe),
            (Method::Options, None, Repeat::Safe),
            (Method::Put, None, Repeat::Safe),
            (Method::Delete, None, Repeat::Safe),
            (Method::Post, None, Repeat::Unsafe),
            (Method::Patch, None, Repeat::Unsafe),
            (Method::Post, Some("k"), Repeat::Safe),
            (Method::Patch, Some("k"), Repeat::Safe),
        ] {
            let idempotency_key = key.map(str::to_owned);
            let draft =
                draft(&Credential::None, Request { idempotency_key, ..request(method) }).expect("harmless");
            assert_eq!(draft.repeat, repeat, "{method:?} {key:?}");
            assert_eq!(draft.headers.get(IDEMPOTENCY_KEY).is_some(), key.is_some());
        }
    }

    #[test]
    fn body_is_bounded_and_only_where_it_has_a_meaning() {
        let with = |method, size| {
            let body = Some(Bytes::from(vec![0; size]));
            draft(&Credential::None, Request { body, ..request(method) })
                .map(drop)
                .map_err(|failure| failure.code)
        };
        assert_eq!(with(Method::Post, 10), Ok(()));
        assert_eq!(with(Method::Delete, 10), Ok(()));
        assert_eq!(with(Method::Post, 11), Err("limit.request-bytes".into()));
        assert_eq!(with(Method::Get, 1), Err("http.body".into()));
        assert_eq!(with(Method::Head, 1), Err("http.body".into()));
    }

    #[test]
    fn parameter_of_the_credential_is_refused_wherever_it_stands() {
        let credential = Credential::Query { name: "api_key".into(), value: Secret::new("s3cret") };
        for (path, query, refused) in [
            ("/x", vec![], false),
            ("/x?api_keys=1", vec![], false),
            ("/x?api_key=1", vec![], true),
            ("/x?a=1&api%5Fkey=1", vec![], true),
            ("/x?API_KEY=1", vec![], true),
            ("/x", vec![("api_key".to_owned(), "1".to_owned())], true),
        ] {
            let request = Request { path: path.into(), query, ..request(Method::Get) };
            let outcome = draft(&credential, request);
            assert_eq!(outcome.is_err_and(|failure| failure.code == "http.query"), refused, "{path}");
        }
    }
}
