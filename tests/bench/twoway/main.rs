//! The proof of two-way sync: random edits on both sides, runs, kills and lost answers, and
//! at rest both sides must agree under the policy, with nothing lost and nothing twice.

use anyhow::Result;
use clap::Parser;
use serde_json::json;
use std::{process::ExitCode, time::Instant};
use tests::{
    programs,
    twoway::{Played, Theatre},
};

/// Plays random sequences against a host and a fake Zendesk, and says what did not come true.
#[derive(Debug, Parser)]
#[command(name = "bench-twoway")]
struct Arguments {
    /// How many sequences are played
    #[arg(long, default_value_t = 1_000)]
    sequences: u64,
    /// The seed of the first one, the next ones follow; chosen at random where none is given
    #[arg(long)]
    seed: Option<u64>,
    /// How many steps a sequence has; fewer of them are the beginning of the same one
    #[arg(long, default_value_t = 30)]
    steps: usize,
    /// Stop after so many sequences that fail
    #[arg(long, default_value_t = 5)]
    failures: usize,
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
    let first = arguments.seed.unwrap_or_else(|| fastrand::u64(..1 << 40));
    eprintln!("the first seed is {first}");
    let report = play_all(&arguments, first)?;
    report.print(arguments.json);
    Ok(if report.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What came of all sequences.
#[derive(Default)]
struct Report {
    sequences: u64,
    steps: usize,
    kills: u32,
    rests: u32,
    records: usize,
    waiting: usize,
    failed: Vec<u64>,
    seconds: f64,
}

fn play_all(arguments: &Arguments, first: u64) -> Result<Report> {
    let begun = Instant::now();
    let mut report = Report::default();
    let mut theatre = Theatre::open()?;
    for seed in first..first + arguments.sequences {
        match theatre.play(seed, arguments.steps) {
            Ok(played) => report.add(&played),
            Err(error) => {
                eprintln!("\n{error:#}");
                report.fail(seed);
                // Nobody knows how the host stands.
                theatre = Theatre::open()?;
            }
        }
        if report.failed.len() >= arguments.failures {
            break;
        }
        if report.sequences.is_multiple_of(50) {
            eprintln!("{} sequences", report.sequences);
        }
    }
    report.seconds = begun.elapsed().as_secs_f64();
    Ok(report)
}

impl Report {
    fn add(&mut self, played: &Played) {
        self.steps += played.steps.len();
        self.kills += played.kills;
        self.rests += played.rests;
        self.records += played.records;
        self.waiting += played.waiting;
        if played.faults.is_empty() {
            self.sequences += 1;
            return;
        }
        eprintln!("\nseed {}, {}:\n  {}", played.seed, played.policy, played.steps.join("\n  "));
        played.faults.iter().for_each(|fault| eprintln!("FAULT {fault}"));
        self.fail(played.seed);
    }

    fn fail(&mut self, seed: u64) {
        eprintln!("again: cargo bench-twoway --sequences 1 --seed {seed}; shorter: with --steps N");
        self.sequences += 1;
        self.failed.push(seed);
    }

    fn print(&self, as_json: bool) {
        let Self { sequences, steps, kills, rests, records, waiting, failed, seconds } = self;
        if as_json {
            let document = json!({
                "sequences": sequences, "steps": steps, "kills": kills, "rests": rests, "records": records,
                "waiting": waiting, "failed": failed, "seconds": seconds,
            });
            println!("{document}");
            return;
        }
        println!(
            "{sequences} sequences of {steps} steps in all, {kills} kills, {rests} rests, {seconds:.0} s"
        );
        println!("{records} records at rest, of which {waiting} waited for a person");
        println!("{} sequences failed{}", failed.len(), if failed.is_empty() { "" } else { ":" });
        failed.iter().for_each(|seed| println!("  seed {seed}"));
    }
}
