//! `replay`: plays a recorded run, and shows what differs.

use super::plugin;
use crate::{
    api::view::Replayed,
    cli::{
        client::{Call, path},
        exit::Exit,
        progress::spinner,
        session::{Context, Needs, Session},
        text::{clean, count},
    },
    model::{DueDifference, Failure, FieldDifference, Listed, PluginVersion, RecordDifference, Side},
};
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// The run; `tidegate cassette list` shows those that were recorded
    run: String,
    /// Another version of the plugin [default: the file that was recorded]
    #[arg(long, value_name = "FILE")]
    plugin: Option<PathBuf>,
}

pub(crate) async fn run(ctx: &Context<'_>, replay: Replay) -> anyhow::Result<Exit> {
    let call = Call::post(path(&["runs", &replay.run, "replay"]));
    let call = match &replay.plugin {
        Some(file) => call.bytes(plugin::read(file)?),
        None => call,
    };
    let working = spinner(ctx.out, "replaying the run");
    let session = Session::open(ctx, Needs::Data).await?;
    let answer = session.ask(call).await;
    working.finish_and_clear();
    let document = answer?;
    let replayed: Replayed = document.read()?;
    if ctx.out.is_json() {
        ctx.out.document(&document)?;
    } else {
        ctx.out.line(describe(&replayed))?;
    }
    Ok(if replayed.identical { Exit::Done } else { Exit::Partly })
}

fn describe(replay: &Replayed) -> String {
    let mut lines = vec![verdict(replay)];
    if let Some(why) = &replay.truncated {
        lines.push(format!("the recording is not whole: {}", clean(why)));
    }
    let records = &replay.records;
    lines.extend(keys("records that are not delivered any more", &records.only_recorded));
    lines.extend(keys("records that were not delivered before", &records.only_replayed));
    lines.extend(changed(&records.changed));
    lines.extend(due(&replay.due));
    for failure in &replay.failures {
        let told = |failure: Option<&Failure>| match failure {
            Some(failure) => format!("{} ({}): {}", failure.code, failure.class, failure.message),
            None => "went well".to_owned(),
        };
        let (then, now) = (told(failure.recorded.as_ref()), told(failure.replayed.as_ref()));
        lines.push(format!("\nstep {}\n  then  {}\n  now   {}", failure.step, clean(&then), clean(&now)));
    }
    if !replay.strayed.is_empty() {
        let steps: Vec<_> = replay.strayed.iter().map(ToString::to_string).collect();
        lines.push(format!("\nsteps that ended elsewhere than they did: {}", steps.join(", ")));
    }
    lines.extend(keys("requests that are not on the cassette", &replay.requests.missing));
    lines.extend(keys("recorded requests that were not made", &replay.requests.unused));
    lines.join("\n")
}

fn verdict(replay: &Replayed) -> String {
    let (records, steps) = (&replay.records, replay.steps);
    if replay.identical {
        return format!(
            "identical: {} records, {} steps and {} requests as they were recorded",
            count(records.count.recorded),
            count(steps.recorded),
            count(replay.requests.recorded)
        );
    }
    let short = |plugin: &PluginVersion| {
        format!("{} ({})", clean(&plugin.version), plugin.sha256.chars().take(12).collect::<String>())
    };
    format!(
        "different: version {} was recorded, version {} was replayed\n{} records are the same, {} differ, {} are gone, {} are new\n{} steps then, {} now",
        short(&replay.recorded),
        short(&replay.replayed),
        count(records.same),
        count(records.changed.count),
        count(records.only_recorded.count),
        count(records.only_replayed.count),
        count(steps.recorded),
        count(steps.replayed)
    )
}

fn keys(heading: &str, keys: &Listed<String>) -> Vec<String> {
    let lines = keys.first.iter().map(|key| format!("  {}", clean(key))).collect();
    listed(heading, lines, keys.count)
}

fn changed(changed: &Listed<RecordDifference>) -> Vec<String> {
    let one = |record: &RecordDifference| {
        let fields = record.fields.first.iter().map(|field| format!("\n    {}", change(field)));
        let more = record.fields.count.saturating_sub(record.fields.first.len() as u64);
        let more = if more > 0 { format!("\n    … and {} more", count(more)) } else { String::new() };
        format!("  {}{}{more}", clean(&record.key), fields.collect::<String>())
    };
    listed("records that differ", changed.first.iter().map(one).collect(), changed.count)
}

