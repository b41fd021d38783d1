//! Connecting channels by OAuth: what programs ask, and the page that a browser comes back to.

mod page;

use super::{
    Error, Parts, PublicUrl, State,
    view::{Connect, Connection, Disconnected},
};
use crate::{broker::Callback, channels::Rejected};
use axum::{
    Json, Router,
    extract::{self, Path, RawQuery},
    http::StatusCode,
    response::Response,
    routing::get,
};
use page::Page;
use std::sync::Arc;

/// Where the provider sends browsers back to, below the public URL.
const CALLBACK: &str = "/oauth/callback";

/// The one route that browsers of other sites may come to. Everything that it does needs a
/// state that only this host can have made.
pub(super) fn callback() -> Router<Arc<Parts>> {
    Router::new().route(CALLBACK, get(come_back))
}

/// `POST /channels/{name}/connect`.
pub(super) async fn connect(
    extract::State(parts): State,
    Path(name): Path<String>,
) -> Result<Json<Connect>, Error> {
    let redirect_uri = redirect_uri(&parts);
    Ok(Json(parts.channels.connect(&name, redirect_uri.as_deref()).await?.into()))
}

/// `GET /channels/{name}/connection`.
pub(super) async fn show(
    extract::State(parts): State,
    Path(name): Path<String>,
) -> Result<Json<Option<Connection>>, Error> {
    Ok(Json(of_channel(&parts, &name).await?))
}

/// `POST /channels/{name}/disconnect`.
pub(super) async fn disconnect(
    extract::State(parts): State,
    Path(name): Path<String>,
) -> Result<Json<Disconnected>, Error> {
    Ok(Json(parts.channels.disconnect(&name).await?.into()))
}

/// How a channel is connected; none where it signs in by other means.
pub(super) async fn of_channel(parts: &Parts, name: &str) -> Result<Option<Connection>, Error> {
    let report = parts.channels.connection(name).await?;
    Ok(report.map(|report| Connection::of(report, redirect_uri(parts))))
}

/// What has to be registered with providers; none where the host does not listen.
fn redirect_uri(parts: &Parts) -> Option<String> {
    let listening = || parts.listening.get().copied().map(PublicUrl::of);
    Some(parts.config.public_url.clone().or_else(listening)?.join(CALLBACK))
}

/// `GET /oauth/callback`.
async fn come_back(extract::State(parts): State, RawQuery(query): RawQuery) -> Response {
    let Some(callback) = query.as_deref().and_then(Callback::read) else {
        return Page::nothing_to_do().answer(StatusCode::BAD_REQUEST);
    };
    match parts.channels.finish_connecting(callback).await {
        Ok(channel) => Page::connected(channel.as_str()).answer(StatusCode::OK),
        Err(Rejected::Stale) => Page::stale().answer(StatusCode::BAD_REQUEST),
        Err(Rejected::Refused { channel, code, words }) => {
            Page::refused(channel.as_str(), &code, words.as_deref()).answer(StatusCode::OK)
        }
        Err(Rejected::Failed(failure)) => Page::failed(&failure).answer(StatusCode::BAD_GATEWAY),
    }
}
