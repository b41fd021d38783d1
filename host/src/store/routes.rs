//! Routes, which record is whose counterpart by them, and how their work goes.
//!
//! It keeps and finds; what is written where, and when it is tried again, is decided above.
//! Links are unique both ways: a batch that links either record of a route a second time is
//! refused.

use super::engine::{Range, Want};
use super::feed::FeedKey;
use super::keys::Table;
use super::records::decode_key;
use super::walk::{count, get, remove_all, walk};
use super::{Batch, Result, Store, codec};
use crate::model::{Failure, RecordKey, Route, SubscriberId, Timestamp};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Table and subscriber.
const HEAD: usize = 1 + 16;
/// What comes behind the route: how rows go, and which were set aside.
const TRIES: u8 = b't';
const FAILED: u8 = b'f';

/// The record that is the counterpart of another one by a route.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RouteLink {
    /// Its key, at the end to which the route goes.
    pub to: RecordKey,
    /// What the route last made of the one that it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_to: Option<Value>,
    /// What the way back last made of the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_from: Option<Value>,
}

/// A link as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptLink {
    /// The key of the record that the route comes from.
    pub from: RecordKey,
    /// The link.
    pub link: RouteLink,
    row: Bytes,
}

/// How the work on a change goes that was not done at the first try.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RouteTries {
    /// Which change; of another stamp it says nothing.
    pub stamp: u64,
    /// How often it failed.
    pub tries: u32,
    /// How often it was found to wait for another record.
    #[serde(default)]
    pub waits: u32,
    /// Not to be tried again before.
    pub next: Timestamp,
}

/// A change that was set aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FailedRoute {
    /// How often it was tried.
    pub tries: u32,
    /// Why it failed the last time.
    pub reason: Failure,
    /// When it was set aside.
    pub since: Timestamp,
}

/// The routes.
pub struct Routes<'a>(pub(super) &'a Store);

impl Routes<'_> {
    /// All of them, in the order of their making.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn list(&self) -> Result<Vec<Route>> {
        self.0
            .blocking(|engine| {
                let (mut all, mut rows) = (Vec::new(), Table::Routes.rows());
                // Steps over what comes behind each.
                while let Some(entry) = engine.scan(rows.clone(), 1, Want::Entries)?.pop() {
                    let head = &entry.key[..HEAD.min(entry.key.len())];
                    if entry.key.len() == HEAD {
                        all.push(codec::decode("a route", entry.value)?);
                    }
                    rows.start = Range::prefix(head).end.unwrap_or_default();
                }
                Ok(all)
            })
            .await
    }

    /// The link of the record at the end that the route comes from.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn link(&self, route: SubscriberId, from: &RecordKey) -> Result<Option<KeptLink>> {
        let (key, from) = (link_key(route, from), from.clone());
        self.0.blocking(move |engine| get(engine, key)?.map(|row| kept(from, row)).transpose()).await
    }

    /// The link of the record at the end that the route goes to.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn link_back(&self, route: SubscriberId, to: &RecordKey) -> Result<Option<KeptLink>> {
        let key = back_key(route, to);
        let from = self
            .0
            .blocking(move |engine| {
                let row = get(engine, key)?;
                row.map(|row| decode_key(&codec::decode_bytes("a route's way back", row)?)).transpose()
            })
            .await?;
        match from {
            Some(from) => self.link(route, &from).await,
            None => Ok(None),
        }
    }

    /// How many links a route has. Reads all their keys.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn count_links(&self, route: SubscriberId) -> Result<u64> {
        let rows = Range::prefix(&Table::RouteLinks.key(&[&route.to_bytes()]));
        self.0.blocking(move |engine| count(engine, rows)).await
    }

    /// How the work goes on changes that were not done at the first try.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn tries(&self, route: SubscriberId) -> Result<Vec<(FeedKey, RouteTries)>> {
        let rows = Range::prefix(&Table::Routes.key(&[&route.to_bytes(), &[TRIES]]));
        self.0
            .blocking(move |engine| {
                let mut all = Vec::new();
                walk(engine, rows, Want::Entries, |entry| {
                    let key = FeedKey::from_bytes(&entry.key[HEAD + 1..])?;
                    all.push((key, codec::decode("the tries of a route", entry.value)?));
                    Ok(())
                })?;
                Ok(all)
            })
            .await
    }

    /// At most `limit` changes that were set aside, in the order of their keys, those after
    /// `after`.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn failed(
        &self,
        route: SubscriberId,
        after: Option<&FeedKey>,
        limit: usize,
    ) -> Result<Vec<(FeedKey, FailedRoute)>> {
        let mut rows = Range::prefix(&Table::Routes.key(&[&route.to_bytes(), &[FAILED]]));
        if let Some(after) = after {
            rows = rows.after(&behind(route, FAILED, after));
        }
        let decode = |key: &[u8], row: Bytes| {
            Ok((FeedKey::from_bytes(&key[HEAD + 1..])?, codec::decode("a failed change", row)?))
        };
        self.0
            .blocking(move |engine| {
                let entries = engine.scan(rows, limit, Want::Entries)?;
                entries.into_iter().map(|entry| decode(&entry.key, entry.value)).collect()
            })
            .await
    }

    /// How many changes were set aside.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn count_failed(&self, route: SubscriberId) -> Result<u64> {
        let rows = Range::prefix(&Table::Routes.key(&[&route.to_bytes(), &[FAILED]]));
        self.0.blocking(move |engine| count(engine, rows)).await
    }

    /// Removes a route with its links and all that it had to do.
    ///
    /// # Errors
    /// Where the store cannot be written.
    pub async fn delete(&self, route: SubscriberId) -> Result<()> {
        self.0
            .blocking(move |engine| {
                // The route itself first: whoever works for it expects it.
                for table in [Table::Routes, Table::Feed, Table::RouteLinks, Table::RouteLinksBack] {
                    let rows = Range::prefix(&table.key(&[&route.to_bytes()]));
                    remove_all(engine, &rows, Want::Keys, |batch, entry| batch.remove(entry.key.into()))?;
                }
                engine.flush()
            })
            .await
    }
}

