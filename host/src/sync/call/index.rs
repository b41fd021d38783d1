//! Which calls wait, in memory: whom to try next.
//!
//! It holds no truth: a row decides whether a call is there and who may try it.

use crate::model::{Call, CallMode, ChannelId, RunId, Status, Timestamp};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Queued calls of one channel that go on at the same time, so that a channel with
/// thousands of them leaves room for the others. As many as a channel sends requests at
/// once where its manifest says nothing.
const OF_A_CHANNEL: usize = 4;

/// A call that can be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seat {
    pub(super) id: RunId,
    pub(super) channel: ChannelId,
}

#[derive(Default)]
pub(super) struct Index {
    lanes: HashMap<ChannelId, Lane>,
    /// Calls that somebody waits for, the oldest first. They go before all others.
    urgent: BTreeMap<RunId, ChannelId>,
    waiting: HashMap<RunId, Place>,
    taken: HashSet<RunId>,
}

/// The calls of a channel.
#[derive(Default)]
struct Lane {
    queued: BTreeSet<(Timestamp, RunId)>,
    taken: usize,
}

/// Where a queued call stands.
struct Place {
    channel: ChannelId,
    due: Timestamp,
    waits_for: WaitsFor,
}

/// What a call that is put off waits for, beside its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum WaitsFor {
    Nothing,
    /// The return of an origin.
    Origin(String),
    /// That somebody mends or enables its channel.
    Channel,
}

impl Index {
    /// Adds a call, unless it is known: what is known is newer than what was read.
    pub(super) fn enter(&mut self, call: &Call, waits_for: WaitsFor) {
        if self.taken.contains(&call.id) || self.waiting.contains_key(&call.id) {
            return;
        }
        if call.mode == CallMode::Now && call.status == Status::Queued {
            self.urgent.insert(call.id, call.channel_id);
            return;
        }
        let place = Place { channel: call.channel_id, due: call.due, waits_for };
        self.lanes.entry(call.channel_id).or_default().queued.insert((call.due, call.id));
        self.waiting.insert(call.id, place);
    }

    /// The next one to try. `now` tells which are due.
    pub(super) fn next(&self, now: Timestamp) -> Option<Seat> {
        if let Some((id, channel)) = self.urgent.first_key_value() {
            return Some(Seat { id: *id, channel: *channel });
        }
        let free = self.lanes.iter().filter(|(_, lane)| lane.taken < OF_A_CHANNEL);
        let first =
            free.filter_map(|(channel, lane)| lane.queued.first().map(|(due, id)| (*due, *id, *channel)));
        let (due, id, channel) = first.min()?;
        (due <= now).then_some(Seat { id, channel })
    }

