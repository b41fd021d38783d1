//! One ticket's turn in a round: its request, and what the answer holds.

use super::Marks;
use crate::mark;
use serde::Deserialize;
use tidegate_sdk::{Envelope, Error, Page, RawValue, Request, Response, json::Item, time};

/// The most comments that Zendesk puts into a page.
pub(super) const MOST: usize = 100;

/// A ticket whose comments are being read.
pub(super) struct Thread {
    pub(super) ticket: String,
    /// Where its next page begins; none: at its first comment.
    pub(super) after: Option<String>,
}

/// How much of a ticket was read.
pub(super) enum Read {
    Whole,
    Until(String),
}

/// What an answer says beside the comments.
#[derive(Deserialize)]
struct Tail {
    meta: Meta,
}

#[derive(Deserialize)]
struct Meta {
    has_more: bool,
    after_cursor: Option<String>,
}

/// Comments never change, but for redaction, of which Zendesk gives no time: the
/// time of the comment stands for that of its last change.
#[derive(Deserialize)]
pub(crate) struct Comment<'a> {
    pub(crate) id: u64,
    #[serde(default, deserialize_with = "time::as_ms")]
    created_at: Option<u64>,
    #[serde(default, borrow)]
    metadata: Option<&'a RawValue>,
}

impl Comment<'_> {
    /// The comment as a record of its ticket.
    pub(crate) fn record(&self, ticket: &str, raw: &str) -> Envelope {
        let origin = self.metadata.and_then(|metadata| mark::in_metadata(metadata.get()));
        Envelope::new(self.id, raw).parent(ticket).updated_ms(self.created_at).origin(origin)
    }
}

impl Thread {
    /// The ticket of a due key, from where it was left; none where the key is no id.
    pub(super) fn of(key: &str, marks: &Marks) -> Option<Self> {
        let is_id = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_digit());
        is_id.then(|| Self { ticket: key.to_owned(), after: marks.after(key) })
    }

    pub(super) fn request(&self, size: usize) -> Request {
        let request =
            Request::get(format!("/api/v2/tickets/{}/comments.json", self.ticket)).query("page[size]", size);
        match &self.after {
            Some(after) => request.query("page[after]", after),
            None => request,
        }
    }

    /// Adds the comments of an answer to the page. A bad comment is rejected; a bad
    /// answer adds nothing.
    pub(super) fn read(&self, response: &Response, page: &mut Page) -> Result<Read, Error> {
        let before = (page.records.len(), page.rejects.len());
        let read = self.read_all(response, page);
        if read.is_err() {
            page.records.truncate(before.0);
            page.rejects.truncate(before.1);
        }
        read
    }

    fn read_all(&self, response: &Response, page: &mut Page) -> Result<Read, Error> {
        let mut index = 0;
        let tail: Tail = response.each("comments", |item: Item<'_, Comment<'_>>| {
            index += 1;
            match item.fields {
                Ok(comment) => page.push(comment.record(&self.ticket, item.raw)),
                Err(error) => page.reject(self.name_of(index), error, item.raw),
            }
        })?;
        match tail.meta {
            Meta { has_more: false, .. } => Ok(Read::Whole),
            Meta { after_cursor: Some(after), .. } if Some(&after) != self.after.as_ref() => {
                Ok(Read::Until(after))
            }
            Meta { .. } => Err(lost(response)),
        }
    }

    /// Finds a comment again that has no id.
    fn name_of(&self, index: usize) -> String {
        match &self.after {
            Some(after) => format!("comment {index} of ticket {} after {after}", self.ticket),
            None => format!("comment {index} of ticket {}", self.ticket),
        }
    }
}

fn lost(response: &Response) -> Error {
    Error::invalid_data(
        "zendesk.position",
        format!("{} says that there is more, but not where", response.place),
    )
}
