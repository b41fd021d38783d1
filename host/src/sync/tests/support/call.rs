//! Operations that do as they are told.

use super::{Host, ready, script::Scripts};
use crate::{
    model::{
        Call, CallMode, ChannelType, Class, Failure, IdempotencyKey, JobId, Name, Operation, RunId, Span,
        Status, Timestamp, Trigger, Usage,
    },
    sandbox::Outcome,
    sync::{CallRequest, Called, call::CallAsk, opener::Ready},
};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

type Answer = dyn Fn(usize, CallAsk) -> BoxFuture<'static, Outcome<Bytes>> + Send + std::marker::Sync;

/// Operations that answer by a function, and remember what they were asked: operation,
/// input and key.
pub(in crate::sync) struct CallScript {
    asked: Mutex<Vec<(String, String, String)>>,
    answer: Box<Answer>,
}

impl CallScript {
    /// `answer` gets the number of the try, from 0, and what it asks for.
    pub(in crate::sync) fn new(
        answer: impl Fn(usize, CallAsk) -> BoxFuture<'static, Outcome<Bytes>> + Send + std::marker::Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { asked: Mutex::default(), answer: Box::new(answer) })
    }

    /// Answers at once.
    pub(in crate::sync) fn quick(
        answer: impl Fn(usize, CallAsk) -> Outcome<Bytes> + Send + std::marker::Sync + 'static,
    ) -> Arc<Self> {
        Self::new(move |number, ask| {
            let outcome = answer(number, ask);
            Box::pin(async move { outcome })
        })
    }

    /// Answers its input.
    pub(in crate::sync) fn echo() -> Arc<Self> {
        Self::quick(|_, ask| answers(&ask.input))
    }

    /// Fails as often as it is told, then answers its input.
    pub(in crate::sync) fn fails_first(times: usize, failure: Failure) -> Arc<Self> {
        Self::quick(
            move |number, ask| {
                if number < times { refuses(failure.clone(), 0, 0) } else { answers(&ask.input) }
            },
        )
    }

    /// Never answers by itself; what it sent counts as so many writes.
    pub(in crate::sync) fn endless(writes: u64, unkeyed_writes: u64) -> Arc<Self> {
        Self::new(move |_, ask| {
            Box::pin(async move {
                ask.cancel.cancelled().await;
                refuses(Failure::cancelled(), writes, unkeyed_writes)
            })
        })
    }

    pub(super) fn call(&self, ask: CallAsk) -> BoxFuture<'static, Outcome<Bytes>> {
        let mut asked = self.asked.lock().unwrap();
        let input = String::from_utf8(ask.input.to_vec()).unwrap();
        asked.push((ask.operation.to_string(), input, ask.key.to_string()));
        (self.answer)(asked.len() - 1, ask)
    }

    /// What was asked for, try by try.
    pub(in crate::sync) fn asked(&self) -> Vec<(String, String, String)> {
        self.asked.lock().unwrap().clone()
    }

    /// How often something was asked for.
    pub(in crate::sync) fn tries(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    /// Returns when so many tries were begun.
    pub(in crate::sync) async fn begun(&self, tries: usize) {
        while self.tries() < tries {
            tokio::task::yield_now().await;
        }
    }
}

fn outcome(result: Result<Bytes, Failure>, writes: u64, unkeyed_writes: u64) -> Outcome<Bytes> {
    let usage = Usage { steps: 1, requests: 1, writes, unkeyed_writes, ..Usage::default() };
    Outcome { result, state: BTreeMap::new(), usage }
}

pub(in crate::sync) fn answers(document: &[u8]) -> Outcome<Bytes> {
    outcome(Ok(Bytes::copy_from_slice(document)), 1, 0)
}

/// With so many requests that may have been done, and so many of them without a key.
pub(in crate::sync) fn refuses(failure: Failure, writes: u64, unkeyed_writes: u64) -> Outcome<Bytes> {
    outcome(Err(failure), writes, unkeyed_writes)
}

pub(in crate::sync) fn failure(class: Class, code: &str) -> Failure {
    Failure::new(class, code, "as the script says")
}

