//! Pages of a connector whose records are changed here, too.
//!
//! A record with a row in the outbox is judged by what the remote system had when it was
//! changed, so that the rules of the processor hold for it as for any other; what they make
//! of it is merged with what is here. Nothing here sends anything.
//!
//! Remote ids become local keys first. A record that was created here has another key than
//! its remote id; while a creation is not answered yet, a new remote record may be that very
//! one, and is not taken for another.

mod desk;

use super::{
    Course, Import, Pages, Stop, broken,
    processor::{self, Decided, Known, Sheet},
    reader::Taken,
    writer::Landing,
};
use crate::{
    metrics,
    model::{
        Author, ChannelId, Class, Conflict, Failure, Name, Outgoing, Record, RecordKey, Settlement,
        TrailStep, Ways, Write,
    },
    store::{self, Batch, Epoch, Intent, Link, Reading},
    sync::{overtaken, reconcile::Rules},
};
use desk::{Desk, as_they_were};
use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

/// How long an import waits for the answers to creations; then it is put off.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(100);

/// Marks a connector whose records are changed here, too.
pub(super) struct TwoWay;

impl TwoWay {
    /// None where nothing but imports writes.
    pub(super) async fn of(import: &Import<'_>) -> store::Result<Option<Self>> {
        if import.connector.direction != Ways::TwoWay {
            return Ok(None);
        }
        let (outbox, channel) = (import.store.outbox(), import.channel.id);
        let was_written = !outbox.epoch(channel, &import.connector.id).await?.is_first();
        Ok((import.channel.two_way || was_written).then_some(Self))
    }
}

/// What is known of a page's records besides what the processor asks for.
pub(super) struct Learnt {
    epoch: Epoch,
    /// Of remote records that got a key of their own.
    links: Vec<Link>,
    rows: HashMap<RecordKey, Outgoing>,
}

/// What becomes of local changes; it lands with the page.
pub(super) struct Reconciled {
    epoch: Epoch,
    links: Vec<Link>,
    unlinks: Vec<Link>,
    rows: Vec<(RecordKey, Option<Outgoing>)>,
    conflicts: Vec<Conflict>,
    trails: Vec<(RecordKey, Vec<TrailStep>, TrailStep)>,
}

impl Reconciled {
    pub(super) fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Conflicts that are new with the page.
    fn found(&self) -> u64 {
        self.conflicts.iter().filter(|conflict| conflict.settled.is_none()).count() as u64
    }

    pub(super) fn put(&self, batch: &mut Batch, channel: ChannelId, connector: &Name) {
        // Whoever else writes says so; then the page is decided on anew.
        batch.expect_epoch(channel, connector, self.epoch);
        self.links.iter().for_each(|link| batch.link(channel, connector, link));
        self.unlinks.iter().for_each(|link| batch.unlink(channel, connector, link));
        for (key, row) in &self.rows {
            match row {
                Some(row) => batch.put_outgoing(channel, connector, row),
                None => batch.remove_outgoing(channel, connector, key),
            }
        }
        self.conflicts.iter().for_each(|conflict| batch.put_conflict(channel, connector, conflict));
        for (key, before, step) in &self.trails {
            batch.extend_trail(channel, connector, key, (before.clone(), step.clone()));
        }
    }
}

/// How often a page is decided on anew because somebody else wrote.
const TRIES: u32 = 100;

