//! `run clean`: removes old runs from history now.

use crate::{
    api::view::{Clean as Wish, Cleaned},
    cli::{
        client::{Call, path},
        exit::Exit,
        session::{Context, Session},
        text::count,
    },
};
use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct Clean {
    /// Only tell how many would go
    #[arg(long)]
    dry_run: bool,
    /// Runs that completed, and ended so long ago [default: keep-completed of the configuration]
    #[arg(long, value_name = "TIME")]
    completed_older: Option<String>,
    /// All other runs that ended so long ago [default: keep-failed of the configuration]
    #[arg(long, value_name = "TIME")]
    failed_older: Option<String>,
}

pub(super) async fn run(ctx: &Context<'_>, session: &Session, clean: Clean) -> anyhow::Result<Exit> {
    let wish = Wish {
        dry_run: clean.dry_run,
        completed_older: clean.completed_older,
        failed_older: clean.failed_older,
    };
    let body = serde_json::to_value(&wish)?;
    let mut sum = Cleaned { dry_run: wish.dry_run, completed: 0, failed: 0, has_more: false };
    loop {
        let call = Call::post(path(&["runs", "clean"])).json(&body);
        let part: Cleaned = session.ask(call).await?.read()?;
        sum.completed += part.completed;
        sum.failed += part.failed;
        sum.has_more = part.has_more;
        // Nothing goes in a dry run: asked again, it would count the same runs.
        if !part.has_more || part.dry_run {
            break;
        }
    }
    if ctx.out.is_json() {
        ctx.out.document(&sum)?;
    } else {
        ctx.out.line(text(&sum))?;
    }
    Ok(Exit::Done)
}

fn text(cleaned: &Cleaned) -> String {
    let verb = if cleaned.dry_run { "would remove" } else { "removed" };
    let least = if cleaned.has_more { "at least " } else { "" };
    format!("{verb} {least}{} completed runs and {} others", count(cleaned.completed), count(cleaned.failed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cleaning_says_what_it_did_or_would_do() {
        let check = |dry_run, has_more, words: &str| {
            assert_eq!(text(&Cleaned { dry_run, completed: 1_200, failed: 3, has_more }), words);
        };
        check(false, false, "removed 1,200 completed runs and 3 others");
        check(true, false, "would remove 1,200 completed runs and 3 others");
        check(true, true, "would remove at least 1,200 completed runs and 3 others");
    }
}
