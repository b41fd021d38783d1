//! `mapping test`: what a mapping makes of records, and what would go back.

use super::lints;
use crate::{
    api::view::{DryRunField, MappedRecord, MappingPreview},
    cli::{
        client::Call,
        exit::Exit,
        session::{Context, Session},
        text::{clean, excerpt},
    },
};
use serde_json::value::RawValue;

/// Enough to recognise a value.
const EXCERPT: usize = 60;
/// Names of fields that are listed.
const LISTED: usize = 12;

pub(super) async fn run(ctx: &Context<'_>, session: &Session, call: Call) -> anyhow::Result<Exit> {
    let document = session.ask(call).await?;
    let preview: MappingPreview = document.read()?;
    let has_failed = preview.items.iter().any(|record| record.problem.is_some());
    let exit = if has_failed { Exit::Partly } else { Exit::Done };
    if ctx.out.is_json() {
        ctx.out.document(&document)?;
        return Ok(exit);
    }
    if preview.items.is_empty() && preview.note.is_none() {
        ctx.out.note("no records here yet; show one as the remote system gives it with: --payload FILE");
    }
    if let Some(note) = &preview.note {
        ctx.out.note(note);
    }
    let mut parts: Vec<_> = preview.items.iter().map(text).collect();
    parts.extend((!preview.lints.is_empty()).then(|| lints(&preview.lints)));
    if !parts.is_empty() {
        ctx.out.line(parts.join("\n\n"))?;
    }
    Ok(exit)
}

/// The record, what changes on the way in, and what the way back makes of it.
fn text(record: &MappedRecord) -> String {
    let key = record.key.as_ref().map_or_else(|| "the payload".to_owned(), ToString::to_string);
    let mut lines = vec![clean(&key)];
    lines.extend(record.fields.iter().map(|field| format!("  {}", changed(field))));
    lines.extend(record.note.iter().map(|note| format!("  {}", clean(note))));
    if record.local.is_some() && record.fields.is_empty() {
        lines.push("  stays as it is".to_owned());
    }
    match (&record.problem, &record.back) {
        (Some(problem), _) => lines.push(format!("  ! {} ({})", clean(&problem.message), problem.code)),
        (None, None) => lines.push("  back: nothing turns it back, there is no export filter".to_owned()),
        (None, Some(back)) => lines.extend(way_back(back).into_iter().map(|line| format!("  back: {line}"))),
    }
    lines.join("\n")
}

fn way_back(back: &[DryRunField]) -> Vec<String> {
    let (missing, other): (Vec<_>, Vec<_>) = back.iter().partition(|field| field.after.is_none());
    let mut lines: Vec<_> = other.into_iter().map(|field| format!("differs  {}", changed(field))).collect();
    if !missing.is_empty() {
        let mut names: Vec<_> = missing.iter().take(LISTED).map(|field| clean(&field.pointer)).collect();
        names.extend((missing.len() > LISTED).then(|| format!("{} more", missing.len() - LISTED)));
        lines.push(format!("not sent  {}", names.join(", ")));
    }
    if lines.is_empty() {
        lines.push("the same as it came".to_owned());
    }
    lines
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

    fn shown(record: &str) -> String {
        text(&serde_json::from_str(record).expect("a record"))
    }

    #[test]
    fn a_record_is_shown_on_its_way_in_and_back() {
        let text = [
            shown(
                r#"{"key":"13","fields":[{"pointer":"/subject","before":"a"},{"pointer":"/title","after":"a"}],
                    "local":{"title":"a"},"back":[]}"#,
            ),
            shown(
                r#"{"key":"14","fields":[],"local":{},"back":[
                    {"pointer":"/priority","before":"high","after":"urgent"},
                    {"pointer":"/id","before":1},{"pointer":"/url","before":"x"}]}"#,
            ),
            shown(r#"{"fields":[],"local":{}}"#),
            shown(
                r#"{"key":"15","fields":[],
                    "problem":{"class":"invalid-data","code":"mapping.filter","message":"the filter fails: no"}}"#,
            ),
        ];
        insta::assert_snapshot!(text.join("\n"), @r#"
        13
          /subject: "a" -> absent
          /title: absent -> "a"
          back: the same as it came
        14
          stays as it is
          back: differs  /priority: "high" -> "urgent"
          back: not sent  /id, /url
        the payload
          stays as it is
          back: nothing turns it back, there is no export filter
        15
          ! the filter fails: no (mapping.filter)
        "#);
    }
}
