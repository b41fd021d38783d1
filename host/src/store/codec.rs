//! What rows look like as bytes.
//!
//! The first byte of a row is the version of its form, so that a newer form
//! is told from damage. Most rows are JSON. A record is a short header and the
//! payload as it was delivered: it is written and read by the million, and its
//! payload must come back byte for byte.
//!
//! A form is never changed: a new one gets the next version, the old one stays
//! readable, and its fixture stays in the tests.

use super::{Error, Result};
use crate::model::{Record, RecordKey, RunId, Timestamp};
use bytes::{Buf, Bytes};
use serde::{Serialize, de::DeserializeOwned};

/// The newest version of every form. The forms count together.
const VERSION: u8 = 1;

/// Bytes of a record before its parent's key and its payload: version, whether the remote
/// system told when it changed, when it changed, when it was imported, the run that
/// wrote it, the length of the parent's key (0 for none).
const RECORD_HEADER: usize = 1 + 1 + 8 + 8 + 16 + 2;

/// A row as JSON.
pub(super) fn encode<T: Serialize>(row: &T) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    serde_json::to_writer(&mut bytes, row).expect("rows are plain values with text for keys");
    bytes
}

/// The row that [`encode`] wrote. `what` names it in an error.
pub(super) fn decode<T: DeserializeOwned>(what: &str, bytes: Bytes) -> Result<T> {
    let json = body(what, bytes)?;
    serde_json::from_slice(&json).map_err(|_| Error::Corrupt(what.into()))
}

/// A row of bytes that only somebody else understands.
pub(super) fn encode_bytes(row: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1 + row.len());
    bytes.push(VERSION);
    bytes.extend_from_slice(row);
    bytes
}

/// The row that [`encode_bytes`] wrote.
pub(super) fn decode_bytes(what: &str, bytes: Bytes) -> Result<Bytes> {
    body(what, bytes)
}

/// A row that is one number.
pub(super) fn encode_number(row: u64) -> Vec<u8> {
    encode_bytes(&row.to_be_bytes())
}

/// The row that [`encode_number`] wrote.
pub(super) fn decode_number(what: &str, bytes: Bytes) -> Result<u64> {
    let number: [u8; 8] = body(what, bytes)?[..].try_into().map_err(|_| Error::Corrupt(what.into()))?;
    Ok(u64::from_be_bytes(number))
}

/// A row as JSON, followed by a payload that may be anything.
pub(super) fn encode_with_payload<T: Serialize>(row: &T, payload: &[u8]) -> Vec<u8> {
    let json = serde_json::to_vec(row).expect("rows are plain values with text for keys");
    let length = u32::try_from(json.len()).expect("a row without its payload is some kilobytes");
    let mut bytes = Vec::with_capacity(1 + 4 + json.len() + payload.len());
    bytes.push(VERSION);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(&json);
    bytes.extend_from_slice(payload);
    bytes
}

/// The row and the payload that [`encode_with_payload`] wrote.
pub(super) fn decode_with_payload<T: DeserializeOwned>(what: &str, bytes: Bytes) -> Result<(T, Bytes)> {
    let corrupt = || Error::Corrupt(what.into());
    let mut rest = body(what, bytes)?;
    let length = rest.try_get_u32().map_err(|_| corrupt())? as usize;
    if length > rest.len() {
        return Err(corrupt());
    }
    let json = rest.split_to(length);
    let row = serde_json::from_slice(&json).map_err(|_| corrupt())?;
    Ok((row, rest))
}

/// A record without its key, which is part of the row's key.
pub(super) fn encode_record(record: &Record) -> Vec<u8> {
    let updated = record.updated.map_or(0, Timestamp::as_millis);
    let parent = record.parent.as_ref().map_or("", RecordKey::as_str);
    let length = u16::try_from(parent.len()).expect("a key has at most 512 bytes");
    let mut bytes = Vec::with_capacity(RECORD_HEADER + parent.len() + record.payload.len());
    bytes.push(VERSION);
    bytes.push(u8::from(record.updated.is_some()));
    bytes.extend_from_slice(&updated.to_be_bytes());
    bytes.extend_from_slice(&record.imported.as_millis().to_be_bytes());
    bytes.extend_from_slice(&record.run.to_bytes());
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(parent.as_bytes());
    bytes.extend_from_slice(&record.payload);
    bytes
}

/// The record that [`encode_record`] wrote. The payload shares the row's memory.
pub(super) fn decode_record(key: RecordKey, bytes: Bytes) -> Result<Record> {
    const WHAT: &str = "a record";
    let mut rest = body(WHAT, bytes)?;
    if rest.len() < RECORD_HEADER - 1 {
        return Err(Error::Corrupt(WHAT.into()));
    }
    let has_updated = rest.get_u8() != 0;
    let updated = Timestamp::from_millis(rest.get_i64());
    let imported = Timestamp::from_millis(rest.get_i64());
    let run = RunId::from_bytes(rest.get_u128().to_be_bytes());
    let parent = decode_parent(&mut rest)?;
    Ok(Record { key, parent, updated: has_updated.then_some(updated), imported, run, payload: rest })
}

