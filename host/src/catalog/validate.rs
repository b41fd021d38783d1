//! A manifest against the published schema, against the rules that a schema
//! cannot say, and against what the component exports.
//!
//! It runs nothing and reads no file: everything comes in as bytes, so the same
//! plugin is always judged the same.

mod faults;
mod form;
mod icon;
mod reach;
mod schema;
mod streams;
mod text;

use self::faults::{Faults, first_repeated};
use super::Refusal;
use crate::{
    model::{ChannelType, Manifest},
    sandbox::Exports,
};
use serde_json::Value;

/// The largest manifest. An icon and a hundred forms fit; what a listing has to
/// carry for every plugin stays small.
const MAX_BYTES: usize = 1 << 20;

/// What a plugin says of itself.
#[derive(Clone, Copy)]
pub(super) struct Claim<'a> {
    /// What `describe` answered.
    pub(super) described: &'a [u8],
    /// The custom section, where the file has one.
    pub(super) embedded: Option<&'a [u8]>,
    /// What the component exports.
    pub(super) exports: Exports,
}

/// The manifest, where all of it holds.
///
/// # Errors
/// The first few things that are wrong, each with its place.
pub(super) fn manifest(claim: Claim<'_>) -> Result<Manifest, Refusal> {
    let document = parse(claim.described, "what `describe` answers")?;
    if let Some(embedded) = claim.embedded
        && parse(embedded, "the embedded manifest")? != document
    {
        let words = "the manifest embedded in the file is not the one that the plugin describes: build the plugin again";
        return Err(Refusal::new("manifest.differs", words));
    }
    schema::check(&document)?;
    let mut faults = Faults::default();
    text::check(&document, &mut faults);
    let manifest = typed(&document)?;
    check_rules(&manifest, claim.exports, &mut faults);
    faults.into_result().map(|()| manifest)
}

fn parse(bytes: &[u8], what: &str) -> Result<Value, Refusal> {
    if bytes.len() > MAX_BYTES {
        let words = format!("{what} has {} bytes, more than the {MAX_BYTES} of a manifest", bytes.len());
        return Err(Refusal::new("manifest.too-big", words));
    }
    serde_json::from_slice(bytes)
        .map_err(|error| Refusal::new("manifest.json", format!("{what} is not JSON: {error}")))
}

fn typed(document: &Value) -> Result<Manifest, Refusal> {
    serde_path_to_error::deserialize(document).map_err(|error| {
        let words = format!("the manifest cannot be read at {}: {}", error.path(), error.inner());
        Refusal::new("manifest.invalid", faults::clean(&words))
    })
}

fn check_rules(manifest: &Manifest, exports: Exports, faults: &mut Faults) {
    if manifest.manifest != 1 {
        faults.add("/manifest", "only version 1 of the manifest is known to this host");
    }
    if let Err(error) = semver::Version::parse(&manifest.version) {
        faults.add("/version", format!("is not a version by Semantic Versioning, such as 1.2.0: {error}"));
    }
    if manifest.channel_types.is_empty() {
        faults.add("/channel-types", "a plugin offers at least one channel type");
    }
    if let Some(id) = first_repeated(manifest.channel_types.iter().map(|channel_type| &channel_type.id)) {
        faults.add("/channel-types", format!("two channel types have the id '{id}'"));
    }
    if !counts_fit(manifest, faults) {
        return;
    }
    for (at, channel_type) in manifest.channel_types.iter().enumerate() {
        check_channel_type(&format!("/channel-types/{at}"), channel_type, exports, faults);
    }
}

/// Bounds what the other rules have to go through. The numbers are far above
/// any real system and keep the judgement of a hostile manifest to seconds.
fn counts_fit(manifest: &Manifest, faults: &mut Faults) -> bool {
    let types = &manifest.channel_types;
    let transports = || types.iter().flat_map(|channel_type| &channel_type.transports);
    let most = |counts: &mut dyn Iterator<Item = usize>| counts.max().unwrap_or(0);
    let mut fit = true;
    for (what, count, allowed) in [
        ("channel types", types.len(), 50),
        ("transports in a channel type", most(&mut types.iter().map(|each| each.transports.len())), 20),
        ("connectors in a channel type", most(&mut types.iter().map(|each| each.connectors.len())), 500),
        ("operations in a channel type", most(&mut types.iter().map(|each| each.operations.len())), 1_000),
        ("webhooks in a channel type", most(&mut types.iter().map(|each| each.webhooks.len())), 500),
        ("fields in a form", most(&mut transports().map(|each| each.form.len())), 200),
        ("base URLs in a transport", most(&mut transports().map(|each| each.base_url.len())), 20),
        ("origins in a transport", most(&mut transports().map(|each| each.origins.len())), 100),
        ("ways to authenticate in a transport", most(&mut transports().map(|each| each.auth.len())), 20),
    ] {
        if count > allowed {
            faults.add(
                "/channel-types",
                format!("{count} {what} are more than the {allowed} that are allowed"),
            );
            fit = false;
        }
    }
    fit
}

fn check_channel_type(place: &str, channel_type: &ChannelType, exports: Exports, faults: &mut Faults) {
    if let Some(icon) = &channel_type.icon
        && let Err(words) = icon::check(icon)
    {
        faults.add(format!("{place}/icon"), words);
    }
    if channel_type.transports.is_empty() {
        faults.add(format!("{place}/transports"), "a channel type has at least one transport");
    }
    if let Some(id) = first_repeated(channel_type.transports.iter().map(|transport| &transport.id)) {
        faults.add(format!("{place}/transports"), format!("two transports have the id '{id}'"));
    }
    for (at, transport) in channel_type.transports.iter().enumerate() {
        let place = format!("{place}/transports/{at}");
        form::check(&format!("{place}/form"), &transport.form, faults);
        reach::check(&place, transport, faults);
    }
    streams::check(place, channel_type, exports, faults);
}

#[cfg(test)]
mod tests;
