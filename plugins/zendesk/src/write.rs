//! The way out: local changes become tickets, comments and users of Zendesk.
//!
//! It sends single requests, many at a time, because Zendesk makes a creation safe to repeat
//! and an update safe against other people's only there. Jobs are for updates that are to win
//! whatever stands in Zendesk.
//! What may have been sent before is looked for by its mark, and nothing is sent twice on a guess.

mod board;
mod comment;
mod fields;
mod people;
mod ticket;
mod user;

use self::{board::Board, people::People};
use crate::settings::Form;
use serde_json::{Map, Value};
use tidegate_sdk::{
    Error, RawValue, Response, Transport,
    exporter::{Acknowledgement, Change, PushRequest},
};

/// What a whole step has at hand.
struct Step<'a> {
    transport: &'a dyn Transport,
    people: People<'a>,
}

/// A change that is ready to be sent.
struct Draft<'a> {
    /// Its place on the board.
    at: usize,
    change: &'a Change,
    /// What Zendesk is to take.
    record: Map<String, Value>,
}

/// Sends the changes; one acknowledgement for each.
pub(crate) fn push(transport: &dyn Transport, request: &PushRequest) -> Result<Vec<Acknowledgement>, Error> {
    let settings: Form = request.settings.read()?;
    let step = Step { transport, people: People::new(transport, settings.default_user_email) };
    let mut board = Board::new(&request.changes);
    match request.connector.as_str() {
        crate::user::CONNECTOR => user::push(&step, &request.changes, &mut board),
        crate::ticket::CONNECTOR => ticket::push(&step, &request.changes, &mut board),
        crate::comment::CONNECTOR => comment::push(&step, &request.changes, &mut board),
        other => {
            return Err(Error::unsupported("zendesk.connector", format!("there is no connector '{other}'")));
        }
    }
    board.finish()
}

/// The object under that name in an answer, as it came.
fn one<'a>(response: &'a Response, name: &str) -> Result<&'a RawValue, Error> {
    let mut members: std::collections::HashMap<String, &RawValue> = response.json()?;
    members.remove(name).ok_or_else(|| missing(response, name))
}

/// The objects of the list under that name in an answer, as they came.
fn all<'a>(response: &'a Response, name: &str) -> Result<Vec<&'a RawValue>, Error> {
    serde_json::from_str(one(response, name)?.get()).map_err(|_| missing(response, name))
}

fn missing(response: &Response, name: &str) -> Error {
    let message = format!("{} answered without `{name}`", response.place);
    Error::invalid_data("zendesk.answer", message)
}

#[cfg(test)]
mod tests;
