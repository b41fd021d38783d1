//! The child's side: the whole of what `tidegate compile-worker` does.
//!
//! It limits itself before it reads a byte of the component, compiles into the
//! cache that it is told, and says on standard output what came of it.

use crate::sandbox::{Config, engine, text::clean_cut};
use rustix::process::{Resource, Rlimit, nice, setrlimit};
use serde::{Deserialize, Serialize};
use std::{
    io::{self, BufRead, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};
use wasmtime::component::Component;

/// A step further down than what the machine does for people.
const NICENESS: i32 = 10;

/// The first line on standard input; the component follows.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Order {
    cache: PathBuf,
    /// Fingerprint of the host's engine: code for another one is of no use.
    engine: String,
    /// Bytes of address space.
    memory: u64,
    cpu_seconds: u64,
}

impl Order {
    /// To compile into the cache in `folder`.
    pub(super) fn new(folder: &Path, engine: &str, config: &Config) -> Self {
        Self {
            cache: folder.to_path_buf(),
            engine: engine.into(),
            memory: config.compile_memory.0,
            cpu_seconds: config.compile_cpu.0.as_secs().max(1),
        }
    }
}

/// The last line on standard output.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Answer {
    Done,
    Refused(Refusal),
}

/// Why a component cannot be compiled.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Refusal {
    pub(super) message: String,
    pub(super) out_of_memory: bool,
}

/// Does it all, and ends with 0 where an answer was given, good or bad.
pub(in crate::sandbox) fn work() -> ExitCode {
    match converse(io::stdin().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Standard error is a pipe to the host, which reports it.
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

fn converse(mut stdin: impl BufRead) -> io::Result<()> {
    let mut header = String::new();
    stdin.read_line(&mut header)?;
    let order: Order = serde_json::from_str(&header)?;
    limit_itself(&order)?;
    let mut component = Vec::new();
    stdin.read_to_end(&mut component)?;
    let answer = match compile(&order, &component) {
        Ok(()) => Answer::Done,
        Err(error) => Answer::Refused(refusal(&error)),
    };
    let mut stdout = io::stdout().lock();
    serde_json::to_writer(&mut stdout, &answer)?;
    stdout.write_all(b"\n")?;
    stdout.flush()
}

fn limit_itself(order: &Order) -> io::Result<()> {
    let limit = |resource, current, maximum| {
        setrlimit(resource, Rlimit { current: Some(current), maximum: Some(maximum) })
    };
    limit(Resource::As, order.memory, order.memory)?;
    // The first signal can be told apart; the second one cannot be ignored.
    limit(Resource::Cpu, order.cpu_seconds, order.cpu_seconds.saturating_add(5))?;
    limit(Resource::Core, 0, 0)?;
    // Compiled code that did not fit into memory did not come to be.
    limit(Resource::Fsize, order.memory, order.memory)?;
    // Only a courtesy to the rest of the machine.
    let _ = nice(NICENESS);
    Ok(())
}

fn compile(order: &Order, component: &[u8]) -> wasmtime::Result<()> {
    let (engine, _cache) = engine::engine(&order.cache)?;
    if engine::fingerprint(&engine) != order.engine {
        // Replaced on the disk while the host was running.
        let message =
            "the `tidegate` program is of another version than the host that runs; restart the host";
        return Err(wasmtime::Error::msg(message));
    }
    Component::from_binary(&engine, component)?;
    Ok(())
}

fn refusal(error: &wasmtime::Error) -> Refusal {
    let out_of_memory = error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::OutOfMemory);
    Refusal { message: clean_cut(&format!("{error:#}"), 1 << 10).into_owned(), out_of_memory }
}
