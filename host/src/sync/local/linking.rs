//! A person says which remote record a local one is, or that it is none.
//!
//! Both ways are unique: neither side is linked twice. Nothing is sent here.

use super::{Local, Place, Refusal, TRIES, Target, desk::Before};
use crate::{
    model::{Author, Class, Failure, Outgoing, RecordKey, Write},
    store::{self, Batch, Link},
    sync::reconcile,
};

impl Local<'_> {
    /// Links a record whose creation waits to the remote one that it is: it is not created,
    /// what it has is exported as an update.
    ///
    /// # Errors
    /// Either side has its counterpart already, or the creation was sent; nothing is
    /// written then.
    ///
    /// # Cancel safety
    /// Dropped early, it was done or not, but never half.
    pub async fn link(&self, target: Target, remote: RecordKey) -> Result<Link, Refusal> {
        let place = self.place(target).await?;
        for _ in 0..TRIES {
            let (before, epoch) = self.before(&place).await?;
            let link = Link { local: place.key.clone(), remote: remote.clone() };
            let row = linked(&before, self.obstacle(&place, &before, &link).await?, &link)?;
            let (channel, connector) = (place.channel.id, &place.connector.id);
            let mut batch = Batch::new();
            batch.expect_channel(channel);
            batch.advance_epoch(channel, connector, epoch);
            batch.expect_outgoing(channel, connector, &place.key, before.row.as_ref());
            if link.local != link.remote {
                batch.expect_record(channel, connector, &link.remote, None);
            }
            batch.link(channel, connector, &link);
            batch.put_outgoing(channel, connector, &row);
            match self.0.shared.store.commit(batch).await {
                Err(store::Error::Expectation) => {}
                result => {
                    result?;
                    self.ask(&place.channel).await?;
                    return Ok(link);
                }
            }
        }
        Err(store::Error::Expectation.into())
    }

    /// Takes a link away. The record is then one that is not there remotely, and is not
    /// created there before a person asks for that, or edits it.
    ///
    /// # Errors
    /// There is no link, or a change waits; nothing is written then.
    ///
    /// # Cancel safety
    /// Dropped early, it was done or not, but never half.
    pub async fn unlink(&self, target: Target) -> Result<Link, Refusal> {
        let place = self.open(target).await?;
        let (channel, connector) = (place.channel.id, &place.connector.id);
        for _ in 0..TRIES {
            let (before, epoch) = self.before(&place).await?;
            let remote = self.remote_of(&place, &place.key).await?;
            let remote = remote.ok_or_else(|| Refusal::NotLinked(place.key.clone()))?;
            if before.row.is_some() {
                return Err(Refusal::Waits(place.key.clone()));
            }
            let link = Link { local: place.key.clone(), remote };
            let mut batch = Batch::new();
            batch.expect_channel(channel);
            batch.advance_epoch(channel, connector, epoch);
            batch.expect_record(channel, connector, &place.key, before.record.as_ref());
            batch.expect_outgoing(channel, connector, &place.key, None);
            batch.unlink(channel, connector, &link);
            if before.record.is_some() {
                batch.put_outgoing(channel, connector, &self.alone(&place.key, &link));
            }
            match self.0.shared.store.commit(batch).await {
                Err(store::Error::Expectation) => {}
                result => return result.map(|()| link).map_err(Refusal::from),
            }
        }
        Err(store::Error::Expectation.into())
    }

    pub(super) async fn remote_of(&self, place: &Place, key: &RecordKey) -> store::Result<Option<RecordKey>> {
        let (links, channel) = (self.0.shared.store.links(), place.channel.id);
        Ok(links.remotes(channel, &place.connector.id, vec![key.clone()]).await?.pop().flatten())
    }

    /// What stands against a link.
    async fn obstacle(&self, place: &Place, before: &Before, link: &Link) -> store::Result<Option<String>> {
        let (store, channel, connector) = (&self.0.shared.store, place.channel.id, &place.connector.id);
        if let Some(other) = self.remote_of(place, &link.local).await? {
            return Ok(Some(format!("'{}' is linked to '{other}' already; unlink it first", link.local)));
        }
        let locals = store.links().locals(channel, connector, vec![link.remote.clone()]).await?;
        if let Some(other) = locals.into_iter().next().flatten() {
            return Ok(Some(format!("'{}' is what '{other}' is linked to already", link.remote)));
        }
        let is_other = link.local != link.remote || before.row.is_none();
        if is_other && store.records().get(channel, connector, &link.remote).await?.is_some() {
            return Ok(Some(format!("'{0}' is here already, as the record '{0}'", link.remote)));
        }
        Ok(None)
    }

    /// A record that is not there remotely, and waits for a person.
    fn alone(&self, key: &RecordKey, link: &Link) -> Outgoing {
        let now = self.0.shared.clock.now();
        let message =
            format!("it was unlinked from '{}'; it is created anew where that is asked for", link.remote);
        let failure = Failure::new(Class::Conflict, "record.unlinked", message);
        let row = reconcile::fresh(key.clone(), Write::Create, Author::Answer, now);
        Outgoing { failure: Some(failure), refused: true, ..row }
    }
}

