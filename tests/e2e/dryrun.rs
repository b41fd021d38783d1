//! A dry run shows what a sync would change; nothing changes here or at the remote system.

use crate::stage::{CHANNEL, Stage};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tests::{
    host::{Output, Setup, TestHost},
    programs,
    vendor::{Options, echo},
    wait,
    zendesk::Zendesk,
};

const CONNECTORS: [&str; 3] = ["user", "ticket", "ticket-comment"];

/// Everything that commands show of what a host keeps.
fn kept(host: &TestHost) -> Vec<String> {
    let export = |connector: &&str| {
        let of_connector = ["record", "export", CHANNEL, connector, "--format", "jsonl"];
        host.ok(of_connector).expect("an export")
    };
    let mut kept: Vec<_> = CONNECTORS.iter().map(export).collect();
    kept.push(host.ok(["--json", "run", "list"]).expect("runs"));
    kept.push(host.ok(["--json", "channel", "show", CHANNEL]).expect("a channel"));
    kept
}

fn dry_run(host: &TestHost, more: &[&str]) -> Output {
    let arguments = ["sync", CHANNEL, "--dry-run"].into_iter().chain(more.iter().copied());
    host.cli(arguments).expect("the command runs")
}

/// Key and kind of the changes of a connector.
fn kinds(document: &Value, connector: &str) -> BTreeMap<String, String> {
    let items = document["items"].as_array().expect("items").iter();
    let of_connector = items.filter(|item| item["connector"] == connector);
    of_connector
        .map(|item| {
            let text = |name: &str| item[name].as_str().expect("a text").to_owned();
            (text("key"), text("kind"))
        })
        .collect()
}

/// A stage that is in step, then not any more.
fn changed_stage() -> Stage {
    let stage = Stage::new(Zendesk::builder().users(5).tickets(40).comments_per_ticket(2));
    assert_eq!(stage.sync(&[]).exit, Some(0));
    stage.fake.change_ticket(13, json!({ "status": "solved", "subject": "done" })).expect("a ticket");
    stage.fake.delete_ticket(9).expect("a ticket");
    stage.fake.create_ticket(json!({ "subject": "new" })).expect("a ticket");
    stage.fake.add_comment(21, json!({ "body": "one more" })).expect("a ticket");
    stage
}

#[test]
fn a_dry_run_shows_what_a_sync_then_does_and_changes_nothing() {
    let stage = changed_stage();
    let before = kept(&stage.host);
    stage.fake.reset_stats();
    let output = dry_run(&stage.host, &["--json"]);
    assert_eq!(output.status, Some(0), "{}", output.stderr);
    let document = output.json().expect("one document");
    assert_eq!(kept(&stage.host), before);
    let others = stage.fake.requests().into_iter().filter(|seen| seen.method != "GET").count();
    assert_eq!(others, 0);

    let expected = [("13", "updated"), ("21", "updated"), ("41", "added"), ("9", "deleted")];
    let expected = expected.map(|(key, kind)| (key.to_owned(), kind.to_owned()));
    assert_eq!(kinds(&document, "ticket"), BTreeMap::from(expected));
    assert_eq!(kinds(&document, "user"), BTreeMap::new());
    let items = document["items"].as_array().expect("items");
    let changed = items.iter().find(|item| item["key"] == "13" && item["connector"] == "ticket");
    let fields = changed.expect("the change")["fields"].as_array().expect("fields");
    let status = fields.iter().find(|field| field["pointer"] == "/status").expect("the status");
    assert_eq!(status["after"], "solved");
    assert_ne!(status["before"], "solved");

    let synced = stage.sync(&[]);
    for outcome in document["summary"]["connectors"].as_array().expect("connectors") {
        let connector = outcome["connector"].as_str().expect("a name");
        assert_eq!(outcome["counters"], synced.run(connector)["counters"], "{connector}");
        assert_eq!(outcome["pages"], synced.run(connector)["pages"], "{connector}");
    }
    let again = dry_run(&stage.host, &["--json"]).json().expect("one document");
    assert_eq!(again["items"], json!([]), "now they are in step");
}

