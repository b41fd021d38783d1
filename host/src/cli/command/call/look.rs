//! Looking at calls, taking one back, and having one done again.

use super::trouble;
use crate::{
    api::view::Call,
    cli::{
        client::{Call as Ask, Document, path},
        exit::Exit,
        listing,
        pretty::pretty,
        session::{Context, Needs, Session},
        table::{Table, pairs},
        text::{bytes, count, duration, maybe_time, none, time},
    },
    model::{CallMode, Status},
};
use clap::Args;

#[derive(Debug, Args)]
pub(super) struct List {
    /// Of this channel only
    #[arg(long, value_name = "NAME")]
    channel: Option<String>,
    /// That stand so only, with commas between several
    #[arg(long, value_name = "STATUS")]
    status: Option<String>,
    /// How many at most, up to 1000
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    limit: u16,
    /// Older than this call
    #[arg(long, value_name = "ID")]
    after: Option<String>,
}

pub(super) async fn list(ctx: &Context<'_>, list: List) -> anyhow::Result<Exit> {
    let session = Session::open(ctx, Needs::Data).await?;
    let ask = Ask::get(path(&["calls"]))
        .with("channel", list.channel.as_deref())
        .with("status", list.status.as_deref())
        .with("limit", Some(&list.limit.to_string()))
        .with("after", list.after.as_deref());
    let document = session.ask(ask).await?;
    let words = listing::Words {
        nothing: "no such calls; make one with: tidegate call NAME OPERATION JSON",
        nothing_here: Some("none among the newest calls"),
        next: "older ones",
    };
    listing::show(ctx, &document, table, &words)
}

fn table(calls: &[Call]) -> Table {
    let mut table = Table::new(["CALL", "CHANNEL", "OPERATION", "STATUS", "REQUESTED", ">TRIES", ">TOOK"]);
    for call in calls {
        table.row([
            call.id.to_string(),
            call.channel.to_string(),
            call.operation.to_string(),
            status(call),
            time(call.requested),
            count(call.tries.into()),
            took(call),
        ]);
    }
    table
}

fn status(call: &Call) -> String {
    let unknown = if call.outcome_unknown { ", outcome unknown" } else { "" };
    format!("{}{unknown}", call.status)
}

fn took(call: &Call) -> String {
    let took = call.started.zip(call.ended).map(|(started, ended)| duration(ended.millis_since(started)));
    took.unwrap_or_else(none)
}

pub(super) async fn show(ctx: &Context<'_>, id: &str) -> anyhow::Result<Exit> {
    let session = Session::open(ctx, Needs::Data).await?;
    let document = session.ask(Ask::get(path(&["calls", id]))).await?;
    if ctx.out.is_json() {
        ctx.out.document(&document)?;
    } else {
        ctx.out.line(describe(&document.read()?))?;
    }
    Ok(Exit::Done)
}

fn describe(call: &Call) -> String {
    let mode = match call.mode {
        CallMode::Now => "waited for",
        CallMode::Queued => "queued",
    };
    let mut facts = vec![
        ("call", call.id.to_string()),
        ("channel", call.channel.to_string()),
        ("operation", call.operation.to_string()),
        ("idempotency key", call.idempotency_key.to_string()),
        ("mode", mode.to_owned()),
        ("status", status(call)),
        ("requested", time(call.requested)),
        ("started", maybe_time(call.started)),
        ("ended", maybe_time(call.ended)),
        ("took", took(call)),
        ("time-out of a try", call.timeout.to_string()),
        ("tries that failed", count(call.tries.into())),
        (
            "requests",
            format!(
                "{} ({} sent, with retries and redirects)",
                count(call.usage.requests),
                count(call.usage.sent)
            ),
        ),
        ("bytes received", bytes(call.usage.response_bytes)),
    ];
    if let Some(deferred) = call.deferred {
        facts.insert(
            6,
            ("put off until", format!("{}; since {}", time(deferred.until), time(deferred.since))),
        );
    }
    if let Some(expires) = call.expires.filter(|_| call.ended.is_none()) {
        facts.insert(6, ("given up at", time(expires)));
    }
    let mut text = pairs(&facts);
    for (name, document) in [("input", &call.input), ("output", &call.output)] {
        if let Some(document) = document {
            text.push_str(&format!("\n\n{name}:\n{}", super::clean_lines(&pretty(document.get()))));
        }
    }
    if let Some(trouble) = trouble(call, false) {
        text.push_str(&format!("\n\n{trouble}"));
    }
    text
}

pub(super) async fn cancel(ctx: &Context<'_>, id: &str) -> anyhow::Result<Exit> {
    let session = Session::open(ctx, Needs::Data).await?;
    let document = session.ask(Ask::post(path(&["calls", id, "cancel"]))).await?;
    changed(ctx, &document, |call| match (call.status, call.outcome_unknown) {
        (Status::Cancelled, false) => format!("call {} is cancelled; nothing was done", call.id),
        (Status::Cancelled, true) => {
            format!("call {} is cancelled; it may have been done all the same", call.id)
        }
        _ => format!("call {} ends; look at it with: tidegate call show {}", call.id, call.id),
    })
}

pub(super) async fn retry(ctx: &Context<'_>, id: &str) -> anyhow::Result<Exit> {
    let session = Session::open(ctx, Needs::Data).await?;
    let document = session.ask(Ask::post(path(&["calls", id, "retry"]))).await?;
    let is_local = session.is_local();
    changed(ctx, &document, |call| match is_local {
        true => format!("{}\nno host runs: the call waits until one is started (tidegate serve)", call.id),
        false => format!("{}\nqueued; follow it with: tidegate call show {}", call.id, call.id),
    })
}

/// The first line is the answer, the rest is for people.
fn changed(ctx: &Context<'_>, document: &Document, words: impl Fn(&Call) -> String) -> anyhow::Result<Exit> {
    if ctx.out.is_json() {
        ctx.out.document(document)?;
        return Ok(Exit::Done);
    }
    let words = words(&document.read()?);
    let mut lines = words.lines();
    if let Some(first) = lines.next() {
        ctx.out.line(first)?;
    }
    lines.for_each(|line| ctx.out.note(line));
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::text::samples;

    #[test]
    fn calls_are_a_line_each() {
        let mut lost = samples::call("send-message", Status::Failed);
        lost.outcome_unknown = true;
        let calls = [samples::call("message-status", Status::Completed), lost];
        insta::assert_snapshot!(table(&calls).render(Some(140)), @"
        CALL                        CHANNEL  OPERATION       STATUS                   REQUESTED             TRIES   TOOK
        01040G2081040G2081040G2081  chat     message-status  completed                2026-01-01 00:00:00Z      0  4.2 s
        01040G2081040G2081040G2081  chat     send-message    failed, outcome unknown  2026-01-01 00:00:00Z      0  4.2 s
        ");
    }

    #[test]
    fn a_call_is_told_whole() {
        insta::assert_snapshot!(describe(&samples::call("send-message", Status::Completed)), @r#"
        call               01040G2081040G2081040G2081
        channel            chat
        operation          send-message
        idempotency key    order-42
        mode               waited for
        status             completed
        requested          2026-01-01 00:00:00Z
        started            2026-01-01 00:00:00Z
        ended              2026-01-01 00:00:04Z
        took               4.2 s
        time-out of a try  1m
        tries that failed  0
        requests           1 (1 sent, with retries and redirects)
        bytes received     0 B

        input:
        {
          "text": "hello"
        }

        output:
        {
          "id": 7
        }
        "#);
    }
}
