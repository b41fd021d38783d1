//! The homeserver: all that it knows, behind one lock.

use super::{LOBBY, USER, VAULT};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The homeserver.
pub(super) struct Homeserver {
    state: Mutex<State>,
}

/// What changes.
pub(super) struct State {
    /// Rooms by their ids.
    pub(super) rooms: HashMap<String, Room>,
    /// The answers to transactions, by path: there is one token.
    pub(super) transactions: HashMap<String, String>,
    next_event: u64,
}

/// A room.
pub(super) struct Room {
    pub(super) alias: &'static str,
    /// Whether the account is in it.
    pub(super) joined: bool,
    /// The events, the oldest first.
    pub(super) events: Vec<Event>,
}

/// An event of a room.
#[derive(Clone)]
pub(super) struct Event {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) sender: String,
    pub(super) at_ms: i64,
    pub(super) content: Value,
    /// The event that took it back.
    pub(super) redacted_because: Option<Value>,
}

impl Homeserver {
    pub(super) fn new() -> Self {
        let room = |alias, joined| Room { alias, joined, events: Vec::new() };
        let rooms = [("!lobby:fake.example", room(LOBBY, true)), ("!vault:fake.example", room(VAULT, false))];
        let rooms = rooms.map(|(id, room)| (id.to_owned(), room)).into();
        Self { state: Mutex::new(State { rooms, transactions: HashMap::new(), next_event: 0 }) }
    }

    /// The state. Nothing that waits is done while it is held.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Adds an event; its id. Ids are opaque, and have characters that a path cannot hold.
    pub(super) fn add(&mut self, room: &str, kind: &str, sender: &str, content: Value) -> Option<String> {
        self.next_event += 1;
        let id = format!("$event/{}+{}", self.next_event, self.next_event * 7_919);
        let event = Event {
            id: id.clone(),
            kind: kind.to_owned(),
            sender: sender.to_owned(),
            at_ms: Timestamp::now().as_millisecond(),
            content,
            redacted_because: None,
        };
        self.rooms.get_mut(room)?.events.push(event);
        Some(id)
    }

    /// Takes an event back: its content is gone. False where there is none.
    pub(super) fn redact(&mut self, room: &str, id: &str, because: Value) -> bool {
        let room = self.rooms.get_mut(room);
        let Some(event) = room.and_then(|room| room.events.iter_mut().find(|event| event.id == id)) else {
            return false;
        };
        event.content = json!({});
        event.redacted_because = Some(because);
        true
    }
}

impl Room {
    pub(super) fn event(&self, id: &str) -> Option<&Event> {
        self.events.iter().find(|event| event.id == id)
    }

    /// The events that relate to that one in this way, the newest first. Redacted ones relate to
    /// nothing.
    pub(super) fn related<'a>(&'a self, id: &'a str, relation: &'a str) -> impl Iterator<Item = &'a Event> {
        self.events.iter().rev().filter(move |event| {
            let relates = event.content.get("m.relates_to");
            let is = |name: &str, value: &str| {
                relates.and_then(|relates| relates.get(name)?.as_str()) == Some(value)
            };
            is("event_id", id) && is("rel_type", relation)
        })
    }

    /// An event as a client sees it. An edit by its own sender is bundled with it.
    pub(super) fn shown(&self, room: &str, event: &Event) -> Value {
        let mut unsigned = Map::new();
        unsigned.insert("age".into(), (Timestamp::now().as_millisecond() - event.at_ms).into());
        if let Some(because) = &event.redacted_because {
            unsigned.insert("redacted_because".into(), because.clone());
        } else if let Some(edit) =
            self.related(&event.id, "m.replace").find(|edit| edit.sender == event.sender)
        {
            let edit = json!({ "event_id": edit.id, "sender": edit.sender, "type": edit.kind, "content": edit.content });
            unsigned.insert("m.relations".into(), json!({ "m.replace": edit }));
        }
        json!({
            "type": event.kind, "event_id": event.id, "room_id": room, "sender": event.sender,
            "origin_server_ts": event.at_ms, "content": event.content, "unsigned": unsigned,
        })
    }
}

/// Whether the account may take back what that user has sent.
pub(super) fn may_redact(sender: &str) -> bool {
    sender == USER
}
