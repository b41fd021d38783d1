//! Recorded runs, and playing them again.

use super::{
    Error, State,
    body::RawBody,
    view::{CassetteDetail, List, Replayed},
};
use crate::{
    cassettes,
    model::{Cassette, Class, RunId},
};
use axum::{
    Json,
    extract::{self, Path},
    http::StatusCode,
};

/// The most requests of a cassette that are shown.
const SHOWN: usize = 1_000;

/// `GET /cassettes`, the newest run first.
pub(super) async fn list(extract::State(parts): State) -> Result<Json<List<Cassette>>, Error> {
    Ok(Json(List::whole(parts.cassettes.list().await?)))
}

/// `GET /cassettes/{run}`.
pub(super) async fn show(
    extract::State(parts): State,
    Path(run): Path<String>,
) -> Result<Json<CassetteDetail>, Error> {
    let run: RunId = run.parse()?;
    let (cassette, exchanges) = parts.cassettes.show(run, SHOWN).await?;
    Ok(Json(CassetteDetail { cassette, exchanges }))
}

/// `DELETE /cassettes/{run}`: the recording; the run and its records stay.
pub(super) async fn delete(
    extract::State(parts): State,
    Path(run): Path<String>,
) -> Result<StatusCode, Error> {
    let run: RunId = run.parse()?;
    parts.cassettes.delete(run).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /runs/{id}/replay`: plays the cassette to the plugin that was recorded, or to
/// the file in the body. Whatever the plugin does is a report, not an error.
pub(super) async fn replay(
    extract::State(parts): State,
    Path(run): Path<String>,
    body: Result<RawBody, Error>,
) -> Result<Json<Replayed>, Error> {
    let run: RunId = run.parse()?;
    let RawBody(bytes) = body.map_err(|error| error.about_a_plugin_file(parts.inspect_bytes))?;
    let plugin = (!bytes.is_empty()).then_some(bytes);
    tokio::select! {
        replayed = parts.cassettes.replay(run, plugin) => Ok(Json(replayed?)),
        () = parts.stop.cancelled() => {
            Err(Error::new(Class::Transient, "host.stopping", "the host is stopping"))
        }
    }
}

impl From<cassettes::Error> for Error {
    fn from(error: cassettes::Error) -> Self {
        let (class, code) = match error {
            cassettes::Error::Plugin(failure) => return super::view::Problem::from(failure).into(),
            cassettes::Error::NoCassette(_) => (Class::NotFound, "cassette.unknown"),
            cassettes::Error::Empty(_) => (Class::Conflict, "cassette.empty"),
            cassettes::Error::Damaged { .. } => (Class::Internal, "cassette.damaged"),
            cassettes::Error::NoPlugin(_) => (Class::Conflict, "cassette.plugin-gone"),
            cassettes::Error::Unfit(_) => (Class::Unsupported, "cassette.plugin-unfit"),
            cassettes::Error::Files(_) => (Class::Internal, "cassette.files"),
        };
        Self::new(class, code, super::error::chain(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Failure;
    use axum::response::IntoResponse;

    #[test]
    fn every_error_has_its_status() {
        let run = RunId::new();
        for (error, status) in [
            (cassettes::Error::NoCassette(run), 404),
            (cassettes::Error::Empty(run), 409),
            (cassettes::Error::Damaged { run, what: "x".into() }, 500),
            (cassettes::Error::NoPlugin("x".into()), 409),
            (cassettes::Error::Unfit("x".into()), 422),
            (cassettes::Error::Plugin(Failure::new(Class::InvalidData, "component.import", "no")), 422),
            (cassettes::Error::Files(std::io::Error::other("x")), 500),
        ] {
            let told = error.to_string();
            assert_eq!(Error::from(error).into_response().status().as_u16(), status, "{told}");
        }
    }
}
