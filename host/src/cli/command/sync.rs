//! `sync`: imports what is new.

mod dry_run;

use crate::{
    api::view::{Job, NewSync, Run},
    cli::{
        client::{Call, Document, path},
        exit::Exit,
        follow::{Followed, follow},
        report,
        session::{Context, Needs, Session},
        table::Table,
        text::{count, counted, duration, none},
    },
    model::{Direction, Name, Span},
};
use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct Sync {
    /// The channel
    name: String,
    /// A connector to run [default: all that are switched on]
    #[arg(long = "connector", value_name = "CONNECTOR")]
    connectors: Vec<Name>,
    /// Only bring records in (import), or only carry local changes out (export) [default:
    /// both, where the channel goes both ways]
    #[arg(long, value_name = "WAY", value_parser = ["import", "export"], conflicts_with = "dry_run")]
    direction: Option<String>,
    /// Start from the beginning instead of where the last sync ended
    #[arg(long)]
    full: bool,
    /// Keep every request and answer, without secrets, for `tidegate replay`
    #[arg(long, conflicts_with = "dry_run")]
    record: bool,
    /// Wait for the end, also of a run that is put off
    #[arg(long)]
    wait: bool,
    /// Wait no longer than this, such as 10m; the sync goes on
    #[arg(long, value_name = "TIME", requires = "wait")]
    timeout: Option<Span>,
    /// Show what would change, record by record, and change nothing here or there
    #[arg(long, conflicts_with = "wait")]
    dry_run: bool,
    /// How many records of each connector a dry run shows; all are counted [default: 1000]
    #[arg(long, value_name = "COUNT", requires = "dry_run")]
    limit: Option<u64>,
}

pub(crate) async fn run(ctx: &Context<'_>, sync: Sync) -> anyhow::Result<Exit> {
    if sync.dry_run {
        return dry_run::run(ctx, sync).await;
    }
    let mut session = Session::open(ctx, Needs::Runs).await?;
    let direction = sync.direction.as_deref().map(|way| match way {
        "export" => Direction::Export,
        _ => Direction::Import,
    });
    let body = serde_json::to_value(NewSync {
        direction,
        connectors: sync.connectors,
        full: sync.full,
        record: sync.record,
    })?;
    let call = Call::post(path(&["channels", &sync.name, "sync"])).json(&body);
    let started = match session.ask(call).await {
        Ok(started) => started,
        Err(error) => {
            session.stop().await;
            return Err(error);
        }
    };
    let job: Job = started.read()?;
    if session.is_local() {
        let data = ctx.loaded.config.data.display();
        ctx.out.note(format!("no host runs on {data}: this command does the sync itself, to the end"));
    } else if !sync.wait {
        return promise(ctx, &started, &job, &sync.name);
    }
    let timeout = sync.timeout.map(|time| time.0);
    let mut followed = follow(ctx, &mut session, job.job, timeout).await;
    if let (Some(export), Ok(Followed::Ended(import))) = (job.export, &followed) {
        let mut runs = import.runs.clone();
        followed = follow(ctx, &mut session, export, timeout).await;
        if let Ok(Followed::Ended(job) | Followed::PutOff(job) | Followed::LeftAlone(job)) = &mut followed {
            runs.append(&mut job.runs);
            job.runs = runs;
        }
    }
    session.stop().await;
    match followed? {
        Followed::Ended(job) => {
            show(ctx, &job)?;
            Ok(Exit::of_runs(&job.runs))
        }
        Followed::PutOff(job) => {
            show(ctx, &job)?;
            ctx.out.note(
                "it is put off, and nothing was lost: a host (tidegate serve) goes on with it by itself, \
                 or this command does when it is run again",
            );
            Ok(Exit::Failed)
        }
        Followed::Behind(job, before) => {
            show(ctx, if ctx.out.is_json() { &job } else { &before })?;
            ctx.out.note(format!(
                "what you asked for follows job {}, which is put off; it is kept, and is done after that one: \
                 by a host (tidegate serve), or by this command when it is run again",
                before.job
            ));
            Ok(Exit::Failed)
        }
        Followed::LeftAlone(job) => {
            show(ctx, &job)?;
            ctx.out.note(format!(
                "the host goes on with it; look at it with: tidegate run list --channel {}",
                sync.name
            ));
            Ok(Exit::Failed)
        }
    }
}

