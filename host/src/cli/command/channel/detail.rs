//! `channel show`: everything that is known of a channel.

use super::state;
use crate::{
    api::view::{ChannelDetail, ConnectorState, Problem, Waiting},
    cli::{
        client::{Call, path},
        exit::Exit,
        report, rhythm,
        session::{Context, Needs, Session},
        table::{Table, pairs},
        text::{clean, count, list, none, time},
    },
    model::{Class, ConflictPolicies, ConflictPolicy, Paused, Vanished},
};

pub(super) async fn show(ctx: &Context<'_>, name: &str) -> anyhow::Result<Exit> {
    let session = Session::open(ctx, Needs::Plugins).await?;
    let document = session.ask(Call::get(path(&["channels", name]))).await?;
    if ctx.out.is_json() {
        ctx.out.document(&document)?;
        return Ok(Exit::Done);
    }
    let detail: ChannelDetail = document.read()?;
    ctx.out.line(head(&detail))?;
    ctx.out.line("\nsettings:")?;
    ctx.out.line(settings(&detail))?;
    if !detail.connector_states.is_empty() {
        ctx.out.line("")?;
        ctx.out.table(connectors(&detail.connector_states))?;
    }
    for line in outgoing(&detail.connector_states, detail.channel.name.as_str()) {
        ctx.out.line(line)?;
    }
    for line in troubles(&detail.connector_states) {
        ctx.out.line(line)?;
    }
    Ok(Exit::Done)
}

fn head(detail: &ChannelDetail) -> String {
    let channel = &detail.channel;
    let plugin = detail.plugin.clone().unwrap_or_else(|| "none offers this type now".to_owned());
    let mut lines = vec![
        ("channel", channel.name.to_string()),
        ("type", channel.channel_type.to_string()),
        ("plugin", plugin),
        ("transport", channel.transport.to_string()),
        ("state", state(channel).to_owned()),
        ("direction", if channel.two_way { "two-way" } else { "import" }.to_owned()),
        ("schedule", rhythm::words(&channel.schedule)),
        (
            "parallel",
            match channel.parallel.get() {
                1 => "one connector after the other".to_owned(),
                count => format!("{count} connectors at the same time"),
            },
        ),
        ("vanished", vanished(channel.vanished).to_owned()),
        ("created", time(channel.created)),
        ("edited", time(channel.edited)),
    ];
    if let Some(upgrade) = &channel.settings_migrated {
        let told = "old kept until the first good run";
        lines.push(("settings", format!("migrated from {} to {}, {told}", upgrade.from, upgrade.to)));
    }
    if channel.two_way {
        lines.push(("conflicts", conflicts(&channel.conflicts)));
    }
    if let Some(paused) = &channel.paused {
        lines.push(("paused since", time(paused.since)));
        lines.push(("paused because", format!("{} ({}, {})", paused.message, paused.class, paused.code)));
    }
    let text = pairs(&lines);
    match channel.paused.as_ref().map(|paused| way_out(paused, channel.name.as_str())) {
        Some(way_out) => format!("{text}\nnext: {way_out}"),
        None => text,
    }
}

/// Who is right, where people have said so.
fn conflicts(policies: &ConflictPolicies) -> String {
    if policies.is_default() {
        return ConflictPolicy::default().to_string();
    }
    let said = policies.iter().map(|(connector, policy)| match connector {
        ConflictPolicies::ALL => policy.to_string(),
        _ => format!("{connector}: {policy}"),
    });
    said.collect::<Vec<_>>().join(", ")
}

fn vanished(vanished: Vanished) -> &'static str {
    match vanished {
        Vanished::Keep => "kept by a full sync",
        Vanished::Mark => "marked by a full sync",
        Vanished::Delete => "deleted by a full sync",
    }
}

/// What ends a pause. New settings or secrets do so by themselves.
fn way_out(paused: &Paused, name: &str) -> String {
    let enable = format!("tidegate channel enable {name}");
    let problem = Problem::new(paused.class, paused.code.as_str(), paused.message.as_str());
    match report::advice(&problem, Some(name)) {
        Some(advice) if matches!(paused.class, Class::Auth | Class::Config) => {
            format!("{advice}\nor, where nothing is to change here: {enable}")
        }
        Some(advice) => format!("{advice}, then: {enable}"),
        None => enable,
    }
}

fn settings(detail: &ChannelDetail) -> String {
    let channel = &detail.channel;
    let plain = channel
        .settings
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)));
    let secret = channel.secrets.iter().map(|key| (key.as_str(), "(secret, set)".to_owned()));
    let all: Vec<_> = plain.chain(secret).collect();
    if all.is_empty() { none() } else { pairs(&all) }
}

