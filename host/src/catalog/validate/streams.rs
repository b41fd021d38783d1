//! What a channel type does: its connectors, operations and webhooks, and
//! whether the component exports what they need.

use super::faults::{Faults, first_repeated};
use crate::{
    model::{
        ChannelType, Connector, DrivenBy, FieldKind, Name, SignatureScheme, Ways, Webhook, compile_schema,
    },
    sandbox::Exports,
};
use serde_json::Value;
use std::collections::BTreeSet;

/// The largest page that a connector can ask for; the sandbox takes no larger one.
const MAX_PAGE: u32 = 10_000;

/// Checks the streams of one channel type.
pub(super) fn check(place: &str, channel_type: &ChannelType, exports: Exports, faults: &mut Faults) {
    if channel_type.connectors.is_empty()
        && channel_type.operations.is_empty()
        && channel_type.webhooks.is_empty()
    {
        faults.add(place, "a channel type has connectors, operations or webhooks");
    }
    check_exports(place, channel_type, exports, faults);
    check_repeats(place, channel_type, faults);
    for (at, connector) in channel_type.connectors.iter().enumerate() {
        check_connector(&format!("{place}/connectors/{at}"), connector, channel_type, faults);
    }
    if let Some(circle) = first_circle(&channel_type.connectors) {
        faults.add(format!("{place}/connectors"), format!("the connectors wait for each other: {circle}"));
    }
    for (at, operation) in channel_type.operations.iter().enumerate() {
        let place = format!("{place}/operations/{at}");
        check_schema(&format!("{place}/input"), &operation.input, faults);
        check_schema(&format!("{place}/output"), &operation.output, faults);
    }
    for (at, webhook) in channel_type.webhooks.iter().enumerate() {
        check_webhook(&format!("{place}/webhooks/{at}"), webhook, channel_type, faults);
    }
}

fn check_exports(place: &str, channel_type: &ChannelType, exports: Exports, faults: &mut Faults) {
    let two_way = channel_type.connectors.iter().any(|connector| connector.direction == Ways::TwoWay);
    for (member, declared, exported, interface) in [
        ("connectors", !channel_type.connectors.is_empty(), exports.connector, "connector"),
        ("connectors", two_way, exports.exporter, "exporter"),
        ("operations", !channel_type.operations.is_empty(), exports.operations, "operations"),
        ("webhooks", !channel_type.webhooks.is_empty(), exports.webhook, "webhook"),
    ] {
        if declared && !exported {
            faults.add(
                format!("{place}/{member}"),
                format!("needs the export `{interface}`, which the component does not have"),
            );
        }
    }
}

fn check_repeats(place: &str, channel_type: &ChannelType, faults: &mut Faults) {
    let connectors = first_repeated(channel_type.connectors.iter().map(|connector| &connector.id));
    let operations = first_repeated(channel_type.operations.iter().map(|operation| &operation.id));
    let webhooks = first_repeated(channel_type.webhooks.iter().map(|webhook| &webhook.kind));
    for (member, repeated) in [("connectors", connectors), ("operations", operations), ("webhooks", webhooks)]
    {
        if let Some(id) = repeated {
            faults.add(format!("{place}/{member}"), format!("two of them have the id '{id}'"));
        }
    }
}

fn check_connector(place: &str, connector: &Connector, channel_type: &ChannelType, faults: &mut Faults) {
    for id in &connector.depends_on {
        if channel_type.connector(id.as_str()).is_none() {
            faults
                .add(format!("{place}/depends-on"), format!("'{id}' is not a connector of the channel type"));
        }
    }
    if !(1..=MAX_PAGE).contains(&connector.page_size) {
        faults.add(format!("{place}/page-size"), format!("is from 1 to {MAX_PAGE}"));
    }
    let fed = channel_type.connectors.iter().any(|other| other.id != connector.id)
        || !channel_type.webhooks.is_empty();
    if connector.driven_by == DrivenBy::Keys && !fed {
        faults.add(
            format!("{place}/driven-by"),
            "nothing can leave keys for it: there is no other connector and no webhook",
        );
    }
    if let Some(schema) = &connector.schema {
        check_schema(&format!("{place}/schema"), schema, faults);
    }
    for (at, reference) in connector.references.iter().enumerate() {
        if channel_type.connector(reference.connector.as_str()).is_none() {
            let words = format!("'{}' is not a connector of the channel type", reference.connector);
            faults.add(format!("{place}/references/{at}/connector"), words);
        }
        if !reference.field.starts_with('/') {
            faults.add(format!("{place}/references/{at}/field"), "is a JSON Pointer: it begins with '/'");
        }
    }
}

/// A circle of dependencies as `a → b → a`, where there is one.
fn first_circle(connectors: &[Connector]) -> Option<String> {
    let mut done = BTreeSet::new();
    connectors.iter().find_map(|connector| follow(&connector.id, connectors, &mut Vec::new(), &mut done))
}

/// Goes along the dependencies, depth first; no deeper than there may be connectors.
fn follow<'m>(
    id: &'m Name,
    connectors: &'m [Connector],
    path: &mut Vec<&'m Name>,
    done: &mut BTreeSet<&'m Name>,
) -> Option<String> {
    if let Some(start) = path.iter().position(|before| *before == id) {
        let circle = path[start..].iter().copied().chain([id]).map(Name::as_str);
        return Some(circle.collect::<Vec<_>>().join(" → "));
    }
    if done.contains(id) {
        return None;
    }
    path.push(id);
    let found = connectors
        .iter()
        .filter(|connector| connector.id == *id)
        .flat_map(|connector| &connector.depends_on)
        .find_map(|next| follow(next, connectors, path, done));
    path.pop();
    done.insert(id);
    found
}

fn check_schema(place: &str, schema: &Value, faults: &mut Faults) {
    if let Err(error) = compile_schema(schema) {
        faults.add(
            place,
            format!("is not a JSON Schema that stands alone: {}", error.masked_with("the value")),
        );
    }
}

fn check_webhook(place: &str, webhook: &Webhook, channel_type: &ChannelType, faults: &mut Faults) {
    if let SignatureScheme::HmacSha256(scheme) = &webhook.signature {
        let headers =
            [Some(&scheme.header), scheme.timestamp_header.as_ref(), scheme.delivery_header.as_ref()];
        for name in headers.into_iter().flatten() {
            if http::HeaderName::try_from(name.as_str()).is_err() {
                faults.add(format!("{place}/signature"), format!("'{name}' is not the name of a header"));
            }
        }
        if !matches!(scheme.encoding.as_str(), "hex" | "base64") {
            faults.add(format!("{place}/signature/encoding"), "is `hex` or `base64`");
        }
    }
    let Some(secret) = webhook.signature.setting() else { return };
    let known = |form: &[crate::model::Field]| {
        form.iter().any(|field| field.name == *secret && field.kind == FieldKind::Secret)
    };
    if !channel_type.transports.iter().all(|transport| known(&transport.form)) {
        faults.add(
            format!("{place}/signature/secret"),
            format!("'{secret}' is not a secret in the form of every transport"),
        );
    }
}
