//! The jobs that this host is working on, and the channels that are kept still.
//!
//! It is a table in memory; what must survive is in the store.

use super::{Error, progress::Progress};
use crate::model::{Channel, ChannelId, ChannelName, Connector, Direction, Job, JobId, Name, Run, RunId};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio_util::sync::CancellationToken;

/// A job and its runs, in the order in which they go.
pub(super) struct LiveJob {
    pub(super) id: JobId,
    pub(super) channel_id: ChannelId,
    pub(super) direction: Direction,
    pub(super) channel: ChannelName,
    pub(super) runs: Vec<LiveRun>,
}

/// A run of a job.
pub(super) struct LiveRun {
    /// None where the plugin no longer offers it.
    pub(super) connector: Option<Connector>,
    pub(super) progress: Arc<Progress>,
}

impl LiveJob {
    /// Runs end with `stopping`.
    pub(super) fn new(
        job: &Job,
        runs: Vec<Run>,
        connector: impl Fn(&Name) -> Option<Connector>,
        stopping: &CancellationToken,
    ) -> Self {
        let live = |run: Run| LiveRun {
            connector: connector(&run.connector),
            progress: Arc::new(Progress::new(run, stopping.child_token())),
        };
        Self {
            id: job.id,
            channel_id: job.channel_id,
            direction: job.direction,
            channel: job.channel.clone(),
            runs: runs.into_iter().map(live).collect(),
        }
    }

    /// The runs as they stand.
    pub(super) fn snapshot(&self) -> Vec<Run> {
        self.runs.iter().map(|run| run.progress.snapshot()).collect()
    }

    /// The run of a connector.
    pub(super) fn run_of(&self, connector: &Name) -> Option<&LiveRun> {
        self.runs.iter().find(|run| run.progress.connector() == connector)
    }
}

type Key = (ChannelId, Direction);

/// The table. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Live(Arc<Mutex<HashMap<Key, Place>>>);

/// What a channel is used for.
enum Place {
    Job(Arc<LiveJob>),
    Held,
}

impl Live {
    /// Enters a job. It stands in the table until the entry is dropped.
    ///
    /// # Errors
    /// `Busy` where another job of the channel stands there, `Held` where it is kept still.
    pub(super) fn enter(&self, job: Arc<LiveJob>) -> Result<Entry, Error> {
        let key = (job.channel_id, job.direction);
        let mut places = self.places();
        is_free(&places, key, &job.channel)?;
        places.insert(key, Place::Job(Arc::clone(&job)));
        Ok(Entry { live: self.clone(), key, job })
    }

    /// Keeps a channel still until the hold is dropped.
    ///
    /// # Errors
    /// As for a job.
    pub(super) fn hold(&self, channel: &Channel) -> Result<Hold, Error> {
        let keys = [Direction::Import, Direction::Export].map(|direction| (channel.id, direction));
        let mut places = self.places();
        for key in keys {
            is_free(&places, key, &channel.name)?;
        }
        places.extend(keys.map(|key| (key, Place::Held)));
        Ok(Hold { live: self.clone(), keys })
    }

    /// Whether a channel is kept still.
    pub(super) fn is_held(&self, channel: ChannelId) -> bool {
        matches!(self.places().get(&(channel, Direction::Import)), Some(Place::Held))
    }

    /// The job of that id.
    pub(super) fn job(&self, id: JobId) -> Option<Arc<LiveJob>> {
        self.find(|job| (job.id == id).then(|| Arc::clone(job)))
    }

    /// The live run of that id.
    pub(super) fn progress(&self, id: RunId) -> Option<Arc<Progress>> {
        self.find(|job| {
            let run = job.runs.iter().find(|run| run.progress.id() == id)?;
            Some(Arc::clone(&run.progress))
        })
    }

    /// The job of a channel that is worked on.
    pub(super) fn of_channel(&self, channel: ChannelId) -> Option<JobId> {
        self.find(|job| (job.channel_id == channel).then_some(job.id))
    }

    fn find<T>(&self, what: impl Fn(&Arc<LiveJob>) -> Option<T>) -> Option<T> {
        self.places().values().find_map(|place| match place {
            Place::Job(job) => what(job),
            Place::Held => None,
        })
    }

    fn places(&self) -> MutexGuard<'_, HashMap<Key, Place>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_free(places: &HashMap<Key, Place>, key: Key, name: &ChannelName) -> Result<(), Error> {
    match places.get(&key) {
        Some(Place::Job(job)) => Err(Error::Busy(name.clone(), job.id)),
        Some(Place::Held) => Err(Error::Held(name.clone())),
        None => Ok(()),
    }
}

/// A job's place in the table; dropping it makes room.
pub(super) struct Entry {
    live: Live,
    key: Key,
    pub(super) job: Arc<LiveJob>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.live.places().remove(&self.key);
    }
}

/// While it lives, no job of the channel is worked on.
pub struct Hold {
    live: Live,
    keys: [Key; 2],
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut places = self.live.places();
        self.keys.iter().for_each(|key| {
            places.remove(key);
        });
    }
}
