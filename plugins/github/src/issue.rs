//! Issues. Their key is the number.
//!
//! GitHub gives an issue an `id` as well, unique in all of GitHub; but every path, every
//! link and every person names the number, and no endpoint takes the id. A channel is
//! one repository, in which the number is unique and is never given a second time.

use crate::{
    list::{self, Entry, List},
    marker,
};
use serde::{Deserialize, de::IgnoredAny};
use tidegate_sdk::{Envelope, Error, Page, PullRequest, Transport, time};

pub(crate) const CONNECTOR: &str = "issue";

const LIST: List = List { path: "/issues", filter: &[("state", "all")] };

/// What matters of an issue.
#[derive(Debug, Deserialize)]
pub(crate) struct Issue {
    pub(crate) number: u64,
    pub(crate) updated_at: String,
    #[serde(default)]
    pub(crate) body: Option<String>,
    #[serde(default)]
    pub(crate) state: Option<String>,
    #[serde(default)]
    pub(crate) state_reason: Option<String>,
    #[serde(default)]
    pub(crate) html_url: Option<String>,
    /// There for pull requests, which GitHub lists among the issues.
    #[serde(default)]
    pub(crate) pull_request: Option<IgnoredAny>,
}

impl Issue {
    pub(crate) fn is_pull_request(&self) -> bool {
        self.pull_request.is_some()
    }

    /// The record of an issue, pull request or not.
    pub(crate) fn envelope(&self, raw: &str) -> Result<Envelope, Error> {
        let record = marker::record(self.number, raw, self.body.as_deref())?;
        Ok(record.updated_ms(time::rfc3339_ms(&self.updated_at)))
    }
}

impl Entry for Issue {
    fn id(&self) -> u64 {
        self.number
    }

    fn updated_at(&self) -> &str {
        &self.updated_at
    }

    fn record(&self, raw: &str) -> Result<Option<Envelope>, Error> {
        match self.is_pull_request() {
            true => Ok(None),
            false => self.envelope(raw).map(Some),
        }
    }
}

/// Reads one page of issues.
pub(crate) fn pull(transport: &dyn Transport, request: &PullRequest) -> Result<Page, Error> {
    list::pull::<Issue>(&LIST, transport, request)
}
