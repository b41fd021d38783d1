//! The origins of remote systems: how they fare, and an operator's reset.

use super::{
    Error, State,
    body::JsonBody,
    view::{List, Origin, OriginName},
};
use crate::model::Class;
use axum::{Json, extract};

/// `GET /origins`: by name.
pub(super) async fn list(extract::State(parts): State) -> Json<List<Origin>> {
    Json(List::whole(parts.channels.origins().list()))
}

/// `POST /origins/close`: lets requests go to an origin again; as it is then.
pub(super) async fn close(
    extract::State(parts): State,
    JsonBody(named): JsonBody<OriginName>,
) -> Result<Json<Origin>, Error> {
    let (origins, name) = (parts.channels.origins(), named.origin.trim_end_matches('/'));
    origins.close(name);
    let state = origins.get(name).ok_or_else(|| unknown(name))?;
    tracing::info!(origin = name, "the origin was given free by a person");
    Ok(Json(state))
}

fn unknown(name: &str) -> Error {
    let message = format!("nothing is known of the origin '{name}': see the list of origins");
    Error::new(Class::NotFound, "origin.unknown", message)
}
