//! A fake provider of OAuth 2.0 to try things with by hand.
//!
//! It prints one line with its address and runs until SIGTERM, Ctrl-C or
//! `POST /_fake/stop`. `GET /_fake` tells what can be changed while it runs.

use anyhow::Result;
use clap::Parser;
use std::{io::Write as _, net::SocketAddr, path::PathBuf};
use tests::{
    oauth::{CLIENT_ID, CLIENT_SECRET, OAuth},
    vendor::Script,
};

/// A fake provider of OAuth 2.0 with a to-do list behind it.
#[derive(Debug, Parser)]
#[command(name = "fake-oauth")]
struct Arguments {
    /// How many seconds an access token holds
    #[arg(long, default_value_t = 3_600)]
    lifetime: u64,
    /// How many tasks there are
    #[arg(long, default_value_t = 40)]
    tasks: u64,
    /// A redirect URI that is registered
    #[arg(long = "redirect-uri", default_value = "http://127.0.0.1:7070/oauth/callback")]
    redirect_uris: Vec<String>,
    /// A refresh token may be used again as long as the next one was not
    #[arg(long)]
    forgiving: bool,
    /// Where to listen; loopback only, port 0 for any free one
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// A fault script (TOML or JSON)
    #[arg(long)]
    script: Option<PathBuf>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let script = arguments.script.as_deref().map(Script::read).transpose()?.unwrap_or_default();
    let mut builder = OAuth::builder()
        .lifetime(arguments.lifetime)
        .tasks(arguments.tasks)
        .listen(arguments.listen)
        .script(script);
    if arguments.forgiving {
        builder = builder.forgiving();
    }
    let fake =
        arguments.redirect_uris.iter().fold(builder, |builder, uri| builder.redirect_uri(uri)).start()?;
    let mut out = std::io::stdout();
    writeln!(
        out,
        "fake OAuth provider listening on {} (client {CLIENT_ID}, secret {CLIENT_SECRET}; control: {}/_fake)",
        fake.url(),
        fake.url()
    )?;
    out.flush()?;
    fake.run_to_the_end()
}
