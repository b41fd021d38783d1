//! `run logs`: what the plugin and the host said in a run.

use crate::{
    api::view::{List, Log, LogLine},
    cli::{
        client::{Call, Unreachable, path},
        exit::Exit,
        session::{Context, Session},
        text::clean,
    },
};
use clap::Args;
use serde_json::Value;

#[derive(Debug, Args)]
pub(crate) struct Logs {
    /// The run
    id: String,
    /// Go on until the run is over
    #[arg(short, long)]
    follow: bool,
    /// Only lines that matter as much as this, or more
    #[arg(long, value_name = "LEVEL", value_parser = ["error", "warn", "info", "debug", "trace"])]
    level: Option<String>,
}

/// How long a host may keep the answer back while there is nothing new.
const WAIT: &str = "20s";

pub(super) async fn run(ctx: &Context<'_>, session: &Session, logs: Logs) -> anyhow::Result<Exit> {
    if logs.follow && session.is_local() {
        ctx.out.note("no host runs here, so that nothing will follow");
    }
    let follow = logs.follow && !session.is_local();
    let at_once = !ctx.out.is_json() || logs.follow;
    let (mut lines, mut after, mut count) = (Vec::new(), None, 0);
    loop {
        let part = part(session, &logs, after, follow).await?;
        let is_end = part.done || (!follow && part.items.is_empty());
        count += part.items.len();
        after = part.next.or(after);
        if at_once {
            part.items.iter().try_for_each(|line| show(ctx, line))?;
        } else {
            lines.extend(part.items);
        }
        if is_end {
            break;
        }
    }
    if !at_once {
        ctx.out.document(&List::whole(lines))?;
    } else if count == 0 {
        ctx.out.note("the run has said nothing");
    }
    Ok(Exit::Done)
}

async fn part(session: &Session, logs: &Logs, after: Option<u64>, follow: bool) -> anyhow::Result<Log> {
    let call = Call::get(path(&["runs", &logs.id, "logs"]))
        .with("after", after.map(|line| line.to_string()).as_deref())
        .with("limit", Some("1000"))
        .with("level", logs.level.as_deref())
        .with("wait", follow.then_some(WAIT));
    match session.ask(call).await {
        Ok(document) => document.read(),
        Err(error) if follow && error.is::<Unreachable>() => {
            Err(error.context("the host ended; what the run said so far is kept"))
        }
        Err(error) => Err(error),
    }
}

fn show(ctx: &Context<'_>, line: &LogLine) -> anyhow::Result<()> {
    if ctx.out.is_json() {
        ctx.out.document(line)?;
    } else {
        ctx.out.line(text(line))?;
    }
    Ok(())
}

fn text(line: &LogLine) -> String {
    let at = line.at.to_string().replace('T', " ");
    let mut text =
        format!("{at}  {:<5}  {:<5}  {}", line.level.as_str(), line.source.as_str(), clean(&line.message));
    for (name, value) in &line.fields {
        text.push_str(&format!("  {}={}", clean(name), clean(&field(value))));
    }
    text
}

/// A text with gaps stands in quotes, so that its end can be seen.
fn field(value: &Value) -> String {
    match value {
        Value::String(text) if !text.is_empty() && !text.contains([' ', '"', '\n']) => text.clone(),
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{LineLevel, LineSource, Timestamp};
    use serde_json::{Map, json};

    #[test]
    fn a_line_is_one_line_whatever_a_plugin_says() {
        let line = |level, source, message: &str, fields: Value| LogLine {
            line: 0,
            at: Timestamp::from_millis(1_767_225_600_123),
            level,
            source,
            message: message.into(),
            fields: fields.as_object().cloned().unwrap_or_else(Map::new),
        };
        let lines = [
            line(
                LineLevel::Info,
                LineSource::Host,
                "run started",
                json!({"full": false, "trigger": "Request"}),
            ),
            line(LineLevel::Warn, LineSource::Guest, "a page is too large", json!({"per-page": "500"})),
            line(
                LineLevel::Error,
                LineSource::Guest,
                "odd\u{1b}[2J",
                json!({"said": "two words", "none": "", "n": 3}),
            ),
        ];
        insta::assert_snapshot!(lines.iter().map(text).collect::<Vec<_>>().join("\n"), @r#"
        2026-01-01 00:00:00.123Z  info   host   run started  full=false  trigger=Request
        2026-01-01 00:00:00.123Z  warn   guest  a page is too large  per-page=500
        2026-01-01 00:00:00.123Z  error  guest  odd�[2J  said="two words"  none=""  n=3
        "#);
    }
}
