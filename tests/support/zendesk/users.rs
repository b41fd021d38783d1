//! Single users.
//!
//! Facts: `/api-reference/ticketing/users/users/`. That an address can belong to one
//! user only, and the 422 for a second one, is in issue 91 of
//! `cloudbees-oss/zendesk-java-client`. An `external_id` is unique as well, whatever the case of its
//! letters. An address is taken on creation only: an update adds a second one, which is not shown.

use super::{
    account::{Account, State},
    errors::{self, Problems},
    input,
    seed::{FIRST_USER, time_text},
};
use crate::vendor::{Answer, Request};
use bytes::Bytes;
use hyper::StatusCode;
use serde_json::{Map, Value, json};

/// `GET /api/v2/users/{id}.json`. A deleted one is shown, with `active` false.
pub(super) fn show(account: &Account, id: u64) -> Result<Answer, Answer> {
    let rendered = account.state().users.rendered(id).ok_or_else(errors::not_found)?;
    Ok(Answer::pieces(
        StatusCode::OK,
        vec![Bytes::from_static(b"{\"user\":"), rendered, Bytes::from_static(b"}")],
    ))
}

/// `GET /api/v2/users/me.json` for the agent.
pub(super) fn me(account: &Account) -> Result<Answer, Answer> {
    show(account, FIRST_USER)
        .or_else(|_| Ok(Answer::json(StatusCode::OK, &json!({ "user": agent(account) }))))
}

/// `GET /api/v2/users/me.json` for nobody in particular. The vendor does not refuse it:
/// a client that takes the status for a proof of its credentials is wrong.
pub(super) fn anonymous() -> Answer {
    let user = json!({ "id": null, "name": "Anonymous user", "email": "invalid@example.com", "role": "end-user", "active": false, "verified": false });
    Answer::json(StatusCode::OK, &json!({ "user": user }))
}

/// `POST /api/v2/users.json`.
pub(super) fn create(account: &Account, request: &Request) -> Result<Answer, Answer> {
    let wanted = input::object(request, "user", "users/create")?;
    let mut state = account.state();
    let user = create_from(account, &mut state, &wanted)?;
    let location = user.get("url").and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(Answer::json(StatusCode::CREATED, &json!({ "user": user })).with("location", &location))
}

/// `PUT /api/v2/users/{id}.json`.
pub(super) fn update(account: &Account, id: u64, request: &Request) -> Result<Answer, Answer> {
    let mut wanted = input::object(request, "user", "users/update")?;
    let mut state = account.state();
    let mut user =
        state.users.value(id).filter(|_| state.users.is_there(id)).ok_or_else(errors::not_found)?;
    check(&state, &wanted, Some(id))?;
    wanted.remove("email");
    let before = user.clone();
    take(&mut user, &wanted);
    let user = if user == before { user } else { state.save_user(&account.clock, id, user) };
    Ok(Answer::json(StatusCode::OK, &json!({ "user": user })))
}

/// `DELETE /api/v2/users/{id}.json`. The user is kept, and no longer active.
pub(super) fn delete(account: &Account, id: u64) -> Result<Answer, Answer> {
    let mut state = account.state();
    let mut user =
        state.users.value(id).filter(|_| state.users.is_there(id)).ok_or_else(errors::not_found)?;
    user.insert("active".into(), false.into());
    let user = state.save_user(&account.clock, id, user);
    Ok(Answer::json(StatusCode::OK, &json!({ "user": user })))
}

/// `POST /api/v2/users/create_or_update.json`: the user with that address or `external_id` is
/// changed, or one is made.
pub(super) fn create_or_update(account: &Account, request: &Request) -> Result<Answer, Answer> {
    let wanted = input::object(request, "user", "users/create_or_update")?;
    let mut state = account.state();
    let text = |name: &str| wanted.get(name).and_then(Value::as_str);
    let by_external_id = text("external_id").and_then(|id| state.users_by_external_id(id).first().copied());
    let known = by_external_id.or_else(|| text("email").and_then(|email| state.user_by_email(email)));
    let (status, user) = match known.filter(|id| state.users.is_there(*id)) {
        Some(id) => {
            let mut user = state.users.value(id).unwrap_or_default();
            take(&mut user, &wanted);
            (StatusCode::OK, state.save_user(&account.clock, id, user))
        }
        None => (StatusCode::CREATED, create_from(account, &mut state, &wanted)?),
    };
    Ok(Answer::json(status, &json!({ "user": user })))
}