fn change(field: &FieldDifference) -> String {
    let value = |value: &Option<String>| value.as_deref().map_or_else(|| "not there".to_owned(), clean);
    let name = if field.field.is_empty() { "the whole".to_owned() } else { clean(&field.field) };
    format!("{name}: {} -> {}", value(&field.recorded), value(&field.replayed))
}

fn due(due: &Listed<DueDifference>) -> Vec<String> {
    let one = |due: &DueDifference| {
        let side = match due.only {
            Side::Recorded => "then",
            Side::Replayed => "now",
        };
        format!("  {} of {}, only {side}", clean(&due.key), clean(&due.connector))
    };
    listed("keys asked for on one side only", due.first.iter().map(one).collect(), due.count)
}

/// Nothing where there is nothing.
fn listed(heading: &str, lines: Vec<String>, all: u64) -> Vec<String> {
    if all == 0 {
        return Vec::new();
    }
    let more = all.saturating_sub(lines.len() as u64);
    let more = (more > 0).then(|| format!("  … and {} more", count(more)));
    [format!("\n{heading}: {}", count(all))].into_iter().chain(lines).chain(more).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Class, FailureDifference, Name, RecordDifferences, RequestDifferences, RunId, Sides};

    fn replayed() -> Replayed {
        let version =
            |version: &str, digit: &str| PluginVersion { version: version.into(), sha256: digit.repeat(64) };
        Replayed {
            run: RunId::from_bytes([1; 16]),
            connector: Name::try_new("ticket").expect("a name"),
            recorded: version("0.1.0", "a"),
            replayed: version("0.2.0", "b"),
            identical: true,
            steps: Sides { recorded: 3, replayed: 3 },
            truncated: None,
            records: RecordDifferences {
                count: Sides { recorded: 2_500, replayed: 2_500 },
                same: 2_500,
                only_recorded: Listed::default(),
                only_replayed: Listed::default(),
                changed: Listed::default(),
            },
            due: Listed::default(),
            failures: Vec::new(),
            strayed: Vec::new(),
            requests: RequestDifferences {
                recorded: 4,
                missing: Listed::default(),
                unused: Listed::default(),
            },
        }
    }

    #[test]
    fn what_is_the_same_is_one_line() {
        insta::assert_snapshot!(describe(&replayed()), @"identical: 2,500 records, 3 steps and 4 requests as they were recorded");
    }

    #[test]
    fn what_differs_is_told_field_by_field() {
        let mut replay = replayed();
        replay.identical = false;
        replay.records.same = 2_497;
        replay.records.only_recorded = Listed::of(["7".to_owned()], 50);
        replay.records.changed = Listed::of(
            [RecordDifference {
                key: "1".into(),
                fields: Listed {
                    count: 3,
                    first: vec![
                        FieldDifference {
                            field: "/status".into(),
                            recorded: Some("\"open\"".into()),
                            replayed: Some("\"new\"".into()),
                        },
                        FieldDifference { field: "/tag".into(), recorded: None, replayed: Some("1".into()) },
                    ],
                },
            }],
            50,
        );
        replay.due = Listed::of(
            [DueDifference { connector: "comment".into(), key: "9".into(), only: Side::Replayed }],
            50,
        );
        let failure = Failure::new(Class::Unsupported, "replay.missing", "no answer to GET /new");
        replay.failures.push(FailureDifference { step: 2, recorded: None, replayed: Some(failure) });
        replay.requests.missing = Listed { count: 2, first: vec!["GET /new".into()] };
        insta::assert_snapshot!(describe(&replay), @r#"
        different: version 0.1.0 (aaaaaaaaaaaa) was recorded, version 0.2.0 (bbbbbbbbbbbb) was replayed
        2,497 records are the same, 1 differ, 1 are gone, 0 are new
        3 steps then, 3 now

        records that are not delivered any more: 1
          7

        records that differ: 1
          1
            /status: "open" -> "new"
            /tag: not there -> 1
            … and 1 more

        keys asked for on one side only: 1
          9 of comment, only now

        step 2
          then  went well
          now   replay.missing (unsupported): no answer to GET /new

        requests that are not on the cassette: 2
          GET /new
          … and 1 more
        "#);
    }
}
