//! What GitHub posts to the host: changes of issues and of comments, whole.
//!
//! Facts: docs.github.com/webhooks/webhook-events-and-payloads, `issues` and
//! `issue_comment`. The host has verified `X-Hub-Signature-256` by then. A delivery may
//! come late or twice; the records carry the time of their change, and the next sync
//! sees the same again.

use crate::{comment, comment::Comment, issue, issue::Issue, settings::Form};
use serde::Deserialize;
use tidegate_sdk::{
    Envelope, Error, RawValue, json,
    webhook::{Change, Delivery, Effect},
};

/// The kind of the manifest.
const KIND: &str = "events";

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(default)]
    action: String,
    #[serde(borrow)]
    issue: Option<&'a RawValue>,
    #[serde(borrow)]
    comment: Option<&'a RawValue>,
    repository: Option<Repository>,
}

#[derive(Deserialize)]
struct Repository {
    full_name: String,
}

/// Says what a delivery means.
pub(crate) fn receive(delivery: &Delivery) -> Result<Effect, Error> {
    if delivery.kind != KIND {
        return Err(Error::unsupported("github.webhook", format!("there is no webhook '{}'", delivery.kind)));
    }
    let event = delivery.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("x-github-event"));
    let event = event.map_or("", |(_, value)| std::str::from_utf8(value).unwrap_or_default());
    if !matches!(event, "issues" | "issue_comment") {
        // `ping` at the beginning, and whatever else somebody ticked.
        return Ok(Effect::default());
    }
    let form: Form = delivery.settings.read()?;
    let told: Event<'_> = serde_json::from_slice(&delivery.body).map_err(|error| {
        Error::invalid_data(
            "github.delivery",
            format!("the delivery is not as expected ({error}): let the webhook send the content type application/json"),
        )
    })?;
    // A webhook of an organisation tells of all its repositories.
    if !told.repository.as_ref().is_some_and(|repository| form.is(&repository.full_name)) {
        return Ok(Effect::default());
    }
    let changes = told.changes(event)?;
    Ok(Effect { changes, due: Vec::new() })
}

impl Event<'_> {
    fn changes(&self, event: &str) -> Result<Vec<Change>, Error> {
        let mut changes = Vec::new();
        let issue = self.issue.map(|raw| json::object::<Issue>(raw).map(|issue| (issue, raw))).transpose()?;
        let Some((issue, raw)) = issue.filter(|(issue, _)| !issue.is_pull_request()) else {
            return Ok(changes);
        };
        // After a transfer the issue is one of another repository.
        let is_gone = event == "issues" && matches!(self.action.as_str(), "deleted" | "transferred");
        let record = if is_gone { Envelope::deleted(issue.number) } else { issue.envelope(raw.get())? };
        changes.push(Change { connector: issue::CONNECTOR.to_owned(), record });
        if let Some(raw) = self.comment {
            let comment: Comment = json::object(raw)?;
            let is_gone = self.action == "deleted";
            let record = if is_gone { Envelope::deleted(comment.id) } else { comment.envelope(raw.get())? };
            changes.push(Change { connector: comment::CONNECTOR.to_owned(), record });
        }
        Ok(changes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::GitHub;
    use tidegate_sdk::{Class, Settings, Webhook};

    const ISSUE: &str = r#"{"number": 7, "title": "T", "body": "b", "updated_at": "2023-11-14T22:13:20Z"}"#;
    const COMMENT: &str = r#"{"id": 9, "body": "c\n\n<!-- tidegate:k -->", "updated_at": "2023-11-14T22:13:21Z", "issue_url": "https://api.github.com/repos/acme/widgets/issues/7"}"#;

    fn receive(event: &str, body: &str) -> Result<Effect, Error> {
        GitHub::receive(Delivery {
            kind: "events".into(),
            settings: Settings::from_bytes(br#"{"owner": "acme", "repository": "widgets"}"#.to_vec()),
            headers: vec![("X-GitHub-Event".into(), event.into())],
            body: body.into(),
        })
    }

    fn told(action: &str, parts: &str) -> String {
        format!(r#"{{"action": "{action}", "repository": {{"full_name": "Acme/widgets"}}, {parts}}}"#)
    }

    /// Connector, key, whether it is gone.
    fn changes(event: &str, body: &str) -> Vec<(String, String, bool)> {
        let effect = receive(event, body).unwrap();
        assert!(effect.due.is_empty());
        let changes = effect.changes.into_iter();
        changes.map(|change| (change.connector, change.record.key, change.record.deleted)).collect()
    }

    fn change(connector: &str, key: &str, deleted: bool) -> (String, String, bool) {
        (connector.into(), key.into(), deleted)
    }

    #[test]
    fn events_bring_the_records_that_they_are_about() {
        let issue = format!(r#""issue": {ISSUE}"#);
        let both = format!(r#""issue": {ISSUE}, "comment": {COMMENT}"#);
        for action in ["opened", "edited", "closed", "reopened", "labeled"] {
            assert_eq!(changes("issues", &told(action, &issue)), [change("issue", "7", false)]);
        }
        for action in ["deleted", "transferred"] {
            assert_eq!(changes("issues", &told(action, &issue)), [change("issue", "7", true)]);
        }
        for (action, gone) in [("created", false), ("edited", false), ("deleted", true)] {
            let expected = [change("issue", "7", false), change("issue-comment", "9", gone)];
            assert_eq!(changes("issue_comment", &told(action, &both)), expected);
        }
    }

    #[test]
    fn records_are_those_that_a_sync_would_bring() {
        let both = told("created", &format!(r#""issue": {ISSUE}, "comment": {COMMENT}"#));
        let effect = receive("issue_comment", &both).unwrap();
        let [issue, comment] = &effect.changes[..] else { panic!("{effect:?}") };
        assert_eq!(issue.record.payload, ISSUE.as_bytes());
        assert_eq!(issue.record.updated_ms, Some(1_700_000_000_000));
        assert_eq!(
            (comment.record.parent.as_deref(), comment.record.origin.as_deref()),
            (Some("7"), Some("k"))
        );
    }

    #[test]
    fn what_is_none_of_our_business_has_no_effect() {
        let none = Ok(Effect::default());
        assert_eq!(receive("ping", r#"{"zen": "x"}"#), none);
        assert_eq!(receive("push", "not read at all"), none);
        let elsewhere = r#"{"action": "opened", "repository": {"full_name": "acme/other"}, "issue": {"number": 7, "updated_at": "x"}}"#;
        assert_eq!(receive("issues", elsewhere), none);
        let pull = r#""issue": {"number": 7, "updated_at": "x", "pull_request": {"url": "u"}}, "comment": {"id": 1}"#;
        assert_eq!(receive("issue_comment", &told("created", pull)), none);
    }

    #[test]
    fn deliveries_of_another_form_are_refused() {
        let error = receive("issues", "payload=%7B%7D").unwrap_err();
        assert_eq!(error.class, Class::InvalidData);
        assert!(error.message.contains("application/json"), "{error}");
        assert!(receive("issues", &told("opened", r#""issue": {"number": "7"}"#)).is_err());
    }
}
