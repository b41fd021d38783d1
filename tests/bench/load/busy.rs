//! All channels sync at once against a vendor that takes its time.

use crate::{AT_ONCE, Common, Stage, additions, api::Api, memory::Memory, name, pass};
use anyhow::{Context as _, Result, ensure};
use clap::Args;
use jiff::Timestamp;
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};
use tests::zendesk::Zendesk;
use tokio::runtime::Runtime;

#[derive(Debug, Args)]
pub(crate) struct Busy {
    /// How many channels there are
    #[arg(long, default_value_t = 1_000)]
    channels: usize,
    /// How many users each has
    #[arg(long, default_value_t = 5)]
    users: u64,
    /// How many tickets each has, with one comment each
    #[arg(long, default_value_t = 20)]
    tickets: u64,
    /// How long the vendor holds every answer back, in milliseconds
    #[arg(long, default_value_t = 200)]
    latency: u64,
    /// Channels that sync at the same time
    #[arg(long, default_value_t = 64)]
    channels_at_once: usize,
    /// Credentials that the channels share; a host sends only so much at once with each
    /// [default: one for each channel]
    #[arg(long, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..))]
    credentials: Option<usize>,
    /// How long to wait for the end, in seconds
    #[arg(long, default_value_t = 1_800)]
    patience: u64,
    #[command(flatten)]
    common: Common,
}

/// Connectors of a channel, each with a run of its own.
const CONNECTORS: usize = 3;
/// Between two looks at the runs, so that looking costs the host little.
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);

impl Busy {
    pub(crate) fn run(&self, runtime: &Runtime) -> Result<()> {
        let fake = Zendesk::builder()
            .users(self.users)
            .tickets(self.tickets)
            .comments_per_ticket(1)
            .latency(Duration::from_millis(self.latency))
            .export_lag(Duration::ZERO)
            .start()?;
        let config = format!("[sync]\nchannels-at-once = {}\n{}", self.channels_at_once, self.common.config);
        let stage = Stage::new(&config)?;
        // A host may start runs by itself as soon as a channel is enabled: they are enabled together.
        let mut more = additions(&self.common.with)?;
        more.insert("enabled".into(), false.into());
        let credentials = self.credentials.unwrap_or(self.channels);
        runtime.block_on(stage.create(&fake, self.channels, credentials, more))?;
        let before = Memory::of(stage.host.pid()?)?;
        fake.reset_stats();

        let begun = Instant::now();
        runtime.block_on(self.begin(&stage.api))?;
        let runs = self.end(runtime, &stage.api, begun)?;
        let seconds = begun.elapsed().as_secs_f64();
        let memory = Memory::of(stage.host.pid()?)?;
        let told = Told::of(&runs)?;
        let requests = fake.stats().requests;
        self.print(
            &told,
            &json!({
                "channels": self.channels, "channels-at-once": self.channels_at_once,
                "credentials": credentials,
                "latency-ms": self.latency, "progressed": told.progressed, "completed": told.completed,
                "statuses": told.statuses, "seconds": seconds, "requests": requests,
                "memory-mib": { "before": before.now, "peak": memory.peak },
                "delay-ms": { "p50": told.delay(50), "p99": told.delay(99), "max": told.delay(100) },
            }),
        )?;
        ensure!(
            told.progressed == self.channels,
            "{} channels made no progress",
            self.channels - told.progressed
        );
        Ok(())
    }

    /// Enables every channel and asks it to sync; a host that does so by itself is as good.
    async fn begin(&self, api: &Api) -> Result<()> {
        let calls = (0..self.channels).flat_map(|number| {
            let path = |verb: &str| (format!("/channels/{}/{verb}", name(number)), json!({}));
            [path("enable"), path("sync")]
        });
        let (enable, sync): (Vec<_>, Vec<_>) = calls.partition(|(path, _)| path.ends_with("/enable"));
        api.post_all(enable, AT_ONCE, &[]).await?;
        api.post_all(sync, AT_ONCE, &[StatusCode::CONFLICT]).await
    }

