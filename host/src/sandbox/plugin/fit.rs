//! Whether what a component exports has the types of the contract.
//!
//! It is asked when a plugin is loaded, so that one that cannot be called is
//! refused then and not in the middle of a run. It calls nothing.

use super::{
    super::{
        bindings::exports::tidegate::connect::{
            channel_type, connector, exporter, lifecycle, operations, transport_check, webhook,
        },
        context::Context,
        error::ContractError,
        text::clean_cut,
    },
    Exports,
};
use wasmtime::component::{ComponentNamedList, InstancePre, Lift, Lower, TypedFunc, types::ComponentItem};

/// Where the functions of a component are found.
pub(super) struct Indices {
    pub(super) channel_type: channel_type::GuestIndices,
    pub(super) transport_check: Option<transport_check::GuestIndices>,
    pub(super) connector: Option<connector::GuestIndices>,
    pub(super) lifecycle: Option<lifecycle::GuestIndices>,
    pub(super) exporter: Option<exporter::GuestIndices>,
    pub(super) webhook: Option<webhook::GuestIndices>,
}

/// Compares every exported function with the contract, and finds those that
/// are called.
///
/// # Errors
/// Names the first one that does not fit.
pub(super) fn fit(pre: &InstancePre<Context>, exports: Exports) -> Result<Indices, ContractError> {
    check_types(pre, exports)?;
    let found = |error: wasmtime::Error| ContractError::Link(describe(&error));
    Ok(Indices {
        channel_type: channel_type::GuestIndices::new(pre).map_err(found)?,
        transport_check: exports
            .transport_check
            .then(|| transport_check::GuestIndices::new(pre))
            .transpose()
            .map_err(found)?,
        connector: exports.connector.then(|| connector::GuestIndices::new(pre)).transpose().map_err(found)?,
        lifecycle: exports.lifecycle.then(|| lifecycle::GuestIndices::new(pre)).transpose().map_err(found)?,
        exporter: exports.exporter.then(|| exporter::GuestIndices::new(pre)).transpose().map_err(found)?,
        webhook: exports.webhook.then(|| webhook::GuestIndices::new(pre)).transpose().map_err(found)?,
    })
}

/// wasmtime's words on what it does not take.
pub(super) fn describe(error: &wasmtime::Error) -> String {
    clean_cut(&format!("{error:#}"), 1 << 10).into_owned()
}

fn check_types(pre: &InstancePre<Context>, exports: Exports) -> Result<(), ContractError> {
    let of = |name| Interface { pre, name };
    let channel_type = of("channel-type");
    channel_type.check("describe", channel_type::Guest::func_describe)?;
    channel_type.check("validate", channel_type::Guest::func_validate)?;
    channel_type.check("migrate-settings", channel_type::Guest::func_migrate_settings)?;
    if exports.transport_check {
        of("transport-check").check("check", transport_check::Guest::func_check)?;
    }
    if exports.connector {
        of("connector").check("pull", connector::Guest::func_pull)?;
    }
    if exports.exporter {
        of("exporter").check("push", exporter::Guest::func_push)?;
    }
    if exports.operations {
        of("operations").check("invoke", operations::Guest::func_invoke)?;
    }
    if exports.webhook {
        of("webhook").check("receive", webhook::Guest::func_receive)?;
    }
    if exports.lifecycle {
        of("lifecycle").check("may", lifecycle::Guest::func_may)?;
    }
    Ok(())
}

/// An exported interface, under check.
struct Interface<'a> {
    pre: &'a InstancePre<Context>,
    name: &'a str,
}

impl Interface<'_> {
    /// `typed` is the generated access to the function; only its type counts.
    fn check<G: 'static, P, R>(
        &self,
        function: &str,
        _typed: fn(&'static G) -> TypedFunc<P, R>,
    ) -> Result<(), ContractError>
    where
        P: ComponentNamedList + Lower,
        R: ComponentNamedList + Lift,
    {
        let interface = format!("tidegate:connect/{}@0.1.0", self.name);
        let refuse = |reason: String| {
            let export = format!("{interface}#{function}");
            Err(ContractError::Export { export, reason })
        };
        let component = self.pre.component();
        let instance = component.get_export_index(None, &interface);
        match instance.and_then(|instance| component.get_export(Some(&instance), function)) {
            Some((ComponentItem::ComponentFunc(found), _)) => {
                let fits = found.typecheck::<P, R>(&self.pre.instance_type());
                fits.or_else(|error| refuse(describe(&error)))
            }
            Some(_) => refuse("it is not a function".into()),
            None => refuse("there is no such function".into()),
        }
    }
}
