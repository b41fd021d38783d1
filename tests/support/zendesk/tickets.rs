//! Single tickets: showing, creating, updating, deleting.
//!
//! Facts: `/api-reference/ticketing/tickets/tickets/`. That a closed ticket refuses
//! every change, with 422 and `details.status`, is what people meet. Setting the status
//! to `closed` is allowed, and cannot be taken back.

use super::{
    account::{Account, State},
    audit::Audit,
    changes, comments,
    errors::{self, Problems},
    input,
    seed::{FIRST_USER, time_text},
    users,
};
use crate::vendor::{Answer, Request};
use bytes::Bytes;
use hyper::StatusCode;
use serde_json::{Map, Value, json};

/// Who is logged in.
const AGENT: u64 = FIRST_USER;

/// `GET /api/v2/tickets/{id}.json`.
pub(super) fn show(account: &Account, id: u64) -> Result<Answer, Answer> {
    let state = account.state();
    let rendered =
        Some(id).filter(|id| state.tickets.is_there(*id)).and_then(|id| state.tickets.rendered(id));
    let rendered = rendered.ok_or_else(errors::not_found)?;
    Ok(Answer::pieces(
        StatusCode::OK,
        vec![Bytes::from_static(b"{\"ticket\":"), rendered, Bytes::from_static(b"}")],
    ))
}

/// `POST /api/v2/tickets.json`.
pub(super) fn create(account: &Account, request: &Request) -> Result<Answer, Answer> {
    let now = account.clock.now();
    let mut state = account.state();
    if let Some(answer) = state.remembered.recall(request, now)? {
        return Ok(answer);
    }
    let wanted = input::object(request, "ticket", "tickets/create")?;
    let (id, document) = create_from(account, &mut state, &wanted)?;
    let location = account.url(&format!("tickets/{id}.json"));
    let answer = Answer::json(StatusCode::CREATED, &document).with("location", &location);
    Ok(state.remembered.store(request, now, answer))
}

/// Makes a ticket; its id, and the document that tells of it.
pub(super) fn create_from(
    account: &Account,
    state: &mut State,
    wanted: &Map<String, Value>,
) -> Result<(u64, Value), Answer> {
    let mut problems = Problems::default();
    let comment = Comment::of(wanted, &mut problems);
    let mut value = blank(state);
    changes::apply(state, &mut value, wanted, &mut problems);
    changes::check_whole(&value, &mut problems);
    let Some(comment) = comment else {
        problems.add("base", "Description: cannot be blank", Some("BlankValue"));
        problems.into_result()?;
        unreachable!("there is a problem");
    };
    problems.into_result()?;
    if let Some(requester) = wanted.get("requester").and_then(Value::as_object) {
        value.insert("requester_id".into(), users::find_or_create(account, state, requester)?.into());
    }
    let id = state.tickets.take_id();
    begin(account, &mut value, id, &comment, wanted);
    let metadata = metadata(wanted);
    let (ticket, audit) =
        commit(account, state, Update { id, value, comment: Some(comment), changes: None, metadata });
    Ok((id, json!({ "ticket": ticket, "audit": audit })))
}

/// `PUT /api/v2/tickets/{id}.json`.
pub(super) fn update(account: &Account, id: u64, request: &Request) -> Result<Answer, Answer> {
    let mut state = account.state();
    let wanted = input::object(request, "ticket", "tickets/update")?;
    state.asked.entry(id).or_default().push(wanted.clone());
    Ok(Answer::json(StatusCode::OK, &update_from(account, &mut state, id, &wanted)?))
}

/// Changes a ticket; the document that tells of it.
pub(super) fn update_from(
    account: &Account,
    state: &mut State,
    id: u64,
    wanted: &Map<String, Value>,
) -> Result<Value, Answer> {
    let mut value = Some(id)
        .filter(|id| state.tickets.is_there(*id))
        .and_then(|id| state.tickets.value(id))
        .ok_or_else(errors::not_found)?;
    let mut problems = Problems::default();
    if value.get("status").and_then(Value::as_str) == Some("closed") {
        problems.add("status", "Status: closed prevents ticket update", None);
    }
    problems.into_result()?;
    guard(wanted, &value)?;
    let mut problems = Problems::default();
    let comment = Comment::of(wanted, &mut problems);
    if comment.is_some() && comments::count(account, state, id) >= comments::MOST {
        problems.add("base", "Comments: ticket has reached the maximum of 5000 comments", None);
    }
    let changes = changes::apply(state, &mut value, wanted, &mut problems);
    if !changes.is_empty() {
        changes::check_whole(&value, &mut problems);
    }
    problems.into_result()?;
    let metadata = metadata(wanted);
    let (ticket, audit) =
        commit(account, state, Update { id, value, comment, changes: Some(changes), metadata });
    Ok(json!({ "ticket": ticket, "audit": audit }))
}

/// What the client wants to be kept with the update.
fn metadata(wanted: &Map<String, Value>) -> Value {
    wanted.get("metadata").filter(|metadata| metadata.is_object()).cloned().unwrap_or_else(|| json!({}))
}

