//! Optional export: named calls with JSON in and out.

use crate::{
    Error, Json, Settings, Transport,
    bindings::{http, operations as wit, types},
    export::Exported,
    http::Gateway,
};

/// Answers calls.
pub trait Operations {
    /// Answers a document by the operation's output schema; the host checks it.
    ///
    /// # Errors
    /// The call failed.
    fn invoke(transport: &dyn Transport, invocation: Invocation) -> Result<Json, Error>;
}

/// One call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// Which operation of the manifest.
    pub operation: String,
    /// The channel's settings.
    pub settings: Settings,
    /// By the operation's input schema; the host has checked it.
    pub input: Json,
    /// The same for every try of this call.
    pub idempotency_key: String,
}

impl<T: Operations> wit::Guest for Exported<T> {
    fn invoke(transport: &http::Transport, invocation: wit::Invocation) -> Result<Vec<u8>, types::Error> {
        let invocation = Invocation {
            operation: invocation.operation,
            settings: Settings::from_bytes(invocation.settings),
            input: Json::from_bytes(invocation.input),
            idempotency_key: invocation.idempotency_key,
        };
        Ok(T::invoke(&Gateway(transport), invocation)?.into_bytes())
    }
}
