//! A plugin's operation, called.
//!
//! It puts the step together, passes log lines on, and hides the channel's credential in
//! what comes back; it judges nothing.

use super::document::hidden;
use crate::{
    channels::Opened,
    model::{IdempotencyKey, Invocation, Name, RunId},
    sandbox::{LogSink, Outcome, Step},
    sync::guest::Voice,
};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use std::{collections::BTreeMap, sync::Arc};
use tokio_util::sync::CancellationToken;

/// What one try asks for.
pub(in crate::sync) struct CallAsk {
    pub(in crate::sync) operation: Name,
    pub(in crate::sync) input: Bytes,
    pub(in crate::sync) key: IdempotencyKey,
    /// The run that the step belongs to.
    pub(in crate::sync) run: RunId,
    pub(in crate::sync) cancel: CancellationToken,
}

/// Calls the plugin of an opened channel.
pub(in crate::sync) fn invoke(opened: &Opened, ask: CallAsk) -> BoxFuture<'static, Outcome<Bytes>> {
    let CallAsk { operation, input, key, run, cancel } = ask;
    let voice = Voice::of(opened, Some(run));
    let step = Step {
        gateway: Some(opened.gateway.clone()),
        state: BTreeMap::new(),
        cancel,
        log: Arc::clone(&voice) as Arc<dyn LogSink>,
        memory: opened.offer.manifest.limits.memory,
        seed: None,
    };
    let settings = opened.settings.clone();
    let invocation = Invocation { operation, settings, input, idempotency_key: key };
    let (plugin, gateway) = (opened.offer.plugin.clone(), opened.gateway.clone());
    Box::pin(async move {
        let mut outcome = plugin.invoke(step, invocation).await;
        outcome.result = match outcome.result {
            Ok(answer) => {
                plugin.landed();
                Ok(hidden(answer, &|text| gateway.redact(text)))
            }
            Err(mut failure) => {
                voice.redact(&mut failure);
                Err(failure)
            }
        };
        outcome
    })
}
