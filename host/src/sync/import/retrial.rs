//! What is in quarantine, judged anew because somebody asked for it.
//!
//! The payloads that were kept make pages of their own, ahead of what is read: the same
//! rules, the same writer, and no step of the connector. The cursor stays where it is, and
//! nothing here says that a record is there remotely.

use super::{
    Landing, Pages, Stop, broken,
    processor::{Decided, Rules},
};
use crate::{
    model::Envelope,
    store::{Origin, Quarantined},
};
use bytes::Bytes;

/// Entries of a page.
const ENTRIES: usize = 200;
/// Payloads of a page, about.
const BYTES: usize = 4 << 20;

impl Pages<'_> {
    /// Judges all that somebody asked for. What is found fit leaves quarantine, everything
    /// else stays with another attempt.
    pub(super) async fn retry(&mut self) -> Result<(), Stop> {
        while self.quarantined {
            if self.import.progress.token().is_cancelled() {
                return Err(Stop::Told);
            }
            let entries = self.asked().await?;
            if entries.is_empty() {
                return Ok(());
            }
            let landing = self.judge(entries).await?;
            // Where somebody writes meanwhile, it is judged anew.
            self.lands(landing).await?;
        }
        Ok(())
    }

    /// Keys that were asked for, each with its entry where it is still there.
    async fn asked(&self) -> Result<Vec<(String, Option<Quarantined>)>, Stop> {
        let (channel, connector) = (self.import.channel.id, &self.import.connector.id);
        let quarantine = self.import.store.quarantine();
        let keys = quarantine.to_retry(channel, connector, ENTRIES).await.map_err(broken)?;
        let (mut entries, mut bytes) = (Vec::with_capacity(keys.len()), 0);
        for key in keys {
            let entry = quarantine.get(channel, connector, &key).await.map_err(broken)?;
            let payload = entry.as_ref().and_then(|entry| entry.payload.as_ref());
            bytes += payload.map_or(0, Bytes::len);
            entries.push((key, entry));
            if bytes >= BYTES {
                break;
            }
        }
        Ok(entries)
    }

    async fn judge(&mut self, entries: Vec<(String, Option<Quarantined>)>) -> Result<Landing, Stop> {
        let mut retried = Vec::with_capacity(entries.len());
        let mut records = Vec::with_capacity(entries.len());
        for (key, entry) in entries {
            records.extend(entry.and_then(delivered));
            retried.push(key);
        }
        let judged: Vec<String> = records.iter().map(|record| record.key.clone()).collect();
        let sheet = self.look_through(records).await?;
        // Not even a full run takes what was kept over what came since.
        let rules = Rules { full: false, ..self.rules() };
        let (sheet, learnt) = self.prepare(sheet).await?;
        let (mut decided, reconciled) = self.judged(sheet, learnt, rules).await?;
        decided.release_outdated(judged);
        tracing::info!(entries = retried.len(), "records in quarantine were judged anew");
        Ok(Landing { decided, retried, reconciled, ..Landing::default() })
    }
}

impl Decided {
    /// What was neither refused again nor released is older than what is stored, so that
    /// nothing is to be done about it any more.
    fn release_outdated(&mut self, judged: Vec<String>) {
        for key in judged {
            let is_settled =
                self.released.contains(&key) || self.quarantined.iter().any(|entry| entry.key == key);
            if !is_settled {
                self.released.push(key);
            }
        }
    }
}

/// Whether an entry can be judged anew; if so, by a payload that is kept whole.
pub(in crate::sync) fn can_judge(entry: &Quarantined) -> bool {
    matches!(entry.origin, Origin::Record { .. }) && entry.is_whole()
}

/// The record as it was delivered.
fn delivered(entry: Quarantined) -> Option<Envelope> {
    if !can_judge(&entry) {
        return None;
    }
    let Origin::Record { updated, parent } = entry.origin else {
        return None;
    };
    Some(Envelope {
        key: entry.key,
        parent,
        origin: None,
        updated_ms: updated.and_then(|time| u64::try_from(time.as_millis()).ok()),
        deleted: false,
        payload: entry.payload?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Class, Failure, RunId, Timestamp};

    fn entry(origin: Origin, size: Option<u64>, kept: &'static str) -> Quarantined {
        Quarantined {
            key: "k".into(),
            reason: Failure::new(Class::InvalidData, "record.size", "no"),
            origin,
            size,
            kept: kept.len() as u64,
            payload: Some(Bytes::from_static(kept.as_bytes())),
            first_seen: Timestamp::from_millis(1),
            last_seen: Timestamp::from_millis(2),
            attempts: 1,
            run: RunId::from_bytes([1; 16]),
        }
    }

    #[test]
    fn only_a_record_that_is_kept_whole_is_judged() {
        let record = |updated: Option<i64>| Origin::Record {
            updated: updated.map(Timestamp::from_millis),
            parent: Some("p".into()),
        };
        let check = |origin: Origin, size: Option<u64>, expected: Option<Option<u64>>| {
            let found = delivered(entry(origin.clone(), size, "{\"a\":1}"));
            assert_eq!(found.map(|envelope| envelope.updated_ms), expected, "{origin:?} {size:?}");
        };
        check(record(Some(5)), Some(7), Some(Some(5)));
        check(record(None), Some(7), Some(None));
        check(record(Some(5)), Some(8), None);
        check(record(Some(5)), None, None);
        check(Origin::Reject, Some(7), None);
        check(Origin::Key, Some(7), None);
    }

    #[test]
    fn what_is_neither_refused_nor_released_is_outdated() {
        let quarantined = vec![entry(Origin::Reject, None, "")];
        let mut decided = Decided { quarantined, released: vec!["good".into()], ..Decided::default() };
        decided.release_outdated(vec!["k".into(), "good".into(), "old".into()]);
        assert_eq!(decided.released, ["good", "old"]);
    }
}
