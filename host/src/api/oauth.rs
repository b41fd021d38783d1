//! Connecting channels by OAuth: what programs ask, and the page that a browser comes back to.

mod page;

use super::{
    Error, Parts, State,
    view::{Connect, Connection, Disconnected},
};
use crate::{channels::Rejected, model::Class};
use axum::{
    Json, Router,
    extract::{self, Path, RawQuery},
    http::StatusCode,
    response::Response,
    routing::get,
};
use page::Page;
use std::sync::Arc;
use url::{Host, Url};

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
    redirect_uri.as_deref().map_or(Ok(()), refuse_in_the_clear)?;
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
    let listening = || parts.listening.get().map(|address| format!("http://{address}"));
    let base = parts.config.public_url.as_ref().map(ToString::to_string).or_else(listening)?;
    Some(format!("{}{CALLBACK}", base.trim_end_matches('/')))
}

/// A code that crosses a network in the clear is anybody's.
fn refuse_in_the_clear(uri: &str) -> Result<(), Error> {
    let url = Url::parse(uri).ok();
    let is_here = |url: &Url| match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        None => false,
    };
    if url.is_some_and(|url| url.scheme() == "https" || is_here(&url)) {
        return Ok(());
    }
    let message = format!(
        "a provider would send the browser back to {uri}, in the clear: \
         put an https address into public-url under [api] in the configuration"
    );
    Err(Error::new(Class::Config, "oauth.public-url", message))
}

/// `GET /oauth/callback`.
async fn come_back(extract::State(parts): State, RawQuery(query): RawQuery) -> Response {
    match parts.channels.finish_connecting(&query.unwrap_or_default()).await {
        Ok(channel) => Page::connected(channel.as_str()).answer(StatusCode::OK),
        Err(Rejected::NoAnswer) => Page::nothing_to_do().answer(StatusCode::BAD_REQUEST),
        Err(Rejected::Stale) => Page::stale().answer(StatusCode::BAD_REQUEST),
        Err(Rejected::Refused { channel, code, words }) => {
            Page::refused(channel.as_str(), &code, words.as_deref()).answer(StatusCode::OK)
        }
        Err(Rejected::Failed(failure)) => Page::failed(&failure).answer(StatusCode::BAD_GATEWAY),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_cross_no_network_in_the_clear() {
        for (uri, fine) in [
            ("https://tide.example.com/oauth/callback", true),
            ("http://127.0.0.1:7070/oauth/callback", true),
            ("http://localhost:7070/oauth/callback", true),
            ("http://[::1]:7070/oauth/callback", true),
            ("http://tide.example.com/oauth/callback", false),
            ("http://10.0.0.7/oauth/callback", false),
        ] {
            assert_eq!(refuse_in_the_clear(uri).is_ok(), fine, "{uri}");
        }
    }
}
