//! Running the program: once, or as a servant that stays.

use crate::wait;
use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, TryRecvError, channel},
    time::Duration,
};

/// What a program may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) patience: Duration,
}

/// What came of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// The exit status; none where a signal ended it.
    pub status: Option<i32>,
    /// What it wrote to stdout.
    pub stdout: String,
    /// What it wrote to stderr.
    pub stderr: String,
}

impl Output {
    /// What it wrote to stdout, where it succeeded.
    ///
    /// # Errors
    /// When it did not; the message holds what it wrote.
    pub fn success(self) -> Result<String> {
        ensure!(
            self.status == Some(0),
            "exit status {:?}\nstdout: {}\nstderr: {}",
            self.status,
            self.stdout,
            self.stderr
        );
        Ok(self.stdout)
    }

    /// The one JSON document on stdout.
    ///
    /// # Errors
    /// When there is anything else.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.stdout)
            .with_context(|| format!("no JSON document: {}\nstderr: {}", self.stdout, self.stderr))
    }
}

/// Runs a command to its end. Its output goes through files in `folder`, so that it
/// never waits for a reader.
pub(super) fn run(mut command: Command, folder: &Path, limits: Limits) -> Result<Output> {
    let (out, err) = (tempfile::tempfile_in(folder)?, tempfile::tempfile_in(folder)?);
    command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(err.try_clone()?);
    let mut child = command.spawn().with_context(|| format!("run {command:?}"))?;
    let ended = wait::until(&format!("the end of {command:?}"), limits.patience, || Ok(child.try_wait()?));
    let status = match ended {
        Ok(status) => status,
        Err(error) => {
            child.kill()?;
            child.wait()?;
            return Err(error.context(format!("stdout: {}\nstderr: {}", text_of(out)?, text_of(err)?)));
        }
    };
    Ok(Output { status: status.code(), stdout: text_of(out)?, stderr: text_of(err)? })
}

fn text_of(mut file: File) -> Result<String> {
    use std::io::Seek as _;
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A running `tidegate serve`.
#[derive(Debug)]
pub(super) struct Servant {
    child: Child,
    url: String,
    limits: Limits,
}

impl Servant {
    /// Starts it and waits for the line with its URL.
    pub(super) fn start(mut command: Command, log: &Path, limits: Limits) -> Result<Self> {
        let stderr = File::options().create(true).append(true).open(log)?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr);
        let mut child = command.spawn().with_context(|| format!("run {command:?}"))?;
        let lines = lines_of(child.stdout.take().context("stdout is piped")?)?;
        // From here on, dropping it ends the program, whatever happens.
        let mut servant = Self { child, url: String::new(), limits };
        servant.url = servant.first_url(&lines, log)?;
        Ok(servant)
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn stop(mut self) -> Result<ExitStatus> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        wait::until("the host to stop", self.limits.patience, || Ok(self.child.try_wait()?))
    }

    pub(super) fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    fn first_url(&mut self, lines: &Receiver<String>, log: &Path) -> Result<String> {
        let patience = self.limits.patience;
        wait::until("the host to say where it listens", patience, || match lines.try_recv() {
            Ok(line) => Ok(url_in(&line)),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => match self.child.try_wait()? {
                Some(status) => bail!("the host ended ({status}) before it listened"),
                None => Ok(None),
            },
        })
        .with_context(|| format!("its log: {}", fs::read_to_string(log).unwrap_or_default()))
    }
}

impl Drop for Servant {
    fn drop(&mut self) {
        // It may have ended already, which is just as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The lines that a program writes, as they come. The thread ends with the program.
fn lines_of(stdout: ChildStdout) -> Result<Receiver<String>> {
    let (sender, receiver) = channel();
    let read =
        move || BufReader::new(stdout).lines().map_while(Result::ok).for_each(|line| drop(sender.send(line)));
    std::thread::Builder::new().name("host-stdout".to_owned()).spawn(read)?;
    Ok(receiver)
}

/// The URL in a line for people.
fn url_in(line: &str) -> Option<String> {
    let start = line.find("http://").or_else(|| line.find("https://"))?;
    let url = line[start..].split_whitespace().next()?;
    Some(url.trim_end_matches(['/', '.', ',']).to_owned())
}
