//! The two ways to page through a list: by cursor, and by offset.
//!
//! Facts: `/api-reference/introduction/pagination/`. Cursor pages are asked for with
//! `page[size]` (at most 100) and end when `meta.has_more` is false, whatever the
//! links say. Offset pages reach 10,000 records and no further.

use super::{account::Account, errors, query::Query};
use crate::vendor::Answer;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use hyper::StatusCode;
use serde_json::{Value, json};

/// Records of a page.
const MOST: u64 = 100;
/// Records that offset pages reach.
const DEEPEST: u64 = 10_000;

/// A list that can be paged through.
pub(super) struct Listing<'a> {
    /// What the records are called, such as `comments`.
    pub(super) name: &'static str,
    /// Where the list is, without `/api/v2/` and `.json`.
    pub(super) path: &'a str,
    /// The action in the vendor's error messages.
    pub(super) action: &'static str,
    /// By what cursor pages can be sorted; the first is the usual order.
    pub(super) sorts: &'static [&'static str],
    /// The ids of all records, in the usual order.
    pub(super) ids: Box<dyn DoubleEndedIterator<Item = u64> + 'a>,
    /// The number of records.
    pub(super) count: u64,
    /// The record as JSON.
    pub(super) render: &'a dyn Fn(u64) -> Option<Bytes>,
}

/// Answers a page of the list.
pub(super) fn answer(account: &Account, query: &Query<'_>, listing: Listing<'_>) -> Result<Answer, Answer> {
    let by_cursor =
        ["page[size]", "page[after]", "page[before]"].iter().any(|name| query.get(name).is_some());
    if by_cursor { by_cursor_page(account, query, listing) } else { by_offset_page(account, query, listing) }
}

fn by_cursor_page(account: &Account, query: &Query<'_>, listing: Listing<'_>) -> Result<Answer, Answer> {
    let size = page_size(query, listing.action)?;
    let backwards = descending(query, listing.sorts)?;
    let (after, before) = (cursor(query, "page[after]")?, cursor(query, "page[before]")?);
    let Listing { name, path, ids, render, .. } = listing;
    // Reading before a cursor is reading the other way round, and turning the page over.
    let reversed = backwards != before.is_some();
    let ids: Box<dyn Iterator<Item = u64>> = if reversed { Box::new(ids.rev()) } else { Box::new(ids) };
    let beyond = |id: &u64| match after.or(before) {
        Some(mark) => {
            if reversed {
                *id < mark
            } else {
                *id > mark
            }
        }
        None => true,
    };
    let mut page: Vec<u64> = ids.filter(beyond).take(size + 1).collect();
    let has_more = page.len() > size;
    page.truncate(size);
    if before.is_some() {
        page.reverse();
    }
    let pieces: Vec<Bytes> = page.iter().filter_map(|id| render(*id)).collect();
    let link = |side: &str, id: Option<&u64>| {
        id.map(|id| {
            account.url(&format!("{path}.json?page%5B{side}%5D={}&page%5Bsize%5D={size}", escaped(*id)))
        })
    };
    let tail = json!({
        "meta": { "has_more": has_more, "after_cursor": page.last().map(|id| token(*id)), "before_cursor": page.first().map(|id| token(*id)) },
        "links": { "prev": link("before", page.first()), "next": link("after", page.last()) },
    });
    Ok(document(name, pieces, &tail))
}

fn by_offset_page(account: &Account, query: &Query<'_>, listing: Listing<'_>) -> Result<Answer, Answer> {
    let page = query.number::<u64>("page", listing.action)?.unwrap_or(1).max(1);
    // More than the maximum is cut, not refused.
    let per_page = query.number::<u64>("per_page", listing.action)?.unwrap_or(MOST).clamp(1, MOST);
    if page.saturating_mul(per_page) > DEEPEST {
        let title = "Pagination requests using Offset Pagination are limited to page 100 or up to 10000 records (page * per_page)";
        return Err(errors::pagination("InvalidPaginationDepth", title));
    }
    let Listing { name, path, ids, count, render, .. } = listing;
    let ids: Box<dyn Iterator<Item = u64>> =
        if query.get("sort_order") == Some("desc") { Box::new(ids.rev()) } else { Box::new(ids) };
    let (skip, take) = (index((page - 1) * per_page), index(per_page));
    let pieces = ids.skip(skip).take(take).filter_map(render).collect();
    let order = query.get("sort_order").map(|order| format!("&sort_order={order}")).unwrap_or_default();
    let link = |number: u64| account.url(&format!("{path}.json?page={number}&per_page={per_page}{order}"));
    let tail = json!({
        "next_page": (page * per_page < count).then(|| link(page + 1)),
        "previous_page": (page > 1).then(|| link(page - 1)),
        "count": count,
    });
    Ok(document(name, pieces, &tail))
}

/// An object with a list of that name and then what `tail` holds.
pub(super) fn document(name: &str, records: Vec<Bytes>, tail: &Value) -> Answer {
    let mut pieces = vec![Bytes::from(format!("{{\"{name}\":["))];
    for (index, record) in records.into_iter().enumerate() {
        if index > 0 {
            pieces.push(Bytes::from_static(b","));
        }
        pieces.push(record);
    }
    let tail = tail.to_string();
    pieces.push(Bytes::from(format!("],{}", tail.trim_start_matches('{'))));
    Answer::pieces(StatusCode::OK, pieces)
}

fn page_size(query: &Query<'_>, action: &str) -> Result<usize, Answer> {
    let text = query.get("page[size]").unwrap_or("100");
    let size: u64 =
        text.parse().map_err(|_| errors::invalid_attribute("page.size", "must be an integer", action))?;
    // That 100 is the most is documented; that more is refused is the strict reading.
    if !(1..=MOST).contains(&size) {
        return Err(errors::pagination("InvalidPaginationParameter", "page[size] must be between 1 and 100"));
    }
    Ok(index(size))
}

/// Whether the order is turned round. Sorting by anything that cursor pages do not know
/// is refused; the sort of offset pages is overlooked, as the vendor does.
fn descending(query: &Query<'_>, sorts: &[&str]) -> Result<bool, Answer> {
    let Some(sort) = query.get("sort") else {
        return Ok(false);
    };
    let name = sort.trim_start_matches('-');
    if !sorts.contains(&name) {
        return Err(errors::pagination("InvalidPaginationParameter", "sort is not valid"));
    }
    Ok(sort.starts_with('-'))
}

fn cursor(query: &Query<'_>, name: &str) -> Result<Option<u64>, Answer> {
    let Some(text) = query.get(name) else {
        return Ok(None);
    };
    let read = || {
        let document: Value = serde_json::from_slice(&STANDARD.decode(text).ok()?).ok()?;
        document.get("v")?.as_str()?.parse().ok()
    };
    read()
        .map(Some)
        .ok_or_else(|| errors::pagination("InvalidPaginationParameter", &format!("{name} is not valid")))
}

/// A cursor: opaque, and with characters that a URL cannot hold as they are.
fn token(id: u64) -> String {
    STANDARD.encode(format!("{{\"o\":\"id\",\"v\":\"{id}\"}}"))
}

fn escaped(id: u64) -> String {
    url::form_urlencoded::byte_serialize(token(id).as_bytes()).collect()
}

fn index(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
