//! What becomes of a record that was changed here when its remote state is learnt.
//!
//! Pure. It knows no keys' way through a page and writes nothing: an import and the answer
//! to an export come to the same here.
//!
//! While a local change waits, its row holds the remote state that was known when it was
//! made, the *base*. What the remote system has now is merged with what is here, field by
//! field, and becomes the new base. Where nothing is left to export, the row goes.

use super::merge::{self, Merged, Side};
use crate::model::{
    Author, Conflict, ConflictId, ConflictPolicy, FieldConflict, Outgoing, Record, RecordKey, RunId, Sent,
    Taken, Timestamp, Version, Write,
};
use bytes::Bytes;
use serde_json::{Map, Value};

/// What the remote system has.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Remote {
    /// The record, as it stands.
    Is(Version),
    /// Nothing (any more).
    Gone(Option<Timestamp>),
}

/// By what a record is judged.
pub(super) struct Rules {
    pub(super) policy: ConflictPolicy,
    pub(super) run: RunId,
    pub(super) now: Timestamp,
}

/// What has to change.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Reconciled {
    /// The record; none: it is not here (any more).
    pub(super) record: Option<Record>,
    /// What is still to be exported.
    pub(super) row: Option<Outgoing>,
    /// What excluded each other.
    pub(super) conflict: Option<Conflict>,
    /// JSON Pointers of the fields of the local record that changed.
    pub(super) fields: Vec<String>,
}

/// Merges what is here, what waits to be exported, and what the remote system has.
pub(super) fn reconcile(local: Option<&Record>, row: &Outgoing, remote: Remote, rules: &Rules) -> Reconciled {
    match (local, remote) {
        (Some(local), Remote::Is(remote)) => merged(local, row, remote, rules),
        (None, Remote::Is(remote)) => deleted_here(row, remote, rules),
        (Some(local), Remote::Gone(at)) => deleted_there(local, row, at, rules),
        (None, Remote::Gone(_)) => Reconciled { record: None, row: None, conflict: None, fields: Vec::new() },
    }
}

/// A row of a local record that was compared with nothing yet.
pub(super) fn fresh(key: RecordKey, kind: Write, author: Author, now: Timestamp) -> Outgoing {
    Outgoing {
        key,
        kind,
        base: None,
        sent: None,
        idempotency_key: new_key(),
        author,
        since: now,
        changed: now,
        tries: 0,
        due: None,
        failure: None,
        refused: false,
        held: None,
    }
}

/// A new idempotency key: visible ASCII, and never the same twice.
pub(super) fn new_key() -> String {
    ConflictId::new().to_string().to_ascii_lowercase()
}

/// A payload as a value. One that is stored is JSON; if it is not, it is compared whole.
pub(super) fn value(payload: &Bytes) -> Value {
    serde_json::from_slice(payload).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(payload).into()))
}

/// A value as a payload.
pub(super) fn payload(value: &Value) -> Bytes {
    serde_json::to_vec(value).expect("JSON values are JSON").into()
}

fn merged(local: &Record, row: &Outgoing, remote: Version, rules: &Rules) -> Reconciled {
    let (here, there) = (value(&local.payload), value(&remote.payload));
    let base = base_of(row, &there);
    let Merged { value: made, patch, conflicts } =
        merge::merge(&base, &here, &there, rules.policy, newer(row, remote.updated));
    let conflict = (!conflicts.is_empty()).then(|| noted(row, conflicts, rules));
    let fields = merge::changed_fields(&here, &made);
    // What was delivered stays as it was written, byte for byte, where nothing else counts.
    let is_remote = made == there;
    let payload = match (is_remote, fields.is_empty()) {
        (true, _) => remote.payload.clone(),
        (false, true) => local.payload.clone(),
        (false, false) => payload(&made),
    };
    let parent = remote.parent.clone().or_else(|| local.parent.clone());
    let record = Record {
        parent,
        updated: remote.updated.or(local.updated),
        imported: rules.now,
        run: rules.run,
        payload,
        ..local.clone()
    };
    let held = conflict.as_ref().filter(|conflict| conflict.held).map(|conflict| conflict.id);
    let held = held.or(row.held).filter(|_| !is_remote);
    let is_settled = is_nothing(&patch) && held.is_none();
    let left = (!is_settled).then(|| rebased(row, Write::Update, Some(remote), held));
    Reconciled { record: Some(record), row: left, conflict, fields }
}

/// What the remote state is compared with: the base, with what was sent and has arrived.
/// The answer may be lost, but what is there just as it was sent is no edit of theirs.
fn base_of(row: &Outgoing, there: &Value) -> Value {
    let mut base = row.base.as_ref().map_or_else(|| Value::Object(Map::new()), |base| value(&base.payload));
    let Some(Sent { payload, kind, .. }) = row.sent.as_ref().filter(|sent| sent.kind != Write::Delete) else {
        return base;
    };
    let sent = value(payload);
    if *kind == Write::Create {
        // All of it was made by us; what differs was changed there.
        return sent;
    }
    for field in merge::changed_fields(&base, &sent) {
        if sent.pointer(&field) == there.pointer(&field) {
            put(&mut base, &field, sent.pointer(&field).cloned());
        }
    }
    base
}

