//! A plugin: a compiled and pre-linked component, and the calls that it takes.
//!
//! It holds no state of any run; each call is a step of its own.

mod fit;
mod lifecycle;

use super::{
    Sandbox,
    context::Context,
    convert,
    error::{CompileError, ContractError, Error},
    inspect::Inspection,
    instance::{self, Answer, Ended},
    overseer::Overseer,
    step::{Outcome, Step},
};
use crate::{
    metrics::Guest,
    model::{
        Acknowledgement, Class, Delivery, Effect, Failure, FieldError, Name, Page, PullRequest, PushRequest,
    },
};
use bytes::Bytes;
use fit::{Indices, describe, fit};
use futures_util::future::BoxFuture;
use std::sync::{Arc, OnceLock};
use tracing::Instrument;
use wasmtime::{
    Store,
    component::{Component, Instance, InstancePre},
};

/// Which optional interfaces a component exports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exports {
    /// It can test a connection.
    pub transport_check: bool,
    /// It reads records.
    pub connector: bool,
    /// It writes records.
    pub exporter: bool,
    /// It takes named calls.
    pub operations: bool,
    /// It understands deliveries.
    pub webhook: bool,
    /// It has a say before a channel is enabled, disabled or deleted.
    pub lifecycle: bool,
}

/// A compiled, pre-linked component, and who watches over its steps; cheap to clone.
#[derive(Clone)]
pub struct Plugin(Arc<Parts>, Option<Arc<dyn Overseer>>);

struct Parts {
    sandbox: Sandbox,
    pre: InstancePre<Context>,
    indices: Indices,
    exports: Exports,
    sha256: String,
    manifest: Option<Box<[u8]>>,
    named: OnceLock<Named>,
}

/// Under which name steps are counted and traced.
struct Named {
    plugin: String,
    guest: Guest,
}

impl Named {
    fn new(plugin: &str) -> Self {
        Self { plugin: plugin.to_owned(), guest: Guest::new(plugin) }
    }
}

impl Plugin {
    /// Takes the component from the cache, or compiles it where it is not
    /// there, and links it. Blocks.
    pub(super) fn link(sandbox: &Sandbox, component: &[u8], inspection: Inspection) -> Result<Self, Error> {
        let refused = |error| CompileError::Failed(describe(&error));
        let component = Component::from_binary(sandbox.engine(), component).map_err(refused)?;
        let linked = sandbox.linker().instantiate_pre(&component);
        let pre = linked.map_err(|error| ContractError::Link(describe(&error)))?;
        Ok(Self(
            Arc::new(Parts {
                indices: fit(&pre, inspection.exports)?,
                exports: inspection.exports,
                sha256: inspection.sha256,
                manifest: inspection.manifest,
                sandbox: sandbox.clone(),
                pre,
                named: OnceLock::new(),
            }),
            None,
        ))
    }

    /// The same, with somebody who is asked before each step and told of each trap.
    #[must_use]
    pub fn overseen_by(&self, overseer: Arc<dyn Overseer>) -> Self {
        Self(Arc::clone(&self.0), Some(overseer))
    }

    /// The same with nobody who watches over it: for steps that are no part of a run.
    #[must_use]
    pub fn unwatched(&self) -> Self {
        Self(Arc::clone(&self.0), None)
    }

    /// Why no step of it may begin at present; none where one may.
    #[must_use]
    pub fn objection(&self) -> Option<Failure> {
        self.1.as_ref()?.objection()
    }

    /// What one of its steps brought has been taken over for good: it is in the store, or
    /// has been answered to whoever asked.
    pub fn landed(&self) {
        if let Some(overseer) = &self.1 {
            overseer.landed();
        }
    }

    /// Which optional interfaces it exports.
    #[must_use]
    pub fn exports(&self) -> Exports {
        self.0.exports
    }

