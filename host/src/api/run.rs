//! Syncs and their runs.

use super::{
    Error, Parts, State,
    body::{JsonBody, Params},
    paging::{cut, page},
    view::{Job, List, NewSync, Run},
};
use crate::{
    model::{self, ChannelName, Class, JobId, RunId, Span, Trigger},
    sync,
};
use axum::{
    Json,
    extract::{self, Path},
    http::StatusCode,
};
use serde::Deserialize;
use std::time::Duration;

/// `POST /channels/{name}/sync`: one run a connector, in the order in which they go.
pub(super) async fn request(
    extract::State(parts): State,
    Path(name): Path<String>,
    JsonBody(new): JsonBody<NewSync>,
) -> Result<(StatusCode, Json<Job>), Error> {
    let channel = ChannelName::try_new(name.clone()).map_err(|_| no_channel(name))?;
    let request = sync::Request {
        channel,
        connectors: new.connectors,
        full: new.full,
        record: new.record,
        trigger: Trigger::Request,
    };
    let job = parts.sync.request(request).await?;
    Ok((StatusCode::ACCEPTED, Json(Job::of(job.id, job.runs))))
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
    let first = runs_of(&parts, id).await?;
    if first.is_empty() {
        return Err(Error::new(Class::NotFound, "job.unknown", format!("there is no job {id}")));
    }
    let wait = params.wait.map_or(Duration::ZERO, |wait| wait.0.min(LONGEST_WAIT));
    if wait.is_zero() || first.iter().all(|run| run.status.has_ended()) {
        return Ok(Json(Job::of(id, first)));
    }
    tokio::select! {
        ended = ended(&parts, id) => ended?,
        () = tokio::time::sleep(wait) => {}
        () = parts.stop.cancelled() => {}
    }
    Ok(Json(Job::of(id, runs_of(&parts, id).await?)))
}

/// Returns when every run is over. A run that is called running though nobody works
/// on it never is: whoever waits must not be told at once, or they ask without end.
async fn ended(parts: &Parts, id: JobId) -> Result<(), Error> {
    let runs = parts.sync.wait(id).await?;
    if runs.iter().all(|run| run.status.has_ended()) {
        return Ok(());
    }
    std::future::pending().await
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

/// The runs of a job in the order in which they go, live counters included.
///
/// A job's runs get their ids after it and before anything else of it, so the
/// search ends where ids are older than the job's.
async fn runs_of(parts: &Parts, job: JobId) -> Result<Vec<model::Run>, Error> {
    const PAGE: usize = 200;
    let mut runs = Vec::new();
    let mut before = None;
    loop {
        let page = parts.sync.runs(None, before, PAGE).await?;
        before = page.last().map(|run| run.id);
        let is_last = page.len() < PAGE || before.is_some_and(|id| id.to_bytes() < job.to_bytes());
        runs.extend(page.into_iter().filter(|run| run.job == job));
        if is_last {
            runs.reverse();
            return Ok(runs);
        }
    }
}
