//! The lists of issues and of comments, in the order of their changes.
//!
//! Each page is asked for by the time of the last change that was read, inclusive, and
//! not by its number: whatever changes meanwhile moves to the end, and a numbered page
//! would skip what moved up into the page before. Only where a whole page changed in
//! one second are there further pages of that second; whether one moved up is looked up
//! by reading the page before it again.

mod position;

use self::position::{Deep, Position, Read};
use crate::{answer::problem, link, request, settings::Form};
use serde::de::DeserializeOwned;
use tidegate_sdk::{
    Class, Envelope, Error, Method, Page, PullRequest, RawValue, Request, Response, Transport, json, log,
};

/// The most items that GitHub puts into a page.
const MOST: u32 = 100;

/// The most bytes of a page: the host takes 16 MiB from a call.
const MOST_BYTES: usize = 12 << 20;

/// Page sizes to try, as parts of the one asked for, where items are very large.
const PARTS: [u32; 3] = [1, 10, 100];

/// One of the lists.
pub(crate) struct List {
    /// Below the repository.
    pub(crate) path: &'static str,
    pub(crate) filter: &'static [(&'static str, &'static str)],
}

/// An item of a list, as far as it matters here.
pub(crate) trait Entry: DeserializeOwned {
    /// What tells it apart from the others.
    fn id(&self) -> u64;
    /// When it was last changed, as GitHub writes it.
    fn updated_at(&self) -> &str;
    /// Its record; none for what is not imported.
    ///
    /// # Errors
    /// What is wrong with it.
    fn record(&self, raw: &str) -> Result<Option<Envelope>, Error>;
}

/// What a page's items leave behind.
#[derive(Default)]
struct Tail {
    id: u64,
    updated_at: Option<String>,
    count: usize,
}

/// Reads one page of items of the form `T`.
pub(crate) fn pull<T: Entry>(
    list: &List,
    transport: &dyn Transport,
    request: &PullRequest,
) -> Result<Page, Error> {
    let walk = Walk { list, transport, form: request.settings.read()?, limit: request.limit.clamp(1, MOST) };
    let position = match request.cursor::<Position>()? {
        Some(position) => position,
        None => Position { since: walk.form.start(), ..Position::default() },
    };
    let (response, size) = walk.ask(&position)?;
    match response.status {
        304 => return Ok(Page::new()),
        200..300 => {}
        _ => return Err(refused(&response)),
    }
    if let Some(deep) = &position.deep
        && !walk.is_still_before::<T>(&position, deep)?
    {
        return anew(position);
    }
    let mut page = Page::new();
    let tail = read::<T>(&response, &position, &mut page)?;
    let further = link::next(transport, &response)?;
    page.more = further.is_some();
    page.next(&position.after(Read {
        last: tail.id,
        updated_at: tail.updated_at,
        further,
        // A page with room in it changes whenever an item is added behind it.
        etag: response.header("etag").filter(|_| tail.count < size as usize).map(str::to_owned),
        path: position.deep.as_ref().map(|deep| deep.path.clone()),
        size,
    }))?;
    Ok(page)
}

/// Nothing of the page: its second is read from its first page again.
fn anew(position: Position) -> Result<Page, Error> {
    log::info("a page moved while it was read; its second is read again", &[]);
    let mut page = Page::new();
    page.more = true;
    page.next(&Position { since: position.since, ..Position::default() })?;
    Ok(page)
}

/// One step's way through a list.
struct Walk<'a> {
    list: &'a List,
    transport: &'a dyn Transport,
    form: Form,
    limit: u32,
}

impl Walk<'_> {
    /// Asks for the page of the position, for fewer items where the answer would be too
    /// large; with how many items it has at most.
    fn ask(&self, position: &Position) -> Result<(Response, u32), Error> {
        let mut sizes = PARTS.iter().map(|part| (self.limit / part).max(1)).peekable();
        loop {
            let size = sizes.next().unwrap_or(1);
            let mut request = self.request(position, size);
            if let Some(etag) = &position.etag {
                request = request.header("if-none-match", etag.as_str());
            }
            let answer = self.transport.send(request);
            let too_large = match &answer {
                Ok(response) => response.body.len() > MOST_BYTES,
                Err(error) => error.class == Class::Limit,
            };
            // A further page has its size in its link.
            if !too_large || position.deep.is_some() || sizes.peek().is_none() {
                let size = position.deep.as_ref().map_or(size, |deep| deep.size);
                return answer.map(|response| (response, size));
            }
            log::warn("a page is too large, asking for a smaller one", &[("per-page", &size)]);
        }
    }

    fn request(&self, position: &Position, size: u32) -> Request {
        match &position.deep {
            Some(deep) => request::to(Method::Get, deep.path.as_str()),
            None => self.first(position.since.as_deref(), size),
        }
    }

    /// The first page of what changed at that time or later.
    fn first(&self, since: Option<&str>, size: u32) -> Request {
        let mut request = request::within(&self.form, Method::Get, self.list.path);
        for (name, value) in self.list.filter {
            request = request.query(*name, value);
        }
        request = request.query("sort", "updated").query("direction", "asc").query("per_page", size);
        match since {
            Some(since) => request.query("since", since),
            None => request,
        }
    }

    /// Whether the page before still ends with the item that it ended with.
    fn is_still_before<T: Entry>(&self, position: &Position, deep: &Deep) -> Result<bool, Error> {
        let request = match &deep.before {
            Some(path) => request::to(Method::Get, path.as_str()),
            None => self.first(position.since.as_deref(), deep.size),
        };
        let response = self.transport.send(request)?;
        if !response.is_success() {
            return Err(refused(&response));
        }
        let items: Vec<&RawValue> = response.json()?;
        let last = items.last().and_then(|item| json::object::<T>(item).ok());
        Ok(last.is_some_and(|last| last.id() == deep.last))
    }
}

/// What an answer without items means.
fn refused(response: &Response) -> Error {
    let mut error = problem(response);
    if response.status == 404 {
        error.class = Class::Config;
        error = error.field("repository", "no such repository, or the token may not see it");
    }
    error
}

/// Turns items into records; a bad one into a reject.
fn read<T: Entry>(response: &Response, position: &Position, page: &mut Page) -> Result<Tail, Error> {
    let items: Vec<&RawValue> = response.json()?;
    let mut tail = Tail { count: items.len(), ..Tail::default() };
    for (index, item) in items.into_iter().enumerate() {
        let name = || format!("item {} of the page since {}", index + 1, position.name());
        match json::object::<T>(item) {
            Ok(entry) => {
                tail.id = entry.id();
                tail.updated_at = Some(entry.updated_at().to_owned());
                match entry.record(item.get()) {
                    Ok(record) => page.records.extend(record),
                    Err(error) => page.reject(entry.id().to_string(), error, item.get()),
                }
            }
            Err(error) => page.reject(name(), error, item.get()),
        }
    }
    Ok(tail)
}

#[cfg(test)]
mod tests;
