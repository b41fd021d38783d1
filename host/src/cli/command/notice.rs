//! `notice`: tells an address of the operator's which records change.

mod dead;

use crate::{
    api::view::{List, MadeNotice, Notice, NoticeTest},
    cli::{
        client::{Call, path},
        exit::{Exit, Usage},
        help, outcome, report,
        session::{Context, Needs, Session},
        table::{Table, pairs},
        text::{count, list as texts, maybe_time, none, time},
        values::OneSecret,
    },
};
use clap::{Args, Subcommand};
use serde_json::json;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Tell an address which records change from now on
    #[command(after_help = help::NOTICE_CREATE)]
    Create(Box<Create>),
    /// List the notices
    #[command(after_help = help::NOTICE_LIST)]
    List,
    /// Show one, and how it goes
    #[command(after_help = help::NOTICE_SHOW)]
    Show {
        /// Its name
        name: String,
    },
    /// Hold one back
    #[command(after_help = help::NOTICE_PAUSE)]
    Pause {
        /// Its name
        name: String,
    },
    /// Let one go on
    #[command(after_help = help::NOTICE_RESUME)]
    Resume {
        /// Its name
        name: String,
    },
    /// Delete one, and all that it has still to tell
    #[command(after_help = help::NOTICE_DELETE)]
    Delete {
        /// Its name
        name: String,
        /// Yes, delete it
        #[arg(long)]
        yes: bool,
    },
    /// Send a message to the address of one, to see whether it arrives
    #[command(after_help = help::NOTICE_TEST)]
    Test {
        /// Its name
        name: String,
    },
    /// Look at what did not arrive and was given up
    #[command(after_help = help::NOTICE_DEAD)]
    Dead {
        #[command(subcommand)]
        command: dead::Command,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// What to call it: a-z, 0-9 and '-'
    name: String,
    /// Where messages are posted
    #[arg(long, value_name = "URL")]
    to: String,
    /// Of this channel's records only
    #[arg(long, value_name = "CHANNEL")]
    channel: Option<String>,
    /// Of this connector's records only; give it again for more
    #[arg(long, value_name = "CONNECTOR")]
    connector: Vec<String>,
    /// Put the record's content into the message
    #[arg(long)]
    with_payload: bool,
    #[command(flatten)]
    secret: OneSecret,
}

pub(crate) async fn run(ctx: &Context<'_>, command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::Create(new) => create(ctx, *new).await,
        Command::List => list(ctx).await,
        Command::Show { name } => one(ctx, Call::get(path(&["notices", &name]))).await,
        Command::Pause { name } => one(ctx, Call::post(path(&["notices", &name, "pause"]))).await,
        Command::Resume { name } => one(ctx, Call::post(path(&["notices", &name, "resume"]))).await,
        Command::Delete { name, yes } => delete(ctx, &name, yes).await,
        Command::Test { name } => test(ctx, &name).await,
        Command::Dead { command } => dead::run(ctx, command).await,
    }
}

async fn create(ctx: &Context<'_>, new: Create) -> anyhow::Result<Exit> {
    let body = json!({
        "name": new.name,
        "url": new.to,
        "channel": new.channel,
        "connectors": new.connector,
        "with-payload": new.with_payload,
        "secret": new.secret.read()?,
    });
    let document = Session::once(ctx, Needs::Data, Call::post(path(&["notices"])).json(&body)).await?;
    if ctx.out.is_json() {
        ctx.out.document(&document)?;
        return Ok(Exit::Done);
    }
    let made: MadeNotice = document.read()?;
    ctx.out.line(format!("notice '{}' is created", made.notice.name))?;
    if let Some(secret) = made.secret {
        ctx.out.line(format!("secret: {secret}  (shown this once)"))?;
    }
    ctx.out.note(format!("next: tidegate notice test {}", made.notice.name));
    Ok(Exit::Done)
}

async fn list(ctx: &Context<'_>) -> anyhow::Result<Exit> {
    let document = Session::once(ctx, Needs::Data, Call::get(path(&["notices"]))).await?;
    if ctx.out.is_json() {
        ctx.out.document(&document)?;
        return Ok(Exit::Done);
    }
    let notices: List<Notice> = document.read()?;
    if notices.items.is_empty() {
        ctx.out.note("no notices; make one with: tidegate notice create NAME --to URL");
        return Ok(Exit::Done);
    }
    let mut table = Table::new(["NOTICE", "CHANNEL", "STATE", ">WAITING", ">DEAD", "LAST SENT", "~URL"]);
    for notice in notices.items {
        table.row([
            notice.name.to_string(),
            of(&notice),
            state(&notice).to_owned(),
            count(notice.waiting),
            count(notice.dead),
            maybe_time(notice.last_sent),
            notice.url,
        ]);
    }
    ctx.out.table(table)?;
    Ok(Exit::Done)
}

