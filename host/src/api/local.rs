//! Writing records here, their links, and what became of them.

use super::{
    Error, State,
    body::{JsonBody, Params},
    record::{find, read},
    view::{Link, List, NewLink, Step, Written},
};
use crate::{
    model::{Author, ChannelName, Class, Name, RecordKey},
    sync::{self, Edit, Target, What},
};
use axum::{
    Json,
    extract::{self, FromRequestParts, Path},
    http::{StatusCode, request},
};
use serde::Deserialize;
use serde_json::Value;

/// Who asks, by the header `tidegate-author`.
pub(super) struct By(pub(super) Author);

/// The header that tells who asks.
pub(crate) const AUTHOR: &str = "tidegate-author";
/// The longest name of an author.
const LONGEST: usize = 64;

impl<S: Send + Sync> FromRequestParts<S> for By {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut request::Parts, _: &S) -> Result<Self, Error> {
        let Some(header) = parts.headers.get(AUTHOR) else {
            return Ok(Self(Author::Person("api".into())));
        };
        let name = header.to_str().ok().filter(|name| is_author(name)).ok_or_else(|| {
            let message = format!("`{AUTHOR}` is 1 to {LONGEST} visible ASCII characters");
            Error::new(Class::InvalidData, "request.author", message).with_status(StatusCode::BAD_REQUEST)
        })?;
        Ok(Self(Author::Person(name.to_owned())))
    }
}

/// Whether a text can stand for an author.
pub(crate) fn is_author(name: &str) -> bool {
    (1..=LONGEST).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The channel, the connector and the key of a path.
pub(super) type At = Path<(String, String, String)>;

/// What a path names.
pub(super) fn target(Path((channel, connector, key)): At) -> Result<Target, Error> {
    Ok(Target {
        channel: ChannelName::try_new(channel.clone())
            .map_err(|_| crate::channels::Error::NoChannel(channel))?,
        connector: Name::try_new(connector)?,
        key: RecordKey::try_new(key)?,
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct PutParams {
    parent: Option<RecordKey>,
}

/// `PUT /channels/{name}/records/{connector}/{key}?parent=…`: the body is the payload.
pub(super) async fn put(
    state: State,
    at: At,
    Params(params): Params<PutParams>,
    by: By,
    JsonBody(payload): JsonBody<Value>,
) -> Result<Json<Written>, Error> {
    write(state, at, by, What::Put { payload: object(payload)?, parent: params.parent }).await
}

/// `PATCH /channels/{name}/records/{connector}/{key}`: the body is a merge patch (RFC 7396).
pub(super) async fn patch(
    state: State,
    at: At,
    by: By,
    JsonBody(patch): JsonBody<Value>,
) -> Result<Json<Written>, Error> {
    write(state, at, by, What::Patch(object(patch)?)).await
}

/// `DELETE /channels/{name}/records/{connector}/{key}`.
pub(super) async fn delete(state: State, at: At, by: By) -> Result<Json<Written>, Error> {
    write(state, at, by, What::Delete).await
}

async fn write(
    extract::State(parts): State,
    at: At,
    By(author): By,
    what: What,
) -> Result<Json<Written>, Error> {
    let Target { channel, connector, key } = target(at)?;
    let written = parts.sync.local().write(Edit { channel, connector, key, author, what }).await?;
    Ok(Json(shown(written)?))
}

/// What came of a write, as it is shown.
pub(super) fn shown(written: sync::Written) -> Result<Written, Error> {
    let sync::Written { kind, fields, record, outgoing } = written;
    Ok(Written { kind, fields, record: record.map(read).transpose()?, outgoing: outgoing.map(Into::into) })
}

fn object(body: Value) -> Result<Value, Error> {
    if body.is_object() {
        return Ok(body);
    }
    let message = "the body must be a JSON object: the payload of the record, or a merge patch of it";
    Err(Error::new(Class::InvalidData, "request.body", message).with_status(StatusCode::BAD_REQUEST))
}

/// `GET /channels/{name}/records/{connector}/{key}/history`, the oldest change first. Kept
/// when the record is gone.
pub(super) async fn history(
    extract::State(parts): State,
    Path((name, connector, key)): At,
) -> Result<Json<List<Step>>, Error> {
    let (channel, connector) = find(&parts, &name, &connector).await?;
    let key = RecordKey::try_new(key)?;
    let trail = parts.store.trails().get_many(channel.id, &connector, vec![key.clone()]).await?;
    let items = trail.into_iter().next().unwrap_or_default();
    let is_known =
        !items.is_empty() || parts.store.records().get(channel.id, &connector, &key).await?.is_some();
    if !is_known {
        let message = format!("channel '{name}' has no {connector} '{key}'");
        return Err(Error::new(Class::NotFound, "record.unknown", message));
    }
    Ok(Json(List { items, next: None }))
}

/// `PUT /channels/{name}/records/{connector}/{key}/link`.
pub(super) async fn link(
    extract::State(parts): State,
    at: At,
    JsonBody(NewLink { remote }): JsonBody<NewLink>,
) -> Result<Json<Link>, Error> {
    let link = parts.sync.local().link(target(at)?, remote).await?;
    Ok(Json(Link { key: link.local, remote: link.remote }))
}

/// `DELETE /channels/{name}/records/{connector}/{key}/link`.
pub(super) async fn unlink(extract::State(parts): State, at: At) -> Result<Json<Link>, Error> {
    let link = parts.sync.local().unlink(target(at)?).await?;
    Ok(Json(Link { key: link.local, remote: link.remote }))
}
