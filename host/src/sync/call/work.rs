//! Trying one call: claiming its row, calling the plugin in its time, and writing down what
//! came of it.
//!
//! It decides whether the call may be tried; what becomes of one that failed stands in
//! `policy` and `outcome`.

use super::{
    CallAsk,
    desk::Taken,
    document,
    outcome::{self, Came, Ended},
    place::{input_faults, unchecked},
    recovery,
    schema::{Schema, bad_input, bad_output},
};
use crate::{
    metrics,
    model::{Call, Class, Failure, Holder, Operation, Status, Timestamp, Usage},
    sandbox::Outcome,
    store::{self, Batch, KeptCall},
    sync::{import, log, opener::Ready, progress::Progress, runner::Shared},
};
use bytes::Bytes;
use futures_util::FutureExt;
use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};
use tracing::Instrument;

/// How much longer than its time a call is held: to be claimed, answered and written down.
const MARGIN: Duration = Duration::from_secs(30);
/// When a call is looked at again that could not be claimed or read.
const LATER: Duration = Duration::from_secs(10);

/// Tries the call to one end or another.
pub(super) async fn work(shared: Arc<Shared>, taken: Taken) {
    let id = taken.seat.id;
    let kept = match claim(&shared, &taken).await {
        Ok(Some(kept)) => kept,
        Ok(None) => return shared.news(),
        Err(error) => {
            tracing::error!(run.id = %id, error = &error as &dyn std::error::Error, "a call cannot be claimed");
            return look_again(&shared, taken).await;
        }
    };
    let progress = Arc::new(Progress::new(kept.call.as_run(), shared.calls.stopping.child_token()));
    shared.calls.begins(&progress);
    log::open(&shared, &progress).await;
    let call = &kept.call;
    let span =
        tracing::info_span!("run", run.id = %id, channel.name = %call.channel, operation = %call.operation);
    let left = try_it(&shared, &kept, &progress).instrument(span).await;
    progress.rest();
    shared.calls.ends(id);
    // First its place, so that it can be taken again.
    drop(taken);
    left.iter().for_each(|call| shared.calls.enter(call));
    shared.news();
}

/// Leaves it to the next look; waiting keeps its place, so that it is not tried in a circle.
async fn look_again(shared: &Shared, taken: Taken) {
    let id = taken.seat.id;
    tokio::select! {
        () = shared.calls.stopping.cancelled() => return,
        () = tokio::time::sleep(LATER) => {}
    }
    drop(taken);
    if let Ok(Some(kept)) = shared.store.calls().get(id).await
        && !kept.call.status.has_ended()
    {
        shared.calls.enter(&kept.call);
    }
}

