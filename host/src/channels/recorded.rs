//! The settings of a recorded run, for another version of its plugin.
//!
//! It knows no channel: the one that was recorded may have been changed or deleted since.

use super::{channel, guest, settings, settings::Asked};
use crate::{
    catalog::Offer,
    model::{Class, Failure, FieldKind, Name},
};
use bytes::Bytes;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The settings that the steps of a run got.
#[derive(Clone, Copy, Debug)]
pub struct RecordedSettings<'a> {
    /// The channel's transport.
    pub transport: &'a Name,
    /// The version of the plugin that got them.
    pub version: &'a str,
    /// As the guest got them: `true` in the place of a secret.
    pub settings: &'a Bytes,
}

/// The settings as this version of the plugin gets them: carried over by itself where it
/// is another version, checked against its form, with the defaults of that form.
///
/// # Errors
/// The plugin cannot take them over, or they do not fit its form.
pub async fn settings_for(offer: &Offer, recorded: RecordedSettings<'_>) -> Result<Bytes, Failure> {
    let RecordedSettings { transport, version, settings } = recorded;
    let transport =
        channel::transport_of(&offer.channel_type, Some(transport)).map_err(super::Error::into_failure)?;
    let carried = if version == offer.manifest.version {
        settings.clone()
    } else {
        let id = offer.channel_type.id.as_str();
        let step = guest::pure_step(offer);
        offer.plugin.migrate_settings(step, id, version, settings.clone()).await.result?
    };
    let whole: Map<String, Value> = serde_json::from_slice(&carried)
        .map_err(|_| Failure::new(Class::Internal, "answer.settings", "its answer is not a JSON object"))?;
    let is_secret = |name: &str| {
        transport.form.iter().any(|field| field.name.as_str() == name && field.kind == FieldKind::Secret)
    };
    let (secrets, stored): (Map<_, _>, Map<_, _>) = whole.into_iter().partition(|(name, _)| is_secret(name));
    let asked = Asked {
        form: &transport.form,
        stored: &stored,
        has_secret: &|name| secrets.get(name) == Some(&Value::Bool(true)),
        given: &Map::new(),
        given_secrets: &BTreeMap::new(),
    };
    let settled = settings::settle(&asked).map_err(|faults| {
        let message = "the recorded settings do not fit this version of the plugin";
        Failure::new(Class::Config, "settings.misfit", message).with_fields(faults)
    })?;
    Ok(guest::bytes(&settled.effective))
}
