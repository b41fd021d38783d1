//! Working on jobs: taking one, planning it, giving it back, and freeing what a dead host
//! held.
//!
//! Every change says what it expects to find, so that of two who try one gets it. What a
//! job does is decided elsewhere.

use super::{Queue, Seat, TRIES, begins};
use crate::{
    model::{Job, Run, Status, Timestamp},
    store::{self, Batch, Lease},
    sync::lease,
};

/// What came of claiming a job.
pub(in crate::sync) enum Claimed {
    Ours(Box<Job>, Lease),
    /// Somebody works on it, and holds it until then.
    Held(Timestamp),
    /// It is over.
    Gone,
}

/// What comes after a job was worked on.
#[derive(Clone, Debug)]
pub(in crate::sync) enum After {
    /// It is over.
    Done,
    /// Some of its runs are put off.
    Later { due: Timestamp, waits_for: Option<String> },
    /// It was not finished; it goes on at once, here or in another host.
    Back,
}

impl After {
    fn job(self, job: Job, now: Timestamp) -> Option<Job> {
        match self {
            Self::Done => next(job, now),
            Self::Later { due, waits_for } => Some(Job { due, waits_for, ..job }),
            Self::Back => Some(Job { due: now.min(job.due), ..job }),
        }
    }

    /// It goes on at that time.
    pub(in crate::sync) fn at(due: Timestamp) -> Self {
        Self::Later { due, waits_for: None }
    }
}

/// The job that comes after this one.
fn next(job: Job, now: Timestamp) -> Option<Job> {
    let next = job.next(now)?;
    Some(Job { due: begins(&next.asked, now), ..next })
}

impl Queue {
    /// Takes the job of a seat, if nobody has it.
    pub(in crate::sync) async fn claim(&self, seat: &Seat) -> store::Result<Claimed> {
        loop {
            let found = self.find(seat.channel, seat.direction).await?;
            let Some(kept) = &found.kept else { return Ok(Claimed::Gone) };
            let now = self.clock.now();
            if found.is_held(now) {
                return Ok(Claimed::Held(found.standing.until));
            }
            let lease = Lease {
                channel: seat.channel,
                direction: seat.direction,
                token: found.standing.token + 1,
                owner: self.owner,
            };
            let mut batch = Batch::new();
            batch.expect_job(kept);
            batch.claim_lease(&found.standing, &lease, now.plus(lease::TERM));
            match self.store.commit(batch).await {
                Ok(()) => return Ok(Claimed::Ours(Box::new(kept.job.clone()), lease)),
                Err(store::Error::Expectation) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Puts the runs of a job on record that was not planned yet.
    pub(in crate::sync) async fn plan(&self, lease: &Lease, runs: &[Run]) -> store::Result<()> {
        loop {
            let mut batch = Batch::new();
            batch.expect_lease(lease);
            let kept = self.store.jobs().get(lease.channel, lease.direction).await?;
            let Some(kept) = kept else { return Err(store::Error::Expectation) };
            batch.expect_job(&kept);
            batch.put_job(&Job { runs: runs.iter().map(|run| run.id).collect(), ..kept.job });
            runs.iter().for_each(|run| batch.put_run(run));
            match self.store.commit(batch).await {
                Err(store::Error::Expectation) if self.store.leases().holds(lease).await? => {}
                result => return result,
            }
        }
    }

    /// Frees what an earlier life of this host held when it ended: nobody works on it.
    /// Their runs wait again.
    pub(in crate::sync) async fn take_over(&self) -> store::Result<usize> {
        let mut freed = 0;
        for (channel, direction) in self.store.leases().held().await? {
            let found = self.find(channel, direction).await?;
            let (Some(owner), Some(kept)) = (found.standing.owner, &found.kept) else { continue };
            if owner.host != self.owner.host || owner.life == self.owner.life {
                continue;
            }
            let lease = Lease { channel, direction, token: found.standing.token, owner };
            let mut batch = Batch::new();
            batch.expect_job(kept);
            batch.release_lease(&lease);
            for mut run in self.store.runs().get_many(kept.job.runs.clone()).await? {
                if run.status == Status::Running {
                    run.status = Status::Queued;
                    batch.put_run(&run);
                }
            }
            match self.store.commit(batch).await {
                Ok(()) => freed += 1,
                Err(store::Error::Expectation) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(freed)
    }

    /// Writes what became of a job that was worked on, and gives its lease back. The
    /// runs are written already.
    pub(in crate::sync) async fn settle(&self, lease: &Lease, after: After) -> store::Result<()> {
        loop {
            let mut batch = Batch::new();
            batch.release_lease(lease);
            let kept = self.store.jobs().get(lease.channel, lease.direction).await?;
            let left = kept.as_ref().and_then(|kept| {
                batch.expect_job(kept);
                after.clone().job(kept.job.clone(), self.clock.now())
            });
            match &left {
                Some(job) => batch.put_job(job),
                None => batch.remove_job(lease.channel, lease.direction),
            }
            match self.store.commit(batch).await {
                // Somebody asked for more in the meantime; or the lease is lost, and then
                // the job is another one's.
                Err(store::Error::Expectation) if self.store.leases().holds(lease).await? => {}
                Err(store::Error::Expectation) => {
                    self.leave(lease.channel, lease.direction);
                    return Ok(());
                }
                Err(error) => return Err(error),
                Ok(()) => {
                    self.leave(lease.channel, lease.direction);
                    left.iter().for_each(|job| self.enter(job));
                    return Ok(());
                }
            }
        }
    }

    /// Ends a run of a job that nobody works on. The job goes with its last run. False
    /// where somebody works on it, or it is over.
    pub(in crate::sync) async fn withdraw(&self, run: &Run, ended: impl Fn(&mut Run)) -> store::Result<bool> {
        for _ in 0..TRIES {
            let found = self.find(run.channel_id, run.direction).await?;
            let Some(kept) = found.kept.as_ref().filter(|kept| kept.job.runs.contains(&run.id)) else {
                return Ok(false);
            };
            if found.is_held(self.clock.now()) {
                return Ok(false);
            }
            let mut runs = self.store.runs().get_many(kept.job.runs.clone()).await?;
            let Some(own) = runs.iter_mut().find(|other| other.id == run.id && !other.status.has_ended())
            else {
                return Ok(false);
            };
            ended(own);
            let mut batch = Batch::new();
            batch.expect_job(kept);
            batch.expect_standing(&found.standing, run.channel_id, run.direction);
            batch.put_run(own);
            let over = runs.iter().all(|run| run.status.has_ended());
            let (job, now) = (kept.job.clone(), self.clock.now());
            // What is left may have waited for this one.
            let left = if over { next(job, now) } else { Some(Job { due: job.due.min(now), ..job }) };
            match &left {
                Some(job) => batch.put_job(job),
                None => batch.remove_job(run.channel_id, run.direction),
            }
            match self.store.commit(batch).await {
                Err(store::Error::Expectation) => {}
                Err(error) => return Err(error),
                Ok(()) => {
                    self.leave(run.channel_id, run.direction);
                    left.iter().for_each(|job| self.enter(job));
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}
