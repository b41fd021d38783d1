//! What there is of a channel, counted: for whoever is about to delete it.
//!
//! It only counts. What is counted, and in which table, stands in one list.

use super::engine::Want;
use super::keys::{self, Table};
use super::walk::{self, walk};
use super::{Channels, Error, Result, codec};
use crate::model::{ChannelId, Held, Holdings};

/// Tables of connectors whose rows are counted one by one, and where the number goes.
const COUNTED: [(Table, Place); 3] = [
    (Table::Due, |held| &mut held.due),
    (Table::Quarantine, |held| &mut held.quarantined),
    (Table::Outbox, |held| &mut held.unsent),
];

type Place = fn(&mut Held) -> &mut u64;

impl Channels<'_> {
    /// What there is of the channel now. Other commits may come between two numbers.
    /// Some milliseconds; a second for a million due keys.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn holdings(&self, id: ChannelId) -> Result<Holdings> {
        self.0
            .blocking(move |engine| {
                let mut holdings = Holdings::default();
                walk(engine, Table::Totals.rows_of(id), Want::Entries, |entry| {
                    let records = codec::decode_number("a number of records", entry.value)?;
                    held(&mut holdings, &entry.key)?.records = records;
                    Ok(())
                })?;
                for (table, place) in COUNTED {
                    walk(engine, table.rows_of(id), Want::Keys, |entry| {
                        *place(held(&mut holdings, &entry.key)?) += 1;
                        Ok(())
                    })?;
                }
                holdings.runs = walk::count(engine, Table::RunsOfChannel.rows_of(id))?;
                Ok(holdings)
            })
            .await
    }
}

fn held<'a>(holdings: &'a mut Holdings, key: &[u8]) -> Result<&'a mut Held> {
    let connector = keys::connector_of(key).ok_or_else(|| Error::Corrupt("the key of a connector".into()))?;
    Ok(holdings.connectors.entry(connector).or_default())
}
