//! What Zendesk is sent for local changes, and what its answers mean.

mod comment;
mod job;
mod ticket;
mod user;

use crate::Zendesk;
use serde_json::Value;
use tidegate_sdk::{
    Envelope, Error, Exporter, Json, Settings,
    exporter::{Change, ChangeKind, Outcome, PushRequest},
    testing::{self, Script},
};

const AT: &str = "2023-11-14T22:13:20Z";
const AT_MS: u64 = 1_700_000_000_000;

/// Pushes changes of a connector; what came of each, in their order.
fn push(zendesk: &Script, connector: &str, changes: Vec<Change>) -> Result<Vec<Outcome>, Error> {
    push_with(zendesk, connector, changes, "{}")
}

fn push_with(
    zendesk: &Script,
    connector: &str,
    changes: Vec<Change>,
    settings: &str,
) -> Result<Vec<Outcome>, Error> {
    let settings = Settings::from_bytes(settings.into());
    let keys: Vec<_> = changes.iter().map(|change| change.key.clone()).collect();
    let request = PushRequest { connector: connector.into(), settings, changes };
    let answers = Zendesk::push(zendesk, request)?;
    assert_eq!(answers.iter().map(|answer| answer.key.clone()).collect::<Vec<_>>(), keys);
    Ok(answers.into_iter().map(|answer| answer.outcome).collect())
}

/// A change of the record `remote`, which sets these fields.
fn update(remote: &str, fields: &str) -> Change {
    Change {
        kind: ChangeKind::Update,
        remote_key: Some(remote.into()),
        base_updated_ms: Some(AT_MS),
        fields: Json::from_bytes(fields.into()),
        ..testing::change("{}")
    }
}

/// The same, perhaps sent before.
fn again(change: Change) -> Change {
    Change { again: true, ..change }
}

/// The JSON body of the last request of that method.
fn body(zendesk: &Script, method: &str) -> Value {
    let requests = zendesk.requests();
    let request =
        requests.iter().rev().find(|request| request.method.as_str() == method).expect("such a request");
    serde_json::from_slice(request.body.as_deref().expect("a body")).expect("JSON")
}

fn done(outcome: &Outcome) -> &Envelope {
    match outcome {
        Outcome::Done(record) => record,
        other => panic!("it is not done: {other:?}"),
    }
}

fn rejected(outcome: &Outcome) -> &Error {
    match outcome {
        Outcome::Rejected(error) => error,
        other => panic!("it is not rejected: {other:?}"),
    }
}

fn conflict(outcome: &Outcome) -> &Envelope {
    match outcome {
        Outcome::Conflict(record) => record,
        other => panic!("it is no conflict: {other:?}"),
    }
}
