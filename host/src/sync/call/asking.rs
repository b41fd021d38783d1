//! What can be asked about calls, and done about one.

use super::{CallRequest, Called, place};
use crate::{
    model::{Call, ChannelId, Class, Failure, RunId, Status},
    store::{self, Batch},
    sync::{Error, Sync},
};
use bytes::Bytes;

/// Calls that one search looks at, at most.
const LOOKS: usize = 20_000;
/// Calls that are read at a time.
const PIECE: usize = 500;
/// How often a batch is made anew that met somebody else's.
const TRIES: u32 = 20;

/// Which calls are wanted.
#[derive(Clone, Debug, Default)]
pub struct CallSearch {
    /// Of this channel.
    pub channel: Option<ChannelId>,
    /// That stand like one of these; empty: however they stand.
    pub statuses: Vec<Status>,
    /// Older than this one.
    pub before: Option<RunId>,
    /// So many at most.
    pub limit: usize,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct FoundCalls {
    /// Newest first.
    pub calls: Vec<Call>,
    /// The `before` with which to go on; none: there are no more.
    pub next: Option<RunId>,
}

/// What can be done about calls.
pub struct Calls<'a>(pub(in crate::sync) &'a Sync);

impl Calls<'_> {
    /// Asks for a call. When it returns, the call is in the store, and the host works on it
    /// whoever goes on waiting. A request with the idempotency key of an earlier one gets
    /// that one, however it stands, and has nothing sent.
    ///
    /// # Errors
    /// The channel takes no calls, the input does not fit, or the key stands for another call.
    ///
    /// # Cancel safety
    /// Dropped early, the call may or may not have been asked for, but never half.
    pub async fn request(&self, request: CallRequest) -> Result<Called, Error> {
        place::place(&self.0.shared, request).await
    }

    /// Checks what a request asks for, and does nothing about it: nothing is sent or kept.
    ///
    /// # Errors
    /// There is no such channel or operation, or the input does not fit.
    pub async fn check(&self, request: &CallRequest) -> Result<(), Error> {
        place::check(&self.0.shared, request).await
    }

    /// The call as it stands.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn get(&self, id: RunId) -> Result<Option<Call>, Error> {
        Ok(self.0.shared.store.calls().get(id).await?.map(|kept| kept.call))
    }

    /// Its input.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn input(&self, id: RunId) -> Result<Option<Bytes>, Error> {
        Ok(self.0.shared.store.calls().input(id).await?)
    }

    /// Its output, where it has completed.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn output(&self, id: RunId) -> Result<Option<Bytes>, Error> {
        Ok(self.0.shared.store.calls().output(id).await?)
    }

    /// Returns when the call is over. One that is put off is waited for.
    ///
    /// # Errors
    /// There is no such call, or the store cannot be read.
    ///
    /// # Cancel safety
    /// It only looks, so it can be dropped at any time.
    pub async fn wait(&self, id: RunId) -> Result<Call, Error> {
        let mut changes = self.0.shared.store.calls().watch_one(id);
        loop {
            let call = self.get(id).await?.ok_or_else(|| unknown(id))?;
            if call.status.has_ended() || !changes.changed().await {
                return Ok(call);
            }
        }
    }

    /// Calls as they stand, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find(&self, search: &CallSearch) -> Result<FoundCalls, Error> {
        let wants = |call: &Call| search.statuses.is_empty() || search.statuses.contains(&call.status);
        let (mut found, mut before, mut looks) = (Vec::new(), search.before, 0);
        loop {
            let piece = self.0.shared.store.calls().list(search.channel, before, PIECE).await?;
            let is_last = piece.len() < PIECE;
            looks += piece.len();
            before = piece.last().map(|call| call.id).or(before);
            for call in piece.into_iter().filter(wants) {
                if found.len() == search.limit {
                    let next = found.last().map(|call: &Call| call.id);
                    return Ok(FoundCalls { calls: found, next });
                }
                found.push(call);
            }
            if is_last || looks >= LOOKS {
                return Ok(FoundCalls { calls: found, next: before.filter(|_| !is_last) });
            }
        }
    }

    /// Takes a call back: one that waits is over at once, a try that is going on is ended.
    /// False where it is over already, or another host works on it.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn cancel(&self, id: RunId) -> Result<bool, Error> {
        let shared = &self.0.shared;
        for _ in 0..TRIES {
            let Some(kept) = shared.store.calls().get(id).await? else { return Ok(false) };
            // Whoever worked on it may still be tidying up.
            if kept.call.status.has_ended() {
                return Ok(false);
            }
            if let Some(progress) = shared.calls.progress(id) {
                return Ok(progress.cancel());
            }
            if kept.call.holder.is_some() {
                return Ok(false);
            }
            let mut batch = Batch::new();
            batch.expect_call(&kept);
            let mut call = kept.call;
            (call.status, call.deferred) = (Status::Cancelled, None);
            call.ended = Some(shared.clock.now());
            call.outcome_unknown = call.usage.writes > 0 || call.cut_off;
            call.error = Some(cancelled("while it waited"));
            batch.put_call(&call);
            match shared.store.commit(batch).await {
                Err(store::Error::Expectation) => {}
                Err(error) => return Err(error.into()),
                Ok(()) => {
                    shared.calls.forget(id);
                    shared.news();
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Has a call that did not complete done again, in the queue: with the same input and the
    /// same idempotency key, which stands for the new one from now on.
    ///
    /// # Errors
    /// There is no such call, it has completed or goes on, or it was tried again already.
    pub async fn retry(&self, id: RunId) -> Result<Call, Error> {
        let shared = &self.0.shared;
        let old = self.get(id).await?.ok_or_else(|| unknown(id))?;
        if !matches!(old.status, Status::Failed | Status::Cancelled) {
            let message =
                format!("call {id} is {}: only one that failed or was cancelled is tried again", old.status);
            return Err(Failure::new(Class::Conflict, "call.not-failed", message).into());
        }
        let input = self.input(id).await?.unwrap_or_default();
        let call = place::again(&old, shared.clock.now(), shared.config.calls.expires);
        let mut batch = Batch::new();
        batch.expect_channel(call.channel_id);
        batch.claim_call_key(&call, Some(old.id));
        batch.put_call(&call);
        batch.put_call_input(call.id, &input);
        match shared.store.commit(batch).await {
            Err(store::Error::Expectation) => {
                let message = format!("call {id} was tried again already, or its channel is gone");
                Err(Failure::new(Class::Conflict, "call.retried", message).into())
            }
            Err(error) => Err(error.into()),
            Ok(()) => {
                shared.calls.enter(&call);
                Ok(call)
            }
        }
    }
}

fn unknown(id: RunId) -> Failure {
    Failure::new(Class::NotFound, "call.unknown", format!("there is no call {id}"))
}

/// What is said of a call that somebody took back.
pub(super) fn cancelled(when: &str) -> Failure {
    Failure::new(Class::Transient, "call.cancelled", format!("somebody cancelled this call {when}"))
}
