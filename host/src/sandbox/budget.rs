//! What is left of a step's time: CPU ticks and the wall clock.
//!
//! It only counts. The epoch callback asks it at every tick that falls into
//! guest code; `instance` watches the wall clock and ends the step.

use super::{Limits, limit::Limit, ticker::Ticks};
use std::time::Duration;
use tokio::time::Instant;

/// Length of one tick of the engine's ticker: fine enough for a CPU limit of
/// fractions of a second, coarse enough to cost nothing.
pub(super) const TICK: Duration = Duration::from_millis(10);

/// The time of one step.
pub(super) struct Budget {
    ticks: Ticks,
    used: u64,
    allowed: u64,
    waited: bool,
    started: Instant,
    wall: Duration,
}

impl Budget {
    /// Starts now.
    pub(super) fn start(limits: &Limits, ticks: Ticks) -> Self {
        let allowed = limits.cpu.0.as_nanos().div_ceil(TICK.as_nanos());
        Self {
            ticks,
            used: 0,
            allowed: u64::try_from(allowed).unwrap_or(u64::MAX),
            waited: false,
            started: Instant::now(),
            wall: limits.wall.0,
        }
    }

    /// Counts a tick that was noticed in guest code. A tick that fell into a
    /// wait of the host is noticed there too, and is the guest's only once.
    pub(super) fn tick(&mut self) -> Result<(), Limit> {
        if std::mem::take(&mut self.waited) {
            return Ok(());
        }
        self.used += 1;
        if self.used > self.allowed { Err(Limit::Cpu) } else { Ok(()) }
    }

    /// The start of a wait of the host on behalf of the guest.
    pub(super) fn wait_begins(&self) -> u64 {
        self.ticks.now()
    }

    /// The end of the wait that began at `began`: the ticks in between are not
    /// the guest's.
    pub(super) fn wait_ends(&mut self, began: u64) {
        self.waited |= self.ticks.now() != began;
    }

    /// Ticks that fell into guest code.
    pub(super) fn cpu_ticks(&self) -> u64 {
        self.used
    }

    /// CPU time that is left, to the tick.
    pub(super) fn cpu_left(&self) -> Duration {
        let left = self.allowed.saturating_sub(self.used);
        TICK.saturating_mul(u32::try_from(left).unwrap_or(u32::MAX))
    }

    /// CPU time and time on the clock that the step had at its start.
    pub(super) fn whole(&self) -> (Duration, Duration) {
        (TICK.saturating_mul(u32::try_from(self.allowed).unwrap_or(u32::MAX)), self.wall)
    }

    /// Time on the clock since the start.
    pub(super) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// When the time on the clock is over; none where that is beyond all clocks.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.started.checked_add(self.wall)
    }

    /// Time on the clock that is left.
    pub(super) fn wall_left(&self) -> Duration {
        self.wall.saturating_sub(self.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Span;

    fn budget(cpu: Span) -> Budget {
        Budget::start(&Limits { cpu, wall: Span::secs(2), ..Limits::default() }, Ticks::default())
    }

    #[tokio::test(start_paused = true)]
    async fn cpu_time_is_counted_in_ticks() {
        let mut budget = budget(Span::millis(25));
        assert_eq!(budget.cpu_left(), Duration::from_millis(30));
        for _ in 0..3 {
            assert_eq!(budget.tick(), Ok(()));
        }
        assert_eq!(budget.cpu_left(), Duration::ZERO);
        assert_eq!(budget.tick(), Err(Limit::Cpu));
    }

    #[tokio::test(start_paused = true)]
    async fn a_tick_during_a_wait_is_not_the_guests() {
        let mut budget = budget(Span::secs(1));
        let began = budget.wait_begins();
        budget.wait_ends(began);
        budget.tick().unwrap();
        assert_eq!(budget.cpu_ticks(), 1, "no tick fell into the wait");
        let began = budget.wait_begins();
        budget.ticks.advance();
        budget.ticks.advance();
        budget.wait_ends(began);
        budget.tick().unwrap();
        assert_eq!(budget.cpu_ticks(), 1);
        budget.tick().unwrap();
        assert_eq!(budget.cpu_ticks(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn the_wall_clock_runs_while_the_guest_waits() {
        let budget = budget(Span::secs(1));
        tokio::time::advance(Duration::from_millis(1_500)).await;
        assert_eq!((budget.elapsed().as_millis(), budget.wall_left().as_millis()), (1_500, 500));
        tokio::time::advance(Duration::from_secs(9)).await;
        assert_eq!(budget.wall_left(), Duration::ZERO);
    }
}