/// The row of a record that is linked. Pure.
fn linked(before: &Before, obstacle: Option<String>, link: &Link) -> Result<Outgoing, Refusal> {
    let refuse =
        |why: String| Refusal::Linked { local: link.local.clone(), remote: link.remote.clone(), why };
    if before.record.is_none() {
        return Err(Refusal::NoRecord(before.key.clone()));
    }
    if let Some(why) = obstacle {
        return Err(refuse(why));
    }
    match &before.row {
        Some(row) if row.sent.is_some() => Err(Refusal::InFlight(before.key.clone())),
        Some(row) if row.kind == Write::Create && row.base.is_none() => Ok(Outgoing {
            kind: Write::Update,
            idempotency_key: reconcile::new_key(),
            tries: 0,
            due: None,
            failure: None,
            refused: false,
            ..row.clone()
        }),
        _ => Err(refuse(format!("'{0}' is the remote record '{0}' already: it was imported", link.local))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Record, RunId, Sent, Timestamp, Version},
        sync::tests::support::key,
    };
    use bytes::Bytes;

    fn before(row: Option<Outgoing>) -> Before {
        let record = Record {
            key: key("mine"),
            parent: None,
            updated: None,
            imported: Timestamp::from_millis(1),
            run: RunId::from_bytes([0; 16]),
            payload: Bytes::from_static(b"{}"),
        };
        Before { key: key("mine"), record: Some(record), row, trail: Vec::new() }
    }

    #[test]
    fn only_a_record_whose_creation_waits_can_be_linked() {
        let link = Link { local: key("mine"), remote: key("7") };
        let new = || reconcile::fresh(key("mine"), Write::Create, Author::Answer, Timestamp::from_millis(1));
        let payload = Bytes::from_static(b"{}");
        let sent = Sent { kind: Write::Create, at: Timestamp::from_millis(1), payload: payload.clone() };
        let base = Version { updated: None, parent: None, payload };
        let check = |before: &Before, obstacle: Option<&str>, expected: &str| {
            let told = match linked(before, obstacle.map(str::to_owned), &link) {
                Ok(row) => format!("{:?}, refused: {}", row.kind, row.refused),
                Err(refusal) => refusal.to_string(),
            };
            assert!(told.contains(expected), "{told}");
        };
        check(&before(Some(new())), None, "Update, refused: false");
        check(&before(Some(Outgoing { refused: true, ..new() })), None, "Update, refused: false");
        check(&before(Some(new())), Some("taken"), "'mine' and '7' cannot be linked: taken");
        check(&before(Some(Outgoing { sent: Some(sent), ..new() })), None, "not answered yet");
        check(&before(Some(Outgoing { kind: Write::Update, base: Some(base), ..new() })), None, "imported");
        check(&before(None), None, "imported");
        check(&Before { record: None, ..before(Some(new())) }, None, "there is no record 'mine'");
    }
}
