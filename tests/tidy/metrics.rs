//! What is counted is documented, and what is documented is counted.

use crate::tree::{expect_none, root, sources};
use std::collections::BTreeSet;

/// The names that `host/src/metrics` declares: texts in quotes that are nothing else.
fn declared() -> BTreeSet<String> {
    let files = sources("host/src/metrics", &["instruments.rs"]);
    let code = files.iter().flat_map(|file| file.production_lines());
    let quoted = code.flat_map(|(_, line)| line.split('"').skip(1).step_by(2));
    quoted.filter(|text| is_name(text)).map(str::to_owned).collect()
}

/// The names in the first column of a table of the manual.
fn documented() -> BTreeSet<String> {
    let manual = std::fs::read_to_string(root().join("docs/operating.md")).expect("the manual is there");
    let rows = manual.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    rows.map(|(name, _)| name.to_owned()).filter(|name| is_name(name)).collect()
}

fn is_name(text: &str) -> bool {
    let named = text.starts_with("tidegate_") || text.starts_with("process_");
    named && text.chars().all(|c| c.is_ascii_lowercase() || c == '_')
}

#[test]
fn every_metric_stands_in_the_manual_and_every_one_there_is_counted() {
    let (declared, documented) = (declared(), documented());
    assert!(declared.len() > 20, "the scanner sees {declared:?}");
    let missing = declared.difference(&documented).map(|name| format!("{name} is not in docs/operating.md"));
    let stale = documented.difference(&declared).map(|name| format!("{name} is not counted"));
    expect_none("metrics and the manual agree", &missing.chain(stale).collect::<Vec<_>>());
}

#[test]
fn names_follow_the_conventions_of_prometheus() {
    let code = sources("host/src/metrics", &["instruments.rs"]).remove(0).text;
    let is_counter = |name: &str| {
        let (before, _) = code.split_once(&format!("\"{name}\"")).expect("it is declared there");
        let call = before.trim_end().trim_end_matches('(');
        [".counter", ".seconds", ".zeroed"].iter().any(|kind| call.ends_with(kind))
    };
    let faults = declared().into_iter().filter(|name| is_counter(name) != name.ends_with("_total"));
    expect_none("a counter ends in _total, and nothing else does", &faults.collect::<Vec<_>>());
}
