//! The commands. They ask the API and show what it answers, a running host's or
//! that of a host which they build in this process for the moment.
//!
//! They decide nothing and keep nothing; every rule stands below.

mod args;
mod client;
mod command;
mod exit;
mod follow;
mod help;
mod listing;
mod out;
mod outcome;
mod pretty;
mod progress;
mod report;
mod rhythm;
mod session;
mod table;
mod text;
mod values;

use crate::{
    clock::Clock,
    config::Loaded,
    model::Secret,
    telemetry::{self, otlp::Exporter},
};
use anyhow::Context as _;
use args::{Cli, Command};
use clap::Parser;
use exit::{Exit, Usage};
use out::Out;
use session::Context;
use std::{env, env::VarError, process::ExitCode, time::Duration};

/// The whole program, from the command line to the exit code.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let out = Out::new(cli.global.json);
    let outcome = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the run time cannot be started")
        .and_then(|runtime| {
            let outcome = runtime.block_on(run(cli, &out));
            // What is still on the blocking pool has no one who waits for it.
            runtime.shutdown_timeout(Duration::from_secs(1));
            outcome
        });
    let exit = outcome.unwrap_or_else(|error| {
        report::error(&out, &error);
        Exit::of_error(&error)
    });
    ExitCode::from(exit)
}

async fn run(cli: Cli, out: &Out) -> anyhow::Result<Exit> {
    let folder = env::current_dir().context("the current folder cannot be found")?;
    let loaded = Loaded::load(&cli.flags(), &folder)?;
    let log = match &cli.command {
        Command::Serve(_) => loaded.config.log.louder(cli.global.verbose),
        _ => telemetry::log::Config::quiet(cli.global.verbose),
    };
    let exporter = match &cli.command {
        Command::Serve(_) => Exporter::build(&loaded.config.telemetry.otlp, &loaded.config.broker)?,
        _ => None,
    };
    telemetry::start(&log, exporter.as_ref());
    let ctx = Context {
        loaded,
        url: cli.global.url,
        key: key(env::var("TIDEGATE_KEY"))?,
        clock: Clock::system(),
        out,
    };
    match cli.command {
        Command::Serve(_) => command::serve::run(&ctx, exporter).await,
        Command::Plugin { command } => command::plugin::run(&ctx, command).await,
        Command::Channel { command } => command::channel::run(&ctx, command).await,
        Command::Sync(sync) => command::sync::run(&ctx, sync).await,
        Command::Replay(replay) => command::replay::run(&ctx, replay).await,
        Command::Cassette { command } => command::cassette::run(&ctx, command).await,
        Command::Run { command } => command::run::run(&ctx, command).await,
        Command::Record { command } => command::record::run(&ctx, command).await,
        Command::Outbox { command } => command::outbox::run(&ctx, command).await,
        Command::Conflict { command } => command::conflict::run(&ctx, command).await,
        Command::Schedule { command } => command::schedule::run(&ctx, command).await,
        Command::Origin { command } => command::origin::run(&ctx, command).await,
        Command::Quarantine { command } => command::quarantine::run(&ctx, command).await,
        Command::Webhook { command } => command::webhook::run(&ctx, command).await,
        Command::Notice { command } => command::notice::run(&ctx, command).await,
        Command::Mapping { command } => command::mapping::run(&ctx, command).await,
        Command::Route { command } => command::route::run(&ctx, command).await,
        Command::Config { command } => command::config::run(&ctx, command).await,
        Command::Doctor => command::doctor::run(&ctx).await,
        Command::Call(call) => command::call::run(&ctx, call).await,
    }
}

/// The one secret that the environment may carry.
fn key(value: Result<String, VarError>) -> Result<Option<Secret>, Usage> {
    match value {
        // Whoever sets it means it: a key file made instead would lock the secrets twice.
        Ok(key) if key.trim().is_empty() => {
            Err(Usage("TIDEGATE_KEY is set but empty: give it a key, or unset it".to_owned()))
        }
        Ok(key) => Ok(Some(Secret::new(key))),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(Usage("TIDEGATE_KEY is not text".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_set_is_a_key_or_an_error() {
        let secret = key(Ok("k".to_owned())).expect("a key");
        assert_eq!(secret.as_ref().map(Secret::expose), Some("k"));
        assert!(key(Ok(String::new())).is_err() && key(Ok(" ".to_owned())).is_err());
        assert!(key(Err(VarError::NotUnicode("x".into()))).is_err());
        assert!(key(Err(VarError::NotPresent)).expect("no key").is_none());
    }
}
