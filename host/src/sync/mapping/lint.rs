//! What a mapping loses on the way back, as far as that shows without a record.
//!
//! Pure. Whether two filters undo each other is shown by a preview on real records.

use super::values::{Way, other_side};
use crate::model::{Mapping, Otherwise, ValueMap};
use serde_json::Value;
use std::collections::BTreeMap;

/// Something about a mapping that its maker should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lint {
    /// Stable name, such as `two-to-one`.
    pub code: &'static str,
    /// The part of the mapping: `import`, `export`, or the field of a value map.
    pub place: String,
    /// What is lost, and what can be done.
    pub message: String,
}

/// What there is to say. `two_way`: whether the connector's local changes are exported.
pub(super) fn lint(mapping: &Mapping, two_way: bool) -> Vec<Lint> {
    let mut lints = Vec::new();
    filters(mapping, two_way, &mut lints);
    let mut seen: Vec<&str> = Vec::new();
    for map in &mapping.values {
        if seen.contains(&map.field.as_str()) {
            let words = "another value map before this one has the same field: join them";
            lints.push(Lint::new("same-field", &map.field, words));
        }
        seen.push(&map.field);
        values(map, &mut lints);
    }
    lints
}

impl Lint {
    fn new(code: &'static str, place: &str, message: impl Into<String>) -> Self {
        Self { code, place: place.into(), message: message.into() }
    }
}

fn filters(mapping: &Mapping, two_way: bool, lints: &mut Vec<Lint>) {
    match (&mapping.import, &mapping.export) {
        (Some(_), None) if two_way => lints.push(Lint::new(
            "no-export",
            "import",
            "there is no export filter: local changes go out in their local form, which the remote system may not know",
        )),
        (None, Some(_)) if two_way => lints.push(Lint::new(
            "no-import",
            "export",
            "there is no import filter: what the export filter makes comes back in its remote form",
        )),
        (_, Some(_)) if !two_way => lints.push(Lint::new(
            "no-use",
            "export",
            "nothing is exported here, so the export filter is never used",
        )),
        _ => {}
    }
}

fn values(map: &ValueMap, lints: &mut Vec<Lint>) {
    let mut lint = |code, message: String| lints.push(Lint::new(code, &map.field, message));
    for (remote, local) in unused(map) {
        lint(
            "no-use",
            format!("{remote} has a pair before this one, so it never becomes {local}: leave it out"),
        );
    }
    for (local, remotes) in joined(map) {
        let back = &remotes[0];
        lint(
            "two-to-one",
            format!("{} all become {local}; on the way back {local} becomes {back}", list(&remotes)),
        );
    }
    match map.otherwise {
        Otherwise::Keep => {
            for (kept, back) in collisions(map) {
                lint(
                    "kept",
                    format!(
                        "a remote {kept} has no pair and is kept; on the way back it becomes {back}: give it a pair"
                    ),
                );
            }
        }
        Otherwise::Null => {
            let words = "values without a pair become null, and null goes back as ";
            lint(
                "to-null",
                format!("{words}{}", other_side(map, Way::Out, &Value::Null).unwrap_or_default()),
            );
        }
        Otherwise::Refuse => {}
    }
}

/// Pairs that never count on the way in: the remote value has one before.
fn unused(map: &ValueMap) -> Vec<&(Value, Value)> {
    let has_one_before =
        |(at, pair): &(usize, &(Value, Value))| map.pairs[..*at].iter().any(|(remote, _)| *remote == pair.0);
    map.pairs.iter().enumerate().filter(has_one_before).map(|(_, pair)| pair).collect()
}

