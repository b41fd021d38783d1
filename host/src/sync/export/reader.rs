//! Rows of the outbox that can go now, page by page.
//!
//! It goes over the rows in the order of their keys, and once more over those that a page
//! left something of; it never looks at one without end. What waits for another record is
//! passed over.

use super::{
    Export, PAGE, broken,
    elsewhere::{Elsewhere, elsewhere, named},
    form::{Form, Formed},
};
use crate::{
    model::{Outgoing, Record, RecordKey, Write},
    store,
    sync::{import::Stop, reconcile::value},
};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap};

/// How often one row is tried in a run: edits may come while it is sent.
const ROUNDS: u32 = 3;
/// Steps that failed with a row in it, after which it goes alone: so that the one that they fail
/// for is found, and the others get there.
const ALONE: u32 = 2;
/// Rows that are read at a time.
const BITE: usize = 200;

/// A row that can go, with all that it takes.
#[derive(Clone, Debug)]
pub(super) struct Ready {
    pub(super) row: Outgoing,
    /// The record as it is here; none where it was deleted.
    pub(super) record: Option<Record>,
    /// Its remote id; none where it is not there yet.
    pub(super) remote: Option<RecordKey>,
    /// The remote id of the record that it belongs to.
    pub(super) parent: Option<RecordKey>,
    /// What is to be sent, and what the remote system had, in its form.
    pub(super) whole: Formed,
    pub(super) base: Formed,
    /// Remote ids of the records that its payload names by their keys here.
    pub(super) names: BTreeMap<RecordKey, RecordKey>,
}

/// Goes over the outbox of one connector.
pub(super) struct Reader<'a> {
    export: &'a Export<'a>,
    form: Form,
    after: Option<RecordKey>,
    tried: HashMap<RecordKey, u32>,
    /// Whether this round found anything to send.
    found: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(export: &'a Export<'a>, form: Form) -> Self {
        Self { export, form, after: None, tried: HashMap::new(), found: false }
    }

    /// The next rows that can go; none where all was looked at that can.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<Ready>>, Stop> {
        let mut page = Vec::new();
        loop {
            let (store, channel) = (self.export.store, self.export.channel.id);
            let connector = &self.export.connector.id;
            let rows = store.outbox().list(channel, connector, self.after.as_ref(), BITE).await;
            let rows = rows.map_err(broken)?;
            let is_end = rows.len() < BITE;
            for row in rows {
                let alone = row.tries >= ALONE;
                if alone && !page.is_empty() && row.is_ready(self.export.clock.now()) {
                    // It is looked at again as the first of its own page.
                    self.found = true;
                    return Ok(Some(page));
                }
                self.after = Some(row.key.clone());
                let Some(ready) = self.look(row).await? else { continue };
                page.push(ready);
                if alone || page.len() == PAGE {
                    self.found = true;
                    return Ok(Some(page));
                }
            }
            if is_end {
                self.found |= !page.is_empty();
                let again = std::mem::take(&mut self.found);
                self.after = None;
                if !page.is_empty() {
                    self.found = again;
                    return Ok(Some(page));
                }
                if !again {
                    return Ok(None);
                }
            }
        }
    }

    async fn look(&mut self, row: Outgoing) -> Result<Option<Ready>, Stop> {
        let tries = self.tried.get(&row.key).copied().unwrap_or_default();
        if !row.is_ready(self.export.clock.now()) || tries >= ROUNDS {
            return Ok(None);
        }
        let ready = self.gather(row).await?;
        if let Some(ready) = &ready {
            self.tried.insert(ready.row.key.clone(), tries + 1);
        }
        Ok(ready)
    }

    /// All that a row takes; none where it has to wait for another record.
    async fn gather(&self, row: Outgoing) -> Result<Option<Ready>, Stop> {
        let (store, channel) = (self.export.store, self.export.channel.id);
        let connector = &self.export.connector.id;
        let record = store.records().get(channel, connector, &row.key).await.map_err(broken)?;
        let parent = match record.as_ref().and_then(|record| record.parent.clone()) {
            None => None,
            Some(key) => {
                match elsewhere(store, channel, &self.export.connector.depends_on, key)
                    .await
                    .map_err(broken)?
                {
                    Elsewhere::There(remote) => Some(remote),
                    Elsewhere::NotYet => return Ok(None),
                }
            }
        };
        let (whole, base) = self.formed(&row, record.as_ref()).await?;
        let names = self.names(whole.as_ref().ok()).await.map_err(broken)?;
        let Some(names) = names else { return Ok(None) };
        let remote = self.remote(&row).await.map_err(broken)?;
        Ok(Some(Ready { row, record, remote, parent, whole, base, names }))
    }

    /// The remote id of the record, where it is there.
    async fn remote(&self, row: &Outgoing) -> store::Result<Option<RecordKey>> {
        let (links, channel) = (self.export.store.links(), self.export.channel.id);
        let link = links.remotes(channel, &self.export.connector.id, vec![row.key.clone()]).await?.pop();
        Ok(link.flatten().or_else(|| row.base.as_ref().map(|_| row.key.clone())))
    }

    /// What is to be sent, and what the remote system had, in its form.
    async fn formed(&self, row: &Outgoing, record: Option<&Record>) -> Result<(Formed, Formed), Stop> {
        let nothing = || Value::Object(Map::new());
        let whole = match (&row.sent, record) {
            // Just as it was sent.
            (Some(sent), _) if sent.kind != Write::Delete => value(&sent.payload),
            (_, Some(record)) => value(&record.payload),
            (_, None) => nothing(),
        };
        let base = row.base.as_ref().map_or_else(nothing, |base| value(&base.payload));
        let formed = self.form.outward(vec![whole, base]).await.map_err(Stop::Failed)?;
        let mut formed = formed.into_iter();
        let (whole, base) = (formed.next(), formed.next());
        Ok((whole.unwrap_or_else(|| Ok(nothing())), base.unwrap_or_else(|| Ok(nothing()))))
    }

    /// Remote ids of what the payload names; none where one of them is not there yet.
    async fn names(&self, payload: Option<&Value>) -> store::Result<Option<BTreeMap<RecordKey, RecordKey>>> {
        let (store, channel) = (self.export.store, self.export.channel.id);
        let mut names = BTreeMap::new();
        let Some(payload) = payload.filter(|_| !self.export.connector.references.is_empty()) else {
            return Ok(Some(names));
        };
        for (connector, key) in named(self.export.connector, payload) {
            match elsewhere(store, channel, &[connector], key.clone()).await? {
                Elsewhere::There(remote) if remote == key => {}
                Elsewhere::There(remote) => {
                    names.insert(key, remote);
                }
                Elsewhere::NotYet => return Ok(None),
            }
        }
        Ok(Some(names))
    }
}
