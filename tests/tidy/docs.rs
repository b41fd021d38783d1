//! What the documents name must exist.

use crate::tree::{Source, expect_none, root, sources};

const TOP: [&str; 7] = ["host/", "wit/", "plugins/", "sdk/", "tests/", "examples/", ".ci/"];

/// Paths of the repository named in backquotes or link targets.
fn paths(document: &Source) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, line) in document.text.lines().enumerate() {
        for piece in line.split(['`', '(', ')', ' ', '|', '"']) {
            let piece = piece.trim_end_matches([',', '.', ':', ';']);
            let plain = !piece.contains(['*', '{', '<', '…', '=']);
            if plain && TOP.iter().any(|top| piece.starts_with(top)) {
                found.push((at + 1, piece.to_owned()));
            }
        }
    }
    found
}

#[test]
fn paths_named_in_documents_exist() {
    let mut faults = Vec::new();
    for document in sources(".", &[".md"]) {
        for (at, path) in paths(&document) {
            let beside = root().join(&document.path).with_file_name(&path);
            if !root().join(&path).exists() && !beside.exists() {
                faults.push(format!("{}:{at}: {path}", document.path));
            }
        }
    }
    expect_none("a document names a path that is not there", &faults);
}

#[test]
fn the_documents_are_there() {
    for name in ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "BENCH.md"] {
        assert!(root().join(name).exists(), "{name} is missing");
    }
}

#[test]
fn the_map_lists_every_module_of_the_host() {
    let map = std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("the document is there");
    let mut faults = Vec::new();
    for entry in std::fs::read_dir(root().join("host/src")).expect("the sources are there") {
        let path = entry.expect("readable").path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_file() && name != "lib" && !map.contains(&format!("`{name}`")) {
            faults.push(name);
        }
    }
    expect_none("ARCHITECTURE.md does not name these modules", &faults);
}
