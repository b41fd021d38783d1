//! What Zendesk posts: an event that the webhook is subscribed to, or what a trigger was told to send.
//!
//! A delivery never carries a record as the API gives it, so it says which records to fetch; only
//! that one is gone is told whole. Nothing here speaks to Zendesk.

use crate::{comment, mark, ticket, user};
use serde::Deserialize;
use serde_json::Value;
use tidegate_sdk::{
    Due, Envelope, Error,
    webhook::{Change, Delivery, Effect},
};

/// Events that a webhook is subscribed to; their form is Zendesk's.
const EVENT: &str = "event";

/// What a trigger or an automation sends; the operator writes its form.
const TRIGGER: &str = "trigger";

/// An event, such as `{"type": "zen:event-type:ticket.created", "subject": "zen:ticket:7", "detail": {"id": "7"}}`.
#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    detail: Detail,
    #[serde(default)]
    event: Value,
}

#[derive(Default, Deserialize)]
struct Detail {
    #[serde(default)]
    id: Value,
}

/// The ticket and the user that a trigger names: `{"ticket-id": "{{ticket.id}}"}`.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Named {
    #[serde(default, alias = "ticket_id", alias = "id")]
    ticket_id: Value,
    #[serde(default, alias = "user_id")]
    user_id: Value,
}

/// What the delivery means.
pub(crate) fn receive(delivery: &Delivery) -> Result<Effect, Error> {
    match delivery.kind.as_str() {
        EVENT => event(&delivery.body),
        TRIGGER => trigger(&delivery.body),
        other => Err(Error::unsupported("zendesk.webhook", format!("there is no webhook '{other}'"))),
    }
}

fn event(body: &[u8]) -> Result<Effect, Error> {
    let event: Event = read(body)?;
    let name = event.kind.strip_prefix("zen:event-type:").or(event.kind.strip_prefix("zen:event-type/"));
    let Some((entity, what)) = name.and_then(|name| name.split_once('.')) else {
        return Err(unlike("its `type` names no event of Zendesk's"));
    };
    // Other entities are no concern of a connector's.
    if !matches!(entity, "ticket" | "user") {
        return Ok(Effect::default());
    }
    let id = id(&event.detail.id).ok_or_else(|| unlike("its `detail.id` is no id"))?;
    let became_inactive = what == "active_changed" && event.event.get("current") == Some(&Value::Bool(false));
    Ok(match (entity, what) {
        ("ticket", "soft_deleted" | "permanently_deleted") => gone(ticket::CONNECTOR, &id),
        ("ticket", _) => changed_ticket(id),
        (_, "deleted") => gone(user::CONNECTOR, &id),
        _ if became_inactive => gone(user::CONNECTOR, &id),
        _ => Effect { changes: Vec::new(), due: vec![due(user::CONNECTOR, id)] },
    })
}

fn trigger(body: &[u8]) -> Result<Effect, Error> {
    let named: Named = read(body)?;
    let mut effect = id(&named.ticket_id).map(changed_ticket).unwrap_or_default();
    effect.due.extend(id(&named.user_id).map(|id| due(user::CONNECTOR, id)));
    if effect.due.is_empty() {
        return Err(unlike("it names no `ticket-id` and no `user-id`"));
    }
    Ok(effect)
}

/// A ticket that changed has perhaps a new comment, too: no event tells of both.
fn changed_ticket(id: String) -> Effect {
    let due = vec![due(ticket::CONNECTOR, id.clone()), due(comment::CONNECTOR, id)];
    Effect { changes: Vec::new(), due }
}

fn gone(connector: &str, id: &str) -> Effect {
    let change = Change { connector: connector.to_owned(), record: Envelope::deleted(id) };
    Effect { changes: vec![change], due: Vec::new() }
}

fn due(connector: &str, id: String) -> Due {
    Due { connector: connector.to_owned(), keys: vec![id] }
}

/// Events write ids as texts, triggers as the operator wrote them.
fn id(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => number.as_u64().map(|id| id.to_string()),
        Value::String(text) => mark::id(text).map(|id| id.to_string()),
        _ => None,
    }
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|error| unlike(&error.to_string()))
}

