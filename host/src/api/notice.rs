//! Notices of changes: making, showing and trying them, and what they gave up.

use super::{
    Error, Parts, State,
    body::{JsonBody, Params},
    paging::cut,
    view::{Count, DeadNotice, DeadSelection, List, MadeNotice, NewNotice, Notice, NoticeTest},
};
use crate::{
    model::{ChannelId, ChannelName, Class, Name, RecordKey, Secret},
    store::FeedKey,
    sync,
};
use axum::{
    Json,
    extract::{self, Path},
    http::StatusCode,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use std::collections::BTreeMap;

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

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct DeadParams {
    pub(super) after: Option<String>,
    pub(super) limit: Option<usize>,
}

/// `GET /notices/{name}/dead`.
pub(super) async fn dead(
    extract::State(parts): State,
    Path(name): Path<String>,
    Params(params): Params<DeadParams>,
) -> Result<Json<List<DeadNotice>>, Error> {
    let (limit, names) = (cut(params.limit), names(&parts).await?);
    let after = params.after.as_deref().map(place).transpose()?;
    let mut found = parts.notices.dead(&name, after.as_ref(), limit + 1).await?;
    let goes_on = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| goes_on).map(|(key, _)| text(key));
    let items = found.into_iter().map(|(key, dead)| {
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

/// What a selection picks. All of them are asked for by that word only.
pub(super) async fn wanted(
    parts: &Parts,
    selection: DeadSelection,
) -> Result<impl Fn(&FeedKey) -> bool + Send + std::marker::Sync, Error> {
    let DeadSelection { all, channel, connector, keys } = selection;
    if !all && channel.is_none() && connector.is_none() && keys.is_empty() {
        let message = "say which ones: channel, connector, keys, or all";
        return Err(
            Error::new(Class::InvalidData, "request.selection", message).with_status(StatusCode::BAD_REQUEST)
        );
    }
    let channel = match channel {
        Some(name) => Some(parts.channels.get(&name).await?.id),
        None => None,
    };
    Ok(move |key: &FeedKey| {
        channel.is_none_or(|channel| channel == key.channel)
            && connector.as_ref().is_none_or(|connector| *connector == key.connector)
            && (keys.is_empty() || keys.iter().any(|wanted| wanted == key.key.as_str()))
    })
}

pub(super) async fn names(parts: &Parts) -> Result<BTreeMap<ChannelId, ChannelName>, Error> {
    let channels = parts.channels.list().await?;
    Ok(channels.into_iter().map(|channel| (channel.id, channel.name)).collect())
}

pub(super) fn text(key: &FeedKey) -> String {
    let text = format!("{}/{}/{}", key.channel, key.connector, key.key);
    URL_SAFE_NO_PAD.encode(text)
}

pub(super) fn place(text: &str) -> Result<FeedKey, Error> {
    let read = || {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let (channel, rest) = text.split_once('/')?;
        let (connector, key) = rest.split_once('/')?;
        Some(FeedKey {
            channel: channel.parse().ok()?,
            connector: Name::try_new(connector).ok()?,
            key: RecordKey::try_new(key).ok()?,
        })
    };
    read().ok_or_else(|| {
        Error::new(Class::InvalidData, "request.after", "'after' is not what a page before answered as next")
            .with_status(StatusCode::BAD_REQUEST)
    })
}
