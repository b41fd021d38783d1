//! The main job: a dropped plugin imports users, tickets and comments, and then only what changes.

use crate::stage::{self, CHANNEL, Stage};
use serde_json::json;
use tests::{
    host::{Setup, TestHost},
    programs, wait,
    zendesk::{TOKEN, Zendesk},
};

#[test]
fn everything_is_imported_once_and_then_only_changes() {
    let stage = Stage::new(Zendesk::builder().users(30).tickets(250).comments_per_ticket(3));
    let first = stage.sync(&[]);
    assert_eq!(first.exit, Some(0), "{:#}", first.document);
    first.expect_counts("user", &[("read", 30), ("added", 30)]);
    first.expect_counts("ticket", &[("read", 250), ("added", 250)]);
    first.expect_counts("ticket-comment", &[("read", 750), ("added", 750)]);
    stage.expect_tickets_as_in_the_fake(1..=250);

    let second = stage.sync(&[]);
    assert_eq!(second.exit, Some(0), "{:#}", second.document);
    second.expect_counts("ticket-comment", &[]);

    for id in [3, 77, 250] {
        stage.fake.change_ticket(id, json!({ "subject": "changed", "tags": ["ünusual"] })).expect("a ticket");
    }
    stage.fake.delete_ticket(9).expect("a ticket");
    let third = stage.sync(&[]);
    third.expect_counts("ticket", &[("read", 4), ("updated", 3), ("deleted", 1)]);
    third.expect_counts("ticket-comment", &[("read", 9), ("unchanged", 9)]);
    stage.expect_tickets_as_in_the_fake(1..=250);
}

#[test]
fn reading_everything_again_writes_nothing() {
    let stage = Stage::new(Zendesk::builder().users(5).tickets(120).comments_per_ticket(1));
    assert_eq!(stage.sync(&[]).exit, Some(0));
    let written = imported_by(&stage);
    let again = stage.sync(&["--full", "--connector", "user", "--connector", "ticket"]);
    again.expect_counts("user", &[("read", 5), ("unchanged", 5)]);
    again.expect_counts("ticket", &[("read", 120), ("unchanged", 120)]);
    assert_eq!(imported_by(&stage), written, "no record was written again");
}

/// The runs that last wrote the tickets.
fn imported_by(stage: &Stage) -> Vec<serde_json::Value> {
    let tickets =
        stage.host.items(["record", "list", CHANNEL, "ticket", "--limit", "1000"]).expect("records");
    tickets.iter().map(|ticket| ticket["run"].clone()).collect()
}

#[test]
fn nothing_of_a_remote_record_is_dropped() {
    let stage = Stage::new(Zendesk::builder().tickets(3).comments_per_ticket(1));
    assert_eq!(stage.sync(&[]).exit, Some(0));
    let tickets = stage.records("ticket");
    for part in ["custom_fields", "tags", "organization_id", "group_id", "brand_id", "via"] {
        assert!(tickets["1"].get(part).is_some(), "{part} is missing in {:#}", tickets["1"]);
    }
}

#[test]
fn a_comment_knows_its_ticket() {
    let stage = Stage::new(Zendesk::builder().tickets(2).comments_per_ticket(2));
    assert_eq!(stage.sync(&[]).exit, Some(0));
    let comments = stage.host.items(["record", "list", CHANNEL, "ticket-comment"]).expect("records");
    let mut parents: Vec<_> =
        comments.iter().map(|comment| comment["parent"].as_str().expect("a parent")).collect();
    parents.sort_unstable();
    assert_eq!(parents, ["1", "1", "2", "2"]);
}

#[test]
fn long_threads_are_read_to_their_end() {
    let stage = Stage::new(Zendesk::builder().tickets(2).comments_per_ticket(350));
    let job = stage.sync(&[]);
    assert_eq!(job.exit, Some(0), "{:#}", job.document);
    job.expect_counts("ticket-comment", &[("read", 700), ("added", 700)]);
}

