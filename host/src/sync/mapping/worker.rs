//! The process in which filters run: the whole of what `tidegate filter-worker` does.
//!
//! jq is a whole programming language: a filter can loop for ever, grow without end or
//! call itself until the stack is full, and jaq counts none of it. So filters are
//! compiled and run in a process of their own, which limits its memory before it reads
//! anything, ends itself when a record takes too long, and may break down: the host
//! only loses a record by it. It has no environment and gets nothing but payloads.

use super::{answer::Answer, frame, jq::Program};
use rustix::process::{Resource, Rlimit, setrlimit};
use serde::{Deserialize, Serialize};
use std::{
    io::{self, Read, Write},
    os::{fd::AsFd, unix::net::UnixStream},
    process::ExitCode,
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

/// Address space of the process.
pub(super) const MEMORY: u64 = 768 << 20;
/// The longest until the programs are compiled.
const READY: Duration = Duration::from_secs(5);
/// Stack of the thread that runs filters, for those that call themselves.
const STACK: usize = 64 << 20;

/// The first frame: the programs, and their bounds.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Order {
    pub(super) programs: Vec<String>,
    pub(super) output_bytes: usize,
    /// The longest that one payload may take.
    pub(super) longest_ms: u64,
}

/// The answer to it: nothing, or why a program cannot be run.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Compiled {
    Done,
    Refused {
        /// Its place in the order.
        program: usize,
        /// What is wrong, and where.
        message: String,
    },
}

/// Does it all, over the socket that is its standard input.
pub(in crate::sync) fn work() -> ExitCode {
    let done = limit_itself().and_then(|()| {
        let stream = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
        converse(&stream, &stream)
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn limit_itself() -> io::Result<()> {
    let limit = |resource, most| setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) });
    limit(Resource::As, MEMORY)?;
    limit(Resource::Core, 0)?;
    limit(Resource::Fsize, 0)?;
    Ok(())
}

/// Answers until the host goes, or a payload takes too long; then the thread that runs the
/// filter is left behind, and ends with the process.
pub(super) fn converse(mut read: impl Read, mut write: impl Write) -> io::Result<()> {
    let order: Order = serde_json::from_slice(&frame::read(&mut read)?)?;
    let longest = Duration::from_millis(order.longest_ms);
    let (asks, asked) = mpsc::sync_channel(1);
    let (answers, answered) = mpsc::sync_channel(1);
    // No pool: its stack is what bounds how deep a filter may go.
    let runs = move || run(order, &asked, &answers);
    thread::Builder::new().name("filter".into()).stack_size(STACK).spawn(runs)?;
    let mut patience = longest.max(READY);
    loop {
        let answer = match answered.recv_timeout(patience) {
            Ok(answer) => answer,
            Err(RecvTimeoutError::Timeout) => {
                return frame::write(&mut write, &[&Answer::TooSlow.to_frame()]);
            }
            Err(RecvTimeoutError::Disconnected) => return Err(io::ErrorKind::BrokenPipe.into()),
        };
        patience = longest;
        frame::write(&mut write, &[&answer])?;
        let Some(ask) = next(&mut read)? else {
            return Ok(());
        };
        asks.send(ask).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
    }
}

/// None where the host has gone.
fn next(read: &mut impl Read) -> io::Result<Option<bytes::Bytes>> {
    match frame::read(read) {
        Ok(ask) => Ok(Some(ask)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

/// Compiles, then runs one payload after the other: a byte that says which program, then
/// the payload.
fn run(order: Order, asked: &mpsc::Receiver<bytes::Bytes>, answers: &mpsc::SyncSender<Vec<u8>>) {
    let mut programs = Vec::with_capacity(order.programs.len());
    let mut compiled = Compiled::Done;
    for (at, text) in order.programs.iter().enumerate() {
        match Program::compile(text) {
            Ok(program) => programs.push(program),
            Err(message) => {
                compiled = Compiled::Refused { program: at, message };
                break;
            }
        }
    }
    let told = serde_json::to_vec(&compiled).expect("plain values have a JSON form");
    if answers.send(told).is_err() {
        return;
    }
    for ask in asked {
        let answer = match ask.split_first() {
            Some((which, payload)) if usize::from(*which) < programs.len() => {
                programs[usize::from(*which)].run(payload, order.output_bytes)
            }
            _ => return,
        };
        if answers.send(answer.to_frame()).is_err() {
            return;
        }
    }
}
