//! The jobs that wait: durable rows, and an index of them in memory.
//!
//! The rows decide. The index only tells whom to look at next; it is read from the rows
//! when the host starts and again from time to time, so that nothing that another host
//! on the same store leaves behind lies there for ever. It runs nothing.

mod index;
mod unasked;
mod work;

use super::{Error, job, opener::Ready};
use crate::{
    clock::Clock,
    model::{Again, Asked, Channel, ChannelId, Direction, Job, JobId, Run, Status, Timestamp, Trigger},
    store::{self, Batch, KeptJob, Owner, Standing, Store},
};
use index::Index;
pub(super) use index::{Depth, Seat};
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::Notify;
pub(super) use work::{After, Claimed};

/// When a job is looked at whose caller left.
const SOON: Duration = Duration::from_secs(1);
/// How often a batch is made anew that met somebody else's. Each time somebody got on.
const TRIES: u32 = 20;
/// How long a job that webhooks ask for waits for more of them, so that a burst becomes one.
const GATHER: Duration = Duration::from_secs(1);

/// How it stands in a job's row that it waits for a plugin; no origin begins like this.
const OF_PLUGINS: &str = "plugin:";

/// What a job waits for whose channel type has no plugin that may run.
pub(super) fn plugin_of(channel_type: &str) -> String {
    format!("{OF_PLUGINS}{channel_type}")
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Placed {
    pub(super) id: JobId,
    /// None yet where it is to follow another job.
    pub(super) runs: Vec<Run>,
    /// The job that goes before it.
    pub(super) after: Option<JobId>,
}

/// The jobs of a store.
pub(super) struct Queue {
    store: Store,
    clock: Clock,
    owner: Owner,
    index: Mutex<Index>,
    changed: Notify,
}

impl Queue {
    pub(super) fn new(store: Store, clock: Clock, owner: Owner) -> Self {
        Self { store, clock, owner, index: Mutex::default(), changed: Notify::new() }
    }

    /// Puts a request in its place: a job of its own, part of one that has not begun, or
    /// the job that follows the one that is going on. One commit, so whole or not at all.
    pub(super) async fn place(
        &self,
        ready: &Ready,
        direction: Direction,
        asked: &Asked,
    ) -> Result<Placed, Error> {
        self.place_with(ready, direction, asked, &|_| ()).await
    }

    /// The same, with something that lands in the same commit, or not at all.
    pub(super) async fn place_with(
        &self,
        ready: &Ready,
        direction: Direction,
        asked: &Asked,
        note: &(dyn Fn(&mut Batch) + Sync),
    ) -> Result<Placed, Error> {
        let channel = &ready.channel;
        for _ in 0..TRIES {
            let found = self.find(channel.id, direction).await?;
            let (mut batch, job, placed) = match &found.kept {
                None => self.fresh(ready, direction, asked, &found)?,
                Some(kept) => self.join(ready, asked, kept, &found).await?,
            };
            note(&mut batch);
            let mut entrance = Entrance { queue: self, job: Some(&job) };
            match self.store.commit(batch).await {
                Err(store::Error::Expectation) => entrance.close(),
                Err(error) => return Err(error.into()),
                Ok(()) => {
                    entrance.close();
                    self.enter(&job);
                    return Ok(placed);
                }
            }
        }
        self.gone(channel).await
    }

    /// Nobody is that unlucky: what a batch expects of the channel itself does not hold.
    async fn gone<T>(&self, channel: &Channel) -> Result<T, Error> {
        match self.store.channels().get(channel.id).await? {
            Some(_) => Err(store::Error::Expectation.into()),
            None => Err(crate::channels::Error::NoChannel(channel.name.to_string()).into()),
        }
    }

    async fn find(&self, channel: ChannelId, direction: Direction) -> store::Result<Found> {
        let kept = self.store.jobs().get(channel, direction).await?;
        let standing = self.store.leases().get(channel, direction).await?;
        Ok(Found { kept, standing })
    }

    fn fresh(
        &self,
        ready: &Ready,
        direction: Direction,
        asked: &Asked,
        found: &Found,
    ) -> Result<(Batch, Job, Placed), Error> {
        let (channel, now) = (&ready.channel, self.clock.now());
        let mut job = Job::new(channel, direction, asked.clone(), now);
        let runs = job::runs(&job::plan(ready, direction, asked)?, &job);
        job.runs = runs.iter().map(|run| run.id).collect();
        job.due = begins(asked, now);
        let mut batch = Batch::new();
        batch.expect_channel(channel.id);
        batch.expect_no_job(channel.id, job.direction);
        batch.expect_standing(&found.standing, channel.id, job.direction);
        batch.put_job(&job);
        runs.iter().for_each(|run| batch.put_run(run));
        let placed = Placed { id: job.id, runs, after: None };
        Ok((batch, job, placed))
    }

    /// What was asked for joins a job that is there.
    async fn join(
        &self,
        ready: &Ready,
        asked: &Asked,
        kept: &KeptJob,
        found: &Found,
    ) -> Result<(Batch, Job, Placed), Error> {
        let channel = &ready.channel;
        let mut job = kept.job.clone();
        let mut runs = self.store.runs().get_many(job.runs.clone()).await?;
        let mut batch = Batch::new();
        batch.expect_channel(channel.id);
        batch.expect_job(kept);
        batch.expect_standing(&found.standing, channel.id, job.direction);
        let is_held = found.is_held(self.clock.now());
        let has_begun = runs.iter().any(|run| run.status != Status::Queued || run.started.is_some());
        let placed = if is_held || (has_begun && !(job.asked.covers(asked) && is_ahead(&runs, asked))) {
            let again = again(&mut job, asked, self.clock.now());
            Placed { id: again, runs: Vec::new(), after: Some(job.id) }
        } else {
            if !has_begun {
                job.asked = job.asked.and(asked);
                runs = job::extended(runs, &job::plan(ready, job.direction, &job.asked)?, &job);
                job.runs = runs.iter().map(|run| run.id).collect();
                runs.iter().for_each(|run| batch.put_run(run));
            }
            job.asked.trigger = job.asked.trigger.min(asked.trigger);
            Placed { id: job.id, runs, after: None }
        };
        let is_patient = has_begun && asked.trigger == Trigger::Webhook;
        if !(is_held || is_patient) {
            // Whoever asks does not want to wait for what the job waits for. A remote system
            // that posts is no person: it does not know that it is being left alone.
            job.due = job.due.min(begins(asked, self.clock.now()));
        }
        batch.put_job(&job);
        Ok((batch, job, placed))
    }

    /// Whether the channel has a job of that direction, as far as is known here.
    pub(super) fn has(&self, channel: ChannelId, direction: Direction) -> bool {
        self.index().has(channel, direction)
    }

    /// The job with this id, wherever it stands; and the one that goes before it.
    pub(super) async fn job(&self, id: JobId) -> store::Result<Option<(Job, Option<JobId>)>> {
        let indexed = self.index().seat_of(id).map(|seat| (seat.channel, seat.direction));
        let place = match indexed {
            Some(place) => Some(place),
            None => self.place_of(id).await?,
        };
        let jobs = match place {
            Some((channel, direction)) => {
                let kept = self.store.jobs().get(channel, direction).await?;
                kept.into_iter().map(|kept| kept.job).collect()
            }
            // It has no runs yet and is not in the index, which may be late, or another
            // host's; or there is no such job.
            None => self.read().await?,
        };
        let now = self.clock.now();
        Ok(jobs.into_iter().find_map(|job| {
            if job.id == id {
                return Some((job, None));
            }
            let before = job.id;
            let next = job.next(now).filter(|next| next.id == id)?;
            Some((next, Some(before)))
        }))
    }

    /// Where the runs of a job belong.
    async fn place_of(&self, id: JobId) -> store::Result<Option<(ChannelId, Direction)>> {
        let mut runs = self.store.jobs().runs(id).await?;
        runs.truncate(1);
        let first = self.store.runs().get_many(runs).await?.pop();
        Ok(first.map(|run| (run.channel_id, run.direction)))
    }

    /// Reads every row anew: another host on the store may have left some.
    pub(super) async fn load(&self) -> store::Result<()> {
        self.read().await?;
        self.changed.notify_one();
        Ok(())
    }

    async fn read(&self) -> store::Result<Vec<Job>> {
        let jobs = self.store.jobs().all().await?;
        self.index().complete(&jobs);
        Ok(jobs)
    }

    /// The next one to work on: it is due, and nobody in this process works on it.
    pub(super) fn next(&self) -> Option<Seat> {
        self.index().next(self.clock.now())
    }

    /// When the next one that waits is due.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.index().next_due()
    }

    /// Takes one off the index for as long as it is worked on.
    pub(super) fn take(&self, seat: &Seat) {
        self.index().take(seat.channel, seat.direction);
    }

    /// Looks at one again at that time.
    pub(super) fn delay(&self, seat: &Seat, until: Timestamp) {
        self.index().delay(seat.channel, seat.direction, until);
        self.changed.notify_one();
    }

    /// Forgets one: it is over, or another host's.
    pub(super) fn leave(&self, channel: ChannelId, direction: Direction) {
        self.index().remove(channel, direction);
        self.changed.notify_one();
    }

    /// Makes those due that wait for this origin.
    pub(super) fn wake(&self, origin: &str) -> usize {
        let woken = self.index().wake(origin, self.clock.now());
        self.changed.notify_one();
        woken
    }

    /// The channel types for whose plugin jobs wait.
    pub(super) fn awaited_plugins(&self) -> Vec<String> {
        self.index().awaited(OF_PLUGINS)
    }

    /// Makes those due that wait for the plugin of this channel type.
    pub(super) fn wake_for_plugin(&self, channel_type: &str) -> usize {
        self.wake(&plugin_of(channel_type))
    }

    /// One that waits for this origin.
    pub(super) fn waiting_for(&self, origin: &str) -> Option<Seat> {
        self.index().waiting_for(origin)
    }

    /// Returns when there may be another one to look at. Cancel safe.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// How many wait, how many are worked on here, and since when the oldest that is due
    /// has waited.
    pub(super) fn depth(&self) -> Depth {
        self.index().depth(self.clock.now())
    }

    fn enter(&self, job: &Job) {
        self.index().insert(job);
        self.changed.notify_one();
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Has a job looked at whose caller leaves while it is being committed: it may be in the
/// store by then, and nobody is left to say so.
struct Entrance<'a> {
    queue: &'a Queue,
    job: Option<&'a Job>,
}

impl Entrance<'_> {
    fn close(&mut self) {
        self.job = None;
    }
}

