//! A fake Zendesk to try things with by hand.
//!
//! It prints one line with its address and runs until SIGTERM, Ctrl-C or
//! `POST /_fake/stop`. `GET /_fake` tells what can be changed while it runs.

use anyhow::Result;
use clap::Parser;
use std::{io::Write as _, net::SocketAddr, path::PathBuf, time::Duration};
use tests::{
    vendor::Script,
    zendesk::{CLIENT_ID, CLIENT_SECRET, EMAIL, TOKEN, Zendesk},
};

/// A fake Zendesk with made-up data, the same for the same numbers.
#[derive(Debug, Parser)]
#[command(name = "fake-zendesk")]
struct Arguments {
    /// How many users there are; the first is the agent that may use the API
    #[arg(long, default_value_t = 100)]
    users: u64,
    /// How many tickets there are
    #[arg(long, default_value_t = 1_000)]
    tickets: u64,
    /// How many comments each ticket has
    #[arg(long, default_value_t = 2)]
    comments_per_ticket: u64,
    /// Where to listen; loopback only, port 0 for any free one
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// A fault script (TOML or JSON)
    #[arg(long)]
    script: Option<PathBuf>,
    /// How long every answer is held back, in milliseconds
    #[arg(long, default_value_t = 0)]
    latency: u64,
    /// How long exports hold a change back, in seconds: a minute with the real Zendesk
    #[arg(long, default_value_t = 0)]
    export_lag: u64,
    /// How many seconds an access token of OAuth holds
    #[arg(long, default_value_t = 1_800)]
    token_lifetime: u32,
    /// A redirect URL of the OAuth client
    #[arg(long)]
    redirect_uri: Vec<String>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let script = arguments.script.as_deref().map(Script::read).transpose()?.unwrap_or_default();
    let fake = Zendesk::builder()
        .users(arguments.users)
        .tickets(arguments.tickets)
        .comments_per_ticket(arguments.comments_per_ticket)
        .listen(arguments.listen)
        .script(script)
        .latency(Duration::from_millis(arguments.latency))
        .export_lag(Duration::from_secs(arguments.export_lag))
        .token_lifetime(arguments.token_lifetime)
        .start()?;
    arguments.redirect_uri.iter().for_each(|uri| fake.register(uri));
    let mut out = std::io::stdout();
    writeln!(
        out,
        "fake Zendesk listening on {} (user {EMAIL}, token {TOKEN}; OAuth client {CLIENT_ID}, secret {CLIENT_SECRET}; control: {}/_fake)",
        fake.url(),
        fake.url()
    )?;
    out.flush()?;
    fake.run_to_the_end()
}
