//! All records of a connector as one stream, read page by page.
//!
//! It keeps no more than a page in memory, whatever the number of records. A
//! stream that breaks off has failed: it never ends early in silence.

mod columns;

use super::{Error, view::ExportLine};
use crate::{
    model::{ChannelId, Name, Record, RecordKey, Timestamp},
    store::Store,
};
use axum::{
    body::{Body, Bytes},
    http::{HeaderName, header},
    response::{IntoResponse, Response},
};
use columns::Columns;
use futures_util::stream::{self, TryStreamExt};
use serde::Deserialize;
use std::io;

/// Says how many records there are when the stream begins.
pub(super) const RECORDS: HeaderName = HeaderName::from_static("tidegate-records");

/// The form of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Format {
    /// One JSON document a line: key, updated, payload.
    Jsonl,
    /// One line a record: key, updated, and the payload's fields as columns.
    Csv,
}

/// Whether the marks of records that are gone remotely are part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marks {
    Shown,
    LeftOut,
}

/// What is exported, and how.
pub(super) struct Export {
    pub(super) channel: ChannelId,
    pub(super) connector: Name,
    pub(super) format: Format,
    pub(super) marks: Marks,
}

/// The answer that streams.
pub(super) async fn stream(store: &Store, export: Export) -> Result<Response, Error> {
    let Export { channel, connector, format, marks } = export;
    let count = store.records().count(channel, &connector).await?;
    let reader = Reader { store: store.clone(), channel, connector, marks, after: None, is_done: false };
    let (kind, body) = match format {
        Format::Jsonl => ("application/x-ndjson", Body::from_stream(lines(reader))),
        Format::Csv => ("text/csv; charset=utf-8", Body::from_stream(table(reader).await?)),
    };
    let headers = [(header::CONTENT_TYPE, kind.to_owned()), (RECORDS, count.to_string())];
    Ok((headers, body).into_response())
}

/// A record, and since when it is gone remotely.
type Marked = (Record, Option<Timestamp>);

/// Reads the records of a connector from the first to the last.
#[derive(Clone)]
struct Reader {
    store: Store,
    channel: ChannelId,
    connector: Name,
    marks: Marks,
    after: Option<RecordKey>,
    is_done: bool,
}

impl Reader {
    /// Records that are read at a time; one can have a mebibyte.
    const PAGE: usize = 100;

    /// The next page, each record with its mark where those are shown; none at the end.
    async fn marked(&mut self) -> Result<Option<Vec<Marked>>, crate::store::Error> {
        let Some(page) = self.next().await? else { return Ok(None) };
        let marks = match self.marks {
            Marks::LeftOut => vec![None; page.len()],
            Marks::Shown => {
                let keys = page.iter().map(|record| record.key.clone()).collect();
                self.store.vanished().get_many(self.channel, &self.connector, keys).await?
            }
        };
        Ok(Some(page.into_iter().zip(marks).collect()))
    }

    /// The next page; none at the end.
    async fn next(&mut self) -> Result<Option<Vec<Record>>, crate::store::Error> {
        if self.is_done {
            return Ok(None);
        }
        let after = self.after.as_ref();
        let page = self.store.records().list(self.channel, &self.connector, after, Self::PAGE).await?;
        self.is_done = page.len() < Self::PAGE;
        self.after = page.last().map(|record| record.key.clone());
        Ok(if page.is_empty() { None } else { Some(page) })
    }
}

fn lines(reader: Reader) -> impl stream::Stream<Item = io::Result<Bytes>> {
    stream::try_unfold(reader, |mut reader| async {
        let Some(page) = reader.marked().await.map_err(io::Error::other)? else {
            return Ok(None);
        };
        let mut text = Vec::new();
        for (record, vanished) in &page {
            let (key, payload) = (&record.key, record.payload.as_ref());
            let parent = record.parent.as_ref();
            let (updated, vanished) = (record.updated, *vanished);
            let line = ExportLine { key, parent, updated, vanished, payload };
            serde_json::to_writer(&mut text, &line)?;
            text.push(b'\n');
        }
        Ok(Some((Bytes::from(text), reader)))
    })
    .inspect_err(note)
}

/// Twice over the records: the columns have to be known before the first line.
async fn table(reader: Reader) -> Result<impl stream::Stream<Item = io::Result<Bytes>>, Error> {
    let mut columns = Columns::with(reader.marks);
    let mut first = reader.clone();
    while let Some(page) = first.next().await? {
        page.iter().for_each(|record| columns.learn(&record.payload));
    }
    let head = columns.head().map(Bytes::from);
    let body = stream::try_unfold((reader, columns), |(mut reader, columns)| async {
        let Some(page) = reader.marked().await.map_err(io::Error::other)? else {
            return Ok(None);
        };
        let text = columns.rows(&page)?;
        Ok(Some((Bytes::from(text), (reader, columns))))
    })
    .inspect_err(note);
    Ok(stream::StreamExt::chain(stream::iter([head]), body))
}

/// The caller only sees the stream break off; the log says why.
fn note(error: &io::Error) {
    tracing::error!(%error, "an export broke off");
}
