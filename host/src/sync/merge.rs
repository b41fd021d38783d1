//! The three-way merge of a record: what both sides had, what each has made of it.
//!
//! Pure: it reads and writes nothing, and knows neither keys nor times; who changed
//! last is told to it.
//!
//! A *field* is a place in the payload at which the sides do not both have an object:
//! objects are merged member by member, arrays and scalars are taken whole, and a
//! member that is absent has a value of its own. So whoever removes an object changes
//! one field, and that is a conflict with a change inside it.
//!
//! A field that only one side changed has that side's value, and one that both changed
//! to the same has it: neither is a conflict. For all others the policy decides.
//!
//! It calls itself once a level. Payloads have at most 128, which `import` and the JSON
//! reader of the API see to.

mod patch;

#[cfg(test)]
mod tests;

pub(super) use patch::{apply, changed_fields, diff};

use crate::model::{ConflictPolicy, FieldConflict, Taken};
use serde_json::{Map, Value};

/// One of the two that change a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// People and programs, through the host.
    Local,
    /// The remote system.
    Remote,
}

/// What comes of a merge.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Merged {
    /// What the local record is to be. Members come in the remote's order, then those
    /// that only the local side has.
    pub(super) value: Value,
    /// What is still to be exported: the merge patch (RFC 7396) from the remote state.
    /// An empty object is nothing. Held fields are not in it.
    pub(super) patch: Value,
    /// The fields that both sides changed, to different values.
    pub(super) conflicts: Vec<FieldConflict>,
}

/// Merges what both sides made of `base`. `newer`: which of them changed last; only
/// [`ConflictPolicy::NewestWins`] asks.
pub(super) fn merge(
    base: &Value,
    local: &Value,
    remote: &Value,
    policy: ConflictPolicy,
    newer: Side,
) -> Merged {
    let taken = match (policy, newer) {
        (ConflictPolicy::RemoteWins, _) | (ConflictPolicy::NewestWins, Side::Remote) => Taken::Remote,
        (ConflictPolicy::LocalWins, _) | (ConflictPolicy::NewestWins, Side::Local) => Taken::Local,
        (ConflictPolicy::Manual, _) => Taken::Held,
    };
    let mut desk = Desk { taken, path: String::new(), conflicts: Vec::new() };
    let place = Place { base: Some(base), local: Some(local), remote: Some(remote) };
    let Settled { value, patch } = desk.settle(place);
    Merged {
        value: value.expect("a payload that both sides have stays"),
        patch: patch.unwrap_or_else(|| Value::Object(Map::new())),
        conflicts: desk.conflicts,
    }
}

/// A place in the payload as each has it; none where it is absent.
#[derive(Clone, Copy)]
struct Place<'a> {
    base: Option<&'a Value>,
    local: Option<&'a Value>,
    remote: Option<&'a Value>,
}

impl<'a> Place<'a> {
    fn member(self, name: &str) -> Self {
        let of = |value: Option<&'a Value>| value.and_then(|value| value.as_object()?.get(name));
        Self { base: of(self.base), local: of(self.local), remote: of(self.remote) }
    }
}

/// What becomes of a place.
struct Settled {
    /// None: it is absent.
    value: Option<Value>,
    /// What is to be exported of it; none: nothing.
    patch: Option<Value>,
}

impl Settled {
    fn remote(place: Place<'_>) -> Self {
        Self { value: place.remote.cloned(), patch: None }
    }

    fn local(place: Place<'_>) -> Self {
        Self { value: place.local.cloned(), patch: patch::of_member(place.remote, place.local) }
    }

    fn held(place: Place<'_>) -> Self {
        Self { value: place.local.cloned(), patch: None }
    }
}

/// Where one payload is merged.
struct Desk {
    /// What becomes of conflicts.
    taken: Taken,
    /// JSON Pointer of the place that is being looked at.
    path: String,
    conflicts: Vec<FieldConflict>,
}

impl Desk {
    fn settle(&mut self, place: Place<'_>) -> Settled {
        match (place.local, place.remote) {
            (local, remote) if local == remote => Settled::remote(place),
            (Some(Value::Object(local)), Some(Value::Object(remote))) => self.members(place, local, remote),
            (_, remote) if remote == place.base => Settled::local(place),
            (local, _) if local == place.base => Settled::remote(place),
            _ => self.conflict(place),
        }
    }

    fn members(
        &mut self,
        place: Place<'_>,
        local: &Map<String, Value>,
        remote: &Map<String, Value>,
    ) -> Settled {
        let (mut value, mut patch) = (Map::new(), Map::new());
        let added = local.keys().filter(|name| !remote.contains_key(*name));
        for name in remote.keys().chain(added) {
            let parent = self.path.len();
            patch::push(&mut self.path, name);
            let settled = self.settle(place.member(name));
            self.path.truncate(parent);
            value.extend(settled.value.map(|value| (name.clone(), value)));
            patch.extend(settled.patch.map(|patch| (name.clone(), patch)));
        }
        Settled {
            value: Some(Value::Object(value)),
            patch: (!patch.is_empty()).then_some(Value::Object(patch)),
        }
    }

    fn conflict(&mut self, place: Place<'_>) -> Settled {
        self.conflicts.push(FieldConflict {
            field: self.path.clone(),
            base: place.base.cloned(),
            local: place.local.cloned(),
            remote: place.remote.cloned(),
            taken: self.taken,
        });
        match self.taken {
            Taken::Local => Settled::local(place),
            Taken::Remote => Settled::remote(place),
            Taken::Held => Settled::held(place),
        }
    }
}
