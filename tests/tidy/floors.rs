//! Imports go down the floors only. The table is the one of ARCHITECTURE.md.

use crate::tree::{Source, expect_none, sources};

/// Every module of the host and the modules that it may use.
const FLOORS: [(&str, &[&str]); 18] = [
    ("model", &[]),
    ("clock", &["model"]),
    ("metrics", &["model", "clock"]),
    ("store", &["model", "clock", "metrics"]),
    ("broker", &["model", "clock", "metrics"]),
    ("sandbox", &["model", "clock", "metrics", "broker"]),
    ("catalog", &["model", "clock", "metrics", "sandbox"]),
    ("channels", &["model", "clock", "metrics", "catalog", "sandbox", "broker", "store"]),
    ("cassettes", &["model", "clock", "metrics", "channels", "catalog", "sandbox", "broker"]),
    ("sync", &["model", "clock", "metrics", "cassettes", "channels", "sandbox", "store"]),
    ("api", &["model", "clock", "metrics", "sync", "cassettes", "channels", "catalog", "store"]),
    ("config", BELOW_APP),
    ("telemetry", BELOW_APP),
    ("shutdown", BELOW_APP),
    ("app", BELOW_APP),
    ("cli", BELOW_CLI),
    ("main", BELOW_CLI),
    ("lib", &[]),
];

const BELOW_APP: &[&str] = &[
    "model",
    "clock",
    "metrics",
    "store",
    "broker",
    "sandbox",
    "catalog",
    "channels",
    "cassettes",
    "sync",
    "api",
    "config",
    "telemetry",
    "shutdown",
];
const BELOW_CLI: &[&str] = &[
    "model",
    "clock",
    "metrics",
    "store",
    "broker",
    "sandbox",
    "catalog",
    "channels",
    "cassettes",
    "sync",
    "api",
    "config",
    "telemetry",
    "shutdown",
    "app",
    "cli",
];

/// `host/src/store/keys.rs` and `host/src/store.rs` belong to `store`.
fn module(source: &Source) -> &str {
    let path = source.path.trim_start_matches("host/src/");
    let end = path.find(['/', '.']).unwrap_or(path.len());
    &path[..end]
}

/// The modules that a line names as `crate::module`, nested `use` lists included.
fn named(line: &str) -> Vec<&str> {
    let starts = line.match_indices("crate::").map(|(at, found)| at + found.len());
    starts.map(|start| word(&line[start..])).filter(|name| !name.is_empty()).collect()
}

fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

/// The first words inside `use crate::{ … }`, which may run over several lines.
fn listed(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (start, opening) in text.match_indices("use crate::{") {
        let mut depth = 1;
        let mut fresh = true;
        let body = &text[start + opening.len()..];
        for (at, letter) in body.char_indices() {
            match letter {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 1 => fresh = true,
                _ if fresh && letter.is_ascii_alphabetic() => {
                    names.push(word(&body[at..]).to_owned());
                    fresh = false;
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    names
}

/// A test may play the other side, a server say, with whatever it likes.
fn is_test(source: &Source) -> bool {
    source.path.ends_with("/tests.rs") || source.path.contains("/tests/")
}

/// The part of a file before its own tests, comments left out.
fn production(source: &Source) -> String {
    let code = source.production_lines().map(|(_, line)| line);
    code.filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

#[test]
fn imports_go_down_the_floors() {
    let mut faults = Vec::new();
    for source in sources("host/src", &[".rs"]) {
        let here = module(&source);
        if is_test(&source) {
            continue;
        }
        let Some((_, allowed)) = FLOORS.iter().find(|(name, _)| *name == here) else {
            faults.push(format!("{}: the module '{here}' is not in the table of floors", source.path));
            continue;
        };
        let text = production(&source);
        let used = text.lines().flat_map(named).map(str::to_owned).chain(listed(&text));
        for other in used {
            let is_module = FLOORS.iter().any(|(name, _)| *name == other);
            if is_module && other != here && !allowed.contains(&other.as_str()) {
                faults.push(format!("{}: '{here}' may not use '{other}'", source.path));
            }
        }
    }
    expect_none("imports go down the floors only", &faults);
}

#[test]
fn no_path_climbs_two_modules() {
    let climbing = concat!("super::", "super");
    let mut faults = Vec::new();
    for source in sources(".", &[".rs"]) {
        for (at, line) in source.text.lines().enumerate() {
            if line.contains(climbing) {
                faults.push(format!("{}:{}", source.path, at + 1));
            }
        }
    }
    expect_none("name the module from `crate` instead of climbing", &faults);
}

/// Foreign interfaces that one place only may name.
const FOREIGN: [(&str, &str, &[&str]); 13] = [
    ("host", "reqwest", &["host/src/broker/client.rs", "host/src/telemetry/otlp/post.rs"]),
    ("host", "opentelemetry", &["host/src/metrics/", "host/src/telemetry/otlp"]),
    ("host", "opentelemetry_sdk", &["host/src/metrics", "host/src/telemetry/otlp"]),
    ("host", "opentelemetry_proto", &["host/src/telemetry/otlp/"]),
    ("host", "tracing_opentelemetry", &["host/src/telemetry/otlp.rs"]),
    ("host", "prost", &["host/src/telemetry/otlp/"]),
    ("host", "sled", &["host/src/store/sled.rs"]),
    ("host", "wasmtime", &["host/src/sandbox/"]),
    ("host", "wasmtime_wasi", &["host/src/sandbox/"]),
    ("host", "wasmparser", &["host/src/sandbox/"]),
    ("host", "chacha20poly1305", &["host/src/channels/vault.rs"]),
    (
        "host",
        "axum",
        &["host/src/api.rs", "host/src/api/", "host/src/app.rs", "host/src/app/", "host/src/cli/client"],
    ),
    ("host", "clap", &["host/src/cli.rs", "host/src/cli/", "host/src/main.rs"]),
];

#[test]
fn foreign_interfaces_are_named_in_one_place() {
    let mut faults = Vec::new();
    for source in sources("host/src", &[".rs"]).into_iter().filter(|source| !is_test(source)) {
        let text = production(&source);
        for (_, name, places) in FOREIGN {
            let at_home = places.iter().any(|place| source.path.starts_with(place));
            if !at_home && names_crate(&text, name) {
                faults.push(format!("{} names `{name}`, which belongs to {places:?}", source.path));
            }
        }
    }
    expect_none("each foreign interface is named in one place", &faults);
}

/// Whether the text says `name::` as a path of its own.
fn names_crate(text: &str, name: &str) -> bool {
    let path = format!("{name}::");
    text.match_indices(&path).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        !before.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':')
    })
}

#[test]
fn the_scanner_sees_nested_and_plain_imports() {
    let text =
        "use crate::{\n    broker::{Gateway, Scope},\n    model::Run,\n};\nlet x = crate::sync::run();";
    assert_eq!(listed(text), ["broker", "model"]);
    assert_eq!(text.lines().flat_map(named).collect::<Vec<_>>(), ["sync"]);
    assert!(names_crate("use sled::Db;", "sled"));
    assert!(!names_crate("use crate::store::sled::Engine;", "sled"));
}
