//! `sync --dry-run`: shows what a sync would change, as it is found out.

use super::Sync;
use crate::{
    api::view::{DryRunChange, DryRunField, DryRunKind, DryRunLine, DryRunOutcome, DryRunSummary, NewDryRun},
    cli::{
        client::{Call, path},
        exit::Exit,
        progress::spinner,
        report,
        session::{Context, Needs, Session},
        table::Table,
        text::{clean, count, counted, excerpt},
    },
    model::{Status, Vanished},
};
use anyhow::{Context as _, bail};
use futures_util::StreamExt;
use indicatif::ProgressBar;
use serde::Serialize;
use serde_json::value::RawValue;

/// The document of `--json`.
#[derive(Default, Serialize)]
struct Document {
    items: Vec<DryRunChange>,
    summary: Option<DryRunSummary>,
}

pub(super) async fn run(ctx: &Context<'_>, sync: Sync) -> anyhow::Result<Exit> {
    let session = Session::open(ctx, Needs::Plugins).await?;
    let limit = sync.limit.unwrap_or(NewDryRun::LIMIT);
    let body = serde_json::to_value(NewDryRun { connectors: sync.connectors, full: sync.full, limit })?;
    let answer = session.answer(Call::post(path(&["channels", &sync.name, "dry-run"])).json(&body)).await?;
    let mut stream = answer.stream();
    let mut reader = Reader {
        ctx,
        progress: spinner(ctx.out, "reading"),
        rest: Vec::new(),
        document: Document::default(),
    };
    while let Some(piece) = stream.next().await {
        reader.take(&piece?)?;
    }
    reader.end(&sync.name)
}

/// Takes lines apart and shows them.
struct Reader<'a> {
    ctx: &'a Context<'a>,
    progress: ProgressBar,
    /// The beginning of a line whose end has not come yet.
    rest: Vec<u8>,
    document: Document,
}

impl Reader<'_> {
    fn take(&mut self, piece: &[u8]) -> anyhow::Result<()> {
        let mut lines = piece.split_inclusive(|byte| *byte == b'\n');
        lines.try_for_each(|line| {
            self.rest.extend_from_slice(line);
            if !line.ends_with(b"\n") {
                return Ok(());
            }
            let line = std::mem::take(&mut self.rest);
            let line = serde_json::from_slice(&line)
                .context("the answer is not what this version of tidegate understands")?;
            self.show(line)
        })
    }

    fn show(&mut self, line: DryRunLine) -> anyhow::Result<()> {
        match line {
            DryRunLine::Change(change) if self.ctx.out.is_json() => self.document.items.push(change),
            DryRunLine::Change(change) => {
                // On a terminal both go to the same place.
                self.progress.suspend(|| self.ctx.out.line(text(&change)))?;
            }
            DryRunLine::Progress(outcome) => self.progress.set_message(stand(&outcome)),
            DryRunLine::Summary(summary) => self.document.summary = Some(summary),
        }
        Ok(())
    }

    fn end(self, channel: &str) -> anyhow::Result<Exit> {
        self.progress.finish_and_clear();
        let Some(summary) = &self.document.summary else {
            bail!("the host ended while the dry run went on; nothing was changed");
        };
        if self.ctx.out.is_json() {
            self.ctx.out.document(&self.document)?;
        } else {
            let lines: Vec<_> = remarks(&summary.connectors, channel);
            self.ctx.out.line(format!("\n{}", table(&summary.connectors).render(None)))?;
            lines.iter().try_for_each(|line| self.ctx.out.line(line))?;
        }
        Ok(exit(&summary.connectors))
    }
}

/// A dry run has failed where one of its connectors has.
fn exit(outcomes: &[DryRunOutcome]) -> Exit {
    let is_well =
        |outcome: &DryRunOutcome| matches!(outcome.status, Status::Completed | Status::CompletedWithWarnings);
    if outcomes.iter().all(is_well) { Exit::Done } else { Exit::Failed }
}

/// `~ ticket 13  /status: "open" -> "solved"`, further places below the first.
fn text(change: &DryRunChange) -> String {
    let sign = match change.kind {
        DryRunKind::Added => '+',
        DryRunKind::Updated => '~',
        DryRunKind::Deleted => '-',
        DryRunKind::Quarantined => '!',
        DryRunKind::Vanished => '?',
    };
    let head = clean(&format!("{sign} {} {}", change.connector, change.key));
    let details = match change.kind {
        DryRunKind::Added | DryRunKind::Deleted => Vec::new(),
        DryRunKind::Updated => change.fields.iter().map(field).chain(change.note.clone()).collect(),
        DryRunKind::Quarantined => {
            change.reason.iter().map(|reason| format!("{} ({})", reason.message, reason.code)).collect()
        }
        DryRunKind::Vanished => change
            .vanished
            .iter()
            .map(|policy| format!("gone remotely; a sync {}", treats(*policy)))
            .collect(),
    };
    let gap = format!("\n{}", " ".repeat(head.chars().count() + 2));
    let details: Vec<_> = details.iter().map(|line| clean(line)).collect();
    if details.is_empty() { head } else { format!("{head}  {}", details.join(&gap)) }
}

/// What a sync does with a record that is gone.
fn treats(policy: Vanished) -> &'static str {
    match policy {
        Vanished::Keep => "keeps it as it is",
        Vanished::Mark => "marks it",
        Vanished::Delete => "deletes it",
    }
}

fn field(field: &DryRunField) -> String {
    /// Enough to recognise a value.
    const EXCERPT: usize = 60;
    let value = |value: &Option<Box<RawValue>>| {
        value.as_ref().map_or_else(|| "absent".to_owned(), |value| excerpt(value.get(), EXCERPT))
    };
    let pointer = if field.pointer.is_empty() { "all" } else { &field.pointer };
    format!("{pointer}: {} -> {}", value(&field.before), value(&field.after))
}

