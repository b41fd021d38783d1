//! What files may be called, how long they may be, and what may not stand in them.

use crate::tree::{expect_none, sources};

/// Past this many lines before its tests, a file is split or its length is argued.
const LONGEST: usize = 400;

#[test]
fn files_are_short_enough_to_read() {
    let mut faults = Vec::new();
    for source in sources(".", &[".rs"]) {
        let lines = source.production_lines().count();
        let tests_only = source.path.ends_with("/tests.rs")
            || source.path.contains("/src/") && source.path.contains("/tests/");
        if lines > LONGEST && !tests_only {
            faults.push(format!("{} has {lines} lines before its tests", source.path));
        }
    }
    expect_none("a file is at most 400 lines long", &faults);
}

#[test]
fn modules_have_a_face_and_a_name() {
    let nameless = ["mod.rs", "util.rs", "utils.rs", "common.rs", "helpers.rs", "misc.rs"];
    let mut faults = Vec::new();
    for source in sources(".", &[".rs"]) {
        let name = source.path.rsplit('/').next().unwrap_or_default();
        if nameless.contains(&name) {
            faults.push(source.path.clone());
        }
        if !source.text.starts_with("//!") && !source.text.starts_with("#!") {
            faults.push(format!("{} does not begin with what it is for", source.path));
        }
    }
    expect_none("a module is a noun and says its job in its first line", &faults);
}

#[test]
fn nothing_unfinished_stands_in_the_code() {
    let marks = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
        concat!("#[ign", "ore"),
    ];
    let mut faults = Vec::new();
    for source in sources(".", &[".rs", ".wit"]) {
        for (at, line) in source.text.lines().enumerate() {
            for mark in marks.iter().filter(|mark| line.contains(**mark)) {
                faults.push(format!("{}:{}: {mark}", source.path, at + 1));
            }
        }
    }
    expect_none("unfinished work is done or left out, not marked", &faults);
}

#[test]
fn lints_are_excepted_with_a_reason() {
    let bare = [concat!("#[al", "low("), concat!("#![al", "low(")];
    let mut faults = Vec::new();
    for source in sources(".", &[".rs"]) {
        for (at, line) in source.text.lines().enumerate() {
            if bare.iter().any(|mark| line.trim_start().starts_with(mark)) {
                faults.push(format!("{}:{}", source.path, at + 1));
            }
        }
    }
    expect_none("use `#[expect(lint, reason = …)]`", &faults);
}

#[test]
fn no_path_of_one_machine_is_written_down() {
    let paths = [concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/wo", "rk/")];
    let mut faults = Vec::new();
    for source in sources(".", &[".rs", ".toml", ".md", ".wit", ".json", ".sh", "run"]) {
        for (at, line) in source.text.lines().enumerate() {
            if paths.iter().any(|path| line.contains(path)) {
                faults.push(format!("{}:{}", source.path, at + 1));
            }
        }
    }
    expect_none("no file names a path of one machine", &faults);
}

#[test]
fn every_package_takes_the_workspace_s_lints() {
    let mut faults = Vec::new();
    for source in sources(".", &["Cargo.toml"]) {
        let is_package = source.text.contains("[package]");
        if is_package && !source.text.contains("[lints]\nworkspace = true") {
            faults.push(source.path.clone());
        }
        let versions = source.text.lines().filter(|line| is_package && line.contains("version = \"")).count();
        if versions > 0 {
            faults.push(format!("{} names a version; versions stand in the workspace", source.path));
        }
    }
    expect_none("lints and versions are the workspace's", &faults);
}

#[test]
fn the_host_forbids_unsafe_code() {
    let lib = sources("host/src", &["lib.rs"]).remove(0);
    assert!(lib.text.contains("#![forbid(unsafe_code)]"));
}