/// Sets what a JSON Pointer leads to, or takes it away. Objects on the way are made.
pub(super) fn put(target: &mut Value, pointer: &str, new: Option<Value>) {
    let Some((parent, name)) = pointer.rsplit_once('/') else {
        *target = new.unwrap_or_default();
        return;
    };
    let name = name.replace("~1", "/").replace("~0", "~");
    if target.pointer(parent).is_none_or(|place| !place.is_object()) {
        if new.is_none() {
            return;
        }
        put(target, parent, Some(Value::Object(Map::new())));
    }
    let Some(members) = target.pointer_mut(parent).and_then(Value::as_object_mut) else { return };
    match new {
        Some(new) => {
            members.insert(name, new);
        }
        None => {
            members.shift_remove(&name);
        }
    }
}

fn deleted_here(row: &Outgoing, remote: Version, rules: &Rules) -> Reconciled {
    let is_as_it_was = row.base.as_ref().is_some_and(|base| value(&base.payload) == value(&remote.payload))
        || row.sent.as_ref().is_some_and(|sent| sent.kind != Write::Delete);
    if is_as_it_was {
        let row = rebased(row, Write::Delete, Some(remote), row.held);
        return Reconciled { record: None, row: Some(row), conflict: None, fields: Vec::new() };
    }
    let taken = taken(rules.policy, newer(row, remote.updated));
    let there = value(&remote.payload);
    let base = row.base.as_ref().map(|base| value(&base.payload));
    let field = FieldConflict { field: String::new(), base, local: None, remote: Some(there), taken };
    let conflict = noted(row, vec![field], rules);
    let back = |remote: Version| Record {
        key: row.key.clone(),
        parent: remote.parent,
        updated: remote.updated,
        imported: rules.now,
        run: rules.run,
        payload: remote.payload,
    };
    let (record, left, fields) = match taken {
        Taken::Remote => (Some(back(remote)), None, vec![String::new()]),
        Taken::Local => (None, Some(rebased(row, Write::Delete, Some(remote), None)), Vec::new()),
        Taken::Held => (None, Some(rebased(row, Write::Delete, Some(remote), Some(conflict.id))), Vec::new()),
    };
    Reconciled { record, row: left, conflict: Some(conflict), fields }
}

fn deleted_there(local: &Record, row: &Outgoing, at: Option<Timestamp>, rules: &Rules) -> Reconciled {
    if row.kind == Write::Create && row.base.is_none() && row.sent.is_none() {
        // It has never been there.
        let (record, row) = (Some(local.clone()), Some(row.clone()));
        return Reconciled { record, row, conflict: None, fields: Vec::new() };
    }
    let taken = taken(rules.policy, newer(row, at));
    let base = row.base.as_ref().map(|base| value(&base.payload));
    let here = Some(value(&local.payload));
    let field = FieldConflict { field: String::new(), base, local: here, remote: None, taken };
    let conflict = noted(row, vec![field], rules);
    let (record, left, fields) = match taken {
        Taken::Remote => (None, None, vec![String::new()]),
        Taken::Local => (Some(local.clone()), Some(rebased(row, Write::Create, None, None)), Vec::new()),
        Taken::Held => {
            let row = rebased(row, Write::Create, None, Some(conflict.id));
            (Some(local.clone()), Some(row), Vec::new())
        }
    };
    Reconciled { record, row: left, conflict: Some(conflict), fields }
}

/// The row as it goes on, compared with another remote state: what was sent before has
/// nothing to say any more.
fn rebased(row: &Outgoing, kind: Write, base: Option<Version>, held: Option<ConflictId>) -> Outgoing {
    Outgoing {
        kind,
        base,
        sent: None,
        idempotency_key: new_key(),
        failure: None,
        refused: false,
        due: None,
        held,
        ..row.clone()
    }
}

/// A policy where a whole record stands against none.
fn taken(policy: ConflictPolicy, newer: Side) -> Taken {
    match (policy, newer) {
        (ConflictPolicy::RemoteWins, _) | (ConflictPolicy::NewestWins, Side::Remote) => Taken::Remote,
        (ConflictPolicy::LocalWins, _) | (ConflictPolicy::NewestWins, Side::Local) => Taken::Local,
        (ConflictPolicy::Manual, _) => Taken::Held,
    }
}

/// Who changed last. A remote system that does not tell when has just been found changed.
fn newer(row: &Outgoing, remote: Option<Timestamp>) -> Side {
    match remote {
        Some(remote) if remote <= row.changed => Side::Local,
        _ => Side::Remote,
    }
}

fn noted(row: &Outgoing, fields: Vec<FieldConflict>, rules: &Rules) -> Conflict {
    let held = fields.iter().any(|field| field.taken == Taken::Held);
    Conflict {
        id: ConflictId::new(),
        key: row.key.clone(),
        at: rules.now,
        run: Some(rules.run),
        route: None,
        fields,
        held,
        settled: None,
    }
}

fn is_nothing(patch: &Value) -> bool {
    patch.as_object().is_some_and(Map::is_empty)
}

#[cfg(test)]
mod tests;
