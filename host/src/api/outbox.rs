//! The changes that wait to be exported: looking at them, another try, giving them up.

use super::{
    Error, Parts, State,
    body::{JsonBody, Params},
    local::{At, By, target},
    paging::cut,
    view::{AskedAgain, GivenUp, List, Outgoing, OutgoingDetail, OutgoingSelection},
};
use crate::{
    model::{Channel, Class, Name, RecordKey},
    sync::{Sieve, Waiting},
};
use axum::{
    Json,
    extract::{self, Path},
    http::StatusCode,
};
use serde::Deserialize;

/// Rows that one request looks at: few may be refused of many that wait.
const LOOK: usize = 2_000;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct ListParams {
    connector: Option<Name>,
    #[serde(default)]
    refused: bool,
    after: Option<String>,
    limit: Option<usize>,
}

/// `GET /channels/{name}/outbox`, by connector and key. A page may hold few, or none, though
/// there are more: `next` alone says so.
pub(super) async fn list(
    extract::State(parts): State,
    Path(name): Path<String>,
    Params(params): Params<ListParams>,
) -> Result<Json<List<Outgoing>>, Error> {
    let channel = parts.channels.get(&name).await?;
    let after = params.after.as_deref().map(place).transpose()?;
    let limit = cut(params.limit);
    let (mut items, mut looked) = (Vec::new(), 0);
    for connector in connectors_of(&parts, &channel) {
        if params.connector.as_ref().is_some_and(|one| *one != connector)
            || after.as_ref().is_some_and(|(at, _)| connector < *at)
        {
            continue;
        }
        let mut from = after.clone().filter(|(at, _)| *at == connector).map(|(_, key)| key);
        loop {
            let rows = parts.store.outbox().list(channel.id, &connector, from.as_ref(), limit).await?;
            let is_end = rows.len() < limit;
            looked += rows.len();
            for row in rows {
                from = Some(row.key.clone());
                if row.refused || !params.refused {
                    items.push(Outgoing { connector: Some(connector.clone()), ..row.into() });
                }
                if items.len() == limit {
                    break;
                }
            }
            if let Some(last) = from.as_ref().filter(|_| items.len() >= limit || looked >= LOOK) {
                return Ok(Json(List { items, next: Some(format!("{connector}/{last}")) }));
            }
            if is_end {
                break;
            }
        }
    }
    Ok(Json(List { items, next: None }))
}

/// `GET /channels/{name}/outbox/{connector}/{key}`: what would be sent.
pub(super) async fn show(extract::State(parts): State, at: At) -> Result<Json<OutgoingDetail>, Error> {
    let Waiting { row, record, remote, fields } = parts.sync.local().waiting(target(at)?).await?;
    let record = record.map(super::record::read).transpose()?;
    Ok(Json(OutgoingDetail { change: row.into(), remote, record, fields }))
}

/// `POST /channels/{name}/outbox/retry`.
pub(super) async fn retry(
    extract::State(parts): State,
    Path(name): Path<String>,
    JsonBody(selection): JsonBody<OutgoingSelection>,
) -> Result<(StatusCode, Json<AskedAgain>), Error> {
    let channel = parts.channels.get(&name).await?.name;
    let sieve = sieve(&selection)?;
    let asked = parts.sync.local().retry(&channel, &sieve).await?;
    expect(asked, &selection)?;
    Ok((StatusCode::ACCEPTED, Json(AskedAgain { asked })))
}

/// `POST /channels/{name}/outbox/drop`.
pub(super) async fn drop(
    extract::State(parts): State,
    Path(name): Path<String>,
    By(author): By,
    JsonBody(selection): JsonBody<OutgoingSelection>,
) -> Result<Json<GivenUp>, Error> {
    let channel = parts.channels.get(&name).await?.name;
    let dropped = parts.sync.local().give_up(&channel, &sieve(&selection)?, &author).await?;
    if dropped.in_flight > 0
        && let Some(key) = selection.key
    {
        return Err(crate::sync::Refusal::InFlight(key).into());
    }
    expect(dropped.dropped + dropped.in_flight, &selection)?;
    Ok(Json(GivenUp { dropped: dropped.dropped, in_flight: dropped.in_flight }))
}

/// What a body selects; whoever selects nothing in particular has to say so.
fn sieve(selection: &OutgoingSelection) -> Result<Sieve, Error> {
    let OutgoingSelection { connector, key, all } = selection.clone();
    let message = match (&connector, &key, all) {
        (Some(_), Some(_), false) | (_, None, true) => {
            return Ok(Sieve { connector, key, ..Sieve::default() });
        }
        (None, Some(_), _) => "a key needs the connector that it belongs to",
        (_, Some(_), true) => "give a key or `all`, not both",
        (_, None, false) => "give a connector and a key, or `all` if you mean all of them",
    };
    Err(Error::new(Class::InvalidData, "outbox.selection", message).with_status(StatusCode::BAD_REQUEST))
}

fn expect(found: u64, selection: &OutgoingSelection) -> Result<(), Error> {
    match &selection.key {
        Some(key) if found == 0 => Err(crate::sync::Refusal::NotWaiting(key.clone()).into()),
        _ => Ok(()),
    }
}

fn place(token: &str) -> Result<(Name, RecordKey), Error> {
    let parts = token
        .split_once('/')
        .and_then(|(connector, key)| Some((Name::try_new(connector).ok()?, RecordKey::try_new(key).ok()?)));
    parts.ok_or_else(|| {
        let message = "`after` is not what a list gave as `next`";
        Error::new(Class::InvalidData, "request.after", message).with_status(StatusCode::BAD_REQUEST)
    })
}

/// The connectors of a channel that are switched on or offered, by name.
pub(super) fn connectors_of(parts: &Parts, channel: &Channel) -> Vec<Name> {
    let offer = parts.catalog.offer(channel.channel_type.as_str());
    let offered = offer.iter().flat_map(|offer| &offer.channel_type.connectors);
    let mut all: Vec<Name> = offered.map(|connector| connector.id.clone()).collect();
    all.extend(channel.connectors.iter().cloned());
    all.sort_unstable();
    all.dedup();
    all
}

/// A channel of the name, or all, by name.
pub(super) async fn channels(parts: &Parts, name: Option<&str>) -> Result<Vec<Channel>, Error> {
    let mut channels = match name {
        Some(name) => vec![parts.channels.get(name).await?],
        None => parts.channels.list().await?,
    };
    channels.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(channels)
}
