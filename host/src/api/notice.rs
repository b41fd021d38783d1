//! Notices of changes: making, showing and trying them, and what they gave up.

use super::{
    Error, State,
    body::{JsonBody, Params},
    feed::{names, place, text, wanted},
    paging::{Paging, page},
    view::{Count, DeadNotice, DeadSelection, List, MadeNotice, NewNotice, Notice, NoticeTest},
};
use crate::{model::Secret, sync};
use axum::{
    Json,
    extract::{self, Path},
    http::StatusCode,
};

/// `GET /notices`, by name.
pub(super) async fn list(extract::State(parts): State) -> Result<Json<List<Notice>>, Error> {
    let notices = parts.notices.list().await?;
    Ok(Json(List::whole(notices.into_iter().map(Notice::from).collect())))
}

/// `POST /notices`. The key is shown where the host made it, this once.
pub(super) async fn create(
    extract::State(parts): State,
    JsonBody(new): JsonBody<NewNotice>,
) -> Result<(StatusCode, Json<MadeNotice>), Error> {
    let new = sync::NewNotice {
        name: new.name,
        url: new.url,
        channel: new.channel,
        connectors: new.connectors,
        with_payload: new.with_payload,
        secret: new.secret.map(Secret::new),
    };
    let (notice, secret) = parts.notices.create(new).await?;
    let secret = secret.map(|secret| secret.expose().to_owned());
    Ok((StatusCode::CREATED, Json(MadeNotice { notice: notice.into(), secret })))
}

/// `GET /notices/{name}`.
pub(super) async fn show(
    extract::State(parts): State,
    Path(name): Path<String>,
) -> Result<Json<Notice>, Error> {
    Ok(Json(parts.notices.get(&name).await?.into()))
}

/// `POST /notices/{name}/pause`.
pub(super) async fn pause(
    extract::State(parts): State,
    Path(name): Path<String>,
) -> Result<Json<Notice>, Error> {
    Ok(Json(parts.notices.set_paused(&name, true).await?.into()))
}

/// `POST /notices/{name}/resume`.
pub(super) async fn resume(
    extract::State(parts): State,
    Path(name): Path<String>,
) -> Result<Json<Notice>, Error> {
    Ok(Json(parts.notices.set_paused(&name, false).await?.into()))
}

/// `POST /notices/{name}/test`. An address that refuses is a report, not an error.
pub(super) async fn test(
    extract::State(parts): State,
    Path(name): Path<String>,
) -> Result<Json<NoticeTest>, Error> {
    Ok(Json(NoticeTest::from(parts.notices.test(&name).await?)))
}

/// `DELETE /notices/{name}`, with all that it had to tell.
pub(super) async fn delete(
    extract::State(parts): State,
    Path(name): Path<String>,
) -> Result<StatusCode, Error> {
    parts.notices.delete(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /notices/{name}/dead`.
pub(super) async fn dead(
    extract::State(parts): State,
    Path(name): Path<String>,
    Params(paging): Params<Paging>,
) -> Result<Json<List<DeadNotice>>, Error> {
    let (limit, names) = (paging.limit(), names(&parts).await?);
    let after = paging.after.as_deref().map(place).transpose()?;
    let found = parts.notices.dead(&name, after.as_ref(), limit + 1).await?;
    let List { items, next } = page(found, limit, |(key, _)| text(key));
    let items = items.into_iter().map(|(key, dead)| {
        let channel = names.get(&key.channel).cloned();
        DeadNotice::of(channel, key, dead)
    });
    Ok(Json(List { items: items.collect(), next }))
}

/// `POST /notices/{name}/dead/retry`.
pub(super) async fn retry(
    extract::State(parts): State,
    Path(name): Path<String>,
    JsonBody(selection): JsonBody<DeadSelection>,
) -> Result<Json<Count>, Error> {
    let wanted = wanted(&parts, selection).await?;
    Ok(Json(Count { count: parts.notices.retry_dead(&name, wanted).await? }))
}

/// `POST /notices/{name}/dead/drop`.
pub(super) async fn drop(
    extract::State(parts): State,
    Path(name): Path<String>,
    JsonBody(selection): JsonBody<DeadSelection>,
) -> Result<Json<Count>, Error> {
    let wanted = wanted(&parts, selection).await?;
    Ok(Json(Count { count: parts.notices.drop_dead(&name, wanted).await? }))
}
