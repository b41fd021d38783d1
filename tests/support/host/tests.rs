//! The helper tried on a shell script that behaves as the host does outside.

use super::*;
use std::os::unix::fs::PermissionsExt as _;

/// Prints its address for `serve`, and its arguments for anything else.
const SCRIPT: &str = r#"#!/bin/sh
for argument in "$@"; do
    case "$argument" in
    serve) serving=yes ;;
    fail) echo "it went wrong" >&2; exit 3 ;;
    hang) exec sleep 600 ;;
    refuse) refuse=yes ;;
    esac
done
if [ "$refuse" ]; then echo "no" >&2; exit 1; fi
if [ ! "$serving" ]; then
    printf '{"items":["%s"]}' "$*"
    exit 0
fi
trap 'exit 0' TERM
echo "started" >&2
echo "Tidegate is listening on http://127.0.0.1:7070/."
while true; do sleep 0.05; done
"#;

fn host() -> (TempDir, TestHost) {
    let folder = TempDir::new().expect("a folder");
    let program = folder.path().join("program");
    fs::write(&program, SCRIPT).expect("a script");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).expect("its mode");
    let setup = Setup { program: Some(program), patience: Some(Duration::from_secs(20)), ..Setup::default() };
    (folder, TestHost::new(setup).expect("a host"))
}

#[test]
fn a_host_is_started_stopped_and_started_again() {
    let (_folder, mut host) = host();
    assert!(host.url().is_err());
    host.start().expect("it starts");
    assert_eq!(host.url().expect("a URL"), "http://127.0.0.1:7070");
    assert!(host.start().is_err(), "it runs already");
    assert!(host.stop().expect("it stops").success());
    host.restart().expect("it starts again");
    host.kill().expect("it is killed");
    assert_eq!(host.log().lines().collect::<Vec<_>>(), ["started", "started"]);
}

#[test]
fn a_command_gets_the_folders_of_the_host() {
    let (_folder, host) = host();
    let items = host.items(["channel", "list"]).expect("a list");
    let expected = format!(
        "--config {} --data {} --plugins {} --json channel list",
        host.config().display(),
        host.data().display(),
        host.plugins().display()
    );
    assert_eq!(items, [Value::from(expected)]);
}

#[test]
fn a_command_that_fails_says_how() {
    let (_folder, host) = host();
    let output = host.cli(["fail"]).expect("it runs");
    assert_eq!((output.status, output.stderr.as_str()), (Some(3), "it went wrong\n"));
    let failure = host.ok(["fail"]).expect_err("it fails");
    assert!(failure.to_string().contains("it went wrong"), "{failure:#}");
}

#[test]
fn a_host_that_does_not_start_shows_its_log() {
    let (_folder, mut host) = host();
    let mut command = host.command();
    command.args(["serve", "refuse"]);
    let failure = Servant::start(command, &host.log_file(), host.limits).expect_err("it refuses");
    assert!(format!("{failure:#}").contains("no"), "{failure:#}");
    assert!(host.stop().is_err());
}

#[test]
fn a_command_that_hangs_is_ended() {
    let (_folder, host) = host();
    let mut command = host.command();
    command.arg("hang");
    let failure = command::run(command, host.folder.path(), Limits { patience: Duration::from_millis(50) })
        .expect_err("it hangs");
    assert!(format!("{failure:#}").contains("in vain"), "{failure:#}");
}

#[test]
fn a_plugin_lands_whole_under_its_own_name() {
    let (folder, host) = host();
    let file = folder.path().join("some.wasm");
    fs::write(&file, b"bytes").expect("a file");
    let target = host.drop_in(&file).expect("it is copied");
    assert_eq!(target, host.plugins().join("some.wasm"));
    assert_eq!(fs::read(target).expect("it is there"), b"bytes");
}
