//! Records, and the pages in which they come.

use super::{Failure, Name, RecordKey, RunId, Timestamp};
use bytes::Bytes;

/// One record as a connector delivers it, checked by nobody yet. The fields are
/// those of `envelope` in the contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The remote id, as the guest wrote it.
    pub key: String,
    /// The key of the record that this one belongs to, as the guest wrote it.
    pub parent: Option<String>,
    /// The idempotency key with which a host created the record, as the guest wrote it.
    pub origin: Option<String>,
    /// When the remote system last changed it, in milliseconds since the epoch.
    pub updated_ms: Option<u64>,
    /// Gone remotely; the payload is then ignored.
    pub deleted: bool,
    /// The remote object, as the guest wrote it.
    pub payload: Bytes,
}

/// A delivered record that the connector could not make sense of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// The remote id, or something that finds it again.
    pub key: String,
    /// What is wrong.
    pub reason: Failure,
    /// What was delivered, where it helps.
    pub payload: Option<Bytes>,
}

/// Ids that one connector asks another to fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// The connector that is to fetch them, as the guest named it.
    pub connector: String,
    /// The ids, as the guest wrote them.
    pub keys: Vec<String>,
}

/// What a step of a connector is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequest {
    /// Which connector.
    pub connector: Name,
    /// The channel's settings as JSON, secrets replaced by `true`.
    pub settings: Bytes,
    /// Where the last committed page ended.
    pub cursor: Option<Bytes>,
    /// The due keys to fetch, for a connector driven by keys.
    pub keys: Vec<String>,
    /// The number of records wanted.
    pub limit: u32,
}

/// What one step read; the fields are those of `page` in the contract.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The records.
    pub records: Vec<Envelope>,
    /// Records that the connector could not make sense of.
    pub rejects: Vec<Reject>,
    /// Where the next step goes on; none: keep the cursor.
    pub next: Option<Bytes>,
    /// Whether there is more to read now.
    pub more: bool,
    /// The due keys of the request that this page settles.
    pub settled: Vec<String>,
    /// Ids that other connectors are to fetch.
    pub due: Vec<Due>,
    /// Number of records in the whole stream.
    pub total: Option<u64>,
    /// Do not ask again before so many milliseconds have passed.
    pub not_before_ms: Option<u64>,
}

/// A record as the host keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// For an imported record the remote id.
    pub key: RecordKey,
    /// The record that this one belongs to, where the connector tells: the ticket
    /// of a comment, say.
    pub parent: Option<RecordKey>,
    /// When the remote system last changed it, where it tells.
    pub updated: Option<Timestamp>,
    /// When the host last wrote it.
    pub imported: Timestamp,
    /// The run that last wrote it.
    pub run: RunId,
    /// The remote object: one JSON document, byte for byte as it was delivered.
    pub payload: Bytes,
}
