//! One file, from its bytes to a verdict.
//!
//! It knows nothing of other files: whether a channel type is free is for the registry.

use super::{
    Entry, Offer, Refusal, Standing,
    folder::{self, Content, Stamp},
    log::GuestLog,
    trust, validate,
};
use crate::{
    model::{ChannelType, Manifest, Name, Size, Wanted},
    sandbox::{Exports, Plugin, Sandbox, Step},
};
use bytes::Bytes;
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio_util::sync::CancellationToken;

/// A file that is fit to run.
pub(super) struct Fit {
    pub(super) sha256: String,
    pub(super) plugin: Plugin,
    pub(super) manifest: Arc<Manifest>,
    /// Those of the manifest, shared with whoever runs one.
    pub(super) channel_types: Vec<Arc<ChannelType>>,
    pub(super) exports: Exports,
}

/// What came of a file.
#[derive(Clone)]
pub(super) struct Verdict {
    /// The state of the file that was read; none where it could not be read.
    pub(super) stamp: Option<Stamp>,
    pub(super) sha256: Option<String>,
    pub(super) result: Result<Arc<Fit>, Refusal>,
}

/// Judges files; cheap to clone.
#[derive(Clone)]
pub(super) struct Judge {
    sandbox: Sandbox,
}

impl Judge {
    pub(super) fn new(sandbox: Sandbox) -> Self {
        Self { sandbox }
    }

    /// The largest file that is read.
    pub(super) fn largest(&self) -> Size {
        self.sandbox.limits().component_bytes
    }

    /// Reads and judges a file. `known` is the version that is taken up: where
    /// the bytes are the same, it stands. Cancel safe: nothing is kept.
    pub(super) async fn judge(&self, path: &Path, known: Option<Arc<Fit>>) -> Verdict {
        let (path, largest) = (path.to_owned(), self.largest());
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let read = blocking(move || {
            let content = folder::read(&path, largest)?;
            let sha256 = trust::sha256(&content.bytes);
            Ok((content, sha256))
        });
        let (Content { bytes, stamp }, sha256) = match read.await {
            Ok(read) => read,
            Err(refusal) => {
                return Verdict { stamp: None, sha256: None, result: Err(refusal) };
            }
        };
        let result = match known.filter(|known| known.sha256 == sha256) {
            Some(known) => Ok(known),
            None => self.examine(&name, bytes, sha256.clone()).await.map(Arc::new),
        };
        Verdict { stamp: Some(stamp), sha256: Some(sha256), result }
    }

    /// A file on its own, as an entry.
    pub(super) async fn inspect(&self, path: &Path) -> Entry {
        let verdict = self.judge(path, None).await;
        Entry {
            file: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            size: verdict.stamp.as_ref().map_or(0, |stamp| stamp.size),
            modified: verdict.stamp.as_ref().map(Stamp::modified),
            sha256: verdict.sha256,
            standing: match verdict.result {
                Ok(fit) => fit.standing(),
                Err(refusal) => refusal.into(),
            },
        }
    }

    /// What the bytes offer on their own.
    pub(super) async fn trial(&self, name: &str, bytes: Bytes) -> Result<Vec<Offer>, Refusal> {
        let content = bytes.clone();
        let sha256 = blocking(move || Ok(trust::sha256(&content))).await?;
        let fit = self.examine(name, bytes, sha256).await?;
        let offer = |channel_type: &Arc<ChannelType>| Offer {
            plugin: fit.plugin.clone(),
            manifest: fit.manifest.clone(),
            channel_type: channel_type.clone(),
            file: name.to_owned(),
        };
        Ok(fit.channel_types.iter().map(offer).collect())
    }

    /// The bytes of a file, where they are those of the digest.
    pub(super) async fn bytes_of(&self, path: PathBuf, sha256: &str) -> Option<Bytes> {
        let largest = self.largest();
        let read = blocking(move || {
            let bytes = folder::read(&path, largest)?.bytes;
            let found = trust::sha256(&bytes);
            Ok((bytes, found))
        });
        let (bytes, found) = read.await.ok()?;
        (found == sha256).then_some(bytes)
    }

    async fn examine(&self, name: &str, bytes: Bytes, sha256: String) -> Result<Fit, Refusal> {
        let plugin =
            self.sandbox.load(bytes).await.map_err(|error| Refusal::new(error.code(), error.to_string()))?;
        let exports = plugin.exports();
        let described = describe(name, &plugin).await?;
        let embedded = plugin.embedded_manifest().map(Bytes::copy_from_slice);
        // Off the reactor: the patterns and schemas of a hostile manifest take a while to compile.
        let manifest = blocking(move || {
            let claim = validate::Claim { described: &described, embedded: embedded.as_deref(), exports };
            validate::manifest(claim)
        });
        let manifest = Arc::new(manifest.await?);
        plugin.call_it(&manifest.id);
        let channel_types = manifest.channel_types.iter().cloned().map(Arc::new).collect();
        Ok(Fit { sha256, plugin, manifest, channel_types, exports })
    }
}

impl Verdict {
    /// That of a file whose judgement panicked.
    pub(super) fn panicked() -> Self {
        Self { stamp: None, sha256: None, result: Err(Refusal::panicked()) }
    }
}

impl Refusal {
    fn panicked() -> Self {
        Self::new(
            "catalog.panic",
            "the host failed while it judged the file: this is a defect of the host, please report it",
        )
    }
}

impl Fit {
    pub(super) fn standing(&self) -> Standing {
        Standing::Ready(self.manifest.clone(), self.exports)
    }

    pub(super) fn types(&self) -> Vec<Name> {
        self.channel_types.iter().map(|channel_type| channel_type.id.clone()).collect()
    }
}

async fn describe(name: &str, plugin: &Plugin) -> Result<Bytes, Refusal> {
    let step = Step {
        gateway: None,
        state: BTreeMap::new(),
        cancel: CancellationToken::new(),
        log: GuestLog::new(name),
        memory: plugin.embedded_manifest().and_then(wanted_memory),
        seed: None,
    };
    plugin.describe(step).await.result.map_err(|failure| {
        Refusal::new(failure.code, format!("the plugin cannot say what it offers: {}", failure.message))
    })
}

/// The memory that an embedded manifest asks for. It is read before the manifest
/// is checked, because a guest may need the memory to describe itself; the
/// sandbox caps it in any case.
fn wanted_memory(embedded: &[u8]) -> Option<u64> {
    #[derive(Deserialize)]
    struct Limits {
        limits: Wanted,
    }
    serde_json::from_slice::<Limits>(embedded).ok()?.limits.memory
}

/// Runs blocking work; a panic in it condemns the file, not the host.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(Refusal::panicked()))
}
