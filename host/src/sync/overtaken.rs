//! Conflicts that waited for a person and are over: another one took their place, or
//! nothing is left to be decided.
//!
//! It belongs to every batch that changes a row of the outbox. It decides nothing about
//! the row itself.

use crate::{
    model::{ChannelId, Conflict, Name, Outgoing, Settlement},
    store::{self, Store},
};

/// The conflict that the row was held for, settled, where the row is held for it no more.
pub(super) async fn by(
    store: &Store,
    (channel, connector): (ChannelId, &Name),
    (before, after): (Option<&Outgoing>, Option<&Outgoing>),
    settlement: Settlement,
) -> store::Result<Option<Conflict>> {
    let held = |row: Option<&Outgoing>| row.and_then(|row| row.held);
    let Some(id) = held(before).filter(|id| held(after) != Some(*id)) else { return Ok(None) };
    let conflict = store.conflicts().get(channel, connector, id).await?;
    let open = conflict.filter(|conflict| conflict.settled.is_none());
    Ok(open.map(|conflict| Conflict { settled: Some(settlement), ..conflict }))
}