    /// Waits until the first run of every connector is over; those runs.
    fn end(&self, runtime: &Runtime, api: &Api, begun: Instant) -> Result<Vec<Value>> {
        let wanted = self.channels * CONNECTORS;
        let patience = Duration::from_secs(self.patience);
        loop {
            let runs = first_runs(runtime.block_on(api.runs())?)?;
            let ended = runs.iter().filter(|run| !run["ended"].is_null()).count();
            eprintln!("{ended} of {wanted} runs are over");
            if ended == wanted || begun.elapsed() > patience {
                return Ok(runs);
            }
            pass(BETWEEN_LOOKS);
        }
    }

    fn print(&self, told: &Told, document: &Value) -> Result<()> {
        if self.common.json {
            println!("{document}");
            return Ok(());
        }
        let number = |pointer: &str| document.pointer(pointer).and_then(Value::as_f64).unwrap_or(f64::NAN);
        println!(
            "{} channels, {} at once, {} credentials, a vendor that answers in {} ms, {} cores",
            self.channels,
            self.channels_at_once,
            number("/credentials"),
            self.latency,
            std::thread::available_parallelism()?
        );
        println!("progressed {}, completed {}, runs {:?}", told.progressed, told.completed, told.statuses);
        println!("{:.1} s, {} requests", number("/seconds"), number("/requests"));
        println!(
            "resident: {:.0} MiB before, {:.0} MiB at most",
            number("/memory-mib/before"),
            number("/memory-mib/peak")
        );
        println!(
            "from due to started: p50 {} ms, p99 {} ms, max {} ms",
            told.delay(50),
            told.delay(99),
            told.delay(100)
        );
        Ok(())
    }
}

/// The oldest run of each connector of each channel.
fn first_runs(runs: Vec<Value>) -> Result<Vec<Value>> {
    let mut first = BTreeMap::new();
    for run in runs {
        let text = |name: &str| run[name].as_str().with_context(|| format!("no {name} in {run}"));
        // They come newest first.
        first.insert((text("channel")?.to_owned(), text("connector")?.to_owned()), run.clone());
    }
    Ok(first.into_values().collect())
}

/// What the runs tell.
struct Told {
    /// Channels with a page that has landed.
    progressed: usize,
    /// Channels whose runs are all completed.
    completed: usize,
    statuses: BTreeMap<String, usize>,
    /// From the request to the start of a channel's first run, sorted, in milliseconds.
    delays: Vec<i64>,
}

impl Told {
    fn of(runs: &[Value]) -> Result<Self> {
        let mut channels: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
        let mut statuses = BTreeMap::new();
        for run in runs {
            *statuses.entry(run["status"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
            channels.entry(run["channel"].as_str().unwrap_or_default()).or_default().push(run);
        }
        let has_page = |runs: &&Vec<&Value>| runs.iter().any(|run| run["pages"].as_u64() > Some(0));
        let is_done = |runs: &&Vec<&Value>| {
            runs.len() == CONNECTORS && runs.iter().all(|run| run["status"] == "completed")
        };
        let progressed = channels.values().filter(has_page).count();
        let completed = channels.values().filter(is_done).count();
        let mut delays = Vec::new();
        for runs in channels.values() {
            delays.extend(delay(runs)?);
        }
        delays.sort_unstable();
        Ok(Self { progressed, completed, statuses, delays })
    }

    /// The delay that so many in a hundred do not exceed.
    fn delay(&self, percent: usize) -> i64 {
        let place = (self.delays.len() * percent).div_ceil(100).saturating_sub(1);
        self.delays.get(place).copied().unwrap_or(-1)
    }
}

/// From the first request to the first start of a channel's runs; none where none has started.
fn delay(runs: &[&Value]) -> Result<Option<i64>> {
    let earliest = |name: &str| {
        let times = runs.iter().filter_map(|run| run[name].as_str());
        let times =
            times.map(|text| text.parse::<Timestamp>().with_context(|| format!("'{text}' is a time")));
        times.collect::<Result<Vec<_>>>().map(|times| times.into_iter().min())
    };
    let pair = earliest("requested")?.zip(earliest("started")?);
    Ok(pair.map(|(requested, started)| started.as_millisecond() - requested.as_millisecond()))
}