    /// Digest of the file, in lower-case hex.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.0.sha256
    }

    /// Counts and traces its steps under the id of its manifest from now on. What it
    /// does before, which is to describe itself, goes under `unjudged`. Only the
    /// first call counts.
    pub fn call_it(&self, id: &Name) {
        let _ = self.0.named.set(Named::new(id.as_str()));
    }

    /// The custom section `tidegate:manifest`, where the file has one.
    #[must_use]
    pub fn embedded_manifest(&self) -> Option<&[u8]> {
        self.0.manifest.as_deref()
    }

    /// Asks for the manifest, a JSON document.
    pub async fn describe(&self, step: Step) -> Outcome<Bytes> {
        let indices = self.0.indices.channel_type.clone();
        self.run(step, |store, instance| {
            Box::pin(async move {
                let guest = indices.load(&mut *store, &instance)?;
                Ok(Ok(guest.call_describe(store).await?.into()))
            })
        })
        .await
    }

    /// Has settings looked at that the form allows. The inner result is the
    /// guest's judgement, the outer one tells whether it came to one.
    pub async fn validate(
        &self,
        step: Step,
        channel_type: &str,
        settings: Bytes,
    ) -> Outcome<Result<(), Vec<FieldError>>> {
        let indices = self.0.indices.channel_type.clone();
        let (channel_type, settings) = (channel_type.to_owned(), Vec::from(settings));
        self.run(step, |store, instance| {
            Box::pin(async move {
                let guest = indices.load(&mut *store, &instance)?;
                let judgement = guest.call_validate(store, &channel_type, &settings).await?;
                Ok(Ok(judgement.map_err(convert::field_errors)))
            })
        })
        .await
    }

    /// Turns settings that `version` of the plugin saved into settings for this
    /// one.
    pub async fn migrate_settings(
        &self,
        step: Step,
        channel_type: &str,
        version: &str,
        settings: Bytes,
    ) -> Outcome<Bytes> {
        let indices = self.0.indices.channel_type.clone();
        let (channel_type, version, settings) =
            (channel_type.to_owned(), version.to_owned(), Vec::from(settings));
        self.run(step, |store, instance| {
            Box::pin(async move {
                let guest = indices.load(&mut *store, &instance)?;
                let migrated = guest.call_migrate_settings(store, &channel_type, &version, &settings).await?;
                Ok(migrated.map(Bytes::from).map_err(convert::failure))
            })
        })
        .await
    }

    /// Tests the connection; answers a JSON object of facts.
    pub async fn check(&self, step: Step, settings: Bytes) -> Outcome<Bytes> {
        let Some(indices) = self.0.indices.transport_check.clone() else {
            return not_exported("transport-check");
        };
        if step.gateway.is_none() {
            return no_gateway();
        }
        let settings = Vec::from(settings);
        self.run(step, |store, instance| {
            Box::pin(async move {
                let guest = indices.load(&mut *store, &instance)?;
                let transport = store.data_mut().transport()?;
                let facts = guest.call_check(store, transport, &settings).await?;
                Ok(facts.map(Bytes::from).map_err(convert::failure))
            })
        })
        .await
    }

    /// Reads one page.
    pub async fn pull(&self, step: Step, request: PullRequest) -> Outcome<Page> {
        let Some(indices) = self.0.indices.connector.clone() else {
            return not_exported("connector");
        };
        if step.gateway.is_none() {
            return no_gateway();
        }
        let (sandbox, request) = (self.0.sandbox.clone(), convert::pull_request(request));
        self.run(step, |store, instance| {
            Box::pin(async move {
                let guest = indices.load(&mut *store, &instance)?;
                let transport = store.data_mut().transport()?;
                let page = guest.call_pull(store, transport, &request).await?;
                Ok(page.map_err(convert::failure).and_then(|page| convert::page(page, sandbox.limits())))
            })
        })
        .await
    }

    /// Sends local changes; answers one acknowledgement for each.
    pub async fn push(&self, step: Step, request: PushRequest) -> Outcome<Vec<Acknowledgement>> {
        let Some(indices) = self.0.indices.exporter.clone() else {
            return not_exported("exporter");
        };
        if step.gateway.is_none() {
            return no_gateway();
        }
        let request = convert::push_request(request);
        self.run(step, |store, instance| {
            Box::pin(async move {
                let guest = indices.load(&mut *store, &instance)?;
                let transport = store.data_mut().transport()?;
                let answer = guest.call_push(store, transport, &request).await?;
                Ok(answer.map_err(convert::failure).and_then(|all| convert::acknowledgements(all, &request)))
            })
        })
        .await
    }

    /// Says what a delivery means. Gets no way out.
    pub async fn receive(&self, step: Step, delivery: Delivery) -> Outcome<Effect> {
        let Some(indices) = self.0.indices.webhook.clone() else {
            return not_exported("webhook");
        };
        let (sandbox, delivery) = (self.0.sandbox.clone(), convert::delivery(delivery));
        self.run(Step { gateway: None, ..step }, |store, instance| {
            Box::pin(async move {
                let guest = indices.load(&mut *store, &instance)?;
                let effect = guest.call_receive(store, &delivery).await?;
                Ok(effect
                    .map_err(convert::failure)
                    .and_then(|effect| convert::effect(effect, sandbox.limits())))
            })
        })
        .await
    }

    async fn run<T, F>(&self, step: Step, call: F) -> Outcome<T>
    where
        T: Send,
        F: for<'a> FnOnce(&'a mut Store<Context>, Instance) -> BoxFuture<'a, Answer<T>> + Send,
    {
        if let Some(objection) = self.objection() {
            return Outcome::never_begun(objection);
        }
        let unjudged;
        let named = match self.0.named.get() {
            Some(named) => named,
            None => {
                unjudged = Named::new("unjudged");
                &unjudged
            }
        };
        let span = tracing::debug_span!("step", plugin = named.plugin);
        let gateway = step.gateway.clone();
        let ended = instance::run(&self.0.sandbox, &self.0.pre, step, call).instrument(span).await;
        let Ended { outcome, trap } = ended;
        named.guest.step(&outcome.usage, trap.as_ref());
        if let (Some(mut trap), Some(overseer)) = (trap, &self.1) {
            // Its last words may repeat what a remote system sent, the credential too.
            if let Some(gateway) = gateway {
                trap.message = gateway.redact(&trap.message);
            }
            overseer.trapped(&trap);
        }
        outcome
    }
}

fn not_exported<T>(interface: &str) -> Outcome<T> {
    let message = format!("the plugin has no `{interface}`");
    Outcome::never_begun(Failure::new(Class::Unsupported, format!("export.{interface}"), message))
}

fn no_gateway<T>() -> Outcome<T> {
    let message = "the step was given no gateway; this is a defect of Tidegate";
    Outcome::never_begun(Failure::new(Class::Internal, "internal.no-gateway", message))
}
