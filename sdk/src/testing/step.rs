//! What the host keeps for a step, for one thread.

use crate::{log::Level, run::Budget};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
};

/// A line that the plugin logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// How much it matters.
    pub level: Level,
    /// The text.
    pub message: String,
    /// Names and values.
    pub fields: Vec<(String, String)>,
}

/// A step that nobody gave a budget has one without end.
const ENDLESS: Budget =
    Budget { cpu_ms: u64::MAX, wall_ms: u64::MAX, requests: u32::MAX, response_bytes: u64::MAX };

/// A program that runs for long, such as a benchmark, must not fill memory with lines.
const MOST_LINES: usize = 10_000;

thread_local! {
    static LINES: RefCell<Vec<Line>> = const { RefCell::new(Vec::new()) };
    static BUDGET: Cell<Budget> = const { Cell::new(ENDLESS) };
    static CANCELLED: Cell<bool> = const { Cell::new(false) };
    static STATE: RefCell<BTreeMap<String, Vec<u8>>> = const { RefCell::new(BTreeMap::new()) };
}

/// The lines logged since this was last asked for.
#[must_use]
pub fn logs() -> Vec<Line> {
    LINES.take()
}

/// What [`run::remaining`](crate::run::remaining) answers from now on. A
/// [`Script`](super::Script) takes its requests and bytes off it.
pub fn set_budget(budget: Budget) {
    BUDGET.set(budget);
}

/// Makes [`run::cancelled`](crate::run::cancelled) true from now on.
pub fn cancel() {
    CANCELLED.set(true);
}

pub(crate) fn keep_line(line: Line) {
    LINES.with_borrow_mut(|lines| {
        if lines.len() < MOST_LINES {
            lines.push(line);
        }
    });
}

pub(crate) fn budget() -> Budget {
    BUDGET.get()
}

pub(crate) fn spend(bytes: usize) {
    let budget = BUDGET.get();
    if budget != ENDLESS {
        let response_bytes = budget.response_bytes.saturating_sub(bytes as u64);
        BUDGET.set(Budget { requests: budget.requests.saturating_sub(1), response_bytes, ..budget });
    }
}

pub(crate) fn is_cancelled() -> bool {
    CANCELLED.get()
}

pub(crate) fn state_get(key: &str) -> Option<Vec<u8>> {
    STATE.with_borrow(|state| state.get(key).cloned())
}

pub(crate) fn state_put(key: &str, value: Option<&[u8]>) {
    STATE.with_borrow_mut(|state| match value {
        Some(value) => drop(state.insert(key.to_owned(), value.to_vec())),
        None => drop(state.remove(key)),
    });
}