/// How far it is, for the line of progress.
fn stand(outcome: &DryRunOutcome) -> String {
    let read = count(outcome.counters.read);
    let total = outcome.total.map(|total| format!(" of {}", count(total))).unwrap_or_default();
    format!("{}: {read}{total} read", clean(outcome.connector.as_str()))
}

fn table(outcomes: &[DryRunOutcome]) -> Table {
    let mut table = Table::new([
        "CONNECTOR",
        "STATUS",
        ">READ",
        ">TO ADD",
        ">TO UPDATE",
        ">UNCHANGED",
        ">TO DELETE",
        ">QUARANTINE",
        ">PAGES",
        ">REQUESTS",
    ]);
    for outcome in outcomes {
        let [read, added, updated, unchanged, deleted, quarantined] = counted(&outcome.counters);
        table.row([
            outcome.connector.to_string(),
            outcome.status.to_string(),
            read,
            added,
            updated,
            unchanged,
            deleted,
            quarantined,
            count(outcome.pages),
            count(outcome.usage.requests),
        ]);
    }
    table
}

/// What the table does not say: failures, what was not shown, what is not exact.
fn remarks(outcomes: &[DryRunOutcome], channel: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for outcome in outcomes {
        let counters = &outcome.counters;
        // What is deleted because it is gone is in both.
        let gone = if outcome.vanished == Some(Vanished::Delete) { 0 } else { counters.vanished };
        let changes = counters.added + counters.updated + counters.deleted + counters.quarantined + gone;
        if changes > outcome.shown {
            let (shown, changes) = (count(outcome.shown), count(changes));
            lines.push(format!(
                "{}: {shown} of {changes} changes shown; --limit shows more",
                outcome.connector
            ));
        }
        if let Some(policy) = outcome.vanished.filter(|_| counters.vanished > 0) {
            let (gone, treats) = (count(counters.vanished), treats(policy));
            lines.push(format!("{}: {gone} gone remotely; of each, a sync {treats}", outcome.connector));
        }
        lines.extend(outcome.notes.iter().map(|note| format!("{}: {}", outcome.connector, clean(note))));
        let Some(error) = &outcome.error else { continue };
        lines.push(format!("\n{}: {}", outcome.connector, report::sentence(error)));
        lines.extend(report::advice(error, Some(channel)).map(|advice| format!("next: {advice}")));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        api::view::Problem,
        model::{Class, Counters, Name, Usage},
    };

    fn change(json: &str) -> String {
        text(&serde_json::from_str(json).expect("a change"))
    }

    #[test]
    fn a_change_is_a_line_and_its_further_places_stand_below() {
        let text = [
            change(
                r#"{"connector":"ticket","key":"12","kind":"added","fields":[{"pointer":"/a","after":1}]}"#,
            ),
            change(
                r#"{"connector":"ticket","key":"13","kind":"updated","fields":[
                    {"pointer":"/status","before":"open","after":"solved"},
                    {"pointer":"/due","before":null},
                    {"pointer":"/n","before":1.00,"after":2}],"note":"3 more places differ"}"#,
            ),
            change(r#"{"connector":"ticket","key":"9","kind":"deleted","fields":[]}"#),
            change(r#"{"connector":"ticket","key":"8","kind":"vanished","vanished":"mark"}"#),
            change(
                r#"{"connector":"ticket","key":"7\u001b","kind":"quarantined",
                    "reason":{"class":"invalid-data","code":"record.json","message":"no JSON\nat all"}}"#,
            ),
        ];
        insta::assert_snapshot!(text.join("\n"), @r#"
        + ticket 12
        ~ ticket 13  /status: "open" -> "solved"
                     /due: null -> absent
                     /n: 1.00 -> 2
                     3 more places differ
        - ticket 9
        ? ticket 8  gone remotely; a sync marks it
        ! ticket 7�  no JSON�at all (record.json)
        "#);
    }

    fn outcome(connector: &str, status: Status, error: Option<Problem>) -> DryRunOutcome {
        DryRunOutcome {
            connector: Name::try_new(connector).expect("a name"),
            status,
            pages: 3,
            counters: Counters { read: 2_500, added: 2_000, unchanged: 500, ..Counters::default() },
            vanished: None,
            shown: 1_000,
            total: None,
            usage: Usage { requests: 4, ..Usage::default() },
            error,
            notes: Vec::new(),
        }
    }

    #[test]
    fn it_ends_with_a_line_a_connector_and_what_went_wrong() {
        let error = Problem::new(Class::Denied, "egress.dry-run", "a dry run sends no POST");
        let outcomes =
            [outcome("user", Status::Completed, None), outcome("ticket", Status::Failed, Some(error))];
        assert_eq!((exit(&outcomes), exit(&outcomes[..1])), (Exit::Failed, Exit::Done));
        let text: Vec<_> =
            [table(&outcomes).render(None)].into_iter().chain(remarks(&outcomes, "zen")).collect();
        insta::assert_snapshot!(text.join("\n"), @"
        CONNECTOR  STATUS      READ  TO ADD  TO UPDATE  UNCHANGED  TO DELETE  QUARANTINE  PAGES  REQUESTS
        user       completed  2,500   2,000          0        500          0           0      3         4
        ticket     failed     2,500   2,000          0        500          0           0      3         4
        user: 1,000 of 2,000 changes shown; --limit shows more
        ticket: 1,000 of 2,000 changes shown; --limit shows more

        ticket: a dry run sends no POST
        next: the plugin has to send something to read; only a sync without --dry-run lets it
        ");
    }
}
