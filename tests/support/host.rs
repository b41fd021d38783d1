//! A host for tests: the real program, on a data folder of its own.
//!
//! It only starts, stops and asks the program; what a test expects of it stands in the
//! test.

mod command;
mod config;

pub use command::Output;

use crate::{programs, wait};
use anyhow::{Context as _, Result, ensure};
use command::{Limits, Servant};
use serde_json::Value;
use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};
use tempfile::TempDir;

/// What a host is set up with.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// TOML that is added to the configuration, and wins over it. It lets loopback and
    /// plain HTTP pass without that.
    pub config: String,
    /// Plugin files that lie in the plugins folder from the start.
    pub plugins: Vec<PathBuf>,
    /// Another program than the one built from this workspace.
    pub program: Option<PathBuf>,
    /// How long a command may take; `wait::PATIENCE` where it is not given.
    pub patience: Option<Duration>,
}

/// A host, running or not. Its folder goes when this is dropped, and so does a program
/// that still runs.
#[derive(Debug)]
pub struct TestHost {
    folder: TempDir,
    program: PathBuf,
    limits: Limits,
    servant: Option<Servant>,
}

impl TestHost {
    /// Makes the folders, and starts nothing: commands then work without a host.
    ///
    /// # Errors
    /// When the program does not compile, the configuration is no TOML, or a plugin
    /// cannot be copied.
    pub fn new(setup: Setup) -> Result<Self> {
        let program = setup.program.map_or_else(programs::tidegate, Ok)?;
        let folder = TempDir::with_prefix("tidegate-test-").context("make a folder")?;
        let limits = Limits { patience: setup.patience.unwrap_or(wait::PATIENCE) };
        let host = Self { folder, program, limits, servant: None };
        fs::create_dir(host.plugins())?;
        fs::write(host.config(), config::text(&setup.config)?)?;
        for plugin in &setup.plugins {
            host.drop_in(plugin)?;
        }
        Ok(host)
    }

    /// Makes it and starts it.
    ///
    /// # Errors
    /// As `new` and `start`.
    pub fn started(setup: Setup) -> Result<Self> {
        let mut host = Self::new(setup)?;
        host.start()?;
        Ok(host)
    }

    /// Starts `tidegate serve` on a free port and waits until it says where it listens.
    ///
    /// # Errors
    /// When it ends instead, or says nothing in time; the message holds its log.
    pub fn start(&mut self) -> Result<()> {
        ensure!(self.servant.is_none(), "the host is running already");
        let mut command = self.command();
        command.args(["serve", "--listen", "127.0.0.1:0"]);
        self.servant = Some(Servant::start(command, &self.log_file(), self.limits)?);
        Ok(())
    }

    /// Ends it with SIGTERM and waits for it.
    ///
    /// # Errors
    /// When it is not running, or does not end in time.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        self.servant.take().context("the host is not running")?.stop()
    }

    /// Ends it with SIGKILL, as a power cut would, and waits for it.
    ///
    /// # Errors
    /// When it is not running.
    pub fn kill(&mut self) -> Result<()> {
        self.servant.take().context("the host is not running")?.kill()
    }

    /// Starts it again on the same data; stops it before where it runs.
    ///
    /// # Errors
    /// As `stop` and `start`.
    pub fn restart(&mut self) -> Result<()> {
        if self.servant.is_some() {
            self.stop()?;
        }
        self.start()
    }

    /// The URL of the running host, without a slash at the end.
    ///
    /// # Errors
    /// When it is not running.
    pub fn url(&self) -> Result<&str> {
        Ok(self.servant.as_ref().context("the host is not running")?.url())
    }

    /// The process id of the running host.
    ///
    /// # Errors
    /// When it is not running.
    pub fn pid(&self) -> Result<u32> {
        Ok(self.servant.as_ref().context("the host is not running")?.pid())
    }

    /// What `serve` has written to stderr, over all its starts.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// Runs a command with the host's configuration and folders, whatever comes of it.
    ///
    /// # Errors
    /// When it cannot be run or does not end in time.
    pub fn cli<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Result<Output> {
        let mut command = self.command();
        command.args(arguments);
        command::run(command, self.folder.path(), self.limits)
    }

    /// Starts a command and leaves it running, its stdout to be read.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn begin<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Result<Child> {
        let mut command = self.command();
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        Ok(command.spawn()?)
    }

    /// Runs a command that must succeed, and answers what it wrote to stdout.
    ///
    /// # Errors
    /// When it fails; the message holds what it wrote to stderr.
    pub fn ok<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Result<String> {
        self.cli(arguments)?.success()
    }

    /// Runs a command with `--json` that must succeed, and answers its document.
    ///
    /// # Errors
    /// When it fails or does not print one JSON document.
    pub fn json<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Result<Value> {
        let mut command = self.command();
        command.arg("--json").args(arguments);
        let output = command::run(command, self.folder.path(), self.limits)?;
        output.clone().success()?;
        output.json()
    }

    /// The items of a list that a command prints with `--json`.
    ///
    /// # Errors
    /// As `json`, and when the document is no list.
    pub fn items<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Result<Vec<Value>> {
        let document = self.json(arguments)?;
        document["items"].as_array().cloned().with_context(|| format!("no items in {document}"))
    }

    /// Puts a file into the plugins folder under its own name, at one stroke.
    ///
    /// # Errors
    /// When it cannot be copied.
    pub fn drop_in(&self, file: &Path) -> Result<PathBuf> {
        let name = file.file_name().context("a plugin file has a name")?;
        let target = self.plugins().join(name);
        let draft = self.folder.path().join("draft");
        fs::copy(file, &draft).with_context(|| format!("copy {}", file.display()))?;
        fs::rename(draft, &target)?;
        Ok(target)
    }

    /// The data folder.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The plugins folder.
    #[must_use]
    pub fn plugins(&self) -> PathBuf {
        self.folder.path().join("plugins")
    }

    /// The configuration file.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("tidegate.toml")
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("serve.log")
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .arg("--config")
            .arg(self.config())
            .arg("--data")
            .arg(self.data())
            .arg("--plugins")
            .arg(self.plugins());
        // Tests say all that matters; nothing of the developer's own gets in.
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TIDEGATE_"))
        {
            command.env_remove(name);
        }
        command
    }
}

#[cfg(test)]
mod tests;
