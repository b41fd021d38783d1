//! What a command that removed or picked something says in the end.

use super::{
    client::{Call, Document, path},
    exit::Exit,
    session::{Context, Session},
    text::count,
};
use crate::api::view::Count;
use serde_json::json;

/// Deletes what stands at `list` under that name; `line` is for people.
pub(super) async fn delete(
    ctx: &Context<'_>,
    session: &Session,
    [list, name]: [&str; 2],
    line: String,
) -> anyhow::Result<Exit> {
    session.answer(Call::delete(path(&[list, name]))).await?;
    if ctx.out.is_json() {
        ctx.out.document(&json!({ "deleted": name }))?;
    } else {
        ctx.out.line(line)?;
    }
    Ok(Exit::Done)
}

/// How many something was done with; `done` says what.
pub(super) fn counted(ctx: &Context<'_>, document: &Document, done: &str) -> anyhow::Result<Exit> {
    if ctx.out.is_json() {
        ctx.out.document(document)?;
        return Ok(Exit::Done);
    }
    let Count { count: number } = document.read()?;
    ctx.out.line(format!("{done}: {}", count(number)))?;
    Ok(Exit::Done)
}
