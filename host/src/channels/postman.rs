//! A way out to an address of the operator's own, for notices.
//!
//! It goes through the broker like every request of a channel: the same egress rules,
//! breaker and time-outs. It knows nothing of what it carries.

use crate::{
    broker::{Allowance, Broker, Credential, Gateway, Meter, Method, Request, Scope},
    model::{Class, Failure},
};
use bytes::Bytes;
use std::collections::BTreeMap;
use tokio_util::sync::CancellationToken;
use url::Url;

/// Posts to one address; cheap to clone.
#[derive(Clone)]
pub struct Postman {
    gateway: Gateway,
    /// Below the origin, with its query.
    path: String,
}

/// What is posted.
pub struct Posting {
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// A JSON document.
    pub body: Bytes,
}

impl Postman {
    /// Messages to one address at the same time.
    pub const AT_ONCE: usize = 8;
    /// What of an answer is read: nobody looks at it.
    const ANSWER: u64 = 1 << 20;

    pub(super) fn new(broker: &Broker, url: &str) -> Result<Self, Failure> {
        let url = Url::parse(url)
            .ok()
            .filter(|url| url.has_host())
            .ok_or_else(|| refused("it is not a URL with a host: write it like https://example.com/hooks"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused(
                "it has a user or password in it: take them out, messages are signed instead",
            ));
        }
        let path = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        let mut base = url;
        base.set_path("/");
        base.set_query(None);
        base.set_fragment(None);
        let gateway = broker.gateway(Scope {
            base,
            origins: BTreeMap::new(),
            credential: Credential::None,
            concurrency: Self::AT_ONCE,
            requests_per_minute: None,
        })?;
        Ok(Self { gateway, path })
    }

    /// Posts, and answers when the other side has taken it: with a status of 200 to 299.
    ///
    /// # Errors
    /// Why it did not; `http.status.…` where it answered something else.
    pub async fn post(&self, posting: Posting, cancel: CancellationToken) -> Result<(), Failure> {
        let mut headers: Vec<_> =
            posting.headers.into_iter().map(|(name, value)| (name, Bytes::from(value))).collect();
        headers.push(("content-type".to_owned(), Bytes::from_static(b"application/json")));
        let request = Request {
            method: Method::Post,
            origin: None,
            path: self.path.clone(),
            query: Vec::new(),
            headers,
            body: Some(posting.body),
            idempotency_key: None,
            timeout: None,
        };
        let meter = Meter::new(Allowance { requests: 1, response_bytes: Self::ANSWER }, cancel);
        let status = self.gateway.send(request, &meter).await?.status;
        if (200..300).contains(&status) {
            return Ok(());
        }
        let class = if status == 404 || status == 410 { Class::NotFound } else { Class::InvalidData };
        let message = format!("the address answers with status {status}");
        Err(Failure::new(class, format!("http.status.{status}"), message))
    }
}

fn refused(why: &str) -> Failure {
    Failure::new(Class::Config, "notice.url", format!("the address cannot be used: {why}"))
}
