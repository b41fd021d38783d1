//! Optional export: understanding what a remote system posts to the host.

use crate::{
    Due, Envelope, Error, Settings,
    bindings::{types, webhook as wit},
    export::Exported,
};

/// Understands deliveries.
pub trait Webhook {
    /// Says what a delivery means. The host has verified the signature, and answers
    /// the sender only when the effect is durable. Gets no transport.
    ///
    /// # Errors
    /// The delivery cannot be understood.
    fn receive(delivery: Delivery) -> Result<Effect, Error>;
}

/// What was posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Which kind of webhook of the manifest.
    pub kind: String,
    /// The channel's settings.
    pub settings: Settings,
    /// Names and values, without the header of the signature.
    pub headers: Vec<(String, Vec<u8>)>,
    /// At most 1 MiB.
    pub body: Vec<u8>,
}

/// A record that a delivery carried whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The connector that the record belongs to.
    pub connector: String,
    /// The record.
    pub record: Envelope,
}

/// What a delivery means.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effect {
    /// Records that the delivery carried whole.
    pub changes: Vec<Change>,
    /// Ids that connectors are to fetch.
    pub due: Vec<Due>,
}

impl<T: Webhook> wit::Guest for Exported<T> {
    fn receive(delivery: wit::Delivery) -> Result<wit::Effect, types::Error> {
        let effect = T::receive(Delivery {
            kind: delivery.kind,
            settings: Settings::from_bytes(delivery.settings),
            headers: delivery.headers,
            body: delivery.body,
        })?;
        Ok(effect.into())
    }
}

impl From<Effect> for wit::Effect {
    fn from(effect: Effect) -> Self {
        let changes = effect.changes.into_iter();
        Self {
            changes: changes
                .map(|change| wit::Change { connector: change.connector, record: change.record.into() })
                .collect(),
            due: effect.due.into_iter().map(Into::into).collect(),
        }
    }
}
