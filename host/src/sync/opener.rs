//! What a job needs of a channel.
//!
//! It hands on what `channels` opens; it opens no connection and reads nothing.

use super::{guest::Guest, import::Source};
use crate::{
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

/// Which pages are wanted, and what their making may do.
#[derive(Clone, Copy, Debug)]
pub(super) struct SourceAsk<'a> {
    pub(super) connector: &'a Name,
    /// The run that the steps belong to; none where nothing of them is kept.
    pub(super) run: Option<RunId>,
    /// Whether only requests that read may leave the host.
    pub(super) read_only: bool,
}

/// Where the pages of a channel's connectors come from.
pub(super) trait Sources: Send + Sync + 'static {
    /// The source of one connector's pages.
    fn source(&self, ask: SourceAsk<'_>) -> Arc<dyn Source>;
}

impl Opener for Channels {
    fn open<'a>(&'a self, channel: &'a ChannelName) -> BoxFuture<'a, Result<Ready, channels::Error>> {
        Box::pin(async move {
            let opened = self.open(channel.as_str()).await?;
            Ok(Ready {
                channel: opened.channel.clone(),
                channel_type: Arc::clone(&opened.offer.channel_type),
                sources: Arc::new(opened),
            })
        })
    }

    fn has<'a>(&'a self, channel: &'a Channel) -> BoxFuture<'a, Result<bool, channels::Error>> {
        Box::pin(async move {
            match self.get(channel.name.as_str()).await {
                Ok(found) => Ok(found.id == channel.id),
                Err(channels::Error::NoChannel(_)) => Ok(false),
                Err(error) => Err(error),
            }
        })
    }
}

impl Sources for channels::Opened {
    fn source(&self, ask: SourceAsk<'_>) -> Arc<dyn Source> {
        Arc::new(Guest::new(self, ask))
    }
}
