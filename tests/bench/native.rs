//! The other side of the comparison: a plain loop that imports tickets with
//! reqwest, serde and sled, and no sandbox, policy or history.

use crate::measure::{Sample, Stretch};
use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::path::Path;

/// The parts of a ticket that a loop needs to store it, and the whole of it.
#[derive(Deserialize)]
struct Head<'a> {
    id: u64,
    #[serde(borrow)]
    updated_at: Option<&'a str>,
    #[serde(borrow)]
    status: Option<&'a str>,
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    tickets: Vec<&'a RawValue>,
    after_cursor: Option<String>,
    end_of_stream: bool,
}

/// Imports every ticket from `vendor` into a sled store in `folder`, a flushed
/// batch a page.
pub(crate) async fn import(vendor: &str, folder: &Path, page: u32) -> Result<Sample> {
    // The client asks for one even where it only speaks plain HTTP; the second of two calls fails, which is just as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build()?;
    let store = sled::Config::new().path(folder).cache_capacity(16 << 20).flush_every_ms(None).open()?;
    let mut path = format!("/api/v2/incremental/tickets/cursor.json?start_time=0&per_page={page}");
    let stretch = Stretch::begin();
    loop {
        let request = client.get(format!("{vendor}{path}"));
        let answer = request.basic_auth("agent@example.com/token", Some("fake-token")).send().await?;
        let body = answer.error_for_status()?.bytes().await?;
        let answer: Answer = serde_json::from_slice(&body).context("the vendor's page")?;
        let store = store.clone();
        let batch = batch(&answer)?;
        tokio::task::spawn_blocking(move || commit(&store, batch)).await??;
        match answer.after_cursor {
            Some(cursor) if !answer.end_of_stream => {
                path = format!("/api/v2/incremental/tickets/cursor.json?cursor={cursor}&per_page={page}");
            }
            _ => break,
        }
    }
    let mut sample = stretch.end(1);
    sample.records = store.scan_prefix(b"r").count() as u64;
    Ok(sample)
}

fn batch(answer: &Answer) -> Result<sled::Batch> {
    let mut batch = sled::Batch::default();
    for ticket in &answer.tickets {
        let head: Head = serde_json::from_str(ticket.get())?;
        let key = [b"r".as_slice(), head.id.to_string().as_bytes()].concat();
        if head.status == Some("deleted") {
            batch.remove(key);
            continue;
        }
        let version = head.updated_at.unwrap_or_default().as_bytes();
        batch.insert(key, [version, b"\n", ticket.get().as_bytes()].concat());
    }
    if let Some(cursor) = &answer.after_cursor {
        batch.insert(b"cursor", cursor.as_bytes());
    }
    Ok(batch)
}

fn commit(store: &sled::Db, batch: sled::Batch) -> Result<()> {
    store.apply_batch(batch)?;
    store.flush()?;
    Ok(())
}
