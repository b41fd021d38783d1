//! Killed at any instant, an import goes on from the last page.

use crate::stage::Stage;
use tests::zendesk::Zendesk;

const TICKETS: u64 = 20_000;
const EXPORT: &str = "GET /api/v2/incremental/tickets/cursor.json";

#[test]
fn a_killed_host_goes_on_from_the_last_page() {
    let mut stage = Stage::new(Zendesk::builder().users(5).tickets(TICKETS).comments_per_ticket(0));
    stage.host.ok(["sync", "acme", "--connector", "ticket"]).expect("a sync is asked for");
    stage.fake.wait_for("some pages", |stats| stats.count(EXPORT) >= 6).expect("pages");
    stage.host.kill().expect("it is killed");
    stage.fake.reset_stats();

    stage.host.start().expect("it starts on the same data");
    // Nobody asks for it: the run goes on by itself.
    let ended = stage.newest_run_reaches("completed");
    assert_eq!(ended["counters"]["added"].as_u64(), Some(TICKETS), "one run brought all: {ended:#}");
    assert_eq!(stage.host.items(["run", "list"]).expect("runs").len(), 1);
    let first = stage.fake.requests().into_iter().find(|seen| seen.path.contains("incremental/tickets"));
    let query = first.expect("a request").query.expect("a query");
    assert!(query.contains("cursor="), "it began again from the start: {query}");
    let requests = stage.fake.stats().count(EXPORT);
    assert!(requests <= 20 - 3, "{requests} requests after the crash, of 20 pages in all");
    stage.expect_tickets_as_in_the_fake(1..=TICKETS);
}

#[test]
fn a_stopped_host_leaves_its_run_at_a_page_border() {
    let mut stage = Stage::new(Zendesk::builder().tickets(TICKETS).comments_per_ticket(0));
    stage.host.ok(["sync", "acme", "--connector", "ticket"]).expect("a sync is asked for");
    stage.fake.wait_for("some pages", |stats| stats.count(EXPORT) >= 4).expect("pages");
    let status = stage.host.stop().expect("it stops");
    assert!(status.success(), "{status}");
    let runs = stage.host.items(["run", "list"]).expect("runs");
    assert_eq!(runs[0]["status"], "queued", "{runs:#?}");
    let pages = runs[0]["pages"].as_u64().expect("pages");
    let stored = stage.records("ticket").len() as u64;
    assert_eq!(runs[0]["counters"]["added"].as_u64(), Some(stored));
    assert!(pages > 0 && stored < TICKETS, "{pages} pages, {stored} tickets");

    stage.host.start().expect("it starts again");
    let ended = stage.newest_run_reaches("completed");
    assert_eq!(ended["id"], runs[0]["id"], "it is the same run");
    assert_eq!(stage.records("ticket").len() as u64, TICKETS);
}
