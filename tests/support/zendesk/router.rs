//! Which request goes where, after a look at who asks.
//!
//! Facts: `/api-reference/introduction/security-and-auth/#api-token`: HTTP Basic with
//! `{email}/token:{token}`, or `Bearer` with a token of OAuth. Every path can end in `.json`.

use super::{
    EMAIL, TOKEN,
    account::Account,
    audit, comments, control, errors,
    exports::{self, Stream},
    input, jobs, lists,
    oauth::{self, Access},
    query::Query,
    tickets, users,
};
use crate::vendor::{Answer, App, Request};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hyper::{Method, StatusCode};

/// The account's limit, in requests a minute. It is told, not kept.
const RATE_LIMIT: &str = "700";

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Caller {
    /// The agent.
    Agent,
    /// Somebody with a wrong token.
    Stranger,
    /// Nobody: no credentials, or a password, which the API does not take.
    Nobody,
    /// Somebody with a token of OAuth that opens nothing, or not this.
    Token(Access),
}

impl App for Account {
    fn answer(&self, request: &Request) -> Answer {
        let answer = route(self, request).unwrap_or_else(|refusal| refusal);
        answer.with("x-rate-limit", RATE_LIMIT).with("x-rate-limit-remaining", "699")
    }

    fn control(&self, path: &str, request: &Request) -> Option<Answer> {
        control::answer(self, path, request)
    }

    fn control_help(&self) -> &'static str {
        control::help()
    }

    fn words_for(&self, status: StatusCode) -> Answer {
        errors::words_for(status)
    }

    fn kind_of(&self, path: &str) -> String {
        let segment = |segment: &str| {
            let (name, ending) = segment
                .split_once('.')
                .map_or((segment, String::new()), |(name, ending)| (name, format!(".{ending}")));
            let is_job = name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
            let is_id = is_job || !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
            if is_id { format!("{{id}}{ending}") } else { segment.to_owned() }
        };
        path.split('/').map(segment).collect::<Vec<_>>().join("/")
    }
}

fn route(account: &Account, request: &Request) -> Result<Answer, Answer> {
    if let Some(answer) = oauth::answer(account, request) {
        return Ok(answer);
    }
    let caller = caller(account, request);
    let path = request.path.strip_prefix("/api/v2/").map(|path| path.strip_suffix(".json").unwrap_or(path));
    if path == Some("users/me") && caller == Caller::Nobody {
        return Ok(users::anonymous());
    }
    match caller {
        Caller::Agent | Caller::Token(Access::Granted) => {}
        Caller::Token(Access::Missing(scope)) => return Err(oauth::missing_scope(scope)),
        Caller::Token(Access::Refused) => return Err(oauth::invalid_token()),
        Caller::Stranger | Caller::Nobody => return Err(errors::unauthenticated()),
    }
    check_accept(request)?;
    let segments: Vec<&str> = path.unwrap_or_default().split('/').collect();
    let query = Query::of(request.query.as_deref());
    match (&request.method, segments.as_slice()) {
        (&Method::GET, ["incremental", "tickets", "cursor"]) => {
            exports::export(account, Stream::Tickets, &query)
        }
        (&Method::GET, ["incremental", "users", "cursor"]) => exports::export(account, Stream::Users, &query),
        (&Method::GET, ["tickets"]) => lists::tickets(account, &query),
        (&Method::POST, ["tickets"]) => tickets::create(account, request),
        (&Method::GET, ["tickets", "show_many"]) => lists::some_tickets(account, &query),
        (&Method::POST, ["tickets", "create_many"]) => jobs::create_many(account, request),
        (&Method::PUT, ["tickets", "update_many"]) => jobs::update_many(account, request, query.get("ids")),
        (&Method::GET, ["job_statuses"]) => Ok(jobs::list(account)),
        (&Method::GET, ["job_statuses", id]) => jobs::show(account, id),
        (&Method::GET, ["tickets", id]) => tickets::show(account, input::id(id, "tickets/show")?),
        (&Method::PUT, ["tickets", id]) => {
            tickets::update(account, input::id(id, "tickets/update")?, request)
        }
        (&Method::DELETE, ["tickets", id]) => tickets::delete(account, input::id(id, "tickets/destroy")?),
        (&Method::GET, ["tickets", id, "comments"]) => {
            comments::list(account, input::id(id, "ticket_comments/index")?, &query)
        }
        (&Method::GET, ["tickets", id, "audits"]) => {
            audit::list(account, input::id(id, "ticket_audits/index")?, &query)
        }
        (&Method::GET, ["tickets", id, "audits", audit]) => {
            let action = "ticket_audits/show";
            audit::show(account, input::id(id, action)?, input::id(audit, action)?)
        }
        (&Method::GET, ["users"]) => lists::users(account, &query),
        (&Method::GET, ["users", "show_many"]) => lists::some_users(account, &query),
        (&Method::GET, ["users", "search"]) => lists::found_users(account, &query),
        (&Method::POST, ["users", "create_or_update"]) => users::create_or_update(account, request),
        (&Method::POST, ["users"]) => users::create(account, request),
        (&Method::GET, ["users", "me"]) => users::me(account),
        (&Method::GET, ["users", id]) => users::show(account, input::id(id, "users/show")?),
        (&Method::PUT, ["users", id]) => users::update(account, input::id(id, "users/update")?, request),
        (&Method::DELETE, ["users", id]) => users::delete(account, input::id(id, "users/destroy")?),
        _ => Err(errors::invalid_endpoint()),
    }
}

fn caller(account: &Account, request: &Request) -> Caller {
    let bearer = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    if let Some(token) = bearer {
        let scope = if request.method == Method::GET { "read" } else { "write" };
        return Caller::Token(account.grants().access(token, scope, account.clock.now()));
    }
    let given = || {
        let encoded = request.header("authorization")?.strip_prefix("Basic ")?;
        let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
        let (user, password) = text.split_once(':')?;
        Some((user.strip_suffix("/token")?.to_owned(), password.to_owned()))
    };
    match given() {
        None => Caller::Nobody,
        Some((email, token)) if email == EMAIL && is_token(&token) => Caller::Agent,
        Some(_) => Caller::Stranger,
    }
}

/// An account has as many API tokens as its admins make, each as good as the other.
fn is_token(token: &str) -> bool {
    let rest = token.strip_prefix(TOKEN);
    let number = rest.and_then(|rest| rest.strip_prefix('-'));
    rest == Some("") || number.is_some_and(|number| number.parse::<u32>().is_ok())
}

/// The documentation demands `Accept: application/json`. A client that says nothing, or
/// that it takes anything, is served; one that wants something else is not.
fn check_accept(request: &Request) -> Result<(), Answer> {
    let accept = request.header("accept").unwrap_or("*/*");
    let serves = ["*/*", "application/*", "application/json"].iter().any(|kind| accept.contains(kind));
    if serves { Ok(()) } else { Err(Answer::text(StatusCode::NOT_ACCEPTABLE, "")) }
}
