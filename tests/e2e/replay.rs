//! A run that was recorded plays again without its remote system, and judges an upgrade.

use crate::stage::{CHANNEL, Stage};
use serde_json::{Value, json};
use std::{fs, net::SocketAddr, path::Path, sync::Arc};
use tests::{
    host::{Setup, TestHost},
    programs,
    vendor::{Action, Answer, App, Canned, Options, Request, Rule, Script, Vendor},
    zendesk::{TOKEN, Zendesk},
};

/// A token that this vendor gives away wherever it can.
const ECHOED: &str = "s3cret/of the channel";

/// Tasks in pages, each with the credential in it; and links to itself.
struct Tasks {
    count: u64,
}

impl App for Tasks {
    fn answer(&self, request: &Request) -> Answer {
        let status = hyper::StatusCode::OK;
        let number = |name: &str| {
            let pairs = request.query.as_deref().unwrap_or_default().split('&');
            let value = pairs.filter_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).next();
            value.and_then(|value| value.parse::<u64>().ok()).unwrap_or(0)
        };
        let credential = request.header("authorization").unwrap_or_default();
        let document = match request.path.as_str() {
            "/me" => json!({ "name": "somebody" }),
            "/labels" => json!({ "labels": [] }),
            _ => {
                let first = number("after") + 1;
                let last = self.count.min(first + number("limit") - 1);
                let task = |id: u64| json!({ "id": id, "title": format!("task {id}"), "archived": id == 3, "by": credential });
                json!({ "tasks": (first..=last).map(task).collect::<Vec<_>>(), "has_more": last < self.count })
            }
        };
        Answer::json(status, &document).with("x-seen", credential).with("set-cookie", "session=a")
    }

    fn control(&self, _path: &str, _request: &Request) -> Option<Answer> {
        None
    }

    fn control_help(&self) -> &'static str {
        ""
    }

    fn words_for(&self, status: hyper::StatusCode) -> Answer {
        Answer::json(status, &json!({ "error": format!("no, {ECHOED}") }))
    }

    fn kind_of(&self, path: &str) -> String {
        path.to_owned()
    }
}

/// A to-do service with so many tasks, of which the third is archived.
pub(crate) fn tasks(count: u64) -> Vendor {
    Vendor::start(Options::default(), |_: SocketAddr| Arc::new(Tasks { count })).expect("a vendor")
}

/// A host with one of the two versions of `minimal`, and a channel to the vendor.
fn host_with(plugin: &Path, vendor: &Vendor) -> TestHost {
    let setup = Setup { plugins: vec![plugin.to_owned()], ..Setup::default() };
    let host = TestHost::started(setup).expect("a host");
    let (url, token) = (format!("url={}", vendor.url()), format!("token={ECHOED}"));
    let create = ["channel", "create", CHANNEL, "--type", "minimal", "--set", &url, "--secret", &token];
    host.ok(create).expect("a channel");
    host
}

/// Syncs with `--record`; the runs by connector.
fn record(host: &TestHost) -> Vec<(String, String)> {
    let job = host.cli(["--json", "sync", CHANNEL, "--record", "--wait"]).expect("the command runs");
    let job = job.json().expect("a job");
    let runs = job["runs"].as_array().expect("runs").iter();
    let text = |run: &Value, name: &str| run[name].as_str().expect("a text").to_owned();
    runs.map(|run| (text(run, "connector"), text(run, "id"))).collect()
}

/// Exit status and report.
fn replay(host: &TestHost, run: &str, more: &[&str]) -> (Option<i32>, Value) {
    let arguments = ["--json", "replay", run].into_iter().chain(more.iter().copied());
    let output = host.cli(arguments).expect("the command runs");
    (output.status, output.json().expect("a report"))
}

/// No file below `folder` has the text in it, in its contents or its name.
fn expect_nowhere(folder: &Path, text: &str) {
    let mut files = 0;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            files += 1;
            let bytes = fs::read(&path).expect("a file");
            let found = bytes.windows(text.len()).any(|part| part == text.as_bytes());
            assert!(!found, "{} holds {text:?}", path.display());
        }
    }
    assert!(files > 3, "there is something to search");
}