    /// When the next one that waits for its time is due.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let free = self.lanes.values().filter(|lane| lane.taken < OF_A_CHANNEL);
        free.filter_map(|lane| lane.queued.first().map(|(due, _)| *due)).min()
    }

    /// Takes one out for as long as it is tried.
    pub(super) fn take(&mut self, seat: Seat) {
        self.forget(seat.id);
        self.taken.insert(seat.id);
        self.lanes.entry(seat.channel).or_default().taken += 1;
    }

    /// Nobody here tries it any more.
    pub(super) fn leave(&mut self, seat: Seat) {
        if !self.taken.remove(&seat.id) {
            return;
        }
        if let Some(lane) = self.lanes.get_mut(&seat.channel) {
            lane.taken -= 1;
        }
        self.tidy(seat.channel);
    }

    /// Forgets one that waits.
    pub(super) fn forget(&mut self, id: RunId) {
        self.urgent.remove(&id);
        let Some(place) = self.waiting.remove(&id) else { return };
        if let Some(lane) = self.lanes.get_mut(&place.channel) {
            lane.queued.remove(&(place.due, id));
        }
        self.tidy(place.channel);
    }

    /// Makes those due that wait for this origin; says how many.
    pub(super) fn wake_origin(&mut self, origin: &str, now: Timestamp) -> usize {
        self.wake(now, |place| matches!(&place.waits_for, WaitsFor::Origin(waited) if waited == origin))
    }

    /// Makes those due that wait for one of these channels.
    pub(super) fn wake_channels(&mut self, channels: &HashSet<ChannelId>, now: Timestamp) -> usize {
        self.wake(now, |place| place.waits_for == WaitsFor::Channel && channels.contains(&place.channel))
    }

    /// Whether any call waits for its channel.
    pub(super) fn has_held(&self) -> bool {
        self.waiting.values().any(|place| place.waits_for == WaitsFor::Channel)
    }

    /// A channel with a call that waits for this origin.
    pub(super) fn waiting_for(&self, origin: &str) -> Option<ChannelId> {
        let waits = |place: &&Place| matches!(&place.waits_for, WaitsFor::Origin(waited) if waited == origin);
        self.waiting.values().find(waits).map(|place| place.channel)
    }

    /// A call of the channel that is tried here.
    pub(super) fn is_taken(&self, channel: ChannelId) -> bool {
        self.lanes.get(&channel).is_some_and(|lane| lane.taken > 0)
    }

    fn wake(&mut self, now: Timestamp, is_meant: impl Fn(&Place) -> bool) -> usize {
        let mut woken = 0;
        for (id, place) in self.waiting.iter_mut().filter(|(_, place)| is_meant(place)) {
            if let Some(lane) = self.lanes.get_mut(&place.channel) {
                lane.queued.remove(&(place.due, *id));
                lane.queued.insert((now, *id));
            }
            (place.due, place.waits_for) = (now, WaitsFor::Nothing);
            woken += 1;
        }
        woken
    }

    fn tidy(&mut self, channel: ChannelId) {
        if self.lanes.get(&channel).is_some_and(|lane| lane.taken == 0 && lane.queued.is_empty()) {
            self.lanes.remove(&channel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::tests::support::{called, name, ready_to_call};

    fn time(milliseconds: i64) -> Timestamp {
        Timestamp::from_millis(milliseconds)
    }

    fn queued(channel: ChannelId, due: i64) -> Call {
        let call = called(&ready_to_call(Vec::new()), &name("send"), time(0));
        Call { channel_id: channel, due: time(due), mode: CallMode::Queued, ..call }
    }

    fn take(index: &mut Index, now: i64) -> Option<RunId> {
        let seat = index.next(time(now))?;
        index.take(seat);
        Some(seat.id)
    }

    #[test]
    fn who_is_waited_for_goes_first_and_then_who_is_due_first() {
        let (a, b) = (ChannelId::new(), ChannelId::new());
        let (late, early, later) = (queued(a, 20), queued(b, 10), queued(a, 99));
        let now = Call { mode: CallMode::Now, ..queued(a, 50) };
        let mut index = Index::default();
        for call in [&late, &early, &later, &now, &now] {
            index.enter(call, WaitsFor::Nothing);
        }
        assert_eq!(take(&mut index, 30), Some(now.id));
        assert_eq!(take(&mut index, 30), Some(early.id));
        assert_eq!(take(&mut index, 30), Some(late.id));
        assert_eq!((take(&mut index, 30), index.next_due()), (None, Some(time(99))));
        index.enter(&late, WaitsFor::Nothing);
        assert_eq!(take(&mut index, 30), None, "it is tried already");
    }

    #[test]
    fn a_channel_with_many_calls_leaves_room_for_another() {
        let (many, one) = (ChannelId::new(), ChannelId::new());
        let mut index = Index::default();
        (0..50).for_each(|due| index.enter(&queued(many, due), WaitsFor::Nothing));
        let other = queued(one, 60);
        index.enter(&other, WaitsFor::Nothing);
        let first: Vec<_> = (0..5).filter_map(|_| take(&mut index, 100)).collect();
        assert_eq!((first.len(), first[OF_A_CHANNEL]), (5, other.id));
        assert_eq!(take(&mut index, 100), None, "both wait for their own");
        index.leave(Seat { id: first[0], channel: many });
        assert!(take(&mut index, 100).is_some());
        assert!(index.is_taken(many) && index.is_taken(one));
        index.leave(Seat { id: other.id, channel: one });
        assert!(!index.is_taken(one));
    }

    #[test]
    fn calls_are_woken_by_what_they_wait_for() {
        let (a, b) = (ChannelId::new(), ChannelId::new());
        let (down, held) = (queued(a, 1_000), queued(b, 1_000));
        let mut index = Index::default();
        index.enter(&down, WaitsFor::Origin("https://a.example".into()));
        index.enter(&held, WaitsFor::Channel);
        assert_eq!(index.waiting_for("https://a.example"), Some(a));
        assert_eq!(index.wake_origin("https://b.example", time(5)), 0);
        assert_eq!(index.wake_channels(&HashSet::from([a]), time(5)), 0);
        assert_eq!(take(&mut index, 10), None);
        assert_eq!(index.wake_origin("https://a.example", time(5)), 1);
        assert_eq!(take(&mut index, 10), Some(down.id));
        assert!(index.has_held());
        assert_eq!(index.wake_channels(&HashSet::from([b]), time(6)), 1);
        assert_eq!((take(&mut index, 10), index.has_held()), (Some(held.id), false));
    }
}
