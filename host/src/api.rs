//! The HTTP API under `/api/v1`: what programs, people and the command line ask.
//!
//! It translates and refuses; it decides nothing that the floors below decide,
//! and it writes to the store through `channels` and `sync` only.

mod body;
mod call;
mod cassette;
mod channel;
mod conflict;
mod dry_run;
mod error;
mod export;
mod feed;
mod guard;
mod history;
mod hook;
mod host;
mod lifecycle;
mod local;
mod mapping;
mod notice;
mod oauth;
mod origin;
mod outbox;
mod paging;
mod plugin;
mod public_url;
mod quarantine;
mod readiness;
mod record;
mod request;
mod route;
mod run;
mod schedule;
pub mod view;

pub(crate) use local::{AUTHOR, is_author};

use crate::{
    cassettes::Cassettes,
    catalog::Catalog,
    channels::Channels,
    model::Size,
    store::Store,
    sync::{CALL_BYTES, Hooks, Notices, Routes, Sync, Timetable},
};
use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware,
    routing::{get, post, put},
};
use error::Error;
use futures_util::future::BoxFuture;
pub use public_url::PublicUrl;
use serde::{Deserialize, Serialize};
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::{Arc, OnceLock},
};
use tokio_util::sync::CancellationToken;

/// `[api]` of the configuration.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Config {
    /// Where `serve` listens: a loopback address, because the API has no login
    /// yet. Default `127.0.0.1:7070`; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The largest body of a request, in bytes. Default `1MiB`. A file to inspect
    /// may be larger: it is held to the sandbox's limit.
    pub body_bytes: Size,
    /// Where remote systems and browsers reach the host from outside, such as
    /// `https://hooks.example.com`, for the addresses of webhooks and for what providers of
    /// OAuth send browsers back to. None by default: the listening address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_url: Option<PublicUrl>,
    /// The largest body of a delivery to a webhook, in bytes. Default `1MiB`.
    pub hook_bytes: Size,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 7070)),
            body_bytes: Size::mib(1),
            public_url: None,
            hook_bytes: Size::mib(1),
        }
    }
}

impl Config {
    /// Whether the API may listen where it is told to.
    ///
    /// # Errors
    /// Says why not, in words for an operator.
    pub fn check_listen(&self) -> Result<(), String> {
        if self.listen.ip().is_loopback() {
            return Ok(());
        }
        Err(format!(
            "listening on {} is refused: the API has no login yet, so whoever reaches it owns the host; \
             listen on 127.0.0.1 or [::1], and come from elsewhere through a tunnel (ssh -L)",
            self.listen
        ))
    }
}

/// Looks at the whole host; the floor above knows how.
pub type Doctor = Arc<dyn Fn() -> BoxFuture<'static, view::Diagnosis> + Send + std::marker::Sync>;

/// What keeps the host from being ready; the floor above knows.
pub type Readiness = Arc<dyn Fn() -> BoxFuture<'static, Vec<view::Reason>> + Send + std::marker::Sync>;

/// What the API stands on.
#[derive(Clone)]
pub struct Parts {
    /// How it is set up.
    pub config: Config,
    /// For reading only.
    pub store: Store,
    /// The plugins.
    pub catalog: Catalog,
    /// The channels.
    pub channels: Channels,
    /// The runs.
    pub sync: Sync,
    /// The recorded runs.
    pub cassettes: Cassettes,
    /// When they start by themselves.
    pub timetable: Timetable,
    /// What remote systems post.
    pub hooks: Hooks,
    /// What is told to addresses of the operator's.
    pub notices: Notices,
    /// What keeps records of two channels in step.
    pub routes: Routes,
    /// What `config show` shows.
    pub configuration: Arc<view::Configuration>,
    /// What `doctor` does.
    pub doctor: Doctor,
    /// What `/readyz` asks.
    pub readiness: Readiness,
    /// Where an uploaded file lies while it is judged; made where it is missing.
    pub scratch: PathBuf,
    /// The largest file to inspect.
    pub inspect_bytes: Size,
    /// Ends waiting requests when the host stops.
    pub stop: CancellationToken,
    /// Where the host listens, once it does.
    pub listening: Arc<OnceLock<SocketAddr>>,
}

