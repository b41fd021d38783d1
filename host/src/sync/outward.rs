//! Which channels have something to export that nobody has asked for yet: a change that was
//! put off, or whose export failed, or was asked for by a host that was killed.
//!
//! It only asks; what can go is found out by the export.

use super::{Error, export::waits_for_another, runner::Shared};
use crate::{
    metrics,
    model::{Channel, ChannelType, Direction, Name, Outgoing},
    store,
};
use tokio::sync::OnceCell;

/// Rows that are looked at of one connector, to find one that can go.
const FEW: usize = 50;

/// Asks for an export of every channel that has something to export and no job for it.
pub(super) async fn look(shared: &Shared) -> Result<(), Error> {
    let mut waiting = 0;
    for id in shared.store.outbox().channels().await? {
        let Some(channel) = shared.store.channels().get(id).await? else { continue };
        for connector in &channel.connectors {
            waiting += shared.store.outbox().count(id, connector).await?;
        }
        if shared.queue.has(id, Direction::Export) || !channel.two_way || !channel.is_active() {
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
    let offered = OnceCell::new();
    let open = async || Some(shared.opener.open(&channel.name).await.ok()?.channel_type);
    for connector in &channel.connectors {
        let mut after = None;
        loop {
            let rows = shared.store.outbox().list(channel.id, connector, after.as_ref(), FEW).await?;
            let is_last = rows.len() < FEW;
            after = rows.last().map(|row| row.key.clone());
            let now = shared.clock.now();
            for row in rows.iter().filter(|row| row.is_ready(now)) {
                let offered = offered.get_or_init(open).await.as_deref();
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
