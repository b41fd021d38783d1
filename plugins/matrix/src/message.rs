//! Sending and deleting messages.
//!
//! The transaction id in the path is the call's idempotency key. A homeserver takes a transaction
//! of one device under one path only once: what was sent and not answered can be sent again.

use crate::{answer::problem, room};
use serde::Deserialize;
use serde_json::{Value, json};
use tidegate_sdk::{Error, Json, Request, Transport, operations::Invocation};

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Message {
    room: Option<String>,
    text: String,
    html: Option<String>,
    kind: Option<Kind>,
    reply_to: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Text,
    Notice,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Deletion {
    room: Option<String>,
    message_id: String,
    reason: Option<String>,
}

#[derive(Deserialize)]
struct Sent {
    event_id: String,
}

/// `send-message`.
pub(crate) fn send(transport: &dyn Transport, invocation: &Invocation) -> Result<Json, Error> {
    let message: Message = invocation.input.read()?;
    let room = room::id(transport, &invocation.settings, message.room.as_deref())?;
    let path = room::path("v3", &room, &["send", "m.room.message", &invocation.idempotency_key]);
    let sent = put(transport, path, &message.content())?;
    Json::of(&json!({ "message-id": sent.event_id, "room-id": room }))
}

/// `delete-message`.
pub(crate) fn delete(transport: &dyn Transport, invocation: &Invocation) -> Result<Json, Error> {
    let deletion: Deletion = invocation.input.read()?;
    let room = room::id(transport, &invocation.settings, deletion.room.as_deref())?;
    let path = room::path("v3", &room, &["redact", &deletion.message_id, &invocation.idempotency_key]);
    let content = deletion.reason.map_or_else(|| json!({}), |reason| json!({ "reason": reason }));
    let sent = put(transport, path, &content)?;
    Json::of(&json!({ "message-id": deletion.message_id, "deletion-id": sent.event_id }))
}

fn put(transport: &dyn Transport, path: String, content: &Value) -> Result<Sent, Error> {
    let response = transport.send(Request::put(path).json(content)?)?;
    if response.is_success() { response.json() } else { Err(problem(&response)) }
}

impl Message {
    fn content(&self) -> Value {
        let kind = match self.kind.unwrap_or(Kind::Text) {
            Kind::Text => "m.text",
            Kind::Notice => "m.notice",
        };
        let mut content = json!({ "msgtype": kind, "body": self.text });
        if let Some(html) = &self.html {
            content["format"] = "org.matrix.custom.html".into();
            content["formatted_body"] = html.as_str().into();
        }
        if let Some(answered) = &self.reply_to {
            content["m.relates_to"] = json!({ "m.in_reply_to": { "event_id": answered } });
        }
        content
    }
}

#[cfg(test)]
mod tests {
    use crate::Matrix;
    use serde_json::{Value, json};
    use tidegate_sdk::{Class, Error, Json, Operations, Settings, operations::Invocation, testing::Script};

    const SEND: &str = "PUT /_matrix/client/v3/rooms/%21a%3Aacme.com/send/m.room.message/key-1";
    const REDACT: &str = "PUT /_matrix/client/v3/rooms/%21a%3Aacme.com/redact/%24m/key-1";

    fn invoke(script: &Script, operation: &str, input: Value) -> Result<Value, Error> {
        let invocation = Invocation {
            operation: operation.into(),
            settings: Settings::from_bytes(br#"{"default-room": "!a:acme.com"}"#.to_vec()),
            input: Json::of(&input).unwrap(),
            idempotency_key: "key-1".into(),
        };
        Matrix::invoke(script, invocation)?.read()
    }

    fn body(script: &Script) -> Value {
        serde_json::from_slice(script.requests().last().unwrap().body.as_deref().unwrap()).unwrap()
    }

    #[test]
    fn message_is_put_under_the_key_of_the_call() {
        let script = Script::new().on(SEND, 200, r#"{"event_id": "$m"}"#);
        let output = invoke(&script, "send-message", json!({ "text": "Hello" })).unwrap();
        assert_eq!(output, json!({ "message-id": "$m", "room-id": "!a:acme.com" }));
        assert_eq!(body(&script), json!({ "msgtype": "m.text", "body": "Hello" }));

        let script = Script::new().on(SEND, 200, r#"{"event_id": "$m"}"#);
        let input = json!({ "text": "Hello", "html": "<b>Hello</b>", "kind": "notice", "reply-to": "$q" });
        invoke(&script, "send-message", input).unwrap();
        let expected = json!({
            "msgtype": "m.notice", "body": "Hello", "format": "org.matrix.custom.html", "formatted_body": "<b>Hello</b>",
            "m.relates_to": { "m.in_reply_to": { "event_id": "$q" } },
        });
        assert_eq!(body(&script), expected);
    }

    #[test]
    fn message_is_taken_back_under_the_key_of_the_call() {
        let script = Script::new().on(REDACT, 200, r#"{"event_id": "$d"}"#);
        let input = json!({ "message-id": "$m", "reason": "a slip" });
        let output = invoke(&script, "delete-message", input).unwrap();
        assert_eq!(output, json!({ "message-id": "$m", "deletion-id": "$d" }));
        assert_eq!(body(&script), json!({ "reason": "a slip" }));
    }

    #[test]
    fn refusals_say_what_to_do() {
        let check = |status: u16, errcode: &str, class: Class, field: &str| {
            let script =
                Script::new().on(SEND, status, format!(r#"{{"errcode": "{errcode}", "error": "no"}}"#));
            let error = invoke(&script, "send-message", json!({ "text": "Hello" })).unwrap_err();
            assert_eq!((error.class, error.fields[0].field.as_str()), (class, field), "{errcode}");
        };
        check(403, "M_FORBIDDEN", Class::InvalidData, "/room");
        check(413, "M_TOO_LARGE", Class::InvalidData, "/text");
        let down = Error::transient("http.status.503", "down");
        let script = Script::new().fail(SEND, down.clone());
        assert_eq!(invoke(&script, "send-message", json!({ "text": "Hello" })), Err(down));
        assert_eq!(invoke(&Script::new(), "dial", json!({})).unwrap_err().class, Class::Unsupported);
    }
}
