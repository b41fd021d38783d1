//! The plugins folder of a running host: what is dropped, replaced and removed shows, fit or not.

use crate::stage::{CHANNEL, Stage, create_channel, zendesk_setup};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::{fs, time::Duration};
use tests::{
    host::{Setup, TestHost},
    programs, wait,
    zendesk::{TOKEN, Zendesk},
};

/// What the design promises: a change of the folder shows within this time.
const SHOWS: Duration = Duration::from_secs(2);

/// Time for a debug build to compile a component on a busy machine.
const COMPILES: Duration = Duration::from_secs(60);

fn plugin(host: &TestHost, file: &str, deadline: Duration, wish: impl Fn(&Value) -> bool) -> Value {
    let what = format!("{file} to show");
    let found = wait::until(&what, deadline, || {
        let plugins = host.items(["plugin", "list"])?;
        Ok(plugins.into_iter().find(|plugin| plugin["file"] == file && wish(plugin)))
    });
    found.unwrap_or_else(|error| panic!("{error:#}: {:#?}", host.items(["plugin", "list"])))
}

fn is_ready(plugin: &Value) -> bool {
    plugin["status"] == "ready"
}

fn is_refused(plugin: &Value) -> bool {
    plugin["status"] == "refused"
}

#[test]
fn a_dropped_plugin_shows_without_a_restart_and_goes_when_it_is_removed() {
    let host = TestHost::started(Setup::default()).expect("a host");
    assert!(host.items(["plugin", "list"]).expect("a list").is_empty());
    let source = programs::plugin("zendesk").expect("it compiles");
    let dropped = host.drop_in(&source).expect("a copy");
    plugin(&host, "zendesk.wasm", SHOWS, |_| true);
    let ready = plugin(&host, "zendesk.wasm", COMPILES, is_ready);
    let digest = Sha256::digest(fs::read(&source).expect("the file"));
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(ready["sha256"], digest.as_str());
    assert_eq!(ready["channel-types"], serde_json::json!(["zendesk"]));

    fs::remove_file(dropped).expect("it is removed");
    let gone =
        wait::until("it to go", SHOWS, || Ok(host.items(["plugin", "list"])?.is_empty().then_some(())));
    gone.expect("an empty list");
}

#[test]
fn files_that_are_no_plugins_are_listed_with_the_reason() {
    let host = TestHost::started(zendesk_setup("")).expect("a host");
    let core_module = [b"\0asm".as_slice(), &[1, 0, 0, 0]].concat();
    let files: [(&str, &[u8], &str); 4] = [
        ("empty.wasm", b"", "empty"),
        ("text.wasm", b"this is no plugin", "is text"),
        ("module.wasm", &core_module, "not a component"),
        ("half.wasm", b"\0asm\x0d\0\x01\0\x07\x20", "half there"),
    ];
    for (name, bytes, _) in files {
        fs::write(host.plugins().join(name), bytes).expect("a file");
    }
    for (name, _, reason) in files {
        let refused = plugin(&host, name, COMPILES, is_refused);
        let words = refused["error"]["message"].as_str().expect("a reason");
        assert!(words.contains(reason), "{name}: {words}");
    }
    plugin(&host, "zendesk.wasm", COMPILES, is_ready);
}

#[test]
fn the_second_file_with_a_channel_type_is_refused_by_name() {
    let host = TestHost::started(zendesk_setup("")).expect("a host");
    plugin(&host, "zendesk.wasm", COMPILES, is_ready);
    fs::copy(programs::plugin("zendesk").expect("it compiles"), host.plugins().join("again.wasm"))
        .expect("a copy");
    let refused = plugin(&host, "again.wasm", COMPILES, is_refused);
    let words = refused["error"]["message"].as_str().expect("a reason");
    assert!(words.contains("zendesk.wasm"), "{words}");
    fs::remove_file(host.plugins().join("zendesk.wasm")).expect("it is removed");
    plugin(&host, "again.wasm", COMPILES, is_ready);
}

#[test]
fn a_channel_whose_plugin_is_gone_says_so_and_keeps_its_records() {
    let stage = Stage::new(Zendesk::builder().tickets(4).comments_per_ticket(0));
    assert_eq!(stage.sync(&[]).exit, Some(0));
    fs::remove_file(stage.host.plugins().join("zendesk.wasm")).expect("it is removed");
    let gone =
        wait::until("it to go", SHOWS, || Ok(stage.host.items(["plugin", "list"])?.is_empty().then_some(())));
    gone.expect("an empty list");
    let sync = stage.host.cli(["sync", CHANNEL, "--wait"]).expect("the command runs");
    assert_eq!(sync.status, Some(1));
    assert!(sync.stderr.contains("zendesk") || sync.stdout.contains("zendesk"), "{sync:?}");
    assert_eq!(stage.records("ticket").len(), 4);
}

#[test]
fn settings_are_checked_field_by_field() {
    let host = TestHost::started(zendesk_setup("")).expect("a host");
    plugin(&host, "zendesk.wasm", COMPILES, is_ready);
    let bad: [(&[&str], &str); 5] = [
        (&["--set", "subdomain=acme", "--secret", "token=t"], "email"),
        (&["--set", "subdomain=acme", "--set", "email=a@b.example"], "token"),
        (&["--set", "subdomain=ac/me", "--set", "email=a@b.example", "--secret", "token=t"], "subdomain"),
        (&["--set", "email=a@b.example", "--secret", "token=t"], "url"),
        (&["--set", "subdomian=acme", "--set", "email=a@b.example", "--secret", "token=t"], "subdomain"),
    ];
    for (settings, field) in bad {
        let create = ["channel", "create", "bad", "--type", "zendesk"].iter().chain(settings);
        let output = host.cli(create).expect("the command runs");
        assert_ne!(output.status, Some(0), "{settings:?}");
        assert!(output.stderr.contains(field), "{settings:?}: {}", output.stderr);
    }
    assert!(host.items(["channel", "list"]).expect("a list").is_empty());
}

#[test]
fn channels_are_edited_disabled_and_deleted_with_all_that_is_theirs() {
    let stage = Stage::new(Zendesk::builder().tickets(6).comments_per_ticket(1));
    assert_eq!(stage.sync(&[]).exit, Some(0));
    let again = create_channel(&stage.host, CHANNEL, "subdomain=acme", TOKEN);
    assert_eq!(again.status, Some(1));
    assert!(again.stderr.contains(CHANNEL), "{}", again.stderr);

    stage.host.ok(["channel", "disable", CHANNEL]).expect("it is disabled");
    let sync = stage.host.cli(["sync", CHANNEL, "--wait"]).expect("the command runs");
    assert_eq!(sync.status, Some(1));
    assert!(sync.stderr.contains("enable"), "{}", sync.stderr);
    stage.host.ok(["channel", "enable", CHANNEL]).expect("it is enabled");
    assert_eq!(stage.sync(&[]).exit, Some(0));

    let unsure = stage.host.cli(["channel", "delete", CHANNEL]).expect("the command runs");
    assert_eq!(unsure.status, Some(2), "{unsure:?}");
    stage.host.ok(["channel", "delete", CHANNEL, "--yes"]).expect("it is deleted");
    let gone = stage.host.cli(["record", "list", CHANNEL, "ticket"]).expect("the command runs");
    assert_eq!(gone.status, Some(1));
    let twice = stage.host.cli(["channel", "delete", CHANNEL, "--yes"]).expect("the command runs");
    assert_eq!(twice.status, Some(1), "a delete of nothing is reported as it is");
}
