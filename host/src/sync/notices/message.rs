//! The messages of notices, and how they are signed: Standard Webhooks 1.0. Pure.
//!
//! A message's id follows from the change that it tells, so that it stays the same however
//! often it is sent, and whoever restarts in between.

use crate::{
    channels::Posting,
    model::{Record, Secret, SubscriberId, Timestamp},
    store::{FeedEntry, FeedKey, FeedKind},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::hmac;
use serde::Serialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// What stands before a key in base64.
const PREFIX: &str = "whsec_";
/// Bytes of a key, at least and at most, as the standard has it.
const LEAST: usize = 24;
const MOST: usize = 64;

/// What a message tells.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Message {
    pub(super) id: String,
    pub(super) body: String,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Body<'a> {
    r#type: &'static str,
    channel: &'a str,
    connector: &'a str,
    key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    changed: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<&'a RawValue>,
}

/// Which message is meant.
pub(super) struct About<'a> {
    pub(super) notice: SubscriberId,
    /// The channel by its name of today.
    pub(super) channel: &'a str,
    pub(super) key: &'a FeedKey,
    pub(super) entry: &'a FeedEntry,
    /// The fields that changed since the last message of the record; none: it is not known.
    pub(super) changed: Option<Vec<String>>,
    /// As it is now; none: it is gone.
    pub(super) record: Option<&'a Record>,
    pub(super) with_payload: bool,
}

impl Message {
    /// Of a record that is gone by now nothing else is told than that.
    pub(super) fn about(about: &About<'_>) -> Self {
        let payload = about.record.filter(|_| about.with_payload);
        let payload = payload.and_then(|record| serde_json::from_slice::<&RawValue>(&record.payload).ok());
        let body = Body {
            r#type: match (about.entry.kind, about.record) {
                (FeedKind::Added, Some(_)) => "record.added",
                (FeedKind::Updated, Some(_)) => "record.updated",
                (FeedKind::Deleted, _) | (_, None) => "record.deleted",
            },
            channel: about.channel,
            connector: about.key.connector.as_str(),
            key: about.key.key.as_str(),
            updated: about.record.and_then(|record| record.updated),
            changed: about.changed.as_deref().filter(|_| about.record.is_some()),
            payload,
        };
        let body = serde_json::to_string(&body).expect("plain values with text keys are JSON");
        Self { id: id(about), body }
    }

    /// The message with which an operator tries an address.
    pub(super) fn test(name: &str, stamp: u64) -> Self {
        let body = serde_json::json!({ "type": "notice.test", "notice": name });
        Self { id: format!("msg_test_{stamp:016x}"), body: body.to_string() }
    }

    /// What goes over the wire at that time.
    pub(super) fn posting(self, key: &Key, now: Timestamp) -> Posting {
        let seconds = now.as_millis().div_euclid(1_000);
        let signature = key.sign(&format!("{}.{seconds}.{}", self.id, self.body));
        let headers = vec![
            ("webhook-id".to_owned(), self.id),
            ("webhook-timestamp".to_owned(), seconds.to_string()),
            ("webhook-signature".to_owned(), signature),
        ];
        Posting { headers, body: self.body.into() }
    }
}

fn id(about: &About<'_>) -> String {
    let FeedKey { channel, connector, key } = about.key;
    let digest = Sha256::new()
        .chain_update(about.notice.to_bytes())
        .chain_update(channel.to_bytes())
        .chain_update(connector.as_str())
        .chain_update([0])
        .chain_update(key.as_str())
        .chain_update([0])
        .chain_update(about.entry.stamp.to_be_bytes())
        .finalize();
    let mut id = String::from("msg_");
    for byte in digest.iter().take(16) {
        // Writing to a string cannot fail.
        let _ = write!(id, "{byte:02x}");
    }
    id
}

/// The key of the signatures.
pub(super) struct Key(hmac::Key);

