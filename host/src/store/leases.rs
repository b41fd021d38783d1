//! Who works on which channel, so that only one does.
//!
//! A lease is two rows: who has it under which token, and until when. The first one
//! stays as it is while the lease is held, so that every batch of its holder can expect
//! it: whoever lost the lease writes nothing any more (a fencing token). The second one
//! is renewed by its holder. It judges no time: what has run out is decided above.

use super::engine::Want;
use super::keys::{self, Table};
use super::walk::walk;
use super::{Batch, Error, Result, Store, codec};
use crate::model::{ChannelId, Direction, HostId, Timestamp};
use bytes::{Buf, Bytes};

/// The leases.
pub struct Leases<'a>(pub(super) &'a Store);

/// A process that works on jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The host; it stays the same when it is started again.
    pub host: HostId,
    /// This start of it.
    pub life: HostId,
}

/// A lease that somebody holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The channel.
    pub channel: ChannelId,
    /// The direction.
    pub direction: Direction,
    /// Greater than that of every holder before.
    pub token: u64,
    /// Who holds it.
    pub owner: Owner,
}

/// What is known of a lease, held or not.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Who has it; none: nobody.
    pub owner: Option<Owner>,
    /// The token of its last holder; 0 where there was none.
    pub token: u64,
    /// Until when it is held, unless it is renewed.
    pub until: Timestamp,
    rows: [Option<Bytes>; 2],
}

impl Leases<'_> {
    /// The channels whose lease somebody holds, or held when it ended.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn held(&self) -> Result<Vec<(ChannelId, Direction)>> {
        self.0
            .blocking(|engine| {
                let mut held = Vec::new();
                walk(engine, Table::Leases.rows(), Want::Entries, |entry| {
                    if standing([Some(entry.value), None])?.owner.is_some() {
                        held.extend(keys::direction_of(&entry.key));
                    }
                    Ok(())
                })?;
                Ok(held)
            })
            .await
    }

    /// How it stands with a channel.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn get(&self, channel: ChannelId, direction: Direction) -> Result<Standing> {
        let keys = vec![keys::lease(channel, direction), keys::lease_end(channel, direction)];
        self.0
            .blocking(move |engine| {
                let mut rows = engine.get(keys)?.into_iter();
                standing([rows.next().flatten(), rows.next().flatten()])
            })
            .await
    }

    /// Whether the lease is held still.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn holds(&self, lease: &Lease) -> Result<bool> {
        let standing = self.get(lease.channel, lease.direction).await?;
        Ok(standing.owner == Some(lease.owner) && standing.token == lease.token)
    }
}

impl Batch {
    /// Takes the lease, if it stands as it was found.
    pub fn claim_lease(&mut self, found: &Standing, lease: &Lease, until: Timestamp) {
        self.expect_standing(found, lease.channel, lease.direction);
        self.put(keys::lease(lease.channel, lease.direction), encode(lease.token, Some(lease.owner)));
        self.put_end(lease, until);
    }

    /// Expects the lease to stand as it was found.
    pub fn expect_standing(&mut self, found: &Standing, channel: ChannelId, direction: Direction) {
        let keys = [keys::lease(channel, direction), keys::lease_end(channel, direction)];
        for (key, row) in keys.into_iter().zip(&found.rows) {
            match row {
                Some(row) => self.expect_value(key, row.to_vec()),
                None => self.expect_absent(key),
            }
        }
    }

    /// Expects the lease to be held still.
    pub fn expect_lease(&mut self, lease: &Lease) {
        let row = encode(lease.token, Some(lease.owner));
        self.expect_value(keys::lease(lease.channel, lease.direction), row);
    }

    /// Holds the lease for longer.
    pub fn renew_lease(&mut self, lease: &Lease, until: Timestamp) {
        self.expect_lease(lease);
        self.put_end(lease, until);
    }

    /// Gives the lease back. Its token stays known, so that the next one is greater.
    pub fn release_lease(&mut self, lease: &Lease) {
        self.expect_lease(lease);
        self.put(keys::lease(lease.channel, lease.direction), encode(lease.token, None));
        self.remove(keys::lease_end(lease.channel, lease.direction));
    }

