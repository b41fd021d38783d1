//! What people can do about changes that wait: look at one, have it tried again, give it up.
//!
//! Nothing is sent here; what is tried again is asked for.

use super::{
    Local, Place, Refusal, TRIES, Target,
    desk::{Before, Decided},
};
use crate::{
    model::{
        Author, ChannelName, Class, FieldConflict, Name, Outgoing, Record, RecordKey, RunId, Taken,
        Timestamp, TrailStep, Write,
    },
    store::{self, Batch},
    sync::{merge, reconcile::value},
};
use serde_json::Value;

/// Rows that are looked at of a time.
const BITE: usize = 200;

/// A change that waits, with all that there is to see of it.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// Its row.
    pub row: Outgoing,
    /// The record as it is here; none where it was deleted.
    pub record: Option<Record>,
    /// The remote id, where it is another than the key.
    pub remote: Option<RecordKey>,
    /// What would be sent, field by field.
    pub fields: Vec<FieldConflict>,
}

/// Which changes that wait; what is not said fits all.
#[derive(Clone, Debug, Default)]
pub struct Sieve {
    /// Of this connector.
    pub connector: Option<Name>,
    /// Of this record.
    pub key: Option<RecordKey>,
    /// Only those that the remote system refused.
    pub refused: bool,
    /// Whose failure has a code that begins so.
    pub code: Option<String>,
    /// Whose failure is of this class.
    pub class: Option<Class>,
    /// That were changed or refused since.
    pub since: Option<Timestamp>,
}

impl Sieve {
    /// Whether it lets a row through.
    #[must_use]
    pub fn fits(&self, row: &Outgoing) -> bool {
        let failure = row.failure.as_ref();
        let code = |code: &String| failure.is_some_and(|failure| failure.code.starts_with(code));
        let class = |class: Class| failure.is_some_and(|failure| failure.class == class);
        (row.refused || !self.refused)
            && self.key.as_ref().is_none_or(|key| *key == row.key)
            && self.code.as_ref().is_none_or(code)
            && self.class.is_none_or(class)
            && self.since.is_none_or(|since| row.changed >= since)
    }
}

/// What became of changes that were given up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Given up: the record is what the remote system has.
    pub dropped: u64,
    /// Not given up, because they were sent and are not answered.
    pub in_flight: u64,
}

