//! Routes: making, showing and trying them, and what they set aside.

use super::{
    Error, State,
    body::{JsonBody, Params},
    feed::{names, place, text, wanted},
    paging::{Paging, page},
    view::{Count, DeadSelection, FailedRoute, List, NewRoute, NewRouteTest, Route, Tried},
};
use crate::{sync, sync::TrialAsk};
use axum::{
    Json,
    extract::{self, Path},
    http::StatusCode,
};

/// Stands for a route that is not there yet; no name is like that.
const NOBODY: &str = "-";
/// Records that are tried where nobody says how many, and at most.
const SHOWN: usize = 5;
const MOST: usize = 100;

/// `GET /routes`, by name.
pub(super) async fn list(extract::State(parts): State) -> Result<Json<List<Route>>, Error> {
    let routes = parts.routes.list().await?;
    Ok(Json(List::whole(routes.into_iter().map(Route::from).collect())))
}

/// `POST /routes`.
pub(super) async fn create(
    extract::State(parts): State,
    JsonBody(new): JsonBody<NewRoute>,
) -> Result<(StatusCode, Json<Route>), Error> {
    let route = parts.routes.create(sync::NewRoute::from(new)).await?;
    Ok((StatusCode::CREATED, Json(route.into())))
}

/// `GET /routes/{name}`.
pub(super) async fn show(
    extract::State(parts): State,
    Path(name): Path<String>,
) -> Result<Json<Route>, Error> {
    Ok(Json(parts.routes.get(&name).await?.into()))
}

/// `POST /routes/{name}/pause`.
pub(super) async fn pause(
    extract::State(parts): State,
    Path(name): Path<String>,
) -> Result<Json<Route>, Error> {
    Ok(Json(parts.routes.set_paused(&name, true).await?.into()))
}

/// `POST /routes/{name}/resume`.
pub(super) async fn resume(
    extract::State(parts): State,
    Path(name): Path<String>,
) -> Result<Json<Route>, Error> {
    Ok(Json(parts.routes.set_paused(&name, false).await?.into()))
}

/// `DELETE /routes/{name}`. The records stay.
pub(super) async fn delete(
    extract::State(parts): State,
    Path(name): Path<String>,
) -> Result<StatusCode, Error> {
    parts.routes.delete(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /routes/{name}/test`, or `/routes/-/test` with a route that is not there yet.
/// Writes nothing.
pub(super) async fn test(
    extract::State(parts): State,
    Path(name): Path<String>,
    JsonBody(new): JsonBody<NewRouteTest>,
) -> Result<Json<List<Tried>>, Error> {
    let ask = TrialAsk {
        name: (name != NOBODY).then_some(name),
        new: new.route.map(Into::into),
        map: new.map,
        back: new.back,
        key: new.key,
        reversed: new.reversed,
        limit: new.limit.unwrap_or(SHOWN).clamp(1, MOST),
    };
    let tried = parts.routes.test(ask).await?;
    Ok(Json(List::whole(tried.into_iter().map(Tried::from).collect())))
}

/// `GET /routes/{name}/failed`.
pub(super) async fn failed(
    extract::State(parts): State,
    Path(name): Path<String>,
    Params(paging): Params<Paging>,
) -> Result<Json<List<FailedRoute>>, Error> {
    let (limit, names) = (paging.limit(), names(&parts).await?);
    let after = paging.after.as_deref().map(place).transpose()?;
    let found = parts.routes.failed(&name, after.as_ref(), limit + 1).await?;
    let List { items, next } = page(found, limit, |(key, _)| text(key));
    let items = items.into_iter().map(|(key, failed)| {
        let channel = names.get(&key.channel).map(ToString::to_string);
        FailedRoute::of(channel, key, failed)
    });
    Ok(Json(List { items: items.collect(), next }))
}

/// `POST /routes/{name}/failed/retry`.
pub(super) async fn retry(
    extract::State(parts): State,
    Path(name): Path<String>,
    JsonBody(selection): JsonBody<DeadSelection>,
) -> Result<Json<Count>, Error> {
    let wanted = wanted(&parts, selection).await?;
    Ok(Json(Count { count: parts.routes.retry_failed(&name, wanted).await? }))
}

/// `POST /routes/{name}/failed/drop`.
pub(super) async fn drop(
    extract::State(parts): State,
    Path(name): Path<String>,
    JsonBody(selection): JsonBody<DeadSelection>,
) -> Result<Json<Count>, Error> {
    let wanted = wanted(&parts, selection).await?;
    Ok(Json(Count { count: parts.routes.drop_failed(&name, wanted).await? }))
}
