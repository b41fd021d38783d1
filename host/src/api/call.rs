//! Calls of operations.

use super::{
    Error, Parts, State,
    body::{DocumentBody, Params},
    paging::cut,
    run::{LONGEST_WAIT, no_channel, statuses},
    view::{Call, CallChecked, List},
};
use crate::{
    model::{self, CallMode, ChannelName, Class, IdempotencyKey, RunId, Span, Trigger},
    sync::{CallRequest, CallSearch},
};
use axum::{
    Json,
    extract::{self, Path},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::time::Duration;

/// How much longer than its own time a call is waited for: to have its turn, and to be
/// written down.
const MARGIN: Duration = Duration::from_secs(10);

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct StartParams {
    /// The longest time of one try.
    timeout: Option<Span>,
    /// How long it may wait in the queue.
    expires: Option<Span>,
    /// Work it off later, in as many tries as it takes.
    #[serde(default)]
    queue: bool,
    /// Check the input only.
    #[serde(default)]
    dry_run: bool,
}

/// `POST /channels/{name}/operations/{operation}?timeout=30s`, its body the input; the
/// header `Idempotency-Key` makes one call of several requests. A call that failed is an
/// answer, too: its status tells.
pub(super) async fn start(
    extract::State(parts): State,
    Path((name, operation)): Path<(String, String)>,
    Params(params): Params<StartParams>,
    headers: HeaderMap,
    DocumentBody(input): DocumentBody,
) -> Result<Response, Error> {
    let request = CallRequest {
        channel: ChannelName::try_new(name.clone()).map_err(|_| no_channel(name))?,
        operation,
        input,
        key: key(&headers)?,
        timeout: params.timeout,
        expires: params.expires,
        queue: params.queue,
        trigger: Trigger::Request,
    };
    if params.dry_run {
        parts.sync.calls().check(&request).await?;
        return Ok(Json(CallChecked { ok: true }).into_response());
    }
    let called = parts.sync.calls().request(request).await?;
    let (id, timeout, is_over) = (called.call.id, called.call.timeout.0, called.call.status.has_ended());
    // Whoever asks for the queue, or for one that is in it, does not wait.
    if params.queue || (called.call.mode == CallMode::Queued && !is_over) {
        let call = Call { repeated: called.repeated, ..whole(&parts, called.call).await? };
        return Ok((StatusCode::ACCEPTED, Json(call)).into_response());
    }
    wait(&parts, id, timeout.saturating_add(MARGIN)).await?;
    let call = Call { repeated: called.repeated, ..find(&parts, id).await? };
    Ok(Json(call).into_response())
}

fn key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, Error> {
    let refused = |message: String| {
        Error::new(Class::InvalidData, "request.idempotency-key", message)
            .with_status(StatusCode::BAD_REQUEST)
    };
    let mut given = headers.get_all("idempotency-key").iter();
    let Some(key) = given.next() else { return Ok(None) };
    if given.next().is_some() {
        return Err(refused("the header Idempotency-Key comes more than once".to_owned()));
    }
    let key = IdempotencyKey::try_new(key.to_str().unwrap_or_default());
    key.map(Some).map_err(|error| refused(error.to_string()))
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct ListParams {
    channel: Option<String>,
    /// With commas between them.
    status: Option<String>,
    after: Option<String>,
    limit: Option<usize>,
}

/// `GET /calls?channel=…&status=deferred`, newest first, without input and output.
pub(super) async fn list(
    extract::State(parts): State,
    Params(params): Params<ListParams>,
) -> Result<Json<List<Call>>, Error> {
    let channel = match params.channel {
        Some(name) => Some(parts.channels.get(&name).await?.id),
        None => None,
    };
    let search = CallSearch {
        channel,
        statuses: statuses(params.status.as_deref().unwrap_or_default())?,
        before: params.after.map(|id| id.parse()).transpose()?,
        limit: cut(params.limit),
    };
    let found = parts.sync.calls().find(&search).await?;
    let items = found.calls.into_iter().map(Call::from).collect();
    Ok(Json(List { items, next: found.next.map(|id| id.to_string()) }))
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct ShowParams {
    /// Answer when it is over, or after this time.
    wait: Option<Span>,
}

/// `GET /calls/{id}?wait=30s`.
pub(super) async fn show(
    extract::State(parts): State,
    Path(id): Path<String>,
    Params(params): Params<ShowParams>,
) -> Result<Json<Call>, Error> {
    let id: RunId = id.parse()?;
    if let Some(patience) = params.wait {
        wait(&parts, id, patience.0.min(LONGEST_WAIT)).await?;
    }
    Ok(Json(find(&parts, id).await?))
}

/// `POST /calls/{id}/cancel`.
pub(super) async fn cancel(
    extract::State(parts): State,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<Call>), Error> {
    let id: RunId = id.parse()?;
    let is_asked = parts.sync.calls().cancel(id).await?;
    let call = find(&parts, id).await?;
    if !is_asked {
        let message = format!("call {id} is not going on here: {}", call.status);
        return Err(Error::new(Class::Conflict, "call.over", message));
    }
    Ok((StatusCode::ACCEPTED, Json(call)))
}

/// `POST /calls/{id}/retry`: a new call, in the queue, with the same input and key.
pub(super) async fn retry(
    extract::State(parts): State,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<Call>), Error> {
    let call = parts.sync.calls().retry(id.parse()?).await?;
    Ok((StatusCode::ACCEPTED, Json(whole(&parts, call).await?)))
}

/// Returns when the call is over, the time is, or the host stops.
async fn wait(parts: &Parts, id: RunId, patience: Duration) -> Result<(), Error> {
    let calls = parts.sync.calls();
    tokio::select! {
        ended = calls.wait(id) => drop(ended?),
        () = tokio::time::sleep(patience) => {}
        () = parts.stop.cancelled() => {}
    }
    Ok(())
}

async fn find(parts: &Parts, id: RunId) -> Result<Call, Error> {
    let call = parts.sync.calls().get(id).await?;
    let unknown = || Error::new(Class::NotFound, "call.unknown", format!("there is no call {id}"));
    whole(parts, call.ok_or_else(unknown)?).await
}

/// With its input and its output.
async fn whole(parts: &Parts, call: model::Call) -> Result<Call, Error> {
    let calls = parts.sync.calls();
    let (input, output) = (calls.input(call.id).await?, calls.output(call.id).await?);
    Ok(Call { input: input.and_then(document), output: output.and_then(document), ..Call::from(call) })
}

/// What is kept is one document; nothing else is shown.
fn document(bytes: Bytes) -> Option<Box<RawValue>> {
    RawValue::from_string(String::from_utf8(bytes.into()).ok()?).ok()
}
