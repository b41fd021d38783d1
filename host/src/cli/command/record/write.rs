//! `record put`, `patch`, `delete`, `link`, `unlink` and `history`: what is changed here,
//! and what became of it.

use super::Of;
use crate::{
    api::view::{Link, List, Outgoing, Step, Written},
    cli::{
        client::{Call, Document},
        exit::{Exit, Usage},
        session::{Context, Session},
        table::Table,
        text::{clean, list, none, time},
    },
    model::Write,
};
use anyhow::Context as _;
use serde_json::{Value, json};
use std::{
    fs,
    io::{self, Read},
};

/// A record in a command.
#[derive(Debug, clap::Args)]
pub(crate) struct One {
    #[command(flatten)]
    of: Of,
    /// The record's key here
    key: String,
}

impl One {
    fn path(&self, more: &[&str]) -> String {
        self.of.path(&[&[self.key.as_str()], more].concat())
    }
}

pub(super) async fn put(
    ctx: &Context<'_>,
    session: &Session,
    one: &One,
    (payload, parent): (&str, Option<&str>),
) -> anyhow::Result<Exit> {
    let call = Call::put(one.path(&[])).with("parent", parent).json(&object(payload)?);
    write(ctx, session, one, call).await
}

pub(super) async fn patch(
    ctx: &Context<'_>,
    session: &Session,
    one: &One,
    patch: &str,
) -> anyhow::Result<Exit> {
    write(ctx, session, one, Call::patch(one.path(&[])).json(&object(patch)?)).await
}

pub(super) async fn delete(ctx: &Context<'_>, session: &Session, one: &One) -> anyhow::Result<Exit> {
    write(ctx, session, one, Call::delete(one.path(&[]))).await
}

async fn write(ctx: &Context<'_>, session: &Session, one: &One, call: Call) -> anyhow::Result<Exit> {
    let document = session.ask(call.by_this_user()).await?;
    told(ctx, session, &one.of.name, &document)
}

/// What came of a write, and what comes next.
pub(in crate::cli::command) fn told(
    ctx: &Context<'_>,
    session: &Session,
    channel: &str,
    document: &Document,
) -> anyhow::Result<Exit> {
    if ctx.out.is_json() {
        ctx.out.document(document)?;
        return Ok(Exit::Done);
    }
    let written: Written = document.read()?;
    ctx.out.line(done(&written))?;
    ctx.out.line(next(written.outgoing.as_ref(), channel, session.is_local()))?;
    Ok(Exit::Done)
}

fn done(written: &Written) -> String {
    let fields = written.fields.iter().map(|field| clean(field)).collect::<Vec<_>>();
    match written.kind {
        None => "unchanged: the record was just so already".to_owned(),
        Some(Write::Create) => "created here".to_owned(),
        Some(Write::Delete) => "deleted here".to_owned(),
        Some(Write::Update) if fields.is_empty() => "decided; the record stays as it is here".to_owned(),
        Some(Write::Update) => format!("changed here: {}", list(&fields)),
    }
}

/// What becomes of the change by itself, or what a person does about it.
fn next(outgoing: Option<&Outgoing>, channel: &str, is_local: bool) -> String {
    match outgoing {
        None => "nothing waits to be exported: the remote system has it so".to_owned(),
        Some(Outgoing { held: Some(id), .. }) => {
            format!("next: it is in conflict with a remote edit and waits: tidegate conflict show {id}")
        }
        Some(row) if row.refused => {
            format!("next: it was refused and waits: tidegate outbox retry {channel} CONNECTOR KEY")
        }
        Some(_) if is_local => format!("next: no host runs, so export it: tidegate sync {channel}"),
        Some(_) => format!(
            "next: the host exports it within seconds; what is left then shows: tidegate outbox list {channel}"
        ),
    }
}

pub(super) async fn link(
    ctx: &Context<'_>,
    session: &Session,
    one: &One,
    remote: &str,
) -> anyhow::Result<Exit> {
    let call = Call::put(one.path(&["link"])).json(&json!({ "remote": remote })).by_this_user();
    let document = session.ask(call).await?;
    if ctx.out.is_json() {
        ctx.out.document(&document)?;
        return Ok(Exit::Done);
    }
    let Link { key, remote } = document.read()?;
    ctx.out.line(format!("linked: '{}' is '{}' remotely", clean(key.as_str()), clean(remote.as_str())))?;
    ctx.out.line("next: it is not created there any more; what it has goes out as an update")?;
    Ok(Exit::Done)
}

