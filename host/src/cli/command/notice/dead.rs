//! `notice dead`: what did not arrive and was given up.

use crate::{
    api::view::DeadNotice,
    cli::{
        client::{Call, path},
        exit::{Exit, Usage},
        help, listing, outcome,
        session::{Context, Needs, Session},
        table::Table,
        text::{count, none, time},
    },
    store::FeedKind,
};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List what was given up, each with its reason
    #[command(after_help = help::NOTICE_DEAD_LIST)]
    List {
        /// The notice
        name: String,
    },
    /// Tell it again
    #[command(after_help = help::NOTICE_DEAD_RETRY)]
    Retry {
        /// The notice
        name: String,
        #[command(flatten)]
        which: Which,
    },
    /// Forget it
    #[command(after_help = help::NOTICE_DEAD_DROP)]
    Drop {
        /// The notice
        name: String,
        #[command(flatten)]
        which: Which,
        /// Yes, forget it
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Which {
    /// Of this channel's records
    #[arg(long, value_name = "CHANNEL")]
    channel: Option<String>,
    /// Of this connector's records
    #[arg(long, value_name = "CONNECTOR")]
    connector: Option<String>,
    /// Of the record with this key; give it again for more
    #[arg(long, value_name = "KEY")]
    key: Vec<String>,
    /// All of it
    #[arg(long, conflicts_with_all = ["channel", "connector", "key"])]
    all: bool,
}

impl Which {
    fn body(&self) -> anyhow::Result<Value> {
        if !self.all && self.channel.is_none() && self.connector.is_none() && self.key.is_empty() {
            let words = "say which: --channel, --connector, --key, or --all";
            return Err(Usage(words.to_owned()).into());
        }
        Ok(json!({
            "all": self.all, "channel": self.channel, "connector": self.connector, "keys": self.key,
        }))
    }
}

pub(super) async fn run(ctx: &Context<'_>, command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::List { name } => list(ctx, &name).await,
        Command::Retry { name, which } => act(ctx, &name, "retry", &which).await,
        Command::Drop { yes: false, .. } => {
            let words = "nobody is told of it then: add --yes if that is meant";
            Err(Usage(words.to_owned()).into())
        }
        Command::Drop { name, which, yes: true } => act(ctx, &name, "drop", &which).await,
    }
}

async fn list(ctx: &Context<'_>, name: &str) -> anyhow::Result<Exit> {
    let session = Session::open(ctx, Needs::Data).await?;
    let all = session.all(path(&["notices", name, "dead"])).await?;
    listing::whole(ctx, &all, table, "nothing was given up")
}

fn table(dead: &[DeadNotice]) -> Table {
    let mut table = Table::new(["CHANNEL", "CONNECTOR", "KEY", "WHAT", ">TRIES", "DIED", "~REASON"]);
    for one in dead {
        table.row([
            one.channel.as_ref().map_or_else(none, ToString::to_string),
            one.connector.to_string(),
            one.key.to_string(),
            kind(one.kind).to_owned(),
            count(one.tries.into()),
            time(one.died),
            format!("{} ({})", one.reason.message, one.reason.code),
        ]);
    }
    table
}

fn kind(kind: FeedKind) -> &'static str {
    match kind {
        FeedKind::Added => "added",
        FeedKind::Updated => "updated",
        FeedKind::Deleted => "deleted",
    }
}

async fn act(ctx: &Context<'_>, name: &str, act: &str, which: &Which) -> anyhow::Result<Exit> {
    let call = Call::post(path(&["notices", name, "dead", act])).json(&which.body()?);
    let document = Session::once(ctx, Needs::Data, call).await?;
    outcome::counted(ctx, &document, if act == "retry" { "told again" } else { "dropped" })
}
