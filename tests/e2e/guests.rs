//! Guests that misbehave: each ends in a named failure, and nobody else is hurt.

use crate::stage::{CHANNEL, Stage};
use serde_json::Value;
use std::path::{Path, PathBuf};
use tests::{
    programs,
    vendor::{Options, echo},
    wait,
    zendesk::Zendesk,
};

/// What a host says of a file once it has judged it.
fn judged(stage: &Stage, file: &str) -> Value {
    let what = format!("{file} to be judged");
    let found = wait::until(&what, 2 * wait::PATIENCE, || {
        let plugins = stage.host.items(["plugin", "list"])?;
        let found = plugins.into_iter().find(|plugin| plugin["file"] == file);
        Ok(found.filter(|plugin| plugin["status"] != "settling"))
    });
    found.expect("a verdict")
}

fn hostile(name: &str) -> PathBuf {
    programs::hostile(name).expect("it compiles")
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[test]
fn files_that_misbehave_when_they_are_dropped_are_refused_by_name() {
    let stage = Stage::new(Zendesk::builder().tickets(5).comments_per_ticket(0));
    let refused = [
        ("uses-sockets", "component.import", "wasi:sockets"),
        ("uses-files", "component.import", "wasi:filesystem"),
        ("describe-loops", "limit.cpu", ""),
        ("describe-allocates", "limit.memory", ""),
        ("describe-answers-too-much", "limit.", ""),
        ("describe-panics", "trap.", ""),
        ("describe-exits", "trap.", ""),
        ("describe-recurses", "trap.", ""),
        ("describe-differs", "manifest.differs", "build the plugin again"),
        ("describe-not-json", "manifest.", "JSON"),
        ("describe-breaks-schema", "manifest.", ""),
    ];
    for (name, _, _) in refused {
        stage.host.drop_in(&hostile(name)).expect("a copy");
    }
    for (name, code, word) in refused {
        let plugin = judged(&stage, &file_name(&hostile(name)));
        let error = &plugin["error"];
        assert_eq!(plugin["status"], "refused", "{name}: {plugin:#}");
        assert!(error["code"].as_str().is_some_and(|found| found.starts_with(code)), "{name}: {error:#}");
        assert!(error["message"].as_str().is_some_and(|words| words.contains(word)), "{name}: {error:#}");
    }
    assert_eq!(judged(&stage, "zendesk.wasm")["status"], "ready");
    assert_eq!(stage.sync(&[]).exit, Some(0), "the other channel goes on");
}

/// How a run of the guest that misbehaves so must end: status, class, start of the code.
const ACTS: [(&str, &str, &str, &str); 16] = [
    ("loop", "failed", "limit", "limit.cpu"),
    ("panic", "failed", "internal", "trap."),
    ("exit", "failed", "internal", "trap."),
    ("recurse", "failed", "", "trap."),
    ("allocate", "failed", "limit", "limit.memory"),
    ("flood-random", "failed", "limit", "limit.random"),
    ("hoard-bodies", "failed", "limit", "limit."),
    ("too-many-records", "failed", "limit", "limit."),
    ("too-large-page", "failed", "limit", "limit."),
    ("too-large-cursor", "failed", "", ""),
    // It takes the refusals as answers and goes on.
    ("too-many-requests", "completed", "", ""),
    ("never-ends-without-records", "failed", "internal", "run.no-progress"),
    ("flood-log", "completed", "", ""),
    ("bad-records", "completed-with-warnings", "", ""),
    ("too-large-record", "completed-with-warnings", "", ""),
    ("behave", "completed", "", ""),
];

#[test]
fn runs_that_misbehave_end_with_a_name_and_leave_the_others_alone() {
    // Most of the acts end in a trap, which else would hold the plugin back for the others.
    let config = "[sync]\ntraps-in-a-row = 0\n";
    let stage = Stage::with_config(Zendesk::builder().tickets(5).comments_per_ticket(0), config);
    stage.host.drop_in(&hostile("misbehaves")).expect("a copy");
    assert_eq!(judged(&stage, "misbehaves.wasm")["status"], "ready");
    let vendor = echo(Options::default()).expect("a vendor that lets everybody in");
    let url = format!("url={}", vendor.url());
    for (act, status, class, code) in ACTS {
        let act_setting = format!("act={act}");
        let create = ["channel", "create", act, "--type", "misbehaves", "--set", &url, "--set", &act_setting];
        stage
            .host
            .ok(create.into_iter().chain(["--secret", "token=s3cret-of-the-channel"]))
            .expect("a channel");
        let output = stage.host.cli(["--json", "sync", act, "--wait"]).expect("the command runs");
        let job = output.json().expect("a job");
        let run = &job["runs"][0];
        assert_eq!(run["status"], status, "{act}: {run:#}");
        if !class.is_empty() {
            assert_eq!(run["error"]["class"], class, "{act}: {run:#}");
        }
        assert!(run["error"]["code"].as_str().unwrap_or_default().starts_with(code), "{act}: {run:#}");
        assert!(run["usage"]["steps"].as_u64().is_some_and(|steps| steps > 0), "{act}: {run:#}");
    }
    assert_eq!(stage.sync(&[]).exit, Some(0), "the other channel goes on");
    let quarantined = stage.host.items(["record", "list", "bad-records", "thing"]).expect("records");
    assert!(
        quarantined.iter().any(|record| record["key"] == "good"),
        "the good record stays: {quarantined:?}"
    );
    assert!(!stage.host.log().contains("s3cret-of-the-channel"));
    stage.host.ok(["channel", "check", CHANNEL]).expect("the host lives");
}
