//! Whether the host lives, how it is configured, what ails it.

use super::{
    State,
    view::{Configuration, Diagnosis, Health},
};
use axum::{Json, extract};

/// `GET /healthz`.
pub(super) async fn health() -> Json<Health> {
    Json(Health {
        program: env!("CARGO_PKG_NAME").to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        status: "ok".to_owned(),
    })
}

/// `GET /api/v1/config`.
pub(super) async fn configuration(extract::State(parts): State) -> Json<Configuration> {
    Json(parts.configuration.as_ref().clone())
}

/// `GET /api/v1/doctor`.
pub(super) async fn doctor(extract::State(parts): State) -> Json<Diagnosis> {
    Json((parts.doctor)().await)
}
