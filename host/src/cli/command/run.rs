//! `run`: what syncs did, and ending one.

mod clean;
mod logs;
mod pages;

use crate::{
    api::view::{Job, Page, Run},
    cli::{
        client::{Call, path},
        exit::Exit,
        help, listing, report,
        session::{Context, Needs, Session},
        table::{Table, pairs},
        text::{bytes, count, duration, maybe_time, none, pace, time},
    },
    model::{Direction, Trigger},
};
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List runs, newest first
    #[command(after_help = help::RUN_LIST)]
    List {
        /// Of this channel only
        #[arg(long, value_name = "NAME")]
        channel: Option<String>,
        /// Of connectors with this name only
        #[arg(long, value_name = "CONNECTOR")]
        connector: Option<String>,
        /// That stand so only, with commas between several
        #[arg(long, value_name = "STATUS")]
        status: Option<String>,
        /// Asked for within this time only, such as 24h
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
        /// How many at most, up to 1000
        #[arg(long, value_name = "COUNT", default_value_t = 20)]
        limit: u16,
        /// Older than this run
        #[arg(long, value_name = "ID")]
        after: Option<String>,
    },
    /// Show everything about a run
    #[command(after_help = help::RUN_SHOW)]
    Show {
        /// The run
        id: String,
    },
    /// Show what the plugin and the host said in a run
    #[command(after_help = help::RUN_LOGS)]
    Logs(logs::Logs),
    /// List the pages of a run
    #[command(after_help = help::RUN_PAGES)]
    Pages(pages::Pages),
    /// Remove old runs from history now; a host does it by itself every hour
    #[command(after_help = help::RUN_CLEAN)]
    Clean(clean::Clean),
    /// Ask a run to end at its last page
    #[command(after_help = help::RUN_CANCEL)]
    Cancel {
        /// The run
        id: String,
    },
}

pub(crate) async fn run(ctx: &Context<'_>, command: Command) -> anyhow::Result<Exit> {
    let session = Session::open(ctx, Needs::Data).await?;
    match command {
        Command::List { channel, connector, status, since, limit, after } => {
            let call = Call::get(path(&["runs"]))
                .with("channel", channel.as_deref())
                .with("connector", connector.as_deref())
                .with("status", status.as_deref())
                .with("since", since.as_deref())
                .with("limit", Some(&limit.to_string()))
                .with("after", after.as_deref());
            list(ctx, &session, call).await
        }
        Command::Show { id } => show(ctx, &session, Call::get(path(&["runs", &id]))).await,
        Command::Logs(logs) => logs::run(ctx, &session, logs).await,
        Command::Pages(pages) => pages::run(ctx, &session, pages).await,
        Command::Clean(clean) => clean::run(ctx, &session, clean).await,
        Command::Cancel { id } => cancel(ctx, &session, &id).await,
    }
}

async fn list(ctx: &Context<'_>, session: &Session, call: Call) -> anyhow::Result<Exit> {
    let document = session.ask(call).await?;
    let words = listing::Words {
        nothing: "no such runs; start some with: tidegate sync NAME",
        nothing_here: Some("none among the newest runs"),
        next: "older ones",
    };
    listing::show(ctx, &document, table, &words)
}

fn table(runs: &[Run]) -> Table {
    let mut table = Table::new(["RUN", "CHANNEL", "CONNECTOR", "STATUS", "STARTED", ">READ", ">CHANGED"]);
    for run in runs {
        let counters = &run.counters;
        table.row([
            run.id.to_string(),
            run.channel.to_string(),
            way(run),
            status(run),
            maybe_time(run.started),
            count(counters.read),
            count(counters.added + counters.updated + counters.deleted),
        ]);
    }
    table
}

/// The connector, and which way its records go where that is not the usual one.
fn way(run: &Run) -> String {
    match run.direction {
        Direction::Import => run.connector.to_string(),
        other => format!("{}, {}", run.connector, direction(other)),
    }
}

/// With how fast it goes, while it does.
fn status(run: &Run) -> String {
    match pace(run.rate, run.left_ms) {
        Some(pace) => format!("{}, {pace}", run.status),
        None => run.status.to_string(),
    }
}

