//! What becomes of a call after a try.
//!
//! It sets the row; writing it is another's.

use super::{
    asking::cancelled,
    policy::{self, Case, Verdict},
    recovery::{expired, interrupted},
};
use crate::{
    metrics,
    model::{Call, CallMode, Deferred, Failure, Name, Paused, Status, Timestamp, Usage},
    sync::{opener::Ready, policy as runs, runner::Shared},
};
use bytes::Bytes;
use std::time::Duration;

/// When a call is tried again whose channel is being changed.
const SOON: Duration = Duration::from_secs(1);
/// How much later than its origin is asked a call is tried that nobody woke.
const WAKE_LATEST: Duration = Duration::from_secs(300);

/// What came of a try.
pub(super) enum Came {
    /// The answer, checked.
    Done(Bytes, Usage),
    Failed {
        failure: Failure,
        usage: Usage,
        /// The channel, where it could be opened.
        ready: Option<Box<Ready>>,
    },
    /// It was not tried, because it has waited for as long as it may.
    Expired,
    /// It was not tried, because of its channel.
    Held(Failure),
    /// It was not tried, because somebody is changing its channel.
    NotNow,
    /// Somebody cancelled it.
    Asked(Usage),
    /// The host is stopping.
    Stopped(Usage),
}

impl Came {
    /// Of a try that did not get as far as the plugin.
    pub(super) fn failed(failure: Failure) -> Self {
        Self::Failed { failure, usage: Usage::default(), ready: None }
    }

    /// The same in a channel that could be opened.
    pub(super) fn at(self, ready: Ready) -> Self {
        match self {
            Self::Failed { failure, usage, .. } => {
                Self::Failed { failure, usage, ready: Some(Box::new(ready)) }
            }
            other => other,
        }
    }
}

/// The call after the try.
pub(super) struct Ended {
    pub(super) call: Call,
    pub(super) output: Option<Bytes>,
}

/// Decides, and pauses the channel where that is called for.
pub(super) async fn judge(shared: &Shared, before: &Call, came: Came) -> Ended {
    let now = shared.clock.now();
    let mut call = Call { holder: None, ..before.clone() };
    let mut output = None;
    match came {
        Came::Done(answer, usage) => {
            call.usage.add(&usage);
            (call.status, call.error) = (Status::Completed, None);
            output = Some(answer);
        }
        Came::Failed { failure, usage, ready } => {
            call.usage.add(&usage);
            let verdict = verdict(shared, &call, &failure, &usage, ready.as_deref(), now);
            if matches!(verdict, Verdict::Pause | Verdict::Hold(_)) {
                pause(shared, ready.as_deref(), &failure, now).await;
            }
            if runs::counts(&failure) {
                call.tries = call.tries.saturating_add(1);
            }
            settle(&mut call, failure, verdict, now);
        }
        Came::Held(failure) if call.mode == CallMode::Now => fail(&mut call, failure),
        Came::Held(failure) => {
            let deferred = policy::held(failure, &call, now, &shared.config);
            put_off(&mut call, deferred);
        }
        Came::Expired => {
            let reason = call.deferred.take().map(|deferred| deferred.reason);
            fail(&mut call, expired(reason.as_ref()));
        }
        Came::NotNow => {
            call.status = Status::Queued;
            call.due = now.plus(SOON);
        }
        Came::Asked(usage) => {
            call.usage.add(&usage);
            (call.status, call.error) = (Status::Cancelled, Some(cancelled("while it went on")));
        }
        Came::Stopped(usage) => {
            call.usage.add(&usage);
            stop(&mut call, &usage, now);
        }
    }
    conclude(&mut call, before, now);
    if let Some(channel_type) = counted_under(shared, &call).await {
        let reason = call.deferred.as_ref().map(|deferred| &deferred.reason);
        let class = call.error.as_ref().or(reason).map(|error| error.class);
        metrics::run_ended(&channel_type, &call.operation, call.status, class);
    }
    Ended { call, output }
}

fn verdict(
    shared: &Shared,
    call: &Call,
    failure: &Failure,
    usage: &Usage,
    ready: Option<&Ready>,
    now: Timestamp,
) -> Verdict {
    let origin = ready.and_then(|ready| ready.origin.as_deref());
    let case = Case { call, failure, usage, now, origin, jitter: fastrand::f64() };
    policy::judge(&case, &shared.config)
}

async fn pause(shared: &Shared, ready: Option<&Ready>, failure: &Failure, now: Timestamp) {
    if let Some(ready) = ready {
        shared.opener.pause(&ready.channel, Paused::because(failure, now)).await;
    }
}

fn settle(call: &mut Call, failure: Failure, verdict: Verdict, now: Timestamp) {
    match verdict {
        Verdict::Retry => (call.status, call.due, call.deferred) = (Status::Queued, now, None),
        Verdict::Defer(deferred) | Verdict::Hold(deferred) => put_off(call, deferred),
        Verdict::Fail | Verdict::Pause => fail(call, failure),
    }
}

fn fail(call: &mut Call, failure: Failure) {
    (call.status, call.error) = (Status::Failed, Some(failure));
}

fn put_off(call: &mut Call, deferred: Deferred) {
    // Whoever waits for an origin is woken when it is back.
    let due = match deferred.origin {
        Some(_) => deferred.until.plus(WAKE_LATEST),
        None => deferred.until,
    };
    // Its end is told in time, whatever it waits for.
    call.due = call.expires.map_or(due, |expires| due.min(expires));
    (call.status, call.deferred) = (Status::Deferred, Some(deferred));
}

/// A queued call is tried again at the next start, unless that would do it twice.
fn stop(call: &mut Call, usage: &Usage, now: Timestamp) {
    if call.mode == CallMode::Now || usage.unkeyed_writes > 0 {
        fail(call, interrupted());
    } else {
        (call.status, call.due) = (Status::Queued, now);
        call.cut_off |= usage.writes > 0;
    }
}

/// What follows from how the call stands now.
fn conclude(call: &mut Call, before: &Call, now: Timestamp) {
    if call.status != Status::Deferred && call.status != Status::Queued {
        call.deferred = None;
    }
    // Nobody knows what came of the try that was cut off before this one, either.
    let unclear = before.cut_off || call.usage.writes > 0;
    if call.status.has_ended() {
        call.ended = Some(now);
        call.outcome_unknown = unclear && call.status != Status::Completed;
    }
}

/// The channel type under which an end is counted, as for runs; one that waits in its row
/// is not counted.
async fn counted_under(shared: &Shared, call: &Call) -> Option<Name> {
    if call.status == Status::Queued {
        return None;
    }
    let channel = shared.store.channels().get(call.channel_id).await.ok().flatten()?;
    Some(channel.channel_type)
}

/// Says in the log what became of it.
pub(super) fn tell(call: &Call) {
    let (id, operation, status) = (call.id, &call.operation, call.status.as_str());
    let error = call.error.as_ref().map(tracing::field::display);
    match (&call.deferred, call.status) {
        (Some(deferred), Status::Deferred) => tracing::warn!(
            run.id = %id, %operation, until = %deferred.until, tries = call.tries, reason = %deferred.reason,
            "call put off"
        ),
        (_, Status::Failed) => tracing::warn!(
            run.id = %id, %operation, status, error, outcome_unknown = call.outcome_unknown, "call ended"
        ),
        (_, status) if status.has_ended() => {
            tracing::info!(run.id = %id, %operation, status = status.as_str(), error, "call ended");
        }
        _ => tracing::info!(run.id = %id, %operation, status, "call waits again"),
    }
}
