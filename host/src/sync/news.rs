//! What subscribers are told of a change: which fields, as far as that is known.
//!
//! A row of the feed stands for all changes since its subscriber was told of the record last, so
//! the fields of a later change go to those that are there. It may name a field that was told
//! already, where a message was on its way when the record changed again; it leaves none out.

use super::Subscribers;
use crate::{
    model::{ChannelId, Name, RecordKey, SubscriberId},
    store::{self, Batch, FeedEntry, FeedKey, FeedKind, FeedRow, Store},
};
use serde_json::Value;
use std::collections::HashMap;

/// The most fields that one row tells; of more it is not told which.
const MOST: usize = 256;

/// A change of a record that a batch makes.
#[derive(Clone, Copy)]
pub(super) struct Change<'a> {
    pub(super) key: &'a RecordKey,
    pub(super) kind: FeedKind,
    /// What the record becomes; none where it goes.
    pub(super) payload: Option<&'a [u8]>,
}

/// Rows for those who want to know. They go with the batch that makes the changes.
#[derive(Default)]
pub(super) struct News(Vec<(SubscriberId, FeedRow)>);

impl News {
    /// Puts the rows into the batch.
    pub(super) fn put(&self, batch: &mut Batch) {
        self.0.iter().for_each(|(subscriber, row)| batch.feed_row(*subscriber, row));
    }
}

impl Subscribers {
    /// What everybody who wants to know is told of these changes. For those who are told which
    /// fields of a record changed it reads what the record is and what is waiting to be told, so it
    /// counts only for a batch that expects, by whatever it expects, that nobody else changes the
    /// records meanwhile.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub(super) async fn news<'a>(
        &self,
        store: &Store,
        channel: ChannelId,
        connector: &Name,
        changes: impl Iterator<Item = Change<'a>>,
    ) -> store::Result<News> {
        let subscribers = self.wanting(channel, connector);
        if subscribers.is_empty() {
            return Ok(News::default());
        }
        let (mut rows, mut told) = (Vec::new(), Vec::new());
        for change in changes {
            let key = FeedKey { channel, connector: connector.clone(), key: change.key.clone() };
            let entry = FeedEntry { kind: change.kind, stamp: fastrand::u64(..), origin: None };
            for (subscriber, with_fields) in &subscribers {
                if *with_fields && change.kind == FeedKind::Updated {
                    told.push((rows.len(), change));
                }
                rows.push((*subscriber, FeedRow { key: key.clone(), entry, changed: None }));
            }
        }
        if told.is_empty() {
            return Ok(News(rows));
        }
        let own = fields(store, channel, connector, told.iter().map(|(_, change)| *change)).await?;
        let waiting = told.iter().map(|(place, _)| (rows[*place].0, rows[*place].1.key.clone())).collect();
        let waiting = store.feed().get_many(waiting).await?;
        for ((place, change), before) in told.into_iter().zip(waiting) {
            let before = before.map(|row| (row.entry.kind, row.changed));
            let own = own.get(change.key).cloned().flatten();
            rows[place].1.changed = since(before, change.kind, own);
        }
        Ok(News(rows))
    }
}

/// The fields that each update changes; none where it cannot be told.
async fn fields<'a>(
    store: &Store,
    channel: ChannelId,
    connector: &Name,
    updates: impl Iterator<Item = Change<'a>>,
) -> store::Result<HashMap<&'a RecordKey, Option<Vec<String>>>> {
    // Once each, whoever is told.
    let updates: HashMap<&RecordKey, Change<'_>> = updates.map(|change| (change.key, change)).collect();
    let keys = updates.keys().map(|key| (*key).clone()).collect();
    let before = store.records().get_many(channel, connector, keys).await?;
    let told = updates.into_iter().zip(before).map(|((key, change), before)| {
        let fields = before.zip(change.payload).map(|(before, after)| differences(&before.payload, after));
        (key, fields)
    });
    Ok(told.collect())
}

/// Which fields changed since a subscriber was told last, after a change of `own` fields on top of
/// what was to be told `before`. Pure.
pub(super) fn since(
    before: Option<(FeedKind, Option<Vec<String>>)>,
    kind: FeedKind,
    own: Option<Vec<String>>,
) -> Option<Vec<String>> {
    if kind != FeedKind::Updated {
        return None;
    }
    let mut all = match before {
        None => Vec::new(),
        Some((FeedKind::Updated, fields)) => fields?,
        // Nobody knows what the subscriber takes the record for.
        Some((FeedKind::Added | FeedKind::Deleted, _)) => return None,
    };
    for field in own? {
        if !all.contains(&field) {
            all.push(field);
        }
    }
    (all.len() <= MOST).then_some(all)
}

/// The members in which two payloads differ, as JSON Pointers; the whole where one of them has no
/// members.
fn differences(before: &[u8], after: &[u8]) -> Vec<String> {
    let read = |payload| serde_json::from_slice::<Value>(payload);
    match (read(before), read(after)) {
        (Ok(Value::Object(before)), Ok(Value::Object(after))) => {
            let gone = before.keys().filter(|name| !after.contains_key(*name));
            let changed = after.iter().filter(|(name, value)| before.get(*name) != Some(value));
            changed.map(|(name, _)| name).chain(gone).map(|name| pointer(name)).collect()
        }
        (Ok(before), Ok(after)) if before == after => Vec::new(),
        _ => vec![String::new()],
    }
}

/// RFC 6901.
fn pointer(name: &str) -> String {
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use FeedKind::{Added, Deleted, Updated};

    fn list(fields: &[&str]) -> Option<Vec<String>> {
        Some(fields.iter().map(|field| (*field).to_owned()).collect())
    }

    #[test]
    fn fields_are_those_in_which_payloads_differ() {
        let check = |before: &str, after: &str, expected: &[&str]| {
            assert_eq!(differences(before.as_bytes(), after.as_bytes()), expected, "{before} {after}");
        };
        check(r#"{"a": 1, "b": 2}"#, r#"{"b": 2, "a": 1}"#, &[]);
        check(r#"{"a": 1, "b": {"c": 1}}"#, r#"{"a": 1, "b": {"c": 2}}"#, &["/b"]);
        check(r#"{"a": 1, "b": 2}"#, r#"{"b": 3, "c": null}"#, &["/b", "/c", "/a"]);
        check(r#"{"x/y": 1, "a~b": 1}"#, r#"{"x/y": 2, "a~b": 2}"#, &["/x~1y", "/a~0b"]);
        check("[1]", "[1]", &[]);
        check("[1]", "[2]", &[""]);
        check("[1]", r#"{"a": 1}"#, &[""]);
        check("broken", r#"{"a": 1}"#, &[""]);
    }

    #[test]
    fn coalesced_changes_tell_the_fields_of_all() {
        let check = |before, kind, own, expected: Option<Vec<String>>| {
            assert_eq!(since(before, kind, own), expected);
        };
        check(None, Updated, list(&["/a"]), list(&["/a"]));
        check(Some((Updated, list(&["/a", "/b"]))), Updated, list(&["/b", "/c"]), list(&["/a", "/b", "/c"]));
        check(Some((Updated, None)), Updated, list(&["/a"]), None);
        check(Some((Updated, list(&["/a"]))), Updated, None, None);
        check(Some((Added, None)), Updated, list(&["/a"]), None);
        check(Some((Deleted, None)), Updated, list(&["/a"]), None);
        check(Some((Updated, list(&["/a"]))), Deleted, None, None);
        check(None, Added, None, None);
        let many: Vec<String> = (0..=MOST).map(|number| format!("/{number}")).collect();
        check(None, Updated, Some(many), None);
    }
}
