//! What came of it.

use crate::compare::Comparison;
use anyhow::Result;
use serde_json::json;
use std::time::Duration;

pub(crate) struct Report {
    pub(crate) seed: u64,
    pub(crate) kills: Kills,
    /// Runs that the history of the killed host has.
    pub(crate) runs: usize,
    /// Changes that were made at the vendor meanwhile.
    pub(crate) changes: u64,
    pub(crate) comparison: Comparison,
    pub(crate) seconds: f64,
}

/// How often the host was killed, and how it came back.
#[derive(Default)]
pub(crate) struct Kills {
    pub(crate) during_runs: u32,
    pub(crate) between_runs: u32,
    /// From the start of the process to the vendor's first page.
    pub(crate) recoveries: Vec<Duration>,
}

impl Report {
    /// Whether nothing is lost, doubled or different.
    pub(crate) fn is_whole(&self) -> bool {
        let Comparison { lost, doubled, differing, .. } = self.comparison;
        lost + doubled + differing == 0
    }

    /// The recovery that so many in a hundred do not exceed, in milliseconds.
    fn recovery(&self, percent: usize) -> u128 {
        let mut sorted = self.kills.recoveries.clone();
        sorted.sort_unstable();
        let place = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
        sorted.get(place).map_or(0, Duration::as_millis)
    }

    pub(crate) fn print(&self, as_json: bool) -> Result<()> {
        let [p50, p99, max] = [50, 99, 100].map(|percent| self.recovery(percent));
        let Self { seed, runs, changes, comparison, seconds, .. } = self;
        let Kills { during_runs, between_runs, .. } = self.kills;
        if as_json {
            let document = json!({
                "seed": seed, "kills": during_runs, "kills-between-runs": between_runs, "runs": runs, "changes": changes, "seconds": seconds,
                "recovery-ms": { "p50": u64::try_from(p50)?, "p99": u64::try_from(p99)?, "max": u64::try_from(max)? },
                "comparison": comparison,
            });
            println!("{document}");
            return Ok(());
        }
        let Comparison { records, lost, doubled, differing, examples } = comparison;
        println!(
            "{during_runs} kills during runs and {between_runs} between, {runs} runs, \
             {changes} changes at the vendor, {seconds:.0} s, seed {seed}"
        );
        println!("recovery, from the start to the first page: p50 {p50} ms, p99 {p99} ms, max {max} ms");
        println!("of {records} records: {lost} lost, {doubled} doubled, {differing} differing");
        examples.iter().for_each(|example| println!("  {example}"));
        Ok(())
    }
}
