//! What a client wants of a ticket: checked, and put in.
//!
//! Facts: `/api-reference/ticketing/tickets/tickets/#json-format` for types and values;
//! read-only and unknown properties are overlooked.

use super::{account::State, errors::Problems};
use serde_json::{Map, Value};

const STATUSES: &[&str] = &["new", "open", "pending", "hold", "solved", "closed"];
const TYPES: &[&str] = &["problem", "incident", "question", "task"];
const PRIORITIES: &[&str] = &["urgent", "high", "normal", "low"];

/// What a property can be.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    OneOf(&'static [&'static str]),
    User,
    Agent,
    Id,
    Ids,
    Flag,
    Tags,
    Fields,
}

const PROPERTIES: &[(&str, Kind)] = &[
    ("subject", Kind::Text),
    ("external_id", Kind::Text),
    ("recipient", Kind::Text),
    ("due_at", Kind::Text),
    ("type", Kind::OneOf(TYPES)),
    ("priority", Kind::OneOf(PRIORITIES)),
    ("status", Kind::OneOf(STATUSES)),
    ("requester_id", Kind::User),
    ("assignee_id", Kind::Agent),
    ("organization_id", Kind::Id),
    ("group_id", Kind::Id),
    ("problem_id", Kind::Id),
    ("brand_id", Kind::Id),
    ("ticket_form_id", Kind::Id),
    ("custom_status_id", Kind::Id),
    ("collaborator_ids", Kind::Ids),
    ("follower_ids", Kind::Ids),
    ("email_cc_ids", Kind::Ids),
    ("sharing_agreement_ids", Kind::Ids),
    ("allow_attachments", Kind::Flag),
    ("tags", Kind::Tags),
    ("custom_fields", Kind::Fields),
];

/// One property that is not what it was.
pub(super) struct Change {
    pub(super) name: &'static str,
    pub(super) previous: Value,
    pub(super) value: Value,
}

/// Puts what is wanted into the ticket, and says what has changed by that. What cannot
/// be put in becomes a problem.
pub(super) fn apply(
    state: &State,
    ticket: &mut Map<String, Value>,
    wanted: &Map<String, Value>,
    problems: &mut Problems,
) -> Vec<Change> {
    let mut changes = Vec::new();
    for (name, kind) in PROPERTIES {
        let Some(value) = wanted.get(*name) else {
            continue;
        };
        let previous = ticket.get(*name).cloned().unwrap_or(Value::Null);
        match kind.take(state, &previous, value) {
            Err(why) => problems.add(
                name.trim_end_matches("_id"),
                format!("{}: {why}", title(name)),
                Some("InvalidValue"),
            ),
            Ok(value) if value == previous => {}
            Ok(value) => {
                ticket.insert((*name).to_owned(), value.clone());
                changes.push(Change { name, previous, value });
            }
        }
    }
    if let Some(subject) = ticket.get("subject").cloned() {
        ticket.insert("raw_subject".to_owned(), subject);
    }
    changes
}

/// A rule that concerns more than one property: who solves a ticket must have it.
pub(super) fn check_whole(ticket: &Map<String, Value>, problems: &mut Problems) {
    let solved = ticket.get("status").and_then(Value::as_str) == Some("solved");
    if solved && ticket.get("assignee_id").is_none_or(Value::is_null) {
        problems.add("base", "Assignee: is required when solving a ticket", None);
    }
}

impl Kind {
    /// The value that a property gets.
    fn take(self, state: &State, previous: &Value, value: &Value) -> Result<Value, String> {
        let is = |good: bool, why: &str| {
            if good { Ok(value.clone()) } else { Err(why.to_owned()) }
        };
        if value.is_null() {
            return is(!matches!(self, Self::User | Self::OneOf(STATUSES)), "cannot be blank");
        }
        match self {
            Self::Text => is(value.is_string(), "is not a text"),
            Self::Flag => is(value.is_boolean(), "is not a boolean"),
            Self::Id => is(value.is_u64(), "is invalid"),
            Self::Ids => {
                is(value.as_array().is_some_and(|list| list.iter().all(Value::is_u64)), "is invalid")
            }
            Self::OneOf(values) => {
                is(value.as_str().is_some_and(|text| values.contains(&text)), "is not included in the list")
            }
            Self::User => is(value.as_u64().is_some_and(|id| state.users.is_there(id)), "is invalid"),
            Self::Agent => is(value.as_u64().is_some_and(|id| state.is_agent(id)), "is invalid"),
            Self::Tags => tags(value),
            Self::Fields => fields(previous, value),
        }
    }
}

/// Tags are a set; a text is taken apart at its spaces.
fn tags(value: &Value) -> Result<Value, String> {
    let mut tags: Vec<String> = match value {
        Value::String(text) => text.split_whitespace().map(str::to_owned).collect(),
        Value::Array(list) => list
            .iter()
            .map(|tag| tag.as_str().map(str::to_owned))
            .collect::<Option<_>>()
            .ok_or("is invalid")?,
        _ => return Err("is invalid".to_owned()),
    };
    tags.sort_unstable();
    tags.dedup();
    Ok(tags.into())
}

/// Only the fields that are named change.
fn fields(previous: &Value, value: &Value) -> Result<Value, String> {
    let list = value.as_array().ok_or("is invalid")?;
    let mut fields = previous.as_array().cloned().unwrap_or_default();
    for wanted in list {
        let id = wanted.get("id").and_then(Value::as_u64).ok_or("is invalid")?;
        // Fields that the account does not have are overlooked.
        if let Some(field) = fields.iter_mut().find(|field| field["id"] == id) {
            field["value"] = wanted.get("value").cloned().unwrap_or(Value::Null);
        }
    }
    Ok(fields.into())
}

/// `assignee_id` as the vendor calls it in a message: `Assignee`.
fn title(name: &str) -> String {
    let words = name.trim_end_matches("_id").replace('_', " ");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
