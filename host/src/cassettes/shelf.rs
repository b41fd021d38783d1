//! The folder of all cassettes: which there are, how much they take, and deleting them.

use super::{
    Config, Error,
    blobs::{self, Blobs},
    form::{Digest, Head, VERSION},
    reader,
};
use crate::model::{Cassette, ChannelId, RunId};
use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError, RwLock, RwLockReadGuard},
};

/// Where the heads and steps of a cassette lie in its folder.
const HEAD: &str = "cassette.json";
const STEPS: &str = "steps.jsonl";

/// All cassettes of a host. Every method blocks on the file system.
pub(super) struct Shelf {
    folder: PathBuf,
    pub(super) config: Config,
    /// Bodies and answers.
    pub(super) blobs: Blobs,
    /// Plugin files.
    pub(super) plugins: Blobs,
    /// Bytes on the disk; none: not counted yet.
    total: Mutex<Option<u64>>,
    /// Held for reading by who adds blobs and the line that names them, for writing by who
    /// removes blobs that nothing names.
    adding: RwLock<()>,
}

impl Shelf {
    pub(super) fn new(folder: PathBuf, config: Config) -> Self {
        Self {
            blobs: Blobs::new(folder.join("blobs"), ""),
            plugins: Blobs::new(folder.join("plugins"), ".wasm"),
            folder,
            config,
            total: Mutex::new(None),
            adding: RwLock::new(()),
        }
    }

    pub(super) fn folder_of(&self, run: RunId) -> PathBuf {
        self.folder.join(run.to_string())
    }

    pub(super) fn steps_of(&self, run: RunId) -> PathBuf {
        self.folder_of(run).join(STEPS)
    }

    /// The head of a cassette; none where there is none of that run.
    pub(super) fn head(&self, run: RunId) -> Result<Option<Head>, Error> {
        let damaged = |what: String| Error::Damaged { run, what };
        let bytes = match fs::read(self.folder_of(run).join(HEAD)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            bytes => bytes?,
        };
        let head: Head = serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        if head.version > VERSION {
            let version = head.version;
            return Err(damaged(format!("it is of version {version}, and this tidegate reads {VERSION}")));
        }
        Ok(Some(head))
    }

    pub(super) fn put_head(&self, head: &Head) -> io::Result<()> {
        let folder = self.folder_of(head.run);
        blobs::make_private(&folder)?;
        blobs::write(&folder.join(HEAD), &serde_json::to_vec_pretty(head)?)
    }

    /// Keep it until the line that names the added blobs is written.
    pub(super) fn adding(&self) -> RwLockReadGuard<'_, ()> {
        self.adding.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether `more` bytes have a place, and counts them where they have.
    pub(super) fn take_place(&self, more: u64) -> io::Result<bool> {
        let mut total = self.total.lock().unwrap_or_else(PoisonError::into_inner);
        let now = match *total {
            Some(now) => now,
            None => size_of(&self.folder)?,
        };
        let fits = now.saturating_add(more) <= self.config.total_bytes.0;
        *total = Some(if fits { now + more } else { now });
        Ok(fits)
    }

    pub(super) fn list(&self) -> Result<Vec<Cassette>, Error> {
        let mut runs = self.runs()?;
        runs.sort_unstable_by(|a, b| b.cmp(a));
        let readable = runs.into_iter().filter_map(|run| match self.summary(run) {
            Ok(summary) => Some(summary),
            Err(error) => {
                tracing::warn!(run.id = %run, %error, "a cassette cannot be listed");
                None
            }
        });
        Ok(readable.collect())
    }

    pub(super) fn summary(&self, run: RunId) -> Result<Cassette, Error> {
        let head = self.head(run)?.ok_or(Error::NoCassette(run))?;
        let lines = reader::lines(self, run)?;
        let digests: HashSet<&Digest> = lines.iter().flat_map(|line| line.digests()).collect();
        let steps = fs::metadata(self.steps_of(run)).map_or(0, |found| found.len());
        Ok(Cassette {
            run,
            channel: head.channel,
            channel_type: head.channel_type,
            connector: head.connector,
            plugin: head.plugin,
            plugin_kept: head.plugin_kept,
            created: head.created,
            steps: lines.len() as u64,
            requests: lines.iter().map(|line| line.exchanges.len() as u64).sum(),
            bytes: steps + digests.iter().map(|digest| self.blobs.size(digest)).sum::<u64>(),
            truncated: head.truncated,
        })
    }

    /// The runs of a channel that were recorded.
    pub(super) fn of_channel(&self, channel: ChannelId) -> Result<Vec<RunId>, Error> {
        let mut runs = self.runs()?;
        runs.retain(|run| {
            self.head(*run).is_ok_and(|head| head.is_some_and(|head| head.channel_id == channel))
        });
        Ok(runs)
    }

    pub(super) fn delete_of_channel(&self, channel: ChannelId) -> Result<usize, Error> {
        let gone = self.of_channel(channel)?;
        if !gone.is_empty() {
            self.delete(&gone)?;
        }
        Ok(gone.len())
    }

    /// Removes cassettes, and what no other one names.
    pub(super) fn delete(&self, gone: &[RunId]) -> Result<(), Error> {
        match gone.iter().find(|run| !self.folder_of(**run).exists()) {
            Some(run) => Err(Error::NoCassette(*run)),
            None => self.forget(gone),
        }
    }

    /// The same for runs of which some may have none.
    pub(super) fn forget(&self, gone: &[RunId]) -> Result<(), Error> {
        // Most runs are not recorded, and what follows reads every cassette that stays.
        if !gone.iter().any(|run| self.folder_of(*run).exists()) {
            return Ok(());
        }
        let _alone = self.adding.write().unwrap_or_else(PoisonError::into_inner);
        for run in gone {
            match fs::remove_dir_all(self.folder_of(*run)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                removed => removed?,
            }
        }
        let (mut blobs, mut plugins) = (HashSet::new(), HashSet::new());
        for run in self.runs()? {
            // One that cannot be read keeps nothing: it cannot be played either.
            let Ok(Some(head)) = self.head(run) else { continue };
            plugins.extend(Digest::try_from(head.plugin.sha256));
            for line in reader::lines(self, run).unwrap_or_default() {
                blobs.extend(line.digests().cloned());
            }
        }
        self.blobs.sweep(&blobs)?;
        self.plugins.sweep(&plugins)?;
        *self.total.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(())
    }

    fn runs(&self) -> io::Result<Vec<RunId>> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut runs = Vec::new();
        for entry in entries {
            let name = entry?.file_name();
            runs.extend(name.to_str().and_then(|name| name.parse::<RunId>().ok()));
        }
        Ok(runs)
    }
}

fn size_of(folder: &Path) -> io::Result<u64> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    let mut size = 0;
    for entry in entries {
        let entry = entry?;
        let kind = entry.file_type()?;
        size += if kind.is_dir() { size_of(&entry.path())? } else { entry.metadata()?.len() };
    }
    Ok(size)
}
