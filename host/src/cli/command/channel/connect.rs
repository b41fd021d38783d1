//! `channel connect`, `channel disconnect`: lets a channel in by OAuth, and takes that back.

use crate::{
    api::view::{Attempt, Connect, Connection, Disconnected},
    cli::{
        client::{Call, Document, path},
        exit::Exit,
        progress::spinner,
        report,
        session::{Context, Needs, Session},
        table::pairs,
        text::{list, time},
    },
    model::{GrantType, Span},
};
use anyhow::Context as _;
use clap::Args;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How often the host is asked how far it is.
const LOOK: Duration = Duration::from_millis(500);

#[derive(Debug, Args)]
pub(crate) struct ConnectArgs {
    /// The channel
    name: String,
    /// Wait no longer than this for the browser to come back
    #[arg(long, value_name = "TIME", default_value = "10m")]
    timeout: Span,
    /// Print the address and do not wait
    #[arg(long)]
    no_wait: bool,
}

/// How the waiting ended.
enum Waited {
    Over(Attempt),
    /// Somebody began another attempt.
    Replaced,
    TooLate,
}

pub(super) async fn connect(ctx: &Context<'_>, args: ConnectArgs) -> anyhow::Result<Exit> {
    let session = Session::open(ctx, Needs::Plugins).await?;
    let document = session.ask(Call::post(path(&["channels", &args.name, "connect"]))).await?;
    let begun: Connect = document.read()?;
    let Some(attempt) = begun.attempt.clone() else {
        return connected(ctx, &session, &args.name).await;
    };
    if args.no_wait && ctx.out.is_json() {
        ctx.out.document(&document)?;
        return Ok(Exit::Done);
    }
    show_address(ctx, &begun)?;
    if args.no_wait {
        return Ok(Exit::Done);
    }
    match wait(ctx, &session, &args, &attempt).await? {
        Waited::Over(Attempt { error: None, .. }) => connected(ctx, &session, &args.name).await,
        Waited::Over(Attempt { error: Some(problem), .. }) => {
            let words = report::whole(&problem, Some(&args.name));
            failed(ctx, &session, &args.name, &words).await
        }
        Waited::Replaced => {
            failed(ctx, &session, &args.name, "another attempt was begun, and this one counts no more").await
        }
        Waited::TooLate => {
            let words = format!(
                "nobody came back within {}; the address is good until then, or try again: \
                 tidegate channel connect {}",
                args.timeout, args.name
            );
            failed(ctx, &session, &args.name, &words).await
        }
    }
}

/// With `--json` the answer is one document, at the end.
fn show_address(ctx: &Context<'_>, begun: &Connect) -> anyhow::Result<()> {
    let address = begun.authorize_url.as_deref().unwrap_or_default();
    let redirect = begun.redirect_uri.as_deref().unwrap_or_default();
    let text = format!(
        "open this address in a browser, and let Tidegate in:\n\n  {address}\n\n\
         the browser comes back to {redirect}\n(the redirect URI that has to be registered with the provider, \
         exactly so)"
    );
    match ctx.out.is_json() {
        true => ctx.out.note(text),
        false => ctx.out.line(text)?,
    }
    Ok(())
}

async fn wait(
    ctx: &Context<'_>,
    session: &Session,
    args: &ConnectArgs,
    attempt: &str,
) -> anyhow::Result<Waited> {
    let deadline = Instant::now() + args.timeout.0;
    let working = spinner(ctx.out, "waiting for the browser to come back");
    let waited = loop {
        let now = connection(session, &args.name).await?.1.and_then(|connection| connection.attempt);
        match now {
            Some(now) if now.id == attempt && now.status == "waiting" => {}
            Some(now) if now.id == attempt => break Waited::Over(now),
            _ => break Waited::Replaced,
        }
        if Instant::now() >= deadline {
            break Waited::TooLate;
        }
        sleep(LOOK).await;
    };
    working.finish_and_clear();
    Ok(waited)
}

