//! One step: a fresh store and instance, watched until it ends.
//!
//! Whatever happens inside, what comes out is an `Outcome`. Nothing of the
//! instance is kept: after an abnormal end it would be dead anyway, and a fresh
//! one costs microseconds.

use super::{
    Limits, Sandbox,
    context::Context,
    limit::Limit,
    step::{Outcome, Step},
    trap::{self, Circumstances, Finding},
};
use crate::model::{Failure, Usage};
use futures_util::{FutureExt, future::BoxFuture};
use std::{any::Any, collections::BTreeMap, panic::AssertUnwindSafe, time::Duration};
use tokio_util::sync::CancellationToken;
use wasmtime::{
    Store, UpdateDeadline,
    component::{Instance, InstancePre},
};

/// How long a step may go on after it was asked to end: enough for a guest that
/// looks at `cancelled` to hand in what it has.
const GRACE: Duration = Duration::from_millis(250);

/// What a call of a guest comes to: its answer, its own failure, or the error
/// that ended it.
pub(super) type Answer<T> = wasmtime::Result<Result<T, Failure>>;

/// How a step ended.
enum End<T> {
    Answered(Answer<T>),
    Limit(Limit),
    Cancelled,
    Panicked,
}

/// What came of a step, and the failure of a guest that broke down.
pub(super) struct Ended<T> {
    pub(super) outcome: Outcome<T>,
    pub(super) trap: Option<Failure>,
}

impl<T> Ended<T> {
    fn never_begun(failure: Failure) -> Self {
        Self { outcome: Outcome::never_begun(failure), trap: None }
    }
}

/// Runs `call` in a fresh instance of `pre`. Waits for a turn first; the wait
/// counts neither as CPU nor as wall time. Cancel safe: dropping the future
/// ends the guest.
pub(super) async fn run<T, F>(sandbox: &Sandbox, pre: &InstancePre<Context>, step: Step, call: F) -> Ended<T>
where
    T: Send,
    F: for<'a> FnOnce(&'a mut Store<Context>, Instance) -> BoxFuture<'a, Answer<T>> + Send,
{
    let cancel = step.cancel.clone();
    let memory = step.memory;
    let _turn = tokio::select! {
        turn = sandbox.turn() => turn,
        () = cancel.cancelled() => return Ended::never_begun(Failure::cancelled()),
    };
    let limits = sandbox.limits();
    let mut store = store(sandbox, step);
    let wall = store.data().budget.wall_left();
    let work = AssertUnwindSafe(async {
        let instance = pre.instantiate_async(&mut store).await?;
        call(&mut store, instance).await
    });
    let end = tokio::select! {
        biased;
        answer = work.catch_unwind() => answer.map_or_else(|_: Box<dyn Any + Send>| End::Panicked, End::Answered),
        () = tokio::time::sleep(wall) => End::Limit(Limit::Wall),
        () = patience(&cancel) => End::Cancelled,
    };
    let result = judge(end, store.data(), limits, memory);
    conclude(result, store)
}

/// A store with every limit set, before anything runs in it: wasmtime reads
/// some of them when the limiter is installed.
fn store(sandbox: &Sandbox, step: Step) -> Store<Context> {
    let limits = sandbox.limits();
    let context = Context::new(step, limits, sandbox.clock(), sandbox.ticks());
    let mut store = Store::new(sandbox.engine(), context);
    store.limiter(|context| &mut context.limiter);
    store.set_hostcall_fuel(limits.call_bytes.as_len());
    store.set_max_component_handles(usize::try_from(limits.handles).unwrap_or(usize::MAX));
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|mut store| {
        store.data_mut().budget.tick()?;
        // Gives way to others, and to the clocks that watch this step.
        Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())))
    });
    store
}

async fn patience(cancel: &CancellationToken) {
    cancel.cancelled().await;
    tokio::time::sleep(GRACE).await;
}

fn judge<T>(end: End<T>, context: &Context, limits: &Limits, memory: Option<u64>) -> Result<T, Finding> {
    let finding = match end {
        End::Answered(Ok(Ok(answer))) => return Ok(answer),
        End::Panicked => return Err(Finding::Other(trap::panicked())),
        End::Limit(limit) => Finding::Other(limit.failure(limits, memory)),
        End::Cancelled => Finding::Other(Failure::cancelled()),
        End::Answered(Ok(Err(failure))) => Finding::Other(failure),
        End::Answered(Err(error)) => {
            tracing::debug!(error = %format!("{error:#}"), "a step ended abnormally");
            let refused = context.limiter.refused();
            let last_words = context.journal.last_words();
            trap::finding(&error, &Circumstances { limits, memory, refused, last_words })
        }
    };
    // Whatever fails after the call to end fails because of it: requests that
    // were broken off, for one.
    Err(if context.cancel.is_cancelled() { Finding::Other(Failure::cancelled()) } else { finding })
}

fn conclude<T>(result: Result<T, Finding>, store: Store<Context>) -> Ended<T> {
    let context = store.into_data();
    let (log_bytes, log_dropped) = context.journal.close();
    let used = context.way_out.as_ref().map(|(_, meter)| meter.used()).unwrap_or_default();
    let usage = Usage {
        steps: 1,
        cpu_ticks: context.budget.cpu_ticks(),
        wall_ms: u64::try_from(context.budget.elapsed().as_millis()).unwrap_or(u64::MAX),
        peak_memory: context.limiter.peak() as u64,
        requests: used.requests,
        sent: used.sent,
        request_bytes: used.request_bytes,
        response_bytes: used.response_bytes,
        log_bytes,
        log_dropped,
    };
    let state = if result.is_ok() { context.state.into_writes() } else { BTreeMap::new() };
    let trap = result.as_ref().err().and_then(Finding::trap).cloned();
    Ended { outcome: Outcome { result: result.map_err(Finding::into_failure), state, usage }, trap }
}
