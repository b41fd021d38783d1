//! Starting a fake GitHub, and changing what is in it.

use super::{
    account::Account,
    control,
    limits::Limits,
    seed::{self, Plan},
};
use crate::vendor::{Options, Script, Vendor, members};
use anyhow::{Result, ensure};
use serde_json::Value;
use std::{net::SocketAddr, ops::Deref, sync::Arc, time::Duration};

/// All of it lives in memory.
const MOST_RECORDS: u64 = 200_000;

/// What a fake GitHub is to be. Small by default: 25 issues and 3 pull requests with 2
/// comments each.
#[derive(Clone, Debug)]
pub struct Builder {
    issues: u64,
    pull_requests: u64,
    comments: u64,
    alike: u64,
    requests_per_hour: u64,
    creates_per_minute: u64,
    public_url: Option<String>,
    script: Script,
    options: Options,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            issues: 25,
            pull_requests: 3,
            comments: 2,
            alike: 5,
            requests_per_hour: 5_000,
            creates_per_minute: 80,
            public_url: None,
            script: Script::default(),
            options: Options::default(),
        }
    }
}

impl Builder {
    /// So many issues, with the numbers from 1 on. Those whose number ends in 0 or 5 are
    /// closed.
    #[must_use]
    pub fn issues(self, issues: u64) -> Self {
        Self { issues, ..self }
    }

    /// So many pull requests, with the numbers behind those of the issues.
    #[must_use]
    pub fn pull_requests(self, pull_requests: u64) -> Self {
        Self { pull_requests, ..self }
    }

    /// So many comments of each issue and each pull request.
    #[must_use]
    pub fn comments_per_issue(self, comments: u64) -> Self {
        Self { comments, ..self }
    }

    /// So many issues in a row were changed in the same second.
    #[must_use]
    pub fn alike(self, alike: u64) -> Self {
        Self { alike, ..self }
    }

    /// How many requests an hour there are.
    #[must_use]
    pub fn requests_per_hour(self, requests_per_hour: u64) -> Self {
        Self { requests_per_hour, ..self }
    }

    /// How many issues and comments can be created in a minute.
    #[must_use]
    pub fn creates_per_minute(self, creates_per_minute: u64) -> Self {
        Self { creates_per_minute, ..self }
    }

    /// The root of the API in links and `url` properties; that of the server by default.
    #[must_use]
    pub fn public_url(self, url: &str) -> Self {
        Self { public_url: Some(url.trim_end_matches('/').to_owned()), ..self }
    }

    /// The fault script from the start on.
    #[must_use]
    pub fn script(self, script: impl Into<Script>) -> Self {
        Self { script: script.into(), ..self }
    }

    /// Where to listen; a free port of 127.0.0.1 by default.
    #[must_use]
    pub fn listen(self, listen: SocketAddr) -> Self {
        Self { options: Options { listen, ..self.options }, ..self }
    }

    /// How long every answer is held back.
    #[must_use]
    pub fn latency(self, latency: Duration) -> Self {
        Self { options: Options { latency, ..self.options }, ..self }
    }

    /// Starts it.
    ///
    /// # Errors
    /// When there is to be more in it than there is room for, or it cannot listen there.
    pub fn start(self) -> Result<Github> {
        let records = (self.issues + self.pull_requests).saturating_mul(1 + self.comments);
        ensure!(records <= MOST_RECORDS, "at most {MOST_RECORDS} issues and comments can be made up");
        let (vendor, account) = Vendor::serving(self.options, self.script, |address| {
            let plan = Plan {
                issues: self.issues,
                pull_requests: self.pull_requests,
                comments: self.comments,
                alike: self.alike,
                url: self.public_url.unwrap_or_else(|| format!("http://{address}")),
            };
            Account::new(plan, Limits::new(self.requests_per_hour, self.creates_per_minute))
        })?;
        Ok(Github { vendor, account })
    }
}

/// A running fake GitHub; what every vendor can do is reached through it as well. It stops
/// when this is dropped.
pub struct Github {
    vendor: Vendor,
    account: Arc<Account>,
}

impl Deref for Github {
    type Target = Vendor;

    fn deref(&self) -> &Vendor {
        &self.vendor
    }
}

impl Github {
    /// What it is to be.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The id of the comment of that index, counted from 0, of a made-up issue.
    #[must_use]
    pub fn comment_id(&self, number: u64, index: u64) -> u64 {
        seed::comment_id(&self.account.plan, number, index)
    }

    /// An issue, or a pull request, as it now is.
    #[must_use]
    pub fn issue(&self, number: u64) -> Option<Value> {
        self.account.state().issues.get(&number).map(|item| item.value.clone())
    }

    /// A comment as it now is.
    #[must_use]
    pub fn comment(&self, id: u64) -> Option<Value> {
        self.account.state().comments.get(&id).map(|comment| comment.value.clone())
    }

    /// The numbers of the issues that there are, without pull requests.
    #[must_use]
    pub fn numbers(&self) -> Vec<u64> {
        let state = self.account.state();
        let issues = state.issues.iter().filter(|(_, item)| item.value.get("pull_request").is_none());
        issues.map(|(number, _)| *number).collect()
    }

    /// The ids of the comments that there are, those of pull requests among them.
    #[must_use]
    pub fn comment_ids(&self) -> Vec<u64> {
        self.account.state().comments.keys().copied().collect()
    }

    /// How many requests of the hour are left.
    #[must_use]
    pub fn requests_left(&self) -> u64 {
        self.account.state().limits.left()
    }

    /// Leaves so many requests of the hour.
    pub fn leave_requests(&self, left: u64) {
        control::leave(&self.account, left);
    }

    /// Makes an issue with these properties, unchecked.
    ///
    /// # Errors
    /// When `properties` is not an object.
    pub fn create_issue(&self, properties: Value) -> Result<Value> {
        Ok(control::create_issue(&self.account, members(properties)?))
    }

    /// Sets these properties of an issue, unchecked.
    ///
    /// # Errors
    /// When there is no such issue.
    pub fn change_issue(&self, number: u64, properties: Value) -> Result<Value> {
        control::change_issue(&self.account, number, members(properties)?)
    }

    /// Deletes an issue and its comments; no list tells of it.
    ///
    /// # Errors
    /// When there is no such issue.
    pub fn delete_issue(&self, number: u64) -> Result<()> {
        control::delete_issue(&self.account, number).map(|_| ())
    }

    /// Adds a comment (`body`, and `login` where it matters), unchecked.
    ///
    /// # Errors
    /// When there is no such issue, or the comment has no body.
    pub fn add_comment(&self, number: u64, comment: Value) -> Result<Value> {
        control::add_comment(&self.account, number, &members(comment)?)
    }

    /// Sets the `body` of a comment.
    ///
    /// # Errors
    /// When there is no such comment.
    pub fn change_comment(&self, id: u64, properties: Value) -> Result<Value> {
        control::change_comment(&self.account, id, &members(properties)?)
    }

    /// Deletes a comment.
    ///
    /// # Errors
    /// When there is no such comment.
    pub fn delete_comment(&self, id: u64) -> Result<()> {
        control::delete_comment(&self.account, id).map(|_| ())
    }

    /// Sets the vendor's clock forward.
    pub fn advance_clock(&self, by: Duration) {
        self.account.clock.advance(by);
    }
}
