//! `channel enable`, `disable` and `delete`: the plugin is heard, and a person decides.

use super::tell;
use crate::{
    api::view::{Deleted, Deletion, Disabled, Problem},
    cli::{
        client::{Call, path},
        exit::{Exit, Usage},
        session::{Context, Needs, Session},
        table::{Table, pairs},
        text::{clean, count, list, none},
    },
};
use serde_json::json;

pub(super) async fn enable(ctx: &Context<'_>, name: &str) -> anyhow::Result<Exit> {
    let session = Session::open(ctx, Needs::Plugins).await?;
    let document = session.ask(Call::post(path(&["channels", name, "enable"]))).await?;
    tell(ctx, &document, |channel| format!("channel '{}' is enabled", channel.name))
}

pub(super) async fn disable(ctx: &Context<'_>, name: &str, force: bool) -> anyhow::Result<Exit> {
    let session = Session::open(ctx, Needs::Plugins).await?;
    let call = Call::post(path(&["channels", name, "disable"]));
    let document = session.ask(call.with("force", force.then_some("true"))).await?;
    if !ctx.out.is_json() {
        warn(ctx, document.read::<Disabled>()?.warning.as_ref());
    }
    tell(ctx, &document, |channel| format!("channel '{}' is disabled", channel.name))
}

pub(super) async fn delete(ctx: &Context<'_>, name: &str, force: bool) -> anyhow::Result<Exit> {
    let session = Session::open(ctx, Needs::Plugins).await?;
    let call = Call::delete(path(&["channels", name]));
    let answer = session.answer(call.with("force", force.then_some("true"))).await?.document().await?;
    // Without a warning there is nothing to tell, and no document.
    let warning = match answer.is_empty() {
        true => None,
        false => answer.read::<Deleted>()?.warning,
    };
    if ctx.out.is_json() {
        ctx.out.document(&Deleted { deleted: name.to_owned(), warning })?;
    } else {
        warn(ctx, warning.as_ref());
        ctx.out.line(format!("channel '{name}' is deleted"))?;
    }
    Ok(Exit::Done)
}

/// Shows what a delete would remove, and deletes nothing.
pub(super) async fn before_delete(ctx: &Context<'_>, name: &str) -> anyhow::Result<Exit> {
    let session = Session::open(ctx, Needs::Plugins).await?;
    let document = session.ask(Call::get(path(&["channels", name, "deletion"]))).await?;
    if ctx.out.is_json() {
        ctx.out.document(&json!({ "deleted": null, "would-delete": document }))?;
        return Ok(Exit::Usage);
    }
    let deletion: Deletion = document.read()?;
    if !deletion.connectors.is_empty() {
        ctx.out.table(table(&deletion))?;
        ctx.out.line("")?;
    }
    ctx.out.line(rest(&deletion))?;
    for line in doubts(&deletion) {
        ctx.out.line(format!("\n{line}"))?;
    }
    let force = if deletion.refusal.is_some() { " --force" } else { "" };
    let message = format!(
        "this deletes all of that; add --yes{force} if that is what you want. Remotely nothing changes"
    );
    Err(Usage(message).into())
}

fn table(deletion: &Deletion) -> Table {
    let mut table = Table::new(["CONNECTOR", ">RECORDS", ">UNSENT CHANGES", ">DUE", ">QUARANTINE"]);
    for holding in &deletion.connectors {
        let held = &holding.held;
        let [records, unsent, due, quarantined] =
            [held.records, held.unsent, held.due, held.quarantined].map(count);
        table.row([holding.connector.to_string(), records, unsent, due, quarantined]);
    }
    table
}

fn rest(deletion: &Deletion) -> String {
    let secrets = if deletion.secrets.is_empty() { none() } else { list(&deletion.secrets) };
    pairs(&[
        ("channel", deletion.channel.to_string()),
        ("runs", count(deletion.runs)),
        ("cassettes", count(deletion.cassettes)),
        ("secrets", secrets),
    ])
}

/// What speaks against it, in a line each.
fn doubts(deletion: &Deletion) -> Vec<String> {
    let unsent: u64 = deletion.connectors.iter().map(|holding| holding.held.unsent).sum();
    let lost = (unsent > 0).then(|| {
        format!("{} local changes have not reached the remote system, and would be lost", count(unsent))
    });
    let said = |what: &str, problem: &Problem| format!("{what}: {}", clean(&problem.message));
    let refusal = deletion.refusal.as_ref().map(|problem| said("the plugin refuses it", problem));
    let warning = deletion.warning.as_ref().map(|problem| said("the plugin gave no answer", problem));
    [lost, refusal, warning].into_iter().flatten().collect()
}

fn warn(ctx: &Context<'_>, warning: Option<&Problem>) {
    if let Some(problem) = warning {
        ctx.out.note(format!("warning: {}", clean(&problem.message)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_lost_stands_out() {
        let deletion: Deletion = serde_json::from_value(json!({
            "channel": "zen", "runs": 12, "cassettes": 1, "secrets": ["token"],
            "connectors": [
                {"connector": "ticket", "records": 20_000, "unsent": 3, "due": 0, "quarantined": 2},
                {"connector": "user", "records": 7, "unsent": 0, "due": 1, "quarantined": 0},
            ],
            "refusal": {"class": "conflict", "code": "zen.unsent", "message": "sync it first"},
        }))
        .expect("a deletion");
        let told =
            [table(&deletion).render(None), rest(&deletion), doubts(&deletion).join("\n")].join("\n\n");
        insta::assert_snapshot!(told, @"
        CONNECTOR  RECORDS  UNSENT CHANGES  DUE  QUARANTINE
        ticket      20,000               3    0           2
        user             7               0    1           0

        channel    zen
        runs       12
        cassettes  1
        secrets    token

        3 local changes have not reached the remote system, and would be lost
        the plugin refuses it: sync it first
        ");
    }
}
