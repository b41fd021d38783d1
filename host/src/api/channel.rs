//! Channels: making, showing, changing and checking them.

use super::{
    Error, Parts, State,
    body::{JsonBody, Params},
    paging::{Paging, page},
    view::{
        Channel, ChannelDetail, CheckReport, ConnectorState, Edit, List, NewChannel, Problem, Run, Waiting,
    },
};
use crate::{
    channels::{self, Change, Draft},
    model::{self, ChannelId, FieldKind, Name},
    store::Store,
};
use axum::{
    Json,
    extract::{self, Path},
    http::StatusCode,
};
use std::collections::BTreeMap;

/// `GET /channels`, by name.
pub(super) async fn list(
    extract::State(parts): State,
    Params(paging): Params<Paging>,
) -> Result<Json<List<Channel>>, Error> {
    let limit = paging.limit();
    let wanted = parts
        .channels
        .list()
        .await?
        .into_iter()
        .skip_while(|channel| paging.after.as_deref().is_some_and(|after| channel.name.as_str() <= after))
        .take(limit + 1)
        .map(|channel| shown(&parts, channel))
        .collect();
    Ok(Json(page(wanted, limit, |channel| channel.name.to_string())))
}

/// `POST /channels`.
pub(super) async fn create(
    extract::State(parts): State,
    JsonBody(new): JsonBody<NewChannel>,
) -> Result<(StatusCode, Json<Channel>), Error> {
    let draft = Draft::from(new);
    let (kind, transport) = (draft.channel_type.clone(), draft.transport.clone());
    match parts.channels.create(draft).await {
        Ok(channel) => Ok((StatusCode::CREATED, Json(shown(&parts, channel)))),
        Err(error) => Err(explain(&parts, error, &kind, transport.as_ref())),
    }
}

/// `GET /channels/{name}`.
pub(super) async fn show(
    extract::State(parts): State,
    Path(name): Path<String>,
) -> Result<Json<ChannelDetail>, Error> {
    let channel = parts.channels.get(&name).await?;
    let offer = parts.catalog.offer(channel.channel_type.as_str());
    let mut connectors = channel.connectors.clone();
    if let Some(offer) = &offer {
        let offered = offer.channel_type.connectors.iter().map(|connector| connector.id.clone());
        connectors =
            offered.filter(|name| !channel.connectors.contains(name)).fold(connectors, |mut all, name| {
                all.push(name);
                all
            });
    }
    let mut newest = newest_runs(&parts.store, &channel, &connectors).await?;
    let last_run = newest.values().max_by_key(|run| run.id).cloned().map(Run::from);
    let mut connector_states = Vec::with_capacity(connectors.len());
    for connector in connectors {
        let last_run = newest.remove(&connector).map(Run::from);
        connector_states.push(state_of(&parts.store, &channel, connector, last_run).await?);
    }
    let plugin = offer.map(|offer| offer.file);
    Ok(Json(ChannelDetail { channel: shown(&parts, channel), plugin, connector_states, last_run }))
}

async fn state_of(
    store: &Store,
    channel: &model::Channel,
    connector: Name,
    last_run: Option<Run>,
) -> Result<ConnectorState, Error> {
    Ok(ConnectorState {
        enabled: channel.connectors.contains(&connector),
        records: store.records().count(channel.id, &connector).await?,
        due: store.due().count(channel.id, &connector).await?,
        quarantined: store.quarantine().count(channel.id, &connector).await?,
        outgoing: outgoing(store, channel.id, &connector).await?,
        last_run,
        connector,
    })
}