#[test]
fn people_see_a_line_a_record_and_a_table() {
    let stage = changed_stage();
    let output = dry_run(&stage.host, &["--connector", "ticket"]);
    assert_eq!(output.status, Some(0), "{}", output.stderr);
    let starts = |start: &str| output.stdout.lines().filter(|line| line.starts_with(start)).count();
    for (start, lines) in [("+ ticket 41", 1), ("~ ticket 13  /", 1), ("- ticket 9", 1), ("ticket ", 1)] {
        assert_eq!(starts(start), lines, "{start:?} in:\n{}", output.stdout);
    }
    assert!(output.stdout.contains("-> \"solved\""), "{}", output.stdout);

    let short = dry_run(&stage.host, &["--connector", "ticket", "--limit", "1"]);
    assert!(short.stdout.contains("1 of 4 changes shown"), "{}", short.stdout);

    let refused = stage.host.cli(["sync", CHANNEL, "--dry-run", "--wait"]).expect("the command runs");
    assert_eq!(refused.status, Some(2));
}

#[test]
fn a_full_dry_run_before_the_first_sync_and_without_a_host_shows_all() {
    let mut stage = Stage::new(Zendesk::builder().users(3).tickets(7).comments_per_ticket(2));
    stage.host.stop().expect("it stops");
    let document = dry_run(&stage.host, &["--full", "--json"]).json().expect("one document");
    for (connector, count) in [("user", 3), ("ticket", 7), ("ticket-comment", 14)] {
        let kinds = kinds(&document, connector);
        assert_eq!(kinds.len(), count, "{connector}");
        assert!(kinds.values().all(|kind| kind == "added"), "{kinds:?}");
    }
    assert!(stage.records("ticket").is_empty());
    assert_eq!(stage.host.items(["run", "list"]).expect("runs").len(), 0);
}

#[test]
fn a_connector_that_fails_ends_the_dry_run_with_1() {
    let stage = Stage::new(Zendesk::builder().users(3).tickets(7));
    stage.fake.set_script(tests::vendor::Rule::on("/api/v2/incremental/tickets/**").status(403));
    let output = dry_run(&stage.host, &["--json"]);
    assert_eq!(output.status, Some(1));
    let document = output.json().expect("one document");
    let statuses: Vec<_> = document["summary"]["connectors"]
        .as_array()
        .expect("connectors")
        .iter()
        .map(|o| o["status"].clone())
        .collect();
    assert_eq!(statuses, ["completed", "failed", "skipped"]);
    assert_eq!(stage.host.items(["run", "list"]).expect("runs").len(), 0);
}

#[test]
fn a_guest_that_writes_is_refused_and_nothing_leaves_the_host() {
    let vendor = echo(Options::default()).expect("a vendor that lets everybody in");
    let plugins = vec![programs::hostile("misbehaves").expect("it compiles")];
    let host = TestHost::started(Setup { plugins, ..Setup::default() }).expect("a host");
    let ready = wait::until("the guest to be ready", wait::PATIENCE, || {
        let plugins = host.items(["plugin", "list"])?;
        Ok(plugins.iter().any(|plugin| plugin["status"] == "ready").then_some(()))
    });
    ready.expect("ready");
    let url = format!("url={}", vendor.url());
    let create = ["channel", "create", CHANNEL, "--type", "misbehaves", "--set", &url, "--set", "act=writes"];
    host.ok(create.into_iter().chain(["--secret", "token=s"])).expect("a channel");
    vendor.reset_stats();

    let document = dry_run(&host, &["--json"]).json().expect("one document");
    let refused = json!({ "refused": { "class": "Denied", "code": "egress.dry-run" } });
    for item in document["items"].as_array().expect("items") {
        let is_read = item["key"].as_str().is_some_and(|key| key.starts_with("GET"));
        let field = &item["fields"][0];
        match is_read {
            true => assert_eq!(field["pointer"], "/done", "{item:#}"),
            false => {
                assert_eq!((&field["pointer"], &field["after"]), (&json!("/refused"), &refused["refused"]))
            }
        }
    }
    assert_eq!(document["items"].as_array().map(Vec::len), Some(5), "{document:#}");
    let methods: Vec<_> = vendor.requests().into_iter().map(|seen| seen.method).collect();
    assert_eq!(methods, ["GET"]);

    // The same guest in a sync: what was refused is up to the dry run alone.
    host.cli(["sync", CHANNEL, "--wait"]).expect("the command runs");
    assert_eq!(vendor.requests().len(), 6);
}
