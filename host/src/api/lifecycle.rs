//! Enabling, disabling and deleting channels, after the plugin was heard.

use super::{
    Error, State,
    body::Params,
    channel::shown,
    view::{Channel, Deleted, Deletion, Disabled, Problem},
};
use crate::channels::{self, Veto};
use axum::{
    Json,
    extract::{self, Path},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Insistence {
    /// Whether a refusal of the plugin is overruled; and a deleted channel's routes go with it.
    #[serde(default)]
    force: bool,
}

impl Insistence {
    fn veto(&self) -> Veto {
        if self.force { Veto::Overruled } else { Veto::Heeded }
    }
}

/// `POST /channels/{name}/enable`.
pub(super) async fn enable(
    extract::State(parts): State,
    Path(name): Path<String>,
) -> Result<Json<Channel>, Error> {
    let channel = parts.channels.enable(&name).await?;
    parts.hooks.wake(&channel).await;
    Ok(Json(shown(&parts, channel)))
}

/// `POST /channels/{name}/disable`.
pub(super) async fn disable(
    extract::State(parts): State,
    Path(name): Path<String>,
    Params(insistence): Params<Insistence>,
) -> Result<Json<Disabled>, Error> {
    let channels::Disabled { channel, warning } = parts.channels.disable(&name, insistence.veto()).await?;
    Ok(Json(Disabled { channel: shown(&parts, channel), warning: warning.map(Problem::from) }))
}

/// `GET /channels/{name}/deletion`: what a delete would remove.
pub(super) async fn deletion(
    extract::State(parts): State,
    Path(name): Path<String>,
) -> Result<Json<Deletion>, Error> {
    let found = parts.channels.deletion(&name).await?;
    let cassettes = parts.cassettes.count_of_channel(found.channel.id).await?;
    Ok(Json(Deletion::of(found, cassettes as u64)))
}

/// `DELETE /channels/{name}`: the channel and everything that the host holds of it.
pub(super) async fn delete(
    extract::State(parts): State,
    Path(name): Path<String>,
    Params(insistence): Params<Insistence>,
) -> Result<Response, Error> {
    let channel = parts.channels.get(&name).await?;
    let _hold = parts.sync.hold(&channel)?;
    // The name may have gone to another channel before this one was held.
    if parts.channels.get(&name).await?.id != channel.id {
        return Err(channels::Error::Stale(name).into());
    }
    let released = parts.routes.release(channel.id, &name, insistence.force).await?;
    let warning = parts.channels.hear_before_delete(&name, insistence.veto()).await?;
    // What was recorded through it is as much the channel's as its records. It goes first, as
    // do its routes: a delete that was killed can be repeated while the channel is there.
    parts.routes.let_go(&released).await?;
    parts.cassettes.delete_of_channel(channel.id).await?;
    let tokens = parts.channels.delete(&name).await?.revoked.and_then(Result::err);
    drop(released);
    if warning.is_none() && tokens.is_none() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let (warning, tokens) = (warning.map(Problem::from), tokens.map(Problem::from));
    Ok(Json(Deleted { deleted: name, warning, tokens_not_revoked: tokens }).into_response())
}
