//! `route failed`: the records that a route set aside.

use crate::{
    api::view::FailedRoute,
    cli::{
        client::{Call, path},
        exit::{Exit, Usage},
        help, listing, outcome,
        session::{Context, Needs, Session},
        table::Table,
        text::{count, none, time},
    },
};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List them, each with its reason
    #[command(after_help = help::ROUTE_FAILED_LIST)]
    List {
        /// The route
        name: String,
    },
    /// Try them again
    #[command(after_help = help::ROUTE_FAILED_RETRY)]
    Retry {
        /// The route
        name: String,
        #[command(flatten)]
        which: Which,
    },
    /// Give them up, until they change
    #[command(after_help = help::ROUTE_FAILED_DROP)]
    Drop {
        /// The route
        name: String,
        #[command(flatten)]
        which: Which,
        /// Yes, give them up
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Which {
    /// Records of this channel
    #[arg(long, value_name = "CHANNEL")]
    channel: Option<String>,
    /// The record with this key; give it again for more
    #[arg(long, value_name = "KEY")]
    key: Vec<String>,
    /// All of them
    #[arg(long, conflicts_with_all = ["channel", "key"])]
    all: bool,
}

impl Which {
    fn body(&self) -> anyhow::Result<Value> {
        if !self.all && self.channel.is_none() && self.key.is_empty() {
            return Err(Usage("say which: --channel, --key, or --all".to_owned()).into());
        }
        Ok(json!({ "all": self.all, "channel": self.channel, "keys": self.key }))
    }
}

pub(super) async fn run(ctx: &Context<'_>, command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::List { name } => list(ctx, &name).await,
        Command::Retry { name, which } => act(ctx, &name, "retry", &which).await,
        Command::Drop { yes: false, .. } => {
            let words = "their counterparts stay as they are then: add --yes if that is meant";
            Err(Usage(words.to_owned()).into())
        }
        Command::Drop { name, which, yes: true } => act(ctx, &name, "drop", &which).await,
    }
}

async fn list(ctx: &Context<'_>, name: &str) -> anyhow::Result<Exit> {
    let session = Session::open(ctx, Needs::Data).await?;
    let all = session.all(path(&["routes", name, "failed"])).await?;
    listing::whole(ctx, &all, table, "nothing was set aside")
}

fn table(failed: &[FailedRoute]) -> Table {
    let mut table = Table::new(["CHANNEL", "CONNECTOR", "KEY", ">TRIES", "SINCE", "~REASON"]);
    for one in failed {
        table.row([
            one.channel.clone().unwrap_or_else(none),
            one.connector.to_string(),
            one.key.to_string(),
            count(one.tries.into()),
            time(one.since),
            format!("{} ({})", one.reason.message, one.reason.code),
        ]);
    }
    table
}

async fn act(ctx: &Context<'_>, name: &str, act: &str, which: &Which) -> anyhow::Result<Exit> {
    let call = Call::post(path(&["routes", name, "failed", act])).json(&which.body()?);
    let document = Session::once(ctx, Needs::Data, call).await?;
    outcome::counted(ctx, &document, if act == "retry" { "tried again" } else { "dropped" })
}
