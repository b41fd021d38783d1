//! Upgrades of a plugin, and what it has to say before its channels are enabled, disabled
//! or deleted.

use crate::{replay::tasks, stage::CHANNEL};
use serde_json::Value;
use std::{fs, path::Path, time::Duration};
use tests::{
    host::{Output, Setup, TestHost},
    programs,
    vendor::Vendor,
    wait,
};

/// Time for a debug build to compile a component on a busy machine.
const COMPILES: Duration = Duration::from_secs(60);

fn version(path: &str) -> String {
    let built = match path {
        "0.1.0" => programs::example("minimal"),
        _ => programs::hostile("minimal-next"),
    };
    built.expect("it compiles").to_string_lossy().into_owned()
}

/// A host with a version of `minimal` in its folder.
fn host_with(plugin: &str) -> TestHost {
    let host = TestHost::started(Setup::default()).expect("a host");
    install(&host, plugin);
    host
}

/// Puts a version of `minimal` in the place of the one that is there.
fn install(host: &TestHost, plugin: &str) {
    let draft = host.data().join("draft");
    fs::copy(Path::new(&version(plugin)), &draft).expect("a copy");
    fs::rename(draft, host.plugins().join("minimal.wasm")).expect("in place");
    let taken_up = wait::until("the version to be taken up", COMPILES, || {
        let plugins = host.items(["plugin", "list"])?;
        Ok(plugins.into_iter().find(|found| found["version"] == plugin && found["status"] == "ready"))
    });
    taken_up.expect("a plugin");
}

fn create(host: &TestHost, vendor: &Vendor, path: &str, more: &[&str]) {
    let url = format!("url={}{path}", vendor.url());
    let create = ["channel", "create", CHANNEL, "--type", "minimal", "--set", &url, "--secret", "token=t"];
    host.ok(create.into_iter().chain(more.iter().copied())).expect("a channel");
}

fn show(host: &TestHost) -> Value {
    host.json(["channel", "show", CHANNEL]).expect("a channel")
}

fn cli(host: &TestHost, arguments: &[&str]) -> Output {
    host.cli(arguments.iter().copied()).expect("the command runs")
}

fn sync(host: &TestHost) -> Output {
    cli(host, &["sync", CHANNEL, "--wait"])
}

#[test]
fn settings_go_along_with_an_upgrade_and_come_back_with_the_old_version() {
    let (host, vendor) = (host_with("0.1.0"), tasks(5));
    create(&host, &vendor, "", &[]);
    assert_eq!(sync(&host).status, Some(0));
    let before = show(&host);

    install(&host, "0.2.0");
    host.ok(["channel", "check", CHANNEL]).expect("it is let in");
    let after = show(&host);
    assert_eq!((&after["settings"]["was"], &after["plugin-version"]), (&"0.1.0".into(), &"0.2.0".into()));
    let shown = host.ok(["channel", "show", CHANNEL]).expect("a channel");
    let words = "migrated from 0.1.0 to 0.2.0, old kept until the first good run";
    assert!(shown.contains(words), "{shown}");

    install(&host, "0.1.0");
    host.ok(["channel", "check", CHANNEL]).expect("it is let in");
    let back = show(&host);
    assert_eq!((&back["settings"], &back["plugin-version"]), (&before["settings"], &"0.1.0".into()));
    assert!(back["settings-migrated"].is_null(), "{back:#}");

    install(&host, "0.2.0");
    assert_eq!(sync(&host).status, Some(0));
    let proved = wait::until("the old settings to be dropped", wait::PATIENCE, || {
        let now = show(&host);
        Ok(now["settings-migrated"].is_null().then_some(now))
    });
    assert_eq!(proved.expect("they are")["settings"]["was"], "0.1.0");
}

