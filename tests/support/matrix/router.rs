//! Which request goes where, after a look at who asks.

use super::{
    TOKEN, USER, control, errors,
    events::{self, Relations},
    homeserver::Homeserver,
};
use crate::vendor::{Answer, App, Request};
use hyper::{Method, StatusCode};
use serde_json::json;
use url::form_urlencoded;

impl App for Homeserver {
    fn answer(&self, request: &Request) -> Answer {
        route(self, request).unwrap_or_else(|refusal| refusal)
    }

    fn control(&self, path: &str, request: &Request) -> Option<Answer> {
        control::answer(self, path, request)
    }

    fn control_help(&self) -> &'static str {
        control::HELP
    }

    fn words_for(&self, status: StatusCode) -> Answer {
        errors::words_for(status)
    }

    fn kind_of(&self, path: &str) -> String {
        let kind = |segment: &str| match decode(segment).chars().next() {
            Some('!') => "{room}".to_owned(),
            Some('#') => "{alias}".to_owned(),
            Some('$') => "{event}".to_owned(),
            _ => segment.to_owned(),
        };
        let mut kinds: Vec<_> = path.split('/').map(kind).collect();
        if kinds.iter().any(|kind| matches!(kind.as_str(), "send" | "redact"))
            && let Some(transaction) = kinds.last_mut()
        {
            *transaction = "{transaction}".to_owned();
        }
        kinds.join("/")
    }
}

fn route(server: &Homeserver, request: &Request) -> Result<Answer, Answer> {
    let path = request.path.strip_prefix("/_matrix/client/").ok_or_else(errors::unrecognized)?;
    let segments: Vec<String> = path.split('/').map(decode).collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    // Aliases are public: looking one up takes no token.
    if let ["v3", "directory", "room", alias] = segments[..] {
        return only(request, &Method::GET).and_then(|()| events::directory(server, alias));
    }
    authenticate(request)?;
    match segments[..] {
        ["v3", "account", "whoami"] => {
            only(request, &Method::GET)?;
            let me = json!({ "user_id": USER, "device_id": "FAKEDEVICE", "is_guest": false });
            Ok(Answer::json(StatusCode::OK, &me))
        }
        ["v3", "rooms", room, "send", kind, _] => {
            only(request, &Method::PUT).and_then(|()| events::send(server, room, kind, request))
        }
        ["v3", "rooms", room, "redact", event, _] => {
            only(request, &Method::PUT).and_then(|()| events::redact(server, room, event, request))
        }
        ["v3", "rooms", room, "event", event] => {
            only(request, &Method::GET).and_then(|()| events::show(server, room, event))
        }
        ["v1", "rooms", room, "relations", event, relation, kind] => {
            only(request, &Method::GET)?;
            let query: Vec<_> =
                form_urlencoded::parse(request.query.as_deref().unwrap_or_default().as_bytes()).collect();
            let get = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_ref());
            let limit = get("limit").and_then(|limit| limit.parse().ok());
            events::relations(server, &Relations { room, event, relation, kind, limit, from: get("from") })
        }
        _ => Err(errors::unrecognized()),
    }
}

/// The token stands in the header. As a parameter it is deprecated, and not looked at here.
fn authenticate(request: &Request) -> Result<(), Answer> {
    let token = request.header("authorization").and_then(|text| text.strip_prefix("Bearer "));
    match token {
        None => Err(errors::missing_token()),
        Some(token) if token == TOKEN => Ok(()),
        Some(_) => Err(errors::unknown_token()),
    }
}

fn only(request: &Request, method: &Method) -> Result<(), Answer> {
    if request.method == *method { Ok(()) } else { Err(errors::wrong_method()) }
}

/// One segment of a path, decoded by itself, so that an escaped slash parts nothing.
fn decode(segment: &str) -> String {
    // A plus is a plus in a path; in a form it would be a space.
    let escaped = format!("x={}", segment.replace('+', "%2B").replace('&', "%26").replace('=', "%3D"));
    form_urlencoded::parse(escaped.as_bytes()).map(|(_, value)| value.into_owned()).next().unwrap_or_default()
}