/// Every route of the API, with its guards.
pub fn router(parts: Parts) -> Router {
    let body_limit = DefaultBodyLimit::max(parts.config.body_bytes.as_len());
    let inspect_limit = DefaultBodyLimit::max(parts.inspect_bytes.as_len());
    // The input may have blanks around it.
    let call_limit = DefaultBodyLimit::max(CALL_BYTES.as_len() + (4 << 10));
    let api = Router::new()
        .route("/config", get(host::configuration))
        .route("/doctor", get(host::doctor))
        .route("/plugins", get(plugin::list))
        .route("/plugins/reload", post(plugin::reload))
        .route("/plugins/inspect", post(plugin::inspect).layer(inspect_limit))
        .route("/channels", get(channel::list).post(channel::create))
        .route("/channels/{name}", get(channel::show).patch(channel::edit).delete(lifecycle::delete))
        .route("/channels/{name}/enable", post(lifecycle::enable))
        .route("/channels/{name}/disable", post(lifecycle::disable))
        .route("/channels/{name}/deletion", get(lifecycle::deletion))
        .route("/channels/{name}/check", post(channel::check))
        .route("/channels/{name}/sync", post(run::request))
        .route("/channels/{name}/dry-run", post(dry_run::start))
        .route("/channels/{name}/records/{connector}", get(record::list))
        .route(
            "/channels/{name}/records/{connector}/{key}",
            get(record::show).put(local::put).patch(local::patch).delete(local::delete),
        )
        .route("/origins", get(origin::list))
        .route("/origins/close", post(origin::close))
        .route("/channels/{name}/quarantine/{connector}/{key}", get(quarantine::show))
        .route("/channels/{name}/quarantine/retry", post(quarantine::retry))
        .route("/channels/{name}/quarantine/drop", post(quarantine::drop))
        .route("/quarantine", get(quarantine::list))
        .route("/jobs/{id}", get(run::job))
        .route("/runs", get(run::list))
        .route("/runs/clean", post(history::clean))
        .route("/runs/{id}", get(run::show))
        .route("/runs/{id}/cancel", post(run::cancel))
        .route("/runs/{id}/replay", post(cassette::replay).layer(inspect_limit))
        .route("/cassettes", get(cassette::list))
        .route("/cassettes/{run}", get(cassette::show).delete(cassette::delete))
        .route("/schedule", get(schedule::show))
        .route("/schedule/next", get(schedule::next))
        .route("/schedule/pause", post(schedule::pause))
        .route("/schedule/resume", post(schedule::resume))
        .route("/runs/{id}/logs", get(history::logs))
        .route("/runs/{id}/pages", get(history::pages))
        .route("/plugins/release", post(plugin::release))
        .route("/channels/{name}/operations/{operation}", post(call::start).layer(call_limit))
        .route("/calls", get(call::list))
        .route("/calls/{id}", get(call::show))
        .route("/calls/{id}/cancel", post(call::cancel))
        .route("/calls/{id}/retry", post(call::retry))
        .route("/channels/{name}/connect", post(oauth::connect))
        .route("/channels/{name}/disconnect", post(oauth::disconnect))
        .route("/channels/{name}/connection", get(oauth::show))
        .route("/webhooks", get(hook::list).post(hook::create))
        .route("/webhooks/{id}", get(hook::show).delete(hook::delete))
        .route("/webhooks/{id}/rotate", post(hook::rotate))
        .route("/notices", get(notice::list).post(notice::create))
        .route("/notices/{name}", get(notice::show).delete(notice::delete))
        .route("/notices/{name}/pause", post(notice::pause))
        .route("/notices/{name}/resume", post(notice::resume))
        .route("/notices/{name}/test", post(notice::test))
        .route("/notices/{name}/dead", get(notice::dead))
        .route("/notices/{name}/dead/retry", post(notice::retry))
        .route("/notices/{name}/dead/drop", post(notice::drop))
        .route(
            "/channels/{name}/mappings/{connector}",
            get(mapping::show).put(mapping::set).delete(mapping::remove),
        )
        .route("/channels/{name}/mappings/{connector}/test", post(mapping::test))
        .route("/routes", get(route::list).post(route::create))
        .route("/routes/{name}", get(route::show).delete(route::delete))
        .route("/routes/{name}/pause", post(route::pause))
        .route("/routes/{name}/resume", post(route::resume))
        .route("/routes/{name}/failed", get(route::failed))
        .route("/routes/{name}/failed/retry", post(route::retry))
        .route("/routes/{name}/failed/drop", post(route::drop))
        .route("/routes/{name}/test", post(route::test))
        .route("/channels/{name}/records/{connector}/{key}/history", get(local::history))
        .route("/channels/{name}/records/{connector}/{key}/link", put(local::link).delete(local::unlink))
        .route("/channels/{name}/outbox", get(outbox::list))
        .route("/channels/{name}/outbox/{connector}/{key}", get(outbox::show))
        .route("/channels/{name}/outbox/retry", post(outbox::retry))
        .route("/channels/{name}/outbox/drop", post(outbox::drop))
        .route("/conflicts", get(conflict::list))
        .route("/conflicts/{id}", get(conflict::show))
        .route("/conflicts/{id}/resolve", post(conflict::resolve));
    // From anywhere: they come under the host's public name, and each brings its own proof.
    let hooks = Router::new().route("/hooks/{place}/{random}", post(hook::receive));
    Router::new()
        .route("/healthz", get(host::health))
        .route("/readyz", get(readiness::show))
        .route("/metrics", get(host::metrics))
        .nest("/api/v1", api)
        .fallback(error::no_such_route)
        .method_not_allowed_fallback(error::no_such_method)
        .layer(body_limit)
        .layer(middleware::from_fn(guard::admit))
        // Browsers come here from another site: that is what it is for.
        .merge(oauth::callback())
        .merge(hooks)
        .layer(middleware::from_fn(request::follow))
        .with_state(Arc::new(parts))
}

/// What handlers get.
type State = axum::extract::State<Arc<Parts>>;

#[cfg(test)]
mod tests;