/// How many local changes wait, and for what. None where none does.
async fn outgoing(store: &Store, channel: ChannelId, connector: &Name) -> Result<Option<Waiting>, Error> {
    /// Rows that are read at a time.
    const BITE: usize = 500;
    let (mut waiting, mut after) = (Waiting::default(), None);
    loop {
        let rows = store.outbox().list(channel, connector, after.as_ref(), BITE).await?;
        let is_end = rows.len() < BITE;
        after = rows.last().map(|row| row.key.clone());
        for row in rows {
            waiting.changes += 1;
            waiting.refused += u64::from(row.refused);
            waiting.held += u64::from(row.held.is_some());
        }
        if is_end {
            return Ok((waiting.changes > 0).then_some(waiting));
        }
    }
}

/// The newest run of each connector, as far back as a look at history stays cheap.
async fn newest_runs(
    store: &Store,
    channel: &model::Channel,
    connectors: &[Name],
) -> Result<BTreeMap<Name, model::Run>, Error> {
    const PAGE: usize = 100;
    const PAGES: usize = 10;
    let mut newest = BTreeMap::new();
    let mut before = None;
    for _ in 0..PAGES {
        let runs = store.runs().list(Some(channel.id), before, PAGE).await?;
        let is_last = runs.len() < PAGE;
        before = runs.last().map(|run| run.id);
        for run in runs {
            newest.entry(run.connector.clone()).or_insert(run);
        }
        if is_last || connectors.iter().all(|connector| newest.contains_key(connector)) {
            break;
        }
    }
    Ok(newest)
}

/// `PATCH /channels/{name}`.
pub(super) async fn edit(
    extract::State(parts): State,
    Path(name): Path<String>,
    JsonBody(edit): JsonBody<Edit>,
) -> Result<Json<Channel>, Error> {
    let before = parts.channels.get(&name).await?;
    match parts.channels.edit(&name, Change::from(edit)).await {
        Ok(channel) => Ok(Json(shown(&parts, channel))),
        Err(error) => Err(explain(&parts, error, &before.channel_type, Some(&before.transport))),
    }
}

/// `POST /channels/{name}/check`. A remote system that refuses us is a report, not an error.
pub(super) async fn check(
    extract::State(parts): State,
    Path(name): Path<String>,
) -> Result<Json<CheckReport>, Error> {
    let channel = parts.channels.get(&name).await?;
    let mut report = CheckReport::from(parts.channels.check(&name).await?);
    if let Some(problem) = &mut report.error {
        mark_secrets(&parts, problem, &channel.channel_type, Some(&channel.transport));
    }
    Ok(Json(report))
}

pub(super) fn shown(parts: &Parts, channel: model::Channel) -> Channel {
    Channel::of(channel, parts.timetable.config().every)
}

/// Adds what only the plugin knows: which types there are, which fields are secrets.
fn explain(parts: &Parts, error: channels::Error, kind: &Name, transport: Option<&Name>) -> Error {
    let is_unknown = matches!(error, channels::Error::NoType(_));
    let mut answer = Error::from(error);
    let problem = answer.problem_mut();
    if is_unknown {
        let offers = parts.catalog.offers();
        let offered: Vec<_> = offers.iter().map(|offer| offer.channel_type.id.as_str()).collect();
        if !offered.is_empty() {
            problem.message.push_str(&format!("; offered are: {}", offered.join(", ")));
        }
    }
    mark_secrets(parts, problem, kind, transport);
    answer
}

/// Tells which fields are secrets, so that nobody is told to give them as settings.
fn mark_secrets(parts: &Parts, problem: &mut Problem, kind: &Name, transport: Option<&Name>) {
    let Some(offer) = parts.catalog.offer(kind.as_str()) else {
        return;
    };
    let form = match transport {
        Some(id) => offer.channel_type.transport(id.as_str()),
        None => offer.channel_type.transports.first(),
    };
    let fields = form.map(|transport| transport.form.as_slice()).unwrap_or_default();
    let is_secret = |pointer: &str| {
        fields.iter().any(|field| {
            field.kind == FieldKind::Secret && pointer.strip_prefix('/') == Some(field.name.as_str())
        })
    };
    for field in &mut problem.fields {
        field.secret = is_secret(&field.field);
    }
}
