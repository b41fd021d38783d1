//! Which channels have something to export that nobody has asked for yet: a change that was
//! put off, or whose export failed, or was asked for by a host that was killed.
//!
//! It only asks; what can go is found out by the export.

use super::{Error, export::waits_for_another, runner::Shared};
use crate::{
    metrics,
    model::{Channel, ChannelType, Direction, Name, Outgoing, Timestamp},
    store,
};
use std::sync::Arc;

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
        if has_ready(shared, &channel).await? {
            shared.queue.nudge(&channel, shared.clock.now()).await?;
        }
    }
    metrics::outbox(waiting);
    Ok(())
}

async fn has_ready(shared: &Shared, channel: &Channel) -> store::Result<bool> {
    // Where the channel cannot be opened, its job finds out and says why.
    let mut offered: Option<Option<Arc<ChannelType>>> = None;
    for connector in &channel.connectors {
        let mut after = None;
        loop {
            let rows = shared.store.outbox().list(channel.id, connector, after.as_ref(), FEW).await?;
            let is_last = rows.len() < FEW;
            after = rows.last().map(|row| row.key.clone());
            if any_ready(&rows, shared.clock.now()) && offered.is_none() {
                let opened = shared.opener.open(&channel.name).await;
                offered = Some(opened.ok().map(|ready| ready.channel_type));
            }
            let ready = rows.iter().filter(|row| row.is_ready(shared.clock.now()));
            for row in ready {
                let offered = offered.as_ref().and_then(Option::as_deref);
                if can_go(shared, channel, offered, (connector, row)).await? {
                    return Ok(true);
                }
            }
            if is_last {
                break;
            }
        }
    }
    Ok(false)
}

fn any_ready(rows: &[Outgoing], now: Timestamp) -> bool {
    rows.iter().any(|row| row.is_ready(now))
}

/// Whether a row waits for no other record, as far as that is known here. One that does goes when
/// that other one has got there, in the same run.
async fn can_go(
    shared: &Shared,
    channel: &Channel,
    offered: Option<&ChannelType>,
    (connector, row): (&Name, &Outgoing),
) -> store::Result<bool> {
    let Some(connector) = offered.and_then(|offered| offered.connector(connector.as_str())) else {
        return Ok(true);
    };
    let is_mapped = channel.mappings.contains_key(&connector.id);
    let waits = waits_for_another(&shared.store, channel.id, connector, row, is_mapped).await?;
    Ok(!waits)
}
