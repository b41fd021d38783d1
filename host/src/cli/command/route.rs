//! `route`: keeps records of two channels in step.

mod failed;
mod trial;

use crate::{
    api::view::{List, Route, RouteEnd},
    cli::{
        client::{Call, path},
        exit::{Exit, Usage},
        help, outcome,
        session::{Context, Needs, Session},
        table::{Table, pairs},
        text::{clean, count, maybe_time, none, time},
    },
};
use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};
use std::{fs, path::PathBuf, str::FromStr};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Let records of one connector feed those of another
    #[command(after_help = help::ROUTE_CREATE)]
    Create(Box<Create>),
    /// List the routes
    #[command(after_help = help::ROUTE_LIST)]
    List,
    /// Show one, and how it goes
    #[command(after_help = help::ROUTE_SHOW)]
    Show {
        /// Its name
        name: String,
    },
    /// Hold one back
    #[command(after_help = help::ROUTE_PAUSE)]
    Pause {
        /// Its name
        name: String,
    },
    /// Let one go on
    #[command(after_help = help::ROUTE_RESUME)]
    Resume {
        /// Its name
        name: String,
    },
    /// Delete one; the records stay
    #[command(after_help = help::ROUTE_DELETE)]
    Delete {
        /// Its name
        name: String,
        /// Yes, delete it
        #[arg(long)]
        yes: bool,
    },
    /// Show what one would write, and write nothing
    #[command(after_help = help::ROUTE_TEST)]
    Test(Box<trial::Test>),
    /// Look at the records that one set aside
    #[command(after_help = help::ROUTE_FAILED)]
    Failed {
        #[command(subcommand)]
        command: failed::Command,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// What to call it: a-z, 0-9 and '-' [default: made of its two ends]
    name: Option<String>,
    /// Whose records it reads
    #[arg(long, value_name = "CHANNEL/CONNECTOR")]
    from: End,
    /// Whose records it writes
    #[arg(long, value_name = "CHANNEL/CONNECTOR")]
    to: End,
    /// A jq filter from a record of --from to one of --to
    #[arg(long, value_name = "FILE")]
    map: PathBuf,
    /// The jq filter for the way back: changes then go both ways
    #[arg(long, value_name = "FILE")]
    back: Option<PathBuf>,
    /// What becomes of a record whose counterpart is deleted
    #[arg(long, value_name = "WHAT", default_value = "keep")]
    deletions: Deletions,
    /// Who is right about a field that was changed at both ends
    #[arg(long, value_name = "WHO", default_value = "from-wins")]
    conflicts: Conflicts,
    /// Leave records alone that are there already, until they change
    #[arg(long)]
    only_new: bool,
}

/// `CHANNEL/CONNECTOR`.
#[derive(Clone, Debug)]
pub(crate) struct End {
    channel: String,
    connector: String,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Deletions {
    /// It stays
    Keep,
    /// It is deleted, too
    Follow,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Conflicts {
    /// The end that the route comes from
    FromWins,
    /// The end that it goes to
    ToWins,
}

impl FromStr for End {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('/') {
            Some((channel, connector)) if !channel.is_empty() && !connector.is_empty() => {
                Ok(Self { channel: channel.to_owned(), connector: connector.to_owned() })
            }
            _ => Err("write it as CHANNEL/CONNECTOR, such as support/ticket".to_owned()),
        }
    }
}

impl End {
    fn body(&self) -> Value {
        json!({ "channel": self.channel, "connector": self.connector })
    }
}

fn word(value: impl ValueEnum) -> Option<String> {
    value.to_possible_value().map(|value| value.get_name().to_owned())
}

fn filter(file: &PathBuf) -> anyhow::Result<String> {
    let text = fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    Ok(text.trim_end().to_owned())
}

pub(crate) async fn run(ctx: &Context<'_>, command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::Create(new) => create(ctx, *new).await,
        Command::List => list(ctx).await,
        Command::Show { name } => one(ctx, Call::get(path(&["routes", &name]))).await,
        Command::Pause { name } => one(ctx, Call::post(path(&["routes", &name, "pause"]))).await,
        Command::Resume { name } => one(ctx, Call::post(path(&["routes", &name, "resume"]))).await,
        Command::Delete { name, yes } => delete(ctx, &name, yes).await,
        Command::Test(test) => trial::run(ctx, *test).await,
        Command::Failed { command } => failed::run(ctx, command).await,
    }
}

async fn create(ctx: &Context<'_>, new: Create) -> anyhow::Result<Exit> {
    let body = json!({
        "name": new.name,
        "from": new.from.body(),
        "to": new.to.body(),
        "map": filter(&new.map)?,
        "back": new.back.as_ref().map(filter).transpose()?,
        "deletions": word(new.deletions),
        "conflicts": word(new.conflicts),
        "only-new": new.only_new,
    });
    let document = Session::once(ctx, Needs::Plugins, Call::post(path(&["routes"])).json(&body)).await?;
    if ctx.out.is_json() {
        ctx.out.document(&document)?;
        return Ok(Exit::Done);
    }
    let made: Route = document.read()?;
    ctx.out.line(format!("route '{}' is created", made.name))?;
    if let Some(fill) = made.filling {
        ctx.out.line(format!("records that are there already and go first: {}", count(fill.total)))?;
    }
    ctx.out.note(format!("next: tidegate route show {}", made.name));
    Ok(Exit::Done)
}

