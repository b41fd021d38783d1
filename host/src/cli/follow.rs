//! Waits for the runs of a sync, and shows how far they are.

use super::{
    client::{Call, Unreachable, path},
    progress::Runs,
    session::{Context, Session},
};
use crate::{
    api::view::Job,
    model::JobId,
    shutdown::{Signals, Wish},
};
use anyhow::Context as _;

/// How the waiting ended.
pub(super) enum Followed {
    /// Every run is over.
    Ended(Job),
    /// A person does not want to wait any longer; the runs as they are.
    LeftAlone(Job),
}

/// Waits until every run of the job is over. A first signal ends the runs at a page
/// border where they go in this process, and only the waiting where a host does
/// them; a second one ends this process at once.
pub(super) async fn follow(ctx: &Context<'_>, session: &mut Session, job: JobId) -> anyhow::Result<Followed> {
    let mut signals = Signals::listen().context("signals cannot be heard")?;
    let mut runs = Runs::new(ctx.out);
    let wish = loop {
        let wait = if runs.is_seen() { "250ms" } else { "30s" };
        tokio::select! {
            state = state(session, job, Some(wait)) => {
                let state = state.map_err(explain)?;
                runs.show(&state);
                if state.ended {
                    runs.clear();
                    return Ok(Followed::Ended(state));
                }
            }
            wish = signals.next() => break wish,
        }
    };
    runs.clear();
    if session.is_local() {
        stop(ctx, session, signals, wish).await;
        return state(session, job, None).await.map(Followed::Ended);
    }
    state(session, job, None).await.map(Followed::LeftAlone)
}

/// A host that goes away ends its runs at a page border.
fn explain(error: anyhow::Error) -> anyhow::Error {
    if error.is::<Unreachable>() {
        return error.context(
            "the host ended while the sync went on; what was imported stays, \
             and the next sync goes on from there",
        );
    }
    error
}

/// The job as it stands; asked again and again it costs a host next to nothing.
async fn state(session: &Session, job: JobId, wait: Option<&str>) -> anyhow::Result<Job> {
    let call = Call::get(path(&["jobs", &job.to_string()])).with("wait", wait);
    session.ask(call).await?.read()
}

async fn stop(ctx: &Context<'_>, session: &mut Session, mut signals: Signals, wish: Wish) {
    ctx.out.note(format!("{wish}: the runs end at their next page border; the next sync goes on from there"));
    tokio::select! {
        () = session.stop() => {}
        second = signals.next() => {
            ctx.out.note(format!("{second}: ended at once"));
            std::process::exit(1);
        }
    }
}
