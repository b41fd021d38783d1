//! Records that are gone remotely without a word: only a full sync finds them.

use crate::stage::{CHANNEL, Stage};
use serde_json::{Value, json};
use tests::{
    vendor::{Action, Canned, Rule},
    zendesk::Zendesk,
};

const EXPORT: &str = "/api/v2/incremental/tickets/cursor.json";
const FULL: [&str; 3] = ["--full", "--connector", "ticket"];

/// Twenty tickets, of which two are gone without a trace, one of them a changed one.
fn stage() -> Stage {
    let stage = Stage::new(Zendesk::builder().users(2).tickets(20).comments_per_ticket(0));
    stage.fake.change_ticket(7, json!({ "priority": "high" })).expect("a ticket");
    assert_eq!(stage.sync(&["--connector", "ticket"]).exit, Some(0));
    for id in [3, 7] {
        stage.fake.purge_ticket(id).expect("a ticket");
    }
    let ordinary = stage.sync(&["--connector", "ticket"]);
    ordinary.expect_counts("ticket", &[]);
    assert_eq!(stage.records("ticket").len(), 20, "the export does not tell");
    stage
}

fn vanished(stage: &Stage) -> Vec<Value> {
    stage.host.items(["record", "list", CHANNEL, "ticket", "--vanished"]).expect("records")
}

#[test]
fn what_a_full_sync_does_not_find_is_marked_until_it_comes_again() {
    let stage = stage();
    let full = stage.sync(&FULL);
    assert_eq!(full.exit, Some(0), "{:#}", full.document);
    full.expect_counts("ticket", &[("read", 18), ("unchanged", 18), ("vanished", 2)]);
    let marked = vanished(&stage);
    assert_eq!(marked.iter().map(|record| &record["key"]).collect::<Vec<_>>(), ["3", "7"]);
    assert!(marked.iter().all(|record| record["vanished"].is_string()), "{marked:#?}");
    let shown = stage.host.ok(["record", "show", CHANNEL, "ticket", "3"]).expect("a record");
    assert!(shown.contains("vanished  20"), "{shown}");
    assert_eq!(stage.records("ticket").len(), 20);

    let run = full.run("ticket")["id"].as_str().expect("an id").to_owned();
    let told = stage.host.ok(["run", "show", &run]).expect("a run");
    assert!(told.contains("vanished     2"), "{told}");

    stage.sync(&FULL).expect_counts("ticket", &[("read", 18), ("unchanged", 18), ("vanished", 2)]);
    assert_eq!(vanished(&stage), marked, "since then, not since the last look");
}

#[test]
fn what_is_gone_is_treated_as_the_channel_says() {
    for (policy, left, marked, deleted) in [("keep", 20, 0, 0), ("mark", 20, 2, 0), ("delete", 18, 0, 2)] {
        let stage = stage();
        stage.host.ok(["channel", "edit", CHANNEL, "--vanished", policy]).expect("an edit");
        let full = stage.sync(&FULL);
        let counts = [("read", 18), ("unchanged", 18), ("vanished", 2), ("deleted", deleted)];
        full.expect_counts("ticket", &counts);
        assert_eq!((stage.records("ticket").len(), vanished(&stage).len()), (left, marked), "{policy}");
    }
}

#[test]
fn a_vendor_that_shows_nothing_empties_nothing() {
    let stage = stage();
    let empty = json!({
        "tickets": [], "after_cursor": null, "after_url": null, "before_cursor": null, "before_url": null,
        "end_of_stream": true
    });
    let canned = Canned { code: 200, body: Some(empty), ..Canned::default() };
    stage.fake.set_script(Rule::on(EXPORT).then(Action::Status(canned)));
    let full = stage.sync(&FULL);
    assert_eq!(full.exit, Some(3), "{:#}", full.document);
    full.expect_status("ticket", "completed-with-warnings").expect_counts("ticket", &[]);
    assert_eq!(full.run("ticket")["error"]["code"], "sweep.nothing-read");
    assert_eq!((stage.records("ticket").len(), vanished(&stage).len()), (20, 0));
    stage.fake.clear_script();
    stage.sync(&FULL).expect_counts("ticket", &[("read", 18), ("unchanged", 18), ("vanished", 2)]);
}

#[test]
fn a_host_that_is_killed_during_a_full_sync_finds_the_same() {
    const TICKETS: u64 = 12_000;
    let mut stage = Stage::new(Zendesk::builder().users(2).tickets(TICKETS).comments_per_ticket(0));
    assert_eq!(stage.sync(&["--connector", "ticket"]).exit, Some(0));
    for id in [5, 6_000, TICKETS] {
        stage.fake.purge_ticket(id).expect("a ticket");
    }
    stage.fake.reset_stats();
    stage.host.ok(["sync", CHANNEL, "--connector", "ticket", "--full"]).expect("a sync is asked for");
    let export = format!("GET {EXPORT}");
    stage.fake.wait_for("some pages", |stats| stats.count(&export) >= 4).expect("pages");
    stage.host.kill().expect("it is killed");
    stage.host.start().expect("it starts on the same data");
    // An ordinary sync ends what the full one began.
    stage.sync(&["--connector", "ticket"]);
    let marked = vanished(&stage);
    let mut keys: Vec<_> = marked.iter().filter_map(|record| record["key"].as_str()).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["12000", "5", "6000"]);
}
