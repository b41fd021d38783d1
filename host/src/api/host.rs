//! Whether the host lives, how it is configured, what ails it.

use super::{
    State,
    view::{Configuration, Diagnosis, Health},
};
use crate::metrics;
use axum::{Json, extract, http::header, response::IntoResponse};

/// `GET /healthz`.
pub(super) async fn health() -> Json<Health> {
    Json(Health {
        program: env!("CARGO_PKG_NAME").to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        status: "ok".to_owned(),
    })
}

/// `GET /metrics`.
pub(super) async fn metrics() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], metrics::exposition())
}

/// `GET /api/v1/config`.
pub(super) async fn configuration(extract::State(parts): State) -> Json<Configuration> {
    Json(parts.configuration.as_ref().clone())
}

/// `GET /api/v1/doctor`.
pub(super) async fn doctor(extract::State(parts): State) -> Json<Diagnosis> {
    Json((parts.doctor)().await)
}
