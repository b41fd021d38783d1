//! The changes that an exporter is to send, and its answers. Payloads are moved, not copied.

use super::{failure, page::envelope};
use crate::{
    model::{Acknowledgement, Class, Failure, PushRequest, Pushed, Write},
    sandbox::bindings::exports::tidegate::connect::exporter::{
        Acknowledgement as WitAcknowledgement, Change as WitChange, ChangeKind, Outcome as WitOutcome,
        PushRequest as WitPushRequest,
    },
};
use std::collections::HashSet;

/// The request, for the guest.
pub(in crate::sandbox) fn push_request(request: PushRequest) -> WitPushRequest {
    let change = |change: crate::model::Change| WitChange {
        key: change.key,
        kind: match change.kind {
            Write::Create => ChangeKind::Create,
            Write::Update => ChangeKind::Update,
            Write::Delete => ChangeKind::Delete,
        },
        remote_key: change.remote_key,
        parent: change.parent,
        fields: change.fields.into(),
        payload: change.payload.into(),
        base_updated_ms: change.base_updated_ms,
        idempotency_key: change.idempotency_key,
        again: change.again,
    };
    WitPushRequest {
        connector: request.connector.into(),
        settings: request.settings.into(),
        changes: request.changes.into_iter().map(change).collect(),
    }
}

/// The guest's answers, where there is exactly one for each change.
///
/// # Errors
/// The failure that ends the step: an answer is missing, or nobody asked for it. What was
/// done is not known then.
pub(in crate::sandbox) fn acknowledgements(
    answers: Vec<WitAcknowledgement>,
    request: &WitPushRequest,
) -> Result<Vec<Acknowledgement>, Failure> {
    let mut open: HashSet<&str> = request.changes.iter().map(|change| change.key.as_str()).collect();
    for answer in &answers {
        if !open.remove(answer.key.as_str()) {
            return Err(unfit(format!(
                "the plugin answered for '{}', which it was not asked for, or twice",
                answer.key
            )));
        }
    }
    if let Some(key) = open.into_iter().min() {
        return Err(unfit(format!("the plugin gave no answer for '{key}'")));
    }
    let answer = |WitAcknowledgement { key, outcome }| Acknowledgement {
        key,
        outcome: match outcome {
            WitOutcome::Done(record) => Pushed::Done(envelope(record)),
            WitOutcome::Conflict(record) => Pushed::Conflict(envelope(record)),
            WitOutcome::Rejected(error) => Pushed::Rejected(failure(error)),
            WitOutcome::Retry(after_ms) => Pushed::Retry(after_ms),
        },
    };
    Ok(answers.into_iter().map(answer).collect())
}

fn unfit(message: String) -> Failure {
    Failure::new(Class::Internal, "answer.acknowledgements", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(keys: &[&str]) -> WitPushRequest {
        let change = |key: &&str| WitChange {
            key: (*key).to_owned(),
            kind: ChangeKind::Delete,
            remote_key: None,
            parent: None,
            fields: Vec::new(),
            payload: Vec::new(),
            base_updated_ms: None,
            idempotency_key: "i".into(),
            again: false,
        };
        WitPushRequest {
            connector: "c".into(),
            settings: Vec::new(),
            changes: keys.iter().map(change).collect(),
        }
    }

    #[test]
    fn there_is_one_answer_for_each_change() {
        let check = |asked: &[&str], answered: &[&str], words: Option<&str>| {
            let answers = answered
                .iter()
                .map(|key| WitAcknowledgement { key: (*key).to_owned(), outcome: WitOutcome::Retry(5) });
            let found = acknowledgements(answers.collect(), &request(asked));
            match (found, words) {
                (Ok(found), None) => {
                    let keys: Vec<_> = found.iter().map(|answer| answer.key.as_str()).collect();
                    assert_eq!(keys, answered);
                }
                (Err(failure), Some(words)) => assert_eq!(failure.message, words),
                (found, words) => panic!("{found:?} {words:?}"),
            }
        };
        check(&["a", "b"], &["b", "a"], None);
        check(&["a", "b"], &["b"], Some("the plugin gave no answer for 'a'"));
        let stranger = "the plugin answered for 'a', which it was not asked for, or twice";
        check(&["a"], &["a", "a"], Some(stranger));
        check(&["b"], &["a"], Some(stranger));
    }
}
