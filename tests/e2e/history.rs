//! What history tells of a run, and how it is cleaned.

use crate::stage::{CHANNEL, Stage};
use hyper::StatusCode;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tests::{
    programs,
    vendor::{Answer, App, Options, Request, Rule, Vendor},
    wait,
    zendesk::Zendesk,
};

const EXPORT: &str = "/api/v2/incremental/tickets/cursor.json";
const QUICK: &str = "[broker]\nbackoff-base = \"5ms\"\nbackoff-max = \"20ms\"\n";

fn newest_run(stage: &Stage, channel: &str) -> String {
    let runs = stage.host.items(["run", "list", "--channel", channel, "--limit", "1"]).expect("runs");
    runs[0]["id"].as_str().expect("an id").to_owned()
}

/// Whether somebody says a line with these words.
fn says(lines: &[Value], source: &str, words: &str) -> bool {
    let text = |line: &Value| line["message"].as_str().is_some_and(|text| text.contains(words));
    lines.iter().any(|line| line["source"] == source && text(line))
}

#[test]
fn a_run_tells_what_was_said_in_it_and_how_its_pages_went() {
    let stage = Stage::with_config(Zendesk::builder().tickets(40).comments_per_ticket(0), QUICK);
    stage.fake.set_script(Rule::on(EXPORT).times(1).status(503));
    assert_eq!(stage.sync(&["--connector", "ticket"]).exit, Some(0));
    let run = newest_run(&stage, CHANNEL);
    let lines = stage.host.items(["run", "logs", &run]).expect("a log");
    for words in ["run started", "request failed and is tried again", "run ended"] {
        assert!(says(&lines, "host", words), "no '{words}' in {lines:#?}");
    }
    assert_eq!(lines.last().expect("a line")["fields"]["status"], "completed");
    let grave = stage.host.items(["run", "logs", &run, "--level", "warn"]).expect("a log");
    assert!(grave.is_empty(), "{grave:#?}");

    let pages = stage.host.items(["run", "pages", &run]).expect("pages");
    let read: u64 = pages.iter().map(|page| page["read"].as_u64().expect("a number")).sum();
    assert_eq!((&pages[0]["page"], read), (&json!(1), 40), "{pages:#?}");
    let shown = stage.host.ok(["run", "show", &run]).expect("a run");
    assert!(shown.contains("pages a minute") && shown.contains("slowest"), "{shown}");
}

#[test]
fn who_follows_a_run_sees_lines_as_they_are_said_and_its_end() {
    let stage = Stage::new(Zendesk::builder().tickets(40).comments_per_ticket(0));
    stage.fake.set_script(Rule::on(EXPORT).latency(Duration::from_secs(3)));
    stage.host.ok(["sync", CHANNEL, "--connector", "ticket"]).expect("it is started");
    let run = newest_run(&stage, CHANNEL);
    let listed = stage.host.items(["run", "list", "--status", "running,queued", "--since", "1h"]);
    assert_eq!(listed.expect("runs")[0]["id"], run.as_str());
    let followed = stage.host.cli(["--json", "run", "logs", &run, "--follow"]).expect("the command runs");
    let text = followed.success().expect("a log");
    let lines: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("a document a line")).collect();
    assert!(says(&lines, "host", "run started"), "{lines:#?}");
    assert_eq!(lines.last().expect("a line")["message"], "run ended", "{lines:#?}");
}

/// Sends back the credential that it was sent.
struct Parrot;

impl App for Parrot {
    fn answer(&self, request: &Request) -> Answer {
        let heard = request.header("x-secret-key").unwrap_or("nothing");
        Answer::json(StatusCode::OK, &json!({ "you": "said", "heard": heard }))
    }

    fn control(&self, _path: &str, _request: &Request) -> Option<Answer> {
        None
    }

    fn control_help(&self) -> &'static str {
        ""
    }

    fn words_for(&self, status: StatusCode) -> Answer {
        Answer::json(status, &json!({}))
    }

    fn kind_of(&self, path: &str) -> String {
        path.to_owned()
    }
}

const SECRET: &str = "s3cret-of-the-channel";

#[test]
fn a_secret_that_a_remote_system_echoes_shows_in_no_log_and_no_failure() {
    let mut stage = Stage::new(Zendesk::builder().tickets(5).comments_per_ticket(0));
    let plugin = programs::hostile("misbehaves").expect("it compiles");
    stage.host.drop_in(&plugin).expect("a copy");
    let ready = wait::until("the plugin to be ready", 2 * wait::PATIENCE, || {
        let plugins = stage.host.items(["plugin", "list"])?;
        Ok(plugins
            .into_iter()
            .find(|plugin| plugin["status"] == "ready" && plugin["file"] == "misbehaves.wasm"))
    });
    ready.expect("it is ready");
    let vendor = Vendor::start(Options::default(), |_| Arc::new(Parrot)).expect("a vendor");
    let (url, token) = (format!("url={}", vendor.url()), format!("token={SECRET}"));
    let create =
        ["channel", "create", "told", "--type", "misbehaves", "--set", &url, "--set", "act=tell-answer"];
    stage.host.ok(create.into_iter().chain(["--secret", &token])).expect("a channel");
    let output = stage.host.cli(["--json", "sync", "told", "--wait"]).expect("the command runs");
    assert!(output.stdout.contains("misbehaves.told"), "{output:?}");

    let run = newest_run(&stage, "told");
    let lines = stage.host.items(["run", "logs", &run]).expect("a log");
    for words in ["it says", "on stdout", "on stderr"] {
        assert!(says(&lines, "guest", words), "no '{words}' in {lines:#?}");
    }
    let log = stage.host.ok(["run", "logs", &run]).expect("a log");
    assert!(log.contains("heard") && log.contains("‹secret›"), "the rest of the answer is told: {log}");
    let shown = stage.host.ok(["run", "show", &run]).expect("a run");
    for text in [&output.stdout, &log, &shown, &stage.host.log()] {
        assert!(!text.contains(SECRET), "{text}");
    }
    stage.host.stop().expect("it stops");
}

#[test]
fn cleaning_keeps_the_newest_run_of_each_connector_and_where_it_stood() {
    let stage = Stage::new(Zendesk::builder().tickets(5).comments_per_ticket(0));
    for _ in 0..3 {
        assert_eq!(stage.sync(&["--connector", "ticket"]).exit, Some(0));
    }
    assert_eq!(stage.sync(&["--connector", "user"]).exit, Some(0));
    let clean = |more: &[&str]| {
        let arguments = ["run", "clean", "--completed-older", "0s", "--failed-older", "0s"];
        stage.host.json(arguments.iter().chain(more)).expect("a document")
    };
    assert_eq!(clean(&["--dry-run"])["completed"], 2);
    assert_eq!(stage.host.items(["run", "list"]).expect("runs").len(), 4);
    assert_eq!(clean(&[])["completed"], 2);
    let left = stage.host.items(["run", "list"]).expect("runs");
    let connectors: Vec<_> = left.iter().map(|run| run["connector"].as_str().expect("a name")).collect();
    assert_eq!(connectors, ["user", "ticket"]);
    let told = stage.host.ok(["run", "clean"]).expect("words");
    assert_eq!(told.trim(), "removed 0 completed runs and 0 others");
    let job = stage.sync(&["--connector", "ticket"]);
    job.expect_counts("ticket", &[]);
}