/// Local values that stand for several remote ones, with those.
fn joined(map: &ValueMap) -> Vec<(&Value, Vec<&Value>)> {
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut groups: Vec<(&Value, Vec<&Value>)> = Vec::new();
    for (remote, local) in &map.pairs {
        let at = *places.entry(local.to_string()).or_insert(groups.len());
        if at == groups.len() {
            groups.push((local, Vec::new()));
        }
        if !groups[at].1.contains(&remote) {
            groups[at].1.push(remote);
        }
    }
    groups.retain(|(_, remotes)| remotes.len() > 1);
    groups
}

/// Values that have no pair as remote ones but go back as something else, with that.
fn collisions(map: &ValueMap) -> Vec<(&Value, &Value)> {
    let mut found: Vec<(&Value, &Value)> = Vec::new();
    for (remote, local) in &map.pairs {
        let is_named = map.pairs.iter().any(|(other, _)| other == local);
        let is_known = found.iter().any(|(kept, _)| *kept == local);
        if !is_named && !is_known && remote != local {
            found.push((local, remote));
        }
    }
    found
}

fn list(values: &[&Value]) -> String {
    /// More of them only make it hard to read.
    const MOST: usize = 5;
    let mut words: Vec<_> = values.iter().take(MOST).map(ToString::to_string).collect();
    if values.len() > MOST {
        words.push(format!("{} more", values.len() - MOST));
    }
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(mapping: Value, two_way: bool, expected: &[&str]) {
        let mapping: Mapping = serde_json::from_value(mapping).unwrap();
        let lints = lint(&mapping, two_way);
        let shown: Vec<_> = lints.iter().map(|lint| format!("{} {}", lint.code, lint.place)).collect();
        assert_eq!(shown, expected, "{lints:?}");
    }

    #[track_caller]
    fn check_values(pairs: Value, otherwise: &str, expected: &[&str]) {
        let mapping = json!({ "values": [{ "field": "/f", "pairs": pairs, "otherwise": otherwise }] });
        let mapping: Mapping = serde_json::from_value(mapping).unwrap();
        let shown: Vec<_> =
            lint(&mapping, true).into_iter().map(|lint| format!("{}: {}", lint.code, lint.message)).collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_filter_needs_one_that_undoes_it() {
        check(json!({}), true, &[]);
        check(json!({ "import": ".", "export": "." }), true, &[]);
        check(json!({ "import": "." }), true, &["no-export import"]);
        check(json!({ "export": "." }), true, &["no-import export"]);
        check(json!({ "import": "." }), false, &[]);
        check(json!({ "import": ".", "export": "." }), false, &["no-use export"]);
        let twice = json!({ "values": [{ "field": "/a", "pairs": [] }, { "field": "/a", "pairs": [] }] });
        check(twice, true, &["same-field /a"]);
    }

    #[test]
    fn a_map_that_loses_something_is_named() {
        check_values(json!([["urgent", "high"], ["high", "medium"], ["medium", "low"]]), "refuse", &[]);
        check_values(json!([["a", "b"], ["b", "a"]]), "keep", &[]);
        check_values(
            json!([["urgent", "high"], ["high", "high"], ["low", "low"]]),
            "keep",
            &[r#"two-to-one: "urgent", "high" all become "high"; on the way back "high" becomes "urgent""#],
        );
        check_values(
            json!([["urgent", "high"]]),
            "keep",
            &[
                r#"kept: a remote "high" has no pair and is kept; on the way back it becomes "urgent": give it a pair"#,
            ],
        );
        check_values(
            json!([["a", "b"], ["a", "c"]]),
            "refuse",
            &[r#"no-use: "a" has a pair before this one, so it never becomes "c": leave it out"#],
        );
        check_values(
            json!([["a", "b"]]),
            "null",
            &["to-null: values without a pair become null, and null goes back as null"],
        );
        check_values(
            json!([[1, "x"], [2, "x"], [3, "x"], [4, "x"], [5, "x"], [6, "x"]]),
            "refuse",
            &[r#"two-to-one: 1, 2, 3, 4, 5, 1 more all become "x"; on the way back "x" becomes 1"#],
        );
    }
}