fn connectors(states: &[ConnectorState]) -> Table {
    let mut table =
        Table::new(["CONNECTOR", "STATE", ">RECORDS", ">DUE", ">QUARANTINE", "LAST RUN", "ENDED"]);
    for state in states {
        let run = state.last_run.as_ref();
        table.row([
            state.connector.to_string(),
            if state.enabled { "on" } else { "off" }.to_owned(),
            count(state.records),
            count(state.due),
            count(state.quarantined),
            run.map_or_else(|| "never".to_owned(), |run| run.status.to_string()),
            run.and_then(|run| run.ended).map_or_else(none, time),
        ]);
    }
    table
}

/// What waits to be exported, in a line each.
fn outgoing(states: &[ConnectorState], name: &str) -> Vec<String> {
    let waiting = states.iter().filter_map(|state| Some((&state.connector, state.outgoing?)));
    let words = |(connector, waiting): (&_, Waiting)| {
        let Waiting { changes, refused, held } = waiting;
        let counts =
            format!("{} to be exported, {} refused, {} held", count(changes), count(refused), count(held));
        let mut line =
            format!("\n{connector}: {counts}\n  tidegate outbox list {name} --connector {connector}");
        if held > 0 {
            line.push_str(&format!("\n  tidegate conflict list {name} --held"));
        }
        line
    };
    waiting.map(words).collect()
}

/// Why last runs failed, in a line each.
fn troubles(states: &[ConnectorState]) -> Vec<String> {
    let runs = states.iter().filter_map(|state| state.last_run.as_ref());
    let failed = runs.filter_map(|run| run.error.as_ref().map(|error| (run, error)));
    failed
        .map(|(run, error)| {
            format!(
                "\n{}: {} ({})\n  tidegate run show {}",
                run.connector,
                clean(&error.message),
                list(&[error.class.as_str(), clean(&error.code).as_str()]),
                run.id
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{cli::text::samples, model::Status};

    #[test]
    fn a_paused_channel_says_why_and_what_to_do() {
        let detail = |paused: serde_json::Value| -> ChannelDetail {
            serde_json::from_value(serde_json::json!({
                "id": "01JZZZZZZZZZZZZZZZZZZZZZZZ", "name": "zen", "type": "zendesk", "transport": "api",
                "connectors": ["ticket"], "two-way": false, "enabled": true, "paused": paused,
                "paused-because": "the credentials are refused",
                "schedule": {"every": "15m", "time-zone": "Europe/Vienna", "quiet": "22:00-06:00"},
                "parallel": 4, "vanished": "mark", "settings": {}, "secrets": [], "plugin-version": "0.1.0",
                "settings-migrated": {"from": "0.0.9", "to": "0.1.0", "at": "2026-01-01T00:00:00Z"},
                "created": "2026-01-01T00:00:00Z", "edited": "2026-01-01T00:00:00Z", "revision": 2,
                "plugin": "zendesk.wasm", "connector-states": [], "last-run": null,
            }))
            .expect("a channel")
        };
        let refused = serde_json::json!({
            "since": "2026-01-02T00:00:00Z", "class": "auth", "code": "http.status.401",
            "message": "the credentials are refused",
        });
        insta::assert_snapshot!(head(&detail(refused)), @"
        channel         zen
        type            zendesk
        plugin          zendesk.wasm
        transport       api
        state           paused
        direction       import
        schedule        every 15 min, quiet 22:00-06:00 Europe/Vienna
        parallel        4 connectors at the same time
        vanished        marked by a full sync
        created         2026-01-01 00:00:00Z
        edited          2026-01-01 00:00:00Z
        settings        migrated from 0.0.9 to 0.1.0, old kept until the first good run
        paused since    2026-01-02 00:00:00Z
        paused because  the credentials are refused (auth, http.status.401)
        next: correct the credentials: tidegate channel edit zen --secret-file KEY=PATH
        or, where nothing is to change here: tidegate channel enable zen
        ");
    }

    #[test]
    fn connectors_are_a_table_with_troubles_below() {
        let state = |connector: &str, status: Option<Status>| {
            let run = samples::run(connector, status.unwrap_or(Status::Completed));
            ConnectorState {
                connector: run.connector.clone(),
                enabled: status.is_some(),
                records: 20_000,
                due: 7,
                quarantined: 1,
                outgoing: None,
                last_run: status.map(|_| run),
            }
        };
        let states = [
            state("user", Some(Status::Completed)),
            state("ticket", Some(Status::Failed)),
            state("comment", None),
        ];
        let text =
            [connectors(&states).render(Some(110))].into_iter().chain(troubles(&states)).collect::<Vec<_>>();
        insta::assert_snapshot!(text.join("\n"), @"
        CONNECTOR  STATE  RECORDS  DUE  QUARANTINE  LAST RUN   ENDED
        user       on      20,000    7           1  completed  2026-01-01 00:00:04Z
        ticket     on      20,000    7           1  failed     2026-01-01 00:00:04Z
        comment    off     20,000    7           1  never      -

        ticket: the remote system refuses the credentials (auth, http.status.401)
          tidegate run show 01040G2081040G2081040G2081
        ");
    }
}
