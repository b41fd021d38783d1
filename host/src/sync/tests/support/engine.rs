//! A database that dies when it is told to.

use crate::store::{Batch, Engine, Entry, Error, Range, Result, Store, Want, Watch, Watchers};
use bytes::Bytes;
use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex},
};
use tokio_util::sync::CancellationToken;

/// The rows outlive the engine, as files outlive a process.
#[derive(Clone, Default)]
pub(in crate::sync) struct Disk(Arc<Mutex<BTreeMap<Vec<u8>, Bytes>>>);

/// At which commit, counted from 0, the process dies.
#[derive(Clone, Copy, Debug)]
pub(in crate::sync) enum Death {
    /// It is not written.
    Before(usize),
    /// It is written, and nobody hears of it.
    After(usize),
    /// Not a death: this many commits from there are refused.
    Refuse(usize, usize),
    Never,
}

type Hook = dyn Fn(usize) + Send + Sync;

pub(in crate::sync) struct Mortal {
    disk: Disk,
    death: Death,
    /// Commits that were begun.
    begun: Mutex<usize>,
    dead: CancellationToken,
    /// Called on the blocking pool with the number of the commit.
    before_commit: Box<Hook>,
    watchers: Watchers,
}

impl Mortal {
    pub(in crate::sync) fn on(disk: &Disk, death: Death) -> Arc<Self> {
        Self::hooked(disk, death, |_| ())
    }

    pub(in crate::sync) fn hooked(
        disk: &Disk,
        death: Death,
        before_commit: impl Fn(usize) + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            disk: disk.clone(),
            death,
            begun: Mutex::default(),
            dead: CancellationToken::new(),
            before_commit: Box::new(before_commit),
            watchers: Watchers::default(),
        })
    }

    /// An empty disk gets its layout before the counting begins.
    pub(in crate::sync) fn store(self: &Arc<Self>) -> Store {
        Store::on(Self::on(&self.disk, Death::Never)).unwrap();
        Store::on(Arc::clone(self) as Arc<dyn Engine>).unwrap()
    }

    pub(in crate::sync) fn is_dead(&self) -> bool {
        self.dead.is_cancelled()
    }

    /// Returns when the end has come.
    pub(in crate::sync) async fn died(&self) {
        self.dead.cancelled().await;
    }

    fn alive(&self) -> Result<()> {
        if self.is_dead() { Err(dead()) } else { Ok(()) }
    }

    fn write(&self, batch: Batch) -> Result<()> {
        let (expectations, writes) = batch.into_parts();
        let mut rows = self.disk.0.lock().unwrap();
        let found = |key: &Vec<u8>| rows.get(key).map(|value| value.to_vec());
        if !expectations.iter().all(|expected| found(&expected.key) == expected.value) {
            return Err(Error::Expectation);
        }
        self.watchers.wake(&writes);
        for (key, value) in writes {
            match value {
                Some(value) => rows.insert(key, value.into()),
                None => rows.remove(&key),
            };
        }
        Ok(())
    }
}

impl Engine for Mortal {
    fn get(&self, keys: Vec<Vec<u8>>) -> Result<Vec<Option<Bytes>>> {
        self.alive()?;
        let rows = self.disk.0.lock().unwrap();
        Ok(keys.iter().map(|key| rows.get(key).cloned()).collect())
    }

    fn scan(&self, range: Range, limit: usize, want: Want) -> Result<Vec<Entry>> {
        self.alive()?;
        let rows = self.disk.0.lock().unwrap();
        let inside = |key: &Vec<u8>| range.end.as_ref().is_none_or(|end| key < end);
        let entries = rows.range(range.start.clone()..).take_while(|(key, _)| inside(key));
        let entry = |(key, value): (&Vec<u8>, &Bytes)| Entry {
            key: Bytes::copy_from_slice(key),
            value: if want == Want::Keys { Bytes::new() } else { value.clone() },
        };
        Ok(entries.take(limit).map(entry).collect())
    }

    fn commit(&self, batch: Batch) -> Result<()> {
        self.alive()?;
        let number = {
            let mut begun = self.begun.lock().unwrap();
            *begun += 1;
            *begun - 1
        };
        (self.before_commit)(number);
        let dies = |at| {
            if at == number {
                self.dead.cancel()
            }
        };
        match self.death {
            Death::Before(at) => dies(at),
            Death::Refuse(from, count) if (from..from + count).contains(&number) => {
                return Err(dead());
            }
            _ => {}
        }
        self.alive()?;
        self.write(batch)?;
        if let Death::After(at) = self.death {
            dies(at);
        }
        self.alive()
    }

    fn flush(&self) -> Result<()> {
        self.alive()
    }

    fn watch(&self, prefix: &[u8]) -> Watch {
        self.watchers.watch(prefix)
    }
}

fn dead() -> Error {
    Error::Engine(io::Error::other("the process is dead"))
}
