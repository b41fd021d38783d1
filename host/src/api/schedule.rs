//! When channels sync by themselves, and holding all of that back.

use super::{
    Error, State,
    body::{JsonBody, Params},
    paging::cut,
    view::{List, NewPause, Planned, ScheduleState},
};
use axum::{Json, extract};
use serde::Deserialize;

/// `GET /schedule`.
pub(super) async fn show(state: State) -> Result<Json<ScheduleState>, Error> {
    let extract::State(parts) = state;
    Ok(Json(ScheduleState::of(parts.timetable.config(), parts.timetable.held().await?)))
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct NextParams {
    channel: Option<String>,
    limit: Option<usize>,
}

/// `GET /schedule/next`: the channels that are due next, each with its next time;
/// with `?channel=…` the next times of that one.
pub(super) async fn next(
    extract::State(parts): State,
    Params(params): Params<NextParams>,
) -> Result<Json<List<Planned>>, Error> {
    let limit = cut(params.limit);
    let planned = match params.channel {
        Some(name) => vec![parts.timetable.of(parts.channels.get(&name).await?, limit).await?],
        None => parts.timetable.all().await?,
    };
    let every = parts.timetable.config().every;
    let shown = planned.into_iter().take(limit).map(|planned| Planned::of(planned, every));
    Ok(Json(List::whole(shown.collect())))
}

/// `POST /schedule/pause`: no channel syncs by itself from now on.
pub(super) async fn pause(
    state: State,
    JsonBody(new): JsonBody<NewPause>,
) -> Result<Json<ScheduleState>, Error> {
    state.timetable.pause(new.reason.as_deref()).await?;
    show(state).await
}

/// `POST /schedule/resume`.
pub(super) async fn resume(state: State) -> Result<Json<ScheduleState>, Error> {
    state.timetable.resume().await?;
    show(state).await
}
