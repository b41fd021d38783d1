//! The records that failed: looking at them, another try, giving them up.

mod exports;

use super::{
    Error, Parts, State,
    body::{JsonBody, Params},
    local::By,
    paging::cut,
    view::{Dropped, Hopeless, Job, List, Quarantined, Retried, Selection},
};
use crate::{
    model::{Channel, ChannelId, ChannelName, Class, Name, Span},
    store::{Place, Sought},
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

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct ListParams {
    channel: Option<String>,
    connector: Option<Name>,
    code: Option<String>,
    class: Option<Class>,
    since: Option<Span>,
    after: Option<String>,
    limit: Option<usize>,
}

/// `GET /quarantine?channel=…`, by channel, connector and key. Each request looks at a
/// bounded number of entries, so a page may hold few of those that are sought, or none,
/// though there are more: `next` alone says so.
pub(super) async fn list(
    extract::State(parts): State,
    Params(params): Params<ListParams>,
) -> Result<Json<List<Quarantined>>, Error> {
    let limit = cut(params.limit);
    let names = names(&parts, params.channel.as_deref()).await?;
    let sought = Sought {
        channel: params.channel.as_ref().and_then(|_| names.keys().next().copied()),
        connector: params.connector,
        code: params.code,
        class: params.class,
        since: params.since.map(|span| parts.sync.quarantine().ago(span)),
    };
    let exports = exports::Sought {
        names: &names,
        connector: sought.connector.clone(),
        sieve: exports::sieve(&sought),
    };
    let after = params.after.as_deref();
    let (mut items, after) = match after.and_then(exports::begun).or(after.is_none().then_some("")) {
        Some(token) => {
            let page = exports.list(&parts, token, limit).await?;
            if page.next.is_some() || page.items.len() >= limit {
                return Ok(Json(page));
            }
            (page.items, None)
        }
        None => (Vec::new(), after.map(place).transpose()?),
    };
    let limit = limit - items.len();
    let mut found = parts.store.quarantine().search(sought, after, limit + 1).await?;
    if found.entries.len() > limit {
        found.entries.truncate(limit);
        found.next = found.entries.last().map(|(place, _)| place.clone());
    }
    let next = found.next.map(|place| URL_SAFE_NO_PAD.encode(place.to_bytes()));
    for entries in
        found.entries.chunk_by(|(a, _), (b, _)| (a.channel, &a.connector) == (b.channel, &b.connector))
    {
        // A channel that is being deleted has no name any more.
        let (Some((first, _)), keys) = (entries.first(), entries.iter().map(|(place, _)| place.key.clone()))
        else {
            continue;
        };
        let Some(name) = names.get(&first.channel) else { continue };
        let retry = is_tried_again(&parts, first.channel, &first.connector, keys.collect()).await?;
        items.extend(entries.iter().zip(retry).map(|((place, entry), retry)| {
            Quarantined::of(name.clone(), place.connector.clone(), entry.clone(), retry)
        }));
    }
    Ok(Json(List { items, next }))
}

/// `GET /channels/{name}/quarantine/{connector}/{key}`, with its payload.
pub(super) async fn show(
    extract::State(parts): State,
    Path((name, connector, key)): Path<(String, String, String)>,
) -> Result<Json<Quarantined>, Error> {
    let connector = Name::try_new(connector)?;
    let channel = parts.channels.get(&name).await?;
    let entry = parts.store.quarantine().get(channel.id, &connector, &key).await?;
    let Some(entry) = entry else {
        let refused = exports::get(&parts, &channel, &connector, &key).await?;
        return refused.map(Json).ok_or_else(|| not_found(&name, connector.as_str(), &key));
    };
    let retry = is_tried_again(&parts, channel.id, &connector, vec![key]).await?;
    Ok(Json(Quarantined::of(channel.name, connector, entry, retry == [true])))
}

/// `POST /channels/{name}/quarantine/retry`.
pub(super) async fn retry(
    extract::State(parts): State,
    Path(name): Path<String>,
    JsonBody(selection): JsonBody<Selection>,
) -> Result<(StatusCode, Json<Retried>), Error> {
    let channel = parts.channels.get(&name).await?;
    let wanted = wanted(&parts, &selection)?;
    let exported = match exports::of(&wanted) {
        Some(sieve) => exports::retry(&parts, &channel, &sieve).await?,
        None => 0,
    };
    let retried = match parts.sync.quarantine().retry(&channel.name, wanted).await? {
        Some(retried) => retried,
        None if exported > 0 => sync::Retried::default(),
        None => return Err(missing(&channel, &selection)),
    };
    let reasons = retried.told.into_iter().map(|hopeless| Hopeless::of(&channel.name, hopeless)).collect();
    let retried = Retried {
        asked: retried.asked,
        judged: retried.judged,
        exported,
        cannot: retried.cannot,
        reasons,
        job: retried.job.map(Job::from),
        refused: retried.refused.map(|error| Error::from(error).into_problem()),
    };
    Ok((StatusCode::ACCEPTED, Json(retried)))
}

/// `POST /channels/{name}/quarantine/drop`.
pub(super) async fn drop(
    extract::State(parts): State,
    Path(name): Path<String>,
    By(author): By,
    JsonBody(selection): JsonBody<Selection>,
) -> Result<Json<Dropped>, Error> {
    let channel = parts.channels.get(&name).await?;
    let wanted = wanted(&parts, &selection)?;
    let exports = match exports::of(&wanted) {
        Some(sieve) => exports::drop(&parts, &channel, &sieve, &author).await?,
        None => 0,
    };
    let dropped = parts.sync.quarantine().give_up(channel.id, wanted).await? + exports;
    if dropped == 0 && selection.key.is_some() {
        return Err(missing(&channel, &selection));
    }
    Ok(Json(Dropped { dropped }))
}

/// The names of the channels that are looked at.
async fn names(parts: &Parts, channel: Option<&str>) -> Result<BTreeMap<ChannelId, ChannelName>, Error> {
    let channels = match channel {
        Some(name) => vec![parts.channels.get(name).await?],
        None => parts.channels.list().await?,
    };
    Ok(channels.into_iter().map(|channel| (channel.id, channel.name)).collect())
}

/// Whether entries wait for another try: their payload is to be judged, or their key is due.
async fn is_tried_again(
    parts: &Parts,
    channel: ChannelId,
    connector: &Name,
    keys: Vec<String>,
) -> Result<Vec<bool>, Error> {
    let judged = parts.store.quarantine().is_to_retry(channel, connector, keys.clone()).await?;
    let asked = parts.store.due().are_waiting(channel, connector, keys).await?;
    Ok(judged.into_iter().zip(asked).map(|(judged, asked)| judged || asked).collect())
}

/// What a body selects; whoever selects nothing in particular has to say so.
fn wanted(parts: &Parts, selection: &Selection) -> Result<sync::Selection, Error> {
    let Selection { connector, key, code, class, since, all } = selection.clone();
    let is_filtered = code.is_some() || class.is_some() || since.is_some();
    match (key, connector, is_filtered, all) {
        (Some(key), Some(connector), false, false) => Ok(sync::Selection::One(connector, key)),
        (Some(_), None, ..) => Err(unclear("a key needs the connector that it belongs to")),
        (Some(_), ..) => Err(unclear("a key selects one record: give no filter with it")),
        (None, _, true, true) => Err(unclear("give a filter or `all`, not both")),
        (None, _, false, false) => {
            Err(unclear("give a key, a filter (code, class, since), or `all` if you mean all of them"))
        }
        (None, connector, ..) => {
            let since = since.map(|span| parts.sync.quarantine().ago(span));
            Ok(sync::Selection::Fitting(Sought { channel: None, connector, code, class, since }))
        }
    }
}

fn place(token: &str) -> Result<Place, Error> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok();
    bytes.and_then(|bytes| Place::from_bytes(&bytes)).ok_or_else(|| {
        let message = "`after` is not what a list gave as `next`";
        Error::new(Class::InvalidData, "request.after", message).with_status(StatusCode::BAD_REQUEST)
    })
}

fn unclear(message: &str) -> Error {
    Error::new(Class::InvalidData, "quarantine.selection", message).with_status(StatusCode::BAD_REQUEST)
}

fn missing(channel: &Channel, selection: &Selection) -> Error {
    let connector = selection.connector.as_ref().map_or("", Name::as_str);
    let key = selection.key.as_deref().unwrap_or_default();
    not_found(channel.name.as_str(), connector, key)
}

fn not_found(channel: &str, connector: &str, key: &str) -> Error {
    let message = format!("channel '{channel}' has no {connector} '{key}' in quarantine");
    Error::new(Class::NotFound, "quarantine.unknown", message)
}
