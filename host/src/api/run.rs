//! Syncs and their runs.

use super::{
    Error, Parts, State,
    body::{JsonBody, Params},
    paging::{cut, page},
    view::{Job, List, NewSync, Run},
};
use crate::{
    model::{ChannelName, Class, JobId, RunId, Span, Trigger},
    sync,
};
use axum::{
    Json,
    extract::{self, Path},
    http::StatusCode,
};
use serde::Deserialize;
use std::time::Duration;

/// `POST /channels/{name}/sync`: one run a connector, in the order in which they go. While
/// a job of the channel is going on, one that follows it.
pub(super) async fn request(
    extract::State(parts): State,
    Path(name): Path<String>,
    JsonBody(new): JsonBody<NewSync>,
) -> Result<(StatusCode, Json<Job>), Error> {
    let channel = ChannelName::try_new(name.clone()).map_err(|_| no_channel(name))?;
    let request =
        sync::Request { channel, connectors: new.connectors, full: new.full, trigger: Trigger::Request };
    Ok((StatusCode::ACCEPTED, Json(parts.sync.request(request).await?.into())))
}

/// What no name can be, no channel is called.
fn no_channel(name: String) -> Error {
    crate::channels::Error::NoChannel(name).into()
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct JobParams {
    /// Answer when every run is over, or after this time.
    wait: Option<Span>,
}

/// The longest that a request may wait: proxies and clients give up about then.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// `GET /jobs/{id}?wait=30s`.
pub(super) async fn job(
    extract::State(parts): State,
    Path(id): Path<String>,
    Params(params): Params<JobParams>,
) -> Result<Json<Job>, Error> {
    let id: JobId = id.parse()?;
    let first = find_job(&parts, id).await?;
    let wait = params.wait.map_or(Duration::ZERO, |wait| wait.0.min(LONGEST_WAIT));
    if wait.is_zero() || first.is_over {
        return Ok(Json(first.into()));
    }
    tokio::select! {
        ended = parts.sync.wait(id) => drop(ended?),
        () = tokio::time::sleep(wait) => {}
        () = parts.stop.cancelled() => {}
    }
    Ok(Json(find_job(&parts, id).await?.into()))
}

async fn find_job(parts: &Parts, id: JobId) -> Result<sync::Job, Error> {
    Ok(parts.sync.job(id).await?.ok_or(sync::Error::NoJob(id))?)
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct ListParams {
    channel: Option<String>,
    after: Option<String>,
    limit: Option<usize>,
}

/// `GET /runs?channel=…`, newest first.
pub(super) async fn list(
    extract::State(parts): State,
    Params(params): Params<ListParams>,
) -> Result<Json<List<Run>>, Error> {
    let channel = match params.channel {
        Some(name) => Some(parts.channels.get(&name).await?.id),
        None => None,
    };
    let before = params.after.map(|id| id.parse()).transpose()?;
    let limit = cut(params.limit);
    let runs = parts.sync.runs(channel, before, limit + 1).await?;
    Ok(Json(page(runs.into_iter().map(Run::from).collect(), limit, |run| run.id.to_string())))
}

/// `GET /runs/{id}`.
pub(super) async fn show(extract::State(parts): State, Path(id): Path<String>) -> Result<Json<Run>, Error> {
    let id: RunId = id.parse()?;
    let run = parts.sync.run(id).await?.ok_or_else(|| no_run(id))?;
    Ok(Json(run.into()))
}

/// `POST /runs/{id}/cancel`: asks the run to end at the next page border.
pub(super) async fn cancel(
    extract::State(parts): State,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<Run>), Error> {
    let id: RunId = id.parse()?;
    let is_asked = parts.sync.cancel(id).await?;
    let run = parts.sync.run(id).await?.ok_or_else(|| no_run(id))?;
    if !is_asked {
        let message = format!("run {id} is not going on: {}", run.status);
        return Err(Error::new(Class::Conflict, "run.over", message));
    }
    Ok((StatusCode::ACCEPTED, Json(run.into())))
}

fn no_run(id: RunId) -> Error {
    Error::new(Class::NotFound, "run.unknown", format!("there is no run {id}"))
}