fn unlike(why: &str) -> Error {
    Error::invalid_data("zendesk.delivery", format!("the delivery is not as expected: {why}"))
}

#[cfg(test)]
mod tests {
    use crate::Zendesk;
    use tidegate_sdk::{
        Error, Settings, Webhook,
        webhook::{Delivery, Effect},
    };

    fn receive(kind: &str, body: &str) -> Result<Effect, Error> {
        let settings = Settings::from_bytes(b"{}".to_vec());
        Zendesk::receive(Delivery { kind: kind.into(), settings, headers: Vec::new(), body: body.into() })
    }

    /// `connector:key` of what is due, `connector!key` of what is gone.
    fn told(effect: &Effect) -> String {
        let gone = effect.changes.iter().map(|change| {
            assert!(change.record.deleted);
            format!("{}!{}", change.connector, change.record.key)
        });
        let due = effect.due.iter().map(|due| format!("{}:{}", due.connector, due.keys.join(",")));
        gone.chain(due).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn events_say_what_to_fetch_and_what_is_gone() {
        let check = |kind: &str, id: &str, event: &str, expected: &str| {
            let body = format!(
                r#"{{"type": "{kind}", "account_id": 1, "id": "b2", "time": "2026-01-31T12:00:00Z",
                    "zendesk_event_version": "2022-11-06", "subject": "zen:x:0", "detail": {{"id": {id}}}, "event": {event}}}"#
            );
            assert_eq!(told(&receive("event", &body).unwrap()), expected, "{kind}");
        };
        check("zen:event-type:ticket.created", "\"7\"", "{}", "ticket:7 ticket-comment:7");
        check(
            "zen:event-type:ticket.comment_added",
            "\"7\"",
            r#"{"comment": {"id": "9"}}"#,
            "ticket:7 ticket-comment:7",
        );
        check("zen:event-type:ticket.soft_deleted", "\"7\"", "{}", "ticket!7");
        check("zen:event-type:ticket.permanently_deleted", "7", "{}", "ticket!7");
        check("zen:event-type:ticket.undeleted", "\"7\"", "{}", "ticket:7 ticket-comment:7");
        check("zen:event-type:user.created", "\"360000000001\"", "{}", "user:360000000001");
        check("zen:event-type/user.identity_changed", "\"3\"", "{}", "user:3");
        check(
            "zen:event-type:user.active_changed",
            "\"3\"",
            r#"{"current": false, "previous": true}"#,
            "user!3",
        );
        check(
            "zen:event-type:user.active_changed",
            "\"3\"",
            r#"{"current": true, "previous": false}"#,
            "user:3",
        );
        check("zen:event-type:user.deleted", "\"3\"", "{}", "user!3");
        check("zen:event-type:organization.created", "\"3\"", "{}", "");
    }

    #[test]
    fn triggers_name_what_to_fetch() {
        let check = |body: &str, expected: &str| {
            assert_eq!(told(&receive("trigger", body).unwrap()), expected, "{body}")
        };
        check(r#"{"ticket-id": "7"}"#, "ticket:7 ticket-comment:7");
        check(r#"{"ticket_id": 7, "title": "x"}"#, "ticket:7 ticket-comment:7");
        check(r#"{"id": "7", "user-id": "3"}"#, "ticket:7 ticket-comment:7 user:3");
        check(r#"{"user_id": 3}"#, "user:3");
    }

    #[test]
    fn what_cannot_be_understood_is_said() {
        let check = |kind: &str, body: &str, words: &str| {
            let error = receive(kind, body).unwrap_err();
            assert!(error.message.contains(words), "{error}");
        };
        check("event", "<html>", "not as expected");
        check("event", r#"{"type": "created", "detail": {"id": "7"}}"#, "no event of Zendesk's");
        check(
            "event",
            r#"{"type": "zen:event-type:ticket.created", "detail": {"id": "../7"}}"#,
            "`detail.id`",
        );
        check("trigger", r#"{"ticket-id": "{{ticket.id}}"}"#, "names no `ticket-id`");
        check("other", "{}", "no webhook 'other'");
    }
}
