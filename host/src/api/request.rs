//! A request as the log, the traces and its sender see it: under an id of its own.
//!
//! It decides nothing about the request.

use axum::{
    extract::{MatchedPath, Request},
    http::{HeaderName, HeaderValue},
    middleware::Next,
    response::Response,
};
use tokio::time::Instant;
use tracing::{Instrument, Span};
use ulid::Ulid;

/// The sender's id of a request, or ours; it stands on the answer in any case.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const LONGEST_ID: usize = 128;

/// Follows a request to its answer, and notes at `debug` what became of it.
pub(super) async fn follow(request: Request, next: Next) -> Response {
    let id = id_of(&request);
    let method = request.method().clone();
    let path = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let started = Instant::now();
    let span = span(&id, &request, path.as_deref());
    let work = async {
        let response = next.run(request).await;
        tracing::debug!(
            %method,
            path,
            status = response.status().as_u16(),
            took_ms = started.elapsed().as_millis(),
            "request",
        );
        response
    };
    let mut response = work.instrument(span).await;
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// Probes and scrapes come every few seconds: a trace of each would drown the others.
fn span(id: &HeaderValue, request: &Request, path: Option<&str>) -> Span {
    if !request.uri().path().starts_with("/api/") {
        return Span::none();
    }
    let id = id.to_str().unwrap_or_default();
    tracing::info_span!("api", request.id = id, method = %request.method(), path)
}

/// The id that the sender gave, where it is fit for a log: up to 128 letters, digits and
/// `-`, `_`, `.`. Else a new one.
fn id_of(request: &Request) -> HeaderValue {
    let given = request.headers().get(&REQUEST_ID).filter(|id| is_fit(id.as_bytes()));
    given.cloned().unwrap_or_else(|| {
        let id = Ulid::from_bytes(fastrand::u128(..).to_be_bytes()).to_string();
        HeaderValue::from_str(&id).expect("an id is letters and digits")
    })
}

fn is_fit(id: &[u8]) -> bool {
    let fit = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    (1..=LONGEST_ID).contains(&id.len()) && id.iter().all(fit)
}
