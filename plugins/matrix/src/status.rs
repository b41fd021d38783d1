//! What became of a message: whether it stands as it was sent, and how people reacted.

use crate::{answer::problem, room};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tidegate_sdk::{Error, Json, Request, Response, Transport, operations::Invocation, time};

/// The most pages of reactions that are counted: 1,000 reactions.
const MOST_PAGES: usize = 10;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Question {
    room: Option<String>,
    message_id: String,
}

/// An event of a room. Its content is empty where it was redacted.
#[derive(Deserialize)]
struct Event {
    sender: String,
    origin_server_ts: u64,
    #[serde(default)]
    content: Value,
    #[serde(default)]
    unsigned: Value,
}

/// A page of events that relate to another one.
#[derive(Deserialize)]
struct Page {
    chunk: Vec<Event>,
    #[serde(default)]
    next_batch: Option<String>,
}

/// `message-status`.
pub(crate) fn status(transport: &dyn Transport, invocation: &Invocation) -> Result<Json, Error> {
    let question: Question = invocation.input.read()?;
    let room = room::id(transport, &invocation.settings, question.room.as_deref())?;
    let id = question.message_id;
    let event: Event = read(&transport.send(Request::get(room::path("v3", &room, &["event", &id])))?)?;
    let (status, text) = event.standing();
    Json::of(&json!({
        "message-id": id,
        "status": status,
        "sender": event.sender,
        "sent-at": time::rfc3339(event.origin_server_ts),
        "text": text,
        "reactions": reactions(transport, &room, &id)?,
    }))
}

fn read<'a, T: Deserialize<'a>>(response: &'a Response) -> Result<T, Error> {
    match response.status {
        200..300 => response.json(),
        404 => Err(problem(response)
            .field("message-id", "the room has no such message, or the account may not see it")),
        _ => Err(problem(response)),
    }
}

/// How often each reaction was given, a page at a time.
fn reactions(transport: &dyn Transport, room: &str, id: &str) -> Result<BTreeMap<String, u64>, Error> {
    let path = room::path("v1", room, &["relations", id, "m.annotation", "m.reaction"]);
    let (mut counts, mut from) = (BTreeMap::new(), None);
    for _ in 0..MOST_PAGES {
        let request = Request::get(path.clone()).query("limit", 100);
        let request = match &from {
            Some(from) => request.query("from", from),
            None => request,
        };
        let page: Page = read(&transport.send(request)?)?;
        for key in page.chunk.iter().filter_map(Event::reaction) {
            *counts.entry(key.to_owned()).or_default() += 1;
        }
        from = page.next_batch;
        if from.is_none() {
            break;
        }
    }
    Ok(counts)
}

impl Event {
    /// What became of it, and its text as it now stands.
    fn standing(&self) -> (&'static str, Option<&str>) {
        if self.unsigned.get("redacted_because").is_some_and(|because| !because.is_null()) {
            return ("deleted", None);
        }
        let edit = self
            .unsigned
            .pointer("/m.relations/m.replace/content/m.new_content/body")
            .and_then(Value::as_str);
        let text = self.content.get("body").and_then(Value::as_str);
        match edit {
            Some(edit) => ("edited", Some(edit)),
            None => ("sent", text),
        }
    }

    fn reaction(&self) -> Option<&str> {
        self.content.pointer("/m.relates_to/key")?.as_str()
    }
}

#[cfg(test)]
mod tests {
    use crate::Matrix;
    use serde_json::{Value, json};
    use tidegate_sdk::{Class, Error, Json, Operations, Settings, operations::Invocation, testing::Script};

    const EVENT: &str = "GET /_matrix/client/v3/rooms/%21a%3Aacme.com/event/%24m";
    const RELATIONS: &str =
        "GET /_matrix/client/v1/rooms/%21a%3Aacme.com/relations/%24m/m.annotation/m.reaction?limit=100";

    fn status(script: &Script) -> Result<Value, Error> {
        let invocation = Invocation {
            operation: "message-status".into(),
            settings: Settings::from_bytes(b"{}".to_vec()),
            input: Json::of(&json!({ "message-id": "$m", "room": "!a:acme.com" })).unwrap(),
            idempotency_key: "key-1".into(),
        };
        Matrix::invoke(script, invocation)?.read()
    }

    fn event(content: &str, unsigned: &str) -> String {
        format!(
            r#"{{"type": "m.room.message", "event_id": "$m", "room_id": "!a:acme.com", "sender": "@bot:acme.com", "origin_server_ts": 1700000000000, "content": {content}, "unsigned": {unsigned}}}"#
        )
    }

    fn reaction(key: &str) -> String {
        let content = format!(
            r#"{{"m.relates_to": {{"rel_type": "m.annotation", "event_id": "$m", "key": "{key}"}}}}"#
        );
        event(&content, "{}").replace("m.room.message", "m.reaction")
    }

    #[test]
    fn message_was_sent_edited_or_deleted() {
        let check = |content: &str, unsigned: &str, status_: &str, text: Value| {
            let script =
                Script::new().on(EVENT, 200, event(content, unsigned)).on(RELATIONS, 200, r#"{"chunk": []}"#);
            let output = status(&script).unwrap();
            assert_eq!((&output["status"], &output["text"]), (&json!(status_), &text), "{unsigned}");
            assert_eq!(
                (&output["sender"], &output["sent-at"]),
                (&json!("@bot:acme.com"), &json!("2023-11-14T22:13:20Z"))
            );
        };
        let hello = r#"{"msgtype": "m.text", "body": "Hello"}"#;
        check(hello, r#"{"age": 5}"#, "sent", json!("Hello"));
        let edit = r#"{"m.relations": {"m.replace": {"content": {"body": "* Bye", "m.new_content": {"msgtype": "m.text", "body": "Bye"}}}}}"#;
        check(hello, edit, "edited", json!("Bye"));
        check("{}", r#"{"redacted_because": {"type": "m.room.redaction"}}"#, "deleted", Value::Null);
    }

    #[test]
    fn reactions_of_all_pages_are_counted() {
        let first = format!(r#"{{"chunk": [{}, {}], "next_batch": "p2"}}"#, reaction("👍"), reaction("❤️"));
        let script = Script::new().on(EVENT, 200, event("{}", "{}")).on(RELATIONS, 200, first).on(
            &format!("{RELATIONS}&from=p2"),
            200,
            format!(r#"{{"chunk": [{}]}}"#, reaction("👍")),
        );
        assert_eq!(status(&script).unwrap()["reactions"], json!({ "👍": 2, "❤️": 1 }));
    }

    #[test]
    fn unknown_message_is_said_to_be_unknown() {
        let script =
            Script::new().on(EVENT, 404, r#"{"errcode": "M_NOT_FOUND", "error": "Event not found."}"#);
        let error = status(&script).unwrap_err();
        assert_eq!((error.class, error.fields[0].field.as_str()), (Class::NotFound, "/message-id"));
        assert!(error.message.contains("Event not found."), "{error}");
    }
}
