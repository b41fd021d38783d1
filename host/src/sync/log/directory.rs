//! The logs that are open in this process, by their runs.
//!
//! One table for the process, because lines come from places to which nothing was
//! passed: a tracing event in a lower floor knows the run by its span alone. It keeps no
//! log alive.

use super::{RunLog, Said};
use crate::model::{LineLevel, LineSource, RunId};
use serde_json::{Map, Value};
use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak},
};

static OPEN: LazyLock<Mutex<HashMap<RunId, Weak<RunLog>>>> = LazyLock::new(Mutex::default);

/// Adds a line of the host's to the log of a run; of one that does not go on in this
/// process, nothing is kept.
pub fn host_line(run: RunId, level: LineLevel, message: String, fields: Map<String, Value>) {
    if let Some(log) = find(run) {
        log.add(Said { level, source: LineSource::Host, message, fields });
    }
}

/// The open log of a run.
pub(in crate::sync) fn find(run: RunId) -> Option<Arc<RunLog>> {
    open().get(&run).and_then(Weak::upgrade)
}

pub(super) fn enter(run: RunId, log: &Arc<RunLog>) {
    open().insert(run, Arc::downgrade(log));
}

/// Forgets the log of a run, unless a new one has been opened.
pub(super) fn leave(run: RunId) {
    let mut open = open();
    if open.get(&run).is_some_and(|log| log.strong_count() == 0) {
        open.remove(&run);
    }
}

fn open() -> MutexGuard<'static, HashMap<RunId, Weak<RunLog>>> {
    // Nothing in here can panic half-way.
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}
