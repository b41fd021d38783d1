//! The crash harness: a real host is killed again and again while it imports and while
//! the remote system changes; in the end it must have what an undisturbed host has.
//!
//! It asks for a sync after every start, and takes it as well where the host says that
//! it is at it already. Nothing here knows how a host goes on after a crash.

mod compare;
mod host;
mod report;
mod writer;

use anyhow::{Context as _, Result};
use clap::Parser;
use compare::Comparison;
use host::Victim;
use report::Report;
use std::{
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};
use tests::{programs, vendor::Rule, zendesk::Zendesk};
use writer::Writer;

/// Kills a host during imports, and compares what is left with an undisturbed import.
#[derive(Debug, Parser)]
#[command(name = "bench-crash")]
struct Arguments {
    /// How often the host is killed
    #[arg(long, default_value_t = 200)]
    kills: u32,
    /// Where and when the kills fall follows from it; chosen at random where none is given
    #[arg(long)]
    seed: Option<u64>,
    /// How many users the fake vendor has
    #[arg(long, default_value_t = 500)]
    users: u64,
    /// How many tickets it has at the beginning
    #[arg(long, default_value_t = 5_000)]
    tickets: u64,
    /// How many comments each of these has
    #[arg(long, default_value_t = 2)]
    comments: u64,
    /// How long the vendor holds every answer back while hosts are killed, in milliseconds
    #[arg(long, default_value_t = 20)]
    latency: u64,
    /// How many changes are made at the vendor in a second, about
    #[arg(long, default_value_t = 25)]
    changes: u32,
    /// The longest time from the first page to the kill, in milliseconds
    #[arg(long, default_value_t = 400)]
    longest: u64,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    /// Given by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    programs::show_progress();
    let seed = arguments.seed.unwrap_or_else(|| fastrand::u64(..));
    eprintln!("seed {seed}");
    let report = run(&arguments, seed)?;
    report.print(arguments.json)?;
    Ok(if report.is_whole() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn run(arguments: &Arguments, seed: u64) -> Result<Report> {
    let begun = Instant::now();
    let fake = Zendesk::builder()
        .users(arguments.users)
        .tickets(arguments.tickets)
        .comments_per_ticket(arguments.comments)
        .export_lag(Duration::ZERO)
        .start()?;
    let fake = Arc::new(fake);
    let slow = Rule::on("/api/v2/**").method("GET").latency(Duration::from_millis(arguments.latency));
    fake.set_script(slow);
    let mut victim = Victim::new(Arc::clone(&fake))?;
    let writer = Writer::start(&fake, seed, arguments.changes)?;
    let recoveries = kill_again_and_again(&mut victim, arguments, seed)?;
    let changes = writer.stop()?;

    fake.clear_script();
    // What was changed in the last second is exported when that second is over.
    fake.advance_clock(Duration::from_secs(120));
    victim.start()?;
    victim.catch_up().context("the host that was killed does not come to an end")?;
    let runs = victim.runs()?;
    let mut reference = Victim::new(Arc::clone(&fake))?;
    reference.start()?;
    reference.catch_up().context("the undisturbed host does not come to an end")?;
    let comparison = Comparison::of(&victim, &reference)?;
    let kills = arguments.kills;
    Ok(Report { seed, kills, runs, changes, recoveries, comparison, seconds: begun.elapsed().as_secs_f64() })
}

/// Every start, its first page, and its end. The times from the start to the first page.
fn kill_again_and_again(victim: &mut Victim, arguments: &Arguments, seed: u64) -> Result<Vec<Duration>> {
    let mut dice = fastrand::Rng::with_seed(seed);
    let mut recoveries = Vec::new();
    for number in 1..=arguments.kills {
        let started = victim.start()?;
        // One in six is killed as it starts, whatever it is at then.
        if dice.u32(..6) == 0 {
            let patience = Duration::from_millis(dice.u64(..100));
            victim.request(&[])?;
            host::pass(patience);
        } else {
            // One in ten reads everything again.
            let full = ["--full", "--connector", "user", "--connector", "ticket"];
            victim.request(if dice.u32(..10) == 0 { &full } else { &[] })?;
            recoveries.push(victim.first_page(started)?);
            host::pass(Duration::from_millis(dice.u64(..=arguments.longest)));
        }
        victim.kill()?;
        if number % 20 == 0 {
            eprintln!("{number} kills");
        }
    }
    Ok(recoveries)
}
