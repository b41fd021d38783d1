//! Sends one message to the collector. It opens the host's only connection to it.
//!
//! It repeats nothing and follows no redirect; proxies of the environment are not asked.

use super::{Endpoint, Error, headers};
use crate::{
    broker,
    model::{Class, Failure},
};
use http::{HeaderMap, HeaderValue, header};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};
use url::Url;

/// How long a post may take: a collector that needs longer is overloaded.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    Traces,
    Metrics,
}

/// Why a message was not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    /// It may be taken later.
    #[error("{0}")]
    Later(String),
    /// It will not be taken.
    #[error("{0}")]
    Never(String),
}

/// The way to one collector.
pub(super) struct Post {
    http: reqwest::Client,
    traces: Url,
    metrics: Url,
    headers: HeaderMap,
}

impl Post {
    pub(super) fn new(
        endpoint: &Endpoint,
        headers_file: Option<&Path>,
        ca_file: Option<PathBuf>,
    ) -> Result<Self, Error> {
        let mut headers = headers_file.map(headers::read).transpose()?.unwrap_or_default();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(broker::trust(endpoint.url(), ca_file).map_err(Error::Client)?)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .timeout(TIMEOUT)
            .pool_max_idle_per_host(1)
            .build()
            .map_err(|error| {
                Error::Client(Failure::new(Class::Internal, "telemetry.client", root(&error)))
            })?;
        Ok(Self { http, traces: endpoint.below("v1/traces"), metrics: endpoint.below("v1/metrics"), headers })
    }

    /// Returns when the collector has taken it. Dropped, it may have taken it.
    pub(super) async fn send(&self, signal: Signal, message: Vec<u8>) -> Result<(), Refused> {
        let url = match signal {
            Signal::Traces => &self.traces,
            Signal::Metrics => &self.metrics,
        };
        let request = self.http.post(url.clone()).headers(self.headers.clone()).body(message);
        let answer = request.send().await.map_err(|error| Refused::Later(root(&error)))?;
        let status = answer.status();
        match status.as_u16() {
            200..=299 => Ok(()),
            // What OTLP names as worth another try.
            429 | 502..=504 => Err(Refused::Later(format!("HTTP {status}"))),
            _ => Err(Refused::Never(format!("HTTP {status}"))),
        }
    }
}

/// The words of the last cause; those above it say only that something failed.
fn root(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