async fn connection(session: &Session, name: &str) -> anyhow::Result<(Document, Option<Connection>)> {
    let document = session.ask(Call::get(path(&["channels", name, "connection"]))).await?;
    let connection = document.read()?;
    Ok((document, connection))
}

async fn connected(ctx: &Context<'_>, session: &Session, name: &str) -> anyhow::Result<Exit> {
    let (document, connection) = connection(session, name).await?;
    if ctx.out.is_json() {
        ctx.out.document(&document)?;
        return Ok(Exit::Done);
    }
    let connection = connection.context("the channel does not sign in by OAuth any more")?;
    ctx.out.line(format!("channel '{name}' is connected"))?;
    ctx.out.line(pairs(&facts(&connection)))?;
    ctx.out.line(format!("next: tidegate channel check {name}"))?;
    Ok(Exit::Done)
}

async fn failed(ctx: &Context<'_>, session: &Session, name: &str, words: &str) -> anyhow::Result<Exit> {
    if ctx.out.is_json() {
        ctx.out.document(&connection(session, name).await?.0)?;
    } else {
        ctx.out.line(format!("channel '{name}' is not connected: {words}"))?;
    }
    Ok(Exit::Failed)
}

/// What is told of a connection.
pub(super) fn facts(connection: &Connection) -> Vec<(&'static str, String)> {
    let status = match connection.status.as_str() {
        "connected" => "yes",
        "not-connected" => "no",
        "ended" => "no, it was ended",
        _ => "no, only with other settings than these",
    };
    let mut facts = vec![("connected", status.to_owned())];
    facts.extend(connection.since.map(|since| ("connected since", time(since))));
    let renewal = match (connection.renewable, connection.grant) {
        (true, _) => ", renewed by itself",
        (false, GrantType::AuthorizationCode) => ", not renewable",
        (false, GrantType::ClientCredentials) => "",
    };
    let until = connection.until.map(|until| format!("{}{renewal}", time(until)));
    facts.extend(until.map(|until| ("token holds until", until)));
    if !connection.scopes.is_empty() {
        facts.push(("scopes", list(&connection.scopes)));
    }
    facts.extend(connection.redirect_uri.clone().map(|uri| ("redirect URI", uri)));
    facts.extend(connection.ended.as_ref().map(|ended| ("ended because", ended.message.clone())));
    facts
}

pub(super) async fn disconnect(ctx: &Context<'_>, name: &str) -> anyhow::Result<Exit> {
    let session = Session::open(ctx, Needs::Plugins).await?;
    let document = session.ask(Call::post(path(&["channels", name, "disconnect"]))).await?;
    let done: Disconnected = document.read()?;
    let exit = if done.error.is_none() { Exit::Done } else { Exit::Partly };
    if ctx.out.is_json() {
        ctx.out.document(&document)?;
        return Ok(exit);
    }
    let sentence = match (&done.error, done.was_connected, done.revoked) {
        (_, false, _) => format!("channel '{name}' was not connected"),
        (None, true, true) => {
            format!("channel '{name}' is disconnected, and the provider took its tokens back")
        }
        (None, true, false) => format!("channel '{name}' is disconnected"),
        (Some(problem), true, _) => format!(
            "channel '{name}' is disconnected here, but the provider did not take its tokens back: {}\n\
             take them back in the provider's own pages",
            report::sentence(problem)
        ),
    };
    ctx.out.line(sentence)?;
    Ok(exit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_connection_is_told_without_a_token() {
        let connection = json!({
            "status": "connected", "grant": "authorization-code", "since": "2026-01-01T00:00:00Z",
            "until": "2026-01-01T01:00:00Z", "renewable": true, "renewals": 3, "scopes": ["read", "write"],
            "redirect-uri": "http://127.0.0.1:7070/oauth/callback",
        });
        let connection: Connection = serde_json::from_value(connection).expect("a connection");
        insta::assert_snapshot!(pairs(&facts(&connection)), @"
        connected          yes
        connected since    2026-01-01 00:00:00Z
        token holds until  2026-01-01 01:00:00Z, renewed by itself
        scopes             read, write
        redirect URI       http://127.0.0.1:7070/oauth/callback
        ");
    }
}
