//! A plugin that traps again and again is held back, and goes on when somebody lets it.

use crate::stage::{CHANNEL, Stage};
use serde_json::Value;
use std::time::Duration;
use tests::{
    host::{Setup, TestHost},
    programs,
    vendor::{Options, Vendor, echo},
    wait,
    zendesk::Zendesk,
};

/// Runs come by hand only, so that the traps are counted as the test says.
const CONFIG: &str = "[schedule]\npaused = true\n[sync]\ndefer-base = \"1h\"\ndefer-max = \"1h\"\n";

/// A channel of the guest that misbehaves so.
fn channel(host: &TestHost, vendor: &Vendor, act: &str) {
    let (url, act_setting) = (format!("url={}", vendor.url()), format!("act={act}"));
    let create = ["channel", "create", act, "--type", "misbehaves", "--set", &url, "--set", &act_setting];
    host.ok(create.into_iter().chain(["--secret", "token=s3cret-of-the-channel"])).expect("a channel");
}

fn plugin(host: &TestHost) -> Value {
    let is_it = |plugin: &Value| plugin["file"] == "misbehaves.wasm";
    host.items(["plugin", "list"]).expect("a list").into_iter().find(is_it).expect("the plugin")
}

/// Status and code of the newest run of a channel.
fn newest(host: &TestHost, channel: &str) -> (String, String) {
    let run = host.items(["run", "list", "--channel", channel, "--limit", "1"]).expect("runs").remove(0);
    let code = [&run["error"]["code"], &run["deferred"]["reason"]["code"]];
    let code = code.iter().find_map(|code| code.as_str()).unwrap_or_default();
    (run["status"].as_str().unwrap_or_default().to_owned(), code.to_owned())
}

fn reaches(host: &TestHost, channel: &str, status: &str, code: &str) {
    let what = format!("the run of {channel} to be {status} {code}");
    let reached = wait::until(&what, Duration::from_secs(30), || {
        Ok((newest(host, channel) == (status.to_owned(), code.to_owned())).then_some(()))
    });
    reached.unwrap_or_else(|error| panic!("{error:#}: {:?}", newest(host, channel)));
}

fn wait_until_ready(host: &TestHost) {
    let ready = wait::until("the plugin to be ready", 2 * wait::PATIENCE, || {
        Ok(host
            .items(["plugin", "list"])?
            .iter()
            .any(|one| one["file"] == "misbehaves.wasm" && one["status"] == "ready")
            .then_some(()))
    });
    ready.expect("it is");
}

#[test]
fn a_plugin_that_traps_again_and_again_waits_for_a_release_or_another_version() {
    let stage = Stage::with_config(Zendesk::builder().tickets(5).comments_per_ticket(0), CONFIG);
    let (host, vendor) = (&stage.host, echo(Options::default()).expect("a vendor that lets everybody in"));
    host.drop_in(&programs::hostile("misbehaves").expect("it compiles")).expect("a copy");
    wait_until_ready(host);
    for act in ["behave", "panic", "recurse"] {
        channel(host, &vendor, act);
    }
    // Two steps each, and a page of another channel between them.
    host.cli(["sync", "panic", "--wait"]).expect("the command runs");
    host.cli(["sync", "recurse", "--wait"]).expect("the command runs");
    host.ok(["sync", "behave", "--wait"]).expect("a page lands");
    host.cli(["sync", "panic", "--wait"]).expect("the command runs");
    host.cli(["sync", "recurse", "--wait"]).expect("the command runs");
    assert_eq!(plugin(host)["status"], "ready");

    // The fifth in a row.
    host.ok(["sync", "panic"]).expect("a sync is asked for");
    reaches(host, "panic", "deferred", "plugin.quarantined");
    let held = plugin(host);
    assert_eq!(
        (held["status"].as_str(), held["quarantine"]["traps"].as_u64()),
        (Some("quarantined"), Some(5))
    );
    assert!(
        held["quarantine"]["last"]["code"].as_str().is_some_and(|code| code.starts_with("trap.")),
        "{held:#}"
    );
    let listed = host.ok(["plugin", "list"]).expect("a list");
    assert!(listed.contains("in quarantine since") && listed.contains("plugin release"), "{listed}");
    let refused = host.cli(["sync", "behave"]).expect("the command runs");
    assert!(refused.status == Some(1) && refused.stderr.contains("plugin release"), "{refused:?}");
    let (_, metrics) = crate::observe::get(&stage, "/metrics");
    assert!(metrics.contains("tidegate_plugins_quarantined{plugin=\"misbehaves\"} 1"), "{metrics}");
    assert_eq!(stage.sync(&[]).exit, Some(0), "the channel of another plugin goes on");

    let released = host.ok(["plugin", "release", "misbehaves"]).expect("it goes on");
    assert!(released.contains("goes on"), "{released}");
    // It is tried at once, and not in an hour; it traps, and there is no try left.
    reaches(host, "panic", "failed", "trap.unreachable");
    host.ok(["sync", "behave", "--wait"]).expect("it runs");
    host.ok(["channel", "check", CHANNEL]).expect("the host lives");
    assert!(!host.log().contains("s3cret-of-the-channel"));
}

#[test]
fn a_quarantine_outlives_a_restart_and_commands_without_a_host_know_it() {
    let setup = Setup {
        config: CONFIG.to_owned(),
        plugins: vec![programs::hostile("misbehaves").expect("it compiles")],
        ..Setup::default()
    };
    let mut host = TestHost::new(setup).expect("a host");
    let vendor = echo(Options::default()).expect("a vendor that lets everybody in");
    channel(&host, &vendor, "panic");
    for _ in 0..3 {
        host.cli(["sync", "panic", "--wait"]).expect("the command runs");
    }
    assert_eq!(plugin(&host)["status"], "quarantined", "counted over processes");
    host.start().expect("it starts");
    wait::until("the plugin to be judged", 2 * wait::PATIENCE, || {
        Ok((plugin(&host)["status"] == "quarantined").then_some(()))
    })
    .expect("it is");
    host.stop().expect("it stops");
    let unknown = host.cli(["plugin", "release", "other"]).expect("the command runs");
    assert!(unknown.status == Some(1) && unknown.stderr.contains("misbehaves"), "{unknown:?}");
    host.ok(["plugin", "release", "misbehaves.wasm"]).expect("it goes on");
    assert_eq!(plugin(&host)["status"], "ready");
}
