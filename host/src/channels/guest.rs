//! What the plugin itself says of settings.
//!
//! The guest gets no gateway here and sees no secret: these are the pure
//! functions of its contract.

use super::Error;
use crate::{
    catalog::{GuestLog, Offer},
    model::{Channel, Class, Failure, FieldKind},
    sandbox::Step,
};
use bytes::Bytes;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use tokio_util::sync::CancellationToken;

/// Asks the plugin what the form cannot say.
///
/// # Errors
/// Its findings, or its failure.
pub(super) async fn validate(offer: &Offer, effective: &Map<String, Value>) -> Result<(), Error> {
    let id = offer.channel_type.id.as_str();
    let outcome = offer.plugin.validate(pure_step(offer), id, bytes(effective)).await;
    match outcome.result {
        Ok(Ok(())) => Ok(()),
        Ok(Err(faults)) => Err(Error::Settings(faults)),
        Err(failure) => Err(Error::Plugin(failure)),
    }
}

/// The stored settings as the present version of the plugin wants them.
///
/// # Errors
/// The plugin cannot take them over, in its own words.
pub(super) async fn carried_over(offer: &Offer, channel: &Channel) -> Result<Map<String, Value>, Failure> {
    let from = &channel.plugin_version;
    if *from == offer.manifest.version {
        return Ok(channel.settings.clone());
    }
    let (id, shown) = (channel.channel_type.as_str(), bytes(&with_secrets(channel)));
    let outcome = offer.plugin.migrate_settings(pure_step(offer), id, from, shown).await;
    let mut settings: Map<String, Value> = serde_json::from_slice(&outcome.result?).map_err(|_| {
        Failure::new(Class::Internal, "answer.settings", "the plugin's answer is not a JSON object")
    })?;
    let is_secret = |name: &str| {
        let fields = offer.channel_type.transports.iter().flat_map(|transport| &transport.form);
        channel.secrets.contains_key(name)
            || fields.into_iter().any(|field| field.kind == FieldKind::Secret && field.name.as_str() == name)
    };
    settings.retain(|name, _| !is_secret(name));
    Ok(settings)
}

/// The settings as they are stored, `true` in the place of a secret.
pub(super) fn with_secrets(channel: &Channel) -> Map<String, Value> {
    let secrets = channel.secrets.keys().map(|name| (name.clone(), Value::Bool(true)));
    channel.settings.clone().into_iter().chain(secrets).collect()
}

/// Settings as a guest gets them.
pub(super) fn bytes(settings: &Map<String, Value>) -> Bytes {
    serde_json::to_vec(settings).expect("JSON values always serialise").into()
}

/// A step without a way out.
pub(super) fn pure_step(offer: &Offer) -> Step {
    Step {
        gateway: None,
        state: BTreeMap::new(),
        cancel: CancellationToken::new(),
        log: GuestLog::new(format!("{} of {}", offer.channel_type.id, offer.file)),
        memory: offer.manifest.limits.memory,
        seed: None,
    }
}
