//! Records as they cross the contract.

use crate::bindings::types as wit;

/// One record of a remote system: identity, version and an opaque payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The remote id, unique within the connector; 1 to 512 bytes, no control characters.
    pub key: String,
    /// The key of the record that this one belongs to, where its payload does not
    /// tell: the ticket of a comment, say.
    pub parent: Option<String>,
    /// The idempotency key with which this host created the record, where the remote
    /// system keeps it.
    pub origin: Option<String>,
    /// When the remote system last changed it, in milliseconds since
    /// 1970-01-01T00:00:00Z, where it tells.
    pub updated_ms: Option<u64>,
    /// The record is gone remotely; the payload is then ignored.
    pub deleted: bool,
    /// The remote object, whole: one JSON document in UTF-8.
    pub payload: Vec<u8>,
}

impl Envelope {
    /// A record that exists. Copies the payload, so give it the bytes as they
    /// came: nothing is parsed and nothing is written anew.
    pub fn new(key: impl ToString, payload: impl AsRef<[u8]>) -> Self {
        Self {
            key: key.to_string(),
            parent: None,
            origin: None,
            updated_ms: None,
            deleted: false,
            payload: payload.as_ref().to_vec(),
        }
    }

    /// A record that is gone.
    pub fn deleted(key: impl ToString) -> Self {
        Self { deleted: true, ..Self::new(key, b"") }
    }

    /// The same as a part of another record.
    #[must_use]
    pub fn parent(mut self, key: impl ToString) -> Self {
        self.parent = Some(key.to_string());
        self
    }

    /// The same, created by this host with this idempotency key, where there is one.
    #[must_use]
    pub fn origin(mut self, key: Option<String>) -> Self {
        self.origin = key;
        self
    }

    /// The same with the time of its last change, where there is one.
    #[must_use]
    pub fn updated_ms(mut self, milliseconds: Option<u64>) -> Self {
        self.updated_ms = milliseconds;
        self
    }
}

/// Remote ids that one connector, or a webhook, asks another to fetch. The host
/// keeps them until a page settles them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// The connector that is to fetch them, by its manifest name.
    pub connector: String,
    /// The ids; at most 10,000 a page.
    pub keys: Vec<String>,
}

impl From<Envelope> for wit::Envelope {
    fn from(envelope: Envelope) -> Self {
        Self {
            key: envelope.key,
            parent: envelope.parent,
            origin: envelope.origin,
            updated_ms: envelope.updated_ms,
            deleted: envelope.deleted,
            payload: envelope.payload,
        }
    }
}

impl From<Due> for wit::Due {
    fn from(due: Due) -> Self {
        Self { connector: due.connector, keys: due.keys }
    }
}
