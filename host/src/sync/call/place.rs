//! From a request to a call that is on record.
//!
//! It sends nothing. When it answers, the call is in the store; a request with the
//! idempotency key of an earlier one gets that one.

use super::{
    CallRequest, Called,
    document::{self, Document},
    schema::{Schema, bad_input},
};
use crate::{
    channels,
    model::{
        Call, CallMode, Channel, ChannelName, Class, Failure, FieldError, IdempotencyKey, JobId, Operation,
        RunId, Span, Status, Timestamp, Usage,
    },
    store::{self, Batch, KeptCall},
    sync::{Error, opener::Ready, runner::Shared},
};
use serde_json::Value;
use std::{sync::Arc, time::Duration};

/// How often a batch is made anew that met somebody else's.
const TRIES: u32 = 20;
/// The longest time that a call may wait: a year.
const LONGEST_PATIENCE: Span = Span::secs(365 * 24 * 3_600);

/// Puts a call on record.
pub(super) async fn place(shared: &Shared, request: CallRequest) -> Result<Called, Error> {
    if shared.stopping.is_cancelled() {
        return Err(Error::Stopping);
    }
    let input = document::input(&request.input)?;
    for _ in 0..TRIES {
        let channel = channel(shared, &request.channel).await?;
        if let Some(key) = &request.key
            && let Some(first) = shared.store.calls().by_key(channel.id, key).await?
        {
            return repeated(shared, first, &request, &input).await;
        }
        let (ready, operation) = opened(shared, &request).await?;
        admit(shared, &ready)?;
        let call = new(shared, &ready.channel, &operation, &request)?;
        let mut batch = Batch::new();
        batch.expect_channel(call.channel_id);
        batch.claim_call_key(&call, None);
        batch.put_call(&call);
        batch.put_call_input(call.id, &input.bytes);
        check_input(shared, &ready, &operation, input.value.clone()).await?;
        match shared.store.commit(batch).await {
            // Somebody has used the key meanwhile, or the channel is gone: a second look tells.
            Err(store::Error::Expectation) => {}
            Err(error) => return Err(error.into()),
            Ok(()) => {
                shared.calls.enter(&call);
                return Ok(Called { call, repeated: false });
            }
        }
    }
    Err(store::Error::Expectation.into())
}

/// Checks what a request asks for, and does nothing about it.
pub(super) async fn check(shared: &Shared, request: &CallRequest) -> Result<(), Error> {
    let input = document::input(&request.input)?;
    let (ready, operation) = opened(shared, request).await?;
    time_for(shared, request.timeout)?;
    patience(shared, request.expires)?;
    check_input(shared, &ready, &operation, input.value).await
}

async fn channel(shared: &Shared, name: &ChannelName) -> Result<Channel, Error> {
    let found = shared.store.channels().by_name(name.as_str()).await?;
    Ok(found.ok_or_else(|| channels::Error::NoChannel(name.to_string()))?)
}

/// The channel with the operation that is asked for.
async fn opened(shared: &Shared, request: &CallRequest) -> Result<(Ready, Operation), Error> {
    let ready = shared.opener.open(&request.channel).await?;
    match ready.channel_type.operation(&request.operation) {
        Some(operation) => {
            let operation = operation.clone();
            Ok((ready, operation))
        }
        None => Err(unknown(&ready, &request.operation).into()),
    }
}

fn unknown(ready: &Ready, asked: &str) -> Failure {
    let offered: Vec<_> = ready.channel_type.operations.iter().map(|one| one.id.as_str()).collect();
    let kind = &ready.channel_type.id;
    // What somebody typed may be anything.
    let asked: String = asked.chars().filter(|c| !c.is_control()).take(80).collect();
    if offered.is_empty() {
        let message =
            format!("channel '{}' has no operations: its type '{kind}' offers none", ready.channel.name);
        return Failure::new(Class::Unsupported, "operation.none", message);
    }
    let message = format!(
        "channel '{}' has no operation '{asked}'; its type '{kind}' offers: {}",
        ready.channel.name,
        offered.join(", ")
    );
    Failure::new(Class::NotFound, "operation.unknown", message)
}

/// Refuses where the channel takes no calls now.
fn admit(shared: &Shared, ready: &Ready) -> Result<(), Error> {
    let channel = &ready.channel;
    if !channel.enabled {
        return Err(Error::Disabled(channel.name.clone()));
    }
    if let Some(paused) = &channel.paused {
        let message = format!(
            "channel '{}' is paused since {}: {}; mend that, then enable it",
            channel.name, paused.since, paused.message
        );
        return Err(Failure::new(Class::Conflict, "channel.paused", message).into());
    }
    if shared.live.is_held(channel.id) {
        return Err(Error::Held(channel.name.clone()));
    }
    Ok(())
}

