//! `record`: reads records, and changes them where the channel goes both ways.

pub(super) mod write;

use crate::{
    api::view::{List, Record},
    cli::{
        client::{Call, path},
        exit::Exit,
        help,
        pretty::pretty,
        progress::bar,
        session::{Context, Needs, Session},
        table::{Table, pairs},
        text::{excerpt, maybe_time, time},
    },
};
use clap::{Args, Subcommand, ValueEnum};
use futures_util::StreamExt;
use write::One;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List records, in the order of their keys
    #[command(after_help = help::RECORD_LIST)]
    List {
        #[command(flatten)]
        of: Of,
        /// How many at most, up to 1000
        #[arg(long, value_name = "COUNT", default_value_t = 20)]
        limit: u16,
        /// After this key
        #[arg(long, value_name = "KEY")]
        after: Option<String>,
        /// Only those that a full sync did not find any more
        #[arg(long)]
        vanished: bool,
    },
    /// Show a record whole
    #[command(after_help = help::RECORD_SHOW)]
    Show {
        #[command(flatten)]
        of: Of,
        /// The record's key: for an imported record the remote id
        key: String,
    },
    /// Print all records
    #[command(after_help = help::RECORD_EXPORT)]
    Export {
        #[command(flatten)]
        of: Of,
        /// The form
        #[arg(long)]
        format: Format,
        /// Tell of each record since when it is gone remotely, where a full sync marked it
        #[arg(long)]
        marks: bool,
    },
    /// Create a record here, or replace all of it
    #[command(after_help = help::RECORD_PUT)]
    Put {
        #[command(flatten)]
        one: One,
        /// The whole record: a JSON object, @FILE, or - for stdin
        json: String,
        /// The record that it belongs to, by its key here: the ticket of a comment
        #[arg(long, value_name = "KEY")]
        parent: Option<String>,
    },
    /// Change fields of a record here
    #[command(after_help = help::RECORD_PATCH)]
    Patch {
        #[command(flatten)]
        one: One,
        /// A merge patch (RFC 7396): a JSON object, @FILE, or - for stdin
        json: String,
    },
    /// Delete a record, here and remotely
    #[command(after_help = help::RECORD_DELETE)]
    Delete {
        #[command(flatten)]
        one: One,
    },
    /// Show who changed a record, when and where
    #[command(after_help = help::RECORD_HISTORY)]
    History {
        #[command(flatten)]
        one: One,
    },
    /// Say which remote record a new one is, instead of creating it
    #[command(after_help = help::RECORD_LINK)]
    Link {
        #[command(flatten)]
        one: One,
        /// The remote id
        remote_key: String,
    },
    /// Take the link of a record to its remote one away
    #[command(after_help = help::RECORD_UNLINK)]
    Unlink {
        #[command(flatten)]
        one: One,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Of {
    /// The channel
    name: String,
    /// The connector
    connector: String,
}

impl Of {
    fn path(&self, more: &[&str]) -> String {
        path(&[&["channels", &self.name, "records", &self.connector], more].concat())
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Format {
    /// A JSON document a line
    Jsonl,
    /// A table with the payload's fields as columns
    Csv,
}

impl Format {
    fn name(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
        }
    }
}

pub(crate) async fn run(ctx: &Context<'_>, command: Command) -> anyhow::Result<Exit> {
    let needs = match command {
        Command::List { .. } | Command::Show { .. } | Command::Export { .. } | Command::History { .. } => {
            Needs::Data
        }
        // What is written is held to the connector's schema.
        _ => Needs::Plugins,
    };
    let session = Session::open(ctx, needs).await?;
    match command {
        Command::List { of, limit, after, vanished } => {
            let call = Call::get(of.path(&[]))
                .with("limit", Some(&limit.to_string()))
                .with("after", after.as_deref())
                .with("vanished", vanished.then_some("true"));
            list(ctx, &session, call).await
        }
        Command::Show { of, key } => show(ctx, &session, Call::get(of.path(&[&key]))).await,
        Command::Export { of, format, marks } => {
            let call = Call::get(of.path(&[])).with("format", Some(format.name()));
            export(ctx, &session, call.with("marks", marks.then_some("true"))).await
        }
        Command::Put { one, json, parent } => {
            write::put(ctx, &session, &one, (&json, parent.as_deref())).await
        }
        Command::Patch { one, json } => write::patch(ctx, &session, &one, &json).await,
        Command::Delete { one } => write::delete(ctx, &session, &one).await,
        Command::History { one } => write::history(ctx, &session, &one).await,
        Command::Link { one, remote_key } => write::link(ctx, &session, &one, &remote_key).await,
        Command::Unlink { one } => write::unlink(ctx, &session, &one).await,
    }
}

async fn list(ctx: &Context<'_>, session: &Session, call: Call) -> anyhow::Result<Exit> {
    let document = session.ask(call).await?;
    if ctx.out.is_json() {
        ctx.out.document(&document)?;
        return Ok(Exit::Done);
    }
    let records: List<Record> = document.read()?;
    if records.items.is_empty() {
        ctx.out.note("no records; import some with: tidegate sync NAME --wait");
        return Ok(Exit::Done);
    }
    ctx.out.table(table(&records.items))?;
    if let Some(next) = records.next {
        ctx.out.note(format!("more: --after {next}"));
    }
    Ok(Exit::Done)
}

fn table(records: &[Record]) -> Table {
    /// Enough to recognise a record.
    const EXCERPT: usize = 70;
    let mut table = Table::new(["KEY", "UPDATED", "~PAYLOAD"]);
    for record in records {
        let gone = record.vanished.map(|since| format!("vanished: {}  ", time(since))).unwrap_or_default();
        table.row([
            record.key.to_string(),
            maybe_time(record.updated),
            gone + &excerpt(record.payload.get(), EXCERPT),
        ]);
    }
    table
}

async fn show(ctx: &Context<'_>, session: &Session, call: Call) -> anyhow::Result<Exit> {
    let document = session.ask(call).await?;
    if ctx.out.is_json() {
        ctx.out.document(&document)?;
        return Ok(Exit::Done);
    }
    let record: Record = document.read()?;
    let mut head = vec![("key", record.key.to_string())];
    head.extend(record.parent.as_ref().map(|parent| ("parent", parent.to_string())));
    head.extend([
        ("updated", maybe_time(record.updated)),
        ("imported", time(record.imported)),
        ("run", record.run.to_string()),
    ]);
    head.extend(record.vanished.map(|since| ("vanished", time(since))));
    head.extend(record.remote.as_ref().map(|remote| ("remote id", remote.to_string())));
    if let Some(change) = &record.outgoing {
        let words =
            format!("{} by {}: {}", write::kind(change.kind), change.author, super::outbox::state(change));
        head.push(("to be exported", words));
    }
    ctx.out.line(pairs(&head))?;
    let payload = pretty(record.payload.get());
    ctx.out
        .line(format!("\n{}", payload.lines().map(crate::cli::text::clean).collect::<Vec<_>>().join("\n")))?;
    Ok(Exit::Done)
}

async fn export(ctx: &Context<'_>, session: &Session, call: Call) -> anyhow::Result<Exit> {
    let answer = session.answer(call).await?;
    let records = answer.headers.get("tidegate-records").and_then(|count| count.to_str().ok()?.parse().ok());
    // On a terminal the records themselves show the progress.
    let progress = match records {
        Some(count) if !std::io::IsTerminal::is_terminal(&std::io::stdout()) => Some(bar(ctx.out, count)),
        _ => None,
    };
    let mut stream = answer.stream();
    while let Some(piece) = stream.next().await {
        let piece = piece?;
        ctx.out.raw(&piece)?;
        if let Some(progress) = &progress {
            // Lines are about records: a table has a heading, and texts may have breaks.
            let lines = piece.iter().filter(|byte| **byte == b'\n').count() as u64;
            let most = progress.length().unwrap_or(u64::MAX);
            progress.set_position((progress.position() + lines).min(most));
        }
    }
    ctx.out.flush()?;
    if let Some(progress) = progress {
        progress.finish_and_clear();
    }
    Ok(Exit::Done)
}
