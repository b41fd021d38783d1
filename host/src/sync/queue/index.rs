//! Whom to look at next, in memory.
//!
//! It holds no truth: a row decides whether a job is there and who may work on it.

use crate::{
    model::{ChannelId, Direction, Job, JobId, Timestamp},
    sync::turns::Rank,
};
use std::collections::{BTreeSet, HashMap};

type Key = (ChannelId, Direction);

/// A job that can be worked on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sync) struct Seat {
    pub(in crate::sync) id: JobId,
    pub(in crate::sync) channel: ChannelId,
    pub(in crate::sync) direction: Direction,
    pub(in crate::sync) rank: Rank,
}

/// What the index says as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::sync) struct Depth {
    /// Due, and not worked on here.
    pub(in crate::sync) ready: usize,
    /// Not due yet.
    pub(in crate::sync) later: usize,
    /// Worked on here.
    pub(in crate::sync) taken: usize,
    /// Since when the oldest that is due waits.
    pub(in crate::sync) oldest: Option<Timestamp>,
}

#[derive(Default)]
pub(super) struct Index {
    jobs: HashMap<Key, Entry>,
    ready: BTreeSet<(Rank, Key)>,
    later: BTreeSet<(Timestamp, Key)>,
}

struct Entry {
    id: JobId,
    again: Option<JobId>,
    rank: Rank,
    waits_for: Option<String>,
    taken: bool,
}

impl Entry {
    fn seat(&self, (channel, direction): Key) -> Seat {
        Seat { id: self.id, channel, direction, rank: self.rank }
    }
}

impl Index {
    /// Adds a job, or takes notice of how its row has changed.
    pub(super) fn insert(&mut self, job: &Job) {
        let key = (job.channel_id, job.direction);
        let taken = self.jobs.get(&key).is_some_and(|entry| entry.taken);
        self.forget(key);
        let rank = Rank { urgency: job.asked.trigger, since: job.due };
        let (again, waits_for) = (job.again.as_ref().map(|again| again.id), job.waits_for.clone());
        self.jobs.insert(key, Entry { id: job.id, again, rank, waits_for, taken });
        if !taken {
            self.later.insert((job.due, key));
        }
    }

    /// Adds those that are missing. What is known already is newer than what was read;
    /// one that is gone is noticed when it is to be worked on.
    pub(super) fn complete(&mut self, jobs: &[Job]) {
        let missing = jobs.iter().filter(|job| !self.jobs.contains_key(&(job.channel_id, job.direction)));
        let missing: Vec<&Job> = missing.collect();
        missing.into_iter().for_each(|job| self.insert(job));
    }

    pub(super) fn has(&self, channel: ChannelId, direction: Direction) -> bool {
        self.jobs.contains_key(&(channel, direction))
    }

    pub(super) fn remove(&mut self, channel: ChannelId, direction: Direction) {
        self.forget((channel, direction));
    }

    pub(super) fn take(&mut self, channel: ChannelId, direction: Direction) {
        let key = (channel, direction);
        if let Some(entry) = self.jobs.get_mut(&key) {
            entry.taken = true;
            let rank = entry.rank;
            self.unlist(key, rank);
        }
    }

    /// Nobody works on it here any more; it is due then.
    pub(super) fn delay(&mut self, channel: ChannelId, direction: Direction, until: Timestamp) {
        let key = (channel, direction);
        let Some(rank) = self.jobs.get(&key).map(|entry| entry.rank) else { return };
        self.unlist(key, rank);
        if let Some(entry) = self.jobs.get_mut(&key) {
            entry.taken = false;
            entry.rank.since = until;
            self.later.insert((until, key));
        }
    }

