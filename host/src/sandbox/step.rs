//! What goes into a step beside its arguments, and what comes out beside its
//! answer.

use super::{journal::LogSink, seed::Seed};
use crate::{
    broker::Gateway,
    model::{Failure, Usage},
};
use bytes::Bytes;
use std::{collections::BTreeMap, sync::Arc};
use tokio_util::sync::CancellationToken;

/// What a step gets beside its arguments.
pub struct Step {
    /// None for the pure functions of `channel-type`.
    pub gateway: Option<Gateway>,
    /// The connector's durable map as it stands.
    pub state: BTreeMap<String, Bytes>,
    /// Asks the step to end; it is ended soon after.
    pub cancel: CancellationToken,
    /// Where the guest's log lines go.
    pub log: Arc<dyn LogSink>,
    /// Linear memory that the manifest asks for, in bytes; capped by the
    /// configuration.
    pub memory: Option<u64>,
    /// Time and chance, for a step that is recorded or replayed; none: the host's.
    pub seed: Option<Seed>,
}

/// What came of a step.
#[derive(Clone, Debug)]
pub struct Outcome<T> {
    /// The guest's answer or its failure, or why the host ended the step. A
    /// trap, a broken limit and a bad answer are failures of class `internal`
    /// or `limit` with codes `trap.*`, `limit.*` and `answer.*`; `run.cancelled`
    /// is of class `transient`.
    pub result: Result<T, Failure>,
    /// Writes to the durable map, to be committed with the page; empty when the
    /// step failed.
    pub state: BTreeMap<String, Option<Bytes>>,
    /// What the step used, also where it failed.
    pub usage: Usage,
}

impl<T> Outcome<T> {
    /// Of a step that did not come to run.
    pub(super) fn never_begun(failure: Failure) -> Self {
        Self { result: Err(failure), state: BTreeMap::new(), usage: Usage::default() }
    }
}
