//! `outbox`: the changes made here that wait to be exported.

use super::record::write::kind;
use crate::{
    api::view::{AskedAgain, GivenUp, List, Outgoing, OutgoingDetail, OutgoingSelection},
    cli::{
        client::{Call, path},
        exit::{Exit, Usage},
        help,
        session::{Context, Needs, Session},
        table::{Table, pairs},
        text::{clean, count, excerpt, maybe_time, none, time},
    },
    model::{Name, RecordKey},
};
use clap::{Args, Subcommand};
use serde_json::Value;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the changes that wait, by connector and key
    #[command(after_help = help::OUTBOX_LIST)]
    List {
        /// The channel
        name: String,
        /// Of this connector only
        #[arg(long, value_name = "CONNECTOR")]
        connector: Option<Name>,
        /// Only those that the remote system refused
        #[arg(long)]
        refused: bool,
        /// How many at most, up to 1000
        #[arg(long, value_name = "COUNT", default_value_t = 20)]
        limit: u16,
        /// Where an earlier list ended
        #[arg(long, value_name = "TOKEN")]
        after: Option<String>,
    },
    /// Show what would be sent, field by field
    #[command(after_help = help::OUTBOX_SHOW)]
    Show {
        /// The channel
        name: String,
        /// The connector
        connector: Name,
        /// The record's key here
        key: String,
    },
    /// Try changes again, whatever kept them
    #[command(after_help = help::OUTBOX_RETRY)]
    Retry(Which),
    /// Give changes up: the records are again what the remote system has
    #[command(after_help = help::OUTBOX_DROP)]
    Drop {
        #[command(flatten)]
        which: Which,
        /// Yes, give them up
        #[arg(long)]
        yes: bool,
    },
}

/// One change, or all.
#[derive(Debug, Args)]
pub(crate) struct Which {
    /// The channel
    name: String,
    /// Of this connector
    connector: Option<Name>,
    /// The change of this record
    key: Option<RecordKey>,
    /// All of them, of the channel or the connector
    #[arg(long, conflicts_with = "key")]
    all: bool,
}

impl Which {
    fn call(self, what: &str) -> anyhow::Result<Call> {
        let Self { name, connector, key, all } = self;
        if key.is_none() && !all {
            let message = "name a record (CONNECTOR KEY); --all if you mean all of them";
            return Err(Usage(message.to_owned()).into());
        }
        let body = serde_json::to_value(OutgoingSelection { connector, key, all })?;
        Ok(Call::post(path(&["channels", &name, "outbox", what])).json(&body).by_this_user())
    }
}

pub(crate) async fn run(ctx: &Context<'_>, command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::List { name, connector, refused, limit, after } => {
            let call = Call::get(path(&["channels", &name, "outbox"]))
                .with("connector", connector.as_ref().map(Name::as_str))
                .with("refused", refused.then_some("true"))
                .with("limit", Some(&limit.to_string()))
                .with("after", after.as_deref());
            list(ctx, call).await
        }
        Command::Show { name, connector, key } => {
            show(ctx, Call::get(path(&["channels", &name, "outbox", connector.as_str(), &key]))).await
        }
        Command::Retry(which) => retry(ctx, which).await,
        Command::Drop { which, yes } => drop(ctx, which, yes).await,
    }
}

async fn list(ctx: &Context<'_>, call: Call) -> anyhow::Result<Exit> {
    let session = Session::open(ctx, Needs::Plugins).await?;
    let document = session.ask(call).await?;
    if ctx.out.is_json() {
        ctx.out.document(&document)?;
        return Ok(Exit::Done);
    }
    let changes: List<Outgoing> = document.read()?;
    match changes.items.is_empty() {
        true if changes.next.is_none() => ctx.out.note("nothing waits to be exported that fits"),
        _ => ctx.out.table(table(&changes.items))?,
    }
    if let Some(next) = changes.next {
        ctx.out.note(format!("more: --after {next}"));
    }
    Ok(Exit::Done)
}

fn table(changes: &[Outgoing]) -> Table {
    /// Enough to recognise a cause.
    const EXCERPT: usize = 60;
    let mut table = Table::new(["CONNECTOR", "KEY", "CHANGE", "SINCE", "BY", "STATE", "~CAUSE"]);
    for change in changes {
        table.row([
            change.connector.as_ref().map_or_else(none, ToString::to_string),
            change.key.to_string(),
            kind(change.kind).to_owned(),
            time(change.since),
            change.author.clone(),
            state(change),
            change.failure.as_ref().map_or_else(none, |failure| excerpt(&failure.message, EXCERPT)),
        ]);
    }
    table
}

