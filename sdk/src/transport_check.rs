//! Optional export: a test of the connection.

use crate::{
    Error, Json, Settings, Transport,
    bindings::{http, transport_check as wit, types},
    export::Exported,
    http::Gateway,
};
use serde_json::{Map, Value};

/// One cheap call: are we let in, and who are we there?
pub trait TransportCheck {
    /// Tests the connection.
    ///
    /// # Errors
    /// What an operator has to mend.
    fn check(transport: &dyn Transport, settings: &Settings) -> Result<Facts, Error>;
}

/// What the check found out, in the order in which it is to be shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts(Map<String, Value>);

impl Facts {
    /// No facts yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with one more fact: a string, number or boolean.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// The fact of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }
}

impl<T: TransportCheck> wit::Guest for Exported<T> {
    fn check(transport: &http::Transport, settings: Vec<u8>) -> Result<Vec<u8>, types::Error> {
        let facts = T::check(&Gateway(transport), &Settings::from_bytes(settings))?;
        Ok(Json::of(&facts.0)?.into_bytes())
    }
}