/// Of which channel it tells.
fn of(notice: &Notice) -> String {
    match (&notice.channel, notice.channel_id) {
        (Some(channel), _) => channel.clone(),
        (None, Some(_)) => "(deleted)".to_owned(),
        (None, None) => "all".to_owned(),
    }
}

fn state(notice: &Notice) -> &'static str {
    match (notice.paused, notice.resting_until) {
        (true, _) => "paused",
        (false, Some(_)) => "resting",
        (false, None) => "active",
    }
}

async fn one(ctx: &Context<'_>, call: Call) -> anyhow::Result<Exit> {
    let document = Session::once(ctx, Needs::Data, call).await?;
    if ctx.out.is_json() {
        ctx.out.document(&document)?;
    } else {
        ctx.out.line(shown(&document.read()?))?;
    }
    Ok(Exit::Done)
}

/// Everything about one.
fn shown(notice: &Notice) -> String {
    let failure = notice.last_failure.as_ref();
    let failure = failure
        .map(|failure| format!("{}  {} ({})", time(failure.at), failure.error.message, failure.error.code));
    pairs(&[
        ("notice", notice.name.to_string()),
        ("url", notice.url.clone()),
        ("channel", of(notice)),
        (
            "connectors",
            if notice.connectors.is_empty() { "all".to_owned() } else { texts(&notice.connectors) },
        ),
        ("with payload", if notice.with_payload { "yes" } else { "no" }.to_owned()),
        ("state", state(notice).to_owned()),
        ("created", time(notice.created)),
        ("waiting", count(notice.waiting)),
        ("dead", count(notice.dead)),
        ("sent", count(notice.sent)),
        ("last sent", maybe_time(notice.last_sent)),
        ("resting until", maybe_time(notice.resting_until)),
        ("last failure", failure.unwrap_or_else(none)),
    ])
}

async fn delete(ctx: &Context<'_>, name: &str, yes: bool) -> anyhow::Result<Exit> {
    if !yes {
        let words = "what it has still to tell goes with it: add --yes if that is meant";
        return Err(Usage(words.to_owned()).into());
    }
    let session = Session::open(ctx, Needs::Data).await?;
    outcome::delete(ctx, &session, ["notices", name], format!("notice '{name}' is deleted")).await
}

async fn test(ctx: &Context<'_>, name: &str) -> anyhow::Result<Exit> {
    let document = Session::once(ctx, Needs::Data, Call::post(path(&["notices", name, "test"]))).await?;
    let tested: NoticeTest = document.read()?;
    if ctx.out.is_json() {
        ctx.out.document(&document)?;
    } else {
        match &tested.error {
            None => ctx.out.line("the message arrived")?,
            Some(problem) => ctx.out.line(format!("it did not arrive: {}", report::sentence(problem)))?,
        }
    }
    Ok(if tested.arrived { Exit::Done } else { Exit::Failed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_shown_with_how_it_goes() {
        let notice: Notice = serde_json::from_value(json!({
            "id": "01JZZZZZZZZZZZZZZZZZZZZZZZ", "name": "crm", "url": "https://crm.example.com/in",
            "channel": "acme", "channel-id": "01JZZZZZZZZZZZZZZZZZZZZZZY", "connectors": ["ticket"],
            "with-payload": true, "paused": false, "created": "2026-01-01T00:00:00Z",
            "waiting": 1234, "dead": 1, "sent": 7, "resting-until": "2026-01-01T00:00:09Z",
            "last-failure": {"at": "2026-01-01T00:00:05Z",
                "error": {"class": "transient", "code": "http.status.503", "message": "it is down"}},
        }))
        .expect("a notice");
        insta::assert_snapshot!(shown(&notice), @r"
        notice         crm
        url            https://crm.example.com/in
        channel        acme
        connectors     ticket
        with payload   yes
        state          resting
        created        2026-01-01 00:00:00Z
        waiting        1,234
        dead           1
        sent           7
        last sent      -
        resting until  2026-01-01 00:00:09Z
        last failure   2026-01-01 00:00:05Z  it is down (http.status.503)
        ");
    }
}