/// What a host promised to do.
fn promise(ctx: &Context<'_>, document: &Document, job: &Job, name: &str) -> anyhow::Result<Exit> {
    if ctx.out.is_json() {
        ctx.out.document(document)?;
        return Ok(Exit::Done);
    }
    if let Some(before) = &job.after {
        ctx.out.line(job.job.to_string())?;
        ctx.out.note(format!("a sync of the channel is going on (job {before}); this one follows it"));
        return Ok(Exit::Done);
    }
    for run in &job.runs {
        ctx.out.line(format!("{}  {}", run.id, run.connector))?;
    }
    ctx.out.note(format!(
        "started; follow it with: tidegate run list --channel {name}, or tidegate run show ID"
    ));
    Ok(Exit::Done)
}

fn show(ctx: &Context<'_>, job: &Job) -> anyhow::Result<()> {
    if ctx.out.is_json() {
        ctx.out.document(job)?;
        return Ok(());
    }
    ctx.out.table(table(&job.runs))?;
    for line in report::troubles(&job.runs).into_iter().chain(afterwards(&job.runs)) {
        ctx.out.line(line)?;
    }
    Ok(())
}

/// What may want a look though the sync is done.
fn afterwards(runs: &[Run]) -> Vec<String> {
    let gone = runs.iter().filter(|run| run.counters.vanished > 0);
    let mut lines: Vec<_> = gone
        .map(|run| format!("{}: {} not found any more remotely", run.connector, count(run.counters.vanished)))
        .collect();
    let set_aside = runs.iter().find(|run| run.counters.quarantined > 0);
    lines.extend(set_aside.map(|run| format!("next: tidegate quarantine list {}", run.channel)));
    lines
}

fn table(runs: &[Run]) -> Table {
    let mut table = Table::new([
        "CONNECTOR",
        "STATUS",
        ">READ",
        ">ADDED",
        ">UPDATED",
        ">UNCHANGED",
        ">DELETED",
        ">QUARANTINED",
        ">TOOK",
    ]);
    for run in runs {
        let [read, added, updated, unchanged, deleted, quarantined] = counted(&run.counters);
        let took = run.started.zip(run.ended).map(|(started, ended)| duration(ended.millis_since(started)));
        table.row([
            run.connector.to_string(),
            run.status.to_string(),
            read,
            added,
            updated,
            unchanged,
            deleted,
            quarantined,
            took.unwrap_or_else(none),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{cli::text::samples, model::Status};

    #[test]
    fn what_is_gone_or_set_aside_is_pointed_at_once() {
        let mut runs =
            [samples::run("user", Status::Completed), samples::run("ticket", Status::CompletedWithWarnings)];
        runs[0].counters.vanished = 1_200;
        assert_eq!(
            afterwards(&runs),
            ["user: 1,200 not found any more remotely", "next: tidegate quarantine list zen"]
        );
        runs.iter_mut().for_each(|run| run.counters = crate::model::Counters::default());
        assert_eq!(afterwards(&runs), [""; 0]);
    }

    #[test]
    fn a_sync_is_a_line_a_connector_with_failures_below() {
        let runs = [
            samples::run("user", Status::Completed),
            samples::run("ticket", Status::CompletedWithWarnings),
            samples::run("ticket-comment", Status::Failed),
        ];
        let text =
            [table(&runs).render(Some(120))].into_iter().chain(report::troubles(&runs)).collect::<Vec<_>>();
        insta::assert_snapshot!(text.join("\n"), @"
        CONNECTOR       STATUS                    READ  ADDED  UPDATED  UNCHANGED  DELETED  QUARANTINED   TOOK
        user            completed                2,500  2,000      300        199        0            1  4.2 s
        ticket          completed-with-warnings  2,500  2,000      300        199        0            1  4.2 s
        ticket-comment  failed                   2,500  2,000      300        199        0            1  4.2 s

        ticket-comment: the remote system refuses the credentials
        next: correct the credentials: tidegate channel edit zen --secret-file KEY=PATH
        ");
    }
}
