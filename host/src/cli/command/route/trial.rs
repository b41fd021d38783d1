//! `route test`: what a route would write, before it does.

use super::{End, filter};
use crate::{
    api::view::{DryRunField, List, Tried, TriedWhat},
    cli::{
        client::{Call, path},
        exit::{Exit, Usage},
        session::{Context, Needs, Session},
        text::{clean, excerpt},
    },
    model::RecordKey,
};
use clap::Args;
use serde_json::{Value, json, value::RawValue};
use std::path::PathBuf;

/// Enough to recognise a value.
const EXCERPT: usize = 60;

#[derive(Debug, Args)]
pub(crate) struct Test {
    /// A route that is there
    #[arg(required_unless_present = "from")]
    name: Option<String>,
    /// A route that is not there yet: whose records it reads
    #[arg(long, value_name = "CHANNEL/CONNECTOR", requires_all = ["to", "map"], conflicts_with = "name")]
    from: Option<End>,
    /// Whose records it writes
    #[arg(long, value_name = "CHANNEL/CONNECTOR", requires = "from")]
    to: Option<End>,
    /// A jq filter, instead of the route's own
    #[arg(long, value_name = "FILE")]
    map: Option<PathBuf>,
    /// A jq filter for the way back, instead of the route's own
    #[arg(long, value_name = "FILE")]
    back: Option<PathBuf>,
    /// Try records on their way back
    #[arg(long)]
    reversed: bool,
    /// This record; else the first ones
    #[arg(long, value_name = "KEY")]
    key: Option<RecordKey>,
    /// How many records at most, up to 100 [default: 5]
    #[arg(long, value_name = "COUNT")]
    limit: Option<usize>,
}

impl Test {
    fn body(&self) -> anyhow::Result<Value> {
        let (map, back) =
            (self.map.as_ref().map(filter).transpose()?, self.back.as_ref().map(filter).transpose()?);
        let route = match (&self.from, &self.to, &map) {
            (Some(from), Some(to), Some(map)) => {
                Some(json!({ "from": from.body(), "to": to.body(), "map": map, "back": back }))
            }
            (Some(_), ..) => return Err(Usage("give --from, --to and --map".to_owned()).into()),
            _ => None,
        };
        Ok(json!({
            "route": route, "map": map, "back": back,
            "key": self.key, "reversed": self.reversed, "limit": self.limit,
        }))
    }
}

pub(super) async fn run(ctx: &Context<'_>, test: Test) -> anyhow::Result<Exit> {
    let name = test.name.as_deref().unwrap_or("-");
    let call = Call::post(path(&["routes", name, "test"])).json(&test.body()?);
    let document = Session::once(ctx, Needs::Plugins, call).await?;
    let tried: List<Tried> = document.read()?;
    let has_failed = tried.items.iter().any(|one| one.problem.is_some());
    let exit = if has_failed { Exit::Partly } else { Exit::Done };
    if ctx.out.is_json() {
        ctx.out.document(&document)?;
        return Ok(exit);
    }
    if tried.items.is_empty() {
        ctx.out.note("no records there yet");
        return Ok(exit);
    }
    ctx.out.line(tried.items.iter().map(text).collect::<Vec<_>>().join("\n\n"))?;
    Ok(exit)
}

/// The record, what becomes of its counterpart, and in which fields.
fn text(tried: &Tried) -> String {
    let counterpart = tried.counterpart.as_ref().map_or("", RecordKey::as_str);
    let head = match (&tried.problem, tried.what) {
        (Some(problem), _) => format!("! {} ({})", problem.message, problem.code),
        (None, TriedWhat::Create) => format!("would be created as {counterpart}"),
        (None, TriedWhat::Update) => format!("would change {counterpart}"),
        (None, TriedWhat::Unchanged) => format!("is the same as {counterpart}"),
        (None, TriedWhat::LeftOut) => "is left out: the filter gives nothing".to_owned(),
        (None, TriedWhat::Nothing) => "nothing to do".to_owned(),
    };
    let mut lines = vec![clean(&format!("{}  {head}", tried.key))];
    lines.extend(tried.parent.iter().map(|parent| clean(&format!("  belongs to {parent}"))));
    lines.extend(tried.fields.iter().map(|field| format!("  {}", changed(field))));
    lines.join("\n")
}

fn changed(field: &DryRunField) -> String {
    let value = |value: &Option<Box<RawValue>>| {
        value.as_ref().map_or_else(|| "absent".to_owned(), |value| excerpt(value.get(), EXCERPT))
    };
    let pointer = if field.pointer.is_empty() { "all" } else { &field.pointer };
    clean(&format!("{pointer}: {} -> {}", value(&field.before), value(&field.after)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_shown_with_what_would_become_of_them() {
        let shown = |tried: &str| text(&serde_json::from_str(tried).expect("a record"));
        let text = [
            shown(
                r#"{"key":"1","counterpart":"r:1","parent":"r:9","what":"create",
                    "fields":[{"pointer":"/title","after":"a"}]}"#,
            ),
            shown(
                r#"{"key":"2","counterpart":"8","what":"update",
                    "fields":[{"pointer":"/title","before":"a","after":"b"}]}"#,
            ),
            shown(r#"{"key":"3","counterpart":"9","what":"unchanged","fields":[]}"#),
            shown(r#"{"key":"4","what":"left-out","fields":[]}"#),
            shown(
                r#"{"key":"5","what":"nothing","fields":[],
                    "problem":{"class":"invalid-data","code":"mapping.filter","message":"no"}}"#,
            ),
        ];
        insta::assert_snapshot!(text.join("\n"), @r#"
        1  would be created as r:1
          belongs to r:9
          /title: absent -> "a"
        2  would change 8
          /title: "a" -> "b"
        3  is the same as 9
        4  is left out: the filter gives nothing
        5  ! no (mapping.filter)
        "#);
    }
}