impl Drop for Entrance<'_> {
    fn drop(&mut self) {
        let Some(job) = self.job else { return };
        // A little later, when the commit is over. One that never landed is found to be gone.
        let due = job.due.max(self.queue.clock.now().plus(SOON));
        self.queue.enter(&Job { due, ..job.clone() });
    }
}

/// How it stands with a channel.
struct Found {
    kept: Option<KeptJob>,
    standing: Standing,
}

impl Found {
    fn is_held(&self, now: Timestamp) -> bool {
        self.standing.owner.is_some() && self.standing.until > now
    }
}

/// When a job begins that is asked for now. Where one webhook came, others are to follow.
pub(super) fn begins(asked: &Asked, now: Timestamp) -> Timestamp {
    if asked.trigger == Trigger::Webhook { now.plus(GATHER) } else { now }
}

/// Whether none of the runs that do what is asked for is over.
fn is_ahead(runs: &[Run], asked: &Asked) -> bool {
    let wanted = |run: &&Run| asked.connectors.is_empty() || asked.connectors.contains(&run.connector);
    runs.iter().filter(wanted).all(|run| !run.status.has_ended())
}

fn add(batch: &mut Batch, job: &Job) {
    batch.expect_no_job(job.channel_id, job.direction);
    batch.put_job(job);
}

fn again(job: &mut Job, asked: &Asked, now: Timestamp) -> JobId {
    let again = match job.again.take() {
        Some(again) => Again { asked: again.asked.and(asked), ..again },
        None => Again { id: JobId::new(), asked: asked.clone(), requested: now },
    };
    let id = again.id;
    job.again = Some(again);
    id
}
