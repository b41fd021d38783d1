//! Why a local write is refused.

use crate::model::{ChannelName, ConflictId, Fault, FieldError, Name, RecordKey, Size, Write};

/// Why a local write is refused.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The plugin does not offer the connector.
    #[error("channel '{channel}' has no connector '{connector}'")]
    NoConnector {
        /// The channel.
        channel: ChannelName,
        /// The connector.
        connector: Name,
    },
    /// The connector only reads.
    #[error("connector '{connector}' imports only: its records are changed in the remote system")]
    ImportOnly {
        /// The connector.
        connector: Name,
    },
    /// The channel only imports.
    #[error(
        "channel '{0}' imports only, so a change here would never get there; to export changes: tidegate channel edit {0} --two-way"
    )]
    OneWay(ChannelName),
    /// The remote system, or the plugin, has no way to do it.
    #[error("connector '{connector}' cannot {} records remotely", verb(*.kind))]
    NotWritable {
        /// The connector.
        connector: Name,
        /// What it cannot do.
        kind: Write,
    },
    /// There is nothing to change.
    #[error("there is no record '{0}'; to create one, put it whole")]
    NoRecord(RecordKey),
    /// The record does not fit the connector's schema.
    #[error("record '{key}' does not fit: {}", words(.faults))]
    Unfit {
        /// Its key.
        key: RecordKey,
        /// What is wrong where.
        faults: Vec<FieldError>,
    },
    /// The record is longer than one may be.
    #[error("record '{key}' is longer than {most}, the most that [sandbox.limits] record-bytes allows")]
    TooLong {
        /// Its key.
        key: RecordKey,
        /// The most.
        most: Size,
    },
    /// No such change waits.
    #[error("no change of record '{0}' waits to be exported")]
    NotWaiting(RecordKey),
    /// Either side has its counterpart already.
    #[error("'{local}' and '{remote}' cannot be linked: {why}")]
    Linked {
        /// The key here.
        local: RecordKey,
        /// The remote id.
        remote: RecordKey,
        /// What stands against it.
        why: String,
    },
    /// No such conflict waits.
    #[error("there is no conflict '{0}' that waits to be decided")]
    NoConflict(ConflictId),
    /// The record has no row that says which remote one it is.
    #[error("record '{0}' is not linked: its key is its remote id, or it is not there remotely")]
    NotLinked(RecordKey),
    /// A change of the record waits.
    #[error(
        "a change of record '{0}' waits to be exported; let it go out first, or give it up: tidegate outbox drop"
    )]
    Waits(RecordKey),
    /// It was sent, and nobody knows yet what became of it.
    #[error("the change of record '{0}' was sent and is not answered yet; the next export finds out")]
    InFlight(RecordKey),
    /// A person's decision does not decide the conflict.
    #[error("the conflict cannot be decided so: {0}")]
    Undecided(String),
    /// The channel cannot be opened.
    #[error(transparent)]
    Channels(#[from] crate::channels::Error),
    /// An export cannot be asked for.
    #[error(transparent)]
    Sync(#[from] crate::sync::Error),
    /// It cannot be written or read.
    #[error(transparent)]
    Store(#[from] crate::store::Error),
}

impl Refusal {
    /// Who has to act, and whether trying again helps.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::Channels(error) => error.fault(),
            Self::Sync(error) => error.fault(),
            Self::Store(error) => error.fault(),
            _ => Fault::Invalid,
        }
    }
}

fn verb(kind: Write) -> &'static str {
    match kind {
        Write::Create => "create",
        Write::Update => "change",
        Write::Delete => "delete",
    }
}

fn words(faults: &[FieldError]) -> String {
    let words = |fault: &FieldError| match fault.field.as_str() {
        "" => fault.message.clone(),
        field => format!("{field} {}", fault.message),
    };
    faults.iter().map(words).collect::<Vec<_>>().join("; ")
}
