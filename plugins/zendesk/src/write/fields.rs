//! Which properties Zendesk takes from others, and in which form.
//!
//! Pure. What Zendesk keeps itself (`url`, `created_at`, …) is left out without a word: a local
//! record may lack it. What a person may have meant to change, and cannot, is refused.

use serde_json::{Map, Value};
use tidegate_sdk::{Error, Json};

/// The properties of one kind of record.
pub(super) struct Form {
    /// Those that can be set.
    pub(super) writable: &'static [&'static str],
    /// Those that cannot be changed, and why.
    pub(super) fixed: &'static [(&'static str, &'static str)],
}

/// A ticket. `comment` is only for its first one.
pub(super) const TICKET: Form = Form {
    writable: &[
        "assignee_id",
        "brand_id",
        "collaborator_ids",
        "custom_fields",
        "custom_status_id",
        "due_at",
        "email_cc_ids",
        "external_id",
        "follower_ids",
        "group_id",
        "organization_id",
        "priority",
        "problem_id",
        "recipient",
        "requester_id",
        "sharing_agreement_ids",
        "status",
        "subject",
        "tags",
        "ticket_form_id",
        "type",
    ],
    fixed: &[
        ("description", "Zendesk keeps it as it was first written: add a comment instead"),
        (
            "comment",
            "it stands for the first comment of a new ticket: add a record of 'ticket-comment' instead",
        ),
        ("submitter_id", "Zendesk takes it when a ticket is created, and never again"),
    ],
};

/// A user.
pub(super) const USER: Form = Form {
    writable: &[
        "alias",
        "custom_role_id",
        "details",
        "external_id",
        "locale",
        "locale_id",
        "moderator",
        "name",
        "notes",
        "only_private_comments",
        "organization_id",
        "phone",
        "role",
        "shared_phone_number",
        "signature",
        "suspended",
        "tags",
        "ticket_restriction",
        "time_zone",
        "user_fields",
        "verified",
    ],
    fixed: &[(
        "email",
        "Zendesk takes it when a user is created; later it would become a second address: \
         change it in Zendesk, among the user's identities",
    )],
};

/// What is to be set of a new record.
pub(super) fn of_new(form: &Form, payload: &Json) -> Result<Map<String, Value>, Error> {
    let payload: Map<String, Value> = payload.read()?;
    let given = payload.into_iter().filter(|(_, value)| !value.is_null());
    Ok(writable(form, given))
}

/// What is to be changed.
pub(super) fn of_changed(form: &Form, fields: &Json) -> Result<Map<String, Value>, Error> {
    let fields: Map<String, Value> = fields.read()?;
    let mut refusal = None;
    for (name, why) in form.fixed {
        // One that is taken away was never known here.
        if fields.get(*name).is_some_and(|value| !value.is_null()) {
            let refusal = refusal.get_or_insert_with(|| {
                Error::invalid_data("zendesk.fixed", "Zendesk lets nobody change some of these fields")
            });
            *refusal = std::mem::replace(refusal, Error::internal("", "")).field(name, *why);
        }
    }
    match refusal {
        Some(refusal) => Err(refusal),
        None => Ok(writable(form, fields)),
    }
}

fn writable(form: &Form, fields: impl IntoIterator<Item = (String, Value)>) -> Map<String, Value> {
    let known = fields.into_iter().filter(|(name, _)| form.writable.contains(&name.as_str()));
    known
        .map(|(name, value)| {
            let value = typed(&name, value);
            (name, value)
        })
        .collect()
}

/// Keys of other records come as texts; to Zendesk ids are numbers.
fn typed(name: &str, value: Value) -> Value {
    match value {
        Value::String(text) if name.ends_with("_id") && name != "external_id" => number(text),
        Value::Array(list) if name.ends_with("_ids") => list
            .into_iter()
            .map(|one| if let Value::String(text) = one { number(text) } else { one })
            .collect(),
        other => other,
    }
}

fn number(text: String) -> Value {
    crate::mark::id(&text).map_or(Value::String(text), Value::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn json_of(value: Value) -> Json {
        Json::of(&value).unwrap()
    }

    #[test]
    fn only_what_zendesk_takes_is_sent_and_ids_as_numbers() {
        let payload = json!({
            "id": 5, "url": "x", "subject": "S", "description": "D", "requester_id": "360", "assignee_id": null,
            "follower_ids": ["1", 2, "x"], "external_id": "7", "tags": ["a"], "unknown": 1,
        });
        let expected = json!({ "subject": "S", "requester_id": 360, "follower_ids": [1, 2, "x"], "external_id": "7", "tags": ["a"] });
        assert_eq!(Value::Object(of_new(&TICKET, &json_of(payload)).unwrap()), expected);
        let fields =
            json!({ "assignee_id": null, "updated_at": null, "description": null, "priority": "low" });
        let expected = json!({ "assignee_id": null, "priority": "low" });
        assert_eq!(Value::Object(of_changed(&TICKET, &json_of(fields)).unwrap()), expected);
    }

    #[test]
    fn what_cannot_be_changed_is_refused_by_name() {
        let error =
            of_changed(&TICKET, &json_of(json!({ "description": "x", "comment": {}, "subject": "y" })))
                .unwrap_err();
        let fields: Vec<_> = error.fields.iter().map(|field| field.field.as_str()).collect();
        assert_eq!((error.code.as_str(), fields), ("zendesk.fixed", vec!["/description", "/comment"]));
        let error = of_changed(&USER, &json_of(json!({ "email": "a@b.c" }))).unwrap_err();
        assert!(error.fields[0].message.contains("identities"), "{error:?}");
    }
}
