//! A list, or one page of it, as people and programs see it.

use super::{client::Document, exit::Exit, session::Context, table::Table};
use crate::api::view::List;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

/// What is said around a list.
pub(super) struct Words {
    /// There is nothing at all.
    pub(super) nothing: &'static str,
    /// Nothing in this page, and there are others; none: the heading alone says so.
    pub(super) nothing_here: Option<&'static str>,
    /// What the next page has.
    pub(super) next: &'static str,
}

/// Shows a whole list: the items as they came, or a table; `nothing` where there are none.
pub(super) fn whole<T: DeserializeOwned>(
    ctx: &Context<'_>,
    list: &List<Box<RawValue>>,
    table: impl FnOnce(&[T]) -> Table,
    nothing: &str,
) -> anyhow::Result<Exit> {
    if ctx.out.is_json() {
        ctx.out.document(list)?;
        return Ok(Exit::Done);
    }
    let items = list.items.iter().map(|item| serde_json::from_str(item.get()));
    let items: Vec<T> = items.collect::<Result<_, _>>()?;
    match items.is_empty() {
        true => ctx.out.note(nothing),
        false => ctx.out.table(table(&items))?,
    }
    Ok(Exit::Done)
}

/// Shows a page: the document as it came, or a table and how it goes on.
pub(super) fn show<T: DeserializeOwned>(
    ctx: &Context<'_>,
    document: &Document,
    table: impl FnOnce(&[T]) -> Table,
    words: &Words,
) -> anyhow::Result<Exit> {
    if ctx.out.is_json() {
        ctx.out.document(document)?;
        return Ok(Exit::Done);
    }
    let list: List<T> = document.read()?;
    match (list.items.is_empty(), &list.next, words.nothing_here) {
        (true, None, _) => ctx.out.note(words.nothing),
        (true, Some(_), Some(nothing)) => ctx.out.note(nothing),
        _ => ctx.out.table(table(&list.items))?,
    }
    if let Some(next) = list.next {
        ctx.out.note(format!("{}: --after {next}", words.next));
    }
    Ok(Exit::Done)
}
