//! Mappings whole, and the process that runs their filters, real and played.

use super::*;
use crate::model::Span;
use serde_json::json;
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

/// The environment variable in which the pretended program hands over to
/// `the_worker_itself`.
const AS_WORKER: &str = "TIDEGATE_TEST_AS_WORKER";

/// Not a test by itself: the program of `real` comes in here.
#[test]
fn the_worker_itself() {
    if std::env::var(AS_WORKER).is_ok_and(|command| command == "filter-worker") {
        assert_eq!(work(), ExitCode::SUCCESS);
        std::process::exit(0);
    }
}

/// A program that does what the script says.
fn program(folder: &Path, script: &str) -> PathBuf {
    let path = folder.join("program");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// A program that is the real worker: this test program, as `the_worker_itself`.
fn real(folder: &Path) -> Filters {
    let this = std::env::current_exe().unwrap();
    let test = "sync::mapping::tests::the_worker_itself";
    let script = format!("{AS_WORKER}=$1 exec '{}' --exact --nocapture '{test}'", this.display());
    Filters {
        longest: Span(Duration::from_millis(700)),
        ..Filters::new(Some(program(folder, &script)), 1_000)
    }
}

/// A thread of this process plays the worker.
fn played() -> Filters {
    Filters::new(None, 1_000)
}

fn mapping(document: Value) -> Mapping {
    serde_json::from_value(document).unwrap()
}

fn code<T>(result: Result<T, Failure>) -> String {
    result.map_or_else(|failure| failure.code, |_| "done".into())
}

#[test]
fn a_mapping_goes_both_ways() {
    let mapper = Mapper::compile(
        &played(),
        &mapping(json!({
            "import": "{title: .subject, priority, who: .requester.id}",
            "export": "{subject: .title, priority}",
            "values": [{ "field": "/priority", "pairs": [["urgent", "high"]] }],
        })),
    )
    .unwrap();
    let remote = Bytes::from_static(
        br#"{"subject":"Hello","priority":"urgent","requester":{"id":10000000000000000001}}"#,
    );
    let local = mapper.import(&remote).unwrap();
    assert_eq!(local, r#"{"title":"Hello","priority":"high","who":10000000000000000001}"#);
    let back = mapper.export(&serde_json::from_slice(&local).unwrap()).unwrap();
    assert_eq!(back, json!({ "subject": "Hello", "priority": "urgent" }));
}

#[test]
fn what_is_not_mapped_stays_byte_for_byte() {
    let payload = Bytes::from_static(b"{ \"n\": 1.00000000000000000001 }");
    let mapper = Mapper::compile(&played(), &Mapping::default()).unwrap();
    assert_eq!(mapper.import(&payload).unwrap(), payload);
    let out_only = Mapper::compile(&played(), &mapping(json!({ "export": ".x" }))).unwrap();
    assert_eq!(out_only.import(&payload).unwrap(), payload);
}

#[test]
fn a_record_that_cannot_be_mapped_says_why() {
    let check = |document: Value, payload: &'static str, expected: &str| {
        let mapper = Mapper::compile(&played(), &mapping(document)).unwrap();
        let result = mapper.import(&Bytes::from_static(payload.as_bytes()));
        assert!(result.as_ref().err().is_none_or(|failure| failure.class == Class::InvalidData));
        assert_eq!(code(result), expected, "{payload}");
    };
    check(json!({ "import": ".a.b" }), "{}", "done");
    check(json!({ "import": ".a.b" }), r#"{"a":1}"#, "mapping.filter");
    check(json!({ "import": "select(.a)" }), "{}", "mapping.nothing");
    check(json!({ "import": ".[]" }), "[1,2]", "mapping.many");
    check(json!({ "import": "[range(1000)]" }), "{}", "mapping.size");
    let refuses = json!({ "values": [{ "field": "/a", "pairs": [], "otherwise": "refuse" }] });
    check(refuses, r#"{"a":1}"#, "mapping.value");
}

#[test]
fn a_mapping_that_cannot_be_used_names_its_part() {
    let check = |document: Value, expected: &str| {
        let error = Mapper::compile(&played(), &mapping(document)).err().expect("refused");
        assert_eq!(error.to_string(), expected);
        assert_eq!(error.fault(), Fault::Invalid);
    };
    check(
        json!({ "import": ".", "export": ".a |" }),
        "the mapping's export cannot be used: line 1, column 5: term expected",
    );
    check(
        json!({ "values": [{ "field": "priority", "pairs": [] }] }),
        "the mapping's value map 'priority' cannot be used: a field is a JSON Pointer, such as /priority or /custom/status",
    );
    let long = format!(".{}", " ".repeat(Mapping::MAX_FILTER));
    check(
        json!({ "import": long }),
        "the mapping's import cannot be used: it has 65537 bytes; at most 65536 are allowed",
    );
}

#[test]
fn the_real_worker_does_as_the_played_one() {
    let folder = tempfile::tempdir().unwrap();
    let filter = Filter::compile(&real(folder.path()), "{a: (.a + 1)}").unwrap();
    for number in 0..50 {
        assert_eq!(filter.run(&json!({ "a": number })).unwrap(), Some(json!({ "a": number + 1 })));
    }
    assert_eq!(code(filter.run(&json!("x"))), "mapping.filter");
    let nothing = Filter::compile(&real(folder.path()), "empty").unwrap();
    assert_eq!(nothing.run(&json!(1)).unwrap(), None);
    let refused = Filter::compile(&real(folder.path()), "nonsense").err().expect("refused");
    assert!(refused.to_string().contains("there is no filter `nonsense`"), "{refused}");
}

#[test]
fn a_filter_without_end_is_ended_and_the_next_record_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let programs = [
        ("def f: f; f", "mapping.time"),
        ("last(range(infinite))", "mapping.time"),
        ("\"x\" * 1000000000", "mapping.limit"),
        ("reduce range(60) as $i (0; [., .]) | tojson", "mapping.limit mapping.time"),
        ("def f: 1 + f; f", "mapping.limit mapping.time"),
        ("reduce range(infinite) as $i (\"\"; . + \"0123456789\")", "mapping.limit mapping.time"),
    ];
    for (program, expected) in programs {
        let filter =
            Filter::compile(&real(folder.path()), &format!("if . then {program} else 1 end")).unwrap();
        let code = code(filter.run(&json!(true)));
        assert!(expected.contains(&code), "{program}: {code}");
        assert_eq!(filter.run(&json!(false)).unwrap(), Some(json!(1)), "{program}");
    }
}

#[test]
fn a_filter_that_never_ends_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let filters = Filters { longest: Span(Duration::from_millis(100)), ..real(folder.path()) };
    let filter = Filter::compile(&filters, "if . then def f: f; f else 1 end").unwrap();
    for _ in 0..3 {
        assert_eq!(code(filter.run(&json!(true))), "mapping.time");
    }
    let before = Instant::now();
    let failure = filter.run(&json!(false)).unwrap_err();
    assert!(failure.message.starts_with("not tried: "), "{failure}");
    assert!(before.elapsed() < Duration::from_millis(50));
}

#[test]
fn a_filter_that_is_nested_too_deep_breaks_the_worker_alone() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("{}.{}", "(".repeat(32_000), ")".repeat(32_000));
    let mut filters = real(folder.path());
    filters.longest = Span(Duration::from_secs(20));
    match Filter::compile(&filters, &text) {
        Ok(filter) => assert_eq!(filter.run(&json!(1)).unwrap(), Some(json!(1))),
        Err(error) => assert!(error.to_string().contains("nested too deep"), "{error}"),
    }
}

#[test]
fn without_a_process_nothing_can_be_mapped_and_no_record_is_blamed() {
    let folder = tempfile::tempdir().unwrap();
    let gone = Filters::new(Some(folder.path().join("none")), 1_000);
    let error = Filter::compile(&gone, ".").err().expect("refused");
    assert_eq!(error.fault(), Fault::Transient);

    // It works once, then the program is gone.
    let filter = Filter::compile(&real(folder.path()), "def f: f; if . then f else 1 end").unwrap();
    fs::remove_file(folder.path().join("program")).unwrap();
    assert_eq!(code(filter.run(&json!(true))), "mapping.time");
    let failure = filter.run(&json!(false)).unwrap_err();
    assert_eq!((failure.class, failure.code.as_str()), (Class::Transient, "mapping.worker"));
}
