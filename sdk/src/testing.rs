//! Running a plugin natively, in its unit tests and in benchmarks.
//!
//! [`Script`] stands for the remote system; what the host keeps for a step (log,
//! budget, state) lives in the thread, so tests do not disturb each other.

mod script;
mod step;

pub use script::Script;
pub use step::{Line, cancel, logs, set_budget};
pub(crate) use step::{budget, is_cancelled, keep_line, spend, state_get, state_put};

use crate::{
    Json, PullRequest, Settings,
    exporter::{Change, ChangeKind, PushRequest},
};

/// A request for the first page of `connector`: no settings, no cursor, no keys,
/// and a limit of 100. Change what a test is about.
#[must_use]
pub fn pull_request(connector: &str) -> PullRequest {
    PullRequest {
        connector: connector.to_owned(),
        settings: Settings::from_bytes(b"{}".to_vec()),
        keys: Vec::new(),
        limit: 100,
        position: None,
    }
}

/// A request to push one change of `connector`: no settings. Change what a test is about.
#[must_use]
pub fn push_request(connector: &str, change: Change) -> PushRequest {
    PushRequest {
        connector: connector.to_owned(),
        settings: Settings::from_bytes(b"{}".to_vec()),
        changes: vec![change],
    }
}

/// A new record `local-1` with this payload, never sent before. Change what a test is about.
#[must_use]
pub fn change(payload: &str) -> Change {
    let json = || Json::from_bytes(payload.as_bytes().to_vec());
    Change {
        key: "local-1".to_owned(),
        kind: ChangeKind::Create,
        remote_key: None,
        parent: None,
        fields: json(),
        payload: json(),
        base_updated_ms: None,
        idempotency_key: "key-1".to_owned(),
        again: false,
    }
}
