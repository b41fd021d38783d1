//! Which plugins exist and are fit to run.
//!
//! It watches the plugins folder and swaps what it offers whole; a run keeps
//! the version that it started with. It runs no connector and knows no channel.
//!
//! What happens to a file: it is *seen*, waits until it has stood still for
//! `settle`, is read once into memory, and is judged on those bytes. A fit file
//! is *taken up* where no other file offers one of its channel types; else it is
//! refused by the name of the other file. The file that was taken up first keeps
//! its channel types; of those that lie there when the host starts, the first by
//! name.
//!
//! A file that is replaced by a bad one keeps running in its last good version,
//! and its entry says so: a failed upgrade is no reason to stop syncs that work.
//! Removing the file ends that, and so does a restart.

mod folder;
mod judge;
mod ledger;
mod log;
mod registry;
mod template;
mod traps;
mod trust;
mod validate;
mod value;
mod watcher;

/// What a plugin can do, for those above who do not know the sandbox.
pub use crate::sandbox::Exports;
pub use traps::TrapChange;

pub(crate) use self::{
    log::GuestLog,
    template::Template,
    value::{read as read_value, secret_faults},
};

use self::{
    judge::{Fit, Judge},
    registry::Snapshot,
    traps::Traps,
    watcher::Worker,
};
use crate::{
    model::{ChannelType, Class, Failure, Manifest, Span, Timestamp, TrappedPlugin},
    sandbox::{Plugin, Sandbox},
};
use arc_swap::ArcSwap;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::sync::{Mutex, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

/// `[catalog]` of the configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Config {
    /// How long a file must stand still before it is read. Default `300ms`; at
    /// `0s` half-written files are judged, and refused, before they are whole.
    pub settle: Span,
    /// How often the folder is looked at where the system tells nothing of a
    /// change, as on network file systems. Default `1s`, at least `50ms`.
    pub rescan: Span,
    /// Steps in a row that end in a trap until a plugin is put into quarantine; 0: never.
    /// No key of its own: the app takes it from `[sync] traps-in-a-row`. 5 where nobody
    /// sets it.
    #[serde(skip)]
    pub traps_in_a_row: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self { settle: Span::millis(300), rescan: Span::secs(1), traps_in_a_row: 5 }
    }
}

/// One file of the plugins folder, fit or not.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// File name within the folder.
    pub file: String,
    /// In bytes.
    pub size: u64,
    /// When the file was last written, where the file system tells.
    pub modified: Option<Timestamp>,
    /// Lower-case hex; none where the file could not be read.
    pub sha256: Option<String>,
    /// Whether it is fit to run.
    pub standing: Standing,
}

/// Whether a file is fit to run.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    /// Still being written, or being compiled. Where the file was there before,
    /// its last good version runs meanwhile.
    Settling,
    /// Taken up: it offers the channel types of its manifest.
    Ready(Arc<Manifest>, Exports),
    /// Not taken up.
    Refused {
        /// Stable dotted name, such as `manifest.schema`.
        code: String,
        /// In words for an operator.
        reason: String,
    },
}

/// A channel type together with the plugin that offers it. A run holds one to its end.
#[derive(Clone)]
pub struct Offer {
    /// Compiled and ready to run.
    pub plugin: Plugin,
    /// What it says of itself.
    pub manifest: Arc<Manifest>,
    /// The part of the manifest that is about this channel type.
    pub channel_type: Arc<ChannelType>,
    /// The file that it came from, by name within the folder.
    pub file: String,
}

/// Why a file is not taken up.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Refusal {
    code: String,
    reason: String,
}

impl Refusal {
    fn new(code: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { code: code.into(), reason: reason.into() }
    }
}

impl From<Refusal> for Standing {
    fn from(Refusal { code, reason }: Refusal) -> Self {
        Self::Refused { code, reason }
    }
}

/// A handle on the catalog; cheap to clone.
#[derive(Clone)]
pub struct Catalog(Arc<Shared>);

struct Shared {
    judge: Judge,
    folder: PathBuf,
    snapshot: Arc<ArcSwap<Snapshot>>,
    /// Locked by whoever drives the work: the watcher, or else a caller of `reload`.
    worker: Mutex<Worker>,
    requests: mpsc::Sender<oneshot::Sender<()>>,
    traps: Traps,
    changed: watch::Sender<u64>,
}

/// The task that watches the folder.
pub struct Watcher(Catalog);

impl Watcher {
    /// Watches until `stop`; then ends the judgements that are going on. What
    /// was taken up stays on offer.
    pub async fn run(self, stop: CancellationToken) {
        let mut worker = tokio::select! {
            worker = self.0.0.worker.lock() => worker,
            () = stop.cancelled() => return,
        };
        tokio::select! {
            () = worker.watch() => {}
            () = stop.cancelled() => {}
        }
        worker.halt().await;
    }
}

