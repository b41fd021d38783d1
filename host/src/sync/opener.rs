//! What a job needs of a channel.
//!
//! It hands on what `channels` opens; it opens no connection and reads nothing.

use super::{
    export::Sink,
    guest::Guest,
    import::Source,
    prober::{Ailing, Probe},
};
use crate::{
    cassettes::{Cassettes, Subject},
    channels::{self, Channels},
    model::{Channel, ChannelId, ChannelName, ChannelType, Name, OriginState, Paused, RunId},
};
use futures_util::future::BoxFuture;
use std::sync::Arc;
use tokio::sync::watch;

/// Makes channels ready. The host's channels, or a script in tests.
pub(super) trait Opener: Send + Sync + 'static {
    /// Fails where the channel cannot be synced.
    fn open<'a>(&'a self, channel: &'a ChannelName) -> BoxFuture<'a, Result<Ready, channels::Error>>;

    /// The same for a channel that may have another name by now.
    fn reopen(&self, channel: ChannelId) -> BoxFuture<'_, Result<Ready, channels::Error>>;

    /// Holds the channel's runs back until somebody has mended what the failure tells.
    fn pause<'a>(&'a self, channel: &'a Channel, reason: Paused) -> BoxFuture<'a, ()>;

    /// The origins that are left alone for now.
    fn ailing(&self) -> Vec<Ailing>;

    /// Changes with every origin that begins or ceases to be left alone.
    fn origins_changed(&self) -> watch::Receiver<u64>;

    /// Asks a channel's remote system whether it is back.
    fn probe(&self, channel: ChannelId) -> BoxFuture<'_, Probe>;

    /// Changes with every plugin that comes, goes, is put into quarantine or leaves it.
    fn plugins_changed(&self) -> watch::Receiver<u64>;

    /// Whether a plugin for the channel type is there and may run.
    fn is_offered(&self, channel_type: &str) -> bool;

    /// Lets the channel's runs go again: one of them went well.
    fn resume<'a>(&'a self, channel: &'a Channel) -> BoxFuture<'a, ()>;

    /// Drops the settings that an upgrade of the plugin replaced: a run with those that the
    /// channel has went well.
    fn prove<'a>(&'a self, channel: &'a Channel) -> BoxFuture<'a, ()>;
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

/// Which pages are wanted, and what their making may do.
#[derive(Clone, Copy, Debug)]
pub(super) struct SourceAsk<'a> {
    pub(super) connector: &'a Name,
    /// The run that the steps belong to; none where nothing of them is kept.
    pub(super) run: Option<RunId>,
    /// Whether only requests that read may leave the host.
    pub(super) read_only: bool,
    /// Whether the exchanges of the run are recorded.
    pub(super) record: bool,
}

/// Where the pages of a channel's connectors come from.
pub(super) trait Sources: Send + Sync + 'static {
    /// The source of one connector's pages.
    fn source(&self, ask: SourceAsk<'_>) -> Arc<dyn Source>;

    /// Where one connector's changes go.
    fn sink(&self, ask: SourceAsk<'_>) -> Arc<dyn Sink>;
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
        Box::pin(async move { Ok(self.ready(self.channels.open(channel.as_str()).await?)) })
    }

    fn reopen(&self, channel: ChannelId) -> BoxFuture<'_, Result<Ready, channels::Error>> {
        Box::pin(async move { Ok(self.ready(self.channels.open_by_id(channel).await?)) })
    }

    fn pause<'a>(&'a self, channel: &'a Channel, reason: Paused) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            if let Err(error) = self.channels.pause(channel, reason).await {
                tracing::error!(error = &error as &dyn std::error::Error, "a channel cannot be paused");
            }
        })
    }

    fn ailing(&self) -> Vec<Ailing> {
        let ailing = |state: OriginState| {
            let probe_at = state.probe_at?;
            Some(Ailing { origin: state.origin, probe_at })
        };
        self.channels.origins().list().into_iter().filter_map(ailing).collect()
    }

    fn origins_changed(&self) -> watch::Receiver<u64> {
        self.channels.origins().changed()
    }

    fn probe(&self, channel: ChannelId) -> BoxFuture<'_, Probe> {
        Box::pin(async move {
            match self.channels.probe(channel).await {
                true => Probe::Asked,
                false => Probe::NoCheck,
            }
        })
    }

    fn plugins_changed(&self) -> watch::Receiver<u64> {
        self.channels.plugins_changed()
    }

    fn is_offered(&self, channel_type: &str) -> bool {
        self.channels.is_offered(channel_type)
    }

    fn resume<'a>(&'a self, channel: &'a Channel) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            if let Err(error) = self.channels.resume(channel).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "a channel stays paused");
            }
        })
    }

    fn prove<'a>(&'a self, channel: &'a Channel) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            if let Err(error) = self.channels.prove(channel).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "replaced settings are still kept");
            }
        })
    }
}

impl Doors {
    fn ready(&self, opened: channels::Opened) -> Ready {
        Ready {
            channel: opened.channel.clone(),
            channel_type: Arc::clone(&opened.offer.channel_type),
            origin: Some(opened.gateway.origin().to_owned()),
            sources: Arc::new(Open { opened, cassettes: self.cassettes.clone() }),
        }
    }
}

impl Sources for Open {
    fn source(&self, ask: SourceAsk<'_>) -> Arc<dyn Source> {
        // What belongs to no run has no cassette either.
        let run = ask.run.filter(|_| ask.record);
        let recorder = run.map(|run| {
            let connector = ask.connector.clone();
            self.cassettes.recorder(&self.opened, Subject { run, connector })
        });
        Arc::new(Guest::new(&self.opened, ask).recorded_by(recorder))
    }

    fn sink(&self, ask: SourceAsk<'_>) -> Arc<dyn Sink> {
        Arc::new(Guest::new(&self.opened, ask))
    }
}
