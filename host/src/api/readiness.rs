//! Whether the host does its work: what a supervisor asks before it sends anybody here.

use super::{State, view};
use axum::{Json, extract, http::StatusCode};

/// `GET /readyz`: 200, or 503 with what is in the way.
pub(super) async fn show(extract::State(parts): State) -> (StatusCode, Json<view::Readiness>) {
    let readiness = view::Readiness::of((parts.readiness)().await);
    let status = if readiness.reasons.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(readiness))
}