/// What a change waits for.
pub(super) fn state(change: &Outgoing) -> String {
    match change {
        Outgoing { held: Some(_), .. } => "held".to_owned(),
        Outgoing { refused: true, .. } => "refused".to_owned(),
        Outgoing { sent: Some(_), .. } => "sent".to_owned(),
        Outgoing { due: Some(due), .. } => format!("put off until {}", time(*due)),
        _ => "waits".to_owned(),
    }
}

async fn show(ctx: &Context<'_>, call: Call) -> anyhow::Result<Exit> {
    let session = Session::open(ctx, Needs::Plugins).await?;
    let document = session.ask(call).await?;
    if ctx.out.is_json() {
        ctx.out.document(&document)?;
        return Ok(Exit::Done);
    }
    let detail: OutgoingDetail = document.read()?;
    let change = &detail.change;
    let mut lines = vec![
        ("key", change.key.to_string()),
        ("change", kind(change.kind).to_owned()),
        ("state", state(change)),
        ("by", change.author.clone()),
        ("since", time(change.since)),
        ("changed", time(change.changed)),
        ("tries", count(change.tries.into())),
        ("due", maybe_time(change.due)),
    ];
    lines.extend(detail.remote.as_ref().map(|remote| ("remote id", remote.to_string())));
    lines.extend(change.held.map(|id| ("conflict", id.to_string())));
    if let Some(failure) = &change.failure {
        lines.push(("cause", format!("{} ({}, {})", failure.message, failure.class, failure.code)));
    }
    ctx.out.line(pairs(&lines))?;
    for field in change.failure.iter().flat_map(|failure| &failure.fields) {
        ctx.out.line(format!("  {}  {}", clean(&field.field), clean(&field.message)))?;
    }
    if !detail.fields.is_empty() {
        let mut table = Table::new(["FIELD", "~BASE", "~LOCAL"]);
        for field in &detail.fields {
            table.row([field.field.clone(), value(field.base.as_ref()), value(field.local.as_ref())]);
        }
        ctx.out.line("")?;
        ctx.out.table(table)?;
    }
    Ok(Exit::Done)
}

/// A value in a table; one that is absent is another thing than null.
pub(super) fn value(value: Option<&Value>) -> String {
    /// Enough to recognise a value.
    const EXCERPT: usize = 60;
    value.map_or_else(|| "(absent)".to_owned(), |value| excerpt(&value.to_string(), EXCERPT))
}

async fn retry(ctx: &Context<'_>, which: Which) -> anyhow::Result<Exit> {
    let name = which.name.clone();
    let session = Session::open(ctx, Needs::Plugins).await?;
    let document = session.ask(which.call("retry")?).await?;
    if ctx.out.is_json() {
        ctx.out.document(&document)?;
        return Ok(Exit::Done);
    }
    let AskedAgain { asked } = document.read()?;
    ctx.out.line(format!("asked for again: {}", count(asked)))?;
    if asked > 0 {
        ctx.out.line(match session.is_local() {
            true => format!("next: no host runs, so export them: tidegate sync {name}"),
            false => "next: the host exports them within seconds".to_owned(),
        })?;
    }
    Ok(Exit::Done)
}

async fn drop(ctx: &Context<'_>, which: Which, yes: bool) -> anyhow::Result<Exit> {
    let call = which.call("drop")?;
    if !yes {
        let message = "this gives up what was changed here; add --yes if that is what you want";
        return Err(Usage(message.to_owned()).into());
    }
    let session = Session::open(ctx, Needs::Plugins).await?;
    let document = session.ask(call).await?;
    if ctx.out.is_json() {
        ctx.out.document(&document)?;
        return Ok(Exit::Done);
    }
    let GivenUp { dropped, in_flight } = document.read()?;
    ctx.out.line(format!("given up: {}", count(dropped)))?;
    if in_flight > 0 {
        ctx.out.line(format!(
            "not given up, because they were sent and are not answered yet: {}",
            count(in_flight)
        ))?;
    }
    Ok(Exit::Done)
}
