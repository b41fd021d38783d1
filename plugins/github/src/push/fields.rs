//! Fields of an issue as GitHub wants to be told them. It shows labels, people and
//! milestones as objects, and takes their names and numbers.

use serde_json::{Map, Value};
use tidegate_sdk::Error;

/// What can be written.
const WRITABLE: [&str; 8] =
    ["title", "body", "state", "state_reason", "labels", "assignees", "milestone", "type"];

/// What GitHub sets itself.
const GIVEN: [&str; 33] = [
    "id",
    "node_id",
    "number",
    "url",
    "repository_url",
    "labels_url",
    "comments_url",
    "events_url",
    "html_url",
    "timeline_url",
    "repository",
    "user",
    "author_association",
    "assignee",
    "comments",
    "created_at",
    "updated_at",
    "closed_at",
    "closed_by",
    "locked",
    "active_lock_reason",
    "draft",
    "pull_request",
    "reactions",
    "body_html",
    "body_text",
    "performed_via_github_app",
    "sub_issues_summary",
    "issue_dependencies_summary",
    "issue_field_values",
    "parent_issue_url",
    "pinned_comment",
    "issue_url",
];

/// Whether GitHub sets that field itself.
pub(super) fn is_given(name: &str) -> bool {
    GIVEN.contains(&name)
}

/// What a new issue is made of: all that can be written and has a value.
///
/// # Errors
/// Names fields that GitHub does not have, and values that it cannot be told.
pub(super) fn of_new(payload: &Map<String, Value>) -> Result<Map<String, Value>, Error> {
    let named = payload.iter().filter(|(name, value)| !value.is_null() && !is_given(name));
    collect(named.map(|(name, value)| (name.as_str(), value)))
}

/// What is to change: the changed fields, with the values of the whole record.
///
/// # Errors
/// As [`of_new`], and names fields that GitHub sets itself.
pub(super) fn of_change(
    changed: &Map<String, Value>,
    payload: &Map<String, Value>,
) -> Result<Map<String, Value>, Error> {
    let value = |name: &String| payload.get(name).unwrap_or(&Value::Null);
    let mut wanted = collect(changed.keys().map(|name| (name.as_str(), value(name))))?;
    // A reason is heeded only where it comes with the state.
    if wanted.contains_key("state_reason") {
        wanted.insert("state".to_owned(), payload.get("state").cloned().unwrap_or_else(|| "open".into()));
    }
    Ok(wanted)
}

/// Whether the issue is already as wanted.
pub(super) fn are_so(wanted: &Map<String, Value>, issue: &Map<String, Value>) -> bool {
    wanted.iter().all(|(name, value)| {
        let now = told(name, issue.get(name).unwrap_or(&Value::Null));
        let is_list = matches!(name.as_str(), "labels" | "assignees");
        now.is_ok_and(|now| if is_list { sorted(&now) == sorted(value) } else { now == *value })
    })
}

fn collect<'a>(fields: impl Iterator<Item = (&'a str, &'a Value)>) -> Result<Map<String, Value>, Error> {
    let mut collected = Map::new();
    let mut error = Error::invalid_data("github.fields", "the record has fields that GitHub cannot be told");
    for (name, value) in fields {
        if WRITABLE.contains(&name) {
            match told(name, value) {
                Ok(value) => drop(collected.insert(name.to_owned(), value)),
                Err(words) => error = error.field(name, words),
            }
        } else if is_given(name) {
            error = error.field(name, "GitHub sets it itself: leave it as it was");
        } else {
            error = error.field(name, "an issue of GitHub's has no such field: leave it out");
        }
    }
    if error.fields.is_empty() { Ok(collected) } else { Err(error) }
}

/// A value as it is sent.
fn told(name: &str, value: &Value) -> Result<Value, &'static str> {
    match name {
        "labels" => names(value, "name").ok_or("a list of names, or of objects with a `name`"),
        "assignees" => names(value, "login").ok_or("a list of logins, or of objects with a `login`"),
        "milestone" => part(value, "number", Value::is_u64).ok_or("a number, or an object with a `number`"),
        "type" => part(value, "name", Value::is_string).ok_or("a name, or an object with a `name`"),
        _ if value.is_null() || value.is_string() => Ok(value.clone()),
        _ => Err("a text"),
    }
}

