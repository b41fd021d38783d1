//! One page of a list, as people and programs see it.

use super::{client::Document, exit::Exit, session::Context, table::Table};
use crate::api::view::List;
use serde::de::DeserializeOwned;

/// What is said around a list.
pub(super) struct Words {
    /// There is nothing at all.
    pub(super) nothing: &'static str,
    /// Nothing in this page, and there are others; none: the heading alone says so.
    pub(super) nothing_here: Option<&'static str>,
    /// What the next page has.
    pub(super) next: &'static str,
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
