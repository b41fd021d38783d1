//! Tidegate connector for the issues of a GitHub repository, and their comments.
//!
//! Both lists are read in the order of their changes, and written to by the host's own
//! changes; a call closes an issue, and webhooks tell of changes at once. Records are
//! GitHub's objects, without the mark that tells what this host created itself. It
//! deletes no issues: GitHub lets nobody do that by REST.

mod answer;
mod check;
mod close;
mod comment;
mod issue;
mod link;
mod list;
mod marker;
mod push;
mod request;
mod settings;
mod webhook;

use tidegate_sdk::{
    ChannelType, Connector, Error, Exporter, Facts, FieldError, Json, Operations, Page, PullRequest,
    Settings, Transport, TransportCheck, Webhook,
    exporter::{Acknowledgement, PushRequest},
    operations::Invocation,
    webhook::{Delivery, Effect},
};

/// The plugin. Its traits are what the host calls; natively they run against any
/// [`Transport`].
pub struct GitHub;

tidegate_sdk::export! {
    GitHub,
    manifest: include_bytes!("../manifest.json"),
    interfaces: [TransportCheck, Connector, Exporter, Operations, Webhook],
}

impl ChannelType for GitHub {
    fn validate(_channel_type: &str, settings: &Settings) -> Result<(), Vec<FieldError>> {
        let settings: settings::Form =
            settings.read().map_err(|error| vec![FieldError::new("", error.message)])?;
        settings.validate()
    }
}

impl TransportCheck for GitHub {
    fn check(transport: &dyn Transport, settings: &Settings) -> Result<Facts, Error> {
        check::check(transport, &settings.read()?)
    }
}

impl Connector for GitHub {
    fn pull(transport: &dyn Transport, request: &PullRequest) -> Result<Page, Error> {
        match request.connector.as_str() {
            issue::CONNECTOR => issue::pull(transport, request),
            comment::CONNECTOR => comment::pull(transport, request),
            other => Err(no_connector(other)),
        }
    }
}

impl Exporter for GitHub {
    fn push(transport: &dyn Transport, request: PushRequest) -> Result<Vec<Acknowledgement>, Error> {
        match request.connector.as_str() {
            issue::CONNECTOR => push::issues(transport, request),
            comment::CONNECTOR => push::comments(transport, request),
            other => Err(no_connector(other)),
        }
    }
}

impl Operations for GitHub {
    fn invoke(transport: &dyn Transport, invocation: Invocation) -> Result<Json, Error> {
        match invocation.operation.as_str() {
            close::OPERATION => close::close(transport, &invocation),
            other => Err(Error::unsupported("github.operation", format!("there is no operation '{other}'"))),
        }
    }
}

impl Webhook for GitHub {
    fn receive(delivery: Delivery) -> Result<Effect, Error> {
        webhook::receive(&delivery)
    }
}

fn no_connector(name: &str) -> Error {
    Error::unsupported("github.connector", format!("there is no connector '{name}'"))
}
