//! The records that a channel's connectors imported.

use super::{
    Error, State,
    body::Params,
    export::{self, Export, Marks},
    paging::cut,
    view::{List, Record},
};
use crate::{
    model::{self, ChannelId, Class, Name, RecordKey},
    store::Store,
};
use axum::{
    Json,
    extract::{self, Path},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct ListParams {
    /// Present: all records as a stream in this form, instead of a page.
    format: Option<export::Format>,
    /// Only those that are marked as gone remotely.
    #[serde(default)]
    vanished: bool,
    /// With a form: since when records are gone remotely, too.
    #[serde(default)]
    marks: bool,
    after: Option<String>,
    limit: Option<usize>,
}

/// `GET /channels/{name}/records/{connector}`, in the order of the keys.
pub(super) async fn list(
    extract::State(parts): State,
    Path((name, connector)): Path<(String, String)>,
    Params(params): Params<ListParams>,
) -> Result<Response, Error> {
    let (channel, connector) = find(&parts, &name, &connector).await?;
    if params.vanished && params.format.is_some() {
        let message = "an export has all records: leave out either `format` or `vanished`";
        let refusal = Error::new(Class::InvalidData, "request.query", message);
        return Err(refusal.with_status(StatusCode::BAD_REQUEST));
    }
    if params.marks && params.format.is_none() {
        let message = "a page shows marks anyway: leave out `marks`, or say in which `format` to export";
        let refusal = Error::new(Class::InvalidData, "request.query", message);
        return Err(refusal.with_status(StatusCode::BAD_REQUEST));
    }
    if let Some(format) = params.format {
        let marks = if params.marks { Marks::Shown } else { Marks::LeftOut };
        let export = Export { channel: channel.id, connector, format, marks };
        return export::stream(&parts.store, export).await;
    }
    let after = params.after.map(RecordKey::try_new).transpose()?;
    let which = if params.vanished { Which::Vanished } else { Which::All };
    let stretch = Stretch { channel: channel.id, connector: connector.clone(), which, after };
    let (records, next) = stretch.read(&parts.store, cut(params.limit)).await?;
    let items = shown(&parts.store, channel.id, &connector, records).await?;
    Ok(Json(List { items, next: next.map(String::from) }).into_response())
}

/// Which records are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    All,
    Vanished,
}

/// Where a list goes on.
struct Stretch {
    channel: ChannelId,
    connector: Name,
    which: Which,
    after: Option<RecordKey>,
}

impl Stretch {
    /// Payloads of a page, about: a page must fit into memory.
    const PAGE_BYTES: usize = 8 << 20;
    /// Records that are read at a time; one can have a mebibyte.
    const BITE: usize = 50;

    /// At most `limit` records, and the last key where more follow.
    async fn read(
        mut self,
        store: &Store,
        limit: usize,
    ) -> Result<(Vec<model::Record>, Option<RecordKey>), Error> {
        let (mut records, mut size) = (Vec::new(), 0);
        loop {
            let bite = Self::BITE.min(limit - records.len());
            let (read, last) = self.list(store, bite).await?;
            let is_last = last.is_none();
            self.after = last.or_else(|| read.last().map(|record| record.key.clone())).or(self.after);
            size += read.iter().map(|record| record.payload.len()).sum::<usize>();
            records.extend(read);
            if is_last {
                return Ok((records, None));
            }
            if records.len() >= limit || size >= Self::PAGE_BYTES {
                let goes_on = self.list(store, 1).await?.1.is_some();
                return Ok((records, self.after.filter(|_| goes_on)));
            }
        }
    }

    /// Records, and the last key that was looked at where there may be more.
    async fn list(
        &self,
        store: &Store,
        limit: usize,
    ) -> Result<(Vec<model::Record>, Option<RecordKey>), Error> {
        let (channel, connector, after) = (self.channel, &self.connector, self.after.as_ref());
        let (looked_at, records, last): (usize, Vec<_>, _) = match self.which {
            Which::All => {
                let records = store.records().list(channel, connector, after, limit).await?;
                let last = records.last().map(|record| record.key.clone());
                (records.len(), records, last)
            }
            Which::Vanished => {
                let marks = store.vanished().list(channel, connector, after, limit).await?;
                let keys: Vec<_> = marks.into_iter().map(|(key, _)| key).collect();
                let (count, last) = (keys.len(), keys.last().cloned());
                let records = store.records().get_many(channel, connector, keys).await?;
                (count, records.into_iter().flatten().collect(), last)
            }
        };
        Ok((records, last.filter(|_| looked_at == limit)))
    }
}

/// `GET /channels/{name}/records/{connector}/{key}`.
pub(super) async fn show(
    extract::State(parts): State,
    Path((name, connector, key)): Path<(String, String, String)>,
) -> Result<Json<Record>, Error> {
    let (channel, connector) = find(&parts, &name, &connector).await?;
    let key = RecordKey::try_new(key)?;
    let record = parts.store.records().get(channel.id, &connector, &key).await?.ok_or_else(|| {
        let message = format!("channel '{name}' has no {connector} '{key}'");
        Error::new(Class::NotFound, "record.unknown", message)
    })?;
    let mut shown = shown(&parts.store, channel.id, &connector, vec![record]).await?;
    Ok(Json(shown.remove(0)))
}

/// The records, each with its mark, its remote id and its change that waits, where it has them.
async fn shown(
    store: &Store,
    channel: ChannelId,
    connector: &Name,
    records: Vec<model::Record>,
) -> Result<Vec<Record>, Error> {
    let keys: Vec<RecordKey> = records.iter().map(|record| record.key.clone()).collect();
    let marks = store.vanished().get_many(channel, connector, keys.clone()).await?;
    let remotes = store.links().remotes(channel, connector, keys.clone()).await?;
    let rows = store.outbox().get_many(channel, connector, keys).await?;
    let known = marks.into_iter().zip(remotes).zip(rows);
    let of = |(record, ((vanished, remote), row)): (_, ((_, _), Option<model::Outgoing>))| {
        Ok(Record { vanished, remote, outgoing: row.map(Into::into), ..read(record)? })
    };
    records.into_iter().zip(known).map(of).collect()
}

/// A record as it is shown, without what else is known of it.
pub(super) fn read(record: model::Record) -> Result<Record, Error> {
    let key = record.key.clone();
    Record::try_from(record).map_err(|error| {
        let message = format!("the payload of record '{key}' cannot be understood: {error}");
        Error::new(Class::Internal, "store.corrupt", message)
    })
}

/// The channel and the connector; a connector is known when it is switched on, when
/// the plugin offers it, or when there are records of it.
pub(super) async fn find(
    parts: &super::Parts,
    name: &str,
    connector: &str,
) -> Result<(model::Channel, Name), Error> {
    let channel = parts.channels.get(name).await?;
    let offer = parts.catalog.offer(channel.channel_type.as_str());
    let is_offered = offer.as_ref().is_some_and(|offer| offer.channel_type.connector(connector).is_some());
    if let Ok(known) = Name::try_new(connector)
        && (is_offered
            || channel.connectors.contains(&known)
            || parts.store.records().count(channel.id, &known).await? > 0)
    {
        return Ok((channel, known));
    }
    let offered = offer.iter().flat_map(|offer| &offer.channel_type.connectors);
    let mut all: Vec<_> =
        channel.connectors.iter().chain(offered.map(|it| &it.id)).map(Name::as_str).collect();
    all.sort_unstable();
    all.dedup();
    let message = format!("channel '{name}' has no connector '{connector}'; it has: {}", all.join(", "));
    Err(Error::new(Class::NotFound, "connector.unknown", message))
}
