//! `conflict`: what both sides changed, and deciding it by hand.

use super::{outbox::value, record::write::told};
use crate::{
    api::view::{Choice, Conflict, Resolution, Side},
    cli::{
        client::{Call, path},
        exit::{Exit, Usage},
        help, listing,
        session::{Context, Needs, Session},
        table::{Table, pairs},
        text::time,
    },
    model::{ConflictId, FieldConflict, Name},
};
use clap::{Subcommand, ValueEnum};
use serde_json::Value;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List conflicts, by channel, connector and age
    #[command(after_help = help::CONFLICT_LIST)]
    List {
        /// Of this channel only
        name: Option<String>,
        /// Of this connector only
        #[arg(long, value_name = "CONNECTOR")]
        connector: Option<Name>,
        /// Only those that wait to be decided
        #[arg(long)]
        held: bool,
        /// How many at most, up to 1000
        #[arg(long, value_name = "COUNT", default_value_t = 20)]
        limit: u16,
        /// Where an earlier list ended
        #[arg(long, value_name = "TOKEN")]
        after: Option<String>,
    },
    /// Show a conflict side by side
    #[command(after_help = help::CONFLICT_SHOW)]
    Show {
        /// The conflict
        id: ConflictId,
    },
    /// Decide a conflict that waits
    #[command(after_help = help::CONFLICT_RESOLVE)]
    Resolve {
        /// The conflict
        id: ConflictId,
        /// Whose value counts, for the fields that are not named
        #[arg(long, value_name = "SIDE")]
        take: Option<Taken>,
        /// What one field is to have: local, remote, or a JSON value
        #[arg(long = "field", value_name = "/FIELD=VALUE", value_parser = field)]
        fields: Vec<(String, Choice)>,
    },
}

/// Whose value counts.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Taken {
    /// What the record has here
    Local,
    /// What the remote system has
    Remote,
}

/// `/x=local`, `/x=remote` or `/x=JSON`.
fn field(text: &str) -> Result<(String, Choice), String> {
    let Some((field, choice)) = text.split_once('=').filter(|(field, _)| field.starts_with('/')) else {
        return Err("write it as /FIELD=local, /FIELD=remote or /FIELD=JSON".to_owned());
    };
    let choice = match choice {
        "local" => Choice::Local,
        "remote" => Choice::Remote,
        json => Choice::Value(serde_json::from_str(json).map_err(|error| {
            format!("'{json}' is neither local, remote nor JSON ({error}); a text is \"in quotes\"")
        })?),
    };
    Ok((field.to_owned(), choice))
}

pub(crate) async fn run(ctx: &Context<'_>, command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::List { name, connector, held, limit, after } => {
            let call = Call::get(path(&["conflicts"]))
                .with("channel", name.as_deref())
                .with("connector", connector.as_ref().map(Name::as_str))
                .with("held", held.then_some("true"))
                .with("limit", Some(&limit.to_string()))
                .with("after", after.as_deref());
            list(ctx, call).await
        }
        Command::Show { id } => show(ctx, id).await,
        Command::Resolve { id, take, fields } => resolve(ctx, id, take, fields).await,
    }
}

async fn list(ctx: &Context<'_>, call: Call) -> anyhow::Result<Exit> {
    let session = Session::open(ctx, Needs::Plugins).await?;
    let document = session.ask(call).await?;
    let words = listing::Words { nothing: "no conflicts that fit", nothing_here: None, next: "more" };
    listing::show(ctx, &document, table, &words)
}

fn table(conflicts: &[Conflict]) -> Table {
    let mut table = Table::new(["CONFLICT", "CHANNEL", "CONNECTOR", "KEY", "FOUND", "STATE", "~FIELDS"]);
    for conflict in conflicts {
        let fields = conflict.fields.iter().map(|field| named(&field.field)).collect::<Vec<_>>();
        table.row([
            conflict.id.to_string(),
            conflict.channel.to_string(),
            conflict.connector.to_string(),
            conflict.key.to_string(),
            time(conflict.at),
            state(conflict),
            fields.join(", "),
        ]);
    }
    table
}

fn named(field: &str) -> String {
    if field.is_empty() { "(the whole record)".to_owned() } else { field.to_owned() }
}

fn state(conflict: &Conflict) -> String {
    match &conflict.settled {
        Some(settlement) => format!("settled by {}", settlement.by),
        None if conflict.waits => "held".to_owned(),
        None => "settled by the policy".to_owned(),
    }
}

async fn show(ctx: &Context<'_>, id: ConflictId) -> anyhow::Result<Exit> {
    let session = Session::open(ctx, Needs::Plugins).await?;
    let document = session.ask(Call::get(path(&["conflicts", &id.to_string()]))).await?;
    if ctx.out.is_json() {
        ctx.out.document(&document)?;
        return Ok(Exit::Done);
    }
    let conflict: Conflict = document.read()?;
    ctx.out.line(pairs(&[
        ("conflict", conflict.id.to_string()),
        ("channel", conflict.channel.to_string()),
        ("connector", conflict.connector.to_string()),
        ("key", conflict.key.to_string()),
        ("found", time(conflict.at)),
        found_by(&conflict),
        ("state", state(&conflict)),
    ]))?;
    ctx.out.line("")?;
    ctx.out.table(sides(&conflict))?;
    if conflict.waits {
        ctx.out.line(format!(
            "next: tidegate conflict resolve {id} --take local|remote, or --field /FIELD=local|remote|JSON for each"
        ))?;
    }
    Ok(Exit::Done)
}

