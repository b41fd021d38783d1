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
        // How fast this machine is must not decide what a step that is replayed does.
        let (cpu, wall) = match self.seed {
            None => (self.budget.cpu_left(), self.budget.wall_left()),
            Some(_) => self.budget.whole(),
        };
        Ok(Budget {
            cpu_ms: millis(cpu),
            wall_ms: millis(wall),
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
