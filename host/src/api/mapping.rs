//! Mappings: saved, taken away, and tried on records before.

use super::{
    Error, Parts, State,
    body::JsonBody,
    record::find,
    view::{MappingPreview, MappingState, NewMappingTest},
};
use crate::{
    model::{Channel, Class, Mapping, Name},
    sync::mapping::{Lint, PreviewAsk, PreviewOf},
};
use axum::{
    Json,
    extract::{self, Path},
};

/// Records that a preview shows unless somebody wants more or fewer, and at most.
const SHOWN: usize = 5;
const MOST: usize = 100;

/// `GET /channels/{name}/mappings/{connector}`.
pub(super) async fn show(
    extract::State(parts): State,
    Path((name, connector)): Path<(String, String)>,
) -> Result<Json<MappingState>, Error> {
    let (channel, connector) = find(&parts, &name, &connector).await?;
    Ok(Json(state(&parts, &channel, &connector)))
}

/// `PUT /channels/{name}/mappings/{connector}`: the whole mapping. It counts for records
/// that come from now on.
pub(super) async fn set(
    extract::State(parts): State,
    Path((name, connector)): Path<(String, String)>,
    JsonBody(mapping): JsonBody<Mapping>,
) -> Result<Json<MappingState>, Error> {
    let (_, connector) = find(&parts, &name, &connector).await?;
    parts.sync.check_mapping(&mapping).await?;
    let channel = parts.channels.set_mapping(&name, &connector, Some(mapping)).await?;
    Ok(Json(state(&parts, &channel, &connector)))
}

/// `DELETE /channels/{name}/mappings/{connector}`: records that come from now on are kept
/// as they are delivered.
pub(super) async fn remove(
    extract::State(parts): State,
    Path((name, connector)): Path<(String, String)>,
) -> Result<Json<MappingState>, Error> {
    let (_, connector) = find(&parts, &name, &connector).await?;
    let channel = parts.channels.set_mapping(&name, &connector, None).await?;
    Ok(Json(state(&parts, &channel, &connector)))
}

/// `POST /channels/{name}/mappings/{connector}/test`. Writes nothing.
pub(super) async fn test(
    extract::State(parts): State,
    Path((name, connector)): Path<(String, String)>,
    JsonBody(new): JsonBody<NewMappingTest>,
) -> Result<Json<MappingPreview>, Error> {
    let (channel, connector) = find(&parts, &name, &connector).await?;
    let NewMappingTest { mapping, key, payload, limit } = new;
    let mapping = mapping.unwrap_or_else(|| saved(&channel, &connector));
    let lints = lints(&parts, &channel, &connector, &mapping);
    let of = match (payload, &key) {
        (Some(payload), _) => PreviewOf::Payload(payload.to_string().into()),
        (None, Some(key)) => PreviewOf::Key(key.clone()),
        (None, None) => PreviewOf::First,
    };
    let asked = PreviewAsk { mapping, of, limit: limit.unwrap_or(SHOWN).clamp(1, MOST) };
    let preview = parts.sync.preview_mapping(&channel, &connector, asked).await?;
    if let Some(key) = key
        && !preview.is_found
    {
        let message = format!("channel '{name}' has no {connector} '{key}'");
        return Err(Error::new(Class::NotFound, "record.unknown", message));
    }
    Ok(Json(MappingPreview {
        lints: lints.into_iter().map(Into::into).collect(),
        items: preview.records.into_iter().map(Into::into).collect(),
        note: preview.note,
    }))
}

fn state(parts: &Parts, channel: &Channel, connector: &Name) -> MappingState {
    let mapping = saved(channel, connector);
    let lints = lints(parts, channel, connector, &mapping).into_iter().map(Into::into).collect();
    MappingState { mapping, lints }
}

fn saved(channel: &Channel, connector: &Name) -> Mapping {
    channel.mappings.get(connector).cloned().unwrap_or_default()
}

fn lints(parts: &Parts, channel: &Channel, connector: &Name, mapping: &Mapping) -> Vec<Lint> {
    let offer = parts.catalog.offer(channel.channel_type.as_str());
    let offered = offer.as_ref().and_then(|offer| offer.channel_type.connector(connector.as_str()));
    parts.sync.lint_mapping(channel, offered, mapping)
}
