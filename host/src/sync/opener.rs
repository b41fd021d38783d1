//! What a job needs of a channel.
//!
//! It hands on what `channels` opens; it opens no connection and reads nothing.

use super::{guest::Guest, import::Source};
use crate::{
    cassettes::{Cassettes, Subject},
    channels::{self, Channels},
    model::{Channel, ChannelName, ChannelType, Name, RunId},
};
use futures_util::future::BoxFuture;
use std::sync::Arc;

/// Makes channels ready. The host's channels, or a script in tests.
pub(super) trait Opener: Send + Sync + 'static {
    /// Fails where the channel cannot be synced.
    fn open<'a>(&'a self, channel: &'a ChannelName) -> BoxFuture<'a, Result<Ready, channels::Error>>;

    /// Whether the channel is still there, under its name.
    fn has<'a>(&'a self, channel: &'a Channel) -> BoxFuture<'a, Result<bool, channels::Error>>;
}

/// A channel that is fit to sync. A job holds one to its end.
#[derive(Clone)]
pub(super) struct Ready {
    pub(super) channel: Channel,
    pub(super) channel_type: Arc<ChannelType>,
    pub(super) sources: Arc<dyn Sources>,
}

/// Where the pages of a channel's connectors come from.
pub(super) trait Sources: Send + Sync + 'static {
    /// The source of one run.
    fn source(&self, errand: Errand<'_>) -> Arc<dyn Source>;
}

/// What a source is for.
#[derive(Clone, Copy)]
pub(super) struct Errand<'a> {
    pub(super) connector: &'a Name,
    pub(super) run: RunId,
    /// Whether its exchanges are recorded.
    pub(super) record: bool,
}

/// The host's channels, and where runs of them are recorded.
pub(super) struct Doors {
    pub(super) channels: Channels,
    pub(super) cassettes: Cassettes,
}

/// A channel that was opened.
struct Open {
    opened: channels::Opened,
    cassettes: Cassettes,
}

impl Opener for Doors {
    fn open<'a>(&'a self, channel: &'a ChannelName) -> BoxFuture<'a, Result<Ready, channels::Error>> {
        Box::pin(async move {
            let opened = self.channels.open(channel.as_str()).await?;
            Ok(Ready {
                channel: opened.channel.clone(),
                channel_type: Arc::clone(&opened.offer.channel_type),
                sources: Arc::new(Open { opened, cassettes: self.cassettes.clone() }),
            })
        })
    }

    fn has<'a>(&'a self, channel: &'a Channel) -> BoxFuture<'a, Result<bool, channels::Error>> {
        Box::pin(async move {
            match self.channels.get(channel.name.as_str()).await {
                Ok(found) => Ok(found.id == channel.id),
                Err(channels::Error::NoChannel(_)) => Ok(false),
                Err(error) => Err(error),
            }
        })
    }
}

impl Sources for Open {
    fn source(&self, errand: Errand<'_>) -> Arc<dyn Source> {
        let Errand { connector, run, record } = errand;
        let subject = || Subject { run, connector: connector.clone() };
        let recorder = record.then(|| self.cassettes.recorder(&self.opened, subject()));
        Arc::new(Guest::new(self.opened.clone(), connector.clone(), run).recorded_by(recorder))
    }
}
