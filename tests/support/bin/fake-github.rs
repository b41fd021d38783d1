//! A fake GitHub to try things with by hand.
//!
//! It prints one line with its address and runs until SIGTERM, Ctrl-C or
//! `POST /_fake/stop`. `GET /_fake` tells what can be changed while it runs.

use anyhow::Result;
use clap::Parser;
use std::{io::Write as _, net::SocketAddr, path::PathBuf, time::Duration};
use tests::{
    github::{Github, LOGIN, OWNER, REPOSITORY, TOKEN},
    vendor::Script,
};

/// A fake GitHub with made-up issues, the same for the same numbers.
#[derive(Debug, Parser)]
#[command(name = "fake-github")]
struct Arguments {
    /// How many issues there are
    #[arg(long, default_value_t = 200)]
    issues: u64,
    /// How many pull requests there are
    #[arg(long, default_value_t = 20)]
    pull_requests: u64,
    /// How many comments each has
    #[arg(long, default_value_t = 2)]
    comments_per_issue: u64,
    /// How many requests an hour are allowed
    #[arg(long, default_value_t = 5_000)]
    requests_per_hour: u64,
    /// How many issues and comments can be created in a minute
    #[arg(long, default_value_t = 80)]
    creates_per_minute: u64,
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
    let fake = Github::builder()
        .issues(arguments.issues)
        .pull_requests(arguments.pull_requests)
        .comments_per_issue(arguments.comments_per_issue)
        .requests_per_hour(arguments.requests_per_hour)
        .creates_per_minute(arguments.creates_per_minute)
        .listen(arguments.listen)
        .script(script)
        .latency(Duration::from_millis(arguments.latency))
        .start()?;
    let mut out = std::io::stdout();
    writeln!(
        out,
        "fake GitHub listening on {} (owner {OWNER}, repository {REPOSITORY}, user {LOGIN}, token {TOKEN}; control: {}/_fake)",
        fake.url(),
        fake.url()
    )?;
    out.flush()?;
    fake.run_to_the_end()
}
