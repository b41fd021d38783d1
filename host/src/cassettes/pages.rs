//! The records and rejects of a page as one blob: a line of JSON for each, followed by
//! its payload as it is.
//!
//! One file a page and not one a record: a page has a thousand of them, and each would
//! cost a rename and a block of the disk.

use crate::model::{Envelope, Failure, Reject};
use bytes::{Bytes, BytesMut};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Label {
    key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    updated_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    origin: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    deleted: bool,
    /// What is wrong with it; none: it is a record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reject: Option<Failure>,
    /// Length of the payload that follows; none: there is none.
    bytes: Option<usize>,
}

/// The blob of a page.
pub(super) fn encode(records: &[Envelope], rejects: &[Reject]) -> Bytes {
    let payloads: usize = records.iter().map(|record| record.payload.len()).sum();
    let mut blob = BytesMut::with_capacity(payloads + 128 * (records.len() + rejects.len()));
    for record in records {
        let label = Label {
            key: record.key.clone(),
            parent: record.parent.clone(),
            updated_ms: record.updated_ms,
            origin: record.origin.clone(),
            deleted: record.deleted,
            reject: None,
            bytes: Some(record.payload.len()),
        };
        add(&mut blob, &label, Some(&record.payload));
    }
    for reject in rejects {
        let label = Label {
            key: reject.key.clone(),
            parent: None,
            updated_ms: None,
            origin: None,
            deleted: false,
            reject: Some(reject.reason.clone()),
            bytes: reject.payload.as_ref().map(Bytes::len),
        };
        add(&mut blob, &label, reject.payload.as_ref());
    }
    blob.freeze()
}

fn add(blob: &mut BytesMut, label: &Label, payload: Option<&Bytes>) {
    let line = serde_json::to_vec(label).expect("texts and numbers are JSON");
    blob.extend_from_slice(&line);
    blob.extend_from_slice(b"\n");
    blob.extend_from_slice(payload.map_or(&[], |payload| &payload[..]));
    blob.extend_from_slice(b"\n");
}

/// What a blob holds. Payloads are parts of it, not copies.
///
/// # Errors
/// What is wrong with it.
pub(super) fn decode(mut blob: Bytes) -> Result<(Vec<Envelope>, Vec<Reject>), String> {
    let (mut records, mut rejects) = (Vec::new(), Vec::new());
    while !blob.is_empty() {
        let end = blob.iter().position(|byte| *byte == b'\n').ok_or("a label has no end")?;
        let label: Label = serde_json::from_slice(&blob.split_to(end)).map_err(|error| error.to_string())?;
        let length = label.bytes.unwrap_or(0);
        if blob.len() < length + 2 {
            return Err("a payload is cut off".into());
        }
        let payload = blob.slice(1..=length);
        blob = blob.slice(length + 2..);
        match label.reject {
            Some(reason) => {
                let payload = label.bytes.map(|_| payload);
                rejects.push(Reject { key: label.key, reason, payload });
            }
            None => records.push(Envelope {
                key: label.key,
                parent: label.parent,
                origin: label.origin,
                updated_ms: label.updated_ms,
                deleted: label.deleted,
                payload,
            }),
        }
    }
    Ok((records, rejects))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Class;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(payloads in prop::collection::vec((".*", any::<Vec<u8>>(), any::<bool>()), 0..8)) {
            let record = |(key, payload, deleted): &(String, Vec<u8>, bool)| Envelope {
                key: key.clone(),
                parent: deleted.then(|| key.clone()),
                origin: (!deleted).then(|| key.clone()),
                updated_ms: (!deleted).then_some(7),
                deleted: *deleted,
                payload: Bytes::from(payload.clone()),
            };
            let reject = |(key, payload, there): &(String, Vec<u8>, bool)| Reject {
                key: key.clone(),
                reason: Failure::new(Class::InvalidData, "a.b", "no\nway"),
                payload: there.then(|| Bytes::from(payload.clone())),
            };
            let records: Vec<_> = payloads.iter().map(record).collect();
            let rejects: Vec<_> = payloads.iter().map(reject).collect();
            prop_assert_eq!(decode(encode(&records, &rejects)), Ok((records, rejects)));
        }
    }

    #[test]
    fn what_is_cut_off_is_told() {
        let record = Envelope {
            key: "1".into(),
            parent: None,
            origin: None,
            updated_ms: None,
            deleted: false,
            payload: "{}".into(),
        };
        let whole = encode(std::slice::from_ref(&record), &[]);
        for length in 1..whole.len() {
            assert!(decode(whole.slice(..length)).is_err(), "{length} of {}", whole.len());
        }
    }
}
