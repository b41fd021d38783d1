//! What the host holds for one step: the data that imported functions work on.
//!
//! It is made for the step and dropped with it; nothing is shared between
//! steps, so nothing can leak from one to the next.

use super::{
    Limits,
    budget::Budget,
    imports::{Randomness, StateMap, wasi},
    journal::Journal,
    limiter::Limiter,
    seed::Seed,
    step::Step,
    ticker::Ticks,
};
use crate::{
    broker::{Allowance, Gateway, Meter},
    clock::Clock,
};
use tokio_util::sync::CancellationToken;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

/// The data of one store.
pub(super) struct Context {
    pub(super) table: ResourceTable,
    pub(super) wasi: WasiCtx,
    pub(super) randomness: Randomness,
    pub(super) limiter: Limiter,
    pub(super) budget: Budget,
    pub(super) journal: Journal,
    pub(super) state: StateMap,
    pub(super) cancel: CancellationToken,
    /// The way out and what the step may still use of it; none for pure steps.
    pub(super) way_out: Option<(Gateway, Meter)>,
    /// Time and chance, where they are given.
    pub(super) seed: Option<Seed>,
}

impl Context {
    /// Everything at its beginning; the clocks start.
    pub(super) fn new(step: Step, limits: &Limits, clock: &Clock, ticks: Ticks) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(usize::try_from(limits.resources).unwrap_or(usize::MAX));
        let journal = Journal::new(limits, step.log);
        let allowance = Allowance { requests: limits.requests, response_bytes: limits.response_bytes.0 };
        let budget = Budget::start(limits, ticks);
        let meter = Meter::new(allowance, step.cancel.clone());
        let meter = match budget.deadline() {
            Some(deadline) => meter.ending_at(deadline),
            None => meter,
        };
        Self {
            table,
            wasi: wasi::context(&journal, clock, step.seed.as_ref()),
            randomness: Randomness::new(limits.random_bytes, step.seed.as_ref()),
            limiter: Limiter::new(limits, step.memory),
            budget,
            journal,
            state: StateMap::new(step.state, limits.state_bytes),
            way_out: step.gateway.map(|gateway| (gateway, meter)),
            cancel: step.cancel,
            seed: step.seed,
        }
    }
}

impl WasiView for Context {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}
