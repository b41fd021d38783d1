//! `tidegate:connect/run`: what is left for the step, and whether to stop.

use crate::{
    broker::Allowance,
    sandbox::{
        bindings::tidegate::connect::run::{Budget, Host},
        context::Context,
    },
};

impl Host for Context {
    fn remaining(&mut self) -> wasmtime::Result<Budget> {
        let none = Allowance { requests: 0, response_bytes: 0 };
        let left = self.way_out.as_ref().map_or(none, |(_, meter)| meter.remaining());
        Ok(Budget {
            cpu_ms: millis(self.budget.cpu_left()),
            wall_ms: millis(self.budget.wall_left()),
            requests: left.requests,
            response_bytes: left.response_bytes,
        })
    }

    fn cancelled(&mut self) -> wasmtime::Result<bool> {
        Ok(self.cancel.is_cancelled())
    }
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
