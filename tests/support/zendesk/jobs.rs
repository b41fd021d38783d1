//! Jobs: many tickets in one request, done beside it.
//!
//! Facts: `/api-reference/ticketing/tickets/tickets/#create-many-tickets` and
//! `#update-many-tickets` (at most 100 tickets; updates as a batch of tickets with ids, or one
//! ticket for many `ids`), `/api-reference/ticketing/ticket-management/job_statuses/` (`queued`,
//! `working`, `completed`, `failed`; what results tell), and
//! `/api-reference/introduction/rate-limits/#job-limit` (30 jobs at a time). What a result says of
//! a ticket that failed is in issue 98 of `cloudbees-oss/zendesk-java-client`.
//!
//! Nothing is documented of safe updates and idempotency keys in jobs: both are overlooked here,
//! which is what makes a careless client fail. The work is done at once and told late: a job has to
//! be asked for before it is `completed`.

use super::{
    account::{Account, State},
    errors, input, tickets,
};
use crate::vendor::{Answer, Request};
use hyper::StatusCode;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Tickets of a job.
const MOST: usize = 100;
/// Jobs that are not done.
const MOST_JOBS: usize = 30;
/// How often a job is asked for before it is done.
const ASKED: u32 = 2;

/// All jobs, by their ids.
#[derive(Default)]
pub(super) struct Jobs(BTreeMap<String, Job>);

struct Job {
    kind: &'static str,
    results: Vec<Value>,
    asked: u32,
}

/// `POST /api/v2/tickets/create_many.json`.
pub(super) fn create_many(account: &Account, request: &Request) -> Result<Answer, Answer> {
    let tickets = batch(request, "tickets/create_many")?;
    let mut state = account.state();
    state.jobs.check_room()?;
    let mut create = |(index, wanted): (usize, &Map<String, Value>)| match tickets::create_from(
        account, &mut state, wanted,
    ) {
        Ok((id, _)) => json!({ "index": index, "id": id }),
        Err(answer) => {
            json!({ "index": index, "error": "TicketCreateFailed", "details": errors::reasons(&answer) })
        }
    };
    let results = tickets.iter().enumerate().map(&mut create).collect();
    Ok(start(account, &mut state, "Bulk Create Ticket", results))
}

/// `PUT /api/v2/tickets/update_many.json`, as a batch or with `ids`.
pub(super) fn update_many(account: &Account, request: &Request, ids: Option<&str>) -> Result<Answer, Answer> {
    let action = "tickets/update_many";
    let wanted: Vec<(Option<u64>, Map<String, Value>)> = match ids {
        Some(ids) => {
            let ticket = input::object(request, "ticket", action)?;
            let ids = input::ids(ids, action)?;
            ids.into_iter().map(|id| (Some(id), ticket.clone())).collect()
        }
        None => {
            let id = |ticket: &Map<String, Value>| ticket.get("id").and_then(Value::as_u64);
            batch(request, action)?.into_iter().map(|ticket| (id(&ticket), ticket)).collect()
        }
    };
    let mut state = account.state();
    state.jobs.check_room()?;
    let results = wanted.into_iter().map(|(id, ticket)| update(account, &mut state, id, ticket)).collect();
    Ok(start(account, &mut state, "Bulk Update Ticket", results))
}

fn update(account: &Account, state: &mut State, id: Option<u64>, mut ticket: Map<String, Value>) -> Value {
    ticket.remove("safe_update");
    let done = match id {
        Some(id) => tickets::update_from(account, state, id, &ticket),
        None => Err(errors::not_found()),
    };
    match done {
        Ok(_) => json!({ "id": id, "action": "update", "status": "Updated", "success": true }),
        Err(answer) => json!({
            "id": id, "action": "update", "status": "Failed", "success": false,
            "error": "TicketUpdateFailed", "details": errors::reasons(&answer),
        }),
    }
}

/// `GET /api/v2/job_statuses/{id}.json`.
pub(super) fn show(account: &Account, id: &str) -> Result<Answer, Answer> {
    let mut state = account.state();
    let job = state.jobs.0.get_mut(id).ok_or_else(errors::not_found)?;
    job.asked += 1;
    let status = job.document(account, id);
    Ok(Answer::json(StatusCode::OK, &json!({ "job_status": status })))
}

/// `GET /api/v2/job_statuses.json`. Listing a job does not bring it on.
pub(super) fn list(account: &Account) -> Answer {
    let state = account.state();
    let all: Vec<_> = state.jobs.0.iter().map(|(id, job)| job.document(account, id)).collect();
    Answer::json(StatusCode::OK, &json!({ "job_statuses": all }))
}

fn start(account: &Account, state: &mut State, kind: &'static str, results: Vec<Value>) -> Answer {
    let id = format!("{:032x}", state.event_id());
    let job = Job { kind, results, asked: 0 };
    let status = job.document(account, &id);
    state.jobs.0.insert(id, job);
    Answer::json(StatusCode::OK, &json!({ "job_status": status }))
}

/// The tickets of a batch.
fn batch(request: &Request, action: &str) -> Result<Vec<Map<String, Value>>, Answer> {
    let tickets = input::objects(request, "tickets", action)?;
    if tickets.len() > MOST {
        return Err(errors::invalid_attribute("tickets", "must have at most 100 items", action));
    }
    Ok(tickets)
}

impl Jobs {
    fn check_room(&self) -> Result<(), Answer> {
        let open = self.0.values().filter(|job| job.asked < ASKED).count();
        if open < MOST_JOBS { Ok(()) } else { Err(errors::too_many_jobs()) }
    }
}

impl Job {
    fn document(&self, account: &Account, id: &str) -> Value {
        let (status, results) = match self.asked {
            0 => ("queued", Value::Null),
            asked if asked < ASKED => ("working", Value::Null),
            _ => ("completed", Value::from(self.results.clone())),
        };
        let done = if status == "completed" { self.results.len() } else { 0 };
        json!({
            "id": id, "url": account.url(&format!("job_statuses/{id}.json")), "job_type": self.kind,
            "total": self.results.len(), "progress": done, "status": status, "message": null, "results": results,
        })
    }
}