#[test]
fn a_wrong_token_is_explained_and_a_right_one_mends_it() {
    let stage = Stage::new(Zendesk::builder().tickets(2));
    stage.create_channel("wrong", "not-the-token").success().expect("a channel");
    let check = stage.host.cli(["channel", "check", "wrong"]).expect("the command runs");
    assert_eq!(check.status, Some(1));
    let words = format!("{}{}", check.stdout, check.stderr);
    for word in ["refuse", "token", "channel edit"] {
        assert!(words.contains(word), "'{word}' is missing in: {words}");
    }
    assert!(!words.contains("not-the-token"), "{words}");

    let failed = stage.host.cli(["sync", "wrong", "--wait"]).expect("the command runs");
    assert_eq!(failed.status, Some(1));

    let token = format!("token={TOKEN}");
    stage.host.ok(["channel", "edit", "wrong", "--secret", &token]).expect("an edit");
    let check = stage.host.ok(["channel", "check", "wrong"]).expect("a check that passes");
    assert!(check.contains("agent@example.com"), "{check}");
}

#[test]
fn commands_work_without_a_host_and_with_one_on_the_same_data() {
    let fake = Zendesk::builder().tickets(20).comments_per_ticket(1).start().expect("a fake");
    let mut host = TestHost::new(stage::zendesk_setup("")).expect("folders");
    let url = format!("url={}", fake.url());
    stage::create_channel(&host, CHANNEL, &url, TOKEN).success().expect("a channel");
    let alone = stage::sync(&host, &[]);
    alone.expect_counts("ticket", &[("read", 20), ("added", 20)]);
    host.start().expect("a host");
    assert_eq!(stage::records(&host, "ticket").len(), 20);
    let runs = host.items(["run", "list", "--channel", CHANNEL]).expect("runs");
    assert_eq!(runs.len(), 3);
    host.stop().expect("it stops");
    assert_eq!(stage::records(&host, "ticket").len(), 20);
}

#[test]
fn a_failed_connector_stops_only_those_that_depend_on_it() {
    let stage = Stage::new(Zendesk::builder().users(4).tickets(10).comments_per_ticket(2));
    let broken = tests::vendor::Rule::on("/api/v2/incremental/tickets/**").status(403);
    stage.fake.set_script(broken);
    let job = stage.sync(&[]);
    assert_eq!(job.exit, Some(3), "{:#}", job.document);
    job.expect_status("user", "completed")
        .expect_status("ticket", "failed")
        .expect_status("ticket-comment", "skipped");
    stage.fake.clear_script();
    let mended = stage.sync(&[]);
    assert_eq!(mended.exit, Some(0));
    mended.expect_counts("ticket", &[("read", 10), ("added", 10)]);
    mended.expect_counts("ticket-comment", &[("read", 20), ("added", 20)]);
}

#[test]
fn due_comments_survive_a_failure_of_their_connector() {
    let stage = Stage::new(Zendesk::builder().tickets(12).comments_per_ticket(2));
    stage.fake.set_script(tests::vendor::Rule::on("/api/v2/tickets/*/comments.json").status(422));
    // Every ticket's comments cannot be read: they are set aside, or the run fails; either way nothing is lost.
    stage.sync(&[]);
    stage.fake.clear_script();
    for id in 1..=12 {
        stage.fake.change_ticket(id, json!({ "priority": "high" })).expect("a ticket");
    }
    let job = stage.sync(&[]);
    job.expect_counts("ticket-comment", &[("read", 24), ("added", 24)]);
    let channel = stage.host.json(["channel", "show", CHANNEL]).expect("a channel");
    let states = channel["connector-states"].as_array().expect("states");
    for state in states {
        assert_eq!((&state["due"], &state["quarantined"]), (&json!(0), &json!(0)), "{state}");
    }
}

#[test]
fn the_smallest_example_imports_too() {
    let host = TestHost::started(Setup {
        plugins: vec![programs::example("minimal").expect("it compiles")],
        ..Setup::default()
    });
    let host = host.expect("a host");
    let ready = wait::until("the example to be ready", wait::PATIENCE, || {
        let plugins = host.items(["plugin", "list"])?;
        Ok(plugins.iter().any(|plugin| plugin["status"] == "ready").then_some(plugins))
    });
    assert_eq!(ready.expect("ready")[0]["channel-types"], json!(["minimal"]));
}