impl Local<'_> {
    /// A change that waits, and what it amounts to.
    ///
    /// # Errors
    /// No change of the record waits, or the store cannot be read.
    pub async fn waiting(&self, target: Target) -> Result<Waiting, Refusal> {
        let place = self.open(target).await?;
        let (before, _) = self.before(&place).await?;
        let row = before.row.ok_or_else(|| Refusal::NotWaiting(place.key.clone()))?;
        let remote = self.remote_of(&place, &place.key).await?;
        let fields = fields(before.record.as_ref(), &row);
        Ok(Waiting { row, record: before.record, remote, fields })
    }

    /// Has the changes tried again that fit, whatever kept them, and asks for an export.
    /// How many they are. What is held waits for its conflict to be decided.
    ///
    /// # Errors
    /// The channel does not export, or the store cannot be written; what was done by then
    /// stays done.
    pub async fn retry(&self, channel: &ChannelName, sieve: &Sieve) -> Result<u64, Refusal> {
        let mut count = 0;
        let mut asked = None;
        for target in self.sifted(channel, sieve).await? {
            let place = self.place(target).await?;
            count += u64::from(self.retry_one(&place, sieve).await?);
            asked = Some(place.channel);
        }
        if let Some(channel) = asked.filter(|_| count > 0) {
            self.ask(&channel).await?;
        }
        Ok(count)
    }

    /// Gives the changes up that fit: their records are what the remote system has, and
    /// those that it has never had go.
    ///
    /// # Errors
    /// The store cannot be written; what was done by then stays done.
    pub async fn give_up(
        &self,
        channel: &ChannelName,
        sieve: &Sieve,
        author: &Author,
    ) -> Result<Dropped, Refusal> {
        let mut dropped = Dropped::default();
        for target in self.sifted(channel, sieve).await? {
            let place = self.open(target).await?;
            match self.give_up_one(&place, sieve, author).await {
                Ok(done) => dropped.dropped += u64::from(done),
                Err(Refusal::InFlight(_)) => dropped.in_flight += 1,
                Err(refusal) => return Err(refusal),
            }
        }
        Ok(dropped)
    }

    /// The records whose changes fit.
    async fn sifted(&self, channel: &ChannelName, sieve: &Sieve) -> Result<Vec<Target>, Refusal> {
        let shared = &self.0.shared;
        let ready = shared.opener.open(channel).await?;
        let mut found = Vec::new();
        let offered = ready.channel_type.connectors.iter().map(|connector| &connector.id);
        for connector in offered.filter(|id| sieve.connector.as_ref().is_none_or(|one| one == *id)) {
            let mut after = None;
            loop {
                let outbox = shared.store.outbox();
                let rows = outbox.list(ready.channel.id, connector, after.as_ref(), BITE).await?;
                let is_end = rows.len() < BITE;
                after = rows.last().map(|row| row.key.clone());
                let target = |row: Outgoing| Target {
                    channel: channel.clone(),
                    connector: connector.clone(),
                    key: row.key,
                };
                found.extend(rows.into_iter().filter(|row| sieve.fits(row)).map(target));
                if is_end {
                    break;
                }
            }
        }
        Ok(found)
    }

    async fn retry_one(&self, place: &Place, sieve: &Sieve) -> Result<bool, Refusal> {
        let (channel, connector) = (place.channel.id, &place.connector.id);
        for _ in 0..TRIES {
            let (before, epoch) = self.before(place).await?;
            let Some(row) = before.row.filter(|row| sieve.fits(row)) else { return Ok(false) };
            let again = Outgoing { tries: 0, due: None, failure: None, refused: false, ..row.clone() };
            let mut batch = Batch::new();
            batch.expect_channel(channel);
            batch.advance_epoch(channel, connector, epoch);
            batch.expect_outgoing(channel, connector, &place.key, Some(&row));
            batch.put_outgoing(channel, connector, &again);
            match self.0.shared.store.commit(batch).await {
                Err(store::Error::Expectation) => {}
                result => return result.map(|()| true).map_err(Refusal::from),
            }
        }
        Err(store::Error::Expectation.into())
    }

    async fn give_up_one(&self, place: &Place, sieve: &Sieve, author: &Author) -> Result<bool, Refusal> {
        let (channel, connector) = (place.channel.id, &place.connector.id);
        for _ in 0..TRIES {
            let (before, epoch) = self.before(place).await?;
            let Some(row) = before.row.clone().filter(|row| sieve.fits(row)) else { return Ok(false) };
            if row.sent.is_some() {
                return Err(Refusal::InFlight(place.key.clone()));
            }
            let decided = given_up(&before, &row, author, self.0.shared.clock.now());
            let mut batch = self.batch(place, &before, &decided, epoch).await?;
            let link = self.remote_of(place, &place.key).await?.filter(|_| decided.record.is_none());
            if let Some(remote) = link {
                // A record that is not here is linked to nothing.
                batch.unlink(channel, connector, &store::Link { local: place.key.clone(), remote });
            }
            match self.0.shared.store.commit(batch).await {
                Err(store::Error::Expectation) => {}
                result => return result.map(|()| true).map_err(Refusal::from),
            }
        }
        Err(store::Error::Expectation.into())
    }
}

/// What is here once a change is given up: what the remote system had last. Pure.
pub(super) fn given_up(before: &Before, row: &Outgoing, author: &Author, now: Timestamp) -> Decided {
    let here = before.record.as_ref();
    let record = row.base.clone().map(|base| Record {
        key: before.key.clone(),
        parent: base.parent.or_else(|| here.and_then(|record| record.parent.clone())),
        updated: base.updated,
        imported: now,
        run: here.map_or(RunId::from_bytes([0; 16]), |record| record.run),
        payload: base.payload,
    });
    let (kind, fields) = match (here, &record) {
        (Some(here), Some(base)) => {
            (Write::Update, merge::changed_fields(&value(&here.payload), &value(&base.payload)))
        }
        (None, Some(_)) => (Write::Create, Vec::new()),
        (_, None) => (Write::Delete, Vec::new()),
    };
    let growth = i64::from(record.is_some()) - i64::from(here.is_some());
    let step = TrailStep { at: now, author: author.clone(), kind, fields, run: None };
    Decided { record, row: None, growth, step }
}

