//! `channel show`: everything that is known of a channel.

use super::state;
use crate::{
    api::view::{ChannelDetail, ConnectorState},
    cli::{
        client::{Call, path},
        exit::Exit,
        session::{Context, Needs, Session},
        table::{Table, pairs},
        text::{clean, count, list, none, time},
    },
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
        ("created", time(channel.created)),
        ("edited", time(channel.edited)),
    ];
    if let Some(reason) = &channel.paused_because {
        lines.push(("paused because", reason.clone()));
    }
    pairs(&lines)
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
    fn connectors_are_a_table_with_troubles_below() {
        let state = |connector: &str, status: Option<Status>| {
            let run = samples::run(connector, status.unwrap_or(Status::Completed));
            ConnectorState {
                connector: run.connector.clone(),
                enabled: status.is_some(),
                records: 20_000,
                due: 7,
                quarantined: 1,
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
