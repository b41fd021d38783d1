//! The system's word that something in the plugins folder changed.
//!
//! A hint says no more than "look": the system drops events, network file
//! systems send none, and names in events may be gone by now.

use notify::{
    EventKind, RecommendedWatcher, RecursiveMode, Watcher,
    event::{AccessKind, AccessMode},
};
use std::path::Path;
use tokio::sync::mpsc;

/// A source of hints. Stops with its drop.
pub(super) struct Hints {
    hinted: mpsc::Receiver<()>,
    _watcher: RecommendedWatcher,
}

impl Hints {
    pub(super) fn new(folder: &Path) -> notify::Result<Self> {
        // One hint says as much as a thousand, so a full channel loses nothing.
        let (hint, hinted) = mpsc::channel(1);
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            if event.map_or(true, |event| is_change(event.kind)) {
                _ = hint.try_send(());
            }
        })?;
        watcher.watch(folder, RecursiveMode::NonRecursive)?;
        Ok(Self { hinted, _watcher: watcher })
    }

    /// Waits for the next one; none where there will be no more. Cancel safe.
    pub(super) async fn next(&mut self) -> Option<()> {
        self.hinted.recv().await
    }
}

/// Our own look opens the folder and our own reading opens files: taking that for a
/// change would keep us looking for ever.
fn is_change(kind: EventKind) -> bool {
    !matches!(
        kind,
        EventKind::Access(
            AccessKind::Open(_) | AccessKind::Read | AccessKind::Any | AccessKind::Close(AccessMode::Read)
        )
    )
}
