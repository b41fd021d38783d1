//! The fake homeserver, and the plugin that sends to it.

use crate::{
    client::{Answer, bare, http},
    wire::{Login, Wire},
};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{
    matrix::{LOBBY, Matrix, TOKEN, USER, VAULT},
    vendor::{Action, Rule},
};
use tidegate_sdk::{Class, Error, Json, Operations, Settings, TransportCheck, operations::Invocation};

const ROOM: &str = "/_matrix/client/v3/rooms/%21lobby%3Afake.example";

async fn ask(fake: &Matrix, method: Method, path: &str, body: &str) -> Answer {
    bare(fake, method, path).header("authorization", &format!("Bearer {TOKEN}")).text(body).answer().await
}

#[tokio::test]
async fn a_transaction_is_done_once() {
    let fake = Matrix::builder().start().expect("a fake");
    let send = async |transaction: &str, body: &str| {
        ask(&fake, Method::PUT, &format!("{ROOM}/send/m.room.message/{transaction}"), body).await.json()["event_id"].clone()
    };
    let first = send("t1", r#"{"body": "Hello"}"#).await;
    assert_eq!(send("t1", r#"{"body": "other words"}"#).await, first, "only the path counts");
    assert_ne!(send("t2", r#"{"body": "Hello"}"#).await, first);
    assert_eq!(fake.messages().len(), 2);
    fake.forget_transactions();
    assert_ne!(send("t1", r#"{"body": "Hello"}"#).await, first);
}

#[tokio::test]
async fn refusals_are_standard_error_responses() {
    let fake = Matrix::builder().start().expect("a fake");
    let check = async |method: Method, path: &str, body: &str, status: u16, errcode: &str| {
        let answer = ask(&fake, method, path, body).await;
        assert_eq!((answer.status, &answer.json()["errcode"]), (status, &json!(errcode)), "{path}");
    };
    let send = format!("{ROOM}/send/m.room.message/t");
    let huge = format!(r#"{{"body": "{}"}}"#, "x".repeat(70_000));
    let vault = send.replace("lobby", "vault");
    check(Method::PUT, &send, "{", 400, "M_NOT_JSON").await;
    check(Method::PUT, &send, "[]", 400, "M_BAD_JSON").await;
    check(Method::PUT, &send, &huge, 413, "M_TOO_LARGE").await;
    check(Method::POST, &send, "{}", 405, "M_UNRECOGNIZED").await;
    check(Method::PUT, &vault, "{}", 403, "M_FORBIDDEN").await;
    check(Method::PUT, &send.replace("lobby", "nowhere"), "{}", 403, "M_FORBIDDEN").await;
    check(Method::GET, &format!("{ROOM}/event/%24nothing"), "", 404, "M_NOT_FOUND").await;
    check(Method::PUT, &format!("{ROOM}/redact/%24nothing/t"), "{}", 404, "M_NOT_FOUND").await;
    check(Method::GET, "/_matrix/client/v3/directory/room/%23none%3Afake.example", "", 404, "M_NOT_FOUND")
        .await;
    check(Method::GET, "/_matrix/client/v3/directory/room/lobby", "", 400, "M_INVALID_PARAM").await;
    check(Method::GET, "/_matrix/client/v3/sync", "", 404, "M_UNRECOGNIZED").await;
    check(Method::GET, "/api", "", 404, "M_UNRECOGNIZED").await;
    let me = "/_matrix/client/v3/account/whoami";
    let nobody = bare(&fake, Method::GET, &format!("{me}?access_token={TOKEN}")).answer().await;
    assert_eq!((nobody.status, &nobody.json()["errcode"]), (401, &json!("M_MISSING_TOKEN")));
    let stranger = bare(&fake, Method::GET, me).header("authorization", "Bearer wrong").answer().await;
    assert_eq!((stranger.status, &stranger.json()["errcode"]), (401, &json!("M_UNKNOWN_TOKEN")));
}

#[tokio::test]
async fn things_can_be_done_by_hand() {
    let fake = Matrix::builder().start().expect("a fake");
    let sent =
        ask(&fake, Method::PUT, &format!("{ROOM}/send/m.room.message/t"), r#"{"body": "Hi"}"#).await.json();
    let post = async |path: &str, body: Value| {
        bare(&fake, Method::POST, path).text(&body.to_string()).answer().await.status
    };
    let id = &sent["event_id"];
    let reaction = json!({ "message-id": id, "key": "👍", "sender": "@ann:fake.example" });
    assert_eq!(post("/_fake/reactions", reaction).await, 200);
    assert_eq!(post("/_fake/edits", json!({ "message-id": id, "text": "Bye" })).await, 200);
    assert_eq!(post("/_fake/edits", json!({ "message-id": "$nothing", "text": "Bye" })).await, 400);
    let messages = http().get(format!("{}/_fake/messages", fake.url())).send().await.expect("an answer");
    assert!(messages.text().await.expect("a body").contains("Bye"));
    assert_eq!(
        fake.stats().answered["PUT /_matrix/client/v3/rooms/{room}/send/m.room.message/{transaction}"],
        [(200, 1)].into()
    );
}

fn invoke_with(fake: &Matrix, operation: &str, key: &str, input: Value) -> Result<Value, Error> {
    let settings = Settings::from_bytes(json!({ "default-room": LOBBY }).to_string().into_bytes());
    let input = Json::of(&input).expect("JSON");
    let invocation = Invocation { operation: operation.into(), settings, input, idempotency_key: key.into() };
    let wire = Wire::to(fake, Login::Bearer(TOKEN));
    matrix::Matrix::invoke(&wire, invocation)?.read()
}

fn invoke(fake: &Matrix, operation: &str, input: Value) -> Result<Value, Error> {
    invoke_with(fake, operation, "call-1", input)
}

#[test]
fn the_plugin_knows_whose_token_it_is() {
    let fake = Matrix::builder().start().expect("a fake");
    let settings = Settings::from_bytes(b"{}".to_vec());
    let facts = matrix::Matrix::check(&Wire::to(&fake, Login::Bearer(TOKEN)), &settings).expect("facts");
    assert_eq!(facts.get("user").expect("a user"), USER);
    let error =
        matrix::Matrix::check(&Wire::to(&fake, Login::Bearer("wrong")), &settings).expect_err("refused");
    assert_eq!(error.class, Class::Auth);
}

#[test]
fn a_message_is_sent_looked_at_and_taken_back() {
    let fake = Matrix::builder().start().expect("a fake");
    let sent = invoke(&fake, "send-message", json!({ "text": "Hello" })).expect("sent");
    let id = sent["message-id"].as_str().expect("an id");
    let status = || invoke(&fake, "message-status", json!({ "message-id": id })).expect("a status");
    let now = status();
    assert_eq!(
        (&now["status"], &now["text"], &now["sender"]),
        (&json!("sent"), &json!("Hello"), &json!(USER))
    );
    for reader in 0..60 {
        fake.react(id, if reader % 3 == 0 { "❤️" } else { "👍" }, &format!("@r{reader}:fake.example"))
            .expect("a reaction");
    }
    fake.edit(id, "Good day").expect("an edit");
    let now = status();
    assert_eq!((&now["status"], &now["text"]), (&json!("edited"), &json!("Good day")));
    assert_eq!(now["reactions"], json!({ "👍": 40, "❤️": 20 }), "those of both pages");
    let input = json!({ "message-id": id, "reason": "a slip" });
    invoke(&fake, "delete-message", input).expect("deleted");
    assert_eq!((&status()["status"], &status()["text"]), (&json!("deleted"), &Value::Null));
}

#[test]
fn a_call_that_is_made_again_sends_nothing_more() {
    let fake = Matrix::builder().start().expect("a fake");
    fake.set_script(Rule::on("**/send/**").times(3).then(Action::Close { apply: true }));
    let send = || invoke(&fake, "send-message", json!({ "text": "Hello" }));
    assert_eq!(send().expect_err("both tries are lost").class, Class::Transient);
    let sent = send().expect("the fourth try is answered");
    assert_eq!(fake.messages().len(), 1);
    assert_eq!(fake.messages()[0]["event_id"], sent["message-id"]);
    invoke_with(&fake, "send-message", "call-2", json!({ "text": "Hello" })).expect("another call");
    assert_eq!(fake.messages().len(), 2);
}

#[test]
fn a_room_that_the_account_is_not_in_is_named() {
    let fake = Matrix::builder().start().expect("a fake");
    for room in [VAULT, "!vault:fake.example"] {
        let error =
            invoke(&fake, "send-message", json!({ "text": "Hello", "room": room })).expect_err("refused");
        assert_eq!((error.class, error.code.as_str()), (Class::InvalidData, "matrix.forbidden"));
    }
    let error = invoke(&fake, "send-message", json!({ "text": "Hello", "room": "#none:fake.example" }))
        .expect_err("missing");
    assert_eq!((error.class, error.fields[0].field.as_str()), (Class::NotFound, "/room"));
}
