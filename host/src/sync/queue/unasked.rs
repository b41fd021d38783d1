//! Jobs that nobody waits for: those of the schedule, and exports of local changes.

use super::{Error, Queue, TRIES, add, again};
use crate::{
    model::{Asked, Channel, Direction, Job, Timestamp, Trigger},
    store::{self, Batch},
};

impl Queue {
    /// Sees to it that an export of the channel comes after now, at that time or as soon as
    /// the one that is worked on is over.
    pub(in crate::sync) async fn nudge(&self, channel: &Channel, due: Timestamp) -> Result<(), Error> {
        let asked = Asked { connectors: Vec::new(), full: false, record: false, trigger: Trigger::Change };
        for _ in 0..TRIES {
            let found = self.find(channel.id, Direction::Export).await?;
            let mut batch = Batch::new();
            batch.expect_channel(channel.id);
            batch.expect_standing(&found.standing, channel.id, Direction::Export);
            let job = match &found.kept {
                None => {
                    let job = Job { due, ..Job::new(channel, Direction::Export, asked.clone(), due) };
                    add(&mut batch, &job);
                    job
                }
                // It has not begun, or goes on later: then it reads what there is by then.
                Some(_) if !found.is_held(self.clock.now()) => return Ok(()),
                Some(kept) if kept.job.again.is_some() => return Ok(()),
                Some(kept) => {
                    let mut job = kept.job.clone();
                    again(&mut job, &asked, self.clock.now());
                    batch.expect_job(kept);
                    batch.put_job(&job);
                    job
                }
            };
            match self.store.commit(batch).await {
                Err(store::Error::Expectation) => {}
                Err(error) => return Err(error.into()),
                Ok(()) => {
                    self.enter(&job);
                    return Ok(());
                }
            }
        }
        self.gone(channel).await
    }

    /// Puts jobs that nobody waits for in their places, all in one commit: of channels
    /// that have none. Their runs are planned when they begin. One whose channel has one
    /// already, or is gone, is left out.
    pub(in crate::sync) async fn place_many(
        &self,
        jobs: &[Job],
        note: &(dyn Fn(&mut Batch, &Job) + Sync),
    ) -> store::Result<usize> {
        let is_new = |job: &&Job| !self.index().has(job.channel_id, job.direction);
        let fresh: Vec<&Job> = jobs.iter().filter(is_new).collect();
        let mut batch = Batch::new();
        jobs.iter().for_each(|job| {
            batch.expect_channel(job.channel_id);
            note(&mut batch, job);
        });
        fresh.iter().for_each(|job| add(&mut batch, job));
        match self.store.commit(batch).await {
            Ok(()) => {
                fresh.iter().for_each(|job| self.enter(job));
                Ok(fresh.len())
            }
            // One of them has a job that is not in the index, or its channel is gone.
            Err(store::Error::Expectation) if jobs.len() > 1 => {
                let mut placed = 0;
                for job in jobs {
                    placed += Box::pin(self.place_many(std::slice::from_ref(job), note)).await?;
                }
                Ok(placed)
            }
            Err(store::Error::Expectation) => Ok(0),
            Err(error) => Err(error),
        }
    }
}
