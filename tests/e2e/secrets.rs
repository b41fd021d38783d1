//! A secret goes in and never comes out.

use crate::stage::{CHANNEL, Stage};
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};
use tests::zendesk::{TOKEN, Zendesk};

#[test]
fn no_command_shows_a_secret_and_no_file_holds_it() {
    let mut stage = Stage::new(Zendesk::builder().tickets(5).comments_per_ticket(1));
    assert_eq!(stage.sync(&[]).exit, Some(0));
    let shown: [&[&str]; 8] = [
        &["channel", "show", CHANNEL],
        &["--json", "channel", "show", CHANNEL],
        &["--json", "channel", "list"],
        &["channel", "check", CHANNEL],
        &["--json", "run", "list"],
        &["config", "show"],
        &["doctor"],
        &["record", "export", CHANNEL, "ticket", "--format", "jsonl"],
    ];
    for command in shown {
        let output = stage.host.cli(command).expect("the command runs");
        let text = format!("{}{}", output.stdout, output.stderr);
        assert!(!text.contains(TOKEN), "{command:?}: {text}");
    }
    assert!(!stage.host.log().contains(TOKEN));
    stage.host.stop().expect("it stops");
    for file in files(&stage.host.data()) {
        let bytes = fs::read(&file).expect("a file of the data folder");
        let found = bytes.windows(TOKEN.len()).any(|window| window == TOKEN.as_bytes());
        assert!(!found, "{} holds the secret", file.display());
    }
}

#[test]
fn the_key_is_the_operator_s_alone() {
    let stage = Stage::new(Zendesk::builder());
    let key = fs::metadata(stage.host.data().join("key")).expect("a key file");
    assert_eq!(key.permissions().mode() & 0o777, 0o600);
}

#[test]
fn another_key_is_refused_in_words() {
    let mut stage = Stage::new(Zendesk::builder());
    stage.host.stop().expect("it stops");
    fs::remove_file(stage.host.data().join("key")).expect("a key file");
    stage.host.start().expect("it starts");
    let check = stage.host.cli(["channel", "check", CHANNEL]).expect("the command runs");
    assert_eq!(check.status, Some(1));
    assert!(check.stderr.contains("key") || check.stdout.contains("key"), "{check:?}");
}

pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("readable").path());
    entries
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .filter(|path| path.is_file())
        .collect()
}
