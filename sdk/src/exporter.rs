//! Optional export: writing local changes to the remote system.

use crate::{
    Envelope, Error, Json, Settings, Transport,
    bindings::{exporter as wit, http, types},
    export::Exported,
    http::Gateway,
};

/// Writes records.
pub trait Exporter {
    /// Sends the changes and answers exactly one acknowledgement for each, in any
    /// order.
    ///
    /// # Errors
    /// None of the changes is known to be done.
    fn push(transport: &dyn Transport, request: PushRequest) -> Result<Vec<Acknowledgement>, Error>;
}

/// What happened locally.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// A new record.
    Create,
    /// Changed fields.
    Update,
    /// The record is to go.
    Delete,
}

/// One local change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The host's own id of the record.
    pub key: String,
    /// What happened.
    pub kind: ChangeKind,
    /// The remote id; none for a record that is not there yet.
    pub remote_key: Option<String>,
    /// The remote id of the record that this one belongs to, where it belongs to one.
    pub parent: Option<String>,
    /// The changed fields only: a JSON object, a merge patch (RFC 7396).
    pub fields: Json,
    /// The whole local record.
    pub payload: Json,
    /// The remote version that the change is based on, in milliseconds.
    pub base_updated_ms: Option<u64>,
    /// The same for every try of this change.
    pub idempotency_key: String,
    /// This change may have been sent before, with the answer lost: look the record
    /// up by the idempotency key before creating it.
    pub again: bool,
}

/// What a step is asked to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushRequest {
    /// Which connector of the manifest.
    pub connector: String,
    /// The channel's settings.
    pub settings: Settings,
    /// 1 to 100 changes, dependencies first.
    pub changes: Vec<Change>,
}

/// What came of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done; the record as it now stands remotely.
    Done(Envelope),
    /// Changed remotely since the base; the record as it now stands there.
    Conflict(Envelope),
    /// Refused for what is in it.
    Rejected(Error),
    /// Not known to be done, and not refused: again later, after so many milliseconds,
    /// with [`Change::again`] set.
    Retry(u64),
}

/// The answer to one change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledgement {
    /// The change's `key`.
    pub key: String,
    /// What came of it.
    pub outcome: Outcome,
}

impl<T: Exporter> wit::Guest for Exported<T> {
    fn push(
        transport: &http::Transport,
        request: wit::PushRequest,
    ) -> Result<Vec<wit::Acknowledgement>, types::Error> {
        let acknowledgements = T::push(&Gateway(transport), request.into())?;
        Ok(acknowledgements.into_iter().map(Into::into).collect())
    }
}

impl From<wit::PushRequest> for PushRequest {
    fn from(request: wit::PushRequest) -> Self {
        Self {
            connector: request.connector,
            settings: Settings::from_bytes(request.settings),
            changes: request.changes.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<wit::Change> for Change {
    fn from(change: wit::Change) -> Self {
        Self {
            key: change.key,
            kind: match change.kind {
                wit::ChangeKind::Create => ChangeKind::Create,
                wit::ChangeKind::Update => ChangeKind::Update,
                wit::ChangeKind::Delete => ChangeKind::Delete,
            },
            remote_key: change.remote_key,
            parent: change.parent,
            fields: Json::from_bytes(change.fields),
            payload: Json::from_bytes(change.payload),
            base_updated_ms: change.base_updated_ms,
            idempotency_key: change.idempotency_key,
            again: change.again,
        }
    }
}

impl From<Acknowledgement> for wit::Acknowledgement {
    fn from(acknowledgement: Acknowledgement) -> Self {
        let outcome = match acknowledgement.outcome {
            Outcome::Done(envelope) => wit::Outcome::Done(envelope.into()),
            Outcome::Conflict(envelope) => wit::Outcome::Conflict(envelope.into()),
            Outcome::Rejected(error) => wit::Outcome::Rejected(error.into()),
            Outcome::Retry(milliseconds) => wit::Outcome::Retry(milliseconds),
        };
        Self { key: acknowledgement.key, outcome }
    }
}
