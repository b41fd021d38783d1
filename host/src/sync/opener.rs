//! What a job needs of a channel.
//!
//! It hands on what `channels` opens; it opens no connection and reads nothing.

use super::{guest::Guest, import::Source};
use crate::{
    channels::{self, Channels},
    model::{Channel, ChannelId, ChannelName, ChannelType, Name, Paused, RunId},
};
use futures_util::future::BoxFuture;
use std::sync::Arc;

/// Makes channels ready. The host's channels, or a script in tests.
pub(super) trait Opener: Send + Sync + 'static {
    /// Fails where the channel cannot be synced.
    fn open<'a>(&'a self, channel: &'a ChannelName) -> BoxFuture<'a, Result<Ready, channels::Error>>;

    /// The same for a channel that may have another name by now.
    fn reopen(&self, channel: ChannelId) -> BoxFuture<'_, Result<Ready, channels::Error>>;

    /// Holds the channel's runs back until somebody has mended what the failure tells.
    fn pause<'a>(&'a self, channel: &'a Channel, reason: Paused) -> BoxFuture<'a, ()>;

    /// Lets the channel's runs go again: one of them went well.
    fn resume<'a>(&'a self, channel: &'a Channel) -> BoxFuture<'a, ()>;
}

/// A channel that is fit to sync. A job holds one to its end.
#[derive(Clone)]
pub(super) struct Ready {
    pub(super) channel: Channel,
    pub(super) channel_type: Arc<ChannelType>,
    pub(super) sources: Arc<dyn Sources>,
    /// Where its remote system is.
    pub(super) origin: Option<String>,
}

/// Where the pages of a channel's connectors come from.
pub(super) trait Sources: Send + Sync + 'static {
    /// The source of one run.
    fn source(&self, connector: &Name, run: RunId) -> Arc<dyn Source>;
}

impl Opener for Channels {
    fn open<'a>(&'a self, channel: &'a ChannelName) -> BoxFuture<'a, Result<Ready, channels::Error>> {
        Box::pin(async move { Ok(ready(self.open(channel.as_str()).await?)) })
    }

    fn reopen(&self, channel: ChannelId) -> BoxFuture<'_, Result<Ready, channels::Error>> {
        Box::pin(async move { Ok(ready(self.open_by_id(channel).await?)) })
    }

    fn pause<'a>(&'a self, channel: &'a Channel, reason: Paused) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            if let Err(error) = self.pause(channel, reason).await {
                tracing::error!(error = &error as &dyn std::error::Error, "a channel cannot be paused");
            }
        })
    }

    fn resume<'a>(&'a self, channel: &'a Channel) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            if let Err(error) = self.resume(channel).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "a channel stays paused");
            }
        })
    }
}

fn ready(opened: channels::Opened) -> Ready {
    Ready {
        channel: opened.channel.clone(),
        channel_type: Arc::clone(&opened.offer.channel_type),
        origin: None,
        sources: Arc::new(opened),
    }
}

impl Sources for channels::Opened {
    fn source(&self, connector: &Name, run: RunId) -> Arc<dyn Source> {
        Arc::new(Guest::new(self.clone(), connector.clone(), run))
    }
}
