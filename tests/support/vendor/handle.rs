//! The handle on a running vendor.
//!
//! A vendor runs on a thread with a run time of its own, so that tests with paused time,
//! and tests without any run time, can use it alike.

use super::{
    message::App,
    running::Running,
    script::Script,
    server::{Control, Shared, serve},
    stats::{Counter, Seen, Stats},
};
use crate::wait;
use anyhow::{Context as _, Result, ensure};
use std::{
    net::{SocketAddr, TcpListener},
    sync::{Arc, OnceLock},
    thread::JoinHandle,
    time::Duration,
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// How a vendor is run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Where to listen; loopback only, port 0 for any free one.
    pub listen: SocketAddr,
    /// How long every answer is held back.
    pub latency: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 0)), latency: Duration::ZERO }
    }
}

/// A running vendor. It stops when this is dropped.
#[derive(Debug)]
pub struct Vendor {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Vendor {
    /// Starts a vendor. `app` is told the address that it is reached under.
    ///
    /// # Errors
    /// When the address is not loopback or is taken.
    pub fn start(options: Options, app: impl FnOnce(SocketAddr) -> Arc<dyn App>) -> Result<Self> {
        ensure!(
            options.listen.ip().is_loopback(),
            "a fake vendor listens on loopback only, not on {}",
            options.listen
        );
        let listener =
            TcpListener::bind(options.listen).with_context(|| format!("listen on {}", options.listen))?;
        let address = listener.local_addr()?;
        let (control, orders) = watch::channel(Control::Up);
        let shared = Arc::new(Shared {
            app: app(address),
            script: Running::default(),
            counter: Counter::new(),
            control,
            latency: options.latency,
        });
        let run_time = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let served = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name(format!("vendor-{}", address.port()))
            .spawn(move || run_time.block_on(serve(listener, served, orders)))?;
        Ok(Self { address, shared, thread: Some(thread) })
    }

    /// Starts a vendor that follows a script, with what it serves: `app` makes that, told the
    /// address that it is reached under.
    ///
    /// # Errors
    /// When the address is not loopback or is taken.
    pub fn serving<A: App + 'static>(
        options: Options,
        script: Script,
        app: impl FnOnce(SocketAddr) -> A,
    ) -> Result<(Self, Arc<A>)> {
        let made = OnceLock::new();
        let vendor = Self::start(options, |address| {
            Arc::clone(made.get_or_init(|| Arc::new(app(address)))) as Arc<dyn App>
        })?;
        vendor.set_script(script);
        Ok((vendor, made.into_inner().context("the vendor was started with nothing to serve")?))
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of its root, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Follows this script from now on, its counts at zero.
    pub fn set_script(&self, script: impl Into<Script>) {
        self.shared.script.set(script.into());
    }

    /// Treats everybody well again.
    pub fn clear_script(&self) {
        self.set_script(Script::default());
    }

    /// What it has seen since the start or the last reset.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.shared.counter.stats(&self.shared.script)
    }

    /// The requests one by one, the oldest first; the latest 20,000.
    #[must_use]
    pub fn requests(&self) -> Vec<Seen> {
        self.shared.counter.seen()
    }

    /// Counts from zero again.
    pub fn reset_stats(&self) {
        self.shared.counter.reset();
    }

    /// Waits until what it has seen is as wished.
    ///
    /// # Errors
    /// When that does not come within `wait::PATIENCE`.
    pub fn wait_for(&self, what: &str, wish: impl Fn(&Stats) -> bool) -> Result<Stats> {
        wait::until(what, wait::PATIENCE, || Ok(Some(self.stats()).filter(|stats| wish(stats))))
    }

    /// Breaks all connections off and refuses new ones. The next call of `up` brings it
    /// back under the same address.
    pub fn down(&self) {
        self.shared.control.send_replace(Control::Down);
    }

    /// Accepts connections again.
    pub fn up(&self) {
        self.shared.control.send_replace(Control::Up);
    }

    /// Runs until SIGTERM, Ctrl-C or `POST /_fake/stop`, whatever comes first: for programs.
    ///
    /// # Errors
    /// Signals cannot be listened for.
    pub fn run_to_the_end(&self) -> Result<()> {
        let run_time = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        run_time.block_on(async {
            let mut term = signal(SignalKind::terminate()).context("listen for SIGTERM")?;
            tokio::select! {
                _ = term.recv() => {}
                interrupted = tokio::signal::ctrl_c() => interrupted?,
                () = self.stopped() => {}
            }
            Ok(())
        })
    }

    /// Waits until it is stopped from outside, by `POST /_fake/stop`.
    pub async fn stopped(&self) {
        let mut orders = self.shared.control.subscribe();
        // The sender lives in `self`, so that the wait cannot fail.
        let _ = orders.wait_for(|order| *order == Control::Stop).await;
    }
}

impl Drop for Vendor {
    fn drop(&mut self) {
        self.shared.control.send_replace(Control::Stop);
        if let Some(thread) = self.thread.take() {
            // A panic in the thread has been printed already; there is nothing to add.
            let _ = thread.join();
        }
    }
}
