//! The hostile guests are what they say: whole components, refused or let in by what
//! they import, with the manifest in its place.

use std::{collections::BTreeSet, fs};
use tests::programs;
use wasmparser::{Parser, Payload};

/// Guests that import what no guest gets, and what that is.
const REFUSED: [(&str, &str); 2] = [("uses-files", "wasi:filesystem/"), ("uses-sockets", "wasi:sockets/")];

/// Guests that are let in by what they import.
const LET_IN: [&str; 17] = [
    "calls",
    "describe-allocates",
    "describe-answers-too-much",
    "describe-breaks-schema",
    "describe-differs",
    "describe-exits",
    "describe-floods-log",
    "describe-floods-random",
    "describe-floods-stdout",
    "describe-loops",
    "describe-not-json",
    "describe-panics",
    "describe-recurses",
    "minimal-next",
    "misbehaves",
    "receives",
    "signs-in",
];

/// What a guest may import, without the version.
const ALLOWED: [&str; 4] = ["tidegate:connect/", "wasi:cli/", "wasi:clocks/", "wasi:random/"];

struct Guest {
    imports: BTreeSet<String>,
    exports: BTreeSet<String>,
    manifest: Vec<u8>,
}

fn guest(name: &str) -> Guest {
    let bytes = fs::read(programs::hostile(name).expect("it compiles")).expect("a file");
    let mut guest = Guest { imports: BTreeSet::new(), exports: BTreeSet::new(), manifest: Vec::new() };
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(&bytes) {
        match payload.expect("a valid component") {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ComponentImportSection(section) if depth == 0 => {
                guest.imports.extend(
                    section.into_iter().map(|import| import.expect("an import").name.name.to_owned()),
                );
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                guest.exports.extend(
                    section.into_iter().map(|export| export.expect("an export").name.name.to_owned()),
                );
            }
            Payload::CustomSection(section) if section.name() == "tidegate:manifest" => {
                guest.manifest = section.data().to_vec();
            }
            _ => {}
        }
    }
    guest
}

#[test]
fn guests_import_what_they_say_and_nothing_worse() {
    for (name, import) in REFUSED {
        let imports = guest(name).imports;
        assert!(imports.iter().any(|found| found.starts_with(import)), "{name}: {imports:?}");
    }
    for name in LET_IN {
        let imports = guest(name).imports;
        let worse: Vec<_> = imports.iter().filter(|import| !is_allowed(import)).collect();
        assert!(worse.is_empty(), "{name}: {worse:?}");
    }
}

/// `wasi:io` comes with anything that writes or waits.
fn is_allowed(import: &str) -> bool {
    import.starts_with("wasi:io/") || ALLOWED.iter().any(|allowed| import.starts_with(allowed))
}

#[test]
fn guests_export_the_contract_and_carry_a_manifest() {
    for name in LET_IN.into_iter().chain(REFUSED.map(|(name, _)| name)) {
        let guest = guest(name);
        assert!(guest.exports.contains("tidegate:connect/channel-type@0.1.0"), "{name}: {:?}", guest.exports);
        assert!(!guest.manifest.is_empty(), "{name} has no manifest in it");
        let does = if name == "calls" { "operations" } else { "connector" };
        let export = format!("tidegate:connect/{does}@0.1.0");
        assert!(guest.exports.contains(&export), "{name}: {:?}", guest.exports);
    }
}

#[test]
fn every_guest_of_the_package_is_in_these_lists() {
    let package = include_str!("../hostile/Cargo.toml");
    let named: BTreeSet<_> =
        package.lines().skip_while(|line| !line.contains("[[example]]")).filter_map(name_in).collect();
    let listed: BTreeSet<_> = LET_IN.into_iter().chain(REFUSED.map(|(name, _)| name)).collect();
    assert_eq!(named, listed);
}

fn name_in(line: &str) -> Option<&str> {
    line.strip_prefix("name = \"")?.strip_suffix('"')
}

#[test]
fn a_guest_that_is_not_there_is_named_with_those_that_are() {
    let failure = programs::hostile("no-such-guest").expect_err("there is none");
    let words = failure.to_string();
    assert!(words.contains("no-such-guest") && words.contains("describe_loops"), "{words}");
}
