//! Waits for the runs of a sync, and shows how far they are.

use super::{
    client::{Call, Unreachable, path},
    progress::Runs,
    session::{Context, Session},
};
use crate::{api::view::Job, model::JobId, shutdown::Signals};
use anyhow::Context as _;
use std::time::Duration;

/// How the waiting ended.
pub(super) enum Followed {
    /// Every run is over.
    Ended(Job),
    /// Runs that go in this process are put off; nobody works on them any more.
    PutOff(Job),
    /// It follows another job of the channel whose runs go in this process and are put off.
    Behind(Job, Job),
    /// Nobody wants to wait any longer; the runs as they are.
    LeftAlone(Job),
}

/// Waits until every run of the job is over. A first signal, or the end of the time, ends
/// the runs at a page border where they go in this process, and only the waiting where a
/// host does them; a second signal ends this process at once.
pub(super) async fn follow(
    ctx: &Context<'_>,
    session: &mut Session,
    job: JobId,
    timeout: Option<Duration>,
) -> anyhow::Result<Followed> {
    let mut signals = Signals::listen().context("signals cannot be heard")?;
    let mut runs = Runs::new(ctx.out);
    let patience = patience(timeout);
    tokio::pin!(patience);
    let wish = loop {
        // One that goes in this process is looked at often: it may be put off.
        let wait = match (runs.is_seen(), session.is_local()) {
            (true, _) => "250ms",
            (false, true) => "1s",
            (false, false) => "30s",
        };
        tokio::select! {
            state = state(session, job, Some(wait)) => {
                let state = state.map_err(explain)?;
                runs.show(&state);
                if state.ended {
                    runs.clear();
                    return Ok(Followed::Ended(state));
                }
                if session.is_local() && state.is_put_off() {
                    runs.clear();
                    return Ok(Followed::PutOff(state));
                }
                if session.is_local() && let Some(before) = put_off_before(ctx, session, &state).await? {
                    runs.clear();
                    return Ok(Followed::Behind(state, before));
                }
            }
            () = &mut patience => break None,
            wish = signals.next() => break Some(wish),
        }
    };
    runs.clear();
    if session.is_local() {
        // Nobody goes on with them when this process is gone.
        let why = wish.map_or_else(|| "the time is over".to_owned(), |wish| wish.to_string());
        stop(ctx, session, signals, &why).await;
        return state(session, job, None).await.map(Followed::PutOff);
    }
    state(session, job, None).await.map(Followed::LeftAlone)
}

/// The job that goes before this one, where it waits for longer than a moment.
async fn put_off_before(ctx: &Context<'_>, session: &Session, job: &Job) -> anyhow::Result<Option<Job>> {
    let Some(before) = job.after else { return Ok(None) };
    let before = state(session, before, None).await?;
    let waits = before.due.is_some_and(|due| due > ctx.clock.now()) && before.is_put_off();
    Ok(waits.then_some(before))
}

async fn patience(timeout: Option<Duration>) {
    match timeout {
        Some(timeout) => tokio::time::sleep(timeout).await,
        None => std::future::pending().await,
    }
}

/// A host that goes away leaves its runs for the next start.
fn explain(error: anyhow::Error) -> anyhow::Error {
    if error.is::<Unreachable>() {
        return error.context(
            "the host ended while the sync went on; what was imported stays, \
             and the sync goes on when the host is started again",
        );
    }
    error
}

/// The job as it stands; asked again and again it costs a host next to nothing.
async fn state(session: &Session, job: JobId, wait: Option<&str>) -> anyhow::Result<Job> {
    let call = Call::get(path(&["jobs", &job.to_string()])).with("wait", wait);
    session.ask(call).await?.read()
}

async fn stop(ctx: &Context<'_>, session: &mut Session, mut signals: Signals, why: &str) {
    ctx.out.note(format!("{why}: the runs end at their last page; the next sync goes on with them"));
    tokio::select! {
        () = session.stop() => {}
        second = signals.next() => {
            ctx.out.note(format!("{second}: ended at once"));
            std::process::exit(1);
        }
    }
}
