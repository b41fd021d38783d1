//! How long a lease lasts, and keeping one alive.
//!
//! It works on nothing itself.

use crate::{
    clock::Clock,
    store::{self, Batch, Lease, Store},
};
use std::time::Duration;

/// How long a lease lasts that nobody renews: as long as a channel waits whose host died.
pub(super) const TERM: Duration = Duration::from_secs(30);
/// How often it is renewed: three misses in a row lose it.
const BEAT: Duration = Duration::from_secs(9);

/// Renews the lease for as long as it is polled; returns when it is lost. Cancel safe.
pub(super) async fn keep(store: &Store, clock: &Clock, lease: &Lease) {
    let mut until = clock.now().plus(TERM);
    loop {
        tokio::time::sleep(BEAT).await;
        let renewed = clock.now().plus(TERM);
        let mut batch = Batch::new();
        batch.renew_lease(lease, renewed);
        match store.commit(batch).await {
            Ok(()) => until = renewed,
            Err(store::Error::Expectation) => return,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a lease cannot be renewed");
                if clock.now() >= until {
                    return;
                }
            }
        }
    }
}
