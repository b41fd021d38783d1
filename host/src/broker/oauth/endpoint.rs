//! Asks a token endpoint: the way of every request, with narrower bounds.
//!
//! It asks once. Whether it is asked again is decided by whoever holds the grant: a refresh
//! token may be good for one use.

use super::{Asking, Granted, Provider, answer::Answer, form::Body};
use crate::{
    broker::{
        Allowance, Broker, Config, Credential, Meter, Method, Request, Scope,
        auth::Auth,
        origin,
        send::{Hold, Unauthorized},
    },
    model::{Failure, Secret, Size, Span},
};
use bytes::Bytes;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;
use url::Url;

/// The longest time for an answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// The largest answer. Tokens are some kilobytes.
const MOST: Size = Size(256 << 10);

impl Broker {
    /// Asks for tokens.
    ///
    /// # Errors
    /// `denied` where the operator's rules forbid the address; `auth` with [`INVALID_GRANT`]
    /// where the grant is no good (any more), or where the client is refused; `transient` where
    /// nothing is known of what became of it; `config` for other refusals.
    ///
    /// [`INVALID_GRANT`]: super::INVALID_GRANT
    pub async fn ask_for_tokens(&self, provider: &Provider, asking: Asking<'_>) -> Result<Granted, Failure> {
        let url = &provider.token_url;
        let secrets: Vec<_> = match &asking {
            Asking::Code { code, verifier, .. } => vec![(*code).clone(), Secret::new(verifier.expose())],
            Asking::Refresh(token) => vec![(*token).clone()],
            Asking::Client => Vec::new(),
        };
        self.post(provider, Posting { url, body: provider.request(asking), secrets }, |answer| {
            answer.granted(provider)
        })
        .await
    }

    /// Gives a token back; nothing where the provider takes none back.
    ///
    /// # Errors
    /// As [`ask_for_tokens`](Self::ask_for_tokens).
    pub async fn revoke(&self, provider: &Provider, token: &Secret, hint: &str) -> Result<(), Failure> {
        let Some(url) = &provider.revoke_url else { return Ok(()) };
        let posting = Posting { url, body: provider.revocation(token, hint), secrets: vec![token.clone()] };
        self.post(provider, posting, |answer| answer.revoked()).await
    }

    async fn post<T>(
        &self,
        provider: &Provider,
        posting: Posting<'_>,
        read: impl FnOnce(Answer<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let Posting { url, body, secrets } = posting;
        let credential = match provider.basic() {
            Some((username, password)) => Credential::Basic { username, password },
            None => Credential::None,
        };
        let auth = Auth::new(&credential)?;
        secrets.iter().chain(provider.secrets()).for_each(|secret| auth.marks().learn(secret));
        let marks = auth.marks().clone();
        let config = self.narrowed();
        let way = self.way(scope(url, credential), auth, Arc::new(config), Unauthorized::Answers)?;
        let meter = Meter::new(Allowance { requests: 1, response_bytes: MOST.0 }, CancellationToken::new());
        let answered = way.deliver(request(url, &body), &meter, Hold::Whole).await?;
        let status = answered.status;
        let body = answered.body.into_whole();
        read(Answer { host: &origin::authority(url), status, body: &body, marks: &marks })
    }

    /// A redirect would take the client's secret elsewhere, so none is followed.
    fn narrowed(&self) -> Config {
        let config = self.config();
        Config {
            redirects: 0,
            response_bytes: MOST,
            compressed_bytes: MOST,
            total_timeout: Span(config.total_timeout.0.min(PATIENCE)),
            ..config.clone()
        }
    }
}

struct Posting<'a> {
    url: &'a Url,
    body: Body,
    /// What of it must not be echoed.
    secrets: Vec<Secret>,
}

fn scope(url: &Url, credential: Credential) -> Scope {
    let mut base = url.clone();
    base.set_path("/");
    Scope { base, origins: BTreeMap::new(), credential, concurrency: 4, requests_per_minute: None }
}

fn request(url: &Url, body: &Body) -> Request {
    let header = |name: &str, value: &'static str| (name.to_owned(), Bytes::from_static(value.as_bytes()));
    Request {
        method: Method::Post,
        origin: None,
        path: url.path().to_owned(),
        query: Vec::new(),
        headers: vec![header("accept", "application/json"), header("content-type", body.content_type)],
        body: Some(Bytes::copy_from_slice(body.text.as_bytes())),
        idempotency_key: None,
        timeout: None,
    }
}
