//! Which versions of plugins trap, step after step, and which are in quarantine for it.
//!
//! A version is the bytes of its file. It counts over all runs and channels; it
//! neither runs a step nor keeps anything over a restart itself.

use super::Offer;
use crate::{
    clock::Clock,
    metrics,
    model::{Class, Failure, LastTrap, Manifest, TrappedPlugin},
    sandbox::Overseer,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::{mpsc, watch};

/// The code of every step that does not begin because of it.
const QUARANTINED: &str = "plugin.quarantined";
/// As much of a digest as a person has to type.
const LEAST_DIGEST: usize = 6;

/// A version by its digest, and what is to be kept of it; none: nothing.
pub type TrapChange = (String, Option<TrappedPlugin>);

/// The table; cheap to clone.
#[derive(Clone)]
pub(super) struct Traps(Arc<Inner>);

struct Inner {
    /// So many in a row lead to quarantine; 0: none does.
    limit: u32,
    clock: Clock,
    table: Mutex<Table>,
    /// Changes with every version that comes into quarantine or leaves it.
    changed: watch::Sender<u64>,
}

#[derive(Default)]
struct Table {
    versions: BTreeMap<String, TrappedPlugin>,
    keeper: Option<mpsc::UnboundedSender<TrapChange>>,
}

impl Traps {
    pub(super) fn new(limit: u32, clock: Clock, changed: watch::Sender<u64>) -> Self {
        Self(Arc::new(Inner { limit, clock, table: Mutex::default(), changed }))
    }

    /// The offer, its steps watched over.
    pub(super) fn watch_over(&self, offer: &Offer) -> Offer {
        let watch = Watch {
            traps: self.clone(),
            sha256: offer.plugin.sha256().to_owned(),
            file: offer.file.clone(),
            manifest: Arc::clone(&offer.manifest),
        };
        Offer { plugin: offer.plugin.overseen_by(Arc::new(watch)), ..offer.clone() }
    }

    /// What is known of a version, where it is in quarantine.
    pub(super) fn quarantined(&self, sha256: &str) -> Option<TrappedPlugin> {
        let table = self.table();
        table.versions.get(sha256).filter(|version| version.quarantined.is_some()).cloned()
    }

    /// All that are in quarantine, by plugin and version.
    pub(super) fn all_quarantined(&self) -> Vec<TrappedPlugin> {
        let table = self.table();
        let mut all: Vec<_> =
            table.versions.values().filter(|version| version.quarantined.is_some()).cloned().collect();
        all.sort_by(|a, b| (&a.plugin, &a.version).cmp(&(&b.plugin, &b.version)));
        all
    }

    /// Lets those go on that the name means: a plugin, a file, or the beginning of a digest.
    pub(super) fn release(&self, named: &str) -> Vec<TrappedPlugin> {
        let is_meant = |version: &TrappedPlugin| {
            let by_digest =
                named.len() >= LEAST_DIGEST && version.sha256.starts_with(&named.to_ascii_lowercase());
            version.plugin.as_str() == named || version.file == named || by_digest
        };
        let released: Vec<_> = self.all_quarantined().into_iter().filter(is_meant).collect();
        for version in &released {
            tracing::info!(
                file = version.file,
                plugin.id = %version.plugin,
                plugin.sha256 = version.sha256,
                "the plugin was released from quarantine by a person"
            );
            self.forget(&version.sha256);
        }
        released
    }

    /// Takes over what was known before the host started.
    pub(super) fn restore(&self, kept: Vec<TrappedPlugin>) {
        if self.0.limit == 0 {
            return;
        }
        let mut table = self.table();
        let kept: BTreeMap<_, _> = kept.into_iter().map(|one| (one.sha256.clone(), one)).collect();
        kept.values().for_each(|version| count(&kept, version));
        table.versions = kept;
    }

    /// Every change from now on, in order. Unbounded, because a step must not wait for a
    /// disk; steps that trap are few.
    pub(super) fn changes(&self) -> mpsc::UnboundedReceiver<TrapChange> {
        let (keeper, changes) = mpsc::unbounded_channel();
        self.table().keeper = Some(keeper);
        changes
    }

    /// A trap more of a version.
    fn add(&self, version: TrappedPlugin) {
        if self.0.limit == 0 {
            return;
        }
        let mut table = self.table();
        let before = table.versions.get(&version.sha256);
        let traps = before.map_or(0, |before| before.traps).saturating_add(1);
        let since = before.and_then(|before| before.quarantined);
        let quarantined = since.or((traps >= self.0.limit).then_some(version.last.at));
        let version = TrappedPlugin { traps, quarantined, ..version };
        table.put(version.clone());
        if since.is_none() && quarantined.is_some() {
            count(&table.versions, &version);
            drop(table);
            tracing::error!(
                file = version.file,
                plugin.id = %version.plugin,
                plugin.sha256 = version.sha256,
                traps,
                code = version.last.code,
                "a plugin is put into quarantine: no step of this version runs any more"
            );
            self.0.changed.send_modify(|count| *count += 1);
        }
    }

    /// A page of a version landed: its traps were not in a row. What is in quarantine
    /// stays there; it was another step that was still under way.
    fn forgive(&self, sha256: &str) {
        let mut table = self.table();
        if table.versions.get(sha256).is_some_and(|version| version.quarantined.is_none()) {
            table.remove(sha256);
        }
    }

    fn forget(&self, sha256: &str) {
        let mut table = self.table();
        if let Some(version) = table.remove(sha256) {
            count(&table.versions, &version);
        }
        drop(table);
        self.0.changed.send_modify(|count| *count += 1);
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn put(&mut self, version: TrappedPlugin) {
        self.tell((version.sha256.clone(), Some(version.clone())));
        self.versions.insert(version.sha256.clone(), version);
    }

    fn remove(&mut self, sha256: &str) -> Option<TrappedPlugin> {
        let version = self.versions.remove(sha256)?;
        self.tell((version.sha256.clone(), None));
        Some(version)
    }

    fn tell(&self, change: TrapChange) {
        if let Some(keeper) = &self.keeper {
            // A keeper that is gone has stopped with the host.
            let _ = keeper.send(change);
        }
    }
}

/// Shows how many versions of the plugin are in quarantine.
fn count(versions: &BTreeMap<String, TrappedPlugin>, of: &TrappedPlugin) {
    let is_one = |one: &&TrappedPlugin| one.plugin == of.plugin && one.quarantined.is_some();
    let number = versions.values().filter(is_one).count();
    metrics::plugin_quarantined(of.plugin.as_str(), u64::try_from(number).unwrap_or(u64::MAX));
}

/// Why no step of the version runs, and what to do about it.
pub(super) fn objection(version: &TrappedPlugin) -> Failure {
    let since = version.quarantined.unwrap_or(version.last.at);
    let message = format!(
        "plugin '{}' {} ({}) is in quarantine since {since}: {} steps in a row ended in a trap, the last one so: {} ({}); put a version into its place that works, or let this one go on with `tidegate plugin release {}`",
        version.plugin,
        version.version,
        version.file,
        version.traps,
        version.last.message,
        version.last.code,
        version.plugin
    );
    Failure::new(Class::Config, QUARANTINED, message)
}

/// Watches over the steps of one version.
struct Watch {
    traps: Traps,
    sha256: String,
    file: String,
    manifest: Arc<Manifest>,
}

impl Overseer for Watch {
    fn objection(&self) -> Option<Failure> {
        self.traps.quarantined(&self.sha256).as_ref().map(objection)
    }

    fn trapped(&self, failure: &Failure) {
        let (code, message) = (failure.code.clone(), failure.message.clone());
        self.traps.add(TrappedPlugin {
            sha256: self.sha256.clone(),
            file: self.file.clone(),
            plugin: self.manifest.id.clone(),
            version: self.manifest.version.clone(),
            traps: 0,
            last: LastTrap { at: self.traps.0.clock.now(), code, message },
            quarantined: None,
        });
    }

    fn landed(&self) {
        self.traps.forgive(&self.sha256);
    }
}
