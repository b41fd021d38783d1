//! What an operator says about how and when a channel syncs.
//!
//! Values within their bounds already; it only puts them in their place.

use crate::model::{Channel, ConflictPolicy, Parallel, Quiet, Rhythm, TimeZoneName, Vanished};
use std::collections::BTreeMap;

/// How and when a channel syncs. None: as it was, or, for a new one, the default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// When it syncs by itself.
    pub schedule: ScheduleChange,
    /// How many of its connectors may run at the same time.
    pub parallel: Option<Parallel>,
    /// What a full sync does with records that are gone remotely.
    pub vanished: Option<Vanished>,
    /// Who is right about what both sides changed, by connector, `*` for all others; none:
    /// as for all others, or as usual.
    pub conflicts: BTreeMap<String, Option<ConflictPolicy>>,
}

/// What is to change about a schedule. None: as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScheduleChange {
    /// How often, or at which times.
    pub rhythm: Option<Rhythm>,
    /// Where the clock hangs.
    pub time_zone: Option<TimeZoneName>,
    /// New quiet hours, or none any more.
    pub quiet: Option<Option<Quiet>>,
}

impl Options {
    pub(super) fn apply(self, channel: &mut Channel) {
        let ScheduleChange { rhythm, time_zone, quiet } = self.schedule;
        let schedule = &mut channel.schedule;
        set(&mut schedule.rhythm, rhythm);
        set(&mut schedule.time_zone, time_zone);
        set(&mut schedule.quiet, quiet);
        set(&mut channel.parallel, self.parallel);
        set(&mut channel.vanished, self.vanished);
        for (connector, policy) in self.conflicts {
            channel.conflicts.set(connector, policy);
        }
    }
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}
