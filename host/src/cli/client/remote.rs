//! A host that runs, over HTTP/1 on this machine.
//!
//! The only file that names hyper's client.

use super::{Call, Client};
use crate::{api::view::Health, cli::exit::Usage};
use anyhow::{Context as _, bail};
use axum::{
    body::Body,
    http::{Response, Uri},
};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use std::{net::IpAddr, sync::Arc, time::Duration};

/// A host's address, and connections to it.
#[derive(Clone)]
pub(crate) struct Remote {
    base: String,
    client: Arc<legacy::Client<HttpConnector, Body>>,
}

/// Nobody answers, or not to the end.
#[derive(Debug, thiserror::Error)]
#[error("no host answers at {base}: {cause}")]
pub(crate) struct Unreachable {
    base: String,
    cause: String,
}

impl Unreachable {
    /// Only the innermost cause says something to people.
    fn new(base: &str, error: &legacy::Error) -> Self {
        let mut cause: &dyn std::error::Error = error;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        Self { base: base.to_owned(), cause: cause.to_string() }
    }
}

impl Remote {
    /// A host of this machine.
    ///
    /// # Errors
    /// When the address is no `http` URL, or leads away from this machine.
    pub(crate) fn new(url: &str) -> Result<Self, Usage> {
        let refusal = |why: &str| Usage(format!("--url {url}: {why}"));
        let uri: Uri = url.parse().map_err(|_| refusal("this is no URL; write http://127.0.0.1:7070"))?;
        if uri.scheme_str() != Some("http") || !matches!(uri.path(), "" | "/") {
            return Err(refusal("write it as http://127.0.0.1:7070"));
        }
        let host = uri.host().unwrap_or_default();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let is_here = host.eq_ignore_ascii_case("localhost")
            || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        if !is_here {
            return Err(refusal(
                "only hosts of this machine are asked, because secrets would cross the network in the clear; \
                 use a tunnel (ssh -L) and its end on 127.0.0.1",
            ));
        }
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(Duration::from_secs(2)));
        let client = legacy::Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self { base: url.trim_end_matches('/').to_owned(), client: Arc::new(client) })
    }

    /// Sends, and returns when the head of the answer has come.
    pub(super) async fn send(&self, call: Call) -> anyhow::Result<Response<Body>> {
        let request = call.to(&self.base)?;
        match self.client.request(request).await {
            Ok(response) => Ok(response.map(Body::new)),
            Err(error) => Err(Unreachable::new(&self.base, &error).into()),
        }
    }

    /// Whether a tidegate host answers there, and which.
    pub(crate) async fn health(&self) -> anyhow::Result<Health> {
        /// A host of this machine that lives answers in milliseconds.
        const PATIENCE: Duration = Duration::from_secs(2);
        let asking = async {
            let answer = Client::Remote(self.clone()).ask(Call::get("/healthz".to_owned())).await?;
            answer.document().await?.read::<Health>()
        };
        let health = tokio::time::timeout(PATIENCE, asking).await.context("it does not answer")??;
        if health.program != env!("CARGO_PKG_NAME") {
            bail!("what answers at {} is not tidegate", self.base);
        }
        Ok(health)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_host_that_is_not_there_is_named() {
        // Bound, never listening: nobody else gets the port meanwhile.
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
        let url = format!("http://{}", socket.local_addr().expect("an address"));
        let remote = Remote::new(&url).expect("loopback");
        let error = Client::Remote(remote).ask(Call::get("/x".into())).await.err().expect("an error");
        assert!(error.is::<Unreachable>());
        assert!(error.to_string().starts_with(&format!("no host answers at {url}: ")), "{error}");
    }

    #[test]
    fn only_hosts_of_this_machine_are_asked() {
        for good in ["http://127.0.0.1:7070", "http://localhost:7070/", "http://[::1]:7070"] {
            assert!(Remote::new(good).is_ok(), "{good}");
        }
        for bad in [
            "127.0.0.1:7070",
            "https://127.0.0.1:7070",
            "http://10.0.0.1:7070",
            "http://example.com",
            "http://127.0.0.1.example.com",
            "http://127.0.0.1:7070/api",
            "",
        ] {
            assert!(Remote::new(bad).is_err(), "{bad}");
        }
    }
}
