//! Conflicts between local and remote edits: looking at them, and deciding those that wait.

use super::{
    Error, Parts, State,
    body::{JsonBody, Params},
    local::{By, shown},
    outbox::{channels, connectors_of},
    paging::cut,
    view::{Choice, Conflict, List, Resolution, Side, Written},
};
use crate::{
    model::{Class, ConflictId, Name},
    sync::{Decision, Pick, Target},
};
use axum::{
    Json,
    extract::{self, Path},
    http::StatusCode,
};
use serde::Deserialize;
use std::str::FromStr;

/// Conflicts that one request looks at: few may wait of many that are kept.
const LOOK: usize = 2_000;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct ListParams {
    channel: Option<String>,
    connector: Option<Name>,
    #[serde(default)]
    held: bool,
    after: Option<String>,
    limit: Option<usize>,
}

/// `GET /conflicts?channel=…`, by channel, connector and age. A page may hold few, or none,
/// though there are more: `next` alone says so.
pub(super) async fn list(
    extract::State(parts): State,
    Params(params): Params<ListParams>,
) -> Result<Json<List<Conflict>>, Error> {
    let after = params.after.as_deref().map(place).transpose()?;
    let limit = cut(params.limit);
    let (mut items, mut looked) = (Vec::new(), 0);
    for channel in channels(&parts, params.channel.as_deref()).await? {
        for connector in connectors_of(&parts, &channel) {
            let here = (channel.name.to_string(), connector.to_string());
            let at = after.as_ref().map(|(channel, connector, _)| (channel.clone(), connector.clone()));
            if params.connector.as_ref().is_some_and(|one| *one != connector)
                || at.as_ref().is_some_and(|at| here < *at)
            {
                continue;
            }
            let mut from = after.as_ref().filter(|_| at == Some(here)).map(|(_, _, id)| *id);
            loop {
                let found = parts.store.conflicts().list(channel.id, &connector, from, limit).await?;
                let is_end = found.len() < limit;
                looked += found.len();
                for conflict in found {
                    from = Some(conflict.id);
                    let conflict = Conflict::of(channel.name.clone(), connector.clone(), conflict);
                    if conflict.waits || !params.held {
                        items.push(conflict);
                    }
                    if items.len() == limit {
                        break;
                    }
                }
                if let Some(last) = from.filter(|_| items.len() >= limit || looked >= LOOK) {
                    return Ok(Json(List {
                        items,
                        next: Some(format!("{}/{connector}/{last}", channel.name)),
                    }));
                }
                if is_end {
                    break;
                }
            }
        }
    }
    Ok(Json(List { items, next: None }))
}

/// `GET /conflicts/{id}`.
pub(super) async fn show(
    extract::State(parts): State,
    Path(id): Path<String>,
) -> Result<Json<Conflict>, Error> {
    Ok(Json(find(&parts, ConflictId::from_str(&id)?).await?))
}

/// `POST /conflicts/{id}/resolve`.
pub(super) async fn resolve(
    extract::State(parts): State,
    Path(id): Path<String>,
    By(author): By,
    JsonBody(resolution): JsonBody<Resolution>,
) -> Result<Json<Written>, Error> {
    let Conflict { id, channel, connector, key, .. } = find(&parts, ConflictId::from_str(&id)?).await?;
    let target = Target { channel, connector, key };
    let written = parts.sync.local().resolve(target, id, &decision(resolution), &author).await?;
    Ok(Json(shown(written)?))
}

fn decision(Resolution { take, fields }: Resolution) -> Decision {
    let take = take.map(|side| match side {
        Side::Local => Pick::Local,
        Side::Remote => Pick::Remote,
    });
    let pick = |choice| match choice {
        Choice::Local => Pick::Local,
        Choice::Remote => Pick::Remote,
        Choice::Value(value) => Pick::Value(value),
    };
    Decision { take, fields: fields.into_iter().map(|(field, choice)| (field, pick(choice))).collect() }
}

/// An id names no channel: conflicts are few, and people look at them one by one.
async fn find(parts: &Parts, id: ConflictId) -> Result<Conflict, Error> {
    for channel in channels(parts, None).await? {
        for connector in connectors_of(parts, &channel) {
            if let Some(conflict) = parts.store.conflicts().get(channel.id, &connector, id).await? {
                return Ok(Conflict::of(channel.name, connector, conflict));
            }
        }
    }
    Err(Error::new(Class::NotFound, "conflict.unknown", format!("there is no conflict '{id}'")))
}

fn place(token: &str) -> Result<(String, String, ConflictId), Error> {
    let mut parts = token.splitn(3, '/');
    let found = (|| {
        let (channel, connector, id) = (parts.next()?, parts.next()?, parts.next()?);
        Some((channel.to_owned(), connector.to_owned(), ConflictId::from_str(id).ok()?))
    })();
    found.ok_or_else(|| {
        let message = "`after` is not what a list gave as `next`";
        Error::new(Class::InvalidData, "request.after", message).with_status(StatusCode::BAD_REQUEST)
    })
}