/// The id of the user with that address, who is made where there is none.
pub(super) fn find_or_create(
    account: &Account,
    state: &mut State,
    wanted: &Map<String, Value>,
) -> Result<u64, Answer> {
    let known = wanted.get("email").and_then(Value::as_str).and_then(|email| state.user_by_email(email));
    match known {
        Some(id) => Ok(id),
        None => {
            Ok(create_from(account, state, wanted)?.get("id").and_then(Value::as_u64).unwrap_or_default())
        }
    }
}

fn create_from(
    account: &Account,
    state: &mut State,
    wanted: &Map<String, Value>,
) -> Result<Map<String, Value>, Answer> {
    check(state, wanted, None)?;
    let id = state.users.take_id();
    let mut user = blank(account, id);
    take(&mut user, wanted);
    Ok(state.save_user(&account.clock, id, user))
}

/// Puts in what can be set; unknown and read-only properties are overlooked.
fn take(user: &mut Map<String, Value>, wanted: &Map<String, Value>) {
    for (name, value) in wanted {
        if !matches!(name.as_str(), "id" | "url" | "created_at" | "updated_at" | "active")
            && user.contains_key(name)
        {
            user.insert(name.clone(), value.clone());
        }
    }
}

/// What is wrong with a new user, or with what is to be changed of the one of that id.
fn check(state: &State, wanted: &Map<String, Value>, known: Option<u64>) -> Result<(), Answer> {
    let mut problems = Problems::default();
    let text = |name: &str| wanted.get(name).and_then(Value::as_str);
    let must_have_name = known.is_none() || wanted.contains_key("name");
    if must_have_name && text("name").is_none_or(str::is_empty) {
        problems.add("name", "Name: is too short (minimum one character)", Some("ValueTooShort"));
    }
    if let Some(email) = wanted.get("email").filter(|email| !email.is_null()) {
        let email = email.as_str().unwrap_or_default();
        if !email.split_once('@').is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.')) {
            problems.add("email", format!("Email:  {email} is not properly formatted"), Some("InvalidValue"));
        } else if state.user_by_email(email).is_some_and(|other| Some(other) != known) {
            problems.add(
                "email",
                format!("Email: {email} is already being used by another user"),
                Some("DuplicateValue"),
            );
        }
    }
    let others = text("external_id").map(|id| state.users_by_external_id(id)).unwrap_or_default();
    if others.iter().any(|other| Some(*other) != known) {
        problems.add("external_id", "External: has already been taken", Some("DuplicateValue"));
    }
    if text("role").is_some_and(|role| !matches!(role, "end-user" | "agent" | "admin")) {
        problems.add("role", "Role: is not included in the list", Some("InvalidValue"));
    }
    problems.into_result()
}

fn agent(account: &Account) -> Map<String, Value> {
    let mut user = blank(account, FIRST_USER);
    let set = [("name", "Alex Agent"), ("email", super::EMAIL), ("role", "admin")];
    user.extend(set.map(|(name, value)| (name.to_owned(), value.into())));
    user
}

fn blank(account: &Account, id: u64) -> Map<String, Value> {
    let value = json!({
        "id": id, "url": account.url(&format!("users/{id}.json")), "name": null, "email": null,
        "created_at": time_text(account.clock.now()), "updated_at": null, "time_zone": "Berlin", "iana_time_zone": "Europe/Berlin",
        "phone": null, "shared_phone_number": null, "photo": null, "locale_id": 1, "locale": "en-US",
        "organization_id": null, "role": "end-user", "verified": false, "external_id": null, "tags": [], "alias": null,
        "active": true, "shared": false, "shared_agent": false, "last_login_at": null, "two_factor_auth_enabled": false,
        "signature": null, "details": null, "notes": null, "role_type": null, "custom_role_id": null, "moderator": false,
        "ticket_restriction": "requested", "only_private_comments": false, "restricted_agent": true, "suspended": false,
        "default_group_id": null, "report_csv": false, "user_fields": {},
    });
    let Value::Object(user) = value else { unreachable!("it is an object") };
    user
}