/// `DELETE /api/v2/tickets/{id}.json`.
pub(super) fn delete(account: &Account, id: u64) -> Result<Answer, Answer> {
    let mut state = account.state();
    remove(account, &mut state, id).ok_or_else(errors::not_found)?;
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

/// Marks a ticket as deleted; none where there is none.
pub(super) fn remove(account: &Account, state: &mut State, id: u64) -> Option<()> {
    let mut value =
        Some(id).filter(|id| state.tickets.is_there(*id)).and_then(|id| state.tickets.value(id))?;
    value.insert("status".into(), "deleted".into());
    state.save_ticket(&account.clock, id, value);
    Some(())
}

/// With `safe_update`, the client's `updated_stamp` must be the ticket's `updated_at`.
fn guard(wanted: &Map<String, Value>, ticket: &Map<String, Value>) -> Result<(), Answer> {
    let safe = matches!(wanted.get("safe_update"), Some(Value::Bool(true)))
        || wanted.get("safe_update") == Some(&"true".into());
    let known = wanted.get("updated_stamp").and_then(Value::as_str);
    let now = ticket.get("updated_at").and_then(Value::as_str);
    if safe && known != now { Err(errors::update_conflict()) } else { Ok(()) }
}

struct Update {
    id: u64,
    value: Map<String, Value>,
    comment: Option<Comment>,
    /// None: it is being created.
    changes: Option<Vec<changes::Change>>,
    metadata: Value,
}

/// Saves an update and tells what it did. One that does nothing leaves `updated_at` alone.
fn commit(account: &Account, state: &mut State, update: Update) -> (Value, Value) {
    let Update { id, value, comment, changes, metadata } = update;
    let mut audit = Audit::new(state, id, AGENT, metadata.clone());
    let idle = changes.as_ref().is_some_and(Vec::is_empty) && comment.is_none();
    let value = if idle { value } else { state.save_ticket(&account.clock, id, value) };
    let at = state.tickets.at(id).unwrap_or_default();
    match changes {
        Some(changes) => audit.changed(state, &changes),
        None => audit.created(state, &value),
    }
    if let Some(comment) = comment {
        let public = comment.public.unwrap_or_else(|| comments::first_is_public(account, state, id));
        let new = comments::New {
            author: comment.author.unwrap_or(AGENT),
            body: comment.body,
            html_body: comment.html_body,
            public,
            audit: audit.id,
            custom: metadata,
            at,
        };
        audit.commented(comments::add(state, id, new));
    }
    // An update that does nothing is told, but leaves no trace.
    let audit = if idle { audit.into_json(at) } else { audit.keep(state, at) };
    (Value::Object(value), audit)
}

/// A comment that is wanted.
struct Comment {
    body: String,
    html_body: Option<String>,
    public: Option<bool>,
    author: Option<u64>,
}

impl Comment {
    /// The comment in what is wanted; none where there is none, or an empty one. A new
    /// ticket can have it as `description`.
    fn of(wanted: &Map<String, Value>, problems: &mut Problems) -> Option<Self> {
        let text = |value: Option<&Value>| {
            value.and_then(Value::as_str).filter(|text| !text.trim().is_empty()).map(str::to_owned)
        };
        let Some(comment) = wanted.get("comment") else {
            let body = text(wanted.get("description").filter(|_| !wanted.contains_key("safe_update")))?;
            return Some(Self { body, html_body: None, public: None, author: None });
        };
        let Some(comment) = comment.as_object() else {
            problems.add("comment", "Comment: is invalid", Some("InvalidValue"));
            return None;
        };
        let html_body = text(comment.get("html_body"));
        let body = html_body.clone().or_else(|| text(comment.get("body")))?;
        let public = comment.get("public").and_then(Value::as_bool);
        Some(Self { body, html_body, public, author: comment.get("author_id").and_then(Value::as_u64) })
    }
}

/// A ticket before anything is put in.
fn blank(state: &State) -> Map<String, Value> {
    let Value::Object(mut value) = json!({
        "url": null, "id": null, "external_id": null,
        "via": { "channel": "api", "source": { "from": {}, "to": {}, "rel": null } },
        "created_at": null, "updated_at": null, "generated_timestamp": null, "type": null, "subject": null,
        "raw_subject": null, "description": null, "priority": null, "status": "new", "recipient": null,
        "requester_id": AGENT, "submitter_id": AGENT, "assignee_id": null, "organization_id": null, "group_id": null,
        "collaborator_ids": [], "follower_ids": [], "email_cc_ids": [], "problem_id": null,
        "has_incidents": false, "due_at": null, "tags": [], "custom_fields": [],
        "satisfaction_rating": null, "sharing_agreement_ids": [], "custom_status_id": null,
        "ticket_form_id": null, "brand_id": null, "allow_attachments": true,
    }) else {
        unreachable!("it is an object")
    };
    // The account's fields are those of its first ticket.
    let fields = state.tickets.value(1).and_then(|first| first.get("custom_fields").cloned());
    if let Some(Value::Array(mut fields)) = fields {
        fields.iter_mut().for_each(|field| field["value"] = Value::Null);
        value.insert("custom_fields".into(), fields.into());
    }
    value
}

/// What a new ticket has from its beginning.
fn begin(
    account: &Account,
    value: &mut Map<String, Value>,
    id: u64,
    comment: &Comment,
    wanted: &Map<String, Value>,
) {
    let subject = value.get("subject").filter(|subject| !subject.is_null()).cloned();
    let subject = subject.unwrap_or_else(|| comment.body.chars().take(80).collect::<String>().into());
    let set = [
        ("url", account.url(&format!("tickets/{id}.json")).into()),
        ("id", id.into()),
        ("created_at", time_text(account.clock.now()).into()),
        ("raw_subject", subject.clone()),
        ("subject", subject),
        ("description", comment.body.clone().into()),
        ("submitter_id", wanted.get("submitter_id").cloned().unwrap_or_else(|| AGENT.into())),
    ];
    value.extend(set.map(|(name, value)| (name.to_owned(), value)));
}