fn decode_parent(rest: &mut Bytes) -> Result<Option<RecordKey>> {
    let length = usize::from(rest.get_u16());
    if length == 0 {
        return Ok(None);
    }
    let key = (length <= rest.len()).then(|| rest.split_to(length));
    let key = key.ok_or_else(|| Error::Corrupt("the parent of a record".into()))?;
    super::records::decode_key(&key).map(Some)
}

/// Checks the version and takes it off.
fn body(what: &str, mut bytes: Bytes) -> Result<Bytes> {
    match bytes.try_get_u8() {
        Ok(VERSION) => Ok(bytes),
        Ok(newer) if newer > VERSION => Err(Error::NewerFormat),
        _ => Err(Error::Corrupt(what.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Channel, Class, Run, Status, Vanished};
    use proptest::prelude::*;

    fn key() -> RecordKey {
        RecordKey::try_new("42").expect("a key")
    }

    // Rows as versions of the past wrote them. They stay for ever.
    const CHANNEL_1: &[u8] = b"\x01{\"id\":\"01JZZZZZZZZZZZZZZZZZZZZZZZ\",\"name\":\"support\",\
        \"channel-type\":\"zendesk\",\"transport\":\"api\",\"connectors\":[\"user\",\"ticket\"],\"two-way\":false,\
        \"enabled\":true,\"settings\":{\"subdomain\":\"acme\",\"pages\":2},\"secrets\":{\"token\":\"c2VhbGVk\"},\
        \"plugin-version\":\"0.1.0\",\"created\":\"2023-11-14T22:13:20.123Z\",\
        \"edited\":\"2023-11-14T22:13:20.123Z\",\"revision\":3}";
    /// With the reason of a pause as the first version would have written it.
    const PAUSED_1: &[u8] = b"\x01{\"id\":\"01JZZZZZZZZZZZZZZZZZZZZZZZ\",\"name\":\"support\",\
        \"channel-type\":\"zendesk\",\"transport\":\"api\",\"connectors\":[],\"two-way\":false,\
        \"enabled\":true,\"paused-because\":\"its token was refused\",\"settings\":{},\"secrets\":{},\
        \"plugin-version\":\"0.1.0\",\"created\":\"2023-11-14T22:13:20.123Z\",\
        \"edited\":\"2023-11-14T22:13:20.123Z\",\"revision\":3}";
    /// With everything that may be left out.
    const SCHEDULED_1: &[u8] = b"\x01{\"id\":\"01JZZZZZZZZZZZZZZZZZZZZZZZ\",\"name\":\"support\",\
        \"channel-type\":\"zendesk\",\"transport\":\"api\",\"connectors\":[],\"two-way\":false,\
        \"enabled\":true,\"enabled-since\":\"2023-11-14T22:13:20.123Z\",\
        \"paused\":{\"since\":\"2023-11-14T22:13:20.123Z\",\"class\":\"auth\",\
        \"code\":\"http.status.401\",\"message\":\"refused\"},\
        \"schedule\":{\"cron\":\"0 * * * *\",\"time-zone\":\"Europe/Vienna\",\"quiet\":\"22:00-06:00\"},\
        \"parallel\":4,\"vanished\":\"keep\",\"settings\":{},\"secrets\":{},\
        \"plugin-version\":\"0.1.0\",\"created\":\"2023-11-14T22:13:20.123Z\",\
        \"edited\":\"2023-11-14T22:13:20.123Z\",\"revision\":3}";
    const RUN_1: &[u8] =
        b"\x01{\"id\":\"01JZZZZZZZZZZZZZZZZZZZZZZZ\",\"job\":\"01JZZZZZZZZZZZZZZZZZZZZZZZ\",\
        \"channel-id\":\"01JZZZZZZZZZZZZZZZZZZZZZZZ\",\"channel\":\"support\",\"connector\":\"ticket\",\
        \"direction\":\"import\",\"trigger\":\"request\",\"full\":false,\"status\":\"failed\",\
        \"requested\":\"2023-11-14T22:13:20.123Z\",\"started\":null,\"ended\":null,\"pages\":0,\
        \"counters\":{\"read\":1,\"added\":1,\"updated\":0,\"unchanged\":0,\"deleted\":0,\"quarantined\":0},\
        \"error\":{\"class\":\"auth\",\"code\":\"http.status.401\",\"message\":\"refused\"},\
        \"usage\":{\"steps\":1}}";
    const RECORD_1: &[u8] = b"\x01\x01\x00\x00\x01\x8b\xcf\xe5\x68\x7b\x00\x00\x01\x8b\xcf\xe5\x68\x7c\
        \x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x00\x017{\"id\":42}";
    const WITH_PAYLOAD_1: &[u8] = b"\x01\x00\x00\x00\x03[7]raw \xff";

    #[test]
    fn channel_of_version_1_is_read() {
        let channel: Channel = decode("a channel", Bytes::from_static(CHANNEL_1)).expect("a channel");
        assert_eq!(channel.name.as_str(), "support");
        assert_eq!(channel.settings["pages"], 2);
        assert_eq!(channel.revision, 3);
        assert_eq!(channel.vanished, Vanished::Mark, "what is not said is the default");
        let again: Channel = decode("a channel", encode(&channel).into()).expect("a channel");
        assert_eq!(again, channel);
    }

    #[test]
    fn channel_without_options_has_the_defaults() {
        let channel: Channel = decode("a channel", Bytes::from_static(CHANNEL_1)).expect("a channel");
        assert!(channel.schedule.is_default() && channel.paused.is_none());
        assert_eq!((channel.parallel.get(), channel.vanished), (1, Vanished::Mark));
        assert_eq!(channel.active_since(), channel.created);
    }

    #[test]
    fn channel_with_options_is_read_as_it_is_written() {
        let channel: Channel = decode("a channel", Bytes::from_static(SCHEDULED_1)).expect("a channel");
        assert_eq!((channel.parallel.get(), channel.vanished), (4, Vanished::Keep));
        assert_eq!(channel.paused.as_ref().map(|paused| paused.class), Some(Class::Auth));
        assert_eq!(encode(&channel), SCHEDULED_1, "the form has not changed");
    }

    #[test]
    fn channel_paused_by_a_sentence_stays_paused() {
        let channel: Channel = decode("a channel", Bytes::from_static(PAUSED_1)).expect("a channel");
        let paused = channel.paused.clone().expect("paused");
        assert_eq!((paused.message.as_str(), paused.class), ("its token was refused", Class::Config));
        let again: Channel = decode("a channel", encode(&channel).into()).expect("just written");
        assert_eq!(again, channel);
    }

    #[test]
    fn run_of_version_1_is_read() {
        let run: Run = decode("a run", Bytes::from_static(RUN_1)).expect("a run");
        assert_eq!(run.status, Status::Failed);
        assert_eq!(run.counters.added, 1);
        assert_eq!(run.usage.steps, 1);
    }

    #[test]
    fn record_of_version_1_is_read() {
        let record = decode_record(key(), Bytes::from_static(RECORD_1)).expect("a record");
        assert_eq!(record.updated.map(Timestamp::as_millis), Some(1_700_000_000_123));
        assert_eq!(record.imported.as_millis(), 1_700_000_000_124);
        assert_eq!(record.run.to_bytes()[15], 16);
        assert_eq!(record.parent.as_ref().map(RecordKey::as_str), Some("7"));
        assert_eq!(&record.payload[..], b"{\"id\":42}");
        assert_eq!(encode_record(&record), RECORD_1, "the form has not changed");
    }

    #[test]
    fn payload_of_version_1_is_read() {
        let (row, payload) =
            decode_with_payload::<Vec<u8>>("a row", Bytes::from_static(WITH_PAYLOAD_1)).expect("a row");
        assert_eq!((&row[..], &payload[..]), (&[7][..], &b"raw \xff"[..]));
        assert_eq!(encode_with_payload(&row, &payload), WITH_PAYLOAD_1, "the form has not changed");
    }

    #[test]
    fn newer_row_is_told_from_a_damaged_one() {
        let check = |bytes: &'static [u8], newer: bool| {
            let error = decode_number("a stamp", Bytes::from_static(bytes)).expect_err("not a number");
            assert_eq!(matches!(error, Error::NewerFormat), newer, "{bytes:?}: {error}");
        };
        check(b"\x02\0\0\0\0\0\0\0\x05", true);
        check(b"\xff", true);
        check(b"\x01\0\0\0", false);
        check(b"\0\0\0\0\0\0\0\0\x05", false);
        check(b"", false);
    }

    proptest! {
        #[test]
        fn record_comes_back_as_it_was(
            updated in prop::option::of(any::<i64>()),
            imported in any::<i64>(),
            run in any::<[u8; 16]>(),
            parent in prop::option::of("[a-z0-9]{1,512}"),
            payload in any::<Vec<u8>>(),
        ) {
            let record = Record {
                key: key(),
                parent: parent.map(|text| RecordKey::try_new(text).expect("within bounds")),
                updated: updated.map(Timestamp::from_millis),
                imported: Timestamp::from_millis(imported),
                run: RunId::from_bytes(run),
                payload: payload.into(),
            };
            let again = decode_record(key(), encode_record(&record).into()).expect("just written");
            prop_assert_eq!(again, record);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in any::<Vec<u8>>()) {
            let bytes = Bytes::from(bytes);
            let _ = decode_record(key(), bytes.clone());
            let _ = decode_with_payload::<u8>("a row", bytes.clone());
            let _ = decode_number("a number", bytes.clone());
            let _ = decode::<Run>("a run", bytes);
        }

        #[test]
        fn number_comes_back_as_it_was(number in any::<u64>()) {
            prop_assert_eq!(decode_number("a number", encode_number(number).into()).expect("just written"), number);
        }
    }
}
