//! A fake Matrix homeserver to try things with by hand.
//!
//! It prints one line with its address and runs until SIGTERM, Ctrl-C or
//! `POST /_fake/stop`. `GET /_fake` tells what can be changed while it runs.

use anyhow::Result;
use clap::Parser;
use std::{io::Write as _, net::SocketAddr, path::PathBuf, time::Duration};
use tests::{
    matrix::{LOBBY, Matrix, TOKEN, USER},
    vendor::Script,
};

/// A fake Matrix homeserver with a room that its account is in, and one that it is not in.
#[derive(Debug, Parser)]
#[command(name = "fake-matrix")]
struct Arguments {
    /// Where to listen; loopback only, port 0 for any free one
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// A fault script (TOML or JSON)
    #[arg(long)]
    script: Option<PathBuf>,
    /// How long every answer is held back, in milliseconds
    #[arg(long, default_value_t = 0)]
    latency: u64,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let script = arguments.script.as_deref().map(Script::read).transpose()?.unwrap_or_default();
    let fake = Matrix::builder()
        .listen(arguments.listen)
        .script(script)
        .latency(Duration::from_millis(arguments.latency))
        .start()?;
    let mut out = std::io::stdout();
    let url = fake.url();
    writeln!(
        out,
        "fake Matrix listening on {url} (user {USER}, token {TOKEN}, room {LOBBY}; control: {url}/_fake)"
    )?;
    out.flush()?;
    fake.run_to_the_end()
}
