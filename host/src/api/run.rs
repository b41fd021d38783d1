//! Syncs and their runs.

use super::{
    Error, Parts, State,
    body::{JsonBody, Params},
    paging::cut,
    view::{Job, List, NewSync, Run},
};
use crate::{
    model::{ChannelName, Class, Direction, JobId, Name, RunId, Span, Status, Trigger},
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
    let of = |direction, connectors| sync::Request {
        channel: channel.clone(),
        direction,
        connectors,
        full: new.full,
        record: new.record,
        trigger: Trigger::Request,
    };
    let direction = new.direction.unwrap_or(Direction::Import);
    let first = parts.sync.request(of(direction, new.connectors.clone())).await?;
    let mut job = Job::from(first);
    let outward = match new.direction {
        None => waiting(&parts, &channel, new.connectors).await?,
        Some(_) => Vec::new(),
    };
    if !outward.is_empty() {
        job.export = Some(parts.sync.request(of(Direction::Export, outward)).await?.id);
    }
    Ok((StatusCode::ACCEPTED, Json(job)))
}

/// The connectors of a channel, of those that were named, with changes that wait to be
/// exported.
async fn waiting(parts: &Parts, channel: &ChannelName, named: Vec<Name>) -> Result<Vec<Name>, Error> {
    let channel = parts.channels.get(channel.as_str()).await?;
    let mut waiting = Vec::new();
    for connector in channel.connectors.iter().filter(|name| named.is_empty() || named.contains(name)) {
        let first = parts.store.outbox().list(channel.id, connector, None, 1).await?;
        if channel.two_way && !first.is_empty() {
            waiting.push(connector.clone());
        }
    }
    Ok(waiting)
}

/// What no name can be, no channel is called.
pub(super) fn no_channel(name: String) -> Error {
    crate::channels::Error::NoChannel(name).into()
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct JobParams {
    /// Answer when every run is over, or after this time.
    wait: Option<Span>,
}

/// The longest that a request may wait: proxies and clients give up about then.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(60);

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
        return Ok(Json(at_pace(&parts, first.into())));
    }
    tokio::select! {
        ended = parts.sync.wait(id) => drop(ended?),
        () = tokio::time::sleep(wait) => {}
        () = parts.stop.cancelled() => {}
    }
    Ok(Json(at_pace(&parts, find_job(&parts, id).await?.into())))
}

async fn find_job(parts: &Parts, id: JobId) -> Result<sync::Job, Error> {
    Ok(parts.sync.job(id).await?.ok_or(sync::Error::NoJob(id))?)
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct ListParams {
    channel: Option<String>,
    connector: Option<Name>,
    /// With commas between them.
    status: Option<String>,
    /// Asked for within this time.
    since: Option<Span>,
    after: Option<String>,
    limit: Option<usize>,
}

/// `GET /runs?channel=…&status=failed,deferred&since=24h`, newest first. A page may hold fewer
/// runs than wanted, or none, though the list goes on: so many were looked at.
pub(super) async fn list(
    extract::State(parts): State,
    Params(params): Params<ListParams>,
) -> Result<Json<List<Run>>, Error> {
    let channel = match params.channel {
        Some(name) => Some(parts.channels.get(&name).await?.id),
        None => None,
    };
    let before = params.after.map(|id| id.parse()).transpose()?;
    let search = sync::Search {
        channel,
        connector: params.connector,
        statuses: statuses(params.status.as_deref().unwrap_or_default())?,
        since: params.since.map(|since| since.0),
        before,
        limit: cut(params.limit),
    };
    let found = parts.sync.find(&search).await?;
    let items = found.runs.into_iter().map(|run| shown(&parts, run)).collect();
    Ok(Json(List { items, next: found.next.map(|id| id.to_string()) }))
}

pub(super) fn statuses(text: &str) -> Result<Vec<Status>, Error> {
    let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
    let status = |name: &str| serde_json::from_value(name.into()).map_err(|error| no_status(name, &error));
    names.map(status).collect()
}

fn no_status(name: &str, error: &serde_json::Error) -> Error {
    Error::new(Class::InvalidData, "request.query", format!("'{name}' is no status of a run: {error}"))
        .with_status(StatusCode::BAD_REQUEST)
}

/// The run with how fast it goes.
fn shown(parts: &Parts, run: crate::model::Run) -> Run {
    let pace = parts.sync.pace(run.id);
    Run::from(run).at_pace(pace)
}

fn at_pace(parts: &Parts, mut job: Job) -> Job {
    job.runs = job
        .runs
        .into_iter()
        .map(|run| {
            let pace = parts.sync.pace(run.id);
            run.at_pace(pace)
        })
        .collect();
    job
}

/// `GET /runs/{id}`.
pub(super) async fn show(extract::State(parts): State, Path(id): Path<String>) -> Result<Json<Run>, Error> {
    let id: RunId = id.parse()?;
    let run = parts.sync.run(id).await?.ok_or_else(|| no_run(id))?;
    Ok(Json(shown(&parts, run)))
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

pub(super) fn no_run(id: RunId) -> Error {
    Error::new(Class::NotFound, "run.unknown", format!("there is no run {id}"))
}