fn new(
    shared: &Shared,
    channel: &Channel,
    operation: &Operation,
    request: &CallRequest,
) -> Result<Call, Error> {
    let (id, now) = (RunId::new(), shared.clock.now());
    Ok(Call {
        id,
        job: JobId::new(),
        channel_id: channel.id,
        channel: channel.name.clone(),
        operation: operation.id.clone(),
        key: request.key.clone().unwrap_or_else(|| IdempotencyKey::of(id)),
        mode: if request.queue { CallMode::Queued } else { CallMode::Now },
        trigger: request.trigger,
        timeout: time_for(shared, request.timeout)?,
        status: Status::Queued,
        deferred: None,
        tries: 0,
        due: now,
        expires: request.queue.then_some(now.plus(patience(shared, request.expires)?.0)),
        holder: None,
        requested: now,
        started: None,
        ended: None,
        error: None,
        cut_off: false,
        outcome_unknown: false,
        usage: Usage::default(),
    })
}

/// The same again, in the queue: the same input, and the same key for the remote system. It may
/// wait for as long as the old one, or else for `expires`.
pub(super) fn again(old: &Call, now: Timestamp, expires: Span) -> Call {
    let patience = old.expires.map(|end| Duration::from_millis(end.millis_since(old.requested)));
    Call {
        id: RunId::new(),
        job: JobId::new(),
        mode: CallMode::Queued,
        status: Status::Queued,
        deferred: None,
        tries: 0,
        due: now,
        expires: Some(now.plus(patience.unwrap_or(expires.0))),
        holder: None,
        requested: now,
        started: None,
        ended: None,
        error: None,
        cut_off: false,
        outcome_unknown: false,
        usage: Usage::default(),
        ..old.clone()
    }
}

fn time_for(shared: &Shared, asked: Option<Span>) -> Result<Span, Failure> {
    let config = &shared.config.calls;
    let Some(asked) = asked else { return Ok(config.timeout.min(config.wall)) };
    if asked.0.is_zero() || asked > config.wall {
        let message = format!(
            "a call takes from 1ms to {}, the longest time of a step ([sandbox.limits] wall); {asked} is not within that",
            config.wall
        );
        return Err(Failure::new(Class::InvalidData, "call.time", message));
    }
    Ok(asked)
}

fn patience(shared: &Shared, asked: Option<Span>) -> Result<Span, Failure> {
    let Some(asked) = asked else { return Ok(shared.config.calls.expires) };
    if !(Span::secs(1)..=LONGEST_PATIENCE).contains(&asked) {
        let message = format!(
            "a call waits in the queue from 1s to {LONGEST_PATIENCE} before it is given up; {asked} is not within that"
        );
        return Err(Failure::new(Class::InvalidData, "call.expires", message));
    }
    Ok(asked)
}

async fn check_input(
    shared: &Shared,
    ready: &Ready,
    operation: &Operation,
    input: Value,
) -> Result<(), Error> {
    let schema = shared.calls.schemas.of(&ready.channel_type, operation)?;
    let faults = input_faults(schema, input).await;
    if faults.is_empty() { Ok(()) } else { Err(bad_input(operation.id.as_str(), faults).into()) }
}

/// What is wrong with an input; off the reactor, as it may be large and its schema costly.
pub(super) async fn input_faults(schema: Arc<Schema>, input: Value) -> Vec<FieldError> {
    let checked = tokio::task::spawn_blocking(move || schema.input_faults(&input)).await;
    checked.unwrap_or_else(|error| vec![unchecked(&error)])
}

pub(super) fn unchecked(error: &tokio::task::JoinError) -> FieldError {
    tracing::error!(%error, "a document cannot be checked");
    FieldError { field: String::new(), message: "it cannot be checked: the host's log tells why".to_owned() }
}

/// The call that the key stands for, where it is the same one.
async fn repeated(
    shared: &Shared,
    first: KeptCall,
    request: &CallRequest,
    input: &Document,
) -> Result<Called, Error> {
    let kept = shared.store.calls().input(first.call.id).await?;
    let same_input = kept.is_some_and(|kept| {
        kept == input.bytes || serde_json::from_slice::<Value>(&kept).is_ok_and(|kept| kept == input.value)
    });
    if same_input && first.call.operation.as_str() == request.operation {
        return Ok(Called { call: first.call, repeated: true });
    }
    let call = &first.call;
    let what = if same_input { "another operation" } else { "another input" };
    let message = format!(
        "the idempotency key '{}' stands for a call of '{}' with {what} ({}); take another key for another call",
        call.key, call.operation, call.id
    );
    Err(Failure::new(Class::Conflict, "call.key-taken", message).into())
}