async fn show(ctx: &Context<'_>, session: &Session, call: Call) -> anyhow::Result<Exit> {
    let document = session.ask(call).await?;
    if ctx.out.is_json() {
        ctx.out.document(&document)?;
    } else {
        let run: Run = document.read()?;
        let pages = pages::first(session, &run).await?;
        let job: Job = session.ask(Call::get(path(&["jobs", &run.job.to_string()]))).await?.read()?;
        ctx.out.line(whole(&run, &pages, &job.runs))?;
    }
    Ok(Exit::Done)
}

/// The run, how its pages went, and the other connectors of the same sync.
fn whole(run: &Run, pages: &[Page], of_job: &[Run]) -> String {
    let mut text = describe(run);
    if let Some(timeline) = pages::timeline(pages) {
        text.push_str(&format!("\n\n{timeline}"));
    }
    if of_job.len() > 1 {
        text.push_str(&format!("\n\nruns of the same sync:\n{}", neighbours(run, of_job).render(None)));
    }
    text
}

fn neighbours(run: &Run, of_job: &[Run]) -> Table {
    let mut table = Table::new(["CONNECTOR", "STATUS", ">READ", ">CHANGED", ">TOOK", "RUN"]);
    for other in of_job {
        let counters = &other.counters;
        table.row([
            other.connector.to_string(),
            status(other),
            count(counters.read),
            count(counters.added + counters.updated + counters.deleted),
            took(other),
            if other.id == run.id { "this one".to_owned() } else { other.id.to_string() },
        ]);
    }
    table
}

fn took(run: &Run) -> String {
    let took = run.started.zip(run.ended).map(|(started, ended)| duration(ended.millis_since(started)));
    took.unwrap_or_else(none)
}

fn describe(run: &Run) -> String {
    let (counters, usage) = (&run.counters, &run.usage);
    let mut head = vec![
        ("run", run.id.to_string()),
        ("channel", run.channel.to_string()),
        ("connector", run.connector.to_string()),
        ("direction", direction(run.direction).to_owned()),
        ("status", status(run)),
        ("asked for by", trigger(run).to_owned()),
        ("requested", time(run.requested)),
        ("started", maybe_time(run.started)),
        ("ended", maybe_time(run.ended)),
        ("took", took(run)),
        ("job", run.job.to_string()),
    ];
    if let Some(deferred) = run.deferred {
        let words = format!(
            "{}; since {}, tries without a page: {}",
            time(deferred.until),
            time(deferred.since),
            count(run.tries.into())
        );
        head.insert(5, ("put off until", words));
    }
    let mut text = pairs(&head);
    let sections = [
        pairs(&[
            ("read", of(counters.read, run.total)),
            ("added", count(counters.added)),
            ("updated", count(counters.updated)),
            ("unchanged", count(counters.unchanged)),
            ("deleted", count(counters.deleted)),
            ("quarantined", count(counters.quarantined)),
            ("vanished", count(counters.vanished)),
            ("pages", count(run.pages)),
        ]),
        pairs(&[
            ("steps", count(usage.steps)),
            ("CPU in the plugin", duration(usage.cpu_ticks * 10)),
            ("most memory", bytes(usage.peak_memory)),
            (
                "requests",
                format!("{} ({} sent, with retries and redirects)", count(usage.requests), count(usage.sent)),
            ),
            ("bytes sent", bytes(usage.request_bytes)),
            ("bytes received", bytes(usage.response_bytes)),
            ("log kept", format!("{} ({} lines dropped)", bytes(usage.log_bytes), count(usage.log_dropped))),
        ]),
    ];
    for section in sections {
        text.push_str("\n\n");
        text.push_str(&section);
    }
    if let Some(error) = &run.error {
        text.push_str("\n\n");
        text.push_str(&pairs(&[
            ("error", error.message.clone()),
            ("class", error.class.to_string()),
            ("code", error.code.clone()),
        ]));
        text.push_str(&report::particulars(error));
        if let Some(advice) = report::advice_of(run) {
            text.push_str(&format!("\nnext: {advice}"));
        }
    }
    text
}

fn of(read: u64, total: Option<u64>) -> String {
    match total {
        Some(total) => format!("{} of {}", count(read), count(total)),
        None => count(read),
    }
}

fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::Import => "import",
        Direction::Export => "export",
        Direction::Call => "call",
    }
}

