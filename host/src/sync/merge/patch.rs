//! Merge patches (RFC 7396): what is different between two payloads, and putting it in.
//!
//! A patch says `null` for "take the member away". So it cannot set a member to `null`,
//! and to a patch a member that is `null` and one that is absent are the same: going
//! from one to the other is no difference, and going from a value to either is `null`,
//! which remote systems read as "clear this field". Within arrays, which are taken
//! whole, `null` stays a value. [`changed_fields`] tells all of this apart.
//!
//! `{}` as a whole patch is nothing, always. RFC 7396 would have it put an object in
//! the place of a payload that is none; a payload can be any JSON document here, and
//! "nothing to do" must not depend on which.

use serde_json::{Map, Value};

/// The patch that makes `to` of `from`, as far as a patch can; `{}` where there is
/// nothing to do.
pub(in crate::sync) fn diff(from: &Value, to: &Value) -> Value {
    of_member(Some(from), Some(to)).unwrap_or_else(|| Value::Object(Map::new()))
}

/// Puts a patch in.
pub(in crate::sync) fn apply(target: &mut Value, patch: &Value) {
    if patch.as_object().is_none_or(|members| !members.is_empty()) {
        put(target, patch);
    }
}

/// The fields in which the two differ, as JSON Pointers in the order of `from`, then
/// of `to`. Empty exactly where they are equal. A field is a place at which they do not
/// both have an object, so an object that comes or goes is one field.
pub(in crate::sync) fn changed_fields(from: &Value, to: &Value) -> Vec<String> {
    let mut changed = Vec::new();
    compare(Some(from), Some(to), &mut String::new(), &mut changed);
    changed
}

/// The patch for one member; none where there is nothing to do.
pub(super) fn of_member(from: Option<&Value>, to: Option<&Value>) -> Option<Value> {
    match (from, to) {
        (None | Some(Value::Null), None | Some(Value::Null)) => None,
        (Some(_), None | Some(Value::Null)) => Some(Value::Null),
        (Some(Value::Object(from)), Some(Value::Object(to))) => {
            let added = to.keys().filter(|name| !from.contains_key(*name));
            let names = from.keys().chain(added);
            let members =
                names.filter_map(|name| Some((name.clone(), of_member(from.get(name), to.get(name))?)));
            let patch: Map<_, _> = members.collect();
            (!patch.is_empty()).then_some(Value::Object(patch))
        }
        (from, to) if from == to => None,
        (_, Some(to)) => Some(without_nulls(to)),
    }
}

/// What a patch can say of a value that is new.
fn without_nulls(value: &Value) -> Value {
    let Value::Object(members) = value else {
        return value.clone();
    };
    let members = members.iter().filter(|(_, value)| !value.is_null());
    members.map(|(name, value)| (name.clone(), without_nulls(value))).collect::<Map<_, _>>().into()
}

fn put(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        target.clone_from(patch);
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(members) = target else {
        return;
    };
    for (name, value) in patch {
        if value.is_null() {
            // Not `remove`, which would move the last member to this place.
            members.shift_remove(name);
        } else {
            put(members.entry(name.as_str()).or_insert(Value::Null), value);
        }
    }
}

fn compare(from: Option<&Value>, to: Option<&Value>, path: &mut String, changed: &mut Vec<String>) {
    let (Some(Value::Object(from)), Some(Value::Object(to))) = (from, to) else {
        if from != to {
            changed.push(path.clone());
        }
        return;
    };
    let added = to.keys().filter(|name| !from.contains_key(*name));
    for name in from.keys().chain(added) {
        let parent = path.len();
        push(path, name);
        compare(from.get(name), to.get(name), path, changed);
        path.truncate(parent);
    }
}

/// One level deeper.
pub(super) fn push(pointer: &mut String, name: &str) {
    pointer.push('/');
    for character in name.chars() {
        match character {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            other => pointer.push(other),
        }
    }
}
