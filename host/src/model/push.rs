//! What a step of an exporter is asked to send, and what came of it.

use super::{Envelope, Failure, Name, Write};
use bytes::Bytes;

/// One local change, as the guest gets it. The fields are those of `change` in the
/// contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The local key.
    pub key: String,
    /// What is to be done.
    pub kind: Write,
    /// The remote id; none for a record that is not there yet.
    pub remote_key: Option<String>,
    /// The remote id of the record that it belongs to.
    pub parent: Option<String>,
    /// The changed fields only, a merge patch.
    pub fields: Bytes,
    /// The whole record.
    pub payload: Bytes,
    /// The remote version that the change is based on, in milliseconds since the epoch.
    pub base_updated_ms: Option<u64>,
    /// The same for every try of this change.
    pub idempotency_key: String,
    /// Whether it may have been sent before.
    pub again: bool,
}

/// What a step of an exporter is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushRequest {
    /// Which connector.
    pub connector: Name,
    /// The channel's settings as JSON, secrets replaced by `true`.
    pub settings: Bytes,
    /// 1 to 100 changes.
    pub changes: Vec<Change>,
}

/// What came of one change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// Done; the record as it now stands remotely.
    Done(Envelope),
    /// Changed remotely since the base; the record as it now stands there.
    Conflict(Envelope),
    /// Refused for what is in it.
    Rejected(Failure),
    /// Not done and not refused: again after so many milliseconds.
    Retry(u64),
}

/// The answer to one change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledgement {
    /// The change's `key`.
    pub key: String,
    /// What came of it.
    pub outcome: Pushed,
}
