//! Two remote systems that stay in step through the host, and two channels of one.

use serde_json::{Value, json};
use std::path::PathBuf;
use tests::{
    github::{Github, OWNER, REPOSITORY, TOKEN as GITHUB_TOKEN},
    host::{Setup, TestHost},
    programs, wait,
    zendesk::{EMAIL, TOKEN as ZENDESK_TOKEN, Zendesk},
};

fn example(name: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples/routes");
    folder.join(name).to_str().expect("a path in UTF-8").to_owned()
}

fn zendesk(host: &TestHost, fake: &Zendesk, name: &str) {
    let sets = [format!("url={}", fake.url()), format!("email={EMAIL}"), format!("token={ZENDESK_TOKEN}")];
    let [url, email, token] = sets.each_ref().map(String::as_str);
    let create = [
        "channel",
        "create",
        name,
        "--type",
        "zendesk",
        "--set",
        url,
        "--set",
        email,
        "--secret",
        token,
        "--connector",
        "ticket",
        "--connector",
        "user",
        "--two-way",
        "--manual",
    ];
    host.ok(create).expect("a channel");
}

fn github(host: &TestHost, fake: &Github, name: &str) {
    let sets = [
        format!("owner={OWNER}"),
        format!("repository={REPOSITORY}"),
        format!("url={}", fake.url()),
        format!("token={GITHUB_TOKEN}"),
    ];
    let [owner, repository, url, token] = sets.each_ref().map(String::as_str);
    let create = [
        "channel",
        "create",
        name,
        "--type",
        "github",
        "--set",
        owner,
        "--set",
        repository,
        "--set",
        url,
        "--secret",
        token,
        "--connector",
        "issue",
        "--two-way",
        "--manual",
    ];
    host.ok(create).expect("a channel");
}

/// Waits for something, with the route and the log where it does not come.
fn reaches<T>(host: &TestHost, what: &str, look: impl Fn() -> Option<T>) -> T {
    let found = wait::until(what, wait::PATIENCE, || Ok(look()));
    found.unwrap_or_else(|error| {
        let routes = host.json(["route", "list"]).unwrap_or_default();
        panic!("{error}: {routes:#}\n{}", host.log())
    })
}

fn sync(host: &TestHost, channel: &str) {
    host.ok(["sync", channel, "--wait"]).expect("a sync");
}

#[test]
fn tickets_and_issues_stay_in_step() {
    let zen = Zendesk::builder().users(1).tickets(3).export_lag(std::time::Duration::ZERO).start();
    let (zen, hub) = (zen.expect("a fake Zendesk"), Github::builder().issues(1).pull_requests(0).start());
    let hub = hub.expect("a fake GitHub");
    let plugins = ["zendesk", "github"].map(|name| programs::plugin(name).expect("a plugin")).to_vec();
    let mut host = TestHost::started(Setup { plugins, ..Setup::default() }).expect("a host");
    zendesk(&host, &zen, "support");
    github(&host, &hub, "widgets");
    sync(&host, "support");
    sync(&host, "widgets");
    let (there, back) = (example("ticket-to-issue.jq"), example("issue-to-ticket.jq"));
    let create = [
        "route",
        "create",
        "tickets",
        "--from",
        "support/ticket",
        "--to",
        "widgets/issue",
        "--map",
        &there,
        "--back",
        &back,
    ];
    host.ok(create).expect("a route");
    let issue_of = |ticket: u64| {
        let mark = format!("(Zendesk ticket {ticket})");
        let issues = hub.numbers().into_iter().filter_map(|number| hub.issue(number));
        issues.into_iter().find(|issue| issue["body"].as_str().is_some_and(|body| body.contains(&mark)))
    };
    reaches(&host, "an issue of each ticket", || (1..=3).all(|id| issue_of(id).is_some()).then_some(()));
    assert_eq!(hub.numbers().len(), 4, "none is there twice");

    zen.change_ticket(2, json!({ "subject": "changed there" })).expect("a ticket");
    sync(&host, "support");
    reaches(&host, "the subject in GitHub", || {
        issue_of(2).filter(|issue| issue["title"] == "changed there").map(|_| ())
    });
    host.restart().expect("it starts again");
    let number = issue_of(1).expect("an issue")["number"].as_u64().expect("a number");
    hub.change_issue(number, json!({ "title": "changed in GitHub", "state": "closed" })).expect("an issue");
    sync(&host, "widgets");
    let ticket = reaches(&host, "the title in Zendesk", || {
        zen.ticket(1).filter(|ticket| ticket["subject"] == "changed in GitHub")
    });
    assert_eq!(ticket["status"], "solved");
    reaches(&host, "a route with nothing to do", || {
        let route = host.json(["route", "show", "tickets"]).ok()?;
        (route["waiting"] == 0 && route["failed"] == 0 && route["links"] == 3).then_some(())
    });
    // What was carried over does not come back.
    for _ in 0..2 {
        sync(&host, "support");
        sync(&host, "widgets");
    }
    assert_eq!((zen.ticket_count(), hub.numbers().len()), (3, 4));
    assert_eq!(zen.ticket(1).expect("a ticket")["subject"], "changed in GitHub");
}

/// Waits until the edit has got there.
fn sync_out(host: &TestHost, fake: &Zendesk) {
    reaches(host, "the edit in Zendesk", || {
        fake.ticket(1).filter(|ticket| ticket["priority"] == "urgent").map(|_| ())
    });
}

#[test]
fn two_channels_of_one_account_do_not_play_ping_pong() {
    let fake = Zendesk::builder().users(1).tickets(3).export_lag(std::time::Duration::ZERO).start();
    let fake = fake.expect("a fake Zendesk");
    let plugins = vec![programs::plugin("zendesk").expect("a plugin")];
    let host = TestHost::started(Setup { plugins, ..Setup::default() }).expect("a host");
    for name in ["one", "two"] {
        zendesk(&host, &fake, name);
        sync(&host, name);
    }
    host.ok(["record", "patch", "one", "ticket", "1", r#"{"priority":"urgent"}"#]).expect("an edit");
    sync_out(&host, &fake);
    sync(&host, "two");
    let priority = |channel: &str| {
        let lines = host.ok(["record", "export", channel, "ticket", "--format", "jsonl"]).expect("records");
        let records: Vec<Value> =
            lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let found = records.into_iter().find(|record| record["key"] == "1").expect("ticket 1");
        found["payload"]["priority"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!((priority("one").as_str(), priority("two").as_str()), ("urgent", "urgent"));
    fake.reset_stats();
    for name in ["one", "two", "one", "two"] {
        sync(&host, name);
    }
    let stats = fake.stats();
    assert_eq!(stats.count("PUT /api/v2/tickets/{id}.json"), 0, "{stats:?}");
    assert_eq!(stats.count("POST /api/v2/tickets.json"), 0, "{stats:?}");
}