impl Key {
    /// Reads `whsec_` and 24 to 64 bytes in base64; none where it is something else.
    pub(super) fn read(secret: &Secret) -> Option<Self> {
        let bytes = STANDARD.decode(secret.expose().strip_prefix(PREFIX)?).ok()?;
        let fits = (LEAST..=MOST).contains(&bytes.len());
        fits.then(|| Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// The text of a key of these bytes.
    pub(super) fn text(bytes: &[u8]) -> Secret {
        Secret::new(format!("{PREFIX}{}", STANDARD.encode(bytes)))
    }

    fn sign(&self, text: &str) -> String {
        format!("v1,{}", STANDARD.encode(hmac::sign(&self.0, text.as_bytes())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{ChannelId, RunId},
        sync::tests::support::{key, name},
    };

    #[test]
    fn signatures_are_those_of_the_standard() {
        // The example of standardwebhooks.com's own libraries.
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let message =
            Message { id: "msg_p5jXN8AQM9LWM0D4loKWxJek".into(), body: r#"{"test": 2432232314}"#.into() };
        let posting =
            message.posting(&Key::read(&secret).expect("a key"), Timestamp::from_millis(1_614_265_330_999));
        assert_eq!(posting.headers[1].1, "1614265330");
        assert_eq!(posting.headers[2].1, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn keys_keep_the_bounds_of_the_standard() {
        let check = |text: &str, good: bool| {
            assert_eq!(Key::read(&Secret::new(text)).is_some(), good, "{text}");
        };
        check(Key::text(&[7; 32]).expose(), true);
        check(Key::text(&[7; 24]).expose(), true);
        check(Key::text(&[7; 23]).expose(), false);
        check(Key::text(&[7; 65]).expose(), false);
        check("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", false);
        check("whsec_ä", false);
    }

    #[test]
    fn a_message_tells_what_became_of_the_record() {
        let feed_key =
            FeedKey { channel: ChannelId::from_bytes([1; 16]), connector: name("ticket"), key: key("7") };
        let record = Record {
            key: key("7"),
            parent: None,
            updated: Some(Timestamp::from_millis(1_767_225_600_000)),
            imported: Timestamp::from_millis(0),
            run: RunId::from_bytes([1; 16]),
            payload: r#"{"id": 7}"#.into(),
        };
        let told = |kind, stamp, changed, record: Option<&Record>, with_payload| {
            Message::about(&About {
                notice: SubscriberId::from_bytes([2; 16]),
                channel: "acme",
                key: &feed_key,
                entry: &FeedEntry { kind, stamp, origin: None },
                changed,
                record,
                with_payload,
            })
        };
        let message = |kind, stamp, record, with_payload| told(kind, stamp, None, record, with_payload);
        let check = |kind, record, with_payload, body: &str| {
            assert_eq!(message(kind, 1, record, with_payload).body, body);
        };
        let place = r#""channel":"acme","connector":"ticket","key":"7""#;
        let updated = r#""updated":"2026-01-01T00:00:00.000Z""#;
        check(
            FeedKind::Added,
            Some(&record),
            false,
            &format!(r#"{{"type":"record.added",{place},{updated}}}"#),
        );
        check(
            FeedKind::Updated,
            Some(&record),
            true,
            &format!(r#"{{"type":"record.updated",{place},{updated},"payload":{{"id": 7}}}}"#),
        );
        let fields = Some(vec!["/status".to_owned(), "/a~1b".to_owned()]);
        assert_eq!(
            told(FeedKind::Updated, 1, fields.clone(), Some(&record), false).body,
            format!(r#"{{"type":"record.updated",{place},{updated},"changed":["/status","/a~1b"]}}"#)
        );
        assert_eq!(
            told(FeedKind::Updated, 1, fields, None, false).body,
            format!(r#"{{"type":"record.deleted",{place}}}"#),
            "of what is gone nothing else is told"
        );
        check(FeedKind::Updated, None, true, &format!(r#"{{"type":"record.deleted",{place}}}"#));
        check(FeedKind::Deleted, None, true, &format!(r#"{{"type":"record.deleted",{place}}}"#));
        let id = |stamp| message(FeedKind::Added, stamp, None, false).id;
        assert_eq!(id(1), id(1), "the same however often it is sent");
        assert_ne!(id(1), id(2));
    }
}
