//! The marks of records that this host created, so that they are known again.
//!
//! A change's idempotency key is kept by Zendesk in two places: as the `external_id` of a
//! ticket or user that has none of its own, and in the `metadata` of the update that brought
//! a ticket or a comment. Zendesk shows that as `metadata.custom` of the update's audit.

use serde::{Deserialize, Deserializer, de::Visitor};
use serde_json::{Value, json};
use std::fmt;
use tidegate_sdk::{Error, Request, Transport};

/// What an `external_id` of ours begins with.
const PREFIX: &str = "tidegate:";

/// What our entry of the metadata is called.
const NAME: &str = "tidegate";

/// The most pages of audits to look through: 5,000 audits.
const MOST_PAGES: usize = 50;

/// The `external_id` of a record that is created under that key.
pub(crate) fn external_id(key: &str) -> String {
    format!("{PREFIX}{key}")
}

/// The `metadata` of an update that is made under that key.
pub(crate) fn metadata(key: &str) -> Value {
    json!({ NAME: key })
}

/// The key in the metadata of an audit or a comment, as JSON.
pub(crate) fn in_metadata(metadata: &str) -> Option<String> {
    // Most have none: do not read them for nothing.
    let metadata: Value = metadata.contains(NAME).then(|| serde_json::from_str(metadata).ok())??;
    Some(metadata.get("custom")?.get(NAME)?.as_str()?.to_owned())
}

/// The key in an `external_id`, where it is one of ours.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Origin(pub(crate) Option<String>);

impl<'de> Deserialize<'de> for Origin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Text)
    }
}

struct Text;

impl Visitor<'_> for Text {
    type Value = Origin;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a number or null")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Origin, E> {
        Ok(Origin(text.strip_prefix(PREFIX).filter(|key| !key.is_empty()).map(str::to_owned)))
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Origin, E> {
        Ok(Origin(None))
    }

    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<Origin, E> {
        Ok(Origin(None))
    }
}

/// An update of a ticket that carries a mark.
#[derive(Debug, PartialEq)]
pub(crate) struct Marked {
    /// The comment that it brought, where it brought one: its id, and the event as it came.
    pub(crate) comment: Option<(u64, String)>,
}

/// Looks for the update of a ticket that was made under that key.
///
/// Zendesk documents no order of audits but the oldest first, so all are read; it happens
/// only where an answer was lost, or somebody else changed the ticket.
pub(crate) fn update(transport: &dyn Transport, ticket: u64, key: &str) -> Result<Option<Marked>, Error> {
    let mut after: Option<String> = None;
    for _ in 0..MOST_PAGES {
        let request = Request::get(format!("/api/v2/tickets/{ticket}/audits.json")).query("page[size]", 100);
        let request = match &after {
            Some(after) => request.query("page[after]", after),
            None => request,
        };
        let Some(response) = transport.send(request)?.found()? else {
            return Ok(None);
        };
        let page: Page = response.json()?;
        if let Some(audit) = page.audits.into_iter().find(|audit| audit.is_of(key)) {
            return Ok(Some(Marked { comment: audit.comment() }));
        }
        match page.meta {
            Some(Meta { has_more: true, after_cursor: Some(next) }) => after = Some(next),
            _ => return Ok(None),
        }
    }
    Ok(None)
}

#[derive(Deserialize)]
struct Page {
    audits: Vec<Audit>,
    #[serde(default)]
    meta: Option<Meta>,
}

#[derive(Deserialize)]
struct Meta {
    has_more: bool,
    after_cursor: Option<String>,
}

/// The record of one update.
#[derive(Deserialize)]
pub(crate) struct Audit {
    #[serde(default)]
    metadata: Value,
    #[serde(default)]
    events: Vec<Value>,
}

impl Audit {
    fn is_of(&self, key: &str) -> bool {
        let custom = self.metadata.get("custom");
        custom.and_then(|custom| custom.get(NAME)?.as_str()) == Some(key)
    }

    /// The comment that the update brought.
    pub(crate) fn comment(&self) -> Option<(u64, String)> {
        let is_comment = |event: &&Value| event.get("type").and_then(Value::as_str) == Some("Comment");
        let event = self.events.iter().find(is_comment)?;
        Some((event.get("id")?.as_u64()?, event.to_string()))
    }
}

/// A text that must be an id: digits and nothing else.
pub(crate) fn id(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_sdk::testing::Script;

    #[test]
    fn only_our_own_external_ids_tell_an_origin() {
        let check = |json: &str, key: Option<&str>| {
            let origin: Origin = serde_json::from_str(json).unwrap();
            assert_eq!(origin.0.as_deref(), key, "{json}");
        };
        check(r#""tidegate:01K""#, Some("01K"));
        check(r#""tidegate:""#, None);
        check(r#""ext-7""#, None);
        check("7", None);
        check("null", None);
        assert!(serde_json::from_str::<Origin>("[]").is_err());
        assert_eq!(external_id("01K"), "tidegate:01K");
    }

    #[test]
    fn metadata_tells_an_origin_in_its_custom_part_only() {
        let check = |json: &str, key: Option<&str>| assert_eq!(in_metadata(json).as_deref(), key, "{json}");
        check(r#"{"system": {}, "custom": {"tidegate": "01K"}}"#, Some("01K"));
        check(r#"{"system": {"tidegate": "01K"}, "custom": {}}"#, None);
        check(r#"{"custom": []}"#, None);
        check(r#"{"custom": {"tidegate": 7}}"#, None);
    }

    #[test]
    fn update_is_found_on_a_later_page() {
        let line = "GET /api/v2/tickets/5/audits.json?page[size]=100";
        let audit = r#"{"metadata": {"custom": {"tidegate": "k"}}, "events": [{"type": "Change", "id": 1}, {"type": "Comment", "id": 2}]}"#;
        let zendesk = Script::new()
            .on(line, 200, r#"{"audits": [{}], "meta": {"has_more": true, "after_cursor": "c"}}"#)
            .on(
                &format!("{line}&page[after]=c"),
                200,
                format!(r#"{{"audits": [{audit}], "meta": {{"has_more": false, "after_cursor": null}}}}"#),
            );
        let marked = update(&zendesk, 5, "k").unwrap().unwrap();
        assert_eq!(marked.comment.unwrap().0, 2);
        let zendesk = Script::new().on(line, 200, r#"{"audits": [{"metadata": null}]}"#).on(line, 404, "{}");
        assert_eq!(update(&zendesk, 5, "k"), Ok(None));
        assert_eq!(update(&zendesk, 5, "k"), Ok(None));
    }
}
