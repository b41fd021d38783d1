//! Many updates that are to win whatever stands in Zendesk, done by one job.
//!
//! A job takes up to 100 tickets in one request, but it knows no safe updates, its results tell no
//! more than ids, and it may still be queued when the step ends. None of that matters to updates
//! without a base: to send them again does no harm, and what stands there already is not sent.

use super::{Update, gone};
use crate::{
    answer::problem,
    write::{
        Step, all,
        board::{Board, refused},
        one,
    },
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use tidegate_sdk::{Envelope, Error, Request, Response, exporter::Outcome, json, run::Pace};

/// How often a job is asked for in one step. The host paces requests; a step does not wait.
const POLLS: usize = 20;

/// When a job that is not done is looked at again, in milliseconds.
const LATER: u64 = 5_000;

#[derive(Deserialize)]
struct Job {
    id: String,
    status: String,
    #[serde(default)]
    results: Option<Vec<Part>>,
}

/// What came of one ticket of a job: an `error` where it failed. Updates tell the ticket's id,
/// other jobs its place in the batch.
#[derive(Deserialize)]
struct Part {
    #[serde(default)]
    id: Option<u64>,
    #[serde(default)]
    index: Option<usize>,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    details: Option<String>,
}

/// A ticket as a record, and its properties.
type Shown = (Envelope, Map<String, Value>);

/// Sends the updates as a job, and waits for its end as long as the step can.
pub(super) fn send(step: &Step<'_>, updates: Vec<Update<'_>>, board: &mut Board<'_>) {
    let places: Vec<usize> = updates.iter().map(|update| update.draft.at).collect();
    if let Err(error) = try_send(step, updates, board) {
        // What is known already stays: it was set, and the rest is open.
        places.into_iter().for_each(|at| board.set_open(at, Err(error.clone())));
    }
}

fn try_send(step: &Step<'_>, updates: Vec<Update<'_>>, board: &mut Board<'_>) -> Result<(), Error> {
    let updates = without_done(step, updates, board)?;
    if updates.is_empty() {
        return Ok(());
    }
    let tickets: Vec<_> = updates.iter().map(of_batch).collect();
    let request = Request::put("/api/v2/tickets/update_many.json").json(&json!({ "tickets": tickets }))?;
    let job = finished(step, job(&step.transport.send(request)?)?)?;
    let mut failed = failures(&updates, job.results.unwrap_or_default());
    let mut tickets = show_many(step, &updates)?;
    for update in &updates {
        let came = match (failed.remove(&update.id), tickets.remove(&update.id)) {
            (Some(error), Some(_)) => refused(error),
            (None, Some((ticket, _))) => Ok(Outcome::Done(ticket)),
            (_, None) => Ok(gone(update.id)),
        };
        board.set(update.draft.at, came);
    }
    Ok(())
}

/// Which tickets the job could not update, and why.
fn failures(updates: &[Update<'_>], parts: Vec<Part>) -> HashMap<u64, Error> {
    let failure = |(place, part): (usize, Part)| {
        let id = part.id.or_else(|| Some(updates.get(part.index.unwrap_or(place))?.id))?;
        Some((id, refusal(&part.error?, part.details.as_deref())))
    };
    parts.into_iter().enumerate().filter_map(failure).collect()
}

/// Leaves out what an earlier try has brought about.
fn without_done<'a>(
    step: &Step<'_>,
    updates: Vec<Update<'a>>,
    board: &mut Board<'_>,
) -> Result<Vec<Update<'a>>, Error> {
    if !updates.iter().any(|update| update.draft.change.again) {
        return Ok(updates);
    }
    let mut tickets = show_many(step, &updates)?;
    let mut left = Vec::new();
    for update in updates {
        match tickets.remove(&update.id) {
            Some((ticket, now)) if update.draft.change.again && stands(&update.draft.record, &now) => {
                board.set(update.draft.at, Ok(Outcome::Done(ticket)));
            }
            _ => left.push(update),
        }
    }
    Ok(left)
}

/// Whether the ticket is as it is to be. Of custom fields only those that are named count.
fn stands(wanted: &Map<String, Value>, now: &Map<String, Value>) -> bool {
    wanted.iter().all(|(name, value)| match (value, now.get(name)) {
        (Value::Array(wanted), Some(Value::Array(now))) => {
            let as_many = name == "custom_fields" || wanted.len() == now.len();
            as_many && wanted.iter().all(|one| now.contains(one))
        }
        (value, Some(now)) => value == now,
        (value, None) => value.is_null(),
    })
}

fn of_batch(update: &Update<'_>) -> Value {
    let mut ticket = update.draft.record.clone();
    ticket.insert("id".to_owned(), update.id.into());
    ticket.into()
}

fn job(response: &Response) -> Result<Job, Error> {
    if !response.is_success() {
        return Err(problem(response));
    }
    json::object(one(response, "job_status")?)
}

/// The job at its end.
fn finished(step: &Step<'_>, mut job: Job) -> Result<Job, Error> {
    let mut pace = Pace::start();
    for _ in 0..POLLS {
        match job.status.as_str() {
            "completed" => return Ok(job),
            // It tells what came of each ticket, unless it never began.
            "failed" | "killed" if job.results.as_ref().is_some_and(|results| !results.is_empty()) => {
                return Ok(job);
            }
            "failed" | "killed" => {
                return Err(Error::transient(
                    "zendesk.job",
                    format!("Zendesk's job {} was {}", job.id, job.status),
                ));
            }
            _ if pace.further() == 0 => break,
            _ => {
                let path = format!("/api/v2/job_statuses/{}.json", job.id);
                job = self::job(&step.transport.send(Request::get(path))?)?;
            }
        }
    }
    let message = format!("Zendesk has not ended the job {} yet", job.id);
    Err(Error::transient("zendesk.job", message).retry_after_ms(LATER))
}

fn refusal(error: &str, details: Option<&str>) -> Error {
    let words = details.unwrap_or(error);
    let closed = words.contains("closed prevents");
    let code = if closed { "ticket.closed" } else { "zendesk.job-part" };
    let refusal = Error::invalid_data(code, format!("Zendesk's job says {error}: {words}"));
    if closed { refusal.field("status", words) } else { refusal }
}

/// The tickets as they stand, by their ids.
fn show_many(step: &Step<'_>, updates: &[Update<'_>]) -> Result<HashMap<u64, Shown>, Error> {
    let ids: Vec<_> = updates.iter().map(|update| update.id.to_string()).collect();
    let request = Request::get("/api/v2/tickets/show_many.json").query("ids", ids.join(","));
    let response = step.transport.send(request)?;
    if !response.is_success() {
        return Err(problem(&response));
    }
    let read = |raw: &tidegate_sdk::RawValue| {
        let ticket = crate::ticket::record(raw)?;
        let id = ticket.key.parse().unwrap_or_default();
        Ok((id, (ticket, json::object(raw)?)))
    };
    all(&response, "tickets")?.into_iter().map(read).collect()
}