#[test]
fn a_recorded_sync_replays_identically_when_its_remote_system_is_gone() {
    let stage = Stage::new(Zendesk::builder().users(30).tickets(250).comments_per_ticket(2));
    let runs = record(&stage.host);
    assert_eq!(runs.len(), 3, "{runs:?}");
    let Stage { host, fake } = stage;
    drop(fake);
    expect_nowhere(&host.data().join("cassettes"), TOKEN);
    for (connector, run) in &runs {
        let (exit, report) = replay(&host, run, &[]);
        assert_eq!((exit, &report["identical"]), (Some(0), &json!(true)), "{connector}: {report:#}");
        assert!(report["records"]["same"].as_u64().is_some_and(|same| same > 0), "{report:#}");
        assert!(report["requests"]["recorded"].as_u64().is_some_and(|count| count > 0), "{report:#}");
    }
    let listed = host.items(["cassette", "list"]).expect("cassettes");
    assert_eq!(listed.len(), 3);
    assert!(listed.iter().all(|cassette| cassette["plugin-kept"] == true), "{listed:?}");

    let (_, user) = &runs[0];
    let shown = host.ok(["cassette", "show", user]).expect("shown");
    assert!(shown.contains("0: GET /api/v2/"), "{shown}");
    host.ok(["cassette", "delete", user]).expect("deleted");
    let gone = host.cli(["--json", "replay", user]).expect("the command runs");
    assert_eq!(
        (gone.status, &gone.json().expect("a document")["error"]["code"]),
        (Some(1), &json!("cassette.unknown"))
    );
    for (_, run) in &runs[1..] {
        assert_eq!(replay(&host, run, &[]).0, Some(0), "what it shared is still there");
    }
    host.ok(["channel", "delete", CHANNEL, "--yes"]).expect("deleted");
    assert!(host.items(["cassette", "list"]).expect("cassettes").is_empty());
}

#[test]
fn an_upgrade_is_judged_by_what_it_changes_and_nothing_secret_is_kept() {
    let vendor = tasks(450);
    let minimal = programs::example("minimal").expect("it compiles");
    let next = programs::hostile("minimal-next").expect("it compiles");
    let mut host = host_with(&minimal, &vendor);
    let (_, run) = record(&host).remove(0);
    drop(vendor);
    for spelling in [ECHOED, "s3cret%2Fof", "s3cret\\/of", "s3cret/of"] {
        expect_nowhere(&host.data().join("cassettes"), spelling);
    }
    let (exit, report) = replay(&host, &run, &[]);
    assert_eq!(exit, Some(0), "{report:#}");
    assert_eq!(report["steps"], json!({ "recorded": 3, "replayed": 3 }));

    let next = next.to_str().expect("a path").to_owned();
    let (exit, report) = replay(&host, &run, &["--plugin", &next]);
    assert_eq!(exit, Some(3), "{report:#}");
    assert_eq!(
        (&report["recorded"]["version"], &report["replayed"]["version"]),
        (&json!("0.1.0"), &json!("0.2.0"))
    );
    assert_eq!(report["records"]["only-recorded"], json!({ "count": 1, "first": ["3"] }));
    assert_eq!(report["records"]["changed"]["count"], 449);
    let changed = &report["records"]["changed"]["first"][0];
    assert_eq!(changed["key"], "1");
    let fields = changed["fields"]["first"].as_array().expect("fields");
    let field = |name: &str| fields.iter().find(|field| field["field"] == name).cloned();
    let title = json!({ "field": "/title", "recorded": "\"task 1\"", "replayed": "\"task 1!\"" });
    assert_eq!(field("/title"), Some(title), "with the default of the new form");
    let was = field("/was").map(|field| field["replayed"].clone());
    assert_eq!(was, Some(json!("\"0.1.0\"")), "its own migration of the settings");
    assert_eq!(report["requests"]["missing"], json!({ "count": 1, "first": ["GET /labels"] }));
    assert_eq!(report["requests"]["unused"]["count"], 0, "{report:#}");
    assert_eq!(report["steps"], json!({ "recorded": 3, "replayed": 3 }), "by its own cursors");
    assert_eq!(replay(&host, &run, &["--plugin", &next]).1, report, "the same again");

    let words = host.cli(["replay", &run, "--plugin", &next]).expect("the command runs");
    assert!(words.stdout.contains("/title: \"task 1\" -> \"task 1!\""), "{}", words.stdout);

    // Nothing but the cassette is needed: not the plugin in its folder, not a running host.
    host.stop().expect("it stops");
    fs::remove_file(host.plugins().join("minimal.wasm")).expect("a plugin");
    assert_eq!(replay(&host, &run, &[]).0, Some(0), "from the kept file");
    let text = host.config();
    let refused = host.cli(["--json", "replay", &run, "--plugin", text.to_str().expect("a path")]);
    let refused = refused.expect("the command runs");
    assert_eq!(refused.status, Some(1));
    assert_eq!(refused.json().expect("a document")["error"]["code"], "file.text");
}

