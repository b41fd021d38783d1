//! Which channels have something to export that nobody has asked for yet: a change that was
//! put off, or whose export failed, or was asked for by a host that was killed.
//!
//! It only asks; what can go is found out by the export.

use super::{Error, runner::Shared};
use crate::{
    metrics,
    model::{ChannelId, Direction, Name},
    store,
};

/// Rows that are looked at of one connector, to find one that can go.
const FEW: usize = 50;

/// Asks for an export of every channel that has something to export and no job for it.
pub(super) async fn look(shared: &Shared) -> Result<(), Error> {
    let mut waiting = 0;
    for id in shared.store.outbox().channels().await? {
        if let Some(channel) = shared.store.channels().get(id).await? {
            for connector in &channel.connectors {
                waiting += shared.store.outbox().count(id, connector).await?;
            }
        }
        if shared.queue.has(id, Direction::Export) {
            continue;
        }
        let Some(channel) = shared.store.channels().get(id).await? else { continue };
        if !channel.two_way || !channel.is_active() {
            continue;
        }
        if has_ready(shared, id, &channel.connectors).await? {
            shared.queue.nudge(&channel, shared.clock.now()).await?;
        }
    }
    metrics::outbox(waiting);
    Ok(())
}

async fn has_ready(shared: &Shared, channel: ChannelId, connectors: &[Name]) -> store::Result<bool> {
    let now = shared.clock.now();
    for connector in connectors {
        let mut after = None;
        loop {
            let rows = shared.store.outbox().list(channel, connector, after.as_ref(), FEW).await?;
            if rows.iter().any(|row| row.is_ready(now)) {
                return Ok(true);
            }
            match rows.last() {
                Some(last) if rows.len() == FEW => after = Some(last.key.clone()),
                _ => break,
            }
        }
    }
    Ok(false)
}
