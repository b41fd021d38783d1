//! The import of tickets: the host against a plain loop, stage by stage, and the
//! sandbox's share.
//!
//! Every measurement runs in a process of its own, so that its peak of memory is its
//! own; the fake vendor is a third process. Sides alternate, and a control repeats one
//! side against itself: what differs there is noise.

mod host;
mod measure;
mod native;
mod stages;

use anyhow::{Context, Result, bail, ensure};
use clap::{Parser, ValueEnum};
use measure::{Sample, median, spread};
use std::{
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
};
use tests::programs;

/// Measures the import of tickets.
#[derive(Debug, Parser)]
#[command(name = "bench-import")]
struct Arguments {
    /// How many tickets of about 1 KB the fake vendor has
    #[arg(long, default_value_t = 100_000)]
    tickets: u64,
    /// How often each side runs
    #[arg(long, default_value_t = 6)]
    rounds: u32,
    /// Only this measurement, once, in this process, printed as JSON
    #[arg(long, value_enum, requires = "vendor")]
    side: Option<Side>,
    /// The vendor's address, for `--side`
    #[arg(long)]
    vendor: Option<String>,
    /// Given by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Side {
    /// The host, from the request to the run's end
    Host,
    /// A plain loop with reqwest, serde and sled
    Loop,
    /// HTTP through the broker, nothing else
    Http,
    /// HTTP and the guest in the sandbox, nothing stored
    Guest,
    /// HTTP and the same connector compiled natively
    Native,
    /// The commit of pages, nothing else
    Commit,
}

/// Records a page.
const PAGE: u32 = 1_000;

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if let (Some(side), Some(vendor)) = (arguments.side, &arguments.vendor) {
        let sample = measure(side, vendor, arguments.tickets)?;
        println!("{}", serde_json::to_string(&sample)?);
        return Ok(());
    }
    programs::show_progress();
    programs::tidegate()?;
    programs::plugin("zendesk")?;
    let vendor = Vendor::start(arguments.tickets)?;
    println!(
        "{} tickets, {} rounds, sides alternating; MiB is the peak of the process",
        arguments.tickets, arguments.rounds
    );
    let ask = |side| sample(side, &vendor.url, arguments.tickets);
    compare("host against a plain loop", [Side::Host, Side::Loop], arguments.rounds, &ask)?;
    compare("control: the plain loop against itself", [Side::Loop, Side::Loop], arguments.rounds, &ask)?;
    compare(
        "the sandbox's share: guest against native",
        [Side::Guest, Side::Native],
        arguments.rounds,
        &ask,
    )?;
    println!("\neach stage alone");
    for side in [Side::Http, Side::Guest, Side::Commit] {
        let samples: Vec<_> = (0..arguments.rounds).map(|_| ask(side)).collect::<Result<_>>()?;
        print(&format!("{side:?}").to_lowercase(), &samples);
    }
    Ok(())
}

/// Both sides in turn, then their figures and ratios.
fn compare(title: &str, sides: [Side; 2], rounds: u32, ask: &impl Fn(Side) -> Result<Sample>) -> Result<()> {
    println!("\n{title}");
    let mut samples = [Vec::new(), Vec::new()];
    for _ in 0..rounds {
        for (side, samples) in sides.iter().zip(&mut samples) {
            samples.push(ask(*side)?);
        }
    }
    for (side, samples) in sides.iter().zip(&samples) {
        print(&format!("{side:?}").to_lowercase(), samples);
    }
    let [left, right] = samples.map(|samples| {
        let column = |of: fn(&Sample) -> f64| median(&samples.iter().map(of).collect::<Vec<_>>());
        (column(Sample::rate), column(Sample::cpu_micros))
    });
    println!("  ratio   {:.2} × its records/s, {:.2} × its CPU a record", left.0 / right.0, left.1 / right.1);
    Ok(())
}

fn print(name: &str, samples: &[Sample]) {
    let column = |of: fn(&Sample) -> f64| samples.iter().map(of).collect::<Vec<_>>();
    let rates = column(Sample::rate);
    println!(
        "  {name:7} {:>9.0} records/s ±{:<4.1}% {:>7.2} µs CPU/record {:>6.1} MiB {:>8} records",
        median(&rates),
        spread(&rates) * 100.0,
        median(&column(Sample::cpu_micros)),
        median(&column(|sample| sample.peak_mib)),
        samples.last().map_or(0, |sample| sample.records),
    );
}

/// One measurement in a process of its own.
fn sample(side: Side, vendor: &str, tickets: u64) -> Result<Sample> {
    let side = side.to_possible_value().context("every side has a name")?;
    let output = Command::new(std::env::current_exe()?)
        .args(["--side", side.get_name(), "--vendor", vendor, "--tickets", &tickets.to_string()])
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "the side '{}' failed", side.get_name());
    let sample: Sample = serde_json::from_slice(&output.stdout)?;
    ensure!(
        sample.records == tickets,
        "'{}' brought {} of {tickets} records",
        side.get_name(),
        sample.records
    );
    Ok(sample)
}

fn measure(side: Side, vendor: &str, tickets: u64) -> Result<Sample> {
    let folder = tempfile::tempdir()?;
    if side == Side::Native {
        return stages::native(vendor);
    }
    let (program, plugin) = match side {
        Side::Host | Side::Guest => (programs::tidegate()?, programs::plugin("zendesk")?),
        _ => (PathBuf::new(), PathBuf::new()),
    };
    let parts = host::Parts { vendor, folder: folder.path(), plugin: &plugin, program: &program };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match side {
            Side::Host => host::import(&parts).await,
            Side::Loop => native::import(vendor, folder.path(), PAGE).await,
            Side::Http => stages::http(vendor, PAGE).await,
            Side::Guest => stages::sandboxed(&parts).await,
            Side::Commit => stages::commit(&parts, tickets, PAGE).await,
            Side::Native => bail!("it runs outside of a run time"),
        }
    })
}

/// The fake vendor as a process.
struct Vendor {
    process: Child,
    url: String,
}

impl Vendor {
    fn start(tickets: u64) -> Result<Self> {
        let mut process = Command::new(env!("CARGO_BIN_EXE_fake-zendesk"))
            .args(["--users", "100", "--comments-per-ticket", "0", "--tickets", &tickets.to_string()])
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(process.stdout.take().context("stdout is piped")?).read_line(&mut line)?;
        let url = line.split_whitespace().find(|word| word.starts_with("http://")).context("its address")?;
        Ok(Self { url: url.to_owned(), process })
    }
}

impl Drop for Vendor {
    fn drop(&mut self) {
        // It may have ended already, which is just as well.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
