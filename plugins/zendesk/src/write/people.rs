//! Who a change speaks of, and who stands in for people whom Zendesk does not know.

use super::{
    all,
    board::{Came, Unless, not_now, refused_early},
};
use crate::{answer::problem, mark};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::cell::OnceCell;
use tidegate_sdk::{Error, RawValue, Request, Transport, json};

/// The people of one step. The default user is asked for once, when he is needed.
pub(super) struct People<'a> {
    transport: &'a dyn Transport,
    default: Option<String>,
    known: OnceCell<Result<u64, Error>>,
}

/// What tells users apart.
#[derive(Deserialize)]
struct Person {
    id: u64,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    active: Option<bool>,
}

impl<'a> People<'a> {
    pub(super) fn new(transport: &'a dyn Transport, default: Option<String>) -> Self {
        Self { transport, default, known: OnceCell::new() }
    }

    /// Puts the default user in the place of whoever is named in `names` and is no user of
    /// Zendesk: a local key that could not be replaced.
    ///
    /// # Errors
    /// A refusal where there is no default user; a fault where he cannot be found.
    pub(super) fn settle(&self, record: &mut Map<String, Value>, names: &[&str]) -> Unless<()> {
        for name in names {
            match record.get(*name) {
                None | Some(Value::Null | Value::Number(_)) => {}
                Some(Value::String(text)) if mark::id(text).is_some() => {
                    let id = mark::id(text).map(Value::from).unwrap_or_default();
                    record.insert((*name).to_owned(), id);
                }
                Some(other) => {
                    let id = self.stand_in()?.ok_or_else(|| unknown(name, other))?;
                    record.insert((*name).to_owned(), id.into());
                }
            }
        }
        Ok(())
    }

    /// The same, and the default user where nobody is named at all and there is one.
    pub(super) fn settle_or_default(&self, record: &mut Map<String, Value>, name: &str) -> Unless<()> {
        self.settle(record, &[name])?;
        if record.get(name).is_none_or(Value::is_null)
            && let Some(id) = self.stand_in()?
        {
            record.insert(name.to_owned(), id.into());
        }
        Ok(())
    }

    /// The default user's id; none where the channel names nobody.
    fn stand_in(&self) -> Unless<Option<u64>> {
        let Some(email) = &self.default else {
            return Ok(None);
        };
        let known = self.known.get_or_init(|| {
            by_email(self.transport, email)?
                .map(|user| Ok(read(user.as_ref())?.id))
                .unwrap_or_else(|| Err(nobody(email)))
        });
        known.clone().map(Some).map_err(not_now)
    }
}

/// The user with exactly that address, as Zendesk gives him; deleted ones do not count.
pub(super) fn by_email(transport: &dyn Transport, email: &str) -> Result<Option<Box<RawValue>>, Error> {
    let request = Request::get("/api/v2/users/search.json").query("query", format!("email:{email}"));
    let response = transport.send(request)?;
    if !response.is_success() {
        return Err(problem(&response));
    }
    let is_it = |user: &&RawValue| {
        read(user).is_ok_and(|user| {
            let same = user.email.as_deref().is_some_and(|other| other.eq_ignore_ascii_case(email));
            same && user.active != Some(false)
        })
    };
    Ok(all(&response, "users")?.into_iter().find(is_it).map(RawValue::to_owned))
}

fn read(user: &RawValue) -> Result<Person, Error> {
    json::object(user)
}

fn unknown(name: &str, who: &Value) -> Box<Came> {
    let error = Error::invalid_data("zendesk.unknown-user", format!("{who} is no user of Zendesk"))
        .field(name, "export this user first, or set the channel's 'default-user-email'");
    refused_early(error)
}

fn nobody(email: &str) -> Error {
    let message =
        format!("Zendesk has no user with the address {email}, who is to stand in for unknown people");
    Error::config("zendesk.default-user", message)
        .field("default-user-email", "no user of Zendesk has this address")
}
