//! Which request goes where, after a look at who asks and how.
//!
//! Facts: `/using-the-rest-api/getting-started-with-the-rest-api`, "Headers" and
//! "Authentication"; `/overview/api-versions`. A repository that is private is not there
//! for those who may not see it.

use super::{
    LOGIN, OWNER, REPOSITORY, TOKEN,
    account::{Account, ID},
    comments, control, errors, issues, paging,
    query::Query,
    seed,
};
use crate::vendor::{Answer, App, Request};
use hyper::{Method, StatusCode};
use serde_json::json;

const VERSIONS: [&str; 2] = ["2022-11-28", "2026-03-10"];

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Caller {
    User,
    Stranger,
    Nobody,
}

impl App for Account {
    fn answer(&self, request: &Request) -> Answer {
        if request.header("user-agent").is_none_or(|agent| agent.trim().is_empty()) {
            return errors::no_user_agent();
        }
        let caller = caller(request);
        if caller == Caller::Stranger {
            return errors::bad_credentials();
        }
        let now = self.clock.now();
        let is_spent = {
            let limits = &mut self.state().limits;
            limits.turn(now);
            limits.is_spent()
        };
        // Where nothing is left, nothing is looked at.
        let is_free = request.path == "/rate_limit";
        let answer = match is_spent && !is_free {
            true => errors::rate_limit_exceeded(),
            false => route(self, request, caller).unwrap_or_else(|refusal| refusal),
        };
        let limits = &mut self.state().limits;
        if !is_spent && !is_free && answer.status != StatusCode::NOT_MODIFIED {
            limits.count();
        }
        limits.told_with(answer).with("x-github-media-type", "github.v3; format=json")
    }

    fn control(&self, path: &str, request: &Request) -> Option<Answer> {
        control::answer(self, path, request)
    }

    fn control_help(&self) -> &'static str {
        control::HELP
    }

    fn words_for(&self, status: StatusCode) -> Answer {
        errors::words_for(status)
    }

    fn kind_of(&self, path: &str) -> String {
        let path = match below_the_repository(path) {
            Some(rest) => format!("/repos/{{owner}}/{{repo}}{rest}"),
            None => path.to_owned(),
        };
        let segment = |segment: &str| {
            let is_id = !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit());
            if is_id { "{id}".to_owned() } else { segment.to_owned() }
        };
        path.split('/').map(segment).collect::<Vec<_>>().join("/")
    }
}

fn route(account: &Account, request: &Request, caller: Caller) -> Result<Answer, Answer> {
    check_headers(request)?;
    if request.path == "/user" {
        return match caller {
            Caller::User => Ok(paging::named(request, user(account))),
            _ => Err(errors::requires_authentication()),
        };
    }
    if request.path == "/rate_limit" {
        return Ok(rate_limit(account));
    }
    let rest = below_the_repository(&request.path).filter(|_| caller == Caller::User);
    let rest = rest.ok_or_else(errors::not_found)?;
    let answer = within(account, request, rest)?;
    Ok(if request.method == Method::GET { paging::named(request, answer) } else { answer })
}

fn within(account: &Account, request: &Request, rest: &str) -> Result<Answer, Answer> {
    let segments: Vec<&str> = rest.split('/').skip(1).collect();
    let query = Query::of(request.query.as_deref());
    let id = |text: &str| text.parse::<u64>().map_err(|_| errors::not_found());
    match (&request.method, segments.as_slice()) {
        (&Method::GET, []) => Ok(repository(account)),
        (&Method::GET, ["issues"]) => issues::list(account, &query),
        (&Method::POST, ["issues"]) => issues::create(account, request),
        (&Method::GET, ["issues", "comments"]) => comments::list(account, &query),
        (&Method::GET, ["issues", "comments", text]) => comments::show(account, id(text)?),
        (&Method::PATCH, ["issues", "comments", text]) => comments::update(account, id(text)?, request),
        (&Method::DELETE, ["issues", "comments", text]) => comments::delete(account, id(text)?),
        (&Method::GET, ["issues", text]) => issues::show(account, id(text)?),
        (&Method::PATCH, ["issues", text]) => issues::update(account, id(text)?, request),
        (&Method::GET, ["issues", text, "comments"]) => comments::list_of(account, id(text)?, &query),
        (&Method::POST, ["issues", text, "comments"]) => comments::create(account, id(text)?, request),
        _ => Err(errors::not_found()),
    }
}

/// What stands behind the repository in a path: nothing, or a path of its own. Names are
/// not case sensitive.
fn below_the_repository(path: &str) -> Option<&str> {
    let by_id = format!("/repositories/{ID}");
    let by_name = format!("/repos/{OWNER}/{REPOSITORY}");
    [by_id, by_name].iter().find_map(|prefix| {
        let head = path.get(..prefix.len())?;
        let rest = &path[prefix.len()..];
        (head.eq_ignore_ascii_case(prefix) && (rest.is_empty() || rest.starts_with('/'))).then_some(rest)
    })
}

fn caller(request: &Request) -> Caller {
    let Some(given) = request.header("authorization") else {
        return Caller::Nobody;
    };
    let token = given
        .split_once(' ')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("token"));
    if token.is_some_and(|(_, token)| token == TOKEN) { Caller::User } else { Caller::Stranger }
}

fn check_headers(request: &Request) -> Result<(), Answer> {
    let accept = request.header("accept").unwrap_or("*/*");
    let kinds = ["*/*", "application/*", "application/json", "application/vnd.github"];
    if !kinds.iter().any(|kind| accept.contains(kind)) {
        return Err(errors::not_acceptable(accept));
    }
    match request.header("x-github-api-version") {
        Some(version) if !VERSIONS.contains(&version) => Err(errors::unknown_version(version)),
        _ => Ok(()),
    }
}

fn user(account: &Account) -> Answer {
    Answer::json(StatusCode::OK, &seed::person(&account.plan.url, LOGIN).unwrap_or_default())
}

fn repository(account: &Account) -> Answer {
    let open = account.state().issues.values().filter(|item| item.value["state"] == "open").count();
    let document = json!({
        "id": ID, "name": REPOSITORY, "full_name": format!("{OWNER}/{REPOSITORY}"), "private": true,
        "owner": { "login": OWNER, "type": "Organization" }, "url": account.repository(), "has_issues": true,
        "archived": false, "disabled": false, "open_issues_count": open,
        "permissions": { "admin": false, "maintain": false, "push": true, "triage": true, "pull": true },
    });
    Answer::json(StatusCode::OK, &document)
}

fn rate_limit(account: &Account) -> Answer {
    let state = account.state();
    let core = json!({ "limit": state.limits.most, "remaining": state.limits.left() });
    Answer::json(StatusCode::OK, &json!({ "resources": { "core": core }, "rate": core }))
}
