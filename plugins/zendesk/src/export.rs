//! Zendesk's incremental exports, by cursor: what users and tickets have in common.
//!
//! The first request names a time, every other the position that the last answer
//! gave. An item comes again whenever it changes, and Zendesk may repeat one.

use crate::{answer::problem, settings::Form};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tidegate_sdk::{
    Class, Envelope, Error, Page, PullRequest, Request, Response, Transport, json::Item, log,
};

/// The most items that Zendesk puts into a page.
const MOST: u32 = 1_000;

/// The most bytes of a page: the host takes 16 MiB from a call.
const MOST_BYTES: usize = 12 << 20;

/// Page sizes to try, as parts of the one asked for, where items are very large.
const PARTS: [u32; 3] = [1, 8, 64];

/// One of the exports.
pub(crate) struct Export {
    pub(crate) path: &'static str,
    /// What the list of items is called.
    pub(crate) list: &'static str,
}

/// What matters of an item.
pub(crate) struct Head {
    pub(crate) id: u64,
    pub(crate) updated_ms: Option<u64>,
    pub(crate) deleted: bool,
    /// The idempotency key with which this host created it.
    pub(crate) origin: Option<String>,
}

/// Where the next page begins.
#[derive(Serialize, Deserialize)]
struct Position {
    after: String,
}

/// What an answer says beside the items.
#[derive(Deserialize)]
struct Tail {
    after_cursor: Option<String>,
    end_of_stream: bool,
}

/// Reads one page of items of the form `T`.
pub(crate) fn pull<T: DeserializeOwned + Into<Head>>(
    export: &Export,
    transport: &dyn Transport,
    request: &PullRequest,
) -> Result<Page, Error> {
    let position = request.cursor::<Position>()?.map(|position| position.after);
    let response = ask(export, transport, request, position.as_deref())?;
    if !response.is_success() {
        return refused(&response, position.is_none());
    }
    let mut page = Page::new();
    let tail = read::<T>(export, &response, position.as_deref(), &mut page)?;
    page.more = !tail.end_of_stream;
    match tail.after_cursor {
        Some(after) if page.more && Some(&after) == position.as_ref() => {
            return Err(stuck(&response));
        }
        Some(after) => page.next(&Position { after })?,
        None if page.more => return Err(stuck(&response)),
        None => {}
    }
    Ok(page)
}

/// Sends the request, for fewer items where the answer would be too large.
fn ask(
    export: &Export,
    transport: &dyn Transport,
    request: &PullRequest,
    position: Option<&str>,
) -> Result<Response, Error> {
    let query = match position {
        Some(after) => Request::get(export.path).query("cursor", after),
        None => {
            Request::get(export.path).query("start_time", request.settings.read::<Form>()?.start_seconds())
        }
    };
    let wanted = request.limit.clamp(1, MOST);
    let mut sizes = PARTS.iter().map(|part| (wanted / part).max(1)).peekable();
    loop {
        let size = sizes.next().unwrap_or(1);
        let answer = transport.send(query.clone().query("per_page", size));
        let too_large = match &answer {
            Ok(response) => response.body.len() > MOST_BYTES,
            Err(error) => error.class == Class::Limit,
        };
        if !too_large || sizes.peek().is_none() {
            return answer;
        }
        log::warn("a page is too large, asking for a smaller one", &[("per-page", &size)]);
    }
}

/// What an answer without items means.
fn refused(response: &Response, at_the_start: bool) -> Result<Page, Error> {
    let mut error = problem(response);
    match response.status {
        // Zendesk exports nothing of the last minute. A start so late (today at
        // midnight, or in the future) means that there is nothing to read so far.
        400 | 422
            if at_the_start
                && (error.message.contains("TooRecent") || error.message.contains("Too recent")) =>
        {
            log::info("nothing changed since the start date so far", &[]);
            return Ok(Page::new());
        }
        403 => error.message.push_str("; Zendesk opens its exports to administrators only"),
        404 => error.message.push_str("; check that the channel's address is that of a Zendesk account"),
        _ => {}
    }
    Err(error)
}

fn stuck(response: &Response) -> Error {
    let message = format!("{} says that there is more, but not where", response.place);
    Error::invalid_data("zendesk.position", message)
}

/// Turns items into records; a bad one into a reject.
fn read<T: DeserializeOwned + Into<Head>>(
    export: &Export,
    response: &Response,
    position: Option<&str>,
    page: &mut Page,
) -> Result<Tail, Error> {
    let mut ids = Vec::new();
    let mut index = 0;
    let tail = response.each(export.list, |item: Item<'_, T>| {
        index += 1;
        match item.fields.map(Into::into) {
            Ok(head) => {
                ids.push(head.id);
                page.push(record(head, item.raw));
            }
            Err(error) => {
                let key = format!("item {index} of the page after {}", position.unwrap_or("the start"));
                page.reject(key, error, item.raw);
            }
        }
    })?;
    keep_latest(page, &ids);
    Ok(tail)
}

/// An item as a record.
pub(crate) fn record(head: Head, raw: &str) -> Envelope {
    let record = if head.deleted { Envelope::deleted(head.id) } else { Envelope::new(head.id, raw) };
    record.updated_ms(head.updated_ms).origin(head.origin)
}

/// Of an item that a page holds twice, the later one is the newer.
fn keep_latest(page: &mut Page, ids: &[u64]) {
    let mut sorted: Vec<_> = ids.iter().zip(0_usize..).collect();
    sorted.sort_unstable();
    let older: Vec<_> =
        sorted.windows(2).filter(|pair| pair[0].0 == pair[1].0).map(|pair| pair[0].1).collect();
    if older.is_empty() {
        return;
    }
    let mut index = 0_usize..;
    page.records.retain(|_| index.next().is_none_or(|index| !older.contains(&index)));
}

#[cfg(test)]
mod tests;
