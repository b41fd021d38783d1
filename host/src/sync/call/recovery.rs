//! Calls that the host was working on when it ended, and calls that are old.
//!
//! Of a call that was cut off nobody knows whether it was done. One that is queued is
//! tried again with the same idempotency key; one that somebody waited for is over, and
//! says so.

use crate::{
    model::{Call, CallMode, Class, Failure, Holder, Status, Timestamp},
    store::{self, Batch, KeptCall, Owner},
    sync::runner::Shared,
};

/// Calls that one cleaning removes at most.
const MOST: usize = 10_000;

/// The code of a call that the end of its host cut off.
pub(super) const INTERRUPTED: &str = "call.interrupted";
/// The code of a call that has waited for as long as it may.
pub(super) const EXPIRED: &str = "call.expired";

/// Whether somebody works on a call: its holder lives, as far as one can tell.
pub(super) fn is_held(holder: &Holder, own: &Owner, now: Timestamp) -> bool {
    let is_own_past = holder.host == own.host && holder.life != own.life;
    !is_own_past && holder.until > now
}

/// A call whose holder is gone.
pub(super) fn freed(mut call: Call, now: Timestamp) -> Call {
    call.holder = None;
    match call.mode {
        CallMode::Now => {
            call.status = Status::Failed;
            call.ended = Some(now);
            call.error = Some(interrupted());
            call.outcome_unknown = true;
        }
        CallMode::Queued => {
            call.status = Status::Queued;
            call.due = now;
            call.cut_off = true;
        }
    }
    call
}

/// What is said of a call that the end of its host cut off.
pub(super) fn interrupted() -> Failure {
    let message = "the host ended during this call; it may have been done all the same";
    Failure::new(Class::Transient, INTERRUPTED, message)
}

/// What is said of a call that has waited for as long as it may. `reason`: what it waited for last.
pub(super) fn expired(reason: Option<&Failure>) -> Failure {
    let waited = match reason {
        Some(reason) => format!("what it waited for: {}", reason.message),
        None => "its turn did not come".to_owned(),
    };
    let message = format!("this call waited for as long as it may, and is not tried any more; {waited}");
    Failure::new(Class::Transient, EXPIRED, message)
}

/// Frees what an earlier life of this host was working on.
pub(in crate::sync) async fn recover(shared: &Shared) -> store::Result<()> {
    let now = shared.clock.now();
    for kept in shared.store.calls().live().await? {
        let Some(holder) = &kept.call.holder else { continue };
        if is_held(holder, &shared.calls.owner, now) {
            continue;
        }
        free(shared, kept, now).await?;
    }
    Ok(())
}

/// Writes that nobody works on a call any more. Somebody else may have been faster.
pub(super) async fn free(shared: &Shared, kept: KeptCall, now: Timestamp) -> store::Result<()> {
    let mut batch = Batch::new();
    batch.expect_call(&kept);
    let call = freed(kept.call, now);
    batch.put_call(&call);
    match shared.store.commit(batch).await {
        Ok(()) if call.status.has_ended() => {
            tracing::warn!(run.id = %call.id, operation = %call.operation, "a call was interrupted");
            Ok(())
        }
        Ok(()) | Err(store::Error::Expectation) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Removes calls that are older than they are kept for.
pub(in crate::sync) async fn clean(shared: &Shared) {
    let keep = i64::try_from(shared.config.calls.keep.0.as_millis()).unwrap_or(i64::MAX);
    let until = Timestamp::from_millis(shared.clock.now().as_millis().saturating_sub(keep));
    match shared.store.calls().remove_ended(until, MOST).await {
        Ok(0) => {}
        Ok(calls) => tracing::info!(calls, "old calls were removed"),
        Err(error) => {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "old calls cannot be removed; it is tried again later");
        }
    }
}