impl Batch {
    /// Keeps a route, in place of what was kept of it.
    pub fn put_route(&mut self, route: &Route) {
        self.put(Table::Routes.key(&[&route.id.to_bytes()]), codec::encode(route));
    }

    /// Expects the route to be there, and to be this one.
    pub fn expect_route(&mut self, route: &Route) {
        self.expect_value(Table::Routes.key(&[&route.id.to_bytes()]), codec::encode(route));
    }

    /// Makes two records each other's counterpart, and expects that neither is another's.
    pub fn link_route(&mut self, route: SubscriberId, from: &RecordKey, link: &RouteLink) {
        let (there, back) = (link_key(route, from), back_key(route, &link.to));
        self.expect_absent(there.clone());
        self.expect_absent(back.clone());
        self.put(there, codec::encode(link));
        self.put(back, codec::encode_bytes(from.as_str().as_bytes()));
    }

    /// Changes what is noted at a link, and expects it to be as it was. The records stay
    /// the same.
    pub fn note_route_link(&mut self, route: SubscriberId, before: &KeptLink, after: &RouteLink) {
        let key = link_key(route, &before.from);
        self.expect_value(key.clone(), before.row.to_vec());
        self.put(key, codec::encode(after));
    }

    /// Takes a link away, and expects it to be as it was.
    pub fn unlink_route(&mut self, route: SubscriberId, link: &KeptLink) {
        let key = link_key(route, &link.from);
        self.expect_value(key.clone(), link.row.to_vec());
        self.remove(key);
        self.remove(back_key(route, &link.link.to));
    }

    /// Notes how the work on a change goes.
    pub fn put_route_tries(&mut self, route: SubscriberId, key: &FeedKey, tries: &RouteTries) {
        self.put(behind(route, TRIES, key), codec::encode(tries));
    }

    /// Forgets how the work on a change went.
    pub fn remove_route_tries(&mut self, route: SubscriberId, key: &FeedKey) {
        self.remove(behind(route, TRIES, key));
    }

    /// Sets a change aside.
    pub fn put_failed_route(&mut self, route: SubscriberId, key: &FeedKey, failed: &FailedRoute) {
        self.put(behind(route, FAILED, key), codec::encode(failed));
    }

    /// Forgets a change that was set aside.
    pub fn remove_failed_route(&mut self, route: SubscriberId, key: &FeedKey) {
        self.remove(behind(route, FAILED, key));
    }
}

fn kept(from: RecordKey, row: Bytes) -> Result<KeptLink> {
    Ok(KeptLink { from, link: codec::decode("a route's link", row.clone())?, row })
}

fn link_key(route: SubscriberId, from: &RecordKey) -> Vec<u8> {
    Table::RouteLinks.key(&[&route.to_bytes(), from.as_str().as_bytes()])
}

fn back_key(route: SubscriberId, to: &RecordKey) -> Vec<u8> {
    Table::RouteLinksBack.key(&[&route.to_bytes(), to.as_str().as_bytes()])
}

fn behind(route: SubscriberId, what: u8, key: &FeedKey) -> Vec<u8> {
    Table::Routes.key(&[&route.to_bytes(), &[what], &key.to_bytes()])
}

#[cfg(test)]
mod tests;
