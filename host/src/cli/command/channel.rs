//! `channel`: sets up channels and looks after them.

mod connect;
mod detail;
mod draft;
mod lifecycle;
mod options;

use crate::{
    api::view::{Channel, CheckReport},
    cli::{
        client::{Call, Document, path},
        exit::Exit,
        help, listing,
        progress::spinner,
        report, rhythm,
        session::{Context, Needs, Session},
        table::{Table, pairs},
        text::{count, duration, list, time},
    },
};
use clap::Subcommand;
use draft::{Create, Edit};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a channel
    #[command(after_help = help::CHANNEL_CREATE)]
    Create(Box<Create>),
    /// List the channels
    #[command(after_help = help::CHANNEL_LIST)]
    List,
    /// Show a channel, what it holds and how its last syncs went
    #[command(after_help = help::CHANNEL_SHOW)]
    Show {
        /// The channel
        name: String,
    },
    /// Change a channel; what is not named stays as it is
    #[command(after_help = help::CHANNEL_EDIT)]
    Edit(Box<Edit>),
    /// Let syncs of a channel start
    #[command(after_help = help::CHANNEL_ENABLE)]
    Enable {
        /// The channel
        name: String,
    },
    /// Let no sync of a channel start
    #[command(after_help = help::CHANNEL_DISABLE)]
    Disable {
        /// The channel
        name: String,
        /// Overrule the plugin where it refuses
        #[arg(long)]
        force: bool,
    },
    /// Delete a channel and everything that was imported through it
    #[command(after_help = help::CHANNEL_DELETE)]
    Delete {
        /// The channel
        name: String,
        /// Yes, delete it all; without it only what would be deleted is shown
        #[arg(long)]
        yes: bool,
        /// Overrule the plugin where it refuses, and delete the channel's routes with it
        #[arg(long)]
        force: bool,
    },
    /// Ask the remote system whether it lets the channel in
    #[command(after_help = help::CHANNEL_CHECK)]
    Check {
        /// The channel
        name: String,
    },
    /// Let a channel in by OAuth, in a browser
    #[command(after_help = help::CHANNEL_CONNECT)]
    Connect(connect::ConnectArgs),
    /// Forget a channel's OAuth tokens, and give them back to the provider
    #[command(after_help = help::CHANNEL_DISCONNECT)]
    Disconnect {
        /// The channel
        name: String,
    },
}

pub(crate) async fn run(ctx: &Context<'_>, command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::Create(new) => create(ctx, *new).await,
        Command::List => show_all(ctx).await,
        Command::Show { name } => detail::show(ctx, &name).await,
        Command::Edit(edit) => change(ctx, *edit).await,
        Command::Enable { name } => lifecycle::enable(ctx, &name).await,
        Command::Disable { name, force } => lifecycle::disable(ctx, &name, force).await,
        Command::Delete { name, yes: true, force } => lifecycle::delete(ctx, &name, force).await,
        Command::Delete { name, yes: false, .. } => lifecycle::before_delete(ctx, &name).await,
        Command::Check { name } => check(ctx, &name).await,
        Command::Connect(args) => connect::connect(ctx, args).await,
        Command::Disconnect { name } => connect::disconnect(ctx, &name).await,
    }
}

async fn create(ctx: &Context<'_>, new: Create) -> anyhow::Result<Exit> {
    let body = new.body()?;
    let session = Session::open(ctx, Needs::Plugins).await?;
    let document = session.ask(Call::post(path(&["channels"])).json(&body)).await?;
    tell(ctx, &document, |channel| {
        format!(
            "channel '{name}' is made, with the connectors {connectors}\nnext: tidegate channel check {name}",
            name = channel.name,
            connectors = list(&channel.connectors),
        )
    })
}

async fn change(ctx: &Context<'_>, edit: Edit) -> anyhow::Result<Exit> {
    let body = edit.body()?;
    let session = Session::open(ctx, Needs::Plugins).await?;
    let document = session.ask(Call::patch(path(&["channels", &edit.name])).json(&body)).await?;
    tell(ctx, &document, |channel| format!("channel '{}' is changed", channel.name))
}

/// The channel as a document, or in a sentence.
fn tell(
    ctx: &Context<'_>,
    document: &Document,
    sentence: impl FnOnce(&Channel) -> String,
) -> anyhow::Result<Exit> {
    if ctx.out.is_json() {
        ctx.out.document(document)?;
    } else {
        ctx.out.line(sentence(&document.read()?))?;
    }
    Ok(Exit::Done)
}

async fn show_all(ctx: &Context<'_>) -> anyhow::Result<Exit> {
    let session = Session::open(ctx, Needs::Data).await?;
    let found = session.all(path(&["channels"])).await?;
    let nothing = "no channels; make one with: tidegate channel create NAME --type TYPE";
    listing::whole(ctx, &found, table, nothing)
}

fn table(channels: &[Channel]) -> Table {
    let mut table = Table::new(["NAME", "TYPE", "STATE", "~CONNECTORS", "~SCHEDULE", "EDITED"]);
    for channel in channels {
        table.row([
            channel.name.to_string(),
            channel.channel_type.to_string(),
            state(channel).to_owned(),
            list(&channel.connectors),
            rhythm::words(&channel.schedule),
            time(channel.edited),
        ]);
    }
    table
}

fn state(channel: &Channel) -> &'static str {
    match (channel.enabled, &channel.paused_because) {
        (false, _) => "disabled",
        (true, Some(_)) => "paused",
        (true, None) => "enabled",
    }
}

async fn check(ctx: &Context<'_>, name: &str) -> anyhow::Result<Exit> {
    let working = spinner(ctx.out, "asking the remote system");
    let session = Session::open(ctx, Needs::Plugins).await?;
    let answer = session.ask(Call::post(path(&["channels", name, "check"]))).await;
    working.finish_and_clear();
    let document = answer?;
    let found: CheckReport = document.read()?;
    if ctx.out.is_json() {
        ctx.out.document(&document)?;
    } else if let Some(problem) = &found.error {
        ctx.out.line(format!("channel '{name}' is not let in: {}", report::whole(problem, Some(name))))?;
    } else {
        ctx.out.line(verdict(name, &found))?;
    }
    Ok(if found.ok { Exit::Done } else { Exit::Failed })
}

fn verdict(name: &str, report: &CheckReport) -> String {
    let took = duration(report.took_ms);
    let mut text = format!("channel '{name}' is let in ({took}, requests: {})", count(report.requests));
    let result = report.result.iter().flatten();
    let facts: Vec<_> = result
        .map(|(key, value)| (key.as_str(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
        .collect();
    if !facts.is_empty() {
        text.push('\n');
        text.push_str(&pairs(&facts));
    }
    text
}
