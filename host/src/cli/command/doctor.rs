//! `doctor`: what is wrong with the host and its surroundings.

use crate::{
    api::view::{Check, Diagnosis, Level},
    app,
    cli::{
        client::{Call, path},
        exit::Exit,
        progress::spinner,
        session::{Context, Needs, Session},
        text::clean,
    },
};

pub(crate) async fn run(ctx: &Context<'_>) -> anyhow::Result<Exit> {
    let working = spinner(ctx.out, "looking at everything");
    let diagnosis = examine(ctx).await;
    working.finish_and_clear();
    let diagnosis = diagnosis?;
    if ctx.out.is_json() {
        ctx.out.document(&diagnosis)?;
    } else {
        ctx.out.line(text(&diagnosis))?;
    }
    Ok(if diagnosis.ok { Exit::Done } else { Exit::Failed })
}

/// A host that cannot be built is a finding, too.
async fn examine(ctx: &Context<'_>) -> anyhow::Result<Diagnosis> {
    let session = match Session::open(ctx, Needs::Plugins).await {
        Ok(session) => session,
        Err(error) if ctx.url.is_none() => {
            let mut checks = app::ground(&ctx.loaded, ctx.key.is_some(), &ctx.clock);
            checks.push(Check::fail(
                "start",
                format!("{error:#}"),
                "mend this first; the rest follows from it",
            ));
            return Ok(Diagnosis::of(checks));
        }
        Err(error) => return Err(error),
    };
    session.ask(Call::get(path(&["doctor"]))).await?.read()
}

fn text(diagnosis: &Diagnosis) -> String {
    let mut lines: Vec<_> = diagnosis.items.iter().map(line).collect();
    let count = |level| diagnosis.items.iter().filter(|check| check.level == level).count();
    lines.push(match (count(Level::Fail), count(Level::Warn)) {
        (0, 0) => "\nall is well".to_owned(),
        (0, warnings) => format!("\nit works; warnings: {warnings}"),
        (failures, warnings) => {
            format!("\nit does not work; failures: {failures}, warnings: {warnings}")
        }
    });
    lines.join("\n")
}

fn line(check: &Check) -> String {
    let level = match check.level {
        Level::Ok => "ok",
        Level::Warn => "warn",
        Level::Fail => "FAIL",
    };
    let mut text = format!("{level:<5} {:<14} {}", check.name, clean(&check.message));
    if let Some(advice) = &check.advice {
        text.push_str(&format!("\n{:21}→ {}", "", clean(advice)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finding_says_what_to_do() {
        let diagnosis = Diagnosis::of(vec![
            Check::ok("disk", "5GiB are free"),
            Check::warn("data-folder", "/d can be read by others", "chmod 700 /d"),
            Check::fail("start", "the data folder is in use", "stop the other process"),
        ]);
        assert!(!diagnosis.ok);
        insta::assert_snapshot!(text(&diagnosis), @"
        ok    disk           5GiB are free
        warn  data-folder    /d can be read by others
                             → chmod 700 /d
        FAIL  start          the data folder is in use
                             → stop the other process

        it does not work; failures: 1, warnings: 1
        ");
    }
}
