//! Records that the host refused: seen, tried again, given up.

use crate::stage::{CHANNEL, Stage};
use serde_json::json;
use std::fs;
use tests::zendesk::Zendesk;

const SMALL: &str = "[sandbox.limits]\nrecord-bytes = \"16KiB\"\n";

/// A channel with two tickets that are longer than the limit.
fn stage() -> Stage {
    let stage = Stage::with_config(Zendesk::builder().users(2).tickets(20).comments_per_ticket(0), SMALL);
    for id in [3, 7] {
        let long = "long ".repeat(5_000);
        stage.fake.change_ticket(id, json!({ "description": long })).expect("a ticket");
    }
    let job = stage.sync(&["--connector", "ticket"]);
    assert_eq!(job.exit, Some(3), "{:#}", job.document);
    job.expect_status("ticket", "completed-with-warnings");
    stage
}

fn held(stage: &Stage, more: &[&str]) -> Vec<String> {
    let list = ["quarantine", "list", CHANNEL].into_iter().chain(more.iter().copied());
    let entries = stage.host.items(list).expect("a list");
    entries.iter().map(|entry| entry["key"].as_str().expect("a key").to_owned()).collect()
}

#[test]
fn a_record_that_was_too_long_comes_good_when_the_limit_is_raised_and_it_is_tried_again() {
    let mut stage = stage();
    assert_eq!(held(&stage, &[]), ["3", "7"]);
    let entry = stage.host.json(["quarantine", "show", CHANNEL, "ticket", "3"]).expect("an entry");
    assert_eq!(entry["reason"]["code"], "record.size", "{entry:#}");
    assert_eq!((&entry["attempts"], &entry["payload"]["json"]["id"]), (&json!(1), &json!(3)));
    let told = stage.host.ok(["quarantine", "show", CHANNEL, "ticket", "3"]).expect("an entry");
    for word in ["record.size", "first seen", "\"subject\":", "KiB"] {
        assert!(told.contains(word), "'{word}' is missing in: {told}");
    }

    // Nothing has changed: it is tried, and stays.
    let retry = ["quarantine", "retry", CHANNEL, "ticket", "3", "--wait"];
    assert_eq!(stage.host.cli(retry).expect("the command runs").status, Some(3));
    let entry = stage.host.json(["quarantine", "show", CHANNEL, "ticket", "3"]).expect("an entry");
    assert_eq!(entry["attempts"], 2, "{entry:#}");

    let config = fs::read_to_string(stage.host.config()).expect("a file");
    fs::write(stage.host.config(), config.replace("16KiB", "1MiB")).expect("a file");
    stage.host.restart().expect("it starts again");
    let retried = stage.host.json(retry).expect("it comes good");
    assert_eq!((&retried["judged"], &retried["cannot"]), (&json!(1), &json!(0)), "{retried:#}");
    assert_eq!(retried["job"]["runs"][0]["counters"]["updated"], 0, "{retried:#}");
    assert_eq!(retried["job"]["runs"][0]["counters"]["added"], 1, "{retried:#}");
    assert_eq!(held(&stage, &[]), ["7"]);
    assert!(stage.records("ticket").contains_key("3"));

    stage.host.ok(["quarantine", "retry", CHANNEL, "--code", "record.", "--wait"]).expect("the rest");
    assert_eq!(held(&stage, &[]), [""; 0]);
    stage.expect_tickets_as_in_the_fake(1..=20);
}

#[test]
fn what_is_given_up_is_gone_and_nothing_is_given_up_by_mistake() {
    let mut stage = stage();
    let status = |arguments: &[&str]| {
        let command = ["quarantine", "drop", CHANNEL].into_iter().chain(arguments.iter().copied());
        stage.host.cli(command).expect("the command runs").status
    };
    for unclear in [&[][..], &["--yes"], &["ticket", "--yes"], &["ticket", "3"], &["--all"]] {
        assert_eq!(status(unclear), Some(2), "{unclear:?}");
    }
    assert_eq!(status(&["ticket", "4", "--yes"]), Some(1), "it is not in quarantine");
    assert_eq!(held(&stage, &["--since", "1h", "--class", "invalid-data"]), ["3", "7"]);
    assert_eq!(held(&stage, &["--code", "zendesk."]), [""; 0]);

    let dropped = stage.host.json(["quarantine", "drop", CHANNEL, "ticket", "3", "--yes"]).expect("gone");
    assert_eq!(dropped, json!({ "dropped": 1 }));
    // Without a host the command does it on the data folder itself.
    stage.host.stop().expect("it stops");
    assert_eq!(held(&stage, &[]), ["7"]);
    let told = stage.host.ok(["quarantine", "drop", CHANNEL, "--all", "--yes"]).expect("gone");
    assert_eq!(told.trim(), "dropped: 1");
    assert_eq!(held(&stage, &[]), [""; 0]);
}

#[test]
fn a_ticket_whose_comments_could_not_be_read_is_asked_for_again() {
    let stage = Stage::new(Zendesk::builder().tickets(4).comments_per_ticket(2));
    stage.fake.set_script(tests::vendor::Rule::on("/api/v2/tickets/2/comments.json").status(422));
    let job = stage.sync(&[]);
    job.expect_status("ticket-comment", "completed-with-warnings");
    assert_eq!(held(&stage, &["--connector", "ticket-comment"]), ["2"]);
    stage.fake.clear_script();
    let retried =
        stage.host.json(["quarantine", "retry", CHANNEL, "ticket-comment", "--all", "--wait"]).expect("good");
    assert_eq!((&retried["asked"], &retried["judged"]), (&json!(1), &json!(0)), "{retried:#}");
    let runs = retried["job"]["runs"].as_array().map(Vec::len);
    assert_eq!((runs, &retried["job"]["runs"][0]["counters"]["added"]), (Some(1), &json!(2)), "{retried:#}");
    assert_eq!(held(&stage, &[]), [""; 0]);
    let waiting = stage.host.json(["channel", "show", CHANNEL]).expect("a channel");
    assert!(waiting["connector-states"].as_array().is_some_and(|all| all.iter().all(|it| it["due"] == 0)));
}
