//! How long each page of a run took, and what it cost.
//!
//! It measures and stores nothing; the rows land with their pages.

use crate::model::{Counters, Run, RunPage, Timestamp, Usage};

/// Where the page before ended.
pub(super) struct Timeline {
    at: Timestamp,
    usage: Usage,
}

impl Timeline {
    /// Begins when the run does, or when it goes on.
    pub(super) fn begin(run: &Run, now: Timestamp) -> Self {
        Self { at: now, usage: run.usage }
    }

    /// The page after which the run stands as `run` does.
    pub(super) fn page(
        &self,
        run: &Run,
        counters: Counters,
        cursor: Option<usize>,
        now: Timestamp,
    ) -> RunPage {
        let (usage, before) = (&run.usage, &self.usage);
        RunPage {
            page: run.pages,
            at: now,
            took_ms: now.millis_since(self.at),
            counters,
            requests: usage.requests.saturating_sub(before.requests),
            bytes: usage.response_bytes.saturating_sub(before.response_bytes),
            cursor_bytes: cursor.map(|length| length as u64),
        }
    }

    /// The page has landed: the next one is measured from here.
    pub(super) fn turn(&mut self, page: &RunPage, run: &Run) {
        *self = Self { at: page.at, usage: run.usage };
    }
}
