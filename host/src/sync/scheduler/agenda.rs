//! Which channel is due next.
//!
//! It holds what was worked out and works out nothing: asked again and again, a missed
//! tick would be put off again and again.

use crate::{
    model::{Channel, ChannelId, Timestamp},
    sync::timetable::idle,
};
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

/// The channels by the time at which they are due.
pub(super) struct Agenda {
    /// Channels may have come, changed or gone since the last look.
    pub(super) is_stale: bool,
    channels: HashMap<ChannelId, (Arc<Channel>, Option<Timestamp>)>,
    due: BTreeSet<(Timestamp, ChannelId)>,
}

impl Default for Agenda {
    fn default() -> Self {
        Self { is_stale: true, channels: HashMap::new(), due: BTreeSet::new() }
    }
}

impl Agenda {
    /// The channels as they are now. One that did not change in what its ticks follow
    /// from keeps its time.
    pub(super) fn take_in(
        &mut self,
        channels: Vec<Channel>,
        last: &HashMap<ChannelId, Timestamp>,
        next: impl Fn(&Channel, Option<Timestamp>) -> Option<Timestamp>,
    ) {
        let mut before = std::mem::take(&mut self.channels);
        self.due.clear();
        for channel in channels.into_iter().filter(|channel| idle(channel, false).is_none()) {
            let known = before.remove(&channel.id).filter(|(known, _)| ticks_alike(known, &channel));
            let due = match known {
                Some((_, due)) => due,
                None => next(&channel, last.get(&channel.id).copied()),
            };
            let id = channel.id;
            self.channels.insert(id, (Arc::new(channel), due));
            self.due.extend(due.map(|due| (due, id)));
        }
        self.is_stale = false;
    }

    /// At most `most` of those that are due, the longest due first.
    pub(super) fn due(&self, now: Timestamp, most: usize) -> Vec<Arc<Channel>> {
        let due = self.due.iter().take_while(|(due, _)| *due <= now).take(most);
        due.filter_map(|(_, id)| self.channels.get(id)).map(|(channel, _)| Arc::clone(channel)).collect()
    }

    /// Sets when a channel is due next; none: never by itself.
    pub(super) fn set(&mut self, channel: ChannelId, next: Option<Timestamp>) {
        let Some((_, due)) = self.channels.get_mut(&channel) else { return };
        if let Some(before) = std::mem::replace(due, next) {
            self.due.remove(&(before, channel));
        }
        self.due.extend(next.map(|due| (due, channel)));
    }

    /// When the next one is due.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.due.first().map(|(due, _)| *due)
    }
}

fn ticks_alike(a: &Channel, b: &Channel) -> bool {
    a.schedule == b.schedule && a.active_since() == b.active_since()
}