    fn put_end(&mut self, lease: &Lease, until: Timestamp) {
        let millis = u64::try_from(until.as_millis()).unwrap_or(0);
        self.put(keys::lease_end(lease.channel, lease.direction), codec::encode_number(millis));
    }
}

/// The token, then host and life where somebody holds it.
fn encode(token: u64, owner: Option<Owner>) -> Vec<u8> {
    let mut bytes = token.to_be_bytes().to_vec();
    if let Some(owner) = owner {
        bytes.extend_from_slice(&owner.host.to_bytes());
        bytes.extend_from_slice(&owner.life.to_bytes());
    }
    codec::encode_bytes(&bytes)
}

fn standing(rows: [Option<Bytes>; 2]) -> Result<Standing> {
    const WHAT: &str = "a lease";
    let corrupt = || Error::Corrupt(WHAT.into());
    let (mut token, mut owner) = (0, None);
    if let Some(row) = &rows[0] {
        let mut row = codec::decode_bytes(WHAT, row.clone())?;
        token = row.try_get_u64().map_err(|_| corrupt())?;
        owner = match row.len() {
            0 => None,
            32 => {
                let mut id = || HostId::from_bytes(row.get_u128().to_be_bytes());
                Some(Owner { host: id(), life: id() })
            }
            _ => return Err(corrupt()),
        };
    }
    let until = match &rows[1] {
        Some(row) => codec::decode_number("the end of a lease", row.clone())?,
        None => 0,
    };
    Ok(Standing {
        owner,
        token,
        until: Timestamp::from_millis(i64::try_from(until).unwrap_or(i64::MAX)),
        rows,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner() -> Owner {
        Owner { host: HostId::new(), life: HostId::new() }
    }

    async fn claim(store: &Store, channel: ChannelId, owner: Owner, until: i64) -> Result<Lease> {
        let found = store.leases().get(channel, Direction::Import).await?;
        let lease = Lease { channel, direction: Direction::Import, token: found.token + 1, owner };
        let mut batch = Batch::new();
        batch.claim_lease(&found, &lease, Timestamp::from_millis(until));
        store.commit(batch).await.map(|()| lease)
    }

    #[tokio::test]
    async fn tokens_grow_and_the_last_holder_s_batches_are_refused() {
        let (store, channel) = (Store::in_memory(), ChannelId::new());
        let first = claim(&store, channel, owner(), 10).await.unwrap();
        let standing = store.leases().get(channel, Direction::Import).await.unwrap();
        assert_eq!(store.leases().held().await.unwrap(), [(channel, Direction::Import)]);
        assert_eq!((standing.owner, standing.token), (Some(first.owner), 1));
        assert_eq!(standing.until, Timestamp::from_millis(10));

        let second = claim(&store, channel, owner(), 20).await.unwrap();
        assert_eq!(second.token, 2);
        for (lease, holds) in [(&first, false), (&second, true)] {
            let mut batch = Batch::new();
            batch.expect_lease(lease);
            assert_eq!(store.commit(batch).await.is_ok(), holds);
            let mut batch = Batch::new();
            batch.renew_lease(lease, Timestamp::from_millis(30));
            assert_eq!(store.commit(batch).await.is_ok(), holds);
        }

        let mut batch = Batch::new();
        batch.release_lease(&second);
        store.commit(batch).await.unwrap();
        let standing = store.leases().get(channel, Direction::Import).await.unwrap();
        assert_eq!((standing.owner, standing.token), (None, 2));
        assert_eq!(store.leases().held().await.unwrap(), []);
        assert_eq!(claim(&store, channel, owner(), 40).await.unwrap().token, 3);
    }

    #[tokio::test]
    async fn of_two_that_claim_at_once_one_gets_it() {
        let (store, channel) = (Store::in_memory(), ChannelId::new());
        let found = store.leases().get(channel, Direction::Import).await.unwrap();
        let mut outcomes = Vec::new();
        for _ in 0..2 {
            let lease = Lease { channel, direction: Direction::Import, token: 1, owner: owner() };
            let mut batch = Batch::new();
            batch.claim_lease(&found, &lease, Timestamp::from_millis(1));
            outcomes.push(store.commit(batch).await.is_ok());
        }
        assert_eq!(outcomes, [true, false]);
    }
}