#[test]
fn an_upgrade_that_cannot_take_the_settings_over_pauses_the_channel_in_words() {
    let (host, vendor) = (host_with("0.1.0"), tasks(3));
    create(&host, &vendor, "/legacy", &[]);
    assert_eq!(sync(&host).status, Some(0));
    install(&host, "0.2.0");
    let refused = sync(&host);
    assert_eq!(refused.status, Some(1));
    assert!(refused.stderr.contains("legacy addresses are not served any more"), "{}", refused.stderr);
    let paused = show(&host);
    assert_eq!(paused["paused"]["class"], "config", "{paused:#}");
    assert_eq!((&paused["enabled"], &paused["plugin-version"]), (&true.into(), &"0.1.0".into()));

    install(&host, "0.1.0");
    assert_eq!(sync(&host).status, Some(0));
    assert!(show(&host)["paused"].is_null());
}

#[test]
fn a_plugin_has_its_say_and_a_person_the_last_word() {
    let (host, vendor) = (host_with("0.2.0"), tasks(4));
    create(&host, &vendor, "", &["--set", "refuses=disable delete"]);
    assert_eq!(cli(&host, &["sync", CHANNEL, "--wait", "--record"]).status, Some(0));

    for command in [&["channel", "disable", CHANNEL][..], &["channel", "delete", CHANNEL, "--yes"]] {
        let refused = cli(&host, command);
        assert_eq!(refused.status, Some(1), "{refused:?}");
        assert!(refused.stderr.contains("3 tasks are still in use"), "{}", refused.stderr);
        let code = cli(&host, &[&["--json"], command].concat()).json().expect("a problem");
        assert_eq!(code["error"]["code"], "lifecycle.refused");
    }
    let look = cli(&host, &["channel", "delete", CHANNEL]);
    assert_eq!(look.status, Some(2));
    for words in ["task", "RECORDS", "UNSENT CHANGES", "cassettes", "the plugin refuses it: 3 tasks"] {
        assert!(look.stdout.contains(words), "{words} in {}", look.stdout);
    }
    assert!(look.stderr.contains("--yes --force"), "{}", look.stderr);

    let forced = cli(&host, &["channel", "disable", CHANNEL, "--force"]);
    assert_eq!(forced.status, Some(0), "{forced:?}");
    assert!(forced.stderr.contains("warning: 3 tasks are still in use"), "{}", forced.stderr);
    host.ok(["channel", "edit", CHANNEL, "--set", "refuses=enable"]).expect("an edit");
    let refused = cli(&host, &["channel", "enable", CHANNEL]);
    assert_eq!(refused.status, Some(1), "{refused:?}");
    assert_eq!(show(&host)["enabled"], false);

    host.ok(["channel", "edit", CHANNEL, "--set", "refuses=delete"]).expect("an edit");
    host.ok(["channel", "delete", CHANNEL, "--yes", "--force"]).expect("it is deleted");
    for list in ["channel", "run", "cassette", "quarantine"] {
        assert!(host.items([list, "list"]).expect("a list").is_empty(), "{list}");
    }
}

#[test]
fn a_plugin_without_an_answer_holds_nobody_hostage() {
    let (host, vendor) = (host_with("0.2.0"), tasks(1));
    for silence in ["by-panic", "by-silence"] {
        let refuses = format!("refuses={silence}");
        create(&host, &vendor, "", &["--set", &refuses]);
        let disabled = cli(&host, &["channel", "disable", CHANNEL]);
        assert_eq!(disabled.status, Some(0), "{disabled:?}");
        assert!(disabled.stderr.contains("gave no answer"), "{}", disabled.stderr);
        assert_eq!(cli(&host, &["channel", "enable", CHANNEL]).status, Some(1));
        let deleted = cli(&host, &["channel", "delete", CHANNEL, "--yes"]);
        assert_eq!(deleted.status, Some(0), "{deleted:?}");
        assert!(deleted.stderr.contains("gave no answer"), "{}", deleted.stderr);
    }
    create(&host, &vendor, "", &["--set", "refuses=disable delete"]);
    fs::remove_file(host.plugins().join("minimal.wasm")).expect("it is removed");
    let gone =
        wait::until("it to go", COMPILES, || Ok(host.items(["plugin", "list"])?.is_empty().then_some(())));
    gone.expect("an empty list");
    assert_eq!(cli(&host, &["channel", "disable", CHANNEL]).status, Some(0));
    assert_eq!(cli(&host, &["channel", "delete", CHANNEL, "--yes"]).status, Some(0));
}
