//! Value maps: single values of a record that have another name on the other side.
//!
//! Pure. It looks at the fields that the maps name and at nothing else.

use crate::model::{Class, Failure, FieldError, Otherwise, ValueMap};
use serde_json::Value;

/// Which way a record goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// From the remote system.
    In,
    /// To it.
    Out,
}

/// Turns the values of a local payload into local ones, or into remote ones.
///
/// # Errors
/// Names every field whose value a map refuses.
pub(super) fn turn(maps: &[ValueMap], way: Way, payload: &mut Value) -> Result<(), Failure> {
    let mut refused = Vec::new();
    for map in maps {
        let Some(place) = payload.pointer_mut(&map.field) else {
            continue;
        };
        match turned(map, way, place) {
            Turned::Same => {}
            Turned::Into(value) => *place = value,
            Turned::Refused => refused.push(refusal(map, way)),
        }
    }
    if refused.is_empty() {
        return Ok(());
    }
    let message = "a value has no pair in its value map, which refuses such values";
    Err(Failure::new(Class::InvalidData, "mapping.value", message).with_fields(refused))
}

/// What a map makes of one value. What is refused stays as it is.
pub(super) fn other_side(map: &ValueMap, way: Way, value: &Value) -> Option<Value> {
    match turned(map, way, value) {
        Turned::Same => Some(value.clone()),
        Turned::Into(value) => Some(value),
        Turned::Refused => None,
    }
}

enum Turned {
    Same,
    Into(Value),
    Refused,
}

fn turned(map: &ValueMap, way: Way, value: &Value) -> Turned {
    let pair = map.pairs.iter().find(|(remote, local)| match way {
        Way::In => remote == value,
        Way::Out => local == value,
    });
    match (pair, map.otherwise) {
        (Some((remote, local)), _) => Turned::Into(if way == Way::In { local } else { remote }.clone()),
        (None, Otherwise::Keep) => Turned::Same,
        (None, Otherwise::Null) => Turned::Into(Value::Null),
        (None, Otherwise::Refuse) => Turned::Refused,
    }
}

fn refusal(map: &ValueMap, way: Way) -> FieldError {
    let side = match way {
        Way::In => "remote",
        Way::Out => "local",
    };
    // Not the value itself: a failure shows nothing of a payload.
    let message = format!("its {side} value has no pair; add one, or let the map keep such values");
    FieldError { field: map.field.clone(), message }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn map(field: &str, pairs: Value, otherwise: Otherwise) -> ValueMap {
        let pairs = serde_json::from_value(pairs).unwrap();
        ValueMap { field: field.into(), pairs, otherwise }
    }

    #[track_caller]
    fn check(maps: &[ValueMap], way: Way, payload: &Value, expected: Result<Value, &str>) {
        let mut turned = payload.clone();
        let done = turn(maps, way, &mut turned).map(|()| turned);
        let fields = |failure: Failure| {
            failure.fields.into_iter().map(|error| error.field).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(done.map_err(fields), expected.map_err(str::to_owned), "{way:?} {payload}");
    }

    #[test]
    fn values_go_both_ways() {
        let priority =
            [map("/priority", json!([["urgent", "high"], ["high", "high"], [1, null]]), Otherwise::Keep)];
        let with = |value: Value| json!({ "priority": value, "other": "urgent" });
        for (remote, local) in
            [(json!("urgent"), json!("high")), (json!(1), Value::Null), (json!("low"), json!("low"))]
        {
            check(&priority, Way::In, &with(remote.clone()), Ok(with(local.clone())));
            check(&priority, Way::Out, &with(local), Ok(with(remote)));
        }
        check(&priority, Way::In, &with(json!("high")), Ok(with(json!("high"))));
        check(&priority, Way::Out, &with(json!("high")), Ok(with(json!("urgent"))));
        check(&priority, Way::In, &json!({ "id": 1 }), Ok(json!({ "id": 1 })));
        check(&priority, Way::In, &json!([1]), Ok(json!([1])));
    }

    #[test]
    fn a_value_without_a_pair_is_kept_or_null_or_refused() {
        let check = |otherwise: Otherwise, expected: Result<Value, &str>| {
            let maps = [map("/a/b", json!([["x", "y"]]), otherwise)];
            let wrapped = |value: Value| json!({ "a": { "b": value } });
            check(&maps, Way::In, &wrapped(json!("z")), expected.clone().map(wrapped));
            check(&maps, Way::Out, &wrapped(json!("z")), expected.map(wrapped));
        };
        check(Otherwise::Keep, Ok(json!("z")));
        check(Otherwise::Null, Ok(Value::Null));
        check(Otherwise::Refuse, Err("/a/b"));
        let two = [map("/a", json!([]), Otherwise::Refuse), map("/b", json!([]), Otherwise::Refuse)];
        self::check(&two, Way::Out, &json!({ "a": 1, "b": 2 }), Err("/a /b"));
    }
}
