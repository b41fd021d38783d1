//! What history tells of a run, and how it is cleaned.

use crate::stage::{CHANNEL, Stage};
use serde_json::{Value, json};
use std::{sync::Arc, thread};
use tests::{
    programs,
    vendor::{Answer, App, Options, Request, StatusCode, Vendor},
    zendesk::Zendesk,
};

/// The id of the newest run of a channel.
fn newest_run(stage: &Stage, channel: &str) -> String {
    let runs = stage.host.items(["run", "list", "--channel", channel, "--limit", "1"]).expect("runs");
    runs[0]["id"].as_str().expect("an id").to_owned()
}

fn lines(stage: &Stage, run: &str) -> Vec<Value> {
    stage.host.items(["run", "logs", run]).expect("a log")
}

fn says<'a>(lines: &'a [Value], source: &str, words: &str) -> Option<&'a Value> {
    lines.iter().find(|line| {
        line["source"] == source && line["message"].as_str().is_some_and(|text| text.contains(words))
    })
}

#[test]
fn the_log_of_a_run_has_the_plugin_s_lines_and_the_host_s() {
    let stage = Stage::new(Zendesk::builder().tickets(5).comments_per_ticket(0));
    // The first answer fails, so that the host has something to tell.
    stage.fake.fail_next(503);
    assert_eq!(stage.sync(&["--connector", "ticket"]).exit, Some(0));
    let run = newest_run(&stage, CHANNEL);
    let found = lines(&stage, &run);
    for words in ["run started", "request failed and is tried again", "run ended"] {
        assert!(says(&found, "host", words).is_some(), "no '{words}' in {found:#?}");
    }
    assert_eq!(found.last().expect("a line")["fields"]["status"], "completed");

    // A second sync finds nothing new, which the plugin says.
    assert_eq!(stage.sync(&["--connector", "ticket"]).exit, Some(0));
    let pages = stage.host.items(["run", "pages", &run]).expect("pages");
    assert_eq!((&pages[0]["page"], &pages[0]["read"]), (&json!(1), &json!(5)));
    let shown = stage.host.ok(["run", "show", &run]).expect("a run");
    assert!(shown.contains("slowest"), "{shown}");
}
