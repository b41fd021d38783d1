//! `origin`: how remote systems fare, and giving one free.

use crate::{
    api::view::{List, Origin},
    cli::{
        client::{Call, path},
        exit::Exit,
        help,
        session::{Context, Needs, Session},
        table::Table,
        text::{clean, count, duration, maybe_time, none},
    },
};
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the origins that channels go to, and whether they are left alone
    #[command(after_help = help::ORIGIN_LIST)]
    List,
    /// Let requests go to an origin again at once
    #[command(after_help = help::ORIGIN_CLOSE)]
    Close {
        /// Such as https://api.example.com
        origin: String,
    },
}

pub(crate) async fn run(ctx: &Context<'_>, command: Command) -> anyhow::Result<Exit> {
    let mut session = Session::open(ctx, Needs::Data).await?;
    let outcome = match command {
        Command::List => list(ctx, &session).await,
        Command::Close { origin } => close(ctx, &session, origin).await,
    };
    // What a host in this process knows of it now has to be written.
    session.stop().await;
    outcome
}

async fn list(ctx: &Context<'_>, session: &Session) -> anyhow::Result<Exit> {
    let document = session.ask(Call::get(path(&["origins"]))).await?;
    if ctx.out.is_json() {
        ctx.out.document(&document)?;
        return Ok(Exit::Done);
    }
    let origins: List<Origin> = document.read()?;
    if origins.items.is_empty() {
        ctx.out.note("no origins; a channel's is known from its first request on");
        return Ok(Exit::Done);
    }
    ctx.out.table(table(&origins.items))?;
    for line in failures(&origins.items) {
        ctx.out.line(line)?;
    }
    Ok(Exit::Done)
}

async fn close(ctx: &Context<'_>, session: &Session, origin: String) -> anyhow::Result<Exit> {
    let call = Call::post(path(&["origins", "close"])).json(&serde_json::json!({ "origin": origin }));
    let document = session.ask(call).await?;
    if ctx.out.is_json() {
        ctx.out.document(&document)?;
    } else {
        let origin: Origin = document.read()?;
        ctx.out.line(format!("requests go to {} again", clean(&origin.origin)))?;
    }
    Ok(Exit::Done)
}

fn table(origins: &[Origin]) -> Table {
    let headings =
        ["ORIGIN", "BREAKER", "NEXT TRY", "BLOCKED UNTIL", ">REQUESTS", ">RETRIES", ">FAILED", ">WAITED"];
    let mut table = Table::new(headings);
    for origin in origins {
        let waited = if origin.throttled_ms == 0 { none() } else { duration(origin.throttled_ms) };
        table.row([
            origin.origin.clone(),
            origin.breaker.to_string(),
            maybe_time(origin.probe_at),
            maybe_time(origin.blocked_until),
            count(origin.requests),
            count(origin.retries),
            count(origin.failures),
            waited,
        ]);
    }
    table
}

/// Below the table: reasons are sentences.
fn failures(origins: &[Origin]) -> Vec<String> {
    let failing = origins.iter().filter(|origin| origin.opened.is_some());
    failing
        .map(|origin| {
            let last = origin.last_failure.as_ref();
            let last = last.map(|last| format!(": {} ({})", clean(&last.message), clean(&last.code)));
            format!(
                "\n{} has not worked since {}, {} failures in a row{}",
                clean(&origin.origin),
                maybe_time(origin.opened),
                origin.failures_in_a_row,
                last.unwrap_or_default()
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        api::view::OriginFailure,
        model::{BreakerState, Timestamp},
    };

    #[test]
    fn origins_are_a_table_with_reasons_below() {
        let time = |seconds: i64| Timestamp::from_millis(1_767_225_600_000 + seconds * 1_000);
        let good = Origin {
            origin: "https://acme.zendesk.com".into(),
            breaker: BreakerState::Closed,
            opened: None,
            probe_at: None,
            failures_in_a_row: 0,
            last_failure: None,
            requests: 1_234,
            retries: 5,
            failures: 5,
            throttled: 2,
            throttled_ms: 4_260,
            blocked_until: Some(time(90)),
            concurrency: Some(4),
        };
        let failure = OriginFailure {
            at: time(0),
            code: "net.connect".into(),
            message: "cannot connect to api.example.com: refused".into(),
        };
        let bad = Origin {
            origin: "https://api.example.com".into(),
            breaker: BreakerState::Open,
            opened: Some(time(0)),
            probe_at: Some(time(15)),
            failures_in_a_row: 5,
            last_failure: Some(failure),
            blocked_until: None,
            throttled_ms: 0,
            ..good.clone()
        };
        let origins = [good, bad];
        let text: Vec<_> =
            [table(&origins).render(Some(140))].into_iter().chain(failures(&origins)).collect();
        insta::assert_snapshot!(text.join("\n"), @"
        ORIGIN                    BREAKER  NEXT TRY              BLOCKED UNTIL         REQUESTS  RETRIES  FAILED  WAITED
        https://acme.zendesk.com  closed   -                     2026-01-01 00:01:30Z     1,234        5       5   4.2 s
        https://api.example.com   open     2026-01-01 00:00:15Z  -                        1,234        5       5       -

        https://api.example.com has not worked since 2026-01-01 00:00:00Z, 5 failures in a row: cannot connect to api.example.com: refused (net.connect)
        ");
    }
}
