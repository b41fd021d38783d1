//! The crash harness: a real host is killed again and again while it imports and while
//! the remote system changes; in the end it must have what an undisturbed host has.
//!
//! It asks for a sync after every start, and takes it as well where the host says that
//! it is at it already. Nothing here knows how a host goes on after a crash.

mod compare;
mod host;
mod report;
mod writer;

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use compare::Comparison;
use host::Victim;
use report::{Kills, Report};
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
    /// How often the host is killed while a run goes on; what hits it between runs is not counted
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
    #[arg(long, default_value_t = 300)]
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
    let mut victim = Victim::new(Arc::clone(&fake), host::SHORT_STEPS)?;
    let writer = Writer::start(&fake, seed, arguments.changes)?;
    let kills = kill_again_and_again(&mut victim, arguments, seed)?;
    let changes = writer.stop()?;

    fake.clear_script();
    // What was changed in the last second is exported when that second is over.
    fake.advance_clock(Duration::from_secs(120));
    victim.start()?;
    victim.catch_up().context("the host that was killed does not come to an end")?;
    let runs = victim.runs()?;
    let mut reference = Victim::new(Arc::clone(&fake), "")?;
    reference.start()?;
    reference.catch_up().context("the undisturbed host does not come to an end")?;
    let comparison = Comparison::of(&victim, &reference)?;
    Ok(Report { seed, kills, runs, changes, comparison, seconds: begun.elapsed().as_secs_f64() })
}

/// Starts, waits for a moment, and kills, until enough kills have hit a run.
fn kill_again_and_again(victim: &mut Victim, arguments: &Arguments, seed: u64) -> Result<Kills> {
    let mut dice = fastrand::Rng::with_seed(seed);
    let mut kills = Kills::default();
    while kills.during_runs < arguments.kills {
        ensure!(
            kills.between_runs <= 100 + 4 * arguments.kills,
            "most kills fall between runs: give the vendor more tickets, or more latency"
        );
        let started = victim.start()?;
        // Some read everything again: in the first half only, lest they mend what is lost.
        let full = ["--full", "--connector", "user", "--connector", "ticket"];
        let is_full = dice.u32(..10) == 0 && kills.during_runs < arguments.kills / 2;
        victim.request(if is_full { &full } else { &[] })?;
        // One in six is killed as it starts, whatever it is at then.
        if dice.u32(..6) == 0 {
            host::pass(Duration::from_micros(dice.u64(..50_000)));
        } else {
            kills.recoveries.push(victim.first_page(started)?);
            // The page of tickets lands soon after the first one: half of the kills fall there.
            let longest = if dice.bool() { arguments.longest } else { arguments.longest / 5 };
            host::pass(Duration::from_micros(dice.u64(..=1_000 * longest)));
        }
        let hits = victim.has_live_run()?;
        victim.kill()?;
        *(if hits { &mut kills.during_runs } else { &mut kills.between_runs }) += 1;
        if hits && kills.during_runs.is_multiple_of(20) {
            eprintln!("{} kills", kills.during_runs);
        }
    }
    Ok(kills)
}