/// An operation that takes and answers anything.
pub(in crate::sync) fn operation(id: &str) -> Operation {
    Operation {
        id: super::name(id),
        label: id.into(),
        description: String::new(),
        input: true.into(),
        output: true.into(),
        repeatable: true,
    }
}

/// A channel named `test` without connectors.
pub(in crate::sync) fn ready_to_call(operations: Vec<Operation>) -> Ready {
    let ready = ready(Vec::new());
    let channel_type = ChannelType { operations, ..(*ready.channel_type).clone() };
    Ready { channel_type: Arc::new(channel_type), ..ready }
}

/// A call as it waits for its turn, with somebody who waits for it.
pub(in crate::sync) fn called(ready: &Ready, operation: &Name, at: Timestamp) -> Call {
    let id = RunId::new();
    Call {
        id,
        job: JobId::new(),
        channel_id: ready.channel.id,
        channel: ready.channel.name.clone(),
        operation: operation.clone(),
        key: IdempotencyKey::of(id),
        mode: CallMode::Now,
        trigger: Trigger::Request,
        timeout: Span::secs(60),
        status: Status::Queued,
        deferred: None,
        tries: 0,
        due: at,
        expires: None,
        holder: None,
        requested: at,
        started: None,
        ended: None,
        error: None,
        cut_off: false,
        outcome_unknown: false,
        usage: Usage::default(),
    }
}

/// A request that somebody waits for.
pub(in crate::sync) fn ask(ready: &Ready, operation: &str, input: &str) -> CallRequest {
    CallRequest {
        channel: ready.channel.name.clone(),
        operation: operation.to_owned(),
        input: Bytes::copy_from_slice(input.as_bytes()),
        key: None,
        timeout: None,
        expires: None,
        queue: false,
        trigger: Trigger::Request,
    }
}

/// The same for the queue, with a key.
pub(in crate::sync) fn later(ready: &Ready, operation: &str, input: &str, key: &str) -> CallRequest {
    CallRequest { queue: true, ..with_key(ask(ready, operation, input), key) }
}

pub(in crate::sync) fn with_key(request: CallRequest, key: &str) -> CallRequest {
    CallRequest { key: Some(IdempotencyKey::try_new(key).unwrap()), ..request }
}

impl Host {
    /// Puts a channel on the shelf and into the store, one script for all of its operations.
    pub(in crate::sync) async fn offer_calls(&self, channel: &Ready, script: &Arc<CallScript>) -> Ready {
        let ready = Ready { sources: Arc::new(Scripts::of_calls(script)), ..channel.clone() };
        self.put(&ready);
        // It may be there already: from an earlier offer, or an earlier host.
        let _ = self.store.channels().create(&ready.channel).await;
        ready
    }

    /// Asks for a call.
    pub(in crate::sync) async fn ask(&self, request: CallRequest) -> Called {
        self.sync.calls().request(request).await.unwrap()
    }

    /// Asks for a call and waits for its end.
    pub(in crate::sync) async fn call(&self, request: CallRequest) -> Call {
        let called = self.ask(request).await;
        self.sync.calls().wait(called.call.id).await.unwrap()
    }

    /// The output of a call, as text.
    pub(in crate::sync) async fn output(&self, call: &Call) -> Option<String> {
        let output = self.sync.calls().output(call.id).await.unwrap()?;
        Some(String::from_utf8(output.to_vec()).unwrap())
    }

    /// Returns the call when it has that status.
    pub(in crate::sync) async fn call_reaches(&self, id: RunId, status: Status) -> Call {
        loop {
            let call = self.sync.calls().get(id).await.unwrap().unwrap();
            if call.status == status {
                return call;
            }
            assert!(!call.status.has_ended(), "{call:#?}");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }
}

/// Status, error code, and whether it may have been done.
pub(in crate::sync) fn stands(call: &Call) -> String {
    let error = call.error.as_ref().map_or(String::new(), |error| format!(" {}", error.code));
    let unknown = if call.outcome_unknown { " unknown" } else { "" };
    format!("{}{error}{unknown}", call.status)
}
