//! What a sync would change, told while it is found out.
//!
//! It starts no job. Whoever stops reading ends the dry run.

use super::{
    Error, State,
    body::JsonBody,
    run::no_channel,
    view::{DryRunLine, NewDryRun},
};
use crate::{
    model::{ChannelName, Direction, Trigger},
    sync::{self, Rehearsal},
};
use axum::{
    body::{Body, Bytes},
    extract::{self, Path},
    http::header,
    response::{IntoResponse, Response},
};
use futures_util::stream::{self, Stream};
use std::io;

/// `POST /channels/{name}/dry-run`: a line an event, the last one the summary.
pub(super) async fn start(
    extract::State(parts): State,
    Path(name): Path<String>,
    JsonBody(new): JsonBody<NewDryRun>,
) -> Result<Response, Error> {
    let channel = ChannelName::try_new(name.clone()).map_err(|_| no_channel(name))?;
    let request = sync::Request {
        channel,
        direction: Direction::Import,
        connectors: new.connectors,
        full: new.full,
        record: false,
        trigger: Trigger::Request,
    };
    let rehearsal = parts.sync.rehearse(&request, new.limit, &parts.stop).await?;
    let kind = [(header::CONTENT_TYPE, "application/x-ndjson")];
    Ok((kind, Body::from_stream(lines(rehearsal))).into_response())
}

fn lines(rehearsal: Rehearsal) -> impl Stream<Item = io::Result<Bytes>> {
    stream::try_unfold(rehearsal, |mut rehearsal| async {
        let Some(event) = rehearsal.next().await else {
            return Ok(None);
        };
        let mut line = serde_json::to_vec(&DryRunLine::from(event))?;
        line.push(b'\n');
        Ok(Some((Bytes::from(line), rehearsal)))
    })
}
