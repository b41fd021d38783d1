//! `serve`: runs the host until a signal comes.

use crate::{
    app::{self, App, Ended, Presence},
    cli::{exit::Exit, session::Context},
    shutdown::{Signals, Wish},
    telemetry::otlp::Exporter,
};
use anyhow::Context as _;

pub(crate) async fn run(ctx: &Context<'_>, exporter: Option<Exporter>) -> anyhow::Result<Exit> {
    let mut signals = Signals::listen().context("signals cannot be heard")?;
    // Before anything is made on the disk.
    ctx.loaded.config.api.check_listen().map_err(app::Error::Listen)?;
    let mut app = App::build(ctx.setup()?)?;
    if let Some(exporter) = exporter {
        app.export(exporter);
    }
    let started = tokio::select! {
        served = app.serve() => Ok(served?),
        wish = signals.next() => Err(wish),
    };
    let ended = match started {
        Ok(address) => {
            greet(ctx, &Presence::of(address))?;
            tokio::select! {
                wish = signals.next() => Ok(wish),
                ended = app.failed() => Err(ended),
            }
        }
        Err(wish) => Ok(wish),
    };
    match ended {
        Ok(wish) => tracing::info!(signal = %wish, "stopping"),
        Err(Ended { name, panicked }) => {
            tracing::error!(task = name, panicked, "a task ended by itself; stopping")
        }
    }
    tokio::select! {
        by_force = app.stop() => {
            for task in by_force {
                tracing::warn!(task, "ended by force after the grace period");
            }
        }
        wish = signals.next() => at_once(wish),
    }
    tracing::info!("stopped");
    Ok(if ended.is_ok() { Exit::Done } else { Exit::Failed })
}

/// The line that scripts wait for.
fn greet(ctx: &Context<'_>, presence: &Presence) -> anyhow::Result<()> {
    if ctx.out.is_json() {
        ctx.out.document(presence)?;
    } else {
        ctx.out.line(format!("tidegate listens on {}", presence.url))?;
    }
    ctx.out.flush()?;
    let config = &ctx.loaded.config;
    tracing::info!(
        url = presence.url,
        data = %config.data.display(),
        plugins = %config.plugins_folder().display(),
        configuration = ctx.loaded.describe(),
        "serving",
    );
    Ok(())
}

/// Nothing is lost by it: what is committed is on the disk, and the next start goes
/// on from there.
fn at_once(wish: Wish) -> ! {
    tracing::warn!(signal = %wish, "second signal; ended at once");
    std::process::exit(1)
}
