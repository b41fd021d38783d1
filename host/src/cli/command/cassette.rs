//! `cassette`: recorded runs.

use crate::{
    api::view::{CassetteDetail, List},
    cli::{
        client::{Call, path},
        exit::Exit,
        help, outcome,
        session::{Context, Needs, Session},
        table::{Table, pairs},
        text::{bytes, clean, count, time},
    },
    model::Cassette,
};
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List recorded runs, newest first
    #[command(after_help = help::CASSETTE_LIST)]
    List,
    /// Show what was recorded of a run
    #[command(after_help = help::CASSETTE_SHOW)]
    Show {
        /// The run
        run: String,
    },
    /// Delete the recording of a run
    #[command(after_help = help::CASSETTE_DELETE)]
    Delete {
        /// The run
        run: String,
    },
}

pub(crate) async fn run(ctx: &Context<'_>, command: Command) -> anyhow::Result<Exit> {
    let session = Session::open(ctx, Needs::Data).await?;
    match command {
        Command::List => list(ctx, &session).await,
        Command::Show { run } => show(ctx, &session, &run).await,
        Command::Delete { run } => {
            let line = format!("deleted the cassette of run {}", clean(&run));
            outcome::delete(ctx, &session, ["cassettes", &run], line).await
        }
    }
}

async fn list(ctx: &Context<'_>, session: &Session) -> anyhow::Result<Exit> {
    let document = session.ask(Call::get(path(&["cassettes"]))).await?;
    if ctx.out.is_json() {
        ctx.out.document(&document)?;
        return Ok(Exit::Done);
    }
    let cassettes: List<Cassette> = document.read()?;
    if cassettes.items.is_empty() {
        ctx.out.note("no cassettes; record one with: tidegate sync NAME --record");
        return Ok(Exit::Done);
    }
    ctx.out.table(table(&cassettes.items))?;
    Ok(Exit::Done)
}

fn table(cassettes: &[Cassette]) -> Table {
    let mut table =
        Table::new(["RUN", "CHANNEL", "CONNECTOR", "VERSION", ">STEPS", ">REQUESTS", ">SIZE", "WHOLE"]);
    for cassette in cassettes {
        table.row([
            cassette.run.to_string(),
            cassette.channel.to_string(),
            cassette.connector.to_string(),
            cassette.plugin.version.clone(),
            count(cassette.steps),
            count(cassette.requests),
            bytes(cassette.bytes),
            if cassette.truncated.is_none() { "yes" } else { "no" }.to_owned(),
        ]);
    }
    table
}

async fn show(ctx: &Context<'_>, session: &Session, run: &str) -> anyhow::Result<Exit> {
    let document = session.ask(Call::get(path(&["cassettes", run]))).await?;
    if ctx.out.is_json() {
        ctx.out.document(&document)?;
    } else {
        ctx.out.line(describe(&document.read()?))?;
    }
    Ok(Exit::Done)
}

fn describe(detail: &CassetteDetail) -> String {
    let cassette = &detail.cassette;
    let kept = if cassette.plugin_kept { "kept" } else { "not kept" };
    let mut text = pairs(&[
        ("run", cassette.run.to_string()),
        ("channel", cassette.channel.to_string()),
        ("connector", format!("{} of {}", cassette.connector, cassette.channel_type)),
        (
            "plugin",
            format!("{} (sha-256 {}), its file {kept}", cassette.plugin.version, cassette.plugin.sha256),
        ),
        ("recorded", time(cassette.created)),
        ("steps", count(cassette.steps)),
        ("requests", count(cassette.requests)),
        ("size", bytes(cassette.bytes)),
    ]);
    if let Some(why) = &cassette.truncated {
        text.push_str(&format!("\n\nnot whole: {}", clean(why)));
    }
    if !detail.exchanges.is_empty() {
        text.push('\n');
    }
    for exchange in &detail.exchanges {
        text.push_str(&format!("\n{}", clean(exchange)));
    }
    let more = cassette.requests.saturating_sub(detail.exchanges.len() as u64);
    if more > 0 {
        text.push_str(&format!("\n… and {} more", count(more)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ChannelName, Name, PluginVersion, RunId, Timestamp};

    fn cassette() -> Cassette {
        let name = |text: &str| Name::try_new(text).expect("a name");
        Cassette {
            run: RunId::from_bytes([1; 16]),
            channel: ChannelName::try_new("zen").expect("a name"),
            channel_type: name("zendesk"),
            connector: name("ticket"),
            plugin: PluginVersion { version: "0.1.0".into(), sha256: "0123456789abcdef".repeat(4) },
            plugin_kept: true,
            created: Timestamp::from_millis(1_767_225_600_000),
            steps: 3,
            requests: 1_200,
            bytes: 2_400_000,
            truncated: Some("the run records more than 64MiB (cassettes.run-bytes)".into()),
        }
    }

    #[test]
    fn recordings_are_a_table() {
        insta::assert_snapshot!(table(&[cassette()]).render(Some(120)), @"
        RUN                         CHANNEL  CONNECTOR  VERSION  STEPS  REQUESTS     SIZE  WHOLE
        01040G2081040G2081040G2081  zen      ticket     0.1.0        3     1,200  2.2 MiB  no
        ");
    }

    #[test]
    fn a_recording_is_told_with_its_requests() {
        let exchanges =
            vec!["0: GET /api/v2/tickets.json → 200".to_owned(), "1: GET /x → net.dns".to_owned()];
        insta::assert_snapshot!(describe(&CassetteDetail { cassette: cassette(), exchanges }), @"
        run        01040G2081040G2081040G2081
        channel    zen
        connector  ticket of zendesk
        plugin     0.1.0 (sha-256 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef), its file kept
        recorded   2026-01-01 00:00:00Z
        steps      3
        requests   1,200
        size       2.2 MiB

        not whole: the run records more than 64MiB (cassettes.run-bytes)

        0: GET /api/v2/tickets.json → 200
        1: GET /x → net.dns
        … and 1,198 more
        ");
    }
}