/// What would be sent, field by field: what both sides had, and what is here. Pure.
fn fields(record: Option<&Record>, row: &Outgoing) -> Vec<FieldConflict> {
    let base = row.base.as_ref().map(|base| value(&base.payload));
    let Some(record) = record else { return Vec::new() };
    let here = value(&record.payload);
    let from = base.unwrap_or_else(|| Value::Object(serde_json::Map::new()));
    let taken = if row.held.is_some() { Taken::Held } else { Taken::Local };
    let fields = merge::changed_fields(&from, &here).into_iter();
    let field = |field: String| FieldConflict {
        base: from.pointer(&field).cloned(),
        local: here.pointer(&field).cloned(),
        remote: None,
        taken,
        field,
    };
    fields.map(field).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Failure, Version},
        sync::{local::bytes, reconcile, tests::support::key},
    };
    use serde_json::json;

    fn row(base: Option<Value>) -> Outgoing {
        let base = base.map(|base| Version { updated: None, parent: None, payload: bytes(&base) });
        let row = reconcile::fresh(key("k"), Write::Update, Author::Remote, Timestamp::from_millis(5));
        Outgoing { base, ..row }
    }

    fn here(payload: Option<Value>) -> Before {
        let record = payload.map(|payload| Record {
            key: key("k"),
            parent: Some(key("p")),
            updated: None,
            imported: Timestamp::from_millis(1),
            run: RunId::from_bytes([0; 16]),
            payload: bytes(&payload),
        });
        Before { key: key("k"), record, row: None, trail: Vec::new() }
    }

    #[test]
    fn giving_up_brings_back_what_the_remote_system_had() {
        let check = |local: Option<Value>, base: Option<Value>, growth: i64, fields: &[&str]| {
            let found =
                given_up(&here(local), &row(base.clone()), &Author::Remote, Timestamp::from_millis(9));
            assert_eq!(found.record.map(|record| value(&record.payload)), base);
            assert_eq!((found.growth, found.row), (growth, None));
            assert_eq!(found.step.fields, fields);
        };
        check(Some(json!({"a": 2})), Some(json!({"a": 1})), 0, &["/a"]);
        check(None, Some(json!({"a": 1})), 1, &[]);
        check(Some(json!({"a": 2})), None, -1, &[]);
        check(None, None, 0, &[]);
    }

    #[test]
    fn what_would_be_sent_is_told_field_by_field() {
        let told =
            fields(here(Some(json!({"a": 2, "c": 3}))).record.as_ref(), &row(Some(json!({"a": 1, "b": 1}))));
        let told: Vec<_> = told.into_iter().map(|one| (one.field, one.base, one.local)).collect();
        let expected = [
            ("/a".to_owned(), Some(json!(1)), Some(json!(2))),
            ("/b".to_owned(), Some(json!(1)), None),
            ("/c".to_owned(), None, Some(json!(3))),
        ];
        for one in &expected {
            assert!(told.contains(one), "{one:?} in {told:?}");
        }
        assert_eq!(told.len(), 3);
    }

    #[test]
    fn a_sieve_lets_through_what_fits() {
        let failure = Failure::new(Class::InvalidData, "record.bad", "no");
        let refused = Outgoing { refused: true, failure: Some(failure), ..row(None) };
        let all = Sieve::default;
        for (sieve, fits_refused, fits_other) in [
            (all(), true, true),
            (Sieve { refused: true, ..all() }, true, false),
            (Sieve { key: Some(key("k")), ..all() }, true, true),
            (Sieve { key: Some(key("x")), ..all() }, false, false),
            (Sieve { code: Some("record.".into()), ..all() }, true, false),
            (Sieve { code: Some("http.".into()), ..all() }, false, false),
            (Sieve { class: Some(Class::InvalidData), ..all() }, true, false),
            (Sieve { since: Some(Timestamp::from_millis(6)), ..all() }, false, false),
        ] {
            assert_eq!(
                (sieve.fits(&refused), sieve.fits(&row(None))),
                (fits_refused, fits_other),
                "{sieve:?}"
            );
        }
    }
}