fn trigger(run: &Run) -> &'static str {
    match (run.trigger, run.full) {
        (Trigger::Request, false) => "request",
        (Trigger::Request, true) => "request, from the beginning",
        (Trigger::Schedule, _) => "schedule",
        (Trigger::Webhook, _) => "webhook",
        (Trigger::Change, _) => "local change",
    }
}

async fn cancel(ctx: &Context<'_>, session: &Session, id: &str) -> anyhow::Result<Exit> {
    let document = session.ask(Call::post(path(&["runs", id, "cancel"]))).await?;
    if ctx.out.is_json() {
        ctx.out.document(&document)?;
    } else {
        let run: Run = document.read()?;
        let state = if run.status.has_ended() { "has ended" } else { "ends at its last page" };
        ctx.out.line(format!("run {} {state}; look at it with: tidegate run show {}", run.id, run.id))?;
    }
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{cli::text::samples, model::Status};

    #[test]
    fn history_fits_a_terminal() {
        let runs = [
            samples::run("ticket-comment", Status::CompletedWithWarnings),
            Run { direction: Direction::Export, ..samples::run("user", Status::Running) },
        ];
        let text = table(&runs).render(Some(120));
        assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
        insta::assert_snapshot!(text, @"
        RUN                         CHANNEL  CONNECTOR       STATUS                   STARTED                READ  CHANGED
        01040G2081040G2081040G2081  zen      ticket-comment  completed-with-warnings  2026-01-01 00:00:00Z  2,500    2,300
        01040G2081040G2081040G2081  zen      user, export    running                  2026-01-01 00:00:00Z  2,500    2,300
        ");
    }

    #[test]
    fn a_run_that_goes_on_tells_how_fast() {
        let run =
            Run { rate: Some(1_250.04), left_ms: Some(61_000), ..samples::run("user", Status::Running) };
        assert_eq!(status(&run), "running, 1,250/s, 1m 1s left");
        assert_eq!(status(&Run { rate: Some(0.5), left_ms: None, ..run }), "running, 0.5/s");
    }

    #[test]
    fn other_connectors_of_the_same_sync_are_named() {
        let this = samples::run("user", Status::Completed);
        let mut other = samples::run("ticket", Status::Failed);
        other.id = crate::model::RunId::from_bytes([9; 16]);
        let text = whole(&this, &[], &[this.clone(), other]);
        let (_, neighbours) = text.split_once("runs of the same sync:\n").expect("two runs");
        insta::assert_snapshot!(neighbours, @"
        CONNECTOR  STATUS      READ  CHANGED   TOOK  RUN
        user       completed  2,500    2,300  4.2 s  this one
        ticket     failed     2,500    2,300  4.2 s  09144GJ289144GJ289144GJ289
        ");
        assert!(!whole(&this, &[], std::slice::from_ref(&this)).contains("same sync"));
    }

    #[test]
    fn a_run_that_is_put_off_tells_until_when() {
        let mut run = samples::run("ticket", Status::Deferred);
        let at = run.requested;
        run.deferred = Some(crate::api::view::Deferred { until: at.plus_millis(60_000), since: at });
        run.tries = 2;
        let text = describe(&run);
        let line = text.lines().find(|line| line.starts_with("put off until")).expect("it tells");
        assert_eq!(
            line,
            "put off until  2026-01-01 00:01:00Z; since 2026-01-01 00:00:00Z, tries without a page: 2"
        );
    }

    #[test]
    fn a_run_is_told_whole() {
        insta::assert_snapshot!(describe(&samples::run("ticket", Status::Failed)), @"
        run           01040G2081040G2081040G2081
        channel       zen
        connector     ticket
        direction     import
        status        failed
        asked for by  request
        requested     2026-01-01 00:00:00Z
        started       2026-01-01 00:00:00Z
        ended         2026-01-01 00:00:04Z
        took          4.2 s
        job           02081040G2081040G2081040G2

        read         2,500
        added        2,000
        updated      300
        unchanged    199
        deleted      0
        quarantined  1
        vanished     0
        pages        3

        steps              0
        CPU in the plugin  120 ms
        most memory        0 B
        requests           3 (4 sent, with retries and redirects)
        bytes sent         0 B
        bytes received     2.2 MiB
        log kept           0 B (0 lines dropped)

        error  the remote system refuses the credentials
        class  auth
        code   http.status.401
        next: correct the credentials: tidegate channel edit zen --secret-file KEY=PATH
        ");
    }
}