    pub(super) fn next(&mut self, now: Timestamp) -> Option<Seat> {
        while let Some((due, key)) = self.later.first().copied().filter(|(due, _)| *due <= now) {
            self.later.remove(&(due, key));
            let rank = self.jobs[&key].rank;
            self.ready.insert((rank, key));
        }
        let (_, key) = *self.ready.first()?;
        Some(self.jobs[&key].seat(key))
    }

    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.later.first().map(|(due, _)| *due)
    }

    pub(super) fn seat_of(&self, job: JobId) -> Option<Seat> {
        let of_job = |entry: &Entry| entry.id == job || entry.again == Some(job);
        let (key, entry) = self.jobs.iter().find(|(_, entry)| of_job(entry))?;
        Some(entry.seat(*key))
    }

    /// Those that wait for the origin are due now, each in its old order.
    pub(super) fn wake(&mut self, origin: &str, now: Timestamp) -> usize {
        let waits = |entry: &Entry| !entry.taken && entry.waits_for.as_deref() == Some(origin);
        let woken: Vec<Key> =
            self.jobs.iter().filter(|(_, entry)| waits(entry)).map(|(key, _)| *key).collect();
        for key in &woken {
            let rank = self.jobs[key].rank;
            self.unlist(*key, rank);
            if let Some(entry) = self.jobs.get_mut(key) {
                entry.waits_for = None;
                entry.rank.since = rank.since.min(now);
                self.later.insert((entry.rank.since, *key));
            }
        }
        woken.len()
    }

    /// What jobs wait for that begins like this, without that beginning.
    pub(super) fn awaited(&self, beginning: &str) -> Vec<String> {
        let waiting = self.jobs.values().filter(|entry| !entry.taken);
        let awaited = waiting.filter_map(|entry| entry.waits_for.as_deref()?.strip_prefix(beginning));
        awaited.map(str::to_owned).collect::<BTreeSet<_>>().into_iter().collect()
    }

    pub(super) fn waiting_for(&self, origin: &str) -> Option<Seat> {
        let waits = |entry: &Entry| !entry.taken && entry.waits_for.as_deref() == Some(origin);
        let (key, entry) = self.jobs.iter().find(|(_, entry)| waits(entry))?;
        Some(entry.seat(*key))
    }

    pub(super) fn depth(&self, now: Timestamp) -> Depth {
        let due = self.later.iter().take_while(|(due, _)| *due <= now).count();
        let oldest = self.ready.iter().map(|(rank, _)| rank.since).min();
        let first = self.later.first().map(|(due, _)| *due).filter(|due| *due <= now);
        Depth {
            ready: self.ready.len() + due,
            later: self.later.len() - due,
            taken: self.jobs.values().filter(|entry| entry.taken).count(),
            oldest: oldest.into_iter().chain(first).min(),
        }
    }

    fn forget(&mut self, key: Key) {
        if let Some(entry) = self.jobs.remove(&key) {
            self.unlist(key, entry.rank);
        }
    }

    fn unlist(&mut self, key: Key, rank: Rank) {
        self.ready.remove(&(rank, key));
        self.later.remove(&(rank.since, key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Asked, ChannelName, Trigger};

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn job(trigger: Trigger, due: i64) -> Job {
        Job {
            id: JobId::new(),
            channel_id: ChannelId::new(),
            channel: ChannelName::try_new("test").unwrap(),
            direction: Direction::Import,
            asked: Asked { connectors: Vec::new(), full: false, record: false, trigger },
            requested: at(0),
            due: at(due),
            runs: Vec::new(),
            waits_for: None,
            again: None,
        }
    }

    fn order(index: &mut Index, now: i64) -> Vec<JobId> {
        let mut order = Vec::new();
        while let Some(seat) = index.next(at(now)) {
            index.take(seat.channel, seat.direction);
            order.push(seat.id);
        }
        order
    }

    #[test]
    fn a_click_goes_before_a_tick_and_the_older_before_the_younger() {
        let mut index = Index::default();
        let jobs = [
            job(Trigger::Schedule, 5),
            job(Trigger::Request, 9),
            job(Trigger::Schedule, 3),
            job(Trigger::Webhook, 1),
            job(Trigger::Request, 99),
        ];
        jobs.iter().for_each(|job| index.insert(job));
        assert_eq!(index.next_due(), Some(at(1)));
        assert_eq!(order(&mut index, 10), [1, 3, 2, 0].map(|at: usize| jobs[at].id));
        assert_eq!(index.next_due(), Some(at(99)));
        assert_eq!(index.depth(at(10)), Depth { later: 1, taken: 4, ..Depth::default() });
    }

    #[test]
    fn those_that_wait_for_an_origin_wake_together() {
        let mut index = Index::default();
        let mut jobs =
            [job(Trigger::Schedule, 500), job(Trigger::Schedule, 600), job(Trigger::Schedule, 700)];
        jobs[0].waits_for = Some("https://a.example".into());
        jobs[2].waits_for = Some("https://a.example".into());
        jobs.iter().for_each(|job| index.insert(job));
        assert_eq!(index.waiting_for("https://b.example"), None);
        assert!(index.waiting_for("https://a.example").is_some());
        assert_eq!(index.wake("https://a.example", at(10)), 2);
        let mut woken = order(&mut index, 10);
        woken.sort();
        assert_eq!(woken, [jobs[0].id, jobs[2].id]);
        assert_eq!(index.next_due(), Some(at(600)));
    }

    #[test]
    fn a_row_that_changes_while_it_is_worked_on_stays_taken() {
        let mut index = Index::default();
        let mut one = job(Trigger::Schedule, 5);
        index.insert(&one);
        assert_eq!(order(&mut index, 5), [one.id]);
        one.again =
            Some(crate::model::Again { id: JobId::new(), asked: one.asked.clone(), requested: at(6) });
        index.insert(&one);
        index.complete(std::slice::from_ref(&one));
        assert_eq!(index.next(at(10)), None);
        assert_eq!(index.seat_of(one.again.as_ref().unwrap().id).map(|seat| seat.id), Some(one.id));
        index.remove(one.channel_id, one.direction);
        index.insert(&one);
        assert!(index.next(at(10)).is_some());
    }
}
