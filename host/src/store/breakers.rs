//! The breakers of origins that are not closed.
//!
//! A row for each, by the origin's name; what it means is decided by the broker.

use super::engine::Want;
use super::keys::{self, Table};
use super::walk::walk;
use super::{Batch, Result, Store, codec};
use crate::model::KeptBreaker;

/// The breakers that are not closed.
pub struct Breakers<'a>(pub(super) &'a Store);

impl Breakers<'_> {
    /// All of them, in the order of their origins.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn list(&self) -> Result<Vec<KeptBreaker>> {
        self.0
            .blocking(|engine| {
                let mut all = Vec::new();
                walk(engine, Table::Breakers.rows(), Want::Entries, |entry| {
                    all.push(codec::decode("a breaker", entry.value)?);
                    Ok(())
                })?;
                Ok(all)
            })
            .await
    }
}

impl Batch {
    /// Keeps a breaker, in place of what was kept of its origin.
    pub fn put_breaker(&mut self, kept: &KeptBreaker) {
        self.put(keys::breaker(&kept.origin), codec::encode(kept));
    }

    /// Forgets the breaker of an origin, if it is there.
    pub fn remove_breaker(&mut self, origin: &str) {
        self.remove(keys::breaker(origin));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[test]
    fn breaker_of_version_1_is_read() {
        const ROW: &[u8] = b"\x01{\"origin\":\"https://a.example\",\"opened\":\"2023-11-14T22:13:20.123Z\",\
            \"probe-at\":\"2023-11-14T22:13:35.123Z\",\"pause-ms\":15000,\"failures\":5,\
            \"last-failure\":{\"at\":\"2023-11-14T22:13:20.123Z\",\"code\":\"net.connect\",\"message\":\"refused\"}}";
        let kept: KeptBreaker = codec::decode("a breaker", Bytes::from_static(ROW)).expect("a breaker");
        assert_eq!((kept.origin.as_str(), kept.pause_ms, kept.failures), ("https://a.example", 15_000, 5));
        assert_eq!(kept.probe_at.millis_since(kept.opened), 15_000);
        assert_eq!(codec::encode(&kept), ROW, "the form has not changed");
    }
}
