//! What people drop into the plugins folder, and what the host says to it.

use super::*;

async fn refusal(bytes: impl Into<Bytes>) -> Error {
    match Bench::new().sandbox.load(bytes.into()).await {
        Ok(_) => panic!("it was taken"),
        Err(error) => error,
    }
}

async fn check(bytes: impl Into<Bytes>, code: &str, words: &str) {
    let error = refusal(bytes).await;
    assert_eq!(error.code(), code, "{error}");
    assert!(error.to_string().contains(words), "{error}");
    assert_eq!(error.fault(), crate::model::Fault::Invalid);
}

fn component(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

#[tokio::test]
async fn what_is_not_a_component_is_named() {
    check("", "file.empty", "empty").await;
    check("Hello, wörld\n", "file.text", "text").await;
    check("(component)", "file.text", "wasm-tools parse").await;
    check(&b"\x89PNG\r\n\x1a\n\0\0"[..], "file.foreign", "not a WebAssembly component").await;
    check(component("(module)"), "file.core-module", "core WebAssembly module").await;
    check(&b"\0asm"[..], "file.damaged", "first 8 bytes").await;
    check(&b"\0asm\x0e\0\x01\0"[..], "file.damaged", "version").await;
}

#[tokio::test]
async fn a_text_that_the_look_cuts_within_a_character_is_still_text() {
    check("ü".repeat(10_000), "file.text", "text").await;
    check(format!("a{}", "ü".repeat(10_000)), "file.text", "text").await;
}

#[tokio::test]
async fn native_code_is_refused() {
    let bench = Bench::new();
    let native = bench.sandbox.engine().precompile_component(&Guest::default().build()).unwrap();
    check(native, "file.precompiled", "native code").await;
}

#[tokio::test]
async fn a_component_that_ends_early_is_refused_wherever_it_ends() {
    let whole = Guest::default().build();
    for end in [9, 20, whole.len() / 2, whole.len() - 1] {
        let error = refusal(whole.slice(..end)).await;
        assert!(
            error.code() == "file.damaged" || error.code() == "component.no-channel-type",
            "{end}: {error}"
        );
    }
}

#[tokio::test]
async fn a_file_over_its_limit_is_refused_before_it_is_read() {
    let bench = Bench::with(|config| config.limits.component_bytes = Size(100));
    let error = bench.sandbox.load(vec![0; 101].into()).await.err().unwrap();
    assert_eq!(error.code(), "file.oversized");
    let words = "the file has 101B, and at most 100B are accepted (`sandbox.limits.component-bytes`)";
    assert_eq!(error.to_string(), words);
    assert_eq!(bench.sandbox.load(vec![0; 100].into()).await.err().unwrap().code(), "file.foreign");
}

#[tokio::test]
async fn imports_that_plugins_do_not_get_are_refused_by_name() {
    let import = |name: &str| component(&format!(r#"(component (import "{name}" (instance)))"#));
    for (name, hint) in [
        ("wasi:sockets/tcp@0.2.6", "requests go through `tidegate:connect/http`"),
        ("wasi:sockets/ip-name-lookup@0.2.0", "requests go through"),
        ("wasi:http/outgoing-handler@0.2.6", "requests go through"),
        ("wasi:filesystem/types@0.2.6", "a plugin has no files"),
        ("wasi:filesystem/preopens@0.2.6", "a plugin has no files"),
        ("wasi:cli/stdout@0.3.0", ""),
        ("wasi:cli/stdout@0.2.0-rc-2023-11-10", ""),
        ("wasi:cli/stdout", ""),
        ("wasi:clocks/timezone@0.2.6", ""),
        ("acme:own/thing", ""),
        ("tidegate:connect/secrets@0.1.0", ""),
    ] {
        let words = format!("the component imports `{name}`, which Tidegate does not give to plugins");
        check(import(name), "component.import", &words).await;
        check(import(name), "component.import", hint).await;
    }
    let function = component(r#"(component (import "escape" (func)))"#);
    check(function, "component.import", "`escape`").await;
}

#[tokio::test]
async fn many_refused_imports_are_counted() {
    let imports: String = (0..9).map(|n| format!(r#"(import "acme:own/i{n}" (instance))"#)).collect();
    let words = "`acme:own/i0`, `acme:own/i1`, `acme:own/i2`, `acme:own/i3` and 5 more";
    check(component(&format!("(component {imports})")), "component.import", words).await;
}

#[tokio::test]
async fn another_version_of_the_contract_is_named() {
    let import = component(r#"(component (import "tidegate:connect/http@0.2.0" (instance)))"#);
    check(import, "component.version", "`tidegate:connect/http@0.2.0`, but this host speaks version 0.1")
        .await;
    let export = r#"(component (instance $i) (export "tidegate:connect/channel-type@1.0.0" (instance $i)))"#;
    check(component(export), "component.version", "`tidegate:connect/channel-type@1.0.0`").await;
}

#[tokio::test]
async fn a_missing_export_is_named() {
    check(component("(component)"), "component.no-channel-type", "does not export").await;
    let nested = r#"(component (component
        (instance $i) (export "tidegate:connect/channel-type@0.1.0" (instance $i))))"#;
    check(component(nested), "component.no-channel-type", "`tidegate:connect/channel-type@0.1.0`").await;
}

#[tokio::test]
async fn exports_that_do_not_fit_the_contract_are_named() {
    let with = |item: &str| {
        component(&format!(
            r#"(component {item} (instance $i {})
                (export "tidegate:connect/channel-type@0.1.0" (instance $i)))"#,
            if item.is_empty() { "" } else { r#"(export "describe" (func $f))"# }
        ))
    };
    check(with(""), "component.export", "`tidegate:connect/channel-type@0.1.0#describe`").await;
    let wrong = r#"(core module $m (func (export "f"))) (core instance $m (instantiate $m))
        (func $f (canon lift (core func $m "f")))"#;
    check(with(wrong), "component.export", "does not fit the contract").await;
}

#[tokio::test]
async fn async_components_are_refused() {
    let text = r#"(component (type $t (func async)) (import "wasi:cli/exit@0.2.6" (func (type $t))))"#;
    check(component(text), "component.async", "async").await;
    check(component("(component (type (stream u8)))"), "component.async", "streams").await;
}

#[tokio::test]
async fn an_import_of_the_contract_with_other_types_is_named() {
    let text = r#"(component
        (import "tidegate:connect/run@0.1.0" (instance (export "cancelled" (func (result u64)))))
        (core module $m (func (export "f"))) (core instance $m (instantiate $m))
        (func $f (canon lift (core func $m "f")))
        (instance $i (export "describe" (func $f)))
        (export "tidegate:connect/channel-type@0.1.0" (instance $i)))"#;
    check(component(text), "component.link", "cancelled").await;
}

#[tokio::test]
async fn every_interface_on_the_list_is_linked() {
    // A thing of each interface that the linker has to know. Where it speaks of
    // another interface's resource, that one comes first.
    let things = [
        ("cli/environment", r#"(export "get-arguments" (func (result (list string))))"#),
        ("cli/exit", r#"(export "exit" (func (param "status" (result))))"#),
        ("cli/stderr", "get-stderr of io/streams output-stream"),
        ("cli/stdin", "get-stdin of io/streams input-stream"),
        ("cli/stdout", "get-stdout of io/streams output-stream"),
        ("cli/terminal-input", r#"(export "terminal-input" (type (sub resource)))"#),
        ("cli/terminal-output", r#"(export "terminal-output" (type (sub resource)))"#),
        ("cli/terminal-stderr", "get-terminal-stderr maybe cli/terminal-output terminal-output"),
        ("cli/terminal-stdin", "get-terminal-stdin maybe cli/terminal-input terminal-input"),
        ("cli/terminal-stdout", "get-terminal-stdout maybe cli/terminal-output terminal-output"),
        ("clocks/monotonic-clock", r#"(export "now" (func (result u64)))"#),
        (
            "clocks/wall-clock",
            r#"(type $t (record (field "seconds" u64) (field "nanoseconds" u32)))
                (export "datetime" (type $d (eq $t))) (export "now" (func (result $d)))"#,
        ),
        ("io/error", r#"(export "error" (type (sub resource)))"#),
        ("io/poll", r#"(export "pollable" (type (sub resource)))"#),
        ("io/streams", r#"(export "input-stream" (type (sub resource)))"#),
        ("random/insecure", r#"(export "get-insecure-random-u64" (func (result u64)))"#),
        ("random/insecure-seed", r#"(export "insecure-seed" (func (result (tuple u64 u64))))"#),
        ("random/random", r#"(export "get-random-u64" (func (result u64)))"#),
    ];
    let listed: Vec<&str> = things.iter().map(|(name, _)| *name).collect();
    assert_eq!(listed, imports::wasi::INTERFACES);
    let bench = Bench::new();
    for (name, thing) in things {
        for patch in ["0", "6", "99"] {
            let component = component(&importing(name, patch, thing));
            let component = wasmtime::component::Component::new(bench.sandbox.engine(), component).unwrap();
            let linked = bench.sandbox.linker().instantiate_pre(&component);
            assert!(linked.is_ok(), "{name}: {:#}", linked.err().unwrap());
        }
    }
}

/// A component that imports the thing; "FUNCTION of INTERFACE RESOURCE" is a
/// function that answers a resource, with `maybe` perhaps.
fn importing(name: &str, patch: &str, thing: &str) -> String {
    let words: Vec<&str> = thing.split(' ').collect();
    let [function, how @ ("of" | "maybe"), interface, resource] = words[..] else {
        return format!(r#"(component (import "wasi:{name}@0.2.{patch}" (instance {thing})))"#);
    };
    let result = if how == "of" { "(own $r)" } else { "(option (own $r))" };
    format!(
        r#"(component
            (import "wasi:{interface}@0.2.{patch}" (instance $i (export "{resource}" (type (sub resource)))))
            (alias export $i "{resource}" (type $resource))
            (import "wasi:{name}@0.2.{patch}" (instance
                (export "{resource}" (type $r (eq $resource)))
                (export "{function}" (func (result {result}))))))"#
    )
}

#[tokio::test]
async fn the_manifest_is_found_at_any_depth() {
    let section = r#"(@custom "tidegate:manifest" "{\"a\":1}")"#;
    let whole = Guest::default().build();
    let limits = Limits::default();
    let bench = Bench::new();
    let features = bench.sandbox.engine().get_wasm_features();
    assert_eq!(inspect(&whole, &limits, features).unwrap().manifest, None);
    let inside = Guest { items: r#"(@custom "tidegate:manifest" "{\"a\":1}")"#, ..Guest::default() };
    let plugin = bench.load(&inside).await;
    assert_eq!(plugin.embedded_manifest().unwrap(), br#"{"a":1}"#);
    // Appended to the outside of a component, as a packaging tool would.
    let mut outside = whole.to_vec();
    outside.extend_from_slice(&component(&format!("(component {section})"))[8..]);
    let plugin = bench.sandbox.load(outside.clone().into()).await.unwrap();
    assert_eq!(plugin.embedded_manifest().unwrap(), br#"{"a":1}"#);
    let other = r#"(component (@custom "tidegate:manifest" "{\"a\":2}"))"#;
    outside.extend_from_slice(&component(other)[8..]);
    check(outside, "component.manifests", "differ").await;
}

#[tokio::test]
async fn digest_and_exports_are_told() {
    let bench = Bench::new();
    let guest = Guest::default();
    let plugin = bench.load(&guest).await;
    assert_eq!(plugin.exports(), Exports::default());
    let digest = <sha2::Sha256 as sha2::Digest>::digest(guest.build());
    assert_eq!(plugin.sha256(), format!("{digest:x}"));
    let connector = Guest { pull: Some("unreachable".into()), ..Guest::default() };
    assert_eq!(bench.load(&connector).await.exports(), Exports { connector: true, ..Exports::default() });
    let all = Exports {
        transport_check: true,
        connector: true,
        exporter: true,
        operations: true,
        webhook: true,
        lifecycle: true,
    };
    assert_eq!(bench.load(&Guest::of_everything()).await.exports(), all);
}

#[tokio::test]
async fn a_plugin_for_a_later_patch_of_the_contract_is_taken() {
    let bench = Bench::new();
    let imports = r#"(import "tidegate:connect/run@0.1.0" "cancelled" (func $cancelled (result i32)))"#;
    let body = "(drop (call $cancelled)) (call $answer (i32.const 1024) (i32.const 2))";
    let guest = Guest { patch: 7, ..Guest::describing(imports, body) };
    assert_eq!(bench.describe(&guest).await.result.unwrap(), "{}");
    let all = bench.load(&Guest { patch: 7, ..Guest::of_everything() }).await.exports();
    assert!(all.connector && all.webhook && all.lifecycle);
}
