//! A host with a channel to the vendor, to be killed or left alone.

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    sync::Arc,
    time::{Duration, Instant},
};
use tests::{
    host::{Output, Setup, TestHost},
    programs, wait,
    zendesk::{EMAIL, TOKEN, Zendesk},
};

const CHANNEL: &str = "crash";

/// What the channel brings.
pub(crate) const CONNECTORS: [&str; 3] = ["user", "ticket", "ticket-comment"];

/// The longest that a whole import may take.
const PATIENCE: Duration = Duration::from_secs(1_800);

/// As many due keys a step as are fetched at the same time: so pages land often, and many
/// kills meet one that is just landing. No page of the default 1,000 keys, each a request,
/// would ever land between two kills.
pub(crate) const SHORT_STEPS: &str = "[sync]\nkeys-per-step = 8\n";

/// Syncs until one finds nothing to do, at most.
const SYNCS: u32 = 50;

/// A host, running or not, with a channel to the vendor.
pub(crate) struct Victim {
    host: TestHost,
    fake: Arc<Zendesk>,
}

/// Lets time pass.
#[expect(clippy::disallowed_methods, reason = "a kill falls at a moment of the real clock")]
pub(crate) fn pass(time: Duration) {
    std::thread::sleep(time);
}

impl Victim {
    /// With a folder of its own and additions to its configuration; not yet running.
    pub(crate) fn new(fake: Arc<Zendesk>, config: &str) -> Result<Self> {
        let plugins = vec![programs::plugin("zendesk")?];
        let config = config.to_owned();
        let host = TestHost::new(Setup { plugins, config, patience: Some(PATIENCE), ..Setup::default() })?;
        let (url, email, token) =
            (format!("url={}", fake.url()), format!("email={EMAIL}"), format!("token={TOKEN}"));
        let create = ["channel", "create", CHANNEL, "--type", "zendesk", "--set", &url];
        host.ok(create.into_iter().chain(["--set", &email, "--secret", &token]))?;
        Ok(Self { host, fake })
    }

    /// Starts it; answers when it was called.
    pub(crate) fn start(&mut self) -> Result<Instant> {
        self.fake.reset_stats();
        let started = Instant::now();
        self.host.start()?;
        Ok(started)
    }

    pub(crate) fn kill(&mut self) -> Result<()> {
        self.host.kill()
    }

    /// Whether a run goes on right now. Asked by hand, because it must take no time.
    pub(crate) fn has_live_run(&self) -> Result<bool> {
        let address = self.host.url()?.trim_start_matches("http://").to_owned();
        let mut connection = TcpStream::connect(&address)?;
        let request = "GET /api/v1/runs?limit=6 HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
        connection.write_all(request.as_bytes())?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer)?;
        let (_, body) = answer.split_once("\r\n\r\n").context("the answer has a body")?;
        let runs: Value = serde_json::from_str(body).context("a list of runs")?;
        Ok(runs["items"].as_array().context("items")?.iter().any(|run| run["status"] == "running"))
    }

    /// Asks for a sync. That one is going on already is as good.
    pub(crate) fn request(&self, more: &[&str]) -> Result<()> {
        let output = self.sync(more)?;
        if output.status == Some(0) || is_busy(&output) { Ok(()) } else { output.success().map(drop) }
    }

    /// Waits until the vendor has given the host a page of its records; how long that took.
    pub(crate) fn first_page(&self, started: Instant) -> Result<Duration> {
        let is_page = |kind: &str| kind.contains("incremental") || kind.contains("comments");
        let wish = |kind: &String| kind.starts_with("GET") && is_page(kind);
        self.fake.wait_for("the first page", |stats| stats.answered.keys().any(wish))?;
        Ok(started.elapsed())
    }

    /// Syncs until there is nothing left to read.
    pub(crate) fn catch_up(&self) -> Result<()> {
        for _ in 0..SYNCS {
            let job = wait::until("the channel to be free", PATIENCE, || {
                let output = self.sync(&["--wait"])?;
                if is_busy(&output) { Ok(None) } else { output.json().map(Some) }
            })?;
            let runs = job["runs"].as_array().with_context(|| format!("no runs in {job}"))?;
            if let Some(run) = runs.iter().find(|run| run["status"] != "completed") {
                bail!("a run without any disturbance ended otherwise: {run:#}");
            }
            if runs.len() == CONNECTORS.len() && runs.iter().all(|run| run["counters"]["read"] == 0) {
                return Ok(());
            }
        }
        bail!("{SYNCS} syncs one after the other still found something to read")
    }

    /// Runs in the history; more than 1,000 are not counted.
    pub(crate) fn runs(&self) -> Result<usize> {
        Ok(self.host.items(["run", "list", "--limit", "1000"])?.len())
    }

    /// The number of records as the host counts them.
    pub(crate) fn count(&self, connector: &str) -> Result<u64> {
        let channel = self.host.json(["channel", "show", CHANNEL])?;
        let states = channel["connector-states"].as_array().context("states")?;
        let state = states.iter().find(|state| state["connector"] == connector).context("its state")?;
        state["records"].as_u64().context("a count")
    }

    /// The records, a JSON document a line.
    pub(crate) fn export(&self, connector: &str) -> Result<String> {
        self.host.ok(["record", "export", CHANNEL, connector, "--format", "jsonl"])
    }

    fn sync(&self, more: &[&str]) -> Result<Output> {
        self.host.cli(["--json", "sync", CHANNEL].into_iter().chain(more.iter().copied()))
    }
}

fn is_busy(output: &Output) -> bool {
    let code = |document: Value| document["error"]["code"] == "sync.busy";
    output.status != Some(0) && output.json().is_ok_and(code)
}
