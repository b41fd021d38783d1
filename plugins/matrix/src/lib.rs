//! Tidegate operations for Matrix: messages to rooms, and what became of them.
//!
//! Every write goes under a transaction id, which is the call's idempotency key: a homeserver
//! that gets it a second time sends nothing and answers as before. It imports nothing.

mod answer;
mod check;
mod message;
mod room;
mod settings;
mod status;

use tidegate_sdk::{
    ChannelType, Error, Facts, FieldError, Json, Operations, Settings, Transport, TransportCheck,
    operations::Invocation,
};

/// The plugin. Its traits are what the host calls; natively they run against any
/// [`Transport`].
pub struct Matrix;

tidegate_sdk::export! {
    Matrix,
    manifest: include_bytes!("../manifest.json"),
    interfaces: [TransportCheck, Operations],
}

impl ChannelType for Matrix {
    fn validate(_channel_type: &str, settings: &Settings) -> Result<(), Vec<FieldError>> {
        let settings: settings::Form =
            settings.read().map_err(|error| vec![FieldError::new("", error.message)])?;
        settings.validate()
    }
}

impl TransportCheck for Matrix {
    fn check(transport: &dyn Transport, _settings: &Settings) -> Result<Facts, Error> {
        check::check(transport)
    }
}

impl Operations for Matrix {
    fn invoke(transport: &dyn Transport, invocation: Invocation) -> Result<Json, Error> {
        match invocation.operation.as_str() {
            "send-message" => message::send(transport, &invocation),
            "message-status" => status::status(transport, &invocation),
            "delete-message" => message::delete(transport, &invocation),
            other => Err(Error::unsupported("matrix.operation", format!("there is no operation '{other}'"))),
        }
    }
}
