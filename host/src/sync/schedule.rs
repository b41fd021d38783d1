//! When channels are due.
//!
//! Pure: it gets the time and the last tick, and answers the next one. It asks no
//! clock and no store, and starts nothing.

mod config;
mod jitter;

pub use config::Config;
pub use jitter::Jitter;

use crate::model::{Channel, Interval, Rhythm, Schedule, Timestamp};

/// Over so many milliseconds those are spread who would start at the same time.
const SPREAD_MS: i64 = 30_000;

/// What the ticks of one channel follow from.
#[derive(Clone, Copy, Debug)]
pub struct Ticks<'a> {
    /// What its operator said.
    pub schedule: &'a Schedule,
    /// How often a channel ticks whose operator said nothing.
    pub every: Interval,
    /// When it is due for the first time since it was created or enabled.
    pub first: Timestamp,
    /// Its last tick.
    pub last: Option<Timestamp>,
    /// Its own share of what spreads channels.
    pub jitter: Jitter,
}

impl<'a> Ticks<'a> {
    /// Of this channel, with its last tick.
    #[must_use]
    pub fn of(config: &Config, channel: &'a Channel, last: Option<Timestamp>) -> Self {
        Self {
            schedule: &channel.schedule,
            every: config.every,
            first: config.first(channel),
            last,
            jitter: Jitter::of_channel(channel.id),
        }
    }
}

impl Ticks<'_> {
    /// When the channel is due next; none: never by itself.
    ///
    /// - For the first time at `first`, whatever the rhythm.
    /// - Then so much after the last tick as the interval says, and the channel's share
    ///   of a tenth of it, at most 30 s, on top; or when the clock next shows what the
    ///   cron expression says, to the second.
    /// - All ticks that were missed before `now` are one, due now and the channel's
    ///   share of 30 s later, so that not all channels start with the host.
    /// - What falls into quiet hours comes at their end, and the channel's share later.
    ///
    /// What counts as missed depends on `now`: so ask once after a tick or a change,
    /// and keep the answer. Whoever asks again and again puts a missed tick off again
    /// and again.
    ///
    /// Never before `now` where `now` is not before the last tick; a clock that was set
    /// back counts as one that stands at the last tick.
    #[must_use]
    pub fn next(&self, now: Timestamp) -> Option<Timestamp> {
        let planned = self.planned(now)?;
        let due = if planned < now { now.plus_millis(self.jitter.of(SPREAD_MS)) } else { planned };
        Some(self.out_of_quiet(due))
    }

    /// The next times, as they come if nothing comes between them.
    #[must_use]
    pub fn upcoming(&self, now: Timestamp, count: usize) -> Vec<Timestamp> {
        let mut ticks = *self;
        let mut times = Vec::with_capacity(count);
        let mut now = now;
        while times.len() < count {
            let Some(time) = ticks.next(now) else { break };
            times.push(time);
            (ticks.last, now) = (Some(time), time);
        }
        times
    }

    /// Quiet hours and what was missed left aside.
    fn planned(&self, now: Timestamp) -> Option<Timestamp> {
        if self.schedule.is_manual() {
            return None;
        }
        let since = self.last.map(|last| last.min(now)).filter(|last| *last >= self.first);
        let Some(last) = since else {
            return Some(self.first);
        };
        match &self.schedule.rhythm {
            Rhythm::Host => Some(self.after(last, self.every)),
            Rhythm::Every(interval) => Some(self.after(last, *interval)),
            Rhythm::Cron(cron) => cron.next_after(last, &self.schedule.time_zone),
            Rhythm::Manual => None,
        }
    }

    fn after(&self, last: Timestamp, interval: Interval) -> Timestamp {
        last.plus_millis(interval.as_millis() + self.jitter.of(spread(interval)))
    }

    fn out_of_quiet(&self, mut due: Timestamp) -> Timestamp {
        let Schedule { time_zone, quiet, .. } = self.schedule;
        let Some(quiet) = quiet else {
            return due;
        };
        let spread = match &self.schedule.rhythm {
            Rhythm::Every(interval) => spread(*interval),
            Rhythm::Host => spread(self.every),
            Rhythm::Cron(_) | Rhythm::Manual => SPREAD_MS,
        };
        // More than once only where a clock is set back into hours that were over.
        while let Some(end) = quiet.end_after(due, time_zone) {
            due = end.plus_millis(self.jitter.of(spread));
        }
        due
    }
}

fn spread(interval: Interval) -> i64 {
    (interval.as_millis() / 10).min(SPREAD_MS)
}

#[cfg(test)]
mod tests;
