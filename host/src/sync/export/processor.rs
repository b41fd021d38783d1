//! From a row of the outbox to the change that the guest gets. Pure.
//!
//! What was sent and not answered goes out again just as it was, whatever was edited since:
//! the remote system may have it already, and knows it by its idempotency key.

use super::{Export, elsewhere::text, reader::Ready};
use crate::{
    model::{Change, Connector, Failure, Outgoing, Record, Sent, Timestamp, Write},
    sync::{
        merge,
        reconcile::{payload, put},
    },
};
use bytes::Bytes;
use serde_json::{Map, Value};

/// A change that is ready to go.
#[derive(Clone, Debug)]
pub(super) struct Parcel {
    /// The row as it was read.
    pub(super) before: Outgoing,
    /// The row with the intent in it.
    pub(super) row: Outgoing,
    /// The record as it was read.
    pub(super) record: Option<Record>,
    pub(super) change: Change,
}

/// What becomes of the rows of a page.
pub(super) struct Packed {
    pub(super) parcels: Vec<Parcel>,
    /// Rows that cannot be sent as they are, and why.
    pub(super) spoiled: Vec<(Outgoing, Spoiled)>,
}

/// Why a row is not sent.
pub(super) enum Spoiled {
    /// It asks for nothing.
    Idle,
    /// It cannot be made into a change.
    Unfit(Failure),
}

/// Packs a page.
pub(super) fn pack(rows: Vec<Ready>, export: &Export<'_>) -> Packed {
    let now = export.clock.now();
    let mut packed = Packed { parcels: Vec::with_capacity(rows.len()), spoiled: Vec::new() };
    for ready in rows {
        match parcel(&ready, export.connector, now) {
            Ok(Some(parcel)) => packed.parcels.push(parcel),
            Ok(None) => packed.spoiled.push((ready.row, Spoiled::Idle)),
            Err(failure) => packed.spoiled.push((ready.row, Spoiled::Unfit(failure))),
        }
    }
    packed
}

/// None where there is nothing to send.
fn parcel(ready: &Ready, connector: &Connector, now: Timestamp) -> Result<Option<Parcel>, Failure> {
    let Ready { row, record, remote, parent, whole, base, names } = ready;
    let again = row.sent.is_some();
    let (kind, local) = match &row.sent {
        Some(sent) => (sent.kind, sent.payload.clone()),
        None => (row.kind, record.as_ref().map(|record| record.payload.clone()).unwrap_or_default()),
    };
    let nothing = || Value::Object(Map::new());
    let (fields, whole) = match kind {
        // What cannot be told in the remote form can be deleted all the same.
        Write::Delete => (nothing(), base.clone().unwrap_or_else(|_| nothing())),
        Write::Create | Write::Update => {
            let mut whole = whole.clone()?;
            rename(&mut whole, connector, |key| names.get(key).map(ToString::to_string));
            let from = if kind == Write::Create { nothing() } else { base.clone()? };
            (merge::diff(&from, &whole), whole)
        }
    };
    if kind == Write::Update && fields.as_object().is_some_and(Map::is_empty) {
        return Ok(None);
    }
    let change = Change {
        key: row.key.to_string(),
        kind,
        remote_key: remote.as_ref().map(ToString::to_string),
        parent: parent.as_ref().map(ToString::to_string),
        fields: payload(&fields),
        payload: payload(&whole),
        base_updated_ms: row
            .base
            .as_ref()
            .and_then(|base| base.updated)
            .and_then(|time| u64::try_from(time.as_millis()).ok()),
        idempotency_key: row.idempotency_key.clone(),
        again,
    };
    let sent = Sent { kind, at: now, payload: if kind == Write::Delete { Bytes::new() } else { local } };
    let intended = Outgoing { sent: Some(sent), ..row.clone() };
    Ok(Some(Parcel { before: row.clone(), row: intended, record: record.clone(), change }))
}

/// Puts remote ids where the payload names records by their keys here.
fn rename(payload: &mut Value, connector: &Connector, remote: impl Fn(&str) -> Option<String>) {
    for reference in &connector.references {
        let renamed = match payload.pointer(&reference.field) {
            Some(Value::Array(values)) => {
                let one = |value: &Value| text(value).and_then(|key| remote(&key)).map(Value::String);
                Some(Value::Array(
                    values.iter().map(|value| one(value).unwrap_or_else(|| value.clone())).collect(),
                ))
            }
            Some(value) => text(value).and_then(|key| remote(&key)).map(Value::String),
            None => None,
        };
        if renamed.is_some() {
            put(payload, &reference.field, renamed);
        }
    }
}