async fn list(ctx: &Context<'_>) -> anyhow::Result<Exit> {
    let document = Session::once(ctx, Needs::Data, Call::get(path(&["routes"]))).await?;
    if ctx.out.is_json() {
        ctx.out.document(&document)?;
        return Ok(Exit::Done);
    }
    let routes: List<Route> = document.read()?;
    if routes.items.is_empty() {
        ctx.out.note("no routes; make one with: tidegate route create --from … --to … --map FILE");
        return Ok(Exit::Done);
    }
    let mut table =
        Table::new(["ROUTE", "FROM", "", "TO", "STATE", ">LINKS", ">WAITING", ">FAILED", "LAST WRITTEN"]);
    for route in routes.items {
        table.row([
            route.name.to_string(),
            end(&route.from),
            if route.back.is_some() { "<->" } else { "->" }.to_owned(),
            end(&route.to),
            state(&route),
            count(route.links),
            count(route.waiting),
            count(route.failed),
            maybe_time(route.last_written),
        ]);
    }
    ctx.out.table(table)?;
    Ok(Exit::Done)
}

fn end(end: &RouteEnd) -> String {
    format!("{}/{}", end.channel.as_deref().unwrap_or("(deleted)"), end.connector)
}

fn state(route: &Route) -> String {
    match (route.paused, route.filling) {
        (true, _) => "paused".to_owned(),
        (false, Some(fill)) => format!("filling {} of {}", count(fill.done), count(fill.total)),
        (false, None) => "active".to_owned(),
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
fn shown(route: &Route) -> String {
    let failure = route.last_failure.as_ref();
    let failure = failure
        .map(|failure| format!("{}  {} ({})", time(failure.at), failure.error.message, failure.error.code));
    let facts = pairs(&[
        ("route", route.name.to_string()),
        ("from", end(&route.from)),
        ("to", end(&route.to)),
        ("direction", if route.back.is_some() { "both ways" } else { "one way" }.to_owned()),
        ("deletions", route.deletions.to_string()),
        ("conflicts", route.conflicts.to_string()),
        ("state", state(route)),
        ("created", time(route.created)),
        ("links", count(route.links)),
        ("waiting", count(route.waiting)),
        ("failed", count(route.failed)),
        ("written", count(route.written)),
        ("left out", count(route.left_out)),
        ("last written", maybe_time(route.last_written)),
        ("last failure", failure.unwrap_or_else(none)),
    ]);
    let filters = [("map", Some(&route.map)), ("back", route.back.as_ref())];
    let filters = filters.into_iter().filter_map(|(name, text)| Some((name, text?)));
    filters.fold(facts, |shown, (name, text)| {
        let lines: Vec<_> = text.lines().map(|line| format!("  {}", clean(line))).collect();
        format!("{shown}\n\n{name}:\n{}", lines.join("\n"))
    })
}

async fn delete(ctx: &Context<'_>, name: &str, yes: bool) -> anyhow::Result<Exit> {
    if !yes {
        let words = "the host forgets which records are counterparts: add --yes if that is meant";
        return Err(Usage(words.to_owned()).into());
    }
    let session = Session::open(ctx, Needs::Data).await?;
    outcome::delete(ctx, &session, ["routes", name], format!("route '{name}' is deleted")).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_shown_with_how_it_goes() {
        let route: Route = serde_json::from_value(json!({
            "id": "01JZZZZZZZZZZZZZZZZZZZZZZZ", "name": "tickets",
            "from": {"channel": "support", "connector": "ticket"}, "to": {"connector": "issue"},
            "map": "{title: .subject,\n body}", "back": "{subject: .title}",
            "deletions": "keep", "conflicts": "from-wins", "paused": false,
            "created": "2026-01-01T00:00:00Z", "filling": {"done": 500, "total": 1234},
            "links": 498, "waiting": 2, "failed": 1, "written": 500, "left-out": 3,
            "last-written": "2026-01-01T00:00:09Z",
            "last-failure": {"at": "2026-01-01T00:00:05Z",
                "error": {"class": "invalid-data", "code": "route.unfit", "message": "it does not fit"}},
        }))
        .expect("a route");
        insta::assert_snapshot!(shown(&route), @r"
        route         tickets
        from          support/ticket
        to            (deleted)/issue
        direction     both ways
        deletions     keep
        conflicts     from-wins
        state         filling 500 of 1,234
        created       2026-01-01 00:00:00Z
        links         498
        waiting       2
        failed        1
        written       500
        left out      3
        last written  2026-01-01 00:00:09Z
        last failure  2026-01-01 00:00:05Z  it does not fit (route.unfit)

        map:
          {title: .subject,
           body}

        back:
          {subject: .title}
        ");
    }

    #[test]
    fn an_end_is_a_channel_and_a_connector() {
        let end = End::from_str("EU.prod_2/ticket").expect("an end");
        assert_eq!((end.channel.as_str(), end.connector.as_str()), ("EU.prod_2", "ticket"));
        for wrong in ["ticket", "/ticket", "support/"] {
            assert!(End::from_str(wrong).is_err(), "{wrong}");
        }
    }
}
