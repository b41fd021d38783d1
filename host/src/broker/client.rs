//! The only file that opens connections to remote systems. Beside it only the way
//! to the operator's own collector names reqwest.
//!
//! It sends what was permitted and says how that broke. It follows no redirect,
//! decompresses nothing, repeats nothing, asks no proxy and keeps no cookie.

use super::{
    Method,
    egress::{Parts, Permitted},
    headers,
    resolver::{Resolver, Unresolved},
};
use crate::model::{Class, Failure};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream::BoxStream};
use http::HeaderMap;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::{error::Error as StdError, io, sync::Arc, time::Duration};

/// One gateway's connections.
pub(super) struct Client {
    http: reqwest::Client,
    connect_timeout: Duration,
    read_timeout: Duration,
}

/// What a client is made of.
pub(super) struct Setup {
    pub(super) resolver: Resolver,
    pub(super) tls: rustls::ClientConfig,
    pub(super) connect_timeout: Duration,
    pub(super) read_timeout: Duration,
    /// Connections to one origin that are kept open while nothing is sent.
    pub(super) idle: usize,
}

/// An answer whose body is still to come.
pub(super) struct Head {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    /// Of the body, where the remote says so.
    pub(super) length: Option<u64>,
    pub(super) wire: Wire,
}

/// A body as it comes over the wire.
pub(super) type Wire = BoxStream<'static, Result<Bytes, Error>>;

/// How an exchange broke. The texts hold no URL and no header.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The resolver's refusal.
    #[error(transparent)]
    Denied(Failure),
    /// More came than may come.
    #[error(transparent)]
    Limit(Failure),
    #[error("name not found: {0}")]
    Name(String),
    #[error("not connected: {0}")]
    Connect(String),
    #[error("not connected within {0:?}")]
    ConnectTimeout(Duration),
    #[error("certificate not trusted: {0}")]
    Certificate(String),
    #[error("TLS failed: {0}")]
    Tls(String),
    #[error("silent for {0:?}")]
    ReadTimeout(Duration),
    #[error("too many or too large headers")]
    HeadTooLarge,
    #[error("not HTTP: {0}")]
    Protocol(String),
    #[error("closed before an answer: {0}")]
    Reset(String),
    #[error("closed within the body: {0}")]
    Body(String),
}

impl Client {
    pub(super) fn new(setup: Setup) -> Result<Self, Failure> {
        let Setup { resolver, tls, connect_timeout, read_timeout, idle } = setup;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .dns_resolver(Arc::new(resolver))
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .connect_timeout(connect_timeout)
            .read_timeout(read_timeout)
            .pool_max_idle_per_host(idle)
            .http2_max_header_list_size(headers::MAX_RESPONSE_BYTES as u32)
            .build()
            .map_err(|error| {
                let message = format!("cannot make an HTTP client: {}", root(&error));
                Failure::new(Class::Internal, "broker.client", message)
            })?;
        Ok(Self { http, connect_timeout, read_timeout })
    }

    /// Sends a request and waits for the head of the answer.
    pub(super) async fn send(&self, permitted: Permitted) -> Result<Head, Error> {
        let Parts { method, url, headers, body } = permitted.into_parts();
        let mut request = reqwest::Request::new(method.into(), url);
        *request.headers_mut() = headers;
        *request.body_mut() = body.map(reqwest::Body::from);
        let response = self.http.execute(request).await.map_err(|error| self.broken(&error))?;
        let read_timeout = self.read_timeout;
        Ok(Head {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            length: response.content_length(),
            wire: response.bytes_stream().map_err(move |error| broken_body(&error, read_timeout)).boxed(),
        })
    }

    fn broken(&self, error: &reqwest::Error) -> Error {
        if let Some(unresolved) = find::<Unresolved>(error) {
            return match unresolved {
                Unresolved::Denied(failure) => Error::Denied(failure.clone()),
                Unresolved::Lookup(text) => Error::Name(text.clone()),
            };
        }
        match error.is_connect() {
            true if error.is_timeout() => Error::ConnectTimeout(self.connect_timeout),
            true => unconnected(error),
            false if error.is_timeout() => Error::ReadTimeout(self.read_timeout),
            false => unanswered(error),
        }
    }
}

fn unconnected(error: &reqwest::Error) -> Error {
    let ended_early = |error: &io::Error| error.kind() == io::ErrorKind::UnexpectedEof;
    match find::<rustls::Error>(error) {
        Some(rustls::Error::InvalidCertificate(_)) => Error::Certificate(root(error)),
        Some(_) => Error::Tls(root(error)),
        None if find::<io::Error>(error).is_some_and(ended_early) => Error::Tls(root(error)),
        None => Error::Connect(root(error)),
    }
}

fn unanswered(error: &reqwest::Error) -> Error {
    match find::<hyper::Error>(error) {
        Some(hyper) if hyper.is_parse_too_large() => Error::HeadTooLarge,
        Some(hyper) if hyper.is_parse() => Error::Protocol(root(error)),
        _ => Error::Reset(root(error)),
    }
}

fn broken_body(error: &reqwest::Error, read_timeout: Duration) -> Error {
    match error.is_timeout() {
        true => Error::ReadTimeout(read_timeout),
        false => Error::Body(root(error)),
    }
}

/// The error of that type among the causes.
fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

/// The words of the last cause: those above it only say that something failed,
/// and the first one shows the URL.
fn root(error: &reqwest::Error) -> String {
    causes(error).last().map_or_else(String::new, ToString::to_string)
}

/// The causes below an error, without itself.
fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(cause(error), |error| cause(*error))
}

/// `io::Error::source` skips the error that it wraps.
fn cause<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    wrapped.map(|wrapped| wrapped as &(dyn StdError + 'static)).or_else(|| error.source())
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (resolver, host) = (self.clone(), name.as_str().to_owned());
        Box::pin(async move {
            let allowed = Resolver::resolve(&resolver, host).await?;
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

impl From<Method> for reqwest::Method {
    fn from(method: Method) -> Self {
        match method {
            Method::Get => Self::GET,
            Method::Head => Self::HEAD,
            Method::Post => Self::POST,
            Method::Put => Self::PUT,
            Method::Patch => Self::PATCH,
            Method::Delete => Self::DELETE,
            Method::Options => Self::OPTIONS,
        }
    }
}
