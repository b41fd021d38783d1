//! Webhooks: what remote systems post, and the operator's addresses for it.

use super::{
    Error, Parts, State,
    body::{JsonBody, Params},
    view::{Hook, HookRotation, List, MadeHook, NewHook},
};
use crate::{
    model::{Class, Failure, Secret},
    sync::{Address, Fit, HookError, Made, NewSecret, Posted, Rotation, ShownHook, Taken, Turned},
};
use axum::{
    Json,
    body::{Body, to_bytes},
    extract::{self, Path},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use std::time::Duration;

/// The longest time for a body to arrive.
const PATIENCE: Duration = Duration::from_secs(30);

/// `POST /hooks/{place}/{random}`: from anywhere, so it answers as little as it can. What is
/// unknown and what is not signed as it should be is told apart for the operator alone.
pub(super) async fn receive(
    extract::State(parts): State,
    Path((place, random)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let most = parts.config.hook_bytes.as_len();
    if declared(&headers).is_some_and(|length| length > most as u64) {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    }
    let admitted = match parts.hooks.admit(&place, &random).await {
        Ok(admitted) => admitted,
        Err(turned) => return refusal(turned),
    };
    let body = match tokio::time::timeout(PATIENCE, to_bytes(body, most)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => {
            admitted.too_large().await;
            return StatusCode::PAYLOAD_TOO_LARGE.into_response();
        }
        Err(_) => return StatusCode::REQUEST_TIMEOUT.into_response(),
    };
    match admitted.deliver(Posted { headers: plain(&headers), body }).await {
        Ok(Taken::New | Taken::Repeated) => StatusCode::NO_CONTENT.into_response(),
        Err(turned) => refusal(turned),
    }
}

fn declared(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn plain(headers: &HeaderMap) -> Vec<(String, bytes::Bytes)> {
    let one = |(name, value): (&header::HeaderName, &HeaderValue)| {
        (name.as_str().to_owned(), bytes::Bytes::copy_from_slice(value.as_bytes()))
    };
    headers.iter().map(one).collect()
}

/// What a sender is told: whether to try again, and nothing of the host.
fn refusal(turned: Turned) -> Response {
    match turned {
        Turned::Unknown => StatusCode::NOT_FOUND.into_response(),
        Turned::Busy { retry_after } => {
            let seconds = HeaderValue::from(retry_after.as_secs().max(1));
            (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, seconds)]).into_response()
        }
        Turned::NotUnderstood(_) => StatusCode::UNPROCESSABLE_ENTITY.into_response(),
        Turned::Failed(Failure { class: Class::Transient | Class::RateLimited, .. }) => {
            let soon = HeaderValue::from(1);
            (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, soon)]).into_response()
        }
        Turned::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct ListParams {
    channel: Option<String>,
}

/// `GET /webhooks?channel=…`, in the order of their making.
pub(super) async fn list(
    extract::State(parts): State,
    headers: HeaderMap,
    Params(params): Params<ListParams>,
) -> Result<Json<List<Hook>>, Error> {
    let channel = match params.channel {
        Some(name) => Some(parts.channels.get(&name).await?.id),
        None => None,
    };
    let hooks = parts.hooks.list(channel).await?.into_iter();
    Ok(Json(List::whole(hooks.map(|hook| shown(&parts, &headers, hook)).collect())))
}

/// `POST /webhooks`. The key is shown where the host made it, this once.
pub(super) async fn create(
    extract::State(parts): State,
    headers: HeaderMap,
    JsonBody(new): JsonBody<NewHook>,
) -> Result<(StatusCode, Json<MadeHook>), Error> {
    let secret = match (new.secret, new.unsigned) {
        (Some(_), true) => return Err(HookError::Key("deliveries that are not signed take no key").into()),
        (Some(secret), false) => NewSecret::Given(Secret::new(secret)),
        (None, true) => NewSecret::Unsigned,
        (None, false) => NewSecret::Made,
    };
    let made = parts.hooks.create(new.channel.as_str(), &new.kind, secret).await?;
    Ok((StatusCode::CREATED, Json(told(&parts, &headers, made))))
}

/// `GET /webhooks/{id}`.
pub(super) async fn show(
    extract::State(parts): State,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Json<Hook>, Error> {
    let hook = parts.hooks.get(&id).await?;
    Ok(Json(shown(&parts, &headers, hook)))
}

/// `POST /webhooks/{id}/rotate`.
pub(super) async fn rotate(
    extract::State(parts): State,
    headers: HeaderMap,
    Path(id): Path<String>,
    JsonBody(wanted): JsonBody<HookRotation>,
) -> Result<Json<MadeHook>, Error> {
    let fit = |kept: bool| if kept { Fit::Kept } else { Fit::Replaced };
    let rotation = Rotation {
        address: fit(wanted.keep_address),
        key: fit(wanted.keep_secret),
        secret: wanted.secret.map(Secret::new),
    };
    let made = parts.hooks.rotate(&id, rotation).await?;
    Ok(Json(told(&parts, &headers, made)))
}

/// `DELETE /webhooks/{id}`.
pub(super) async fn delete(
    extract::State(parts): State,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    parts.hooks.delete(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn told(parts: &Parts, headers: &HeaderMap, made: Made) -> MadeHook {
    let secret = made.secret.map(|secret| secret.expose().to_owned());
    MadeHook { hook: shown(parts, headers, made.shown), secret }
}

fn shown(parts: &Parts, headers: &HeaderMap, hook: ShownHook) -> Hook {
    let address = address(parts, headers, &hook.address);
    Hook::of(hook, address)
}

/// The full address: below `public-url`, else where the host listens.
fn address(parts: &Parts, headers: &HeaderMap, address: &Address) -> String {
    let config = &parts.config;
    let base = match &config.public_url {
        Some(url) => url.as_str().trim_end_matches('/').to_owned(),
        None if config.listen.port() != 0 => format!("http://{}", config.listen),
        // It took a free port; whoever asks has found it.
        None => {
            let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
            format!("http://{}", host.unwrap_or("localhost"))
        }
    };
    format!("{base}/hooks/{}/{}", address.place, address.random.expose())
}
