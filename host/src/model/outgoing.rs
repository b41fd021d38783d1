//! A local change that waits to be exported, and who made it.

use super::{ConflictId, Failure, RecordKey, Timestamp, Write};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Who changed a record.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "by", content = "name")]
pub enum Author {
    /// A person or a program, through the API or the command line; under the name that
    /// the request gave.
    Person(String),
    /// A route from another channel.
    Route(String),
    /// The remote system, by an import.
    Remote,
    /// The remote system, in its answer to an export.
    Answer,
}

impl fmt::Display for Author {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(name) => f.write_str(name),
            Self::Route(name) => write!(f, "route {name}"),
            Self::Remote => f.write_str("import"),
            Self::Answer => f.write_str("export"),
        }
    }
}

/// A state of a record: two that are equal need no write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// When the remote system last changed it, where it tells.
    pub updated: Option<Timestamp>,
    /// The record that it belongs to.
    pub parent: Option<RecordKey>,
    /// The whole of it, one JSON document.
    pub payload: Bytes,
}

/// Something that was sent and not answered yet, as far as is on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// What it asks for.
    pub kind: Write,
    /// When it was sent last.
    pub at: Timestamp,
    /// The local record as it was sent; nothing for a deletion.
    pub payload: Bytes,
}

/// A local change that waits to be exported: all edits of one record, folded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The local key.
    pub key: RecordKey,
    /// What the edits amount to.
    pub kind: Write,
    /// The remote state that the local one is compared with; none for a record that is
    /// not there remotely.
    pub base: Option<Version>,
    /// What was sent and not answered. It is sent again just so, and asked for before it
    /// is created anew.
    pub sent: Option<Sent>,
    /// The same for every try of what is sent next.
    pub idempotency_key: String,
    /// Who made the last edit.
    pub author: Author,
    /// When the first edit was made.
    pub since: Timestamp,
    /// When the last edit was made.
    pub changed: Timestamp,
    /// Tries that ended without an outcome.
    pub tries: u32,
    /// Not to be sent before.
    pub due: Option<Timestamp>,
    /// Why it was not done yet.
    pub failure: Option<Failure>,
    /// Whether the remote system refused it: it waits for another edit, or for a person
    /// who asks for it again.
    pub refused: bool,
    /// The conflict that a person has to decide first.
    pub held: Option<ConflictId>,
}

impl Outgoing {
    /// The same as if it had never been tried: nothing stands against sending it but a
    /// conflict that is held.
    #[must_use]
    pub fn untried(self) -> Self {
        Self { tries: 0, due: None, failure: None, refused: false, ..self }
    }

    /// Whether it may be sent now.
    #[must_use]
    pub fn is_ready(&self, now: Timestamp) -> bool {
        !self.refused && self.held.is_none() && self.due.is_none_or(|due| due <= now)
    }
}
