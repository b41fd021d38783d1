//! Changes that notices and routes gave up: where a page of them goes on, and which are meant.

use super::{Error, Parts, view::DeadSelection};
use crate::{
    model::{ChannelId, ChannelName, Class, Name, RecordKey},
    store::FeedKey,
};
use axum::http::StatusCode;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use std::collections::BTreeMap;

/// What a selection picks. All of them are asked for by that word only.
pub(super) async fn wanted(
    parts: &Parts,
    selection: DeadSelection,
) -> Result<impl Fn(&FeedKey) -> bool + Send + std::marker::Sync, Error> {
    let DeadSelection { all, channel, connector, keys } = selection;
    if !all && channel.is_none() && connector.is_none() && keys.is_empty() {
        let message = "say which ones: channel, connector, keys, or all";
        return Err(
            Error::new(Class::InvalidData, "request.selection", message).with_status(StatusCode::BAD_REQUEST)
        );
    }
    let channel = match channel {
        Some(name) => Some(parts.channels.get(&name).await?.id),
        None => None,
    };
    Ok(move |key: &FeedKey| {
        channel.is_none_or(|channel| channel == key.channel)
            && connector.as_ref().is_none_or(|connector| *connector == key.connector)
            && (keys.is_empty() || keys.iter().any(|wanted| wanted == key.key.as_str()))
    })
}

/// The channels by their names of today.
pub(super) async fn names(parts: &Parts) -> Result<BTreeMap<ChannelId, ChannelName>, Error> {
    let channels = parts.channels.list().await?;
    Ok(channels.into_iter().map(|channel| (channel.id, channel.name)).collect())
}

/// A change, as `next` names it.
pub(super) fn text(key: &FeedKey) -> String {
    let text = format!("{}/{}/{}", key.channel, key.connector, key.key);
    URL_SAFE_NO_PAD.encode(text)
}

/// The change that `after` names.
pub(super) fn place(text: &str) -> Result<FeedKey, Error> {
    let read = || {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let (channel, rest) = text.split_once('/')?;
        let (connector, key) = rest.split_once('/')?;
        Some(FeedKey {
            channel: channel.parse().ok()?,
            connector: Name::try_new(connector).ok()?,
            key: RecordKey::try_new(key).ok()?,
        })
    };
    read().ok_or_else(|| {
        Error::new(Class::InvalidData, "request.after", "'after' is not what a page before answered as next")
            .with_status(StatusCode::BAD_REQUEST)
    })
}
