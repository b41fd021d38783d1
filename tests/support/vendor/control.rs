//! The control surface that every fake vendor has, for trials by hand: `/_fake/…`,
//! without credentials, never counted and never struck by a fault script.

use super::{
    message::{Answer, Request},
    script::Script,
    server::{Control, Shared},
};
use hyper::{Method, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};
use std::time::Duration;

const HELP: &str = "GET    /_fake/stats                 what was asked and answered
DELETE /_fake/stats                 start counting anew
GET    /_fake/requests              the latest requests, one by one
GET    /_fake/script                the fault script
PUT    /_fake/script                another one (JSON, or TOML with content-type application/toml)
DELETE /_fake/script                none
POST   /_fake/down?for-ms=N         refuse connections for a while
POST   /_fake/stop                  end
";

/// Answers a request below `/_fake`.
pub(super) fn answer(shared: &Shared, path: &str, request: &Request) -> Answer {
    match (&request.method, path) {
        (&Method::GET, "" | "/") => {
            Answer::text(StatusCode::OK, format!("{HELP}{}", shared.app.control_help()))
        }
        (&Method::GET, "/stats") => document(&shared.counter.stats(&shared.script)),
        (&Method::DELETE, "/stats") => {
            shared.counter.reset();
            done()
        }
        (&Method::GET, "/requests") => document(&shared.counter.seen()),
        (&Method::GET, "/script") => document(&shared.script.script()),
        (&Method::PUT, "/script") => set_script(shared, request),
        (&Method::DELETE, "/script") => {
            shared.script.set(Script::default());
            done()
        }
        (&Method::POST, "/down") => down(shared, request),
        (&Method::POST, "/stop") => {
            shared.control.send_replace(Control::Stop);
            done()
        }
        _ => shared
            .app
            .control(path, request)
            .unwrap_or_else(|| refused(StatusCode::NOT_FOUND, "nothing here: see GET /_fake")),
    }
}

fn set_script(shared: &Shared, request: &Request) -> Answer {
    let json = !request.header("content-type").is_some_and(|value| value.contains("toml"));
    let script =
        std::str::from_utf8(&request.body).map_err(Into::into).and_then(|text| Script::parse(text, json));
    match script {
        Ok(script) => {
            shared.script.set(script);
            done()
        }
        Err(error) => refused(StatusCode::BAD_REQUEST, &format!("{error:#}")),
    }
}

fn down(shared: &Shared, request: &Request) -> Answer {
    let wanted = request
        .query
        .as_deref()
        .and_then(|query| query.strip_prefix("for-ms="))
        .and_then(|text| text.parse().ok());
    match wanted {
        Some(length) => {
            shared.control.send_replace(Control::DownFor(Duration::from_millis(length)));
            done()
        }
        None => refused(StatusCode::BAD_REQUEST, "say for how long: ?for-ms=1000"),
    }
}

fn document(value: &impl Serialize) -> Answer {
    Answer::json(StatusCode::OK, &serde_json::to_value(value).unwrap_or(Value::Null))
}

fn done() -> Answer {
    Answer::empty(StatusCode::NO_CONTENT)
}

fn refused(status: StatusCode, why: &str) -> Answer {
    Answer::json(status, &json!({ "error": why }))
}