/// A value, or what stands for it in an object.
fn part(value: &Value, name: &str, fits: fn(&Value) -> bool) -> Option<Value> {
    let value = value.get(name).unwrap_or(value);
    (value.is_null() || fits(value)).then(|| value.clone())
}

fn names(value: &Value, name: &str) -> Option<Value> {
    if value.is_null() {
        return Some(Value::Array(Vec::new()));
    }
    let one = |item: &Value| part(item, name, Value::is_string).filter(|name| !name.is_null());
    value.as_array()?.iter().map(one).collect::<Option<Vec<_>>>().map(Value::Array)
}

fn sorted(list: &Value) -> Vec<String> {
    let texts = list.as_array().into_iter().flatten().filter_map(Value::as_str);
    let mut texts: Vec<_> = texts.map(str::to_lowercase).collect();
    texts.sort_unstable();
    texts
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().cloned().expect("an object")
    }

    fn faults(result: Result<Map<String, Value>, Error>) -> Vec<String> {
        result
            .err()
            .map(|error| error.fields.into_iter().map(|field| field.field).collect())
            .unwrap_or_default()
    }

    #[test]
    fn objects_become_names_and_numbers() {
        let payload = json!({
            "id": 7, "number": 3, "user": {"login": "x"}, "title": "T", "body": null,
            "labels": ["a", {"name": "b", "color": "red"}], "assignees": [{"login": "ann"}, "bob"],
            "milestone": {"number": 4, "title": "M"}, "type": {"name": "Bug"}, "state": "open",
        });
        let wanted = of_new(&object(payload)).unwrap();
        let expected = json!({
            "title": "T", "labels": ["a", "b"], "assignees": ["ann", "bob"], "milestone": 4, "type": "Bug",
            "state": "open",
        });
        assert_eq!(Value::Object(wanted), expected);
    }

    #[test]
    fn only_what_changed_is_sent_with_the_values_of_the_record() {
        let payload = object(json!({
            "title": "T", "body": null, "milestone": {"number": 4}, "labels": null, "state": "closed",
            "state_reason": "not_planned",
        }));
        let check = |changed: Value, expected: Value| {
            let wanted = of_change(&object(changed.clone()), &payload).unwrap();
            assert_eq!(Value::Object(wanted), expected, "{changed}");
        };
        check(json!({}), json!({}));
        check(json!({"title": "T"}), json!({"title": "T"}));
        check(json!({"body": null, "type": null}), json!({"body": null, "type": null}));
        check(json!({"milestone": {"number": 4}}), json!({"milestone": 4}));
        check(json!({"labels": null, "assignees": null}), json!({"labels": [], "assignees": []}));
        check(
            json!({"state_reason": "not_planned"}),
            json!({"state_reason": "not_planned", "state": "closed"}),
        );
    }

    #[test]
    fn what_cannot_be_told_is_named() {
        let check = |payload: Value, fields: &[&str]| {
            let payload = object(payload);
            assert_eq!(faults(of_change(&payload, &payload)), fields);
        };
        check(json!({"title": 5, "body": [], "state": true}), &["/title", "/body", "/state"]);
        check(
            json!({"labels": "a", "assignees": [1], "milestone": "x", "type": 5}),
            &["/labels", "/assignees", "/milestone", "/type"],
        );
        check(json!({"labels": [null], "milestone": {"number": "4"}}), &["/labels", "/milestone"]);
        check(json!({"comments": 4, "urgency": "high"}), &["/comments", "/urgency"]);
        assert_eq!(
            faults(of_new(&object(json!({"comments": 4, "urgency": "high", "x": null})))),
            ["/urgency"]
        );
    }

    #[test]
    fn issue_that_is_as_wanted_is_recognised() {
        let issue = object(json!({
            "title": "T", "labels": [{"name": "B"}, {"name": "a"}], "assignees": [], "milestone": null,
            "state": "open",
        }));
        for (wanted, so) in [
            (json!({}), true),
            (json!({"title": "T", "labels": ["a", "b"], "assignees": [], "milestone": null}), true),
            (json!({"title": "U"}), false),
            (json!({"labels": ["a"]}), false),
            (json!({"milestone": 4}), false),
            (json!({"state": "closed"}), false),
        ] {
            assert_eq!(are_so(&object(wanted.clone()), &issue), so, "{wanted}");
        }
    }
}
