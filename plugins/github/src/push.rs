//! Writing local changes to GitHub, one after the other: GitHub wants it so.
//!
//! A change is done, refused or in conflict by itself; what is the fault of the token,
//! the repository or the way to GitHub ends the step, and the changes that are left come
//! again. Updates and deletes look at the record first: GitHub has no conditional
//! writes, so that a change that comes between the look and the write is overwritten.

mod comment;
mod fields;
mod found;
mod issue;

use crate::{answer::problem, request, settings::Form};
use tidegate_sdk::{
    Class, Error, Method, Request, Response, Transport,
    exporter::{Acknowledgement, Change, Outcome, PushRequest},
    log, run,
};

/// The most requests that one change takes, looking for a lost one not counted.
const REQUESTS: u32 = 4;

/// When changes come again that could not be sent, where nobody says when.
const LATER_MS: u64 = 10_000;

/// Writes issues.
pub(crate) fn issues(transport: &dyn Transport, request: PushRequest) -> Result<Vec<Acknowledgement>, Error> {
    let desk = Desk::new(transport, &request)?;
    let mut lost = found::Issues::wanted_by(&request.changes);
    each(request.changes, |change| issue::push(&desk, &mut lost, change))
}

/// Writes comments.
pub(crate) fn comments(
    transport: &dyn Transport,
    request: PushRequest,
) -> Result<Vec<Acknowledgement>, Error> {
    let desk = Desk::new(transport, &request)?;
    each(request.changes, |change| comment::push(&desk, change))
}

/// Why a change has no outcome.
enum Stop {
    /// What is wrong with it: the others go on.
    Change(Error),
    /// What is wrong with all of them.
    Step(Error),
}

/// Makes the changes in their order, until one ends the step.
fn each(
    changes: Vec<Change>,
    mut push: impl FnMut(&Change) -> Result<Outcome, Stop>,
) -> Result<Vec<Acknowledgement>, Error> {
    let mut acknowledgements = Vec::with_capacity(changes.len());
    let mut changes = changes.into_iter();
    let mut later = None;
    for change in changes.by_ref() {
        if !acknowledgements.is_empty() && is_at_its_end() {
            later = Some((change.key, 0));
            break;
        }
        let outcome = match push(&change) {
            Ok(outcome) => outcome,
            Err(Stop::Change(error)) => Outcome::Rejected(error),
            // Nothing is known to be done: the host decides by the error itself.
            Err(Stop::Step(error)) if acknowledgements.is_empty() => return Err(error),
            Err(Stop::Step(error)) => {
                log::warn("the rest of the changes is put off", &[("error", &error)]);
                later = Some((change.key, error.retry_after_ms.unwrap_or(LATER_MS)));
                break;
            }
        };
        acknowledgements.push(Acknowledgement { key: change.key, outcome });
    }
    if let Some((key, wait)) = later {
        let keys = std::iter::once(key).chain(changes.map(|change| change.key));
        acknowledgements.extend(keys.map(|key| Acknowledgement { key, outcome: Outcome::Retry(wait) }));
    }
    Ok(acknowledgements)
}

fn is_at_its_end() -> bool {
    run::cancelled() || run::remaining().requests < REQUESTS
}

/// The way to the repository.
struct Desk<'a> {
    transport: &'a dyn Transport,
    form: Form,
}

impl<'a> Desk<'a> {
    fn new(transport: &'a dyn Transport, request: &PushRequest) -> Result<Self, Error> {
        Ok(Self { transport, form: request.settings.read()? })
    }

    /// A request to a path below the repository.
    fn to(&self, method: Method, path: &str) -> Request {
        request::within(&self.form, method, path)
    }

    /// Sends a request. What the host gives up on is no fault of the one change, but for
    /// what it does not let out.
    fn send(&self, request: Request) -> Result<Response, Stop> {
        self.transport.send(request).map_err(|error| match error.class {
            Class::InvalidData | Class::Denied | Class::Unsupported | Class::Internal => Stop::Change(error),
            _ => Stop::Step(error),
        })
    }

    /// Sends a request that has to go well.
    fn write(&self, request: Request) -> Result<Response, Stop> {
        let response = self.send(request)?;
        if response.is_success() { Ok(response) } else { Err(refused(&response)) }
    }

    /// What is there now; none where it is gone.
    fn look(&self, request: Request) -> Result<Option<Response>, Stop> {
        let response = self.send(request)?;
        match response.status {
            200..300 => Ok(Some(response)),
            410 if problem(&response).class == Class::NotFound => Ok(None),
            404 => self.is_gone(&response).map(|()| None),
            _ => Err(refused(&response)),
        }
    }

    /// GitHub says 404 of what is gone and of what the token may not see. Where it lets
    /// us see the issues, it would let us see this one.
    fn is_gone(&self, response: &Response) -> Result<(), Stop> {
        let issues = self.send(self.to(Method::Get, "/issues").query("per_page", 1))?;
        match issues.is_success() {
            true => Ok(()),
            false => Err(Stop::Step(Error { class: Class::Auth, ..problem(response) })),
        }
    }
}

/// What a refusal is about.
fn refused(response: &Response) -> Stop {
    let error = problem(response);
    match error.class {
        Class::InvalidData | Class::Conflict | Class::Unsupported => Stop::Change(error),
        // A repository that is gone, or that the token may not write to.
        Class::NotFound if response.status == 404 => Stop::Step(Error { class: Class::Auth, ..error }),
        Class::NotFound => Stop::Change(error),
        _ => Stop::Step(error),
    }
}

/// Whether the record is another than the one that the change is based on.
fn has_moved(change: &Change, updated_ms: Option<u64>) -> bool {
    change.base_updated_ms.is_some() && change.base_updated_ms != updated_ms
}

/// The number of a record that is there already.
fn remote_key(change: &Change) -> Result<u64, Stop> {
    let number = change.remote_key.as_deref().and_then(|key| key.parse().ok());
    // Never put into a path what is no number.
    number.ok_or_else(|| {
        let shown = change.remote_key.as_deref().unwrap_or("nothing");
        Stop::Change(Error::invalid_data(
            "github.key",
            format!("'{shown}' is not the key of a record of GitHub's"),
        ))
    })
}

impl From<Error> for Stop {
    /// An answer that cannot be understood, or values that cannot be sent.
    fn from(error: Error) -> Self {
        Self::Change(error)
    }
}

#[cfg(test)]
mod tests;
