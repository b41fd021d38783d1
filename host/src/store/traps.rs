//! The versions of plugins whose last steps ended in a trap.
//!
//! A row for each, by the digest of the file; what it means is decided by the catalog.

use super::engine::Want;
use super::keys::{self, Table};
use super::walk::walk;
use super::{Batch, Result, Store, codec};
use crate::model::TrappedPlugin;

/// The versions that trapped.
pub struct Traps<'a>(pub(super) &'a Store);

impl Traps<'_> {
    /// All of them, in the order of their digests.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn list(&self) -> Result<Vec<TrappedPlugin>> {
        self.0
            .blocking(|engine| {
                let mut all = Vec::new();
                walk(engine, Table::Traps.rows(), Want::Entries, |entry| {
                    all.push(codec::decode("a plugin that trapped", entry.value)?);
                    Ok(())
                })?;
                Ok(all)
            })
            .await
    }
}

impl Batch {
    /// Keeps a version, in place of what was kept of it.
    pub fn put_trapped(&mut self, version: &TrappedPlugin) {
        self.put(keys::trapped(&version.sha256), codec::encode(version));
    }

    /// Forgets a version, if it is there.
    pub fn remove_trapped(&mut self, sha256: &str) {
        self.remove(keys::trapped(sha256));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[tokio::test]
    async fn a_trapped_plugin_of_version_1_is_read_kept_and_forgotten() {
        const ROW: &[u8] = b"\x01{\"sha256\":\"00ff\",\"file\":\"desk.wasm\",\"plugin\":\"desk\",\
            \"version\":\"1.0.0\",\"traps\":5,\"last\":{\"at\":\"2023-11-14T22:13:20.123Z\",\
            \"code\":\"trap.unreachable\",\"message\":\"the plugin panicked\"},\
            \"quarantined\":\"2023-11-14T22:13:20.123Z\"}";
        let kept: TrappedPlugin = codec::decode("a plugin", Bytes::from_static(ROW)).expect("a plugin");
        assert_eq!((kept.plugin.as_str(), kept.traps), ("desk", 5));
        assert_eq!(codec::encode(&kept), ROW, "the form has not changed");

        let store = Store::in_memory();
        let mut batch = Batch::new();
        batch.put_trapped(&kept);
        store.commit(batch).await.unwrap();
        assert_eq!(store.traps().list().await.unwrap(), [kept]);
        let mut batch = Batch::new();
        batch.remove_trapped("00ff");
        store.commit(batch).await.unwrap();
        assert_eq!(store.traps().list().await.unwrap(), []);
    }
}
