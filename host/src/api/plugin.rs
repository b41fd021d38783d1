//! The plugins folder, and a look at one file.

use super::{
    Error, State,
    body::{JsonBody, Params, RawBody},
    view::{Inspection, List, Plugin, PluginName, ReleasedPlugin},
};
use crate::{
    catalog::Catalog,
    model::{Class, RunId},
};
use axum::{Json, body::Bytes, extract, http::StatusCode};
use serde::Deserialize;
use std::{
    fs, io,
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// `GET /plugins`.
pub(super) async fn list(extract::State(parts): State) -> Json<List<Plugin>> {
    let catalog = &parts.catalog;
    Json(List::whole(catalog.entries().iter().map(|entry| Plugin::of(entry, catalog)).collect()))
}

/// `POST /plugins/reload`: looks at the folder now; the list when every file is judged.
pub(super) async fn reload(extract::State(parts): State) -> Json<List<Plugin>> {
    parts.catalog.reload().await;
    list(extract::State(parts)).await
}

/// `POST /plugins/release`: lets plugins go on that are in quarantine; the list of them.
pub(super) async fn release(
    extract::State(parts): State,
    JsonBody(named): JsonBody<PluginName>,
) -> Result<Json<List<ReleasedPlugin>>, Error> {
    let released = parts.catalog.release(&named.plugin);
    if released.is_empty() {
        return Err(not_quarantined(&parts.catalog, &named.plugin));
    }
    Ok(Json(List::whole(released.into_iter().map(ReleasedPlugin::from).collect())))
}

fn not_quarantined(catalog: &Catalog, named: &str) -> Error {
    let others: Vec<String> = catalog
        .quarantined()
        .iter()
        .map(|one| format!("{} {} ({}, {:.12}…)", one.plugin, one.version, one.file, one.sha256))
        .collect();
    let message = match others.as_slice() {
        [] => format!("no plugin is in quarantine, '{named}' neither"),
        others => format!("no plugin '{named}' is in quarantine; these are: {}", others.join(", ")),
    };
    Error::new(Class::NotFound, "plugin.not-quarantined", message)
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct InspectParams {
    /// What the file is called in the answer.
    file: Option<String>,
}

/// `POST /plugins/inspect?file=NAME`: judges the file in the body without taking it up.
pub(super) async fn inspect(
    extract::State(parts): State,
    Params(params): Params<InspectParams>,
    body: Result<RawBody, Error>,
) -> Result<Json<Inspection>, Error> {
    let RawBody(bytes) = body.map_err(|error| error.about_a_plugin_file(parts.inspect_bytes))?;
    if bytes.is_empty() {
        return Err(Error::new(Class::InvalidData, "request.body", "send the file as the body")
            .with_status(StatusCode::BAD_REQUEST));
    }
    let scratch = parts.scratch.clone();
    let upload = tokio::task::spawn_blocking(move || Upload::keep(&scratch, &bytes))
        .await
        .unwrap_or_else(|panic| Err(io::Error::other(panic)))
        .map_err(|error| {
            let message = format!("the file cannot be kept for the look at it: {error}");
            Error::new(Class::Internal, "plugin.scratch", message)
        })?;
    let mut inspection = Inspection::of(&parts.catalog.inspect(&upload.0).await, &parts.catalog);
    if let Some(file) = params.file {
        inspection.plugin.file = file;
    }
    // When the upload arrived is no property of the file.
    inspection.plugin.modified = None;
    Ok(Json(inspection))
}

/// A file that is there as long as this is.
struct Upload(PathBuf);

impl Upload {
    fn keep(folder: &Path, bytes: &Bytes) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let path = folder.join(format!("{}.wasm", RunId::new()));
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        let upload = Self(path);
        file.write_all(bytes)?;
        Ok(upload)
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.0) {
            tracing::warn!(file = %self.0.display(), %error, "an inspected file stays behind");
        }
    }
}
