//! Tidegate connector for Zendesk: users, tickets and the comments of tickets.
//!
//! Users and tickets come from Zendesk's incremental exports, page by page in the
//! order of their changes; every changed ticket makes its comments due. Records are
//! Zendesk's objects, byte for byte. Local changes go the other way, each once and none
//! over somebody else's; and what Zendesk posts says what to fetch.

mod answer;
mod check;
mod comment;
mod export;
mod mark;
mod settings;
mod ticket;
mod user;
mod webhook;
mod write;

use tidegate_sdk::{
    ChannelType, Connector, Error, Exporter, Facts, FieldError, Page, PullRequest, Settings, Transport,
    TransportCheck, Webhook,
    exporter::{Acknowledgement, PushRequest},
    webhook::{Delivery, Effect},
};

/// The plugin. Its traits are what the host calls; natively they run against any
/// [`Transport`].
pub struct Zendesk;

tidegate_sdk::export! {
    Zendesk,
    manifest: include_bytes!("../manifest.json"),
    interfaces: [TransportCheck, Connector, Exporter, Webhook],
}

impl ChannelType for Zendesk {
    fn validate(_channel_type: &str, settings: &Settings) -> Result<(), Vec<FieldError>> {
        let settings: settings::Form =
            settings.read().map_err(|error| vec![FieldError::new("", error.message)])?;
        settings.validate()
    }
}

impl TransportCheck for Zendesk {
    fn check(transport: &dyn Transport, settings: &Settings) -> Result<Facts, Error> {
        check::check(transport, &settings.read()?)
    }
}

impl Connector for Zendesk {
    fn pull(transport: &dyn Transport, request: &PullRequest) -> Result<Page, Error> {
        match request.connector.as_str() {
            user::CONNECTOR => user::pull(transport, request),
            ticket::CONNECTOR => ticket::pull(transport, request),
            comment::CONNECTOR => comment::pull(transport, request),
            other => Err(Error::unsupported("zendesk.connector", format!("there is no connector '{other}'"))),
        }
    }
}

impl Exporter for Zendesk {
    fn push(transport: &dyn Transport, request: PushRequest) -> Result<Vec<Acknowledgement>, Error> {
        write::push(transport, &request)
    }
}

impl Webhook for Zendesk {
    fn receive(delivery: Delivery) -> Result<Effect, Error> {
        webhook::receive(&delivery)
    }
}