impl Catalog {
    /// Makes the folder where it is missing. Nothing is judged before
    /// [`reload`](Self::reload) or [`Watcher::run`].
    ///
    /// # Errors
    /// The folder cannot be made, or is not a folder.
    pub fn build(config: Config, folder: PathBuf, sandbox: Sandbox) -> io::Result<(Self, Watcher)> {
        fs::create_dir_all(&folder)?;
        let snapshot = Arc::new(ArcSwap::from_pointee(Snapshot::default()));
        let changed = watch::Sender::new(0);
        let traps = Traps::new(config.traps_in_a_row, sandbox.clock().clone(), changed.clone());
        let judge = Judge::new(sandbox);
        // Callers of `reload` wait for their answer anyway; a full line only makes them wait here.
        let (requests, asked) = mpsc::channel(16);
        let worker = Worker::new(watcher::Parts {
            config,
            folder: folder.clone(),
            judge: judge.clone(),
            snapshot: snapshot.clone(),
            asked,
            changed: changed.clone(),
        });
        let worker = Mutex::new(worker);
        let catalog = Self(Arc::new(Shared { judge, folder, snapshot, worker, requests, traps, changed }));
        Ok((catalog.clone(), Watcher(catalog)))
    }

    /// Looks at the folder now, waiting for files to settle; returns when every
    /// file is judged. A file that is being written all the time is waited for
    /// for ten seconds. Files that were refused for what is in them are judged
    /// again. Works with and without a running [`Watcher`]. Cancel safe.
    pub async fn reload(&self) {
        let (answer, mut judged) = oneshot::channel();
        let drive = async {
            // Whoever holds the lock answers; where nobody does, this call does the work itself.
            let ask = self.0.requests.send(answer);
            let work = async { self.0.worker.lock().await.drive().await };
            tokio::select! {
                () = work => {}
                () = async { _ = ask.await; std::future::pending().await } => {}
            }
        };
        tokio::select! {
            _ = &mut judged => {}
            () = drive => {}
        }
    }

    /// Every file of the folder that an operator would take for a plugin, by file name.
    #[must_use]
    pub fn entries(&self) -> Arc<Vec<Entry>> {
        self.0.snapshot.load().entries.clone()
    }

    /// The offer of a channel type. Its steps are watched over: none begins while the
    /// version is in quarantine.
    #[must_use]
    pub fn offer(&self, channel_type: &str) -> Option<Offer> {
        let offer = self.0.snapshot.load().offers.get(channel_type).cloned();
        offer.map(|offer| self.0.traps.watch_over(&offer))
    }

    /// All of them, by channel type.
    #[must_use]
    pub fn offers(&self) -> Vec<Offer> {
        let snapshot = self.0.snapshot.load();
        snapshot.offers.values().map(|offer| self.0.traps.watch_over(offer)).collect()
    }

    /// Why nothing offers a channel type, in words that name the file that is
    /// missing, refused or not judged yet.
    #[must_use]
    pub fn absence(&self, channel_type: &str) -> String {
        self.0.snapshot.load().absence(channel_type)
    }

    /// Changes with everything that may let a channel go on or hold it back: files that are
    /// taken up, refused or gone, and versions that come into quarantine or leave it.
    #[must_use]
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.0.changed.subscribe()
    }

    /// The versions that are in quarantine, because so many of their steps in a row ended
    /// in a trap, by plugin and version. The file may be gone meanwhile.
    #[must_use]
    pub fn quarantined(&self) -> Vec<TrappedPlugin> {
        self.0.traps.all_quarantined()
    }

    /// Why no step of the version with this digest runs, and what to do about it; none
    /// where it is not in quarantine.
    #[must_use]
    pub fn objection(&self, sha256: &str) -> Option<(TrappedPlugin, Failure)> {
        let version = self.0.traps.quarantined(sha256)?;
        let failure = traps::objection(&version);
        Some((version, failure))
    }

    /// Lets plugins go on that are in quarantine: by the plugin's id, the file's name, or at
    /// least six letters of its digest. Those that it let go; its traps are counted anew.
    #[must_use]
    pub fn release(&self, named: &str) -> Vec<TrappedPlugin> {
        self.0.traps.release(named)
    }

    /// Takes over what [`trap_changes`](Self::trap_changes) told before the host started.
    pub fn restore_traps(&self, kept: Vec<TrappedPlugin>) {
        self.0.traps.restore(kept);
    }

    /// What is to be kept over a restart, as it changes. Whoever calls it last gets it.
    #[must_use]
    pub fn trap_changes(&self) -> mpsc::UnboundedReceiver<TrapChange> {
        self.0.traps.changes()
    }

    /// Judges one file without taking it up, as the folder would, but for the
    /// rule that a channel type has one file.
    pub async fn inspect(&self, file: &Path) -> Entry {
        self.0.judge.inspect(file).await
    }

    /// What the bytes of a file would offer, judged as the folder would and not taken up.
    ///
    /// # Errors
    /// Why the file is refused.
    pub async fn trial(&self, file: &str, bytes: Bytes) -> Result<Vec<Offer>, Failure> {
        self.0.judge.trial(file, bytes).await.map_err(|refusal| {
            let message = format!("{file} is refused: {}", refusal.reason);
            Failure::new(Class::InvalidData, refusal.code, message)
        })
    }

    /// The bytes that an offer came from, where its file still holds them.
    pub async fn file_of(&self, offer: &Offer) -> Option<Bytes> {
        self.0.judge.bytes_of(self.0.folder.join(&offer.file), offer.plugin.sha256()).await
    }
}

#[cfg(test)]
pub(crate) mod tests;
