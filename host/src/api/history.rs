//! The logs and pages of runs, and cleaning them.

use super::{
    Error, State,
    body::{JsonBody, Params},
    paging::{cut, page},
    run::{LONGEST_WAIT, no_run},
    view::{Clean, Cleaned, List, Log, LogLine, Page},
};
use crate::{
    model::{Class, LineLevel, RunId, Span},
    sync::{Cleaning, Keep},
};
use axum::{
    Json,
    extract::{self, Path},
    http::StatusCode,
};
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct LogParams {
    after: Option<u64>,
    limit: Option<usize>,
    /// Answer when there are lines, when the run is over, or after this time.
    wait: Option<Span>,
    /// Lines that matter as much, or more.
    level: Option<LineLevel>,
}

/// `GET /runs/{id}/logs?after=…&wait=20s`.
pub(super) async fn logs(
    extract::State(parts): State,
    Path(id): Path<String>,
    Params(params): Params<LogParams>,
) -> Result<Json<Log>, Error> {
    let id: RunId = id.parse()?;
    let wait = params.wait.map_or(Duration::ZERO, |wait| wait.0.min(LONGEST_WAIT));
    let until = Instant::now() + wait;
    let limit = cut(params.limit);
    let mut after = params.after;
    loop {
        // The ear first, then whether the run is over, then the lines: nothing said in
        // between is missed.
        let mut ear = parts.sync.listen(id);
        let run = parts.sync.run(id).await?.ok_or_else(|| no_run(id))?;
        let lines = parts.sync.log(id, after, limit).await?;
        let goes_on = lines.len() == limit;
        after = lines.last().map(|(number, _)| *number).or(after);
        let wanted = |level: LineLevel| params.level.is_none_or(|least| level <= least);
        let items: Vec<_> = lines
            .into_iter()
            .filter(|(_, line)| wanted(line.level))
            .map(|(number, line)| LogLine::of(number, line))
            .collect();
        let done = run.status.has_ended() && !goes_on;
        let is_late = Instant::now() >= until || parts.stop.is_cancelled();
        if !items.is_empty() || done || (is_late && !goes_on) {
            return Ok(Json(Log { items, next: after, done }));
        }
        if !goes_on {
            tokio::select! {
                () = ear.changed() => {}
                () = tokio::time::sleep_until(until) => {}
                () = parts.stop.cancelled() => {}
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct PageParams {
    after: Option<u64>,
    limit: Option<usize>,
}

/// `GET /runs/{id}/pages?after=…`.
pub(super) async fn pages(
    extract::State(parts): State,
    Path(id): Path<String>,
    Params(params): Params<PageParams>,
) -> Result<Json<List<Page>>, Error> {
    let id: RunId = id.parse()?;
    parts.sync.run(id).await?.ok_or_else(|| no_run(id))?;
    let limit = cut(params.limit);
    let pages = parts.sync.pages(id, params.after, limit + 1).await?;
    Ok(Json(page(pages.into_iter().map(Page).collect(), limit, |page| page.0.page.to_string())))
}

/// How long a request to clean may work; who wants more asks again.
const PATIENCE: Duration = Duration::from_secs(20);

/// `POST /runs/clean`.
pub(super) async fn clean(
    extract::State(parts): State,
    JsonBody(wish): JsonBody<Clean>,
) -> Result<Json<Cleaned>, Error> {
    let usual = parts.sync.keep();
    let keep = Keep {
        completed: span(wish.completed_older, "completed-older")?.unwrap_or(usual.completed),
        failed: span(wish.failed_older, "failed-older")?.unwrap_or(usual.failed),
    };
    let how = if wish.dry_run { Cleaning::DryRun } else { Cleaning::Remove };
    let cleaned = parts.sync.clean(keep, how, PATIENCE).await?;
    Ok(Json(Cleaned {
        dry_run: wish.dry_run,
        completed: cleaned.completed,
        failed: cleaned.failed,
        has_more: cleaned.has_more,
    }))
}

fn span(text: Option<String>, field: &str) -> Result<Option<Duration>, Error> {
    let Some(text) = text else {
        return Ok(None);
    };
    let span: Result<Span, _> = serde_json::from_value(Value::from(text));
    span.map(|span| Some(span.0)).map_err(|error| {
        Error::new(Class::InvalidData, "request.body", format!("{field}: {error}"))
            .with_status(StatusCode::BAD_REQUEST)
    })
}
