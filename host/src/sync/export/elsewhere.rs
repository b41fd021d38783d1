//! Which records a local change waits for: the one that it belongs to, and those that it names.
//!
//! It reads, and decides nothing.

use crate::{
    model::{ChannelId, Connector, Name, Outgoing, RecordKey, Write},
    store::{self, Store},
    sync::reconcile::value,
};
use serde_json::Value;

/// Where a record is remotely.
pub(super) enum Elsewhere {
    There(RecordKey),
    NotYet,
}

/// The remote id of a record of one of these connectors.
pub(super) async fn elsewhere(
    store: &Store,
    channel: ChannelId,
    connectors: &[Name],
    key: RecordKey,
) -> store::Result<Elsewhere> {
    for connector in connectors {
        let link = store.links().remotes(channel, connector, vec![key.clone()]).await?.pop().flatten();
        if let Some(remote) = link {
            return Ok(Elsewhere::There(remote));
        }
        let waits = store.outbox().get(channel, connector, &key).await?;
        if waits.is_some_and(|row| row.kind == Write::Create) {
            return Ok(Elsewhere::NotYet);
        }
    }
    // One that was imported has its remote id for a key.
    Ok(Elsewhere::There(key))
}

/// Whether a row has to wait for another record. Of a connector that `is_mapped` only the parent is
/// looked at: what its payload names is known in the remote form alone.
pub(in crate::sync) async fn waits_for_another(
    store: &Store,
    channel: ChannelId,
    connector: &Connector,
    row: &Outgoing,
    is_mapped: bool,
) -> store::Result<bool> {
    let record = store.records().get(channel, &connector.id, &row.key).await?;
    let is_missing = async |connectors: &[Name], key: RecordKey| -> store::Result<bool> {
        Ok(matches!(elsewhere(store, channel, connectors, key).await?, Elsewhere::NotYet))
    };
    if let Some(parent) = record.as_ref().and_then(|record| record.parent.clone())
        && is_missing(&connector.depends_on, parent).await?
    {
        return Ok(true);
    }
    if is_mapped || connector.references.is_empty() {
        return Ok(false);
    }
    let sent = row.sent.as_ref().filter(|sent| sent.kind != Write::Delete).map(|sent| &sent.payload);
    let Some(payload) = sent.or(record.as_ref().map(|record| &record.payload)) else { return Ok(false) };
    for (other, key) in named(connector, &value(payload)) {
        if is_missing(&[other], key).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The records that a payload names, with their connectors.
pub(super) fn named(connector: &Connector, payload: &Value) -> Vec<(Name, RecordKey)> {
    let mut found = Vec::new();
    for reference in &connector.references {
        let values = match payload.pointer(&reference.field) {
            Some(Value::Array(values)) => values.iter().collect(),
            Some(value) => vec![value],
            None => Vec::new(),
        };
        let keys = values.into_iter().filter_map(text).filter_map(|text| RecordKey::try_new(text).ok());
        found.extend(keys.map(|key| (reference.connector.clone(), key)));
    }
    found
}

/// A key as it stands in a payload.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
