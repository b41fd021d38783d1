//! All channels are configured, and none has anything to do.

use crate::{Common, Stage, additions, memory::Memory, pass};
use anyhow::{Result, ensure};
use clap::Args;
use serde_json::json;
use std::time::{Duration, Instant};
use tests::zendesk::Zendesk;
use tokio::runtime::Runtime;

#[derive(Debug, Args)]
pub(crate) struct Idle {
    /// How many channels there are
    #[arg(long, default_value_t = 10_000)]
    channels: usize,
    /// How long the host is left alone before it is measured, in seconds
    #[arg(long, default_value_t = 60)]
    settle: u64,
    /// How long to wait for runs that the host starts by itself, in seconds
    #[arg(long, default_value_t = 1_800)]
    patience: u64,
    /// Measure a host that was started again with these channels
    #[arg(long)]
    restart: bool,
    #[command(flatten)]
    common: Common,
}

/// The time that a look of the scheduler takes, as a histogram or summary.
const TICK: &str = "tidegate_schedule_tick_seconds";

impl Idle {
    pub(crate) fn run(&self, runtime: &Runtime) -> Result<()> {
        let fake = Zendesk::builder()
            .users(1)
            .tickets(0)
            .comments_per_ticket(0)
            .export_lag(Duration::ZERO)
            .start()?;
        let mut stage = Stage::new(&self.common.config)?;
        let begun = Instant::now();
        runtime.block_on(stage.create(&fake, self.channels, self.channels, additions(&self.common.with)?))?;
        let created = begun.elapsed().as_secs_f64();
        self.wait_for_runs(runtime, &stage)?;
        if self.restart {
            stage.host.restart()?;
            stage.api = crate::api::Api::new(stage.host.url()?)?;
        }
        pass(Duration::from_secs(self.settle));
        let memory = Memory::of(stage.host.pid()?)?;
        let tick = runtime.block_on(stage.api.metrics()).and_then(|text| Tick::of(&text));
        self.print(created, memory, tick.as_ref())
    }

    /// Runs that start with a channel are none of the idle host.
    fn wait_for_runs(&self, runtime: &Runtime, stage: &Stage) -> Result<()> {
        let (begun, patience) = (Instant::now(), Duration::from_secs(self.patience));
        loop {
            let runs = runtime.block_on(stage.api.runs())?;
            let live = runs.iter().filter(|run| run["ended"].is_null()).count();
            if live == 0 {
                return Ok(());
            }
            ensure!(begun.elapsed() < patience, "{live} runs do not end");
            eprintln!("{live} runs go on");
            pass(Duration::from_secs(2));
        }
    }

    fn print(&self, created: f64, memory: Memory, tick: Option<&Tick>) -> Result<()> {
        if self.common.json {
            let tick = tick
                .map(|tick| json!({ "count": tick.count, "mean-ms": tick.mean_ms(), "lines": tick.lines }));
            println!(
                "{}",
                json!({
                    "channels": self.channels, "created-seconds": created, "restarted": self.restart,
                    "memory-mib": { "settled": memory.now, "peak": memory.peak }, "tick": tick,
                })
            );
            return Ok(());
        }
        let cores = std::thread::available_parallelism()?;
        println!("{} channels, made in {created:.1} s, {cores} cores", self.channels);
        println!("resident: {:.1} MiB after {} s, {:.1} MiB at most", memory.now, self.settle, memory.peak);
        match tick {
            Some(tick) => println!("a tick: {:.3} ms on average of {}", tick.mean_ms(), tick.count),
            None => println!("a tick: the host tells nothing of {TICK}"),
        }
        if let Some(tick) = tick {
            tick.lines.iter().for_each(|line| println!("  {line}"));
        }
        Ok(())
    }
}

/// What the metrics tell of the scheduler's ticks.
struct Tick {
    seconds: f64,
    count: f64,
    /// All of it, for the distribution.
    lines: Vec<String>,
}

impl Tick {
    fn of(metrics: &str) -> Option<Self> {
        let lines: Vec<_> =
            metrics.lines().filter(|line| line.starts_with(TICK)).map(str::to_owned).collect();
        let value = |ending: &str| {
            let start = format!("{TICK}{ending}");
            let line = lines.iter().find(|line| line.starts_with(&start))?;
            line.split_whitespace().last()?.parse::<f64>().ok()
        };
        Some(Self { seconds: value("_sum")?, count: value("_count")?, lines })
    }

    fn mean_ms(&self) -> f64 {
        self.seconds * 1e3 / self.count
    }
}
