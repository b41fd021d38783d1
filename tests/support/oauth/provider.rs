//! The provider: which request goes where, and what it is set to.

use super::{api, authorize, control, family::Given, token};
use crate::vendor::{Answer, App, Request};
use hyper::{Method, StatusCode};
use serde::Serialize;
use serde_json::json;
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};
use url::form_urlencoded;

/// How often what was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Counts {
    /// Codes that were given out.
    pub codes: u64,
    /// Codes that became tokens.
    pub exchanges: u64,
    /// Refresh tokens that became new tokens.
    pub refreshes: u64,
    /// Tokens for a client's own credentials.
    pub client_grants: u64,
    /// Used codes and refresh tokens that came again.
    pub reuses: u64,
    /// Tokens that were given back.
    pub revocations: u64,
    /// Requests to the token endpoint that were refused.
    pub refusals: u64,
}

/// What it does.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    /// Seconds that an access token holds.
    pub(super) lifetime: u64,
    /// Whether a refresh token is good for one use.
    pub(super) rotates: bool,
    /// Whether one whose answer got lost may be used again.
    pub(super) forgives: bool,
    /// Whether the person refuses.
    pub(super) denies: bool,
    /// Where browsers may be sent back to.
    pub(super) redirect_uris: Vec<String>,
    pub(super) tasks: u64,
}

pub(super) struct Provider {
    pub(super) url: String,
    inner: Mutex<Inner>,
}

pub(super) struct Inner {
    pub(super) rules: Rules,
    pub(super) given: Given,
    pub(super) counts: Counts,
}

impl Provider {
    pub(super) fn new(url: String, rules: Rules) -> Self {
        let inner = Inner { rules, given: Given::default(), counts: Counts::default() };
        Self { url, inner: Mutex::new(inner) }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl App for Provider {
    fn answer(&self, request: &Request) -> Answer {
        match (&request.method, request.path.as_str()) {
            (&Method::GET, "/oauth/authorize") => authorize::answer(self, request),
            (&Method::POST, "/oauth/token") => token::answer(self, request),
            (&Method::POST, "/oauth/revoke") => token::revoke(self, request),
            (&Method::GET, path) => api::answer(self, path, request),
            _ => Answer::json(StatusCode::METHOD_NOT_ALLOWED, &json!({ "error": "method" })),
        }
    }

    fn control(&self, path: &str, request: &Request) -> Option<Answer> {
        control::answer(self, path, request)
    }

    fn control_help(&self) -> &'static str {
        control::HELP
    }

    fn words_for(&self, status: StatusCode) -> Answer {
        Answer::json(status, &json!({ "error": "as_the_script_says" }))
    }

    fn kind_of(&self, path: &str) -> String {
        match path.strip_prefix("/tasks/") {
            Some(_) => "/tasks/{id}".to_owned(),
            None => path.to_owned(),
        }
    }
}

/// Parameters by name; none where one is there twice (RFC 6749, 3.1).
pub(super) fn parameters(text: &str) -> Option<HashMap<String, String>> {
    let mut found = HashMap::new();
    for (name, value) in form_urlencoded::parse(text.as_bytes()) {
        if found.insert(name.into_owned(), value.into_owned()).is_some() {
            return None;
        }
    }
    Some(found)
}
