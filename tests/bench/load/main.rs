//! The load harness: a real host with very many channels, busy all at once or idle.
//!
//! The vendor runs in this process, the host in one of its own, so that its memory is
//! its own. It talks to the host's API as any program would.

mod api;
mod busy;
mod idle;
mod memory;

use anyhow::{Context as _, Result};
use api::Api;
use clap::{Args, Parser, Subcommand};
use serde_json::{Map, Value, json};
use std::time::Duration;
use tests::{
    host::{Setup, TestHost},
    programs, wait,
    zendesk::{EMAIL, TOKEN, Zendesk},
};

/// Loads a host with very many channels.
#[derive(Debug, Parser)]
#[command(name = "bench-load")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Given by `cargo bench`
    #[arg(long, hide = true, global = true)]
    bench: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// All channels sync at once against a slow vendor
    Busy(busy::Busy),
    /// All channels have nothing to do
    Idle(idle::Idle),
}

/// What both take.
#[derive(Debug, Args)]
struct Common {
    /// TOML that is added to the host's configuration
    #[arg(long, value_name = "TOML", default_value = "")]
    config: String,
    /// JSON object that is added to what creates each channel
    #[arg(long, value_name = "JSON", default_value = "{}")]
    with: String,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// Requests to the API at the same time.
const AT_ONCE: usize = 8;

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    programs::show_progress();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    match arguments.command {
        Command::Busy(busy) => busy.run(&runtime),
        Command::Idle(idle) => idle.run(&runtime),
    }
}

/// A running host, fit to make channels.
struct Stage {
    host: TestHost,
    api: Api,
}

impl Stage {
    fn new(config: &str) -> Result<Self> {
        let plugins = vec![programs::plugin("zendesk")?];
        let host = TestHost::started(Setup { plugins, config: config.to_owned(), ..Setup::default() })?;
        wait::until("the plugin to be ready", wait::PATIENCE, || {
            let plugins = host.items(["plugin", "list"])?;
            Ok(plugins.iter().any(|plugin| plugin["status"] == "ready").then_some(()))
        })?;
        let api = Api::new(host.url()?)?;
        Ok(Self { host, api })
    }

    /// Creates `c0`, `c1` and so on, with so many credentials among them.
    async fn create(
        &self,
        fake: &Zendesk,
        channels: usize,
        credentials: usize,
        more: Map<String, Value>,
    ) -> Result<()> {
        let channel = |number: usize| {
            let mut channel = json!({
                "name": name(number), "type": "zendesk",
                "settings": { "url": fake.url(), "email": EMAIL },
                "secrets": { "token": format!("{TOKEN}-{}", number % credentials) },
            });
            channel.as_object_mut().expect("an object").extend(more.clone());
            channel
        };
        let calls = (0..channels).map(|number| ("/channels".to_owned(), channel(number)));
        self.api.post_all(calls.collect(), AT_ONCE, &[]).await.context("create the channels")
    }
}

fn name(number: usize) -> String {
    format!("c{number}")
}

/// The object that `--with` adds.
fn additions(text: &str) -> Result<Map<String, Value>> {
    serde_json::from_str(text).context("--with takes a JSON object")
}

#[expect(clippy::disallowed_methods, reason = "the host works on the real clock")]
fn pass(time: Duration) {
    std::thread::sleep(time);
}