#[test]
fn clock_and_chance_are_those_of_the_recording() {
    let vendor = tasks(120);
    let host = host_with(&programs::hostile("minimal-next").expect("it compiles"), &vendor);
    let (_, run) = record(&host).remove(0);
    let stored = host.items(["record", "list", CHANNEL, "task"]).expect("records");
    let fetched = |record: &Value| record["payload"]["fetched"].as_u64();
    assert!(stored.iter().all(|record| fetched(record).is_some_and(|at| at > 1_600_000_000_000_000_000)));
    let (exit, report) = replay(&host, &run, &[]);
    assert_eq!(exit, Some(0), "{report:#}");
    assert_eq!(report["records"]["same"], 119);
}

#[test]
fn a_cassette_goes_with_its_run() {
    let vendor = tasks(20);
    let host = host_with(&programs::example("minimal").expect("it compiles"), &vendor);
    let (_, old) = record(&host).remove(0);
    let (_, new) = record(&host).remove(0);
    let listed = || {
        let cassettes = host.items(["cassette", "list"]).expect("cassettes");
        cassettes.iter().map(|one| one["run"].as_str().expect("a run").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(listed(), [new.clone(), old]);
    host.ok(["run", "clean", "--completed-older", "0s", "--failed-older", "0s"]).expect("cleaned");
    assert_eq!(listed(), std::slice::from_ref(&new), "history keeps the newest run of a connector");
    assert_eq!(replay(&host, &new, &[]).0, Some(0));
}

#[test]
fn a_failure_is_recorded_with_the_rest_and_comes_again() {
    let vendor = tasks(450);
    let host = host_with(&programs::example("minimal").expect("it compiles"), &vendor);
    let canned = Canned { code: 401, ..Canned::default() };
    let rule = Rule { path: "/tasks".into(), from: 2, action: Action::Status(canned), ..Rule::default() };
    vendor.set_script(Script { rules: vec![rule] });
    let (_, run) = record(&host).remove(0);
    drop(vendor);
    expect_nowhere(&host.data().join("cassettes"), ECHOED);
    let (exit, report) = replay(&host, &run, &[]);
    assert_eq!(exit, Some(0), "{report:#}");
    assert_eq!(report["steps"], json!({ "recorded": 2, "replayed": 2 }), "{report:#}");
}

#[test]
fn a_recording_that_is_too_large_stops_and_the_run_does_not() {
    let vendor = tasks(450);
    let minimal = programs::example("minimal").expect("it compiles");
    let config = "[cassettes]\nrun-bytes = '50KiB'\n";
    let setup = Setup { plugins: vec![minimal], config: config.to_owned(), ..Setup::default() };
    let host = TestHost::started(setup).expect("a host");
    let (url, token) = (format!("url={}", vendor.url()), format!("token={ECHOED}"));
    let create = ["channel", "create", CHANNEL, "--type", "minimal", "--set", &url, "--secret", &token];
    host.ok(create).expect("a channel");
    let (_, run) = record(&host).remove(0);
    assert_eq!(
        host.items(["record", "list", CHANNEL, "task", "--limit", "1000"]).expect("records").len(),
        450
    );
    let cassette = host.json(["cassette", "show", &run]).expect("a cassette");
    assert!(cassette["truncated"].as_str().is_some_and(|why| why.contains("run-bytes")), "{cassette:#}");
    let (exit, report) = replay(&host, &run, &[]);
    assert_eq!(exit, Some(0), "what was recorded is the same: {report:#}");
    let steps = report["steps"]["recorded"].as_u64().expect("steps");
    assert!((1..3).contains(&steps), "{report:#}");
}