/// The run or the route.
fn found_by(conflict: &Conflict) -> (&'static str, String) {
    match (&conflict.route, conflict.run) {
        (Some(route), _) => ("route", route.to_string()),
        (None, run) => ("run", run.map(|run| run.to_string()).unwrap_or_default()),
    }
}

/// Side by side.
fn sides(conflict: &Conflict) -> Table {
    let mut table = Table::new(["FIELD", "~BASE", "~LOCAL", "~REMOTE", "TAKEN"]);
    for field in &conflict.fields {
        table.row([
            named(&field.field),
            value(field.base.as_ref()),
            value(field.local.as_ref()),
            value(field.remote.as_ref()),
            field.taken.to_string(),
        ]);
        for name in changed(field) {
            let member = |side: &Option<Value>| value(side.as_ref().and_then(|side| side.get(&name)));
            let [base, local, remote] = [&field.base, &field.local, &field.remote].map(member);
            table.row([format!("  /{name}"), base, local, remote, String::new()]);
        }
    }
    table
}

/// What one side changed of a whole record that the other side deleted: shown whole, it cannot be
/// told from what it was.
fn changed(field: &FieldConflict) -> Vec<String> {
    if !field.field.is_empty() || field.local.is_some() == field.remote.is_some() {
        return Vec::new();
    }
    let of = |side: &Option<Value>| side.as_ref().and_then(Value::as_object).cloned();
    let (Some(base), Some(kept)) = (of(&field.base), of(&field.local).or_else(|| of(&field.remote))) else {
        return Vec::new();
    };
    let mut names: Vec<_> = base.keys().chain(kept.keys()).cloned().collect();
    names.sort_unstable();
    names.dedup();
    names.retain(|name| base.get(name) != kept.get(name));
    names
}

async fn resolve(
    ctx: &Context<'_>,
    id: ConflictId,
    take: Option<Taken>,
    fields: Vec<(String, Choice)>,
) -> anyhow::Result<Exit> {
    if take.is_none() && fields.is_empty() {
        return Err(Usage("say what counts: --take local|remote, or --field /FIELD=VALUE".to_owned()).into());
    }
    let take = take.map(|side| match side {
        Taken::Local => Side::Local,
        Taken::Remote => Side::Remote,
    });
    let body = serde_json::to_value(Resolution { take, fields: fields.into_iter().collect() })?;
    let session = Session::open(ctx, Needs::Plugins).await?;
    let shown: Conflict = session.ask(Call::get(path(&["conflicts", &id.to_string()]))).await?.read()?;
    let call = Call::post(path(&["conflicts", &id.to_string(), "resolve"])).json(&body).by_this_user();
    let document = session.ask(call).await?;
    told(ctx, &session, shown.channel.as_str(), &document)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn of_a_whole_record_it_is_shown_what_one_side_changed() {
        let check = |base: Value, local: Option<Value>, remote: Option<Value>, names: &[&str]| {
            let taken = crate::model::Taken::Held;
            let field = FieldConflict { field: String::new(), base: Some(base), local, remote, taken };
            assert_eq!(changed(&field), names, "{field:?}");
        };
        let base = || json!({"a": 1, "b": 1, "c": 1});
        check(base(), Some(json!({"a": 1, "b": 2, "d": 1})), None, &["b", "c", "d"]);
        check(base(), None, Some(json!({"a": 2, "b": 1, "c": 1})), &["a"]);
        check(base(), None, None, &[]);
        check(base(), Some(json!({"a": 2})), Some(json!({"a": 3})), &[]);
        check(json!("old"), Some(json!("new")), None, &[]);
    }

    #[test]
    fn a_field_gets_a_side_or_a_value() {
        for (text, choice) in [
            ("/a=local", Choice::Local),
            ("/a=remote", Choice::Remote),
            ("/a=7", Choice::Value(json!(7))),
            ("/a=\"b=c\"", Choice::Value(json!("b=c"))),
            ("/a=null", Choice::Value(json!(null))),
        ] {
            assert_eq!(field(text), Ok(("/a".to_owned(), choice)));
        }
        for text in ["a=local", "/a", "/a=mine", "=local"] {
            assert!(field(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_conflict_stands_side_by_side() {
        let conflict: Conflict = serde_json::from_value(json!({
            "id": "01JZZZZZZZZZZZZZZZZZZZZZZZ", "channel": "zen", "connector": "ticket", "key": "7",
            "at": "2026-01-01T00:00:00Z", "run": "01JZZZZZZZZZZZZZZZZZZZZZZZ", "waits": true,
            "fields": [
                {"field": "/subject", "base": "a", "local": "b", "remote": null, "taken": "held"},
                {"field": "", "local": {"x": 1}, "taken": "local"},
            ],
        }))
        .expect("a conflict");
        let text = sides(&conflict).render(Some(120));
        for word in ["/subject", "\"a\"", "null", "(absent)", "(the whole record)", "held"] {
            assert!(text.contains(word), "{word} is missing in:\n{text}");
        }
    }
}