pub(super) async fn unlink(ctx: &Context<'_>, session: &Session, one: &One) -> anyhow::Result<Exit> {
    let document = session.ask(Call::delete(one.path(&["link"])).by_this_user()).await?;
    if ctx.out.is_json() {
        ctx.out.document(&document)?;
        return Ok(Exit::Done);
    }
    let Link { key, remote } = document.read()?;
    let (key, remote) = (clean(key.as_str()), clean(remote.as_str()));
    ctx.out
        .line(format!("unlinked: '{key}' is not '{remote}' any more; a later import brings that one anew"))?;
    ctx.out.line(
        "next: the record waits here; `outbox retry` or an edit creates it anew remotely, `record link` links it to \
         another, `outbox drop` forgets it",
    )?;
    Ok(Exit::Done)
}

pub(super) async fn history(ctx: &Context<'_>, session: &Session, one: &One) -> anyhow::Result<Exit> {
    let document = session.ask(Call::get(one.path(&["history"]))).await?;
    if ctx.out.is_json() {
        ctx.out.document(&document)?;
        return Ok(Exit::Done);
    }
    let steps: List<Step> = document.read()?;
    if steps.items.is_empty() {
        ctx.out.note("nothing is kept of its changes: it came with an import and has stayed so");
        return Ok(Exit::Done);
    }
    ctx.out.table(table(&steps.items))?;
    Ok(Exit::Done)
}

fn table(steps: &[Step]) -> Table {
    let mut table = Table::new(["AT", "BY", "WHAT", "~FIELDS"]);
    for step in steps {
        let fields = if step.fields.is_empty() { none() } else { step.fields.join(", ") };
        table.row([time(step.at), step.author.to_string(), kind(step.kind).to_owned(), fields]);
    }
    table
}

/// As the API writes it.
pub(in crate::cli::command) fn kind(kind: Write) -> &'static str {
    match kind {
        Write::Create => "create",
        Write::Update => "update",
        Write::Delete => "delete",
    }
}

/// The JSON object in a text, in a file (`@FILE`) or on stdin (`-`).
fn object(text: &str) -> anyhow::Result<Value> {
    let text = match (text, text.strip_prefix('@')) {
        ("-", _) => {
            let mut all = String::new();
            io::stdin().read_to_string(&mut all).context("stdin cannot be read")?;
            all
        }
        (_, Some(file)) => fs::read_to_string(file).with_context(|| format!("'{file}' cannot be read"))?,
        (text, None) => text.to_owned(),
    };
    match serde_json::from_str::<Value>(&text) {
        Ok(value) if value.is_object() => Ok(value),
        Ok(_) => Err(Usage("a record is a JSON object, such as {\"subject\": \"Hello\"}".to_owned()).into()),
        Err(error) => Err(Usage(format!("this is no JSON: {error}")).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(more: Value) -> Outgoing {
        let mut row = json!({
            "key": "k", "kind": "update", "since": "2026-01-01T00:00:00Z", "changed": "2026-01-01T00:00:00Z",
            "author": "me", "tries": 0, "refused": false,
        });
        for (name, value) in more.as_object().expect("an object") {
            row[name] = value.clone();
        }
        serde_json::from_value(row).expect("a change")
    }

    #[test]
    fn it_is_said_what_happens_next() {
        let check = |outgoing: Option<Value>, is_local: bool, words: &str| {
            let row = outgoing.map(waiting);
            let told = next(row.as_ref(), "zen", is_local);
            assert!(told.contains(words), "{told}");
        };
        check(None, false, "nothing waits");
        check(Some(json!({})), false, "within seconds");
        check(Some(json!({})), true, "tidegate sync zen");
        check(Some(json!({"refused": true})), false, "tidegate outbox retry zen");
        let held = json!({"held": "01JZZZZZZZZZZZZZZZZZZZZZZZ"});
        check(Some(held), false, "tidegate conflict show 01JZZZZZZZZZZZZZZZZZZZZZZZ");
    }

    #[test]
    fn a_record_is_an_object() {
        assert_eq!(object("{\"a\": 1}").expect("an object"), json!({"a": 1}));
        for text in ["[1]", "1", "{", ""] {
            assert!(object(text).expect_err(text).is::<Usage>(), "{text}");
        }
        assert!(object("@/no/such/file").is_err());
    }
}
