//! The pages of runs, as history keeps them: when, how long, how much.
//!
//! It holds nothing of what was on a page. The rows go with their run.

use super::engine::Want;
use super::keys::{self, Table};
use super::{Batch, Result, Store, codec};
use crate::model::{RunId, RunPage};

const WHAT: &str = "a page of a run";

/// The pages of runs.
pub struct Pages<'a>(pub(super) &'a Store);

impl Pages<'_> {
    /// At most `limit` pages of the run in their order, those after page `after`.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn list(&self, run: RunId, after: Option<u64>, limit: usize) -> Result<Vec<RunPage>> {
        let rows = Table::Pages.rows_of_run(run);
        let range = match after {
            Some(page) => rows.after(&keys::page(run, page)),
            None => rows,
        };
        self.0
            .blocking(move |engine| {
                let entries = engine.scan(range, limit, Want::Entries)?;
                entries.into_iter().map(|entry| codec::decode(WHAT, entry.value)).collect()
            })
            .await
    }
}

impl Batch {
    /// Adds a page of a run. It belongs into the batch that lands the page.
    pub fn put_page(&mut self, run: RunId, page: &RunPage) {
        self.put(keys::page(run, page.page), codec::encode(page));
    }
}