impl Pages<'_> {
    /// Decides on a page and commits it; anew, where somebody has written to the connector
    /// meanwhile. Whether the run got on with it.
    pub(super) async fn land_both_ways(&mut self, taken: Taken, course: &Course) -> Result<bool, Stop> {
        let Taken { page, sheet, settled, state } = taken;
        for _ in 0..TRIES {
            let (sheet, learnt) = self.learn(sheet.clone()).await?;
            let roll = self.call_roll(&sheet, course.reach).await.map_err(broken)?;
            let (decided, reconciled) = self.decide_both_ways(sheet, learnt, self.rules()).await?;
            let moved = course.moved || decided.changes_records();
            let found = reconciled.found();
            let landing = Landing {
                decided,
                settled: settled.clone(),
                state: state.clone(),
                roll,
                reconciled: Some(reconciled),
                ..course.landing(page.clone(), moved)
            };
            if self.lands(landing).await? {
                let channel_type = &self.import.channel.channel_type;
                metrics::conflicts(channel_type, &self.import.connector.id, found);
                return Ok(moved);
            }
        }
        Err(Stop::Failed(overrun()))
    }

    /// A page that was not read, under the keys that its records have here.
    pub(super) async fn prepare(&self, sheet: Sheet) -> Result<(Sheet, Option<Learnt>), Stop> {
        if self.two_way.is_none() {
            return Ok((sheet, None));
        }
        let (sheet, learnt) = self.learn(sheet).await?;
        Ok((sheet, Some(learnt)))
    }

    /// Decides on it by these rules.
    pub(super) async fn judged(
        &mut self,
        sheet: Sheet,
        learnt: Option<Learnt>,
        rules: processor::Rules,
    ) -> Result<(Decided, Option<Reconciled>), Stop> {
        if let Some(learnt) = learnt {
            let (decided, reconciled) = self.decide_both_ways(sheet, learnt, rules).await?;
            return Ok((decided, Some(reconciled)));
        }
        let known = self.known(&sheet).await.map_err(broken)?;
        let decided = processor::decide(sheet, known, &rules);
        self.quarantined |= decided.quarantines();
        Ok((decided, None))
    }

    /// Commits it. False where somebody has written to the connector meanwhile, so that it
    /// has to be decided on anew.
    pub(super) async fn lands(&mut self, landing: Landing) -> Result<bool, Stop> {
        let epoch = landing.reconciled.as_ref().map(Reconciled::epoch);
        match (self.writer.commit(landing).await, epoch) {
            (Err(store::Error::Expectation), Some(epoch))
                if self.has_moved(epoch).await.map_err(broken)? =>
            {
                Ok(false)
            }
            (result, _) => result.map(|()| true).map_err(broken),
        }
    }

    fn at(&self) -> (&store::Store, ChannelId, &Name) {
        (self.import.store, self.import.channel.id, &self.import.connector.id)
    }

    pub(super) async fn has_moved(&self, since: Epoch) -> store::Result<bool> {
        let (store, channel, connector) = self.at();
        Ok(store.outbox().epoch(channel, connector).await? != since)
    }

    /// The page under the keys that its records have here, and what waits for them.
    pub(super) async fn learn(&self, sheet: Sheet) -> Result<(Sheet, Learnt), Stop> {
        let begun = tokio::time::Instant::now();
        loop {
            if let Some(learnt) = self.try_learn(&sheet).await.map_err(broken)? {
                return Ok(learnt);
            }
            if begun.elapsed() >= PATIENCE {
                return Err(Stop::Failed(unsettled()));
            }
            tokio::select! {
                biased;
                () = self.import.progress.token().cancelled() => return Err(Stop::Told),
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// None where a record of the page may be one whose creation is not answered yet.
    async fn try_learn(&self, sheet: &Sheet) -> store::Result<Option<(Sheet, Learnt)>> {
        let (store, channel, connector) = self.at();
        // In this order: whatever settles in between is seen as settled.
        let intents = store.outbox().intents(channel, connector).await?;
        let epoch = store.outbox().epoch(channel, connector).await?;
        let keys: Vec<RecordKey> = sheet.keys().cloned().collect();
        let linked = store.links().locals(channel, connector, keys.clone()).await?;
        let rows = store.outbox().get_many(channel, connector, keys.clone()).await?;
        let taken = store.links().remotes(channel, connector, keys.clone()).await?;
        let known = match intents.is_empty() {
            true => vec![None; keys.len()],
            false => store.records().get_many(channel, connector, keys.clone()).await?,
        };
        let answer_comes = self.answer_comes(&intents).await?;
        let (mut names, mut links) = (HashMap::new(), Vec::new());
        for (at, (key, origin)) in sheet.origins().enumerate() {
            if let Some(local) = &linked[at] {
                names.insert(key.clone(), local.clone());
                continue;
            }
            let local = match origin.and_then(|origin| made_by(&intents, origin)) {
                Some(local) => local.clone(),
                None if is_born_here(rows[at].as_ref()) || taken[at].is_some() => other_key(key),
                None if answer_comes && known[at].is_none() && self.import.channel.two_way => {
                    return Ok(None);
                }
                None => continue,
            };
            if local != *key && names.insert(key.clone(), local.clone()).is_none() {
                links.push(Link { local, remote: key.clone() });
            }
        }
        let parents = self.parents(sheet).await?;
        let sheet = sheet.clone().renamed(&names, &parents);
        // They are what was read already, unless some have other keys here.
        let rows = match names.is_empty() {
            true => rows,
            false => store.outbox().get_many(channel, connector, sheet.keys().cloned().collect()).await?,
        };
        let rows = rows.into_iter().flatten().map(|row| (row.key.clone(), row)).collect();
        Ok(Some((sheet, Learnt { epoch, links, rows })))
    }

    /// Whether a creation may still be answered. One that waits for a person is not waited for: if
    /// it was done after all, that is found when it is tried again.
    async fn answer_comes(&self, intents: &[Intent]) -> store::Result<bool> {
        if intents.is_empty() {
            return Ok(false);
        }
        let (store, channel, connector) = self.at();
        let keys = intents.iter().map(|intent| intent.key.clone()).collect();
        let rows = store.outbox().get_many(channel, connector, keys).await?;
        Ok(rows.into_iter().flatten().any(|row| !row.refused))
    }

    /// The local keys of the records to which those of the page belong.
    async fn parents(&self, sheet: &Sheet) -> store::Result<HashMap<RecordKey, RecordKey>> {
        let (store, channel, _) = self.at();
        let parents: HashSet<RecordKey> = sheet.parents().cloned().collect();
        let (parents, mut names): (Vec<_>, _) = (parents.into_iter().collect(), HashMap::new());
        if parents.is_empty() {
            return Ok(names);
        }
        for connector in &self.import.connector.depends_on {
            let locals = store.links().locals(channel, connector, parents.clone()).await?;
            let found = parents.iter().cloned().zip(locals);
            names.extend(found.filter_map(|(remote, local)| Some((remote, local?))));
        }
        Ok(names)
    }

    /// Decides on a page, and what becomes of local changes.
    pub(super) async fn decide_both_ways(
        &mut self,
        sheet: Sheet,
        learnt: Learnt,
        rules: processor::Rules,
    ) -> Result<(Decided, Reconciled), Stop> {
        // After the epoch was read: whatever is counted later has the page decided on anew.
        self.writer.recount().await.map_err(broken)?;
        let known = self.known(&sheet).await.map_err(broken)?;
        let here: HashMap<RecordKey, Record> =
            known.records.iter().flatten().map(|record| (record.key.clone(), record.clone())).collect();
        let known = Known { records: as_they_were(&sheet, known.records, &learnt.rows), ..known };
        let mut decided = processor::decide(sheet, known, &rules);
        self.quarantined |= decided.quarantines();
        let rules = Rules {
            policy: self.import.channel.conflicts.of(&self.import.connector.id),
            run: rules.run,
            now: rules.now,
        };
        let mut desk = Desk {
            rules,
            here,
            rows: learnt.rows,
            steps: Vec::new(),
            gone: Vec::new(),
            held: Vec::new(),
            reconciled: Reconciled {
                epoch: learnt.epoch,
                links: learnt.links,
                unlinks: Vec::new(),
                rows: Vec::new(),
                conflicts: Vec::new(),
                trails: Vec::new(),
            },
        };
        desk.settle(&mut decided);
        let reconciled = self.finish(desk).await.map_err(broken)?;
        Ok((decided, reconciled))
    }

    /// What is kept of the changes goes on with what there is, and links of what is gone go.
    async fn finish(&self, desk: Desk) -> store::Result<Reconciled> {
        let (store, channel, connector) = self.at();
        let Desk { steps, gone, held, rules, mut reconciled, .. } = desk;
        for (before, after) in held {
            let settlement = Settlement { at: rules.now, by: Author::Remote };
            let rows = (Some(&before), after.as_ref());
            reconciled.conflicts.extend(overtaken::by(store, (channel, connector), rows, settlement).await?);
        }
        let keys: Vec<RecordKey> = steps.iter().map(|(key, _)| key.clone()).collect();
        let trails = store.trails().get_many(channel, connector, keys.clone()).await?;
        let remotes = store.links().remotes(channel, connector, gone.clone()).await?;
        let links =
            gone.into_iter().zip(remotes).filter_map(|(local, remote)| Some(Link { local, remote: remote? }));
        reconciled.unlinks = links.collect();
        reconciled.trails =
            steps.into_iter().zip(trails).map(|((key, step), trail)| (key, trail, step)).collect();
        Ok(reconciled)
    }

    /// Treats records that are gone as the channel says; anew, where somebody writes.
    pub(super) async fn treat_both_ways(
        &mut self,
        gone: Vec<RecordKey>,
        reading: &Reading,
    ) -> Result<(), Stop> {
        for _ in 0..TRIES {
            let (store, channel, connector) = self.at();
            let epoch = store.outbox().epoch(channel, connector).await.map_err(broken)?;
            let mut batch = Batch::default();
            batch.expect_epoch(channel, connector, epoch);
            self.writer.recount().await.map_err(broken)?;
            let gone = self.without_changed(gone.clone()).await.map_err(broken)?;
            match self.treat_in(batch, gone, reading).await {
                Err(store::Error::Expectation) if self.has_moved(epoch).await.map_err(broken)? => {}
                result => return result.map_err(broken),
            }
        }
        Err(Stop::Failed(overrun()))
    }

    /// The keys without those of records that were changed here: what a full sync did not
    /// find of those is learnt when they are exported.
    async fn without_changed(&self, keys: Vec<RecordKey>) -> store::Result<Vec<RecordKey>> {
        let (store, channel, connector) = self.at();
        let rows = store.outbox().get_many(channel, connector, keys.clone()).await?;
        Ok(keys.into_iter().zip(rows).filter(|(_, row)| row.is_none()).map(|(key, _)| key).collect())
    }
}

fn made_by<'a>(intents: &'a [Intent], origin: &str) -> Option<&'a RecordKey> {
    intents.iter().find(|intent| intent.idempotency_key == origin).map(|intent| &intent.key)
}

/// Whether a record was made here and is not there yet: the remote one that has its key for
/// an id is another one.
fn is_born_here(row: Option<&Outgoing>) -> bool {
    row.is_some_and(|row| row.kind == Write::Create && row.base.is_none())
}

/// A key for a remote record whose id is the key of another record here.
fn other_key(remote: &RecordKey) -> RecordKey {
    // A key may have 512 bytes; a longer one is cut, and told apart by what it is of.
    let text = format!("remote:{remote}");
    RecordKey::try_new(text).unwrap_or_else(|_| remote.clone())
}

fn overrun() -> Failure {
    let message = "records of the connector are written here without a pause; the page is tried again later";
    Failure::new(Class::Transient, "run.overrun", message)
}

fn unsettled() -> Failure {
    let message = "records were created remotely and the answers are not known yet; the import goes on when the \
                   export has found out";
    let failure = Failure::new(Class::Transient, "export.unsettled", message);
    Failure { retry_after_ms: Some(5_000), ..failure }
}
