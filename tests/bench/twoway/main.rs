//! The proof of two-way sync: random edits on both sides, runs, kills and lost answers, and
//! at rest both sides must agree under the policy, with nothing lost and nothing twice.

use anyhow::Result;
use clap::Parser;
use serde_json::json;
use std::{
    collections::BTreeMap,
    process::ExitCode,
    sync::{Mutex, PoisonError},
    time::Instant,
};
use tests::{
    programs,
    twoway::{Kind, Played, Theatre},
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
    /// How many are played side by side, each in a channel of its own
    #[arg(long, default_value_t = 12)]
    together: usize,
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
    lost: u64,
    rests: u32,
    records: usize,
    waiting: usize,
    /// By policy.
    conflicts: BTreeMap<&'static str, usize>,
    /// What was not as it must be, by its kind.
    faults: BTreeMap<&'static str, usize>,
    failed: Vec<u64>,
    seconds: f64,
}

fn play_all(arguments: &Arguments, first: u64) -> Result<Report> {
    let theatre = Theatre::open()?;
    let (begun, report) = (Instant::now(), Mutex::new(Report::default()));
    let size = (arguments.steps, arguments.together);
    theatre.play_all(first..first + arguments.sequences, size, |seed, played| {
        let mut report = report.lock().unwrap_or_else(PoisonError::into_inner);
        match played {
            Ok(played) => report.add(&played),
            Err(error) => {
                eprintln!("\n{error:#}");
                *report.faults.entry("not at rest").or_default() += 1;
                report.fail(seed);
            }
        }
        if report.sequences.is_multiple_of(50) {
            eprintln!("{} sequences, {:.0} s", report.sequences, begun.elapsed().as_secs_f64());
        }
        report.failed.len() < arguments.failures
    });
    let report = report.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(Report { seconds: begun.elapsed().as_secs_f64(), ..report })
}

impl Report {
    fn add(&mut self, played: &Played) {
        self.steps += played.steps.len();
        self.kills += played.kills;
        self.lost += played.lost;
        self.rests += played.rests;
        self.records += played.records;
        self.waiting += played.waiting;
        *self.conflicts.entry(played.policy.as_str()).or_default() += played.conflicts;
        if played.faults.is_empty() {
            self.sequences += 1;
            return;
        }
        eprintln!("\nseed {}, {}:\n  {}", played.seed, played.policy, played.steps.join("\n  "));
        for fault in &played.faults {
            eprintln!("FAULT {fault}");
            *self.faults.entry(fault.kind.as_str()).or_default() += 1;
        }
        self.fail(played.seed);
    }

    fn fail(&mut self, seed: u64) {
        eprintln!("again: cargo bench-twoway --sequences 1 --seed {seed}; shorter: with --steps N");
        self.sequences += 1;
        self.failed.push(seed);
    }

    fn print(&self, as_json: bool) {
        let Self { sequences, steps, kills, lost, rests, records, waiting, .. } = self;
        let Self { conflicts, faults, failed, seconds, .. } = self;
        if as_json {
            let document = json!({
                "sequences": sequences, "steps": steps, "kills": kills, "lost-answers": lost, "rests": rests,
                "records": records, "waiting": waiting, "conflicts": conflicts, "faults": faults,
                "failed": failed, "seconds": seconds,
            });
            println!("{document}");
            return;
        }
        let of = |kind: Kind| faults.get(kind.as_str()).copied().unwrap_or_default();
        println!("{sequences} sequences of {steps} steps in all, {rests} rests, {seconds:.0} s");
        println!("{kills} kills, {lost} answers to be lost");
        println!("conflicts by policy: {conflicts:?}");
        println!("{records} records at the last rests, of which {waiting} waited for a person");
        println!(
            "lost {}, created twice {}, disagreeing {}",
            of(Kind::Lost),
            of(Kind::Twice),
            of(Kind::Disagrees)
        );
        println!("{} sequences failed{}", failed.len(), if failed.is_empty() { "" } else { ":" });
        failed.iter().for_each(|seed| println!("  seed {seed}"));
    }
}