/// Makes the call this host's; none where it is over or somebody else's.
async fn claim(shared: &Shared, taken: &Taken) -> store::Result<Option<KeptCall>> {
    loop {
        let Some(kept) = shared.store.calls().get(taken.seat.id).await? else { return Ok(None) };
        if kept.call.status.has_ended() {
            return Ok(None);
        }
        let (now, owner) = (shared.clock.now(), &shared.calls.owner);
        match &kept.call.holder {
            Some(holder) if recovery::is_held(holder, owner, now) => return Ok(None),
            Some(_) => {
                recovery::free(shared, kept, now).await?;
                continue;
            }
            None => {}
        }
        let until = now.plus(kept.call.timeout.0.saturating_add(MARGIN));
        let holder = Holder { host: owner.host, life: owner.life, until };
        let call = claimed(&kept.call, holder, now);
        let mut batch = Batch::new();
        batch.expect_call(&kept);
        batch.put_call(&call);
        match shared.store.commit(batch).await {
            Ok(()) => return Ok(Some(KeptCall::written(call))),
            Err(store::Error::Expectation) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Since when it is put off stays: it may be put off again.
fn claimed(call: &Call, holder: Holder, now: Timestamp) -> Call {
    let started = Some(call.started.unwrap_or(now));
    Call { status: Status::Running, holder: Some(holder), started, ..call.clone() }
}

/// One try, and the row of what came of it. Answers the call where it is to be tried again.
async fn try_it(shared: &Shared, kept: &KeptCall, progress: &Progress) -> Option<Call> {
    let _running = metrics::Running::begin();
    let trial = Trial { shared, call: &kept.call, progress };
    let came = AssertUnwindSafe(trial.run()).catch_unwind().await;
    let came = came.unwrap_or_else(|_panic| Came::failed(import::panicked()));
    let Ended { call, output } = outcome::judge(shared, &kept.call, came).await;
    let run = call.as_run();
    if call.status.has_ended() {
        progress.log().inspect(|log| log.close(&run));
    }
    outcome::tell(&call);
    let batch = || {
        let mut batch = Batch::new();
        batch.expect_call(kept);
        batch.put_call(&call);
        if let Some(output) = &output {
            batch.put_call_output(call.id, output);
        }
        batch
    };
    let is_ours = shared.history.write(&batch, progress.log()).await;
    progress.show(run);
    (is_ours && !call.status.has_ended()).then_some(call)
}

/// One try.
struct Trial<'a> {
    shared: &'a Shared,
    call: &'a Call,
    progress: &'a Progress,
}

impl Trial<'_> {
    async fn run(&self) -> Came {
        if self.call.has_expired(self.shared.clock.now()) {
            return Came::Expired;
        }
        let ready = match self.shared.opener.reopen(self.call.channel_id).await {
            Ok(ready) => ready,
            Err(error) => return Came::failed(error.into_failure()),
        };
        if let Some(obstacle) = self.obstacle(&ready) {
            return obstacle;
        }
        let (operation, schema, input) = match self.prepare(&ready).await {
            Ok(prepared) => prepared,
            Err(failure) => return Came::failed(failure).at(ready),
        };
        tracing::info!(tries = self.call.tries, "call started");
        let (outcome, cut_off) = self.invoke(&ready, operation.id.clone(), input).await;
        let Outcome { result, usage, .. } = outcome;
        let result = match result {
            Ok(answer) => self.checked(&operation, schema, answer).await,
            Err(_) if self.progress.was_asked() => return Came::Asked(usage),
            Err(_) if self.progress.token().is_cancelled() => return Came::Stopped(usage),
            Err(_) if cut_off => Err(self.overdue(&usage)),
            Err(failure) => Err(failure),
        };
        match result {
            Ok(output) => {
                if ready.channel.migrated.is_some() {
                    self.shared.opener.prove(&ready.channel).await;
                }
                Came::Done(output, usage)
            }
            Err(failure) => Came::Failed { failure, usage, ready: Some(Box::new(ready)) },
        }
    }

    /// What keeps the call from being tried now.
    fn obstacle(&self, ready: &Ready) -> Option<Came> {
        let channel = &ready.channel;
        if self.shared.live.is_held(channel.id) {
            return Some(Came::NotNow);
        }
        if !channel.enabled {
            let message = "the channel is disabled; the call waits until it is enabled";
            return Some(Came::Held(Failure::new(Class::Config, "channel.disabled", message)));
        }
        let paused = channel.paused.as_ref()?;
        let message = format!("the channel is paused: {}", paused.message);
        Some(Came::Held(Failure::new(paused.class, "channel.paused", message)))
    }

    /// What the try needs, checked against the plugin as it is now.
    async fn prepare(&self, ready: &Ready) -> Result<(Operation, Arc<Schema>, Bytes), Failure> {
        let gone = || {
            let message = format!("the plugin no longer offers operation '{}'", self.call.operation);
            Failure::new(Class::NotFound, "operation.gone", message)
        };
        let operation = ready.channel_type.operation(self.call.operation.as_str()).ok_or_else(gone)?.clone();
        if self.call.cut_off && !operation.repeatable {
            return Err(recovery::interrupted());
        }
        let schema = self.shared.calls.schemas.of(&ready.channel_type, &operation)?;
        let kept = self.shared.store.calls().input(self.call.id).await;
        let kept = kept.map_err(|error| crate::sync::history::store_failure(&error))?;
        let input = document::input(&kept.unwrap_or_default())?;
        let faults = input_faults(Arc::clone(&schema), input.value).await;
        if faults.is_empty() {
            Ok((operation, schema, input.bytes))
        } else {
            Err(bad_input(operation.id.as_str(), faults))
        }
    }

    /// Calls the plugin in its time; tells whether that was over.
    async fn invoke(
        &self,
        ready: &Ready,
        operation: crate::model::Name,
        input: Bytes,
    ) -> (Outcome<Bytes>, bool) {
        let cancel = self.progress.token().child_token();
        let ask = CallAsk {
            operation,
            input,
            key: self.call.key.clone(),
            run: self.call.id,
            cancel: cancel.clone(),
        };
        let mut work = ready.sources.call(ask);
        tokio::select! {
            biased;
            outcome = &mut work => (outcome, false),
            () = tokio::time::sleep(self.call.timeout.0) => {
                // It may still hand in what it has.
                cancel.cancel();
                (work.await, true)
            }
        }
    }

    /// What is said of a call that took too long. What was on its way when it was cut off
    /// counts as a write.
    fn overdue(&self, usage: &Usage) -> Failure {
        let known = match usage.writes {
            0 => "it had changed nothing by then",
            _ => "it may have been done all the same: its outcome is unknown",
        };
        let message = format!("the call was cut off, as it took longer than {}; {known}", self.call.timeout);
        Failure::new(Class::Transient, "call.timeout", message)
    }

    async fn checked(
        &self,
        operation: &Operation,
        schema: Arc<Schema>,
        answer: Bytes,
    ) -> Result<Bytes, Failure> {
        let answer = document::output(answer)?;
        let value = answer.value;
        let checked = tokio::task::spawn_blocking(move || schema.output_faults(&value)).await;
        let faults = checked.unwrap_or_else(|error| vec![unchecked(&error)]);
        if faults.is_empty() { Ok(answer.bytes) } else { Err(bad_output(operation.id.as_str(), faults)) }
    }
}
