//! Events: sent, taken back, shown, and those that relate to one.

use super::{
    USER, errors,
    homeserver::{Homeserver, Room, State, may_redact},
};
use crate::vendor::{Answer, Request};
use hyper::StatusCode;
use serde_json::{Map, Value, json};

/// The bytes of an event. What else belongs to one is left out of the count.
const MOST_BYTES: usize = 65_536;
/// Events of a page of relations, whatever is asked for; less where nothing is.
const MOST: usize = 50;
const USUAL: usize = 20;

/// `GET /_matrix/client/v3/directory/room/{alias}`.
pub(super) fn directory(server: &Homeserver, alias: &str) -> Result<Answer, Answer> {
    if !alias.starts_with('#') || !alias.contains(':') {
        return Err(errors::error(StatusCode::BAD_REQUEST, "M_INVALID_PARAM", "Room alias invalid"));
    }
    let state = server.state();
    let found = state.rooms.iter().find(|(_, room)| room.alias == alias);
    let missing =
        || errors::error(StatusCode::NOT_FOUND, "M_NOT_FOUND", &format!("Room alias {alias} not found."));
    let (id, _) = found.ok_or_else(missing)?;
    Ok(Answer::json(StatusCode::OK, &json!({ "room_id": id, "servers": ["fake.example"] })))
}

/// `PUT /_matrix/client/v3/rooms/{room}/send/{type}/{transaction}`.
pub(super) fn send(server: &Homeserver, room: &str, kind: &str, request: &Request) -> Result<Answer, Answer> {
    let content = object(request)?;
    let mut state = server.state();
    transaction(&mut state, request, |state| {
        joined(state, room)?;
        state.add(room, kind, USER, content.into()).ok_or_else(|| errors::not_in_room(room))
    })
}

/// `PUT /_matrix/client/v3/rooms/{room}/redact/{event}/{transaction}`.
pub(super) fn redact(
    server: &Homeserver,
    room: &str,
    event: &str,
    request: &Request,
) -> Result<Answer, Answer> {
    let mut content = object(request)?;
    content.insert("redacts".into(), event.into());
    let mut state = server.state();
    transaction(&mut state, request, |state| {
        let sender = joined(state, room)?.event(event).ok_or_else(errors::no_event)?.sender.clone();
        if !may_redact(&sender) {
            let words = "You don't have permission to redact events";
            return Err(errors::error(StatusCode::FORBIDDEN, "M_FORBIDDEN", words));
        }
        let content = Value::from(content);
        let id = state.add(room, "m.room.redaction", USER, content.clone()).ok_or_else(errors::no_event)?;
        let because =
            json!({ "type": "m.room.redaction", "event_id": id, "sender": USER, "content": content });
        state.redact(room, event, because);
        Ok(id)
    })
}

/// `GET /_matrix/client/v3/rooms/{room}/event/{event}`.
pub(super) fn show(server: &Homeserver, room: &str, event: &str) -> Result<Answer, Answer> {
    let state = server.state();
    // Whoever is not in a room is told no more than that there is no such event.
    let there = state.rooms.get(room).filter(|there| there.joined).ok_or_else(errors::no_event)?;
    let event = there.event(event).ok_or_else(errors::no_event)?;
    Ok(Answer::json(StatusCode::OK, &there.shown(room, event)))
}

/// What a page of relations is asked for.
pub(super) struct Relations<'a> {
    pub(super) room: &'a str,
    pub(super) event: &'a str,
    pub(super) relation: &'a str,
    pub(super) kind: &'a str,
    pub(super) limit: Option<usize>,
    /// The token of the last page.
    pub(super) from: Option<&'a str>,
}

/// `GET /_matrix/client/v1/rooms/{room}/relations/{event}/{relation}/{type}`.
pub(super) fn relations(server: &Homeserver, wanted: &Relations<'_>) -> Result<Answer, Answer> {
    let state = server.state();
    let room = state.rooms.get(wanted.room).filter(|room| room.joined).ok_or_else(errors::no_event)?;
    room.event(wanted.event).ok_or_else(errors::no_event)?;
    let invalid = || errors::error(StatusCode::BAD_REQUEST, "M_INVALID_PARAM", "Invalid from parameter");
    let skipped =
        |token: &str| token.strip_prefix("after_").and_then(|count| count.parse().ok()).ok_or_else(invalid);
    let skip: usize = wanted.from.map(skipped).transpose()?.unwrap_or(0);
    let size = wanted.limit.unwrap_or(USUAL).clamp(1, MOST);
    let all: Vec<_> =
        room.related(wanted.event, wanted.relation).filter(|event| event.kind == wanted.kind).collect();
    let chunk: Vec<_> =
        all.iter().skip(skip).take(size).map(|event| room.shown(wanted.room, event)).collect();
    let mut page = json!({ "chunk": chunk });
    if skip + size < all.len() {
        page["next_batch"] = format!("after_{}", skip + size).into();
    }
    Ok(Answer::json(StatusCode::OK, &page))
}

/// Does what a transaction asks for, unless it was done under this path before. How long a homeserver
/// remembers is open; this one does for ever, and looks at nothing but the path.
fn transaction(
    state: &mut State,
    request: &Request,
    act: impl FnOnce(&mut State) -> Result<String, Answer>,
) -> Result<Answer, Answer> {
    let id = match state.transactions.get(&request.path) {
        Some(id) => id.clone(),
        None => {
            let id = act(state)?;
            state.transactions.insert(request.path.clone(), id.clone());
            id
        }
    };
    Ok(Answer::json(StatusCode::OK, &json!({ "event_id": id })))
}

fn joined<'a>(state: &'a State, room: &str) -> Result<&'a Room, Answer> {
    state.rooms.get(room).filter(|there| there.joined).ok_or_else(|| errors::not_in_room(room))
}

fn object(request: &Request) -> Result<Map<String, Value>, Answer> {
    if request.body.len() > MOST_BYTES {
        return Err(errors::error(StatusCode::PAYLOAD_TOO_LARGE, "M_TOO_LARGE", "event too large"));
    }
    match serde_json::from_slice(&request.body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(errors::error(StatusCode::BAD_REQUEST, "M_BAD_JSON", "Content must be a JSON object.")),
        Err(_) => Err(errors::error(StatusCode::BAD_REQUEST, "M_NOT_JSON", "Content not JSON.")),
    }
}
