//! The host's side of the compiling child: start it, feed it, watch it.
//!
//! It trusts nothing of what comes back but its form; the child's end in any
//! way becomes a named error.

use super::{
    super::{Config, error::CompileError, text::last_words},
    worker::{Answer, Order},
};
use bytes::Bytes;
use std::{
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{ExitStatus, Stdio},
    thread::available_parallelism,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    process::{Child, ChildStdin, Command},
};

/// The most that is read of the child's answer and of its complaints.
const MAX_OUTPUT: u64 = 64 << 10;
/// More threads than these only take memory.
const MAX_THREADS: usize = 4;

/// The signals of the limits; their numbers are the same on all systems that
/// the host runs on.
const SIGKILL: i32 = 9;
const SIGXCPU: i32 = 24;

/// Has `program` compile `component` as the order says. Cancel safe: the child
/// is killed.
pub(super) async fn compile(
    program: &Path,
    order: Order,
    component: Bytes,
    config: &Config,
) -> Result<(), CompileError> {
    let mut child = start(program)?;
    let end = tokio::time::timeout(config.compile_wall.0, converse(&mut child, order, component)).await;
    let Ok(end) = end else {
        // Waits for the end, so that no zombie stays.
        child.kill().await.map_err(CompileError::Start)?;
        return Err(CompileError::Timeout { limit: config.compile_wall, key: "compile-wall" });
    };
    judge(end.map_err(CompileError::Start)?, config)
}

fn start(program: &Path) -> Result<Child, CompileError> {
    let threads = available_parallelism().map_or(1, |count| count.get().min(MAX_THREADS));
    Command::new(program)
        .arg("compile-worker")
        .env_clear()
        .env("RAYON_NUM_THREADS", threads.to_string())
        // Each arena reserves address space, which is what is limited.
        .env("MALLOC_ARENA_MAX", "2")
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(CompileError::Start)
}

/// How a child ended.
struct End {
    status: ExitStatus,
    answer: Vec<u8>,
    complaint: Vec<u8>,
}

async fn converse(child: &mut Child, order: Order, component: Bytes) -> std::io::Result<End> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let ((), answer, complaint) = tokio::join!(tell(stdin, order, component), hear(stdout), hear(stderr));
    let status = child.wait().await?;
    Ok(End { status, answer, complaint })
}

/// A child that ends early breaks the pipe; its status says more than that.
async fn tell(stdin: Option<ChildStdin>, order: Order, component: Bytes) {
    let Some(mut stdin) = stdin else { return };
    let mut header = serde_json::to_vec(&order).expect("plain values have a JSON form");
    header.push(b'\n');
    if stdin.write_all(&header).await.is_ok() && stdin.write_all(&component).await.is_ok() {
        let _ = stdin.shutdown().await;
    }
}

async fn hear(pipe: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut heard = Vec::new();
    if let Some(pipe) = pipe {
        // What came before an error is still worth having.
        let _ = pipe.take(MAX_OUTPUT).read_to_end(&mut heard).await;
    }
    heard
}

fn judge(end: End, config: &Config) -> Result<(), CompileError> {
    let complaint = last_words(&end.complaint).unwrap_or_else(|| "no word".into());
    let failed = |how: String| Err(CompileError::Failed(format!("the compiler {how}, with {complaint}")));
    let out_of_memory = Err(CompileError::Memory(config.compile_memory));
    match end.status.signal() {
        Some(SIGXCPU) => {
            return Err(CompileError::Timeout { limit: config.compile_cpu, key: "compile-cpu" });
        }
        // The system kills when its own memory runs out.
        Some(SIGKILL) => return out_of_memory,
        _ if !end.status.success() && is_of_memory(&complaint) => return out_of_memory,
        Some(signal) => return failed(format!("broke down with signal {signal}")),
        None => {}
    }
    match answer(&end.answer) {
        Some(Answer::Done) => Ok(()),
        Some(Answer::Refused(refusal)) if refusal.out_of_memory => out_of_memory,
        Some(Answer::Refused(refusal)) => Err(CompileError::Failed(refusal.message)),
        None => failed(format!("ended with {}", end.status)),
    }
}

/// Where Rust or a library of it gave up for want of memory, or of the address
/// space of one more thread.
fn is_of_memory(complaint: &str) -> bool {
    ["memory allocation of", "Cannot allocate memory", "Resource temporarily unavailable"]
        .iter()
        .any(|words| complaint.contains(words))
}

/// The last line that says anything.
fn answer(output: &[u8]) -> Option<Answer> {
    let line = output.split(|byte| *byte == b'\n').rfind(|line| !line.trim_ascii().is_empty())?;
    serde_json::from_slice(line).ok()
}
