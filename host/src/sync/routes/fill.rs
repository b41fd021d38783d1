//! What was there before a route: its records go into the route's feed, piece by piece,
//! with how far that is in the same commit.

use crate::{
    model::{Route, RouteEnd, RouteFill},
    store::{self, Batch, FeedEntry, FeedKind, Store},
};

/// Records in one commit.
const PIECE: usize = 500;

/// The next piece; false where nothing is left. `route` is as it is stored, before and
/// after.
///
/// # Errors
/// `Expectation` where somebody else changed the route.
pub(super) async fn piece(store: &Store, route: &mut Route) -> store::Result<bool> {
    let Some(fill) = route.fill.clone() else { return Ok(false) };
    let RouteEnd { channel, connector } = &route.from;
    let keys = store.records().keys(*channel, connector, fill.after.as_ref(), PIECE).await?;
    let mut batch = Batch::new();
    batch.expect_route(route);
    for key in &keys {
        let entry = FeedEntry { kind: FeedKind::Added, stamp: fastrand::u64(..), origin: None };
        batch.feed(route.id, *channel, connector, key, &entry);
    }
    let done = fill.done + keys.len() as u64;
    let is_over = keys.len() < PIECE;
    let next = keys.last().cloned().or(fill.after);
    let next = (!is_over).then(|| RouteFill { after: next, done, total: fill.total.max(done) });
    let after = Route { fill: next, ..route.clone() };
    batch.put_route(&after);
    store.commit(batch).await?;
    if is_over {
        tracing::info!(route = %route.name, records = done, "a route has read what was there before it");
    }
    *route = after;
    Ok(true)
}
