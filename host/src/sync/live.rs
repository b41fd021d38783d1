//! The jobs that are going on: at most one a channel.
//!
//! It is a table in memory; what must survive is in `history`.

use super::{Error, progress::Progress};
use crate::model::{Channel, ChannelId, ChannelName, Connector, JobId, Name, Run, RunId};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio_util::sync::CancellationToken;

/// A job and its runs, in the order in which they go.
pub(super) struct LiveJob {
    pub(super) id: JobId,
    pub(super) channel_id: ChannelId,
    pub(super) channel: ChannelName,
    pub(super) runs: Vec<LiveRun>,
}

/// A run of a job.
pub(super) struct LiveRun {
    pub(super) connector: Connector,
    pub(super) progress: Arc<Progress>,
}

impl LiveJob {
    /// `plan` and `runs` belong together, pair by pair. Runs end with `stopping`.
    pub(super) fn new(
        channel: &Channel,
        plan: Vec<Connector>,
        runs: Vec<Run>,
        stopping: &CancellationToken,
    ) -> Self {
        let live = |(connector, run)| LiveRun {
            connector,
            progress: Arc::new(Progress::new(run, stopping.child_token())),
        };
        let id = runs.first().map_or_else(JobId::new, |run| run.job);
        let runs = plan.into_iter().zip(runs).map(live).collect();
        Self { id, channel_id: channel.id, channel: channel.name.clone(), runs }
    }

    /// The runs as they stand.
    pub(super) fn snapshot(&self) -> Vec<Run> {
        self.runs.iter().map(|run| run.progress.snapshot()).collect()
    }

    /// The run of a connector.
    pub(super) fn run_of(&self, connector: &Name) -> Option<&LiveRun> {
        self.runs.iter().find(|run| run.connector.id == *connector)
    }

    fn has_ended(&self) -> bool {
        self.runs.iter().all(|run| run.progress.has_ended())
    }
}

/// The table. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Live(Arc<Mutex<HashMap<ChannelId, Place>>>);

/// What stands in the way of a channel's next job.
enum Place {
    Job(Arc<LiveJob>),
    Held,
}

impl Live {
    /// Enters a job. It stands in the table until the claim is dropped.
    ///
    /// # Errors
    /// `Busy` where another job of the channel is going on, `Held` where it is
    /// kept still.
    pub(super) fn claim(&self, job: Arc<LiveJob>) -> Result<Claim, Error> {
        let mut places = self.places();
        is_free(&places, job.channel_id, &job.channel)?;
        places.insert(job.channel_id, Place::Job(Arc::clone(&job)));
        Ok(Claim { live: self.clone(), job })
    }

    /// Keeps a channel still until the hold is dropped.
    ///
    /// # Errors
    /// As for a job.
    pub(super) fn hold(&self, channel: &Channel) -> Result<Hold, Error> {
        let mut places = self.places();
        is_free(&places, channel.id, &channel.name)?;
        places.insert(channel.id, Place::Held);
        Ok(Hold { live: self.clone(), channel: channel.id })
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

    /// The job of a channel that has not ended.
    pub(super) fn of_channel(&self, channel: ChannelId) -> Option<JobId> {
        self.find(|job| (job.channel_id == channel && !job.has_ended()).then_some(job.id))
    }

    fn find<T>(&self, what: impl Fn(&Arc<LiveJob>) -> Option<T>) -> Option<T> {
        self.places().values().find_map(|place| match place {
            Place::Job(job) => what(job),
            Place::Held => None,
        })
    }

    fn places(&self) -> MutexGuard<'_, HashMap<ChannelId, Place>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A job whose runs have all ended is not in the way, though its task may not
/// have left yet: whoever saw the end may ask again at once.
fn is_free(places: &HashMap<ChannelId, Place>, channel: ChannelId, name: &ChannelName) -> Result<(), Error> {
    match places.get(&channel) {
        Some(Place::Job(job)) if !job.has_ended() => Err(Error::Busy(name.clone(), job.id)),
        Some(Place::Held) => Err(Error::Held(name.clone())),
        _ => Ok(()),
    }
}

/// A job's place in the table; dropping it makes room.
pub(super) struct Claim {
    live: Live,
    job: Arc<LiveJob>,
}

impl Claim {
    pub(super) fn job(&self) -> &Arc<LiveJob> {
        &self.job
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut places = self.live.places();
        // The next job may stand here already.
        if matches!(places.get(&self.job.channel_id), Some(Place::Job(job)) if job.id == self.job.id) {
            places.remove(&self.job.channel_id);
        }
    }
}

/// While it lives, no job of the channel starts.
pub struct Hold {
    live: Live,
    channel: ChannelId,
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.live.places().remove(&self.channel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Status, Timestamp},
        sync::{
            job,
            tests::support::{all_of, connector, ready},
        },
    };

    fn live_job(channel: &Channel) -> Arc<LiveJob> {
        let ready = ready(vec![connector("ticket")]);
        let plan = vec![connector("ticket")];
        let runs = job::runs(&plan, channel, &all_of(&ready), Timestamp::from_millis(0));
        Arc::new(LiveJob::new(channel, plan, runs, &CancellationToken::new()))
    }

    #[test]
    fn a_job_whose_runs_have_ended_is_not_in_the_way_and_leaves_the_next_one_alone() {
        let live = Live::default();
        let channel = ready(vec![connector("ticket")]).channel;
        let (first, second) = (live_job(&channel), live_job(&channel));
        let first_claim = live.claim(Arc::clone(&first)).ok().unwrap();
        assert!(matches!(live.claim(Arc::clone(&second)), Err(Error::Busy(_, id)) if id == first.id));

        let mut run = first.runs[0].progress.snapshot();
        run.status = Status::Completed;
        first.runs[0].progress.show(run);
        assert_eq!(live.of_channel(channel.id), None);
        let second_claim = live.claim(Arc::clone(&second)).ok().unwrap();
        drop(first_claim);
        assert_eq!(live.of_channel(channel.id), Some(second.id));
        drop(second_claim);
        assert!(live.job(second.id).is_none());
    }
}
