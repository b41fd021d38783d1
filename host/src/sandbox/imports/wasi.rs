//! The parts of WASI that a standard library needs, linked one by one.
//!
//! There are no files, no sockets, no environment and no arguments behind
//! them; output becomes lines of the log, and standard input is at its end.

use crate::{
    clock::Clock,
    model::Size,
    sandbox::{
        context::Context,
        journal::{Journal, Stream},
        limit::Limit,
        seed::{CountingClock, Numbers, Seed, StillClock},
    },
};
use bytes::Bytes;
use std::time::Duration;
use tokio::io::AsyncWrite;
use wasmtime::component::{HasData, Linker, ResourceTable};
use wasmtime_wasi::{
    HostWallClock, WasiCtx, WasiCtxBuilder,
    cli::{IsTerminal, StdoutStream, WasiCli, WasiCliView},
    clocks::{WasiClocks, WasiClocksView},
    p2::{
        OutputStream, Pollable, StreamResult,
        bindings::{
            cli, clocks,
            random::{insecure, insecure_seed, random},
        },
    },
    random::WasiRandomCtx,
};
use wasmtime_wasi_io::bindings::wasi::io;

/// The interfaces that are linked, as `package/interface` of `wasi`, version
/// 0.2. `link` and this list are the same; a test holds them together.
pub(in crate::sandbox) const INTERFACES: [&str; 18] = [
    "cli/environment",
    "cli/exit",
    "cli/stderr",
    "cli/stdin",
    "cli/stdout",
    "cli/terminal-input",
    "cli/terminal-output",
    "cli/terminal-stderr",
    "cli/terminal-stdin",
    "cli/terminal-stdout",
    "clocks/monotonic-clock",
    "clocks/wall-clock",
    "io/error",
    "io/poll",
    "io/streams",
    "random/insecure",
    "random/insecure-seed",
    "random/random",
];

/// Links them.
pub(super) fn link(linker: &mut Linker<Context>) -> wasmtime::Result<()> {
    io::error::add_to_linker::<_, Table>(linker, table)?;
    io::poll::add_to_linker::<_, Table>(linker, table)?;
    io::streams::add_to_linker::<_, Table>(linker, table)?;
    cli::environment::add_to_linker::<_, WasiCli>(linker, Context::cli)?;
    cli::exit::add_to_linker::<_, WasiCli>(linker, Context::cli)?;
    cli::stdin::add_to_linker::<_, WasiCli>(linker, Context::cli)?;
    cli::stdout::add_to_linker::<_, WasiCli>(linker, Context::cli)?;
    cli::stderr::add_to_linker::<_, WasiCli>(linker, Context::cli)?;
    cli::terminal_input::add_to_linker::<_, WasiCli>(linker, Context::cli)?;
    cli::terminal_output::add_to_linker::<_, WasiCli>(linker, Context::cli)?;
    cli::terminal_stdin::add_to_linker::<_, WasiCli>(linker, Context::cli)?;
    cli::terminal_stdout::add_to_linker::<_, WasiCli>(linker, Context::cli)?;
    cli::terminal_stderr::add_to_linker::<_, WasiCli>(linker, Context::cli)?;
    clocks::wall_clock::add_to_linker::<_, WasiClocks>(linker, Context::clocks)?;
    clocks::monotonic_clock::add_to_linker::<_, WasiClocks>(linker, Context::clocks)?;
    random::add_to_linker::<_, Random>(linker, randomness)?;
    insecure::add_to_linker::<_, Random>(linker, randomness)?;
    insecure_seed::add_to_linker::<_, Random>(linker, randomness)?;
    Ok(())
}

/// What WASI's functions work on in one step.
pub(in crate::sandbox) fn context(journal: &Journal, clock: &Clock, seed: Option<&Seed>) -> WasiCtx {
    let output = |stream| Output { journal: journal.clone(), stream };
    let mut context = WasiCtxBuilder::new();
    context.stdout(output(Stream::Stdout)).stderr(output(Stream::Stderr));
    match seed {
        None => context.wall_clock(WallClock(clock.clone())),
        Some(seed) => context.wall_clock(StillClock(seed.now)).monotonic_clock(CountingClock::default()),
    };
    context.build()
}

struct Table;

impl HasData for Table {
    type Data<'a> = &'a mut ResourceTable;
}

fn table(context: &mut Context) -> &mut ResourceTable {
    &mut context.table
}

/// The host's clock, so that tests set the guest's time of day too.
struct WallClock(Clock);

impl HostWallClock for WallClock {
    fn resolution(&self) -> Duration {
        Duration::from_millis(1)
    }

    fn now(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.now().as_millis()).unwrap_or(0))
    }
}

/// Standard output or standard error.
#[derive(Clone)]
struct Output {
    journal: Journal,
    stream: Stream,
}

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Output {
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }

    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(tokio::io::sink()) // Of WASI 0.3, which is not linked.
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Output {
    async fn ready(&mut self) {}
}

impl OutputStream for Output {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.journal.output(self.stream, &bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(64 << 10)
    }
}

/// Random numbers, and how many bytes of them the step may still draw.
pub(in crate::sandbox) struct Randomness {
    source: Source,
    left: u64,
}

enum Source {
    Chance(WasiRandomCtx),
    Seeded(Numbers),
}

impl Randomness {
    /// A step's share of `limit` bytes.
    pub(in crate::sandbox) fn new(limit: Size, seed: Option<&Seed>) -> Self {
        let source = match seed {
            None => Source::Chance(WasiRandomCtx::default()),
            Some(seed) => Source::Seeded(Numbers::new(seed)),
        };
        Self { source, left: limit.0 }
    }

    fn draw(&mut self, bytes: u64) -> Result<(), Limit> {
        self.left = self.left.checked_sub(bytes).ok_or(Limit::Random)?;
        Ok(())
    }
}

struct Random;

impl HasData for Random {
    type Data<'a> = &'a mut Randomness;
}

fn randomness(context: &mut Context) -> &mut Randomness {
    &mut context.randomness
}

impl random::Host for Randomness {
    fn get_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        self.draw(len)?;
        match &mut self.source {
            Source::Chance(source) => source.get_random_bytes(len),
            Source::Seeded(numbers) => Ok(numbers.bytes(length(len))),
        }
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        self.draw(8)?;
        match &mut self.source {
            Source::Chance(source) => source.get_random_u64(),
            Source::Seeded(numbers) => Ok(numbers.number()),
        }
    }
}

impl insecure::Host for Randomness {
    fn get_insecure_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        self.draw(len)?;
        match &mut self.source {
            Source::Chance(source) => source.get_insecure_random_bytes(len),
            Source::Seeded(numbers) => Ok(numbers.bytes(length(len))),
        }
    }

    fn get_insecure_random_u64(&mut self) -> wasmtime::Result<u64> {
        self.draw(8)?;
        match &mut self.source {
            Source::Chance(source) => source.get_insecure_random_u64(),
            Source::Seeded(numbers) => Ok(numbers.number()),
        }
    }
}

impl insecure_seed::Host for Randomness {
    fn insecure_seed(&mut self) -> wasmtime::Result<(u64, u64)> {
        match &mut self.source {
            Source::Chance(source) => source.insecure_seed(),
            Source::Seeded(numbers) => Ok(numbers.map_seed()),
        }
    }
}

/// A length that `draw` has let pass.
fn length(len: u64) -> usize {
    usize::try_from(len).unwrap_or(usize::MAX)
}
