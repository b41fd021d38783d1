//! The host's side of the process that runs filters: start it, ask it, replace it.
//!
//! Blocking: for the blocking pool, not for a task. It trusts nothing of what comes
//! back but its form.

use super::{
    answer::{Answer, Problem},
    frame,
    worker::{self, Compiled, MEMORY, Order},
};
use crate::model::{Class, Failure, Size, Span};
use std::{
    io,
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

/// The longest that one payload may take, where nobody says otherwise. A filter takes
/// microseconds; what needs longer than this does not end, or belongs elsewhere.
const LONGEST: Duration = Duration::from_secs(2);
/// How much longer than its own limit the process may take to say so.
const GRACE: Duration = Duration::from_secs(5);
/// Records in a row that may take too long; then no further one is tried.
const PATIENCE: u32 = 3;

/// How filters are run.
#[derive(Clone, Debug)]
pub struct Filters {
    /// The program that is run as `PROGRAM filter-worker`. None: a thread of this process
    /// does it, which nothing can end (tests only).
    pub program: Option<PathBuf>,
    /// The longest output, in bytes.
    pub output_bytes: usize,
    /// The longest that one payload may take.
    pub longest: Span,
}

impl Filters {
    /// With the usual time.
    #[must_use]
    pub fn new(program: Option<PathBuf>, output_bytes: usize) -> Self {
        Self { program, output_bytes, longest: Span(LONGEST) }
    }
}

/// Programs, and the process that runs them.
pub(super) struct Line {
    filters: Filters,
    order: Vec<u8>,
    /// None: it is gone, and comes back with the next payload.
    worker: Option<Worker>,
    too_slow: u32,
}

/// Why a line cannot be had.
#[derive(Debug)]
pub(super) enum Broken {
    /// A program is none.
    Refused { program: usize, message: String },
    /// The process cannot be started, or does not answer.
    Worker(io::Error),
}

impl Line {
    /// Starts the process and has it compile the programs.
    pub(super) fn open(filters: &Filters, programs: Vec<String>) -> Result<Self, Broken> {
        let longest_ms = u64::try_from(filters.longest.0.as_millis()).unwrap_or(u64::MAX);
        let order = Order { programs, output_bytes: filters.output_bytes, longest_ms };
        let order = serde_json::to_vec(&order).expect("plain values have a JSON form");
        let worker = Worker::start(filters, &order)?;
        Ok(Self { filters: filters.clone(), order, worker: Some(worker), too_slow: 0 })
    }

    /// Runs a program on a payload; none where it gives nothing.
    ///
    /// # Errors
    /// Of class `invalid-data` where record and program do not fit; of another one where
    /// the process cannot be started again.
    pub(super) fn ask(&mut self, program: u8, payload: &[u8]) -> Result<Option<Vec<u8>>, Failure> {
        if self.too_slow >= PATIENCE {
            return Err(gave_up(self.filters.longest));
        }
        // It may have been ended from outside, which is not the record's fault.
        let answer = match self.ask_once(program, payload)? {
            Ok(answer) => answer,
            Err(_gone) => match self.ask_once(program, payload)? {
                Ok(answer) => answer,
                Err(_gone) => return Err(broke_down()),
            },
        };
        if answer == Answer::TooSlow {
            self.worker = None;
            self.too_slow += 1;
            return Err(too_slow(self.filters.longest));
        }
        self.too_slow = 0;
        match answer {
            Answer::Value(text) => Ok(Some(text)),
            Answer::Nothing | Answer::TooSlow => Ok(None),
            Answer::Failed(problem) => Err(problem.failure()),
        }
    }

    fn ask_once(&mut self, program: u8, payload: &[u8]) -> Result<io::Result<Answer>, Failure> {
        let worker = match &mut self.worker {
            Some(worker) => worker,
            None => {
                let worker = Worker::start(&self.filters, &self.order).map_err(Broken::into_failure)?;
                self.worker.insert(worker)
            }
        };
        let answer = worker.ask(program, payload);
        if answer.is_err() {
            self.worker = None;
        }
        Ok(answer)
    }
}

impl Broken {
    /// The same as a failure of the run.
    pub(super) fn into_failure(self) -> Failure {
        match self {
            Self::Refused { message, .. } => Failure::new(Class::Config, "mapping.refused", message),
            Self::Worker(error) => {
                let message = match error.kind() {
                    io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => {
                        "the process that runs filters ends before it is ready: is a filter nested too deep?"
                            .into()
                    }
                    _ => format!("the process that runs filters cannot be started: {error}"),
                };
                Failure::new(Class::Transient, "mapping.worker", message)
            }
        }
    }
}

fn too_slow(longest: Span) -> Failure {
    Problem::new("mapping.time", format!("the filter takes longer than {longest}; does it end?")).failure()
}

fn gave_up(longest: Span) -> Failure {
    let words = format!(
        "not tried: the filter took longer than {longest} for {PATIENCE} records in a row; mend it, then try these again"
    );
    Problem::new("mapping.time", words).failure()
}

fn broke_down() -> Failure {
    let words = format!(
        "the filter breaks down: it takes more memory than {}, or calls itself too often",
        Size(MEMORY)
    );
    Problem::new("mapping.limit", words).failure()
}

/// The process, as long as it answers.
struct Worker {
    stream: UnixStream,
    /// None where a thread plays it.
    process: Option<Child>,
}

impl Worker {
    fn start(filters: &Filters, order: &[u8]) -> Result<Self, Broken> {
        let mut worker = Self::spawn(filters).map_err(Broken::Worker)?;
        match worker.compile(order).map_err(Broken::Worker)? {
            Compiled::Done => Ok(worker),
            Compiled::Refused { program, message } => Err(Broken::Refused { program, message }),
        }
    }

    fn spawn(filters: &Filters) -> io::Result<Self> {
        let (stream, theirs) = UnixStream::pair()?;
        stream.set_read_timeout(Some(filters.longest.0 + GRACE))?;
        stream.set_write_timeout(Some(filters.longest.0 + GRACE))?;
        let Some(program) = &filters.program else {
            let play = move || worker::converse(&theirs, &theirs);
            thread::Builder::new().name("filter-worker".into()).spawn(play)?;
            return Ok(Self { stream, process: None });
        };
        let process = Command::new(program)
            .arg("filter-worker")
            .env_clear()
            // Each arena reserves address space, which is what is limited.
            .env("MALLOC_ARENA_MAX", "2")
            .current_dir("/")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Self { stream, process: Some(process) })
    }

    fn compile(&mut self, order: &[u8]) -> io::Result<Compiled> {
        frame::write(&mut self.stream, &[order])?;
        let answer = frame::read(&mut self.stream)?;
        // One that gives up says so in the other form.
        serde_json::from_slice(&answer).map_err(|_| io::ErrorKind::TimedOut.into())
    }

    fn ask(&mut self, program: u8, payload: &[u8]) -> io::Result<Answer> {
        frame::write(&mut self.stream, &[&[program], payload])?;
        Answer::of_frame(frame::read(&mut self.stream)?)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            // It may have ended by itself; waiting leaves no zombie.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
