//! What is wrong with a manifest, rule by rule.

use super::*;
use serde_json::json;

const ALL: Exports = Exports {
    transport_check: true,
    connector: true,
    exporter: true,
    operations: true,
    webhook: true,
    lifecycle: true,
};

/// A manifest with some of everything, and nothing wrong.
fn good() -> Value {
    json!({
        "manifest": 1, "id": "acme-desk", "version": "1.2.0-rc.1", "authors": ["Acme"],
        "channel-types": [{
            "id": "desk", "label": "Desk", "icon": "<svg></svg>",
            "transports": [{
                "id": "rest", "label": "REST",
                "form": [
                    {"name": "site", "label": "Site", "kind": "text", "pattern": "[a-z]+", "min": 1, "max": 20},
                    {"name": "url", "label": "URL", "kind": "url"},
                    {"name": "way", "label": "Way", "kind": "choice", "default": "key",
                     "choices": [{"value": "key", "label": "Key"}, {"value": "none", "label": "None"}]},
                    {"name": "key", "label": "Key", "kind": "secret", "required": true,
                     "applicable-if": {"field": "way", "in": ["key"]}},
                    {"name": "since", "label": "Since", "kind": "date", "default": "2020-01-01"},
                    {"name": "pages", "label": "Pages", "kind": "integer", "min": 1, "max": 9, "default": 3}
                ],
                "base-url": ["{url}", "https://{site}.desk.example/api"],
                "origins": [{"name": "upload", "url": "https://up.{site}.desk.example"}],
                "auth": [
                    {"scheme": "header", "name": "X-Api-Key", "value": "{key}", "applicable-if": {"field": "way", "in": ["key"]}},
                    {"scheme": "none"}
                ]
            }],
            "connectors": [
                {"id": "user", "label": "Users", "entity": "User"},
                {"id": "ticket", "label": "Tickets", "entity": "Ticket", "direction": "two-way", "depends-on": ["user"],
                 "schema": {"type": "object"}},
                {"id": "comment", "label": "Comments", "entity": "Comment", "driven-by": "keys", "depends-on": ["ticket"]}
            ],
            "operations": [{"id": "close", "label": "Close", "input": {"type": "object"}, "output": true}],
            "webhooks": [{"kind": "changed", "label": "Changed", "signature":
                {"scheme": "hmac-sha256", "header": "X-Signature", "encoding": "hex", "secret": "key"}}]
        }]
    })
}

/// What the rules beyond the schema say of the good manifest with one value replaced.
fn faults_with(pointer: &str, value: Value, exports: Exports) -> String {
    let mut document = good();
    let (parent, member) = pointer.rsplit_once('/').expect("a pointer");
    match document.pointer_mut(parent).expect("a parent") {
        Value::Array(items) => items[member.parse::<usize>().expect("an index")] = value,
        Value::Object(members) => _ = members.insert(member.into(), value),
        _ => panic!("{pointer} is not in the manifest"),
    }
    let mut faults = Faults::default();
    text::check(&document, &mut faults);
    match typed(&document) {
        Ok(manifest) => check_rules(&manifest, exports, &mut faults),
        Err(refusal) => return refusal.reason,
    }
    faults.into_result().map_or_else(|refusal| refusal.reason, |()| String::new())
}

#[track_caller]
fn check(pointer: &str, value: Value, words: &str) {
    let faults = faults_with(pointer, value.clone(), ALL);
    let found = if words.is_empty() { faults.is_empty() } else { faults.contains(words) };
    assert!(found, "{pointer} = {value}\n  says: {faults}\n  not:  {words}");
}

fn claim(described: &[u8]) -> Claim<'_> {
    Claim { described, embedded: None, exports: ALL }
}

#[test]
fn a_good_manifest_passes_schema_and_rules() {
    let document = good().to_string();
    let manifest = manifest(claim(document.as_bytes())).expect("nothing wrong");
    assert_eq!(manifest.id.as_str(), "acme-desk");
    assert_eq!(manifest.channel_types[0].connectors.len(), 3);
}

#[test]
fn shipped_manifests_pass() {
    let reads = Exports { transport_check: true, connector: true, ..Exports::default() };
    for (name, document, exports) in [
        (
            "zendesk",
            include_str!("../../../../plugins/zendesk/manifest.json"),
            Exports { exporter: true, webhook: true, ..reads },
        ),
        (
            "matrix",
            include_str!("../../../../plugins/matrix/manifest.json"),
            Exports { transport_check: true, operations: true, ..Exports::default() },
        ),
        (
            "github",
            include_str!("../../../../plugins/github/manifest.json"),
            Exports { exporter: true, operations: true, webhook: true, ..reads },
        ),
        ("minimal", include_str!("../../../../examples/minimal/manifest.json"), reads),
    ] {
        let manifest =
            manifest(Claim { described: document.as_bytes(), embedded: Some(document.as_bytes()), exports });
        assert_eq!(manifest.map(|manifest| manifest.id.to_string()), Ok(name.into()));
    }
}

#[test]
fn the_document_is_read_with_care() {
    let code = |claim: Claim<'_>| manifest(claim).expect_err("something wrong").code;
    assert_eq!(code(claim(b"{")), "manifest.json");
    assert_eq!(code(claim(b"\xff")), "manifest.json");
    assert_eq!(code(claim(&vec![b' '; MAX_BYTES + 1])), "manifest.too-big");
    assert_eq!(code(claim(b"{}")), "manifest.schema");
    assert_eq!(code(claim(b"[]")), "manifest.schema");
}

#[test]
fn the_embedded_manifest_is_the_described_one() {
    let document = good();
    let described = document.to_string();
    let with = |embedded: &[u8]| {
        let claim = Claim { embedded: Some(embedded), ..claim(described.as_bytes()) };
        manifest(claim).map(|_| ()).map_err(|refusal| refusal.code)
    };
    let reordered = serde_json::to_vec_pretty(&json!({
        "channel-types": document["channel-types"], "version": "1.2.0-rc.1", "authors": ["Acme"], "id": "acme-desk", "manifest": 1
    }));
    assert_eq!(with(&reordered.expect("JSON")), Ok(()), "equal as JSON, not as text");
    assert_eq!(with(b"{}"), Err("manifest.differs".into()));
    assert_eq!(with(b"no"), Err("manifest.json".into()));
}

#[test]
fn schema_errors_have_a_place_and_hide_values() {
    let mut document = good();
    document["channel-types"] = json!("a secret place");
    let refusal = manifest(claim(document.to_string().as_bytes())).expect_err("a wrong type");
    assert_eq!(refusal.code, "manifest.schema");
    assert!(refusal.reason.contains("/channel-types"), "{}", refusal.reason);
    assert!(!refusal.reason.contains("a secret place"), "{}", refusal.reason);
}

#[test]
fn heads_are_checked() {
    check("/manifest", json!(2), "only version 1 of the manifest");
    check("/version", json!("1.2"), "/version: is not a version by Semantic Versioning");
    check("/version", json!("v1.2.3"), "is not a version");
    check("/channel-types", json!([]), "at least one channel type");
    check("/id", json!("Acme"), "is not a name");
    check("/authors/0", json!("A\u{1b}[2J"), "/authors/0: holds control characters");
    check("/authors/0", json!("Two\nlines"), "");
    check(
        "/channel-types/0/icon",
        json!("<svg><script/></svg>"),
        "/channel-types/0/icon: the icon holds `<script`",
    );
    check("/channel-types/0/transports", json!([]), "at least one transport");
    let twice = vec![good()["channel-types"][0].clone(); 2];
    check("/channel-types", json!(twice), "two channel types have the id 'desk'");
    let many = vec![json!({"id": "c", "label": "C", "entity": "C"}); 501];
    check(
        "/channel-types/0/connectors",
        json!(many),
        "501 connectors in a channel type are more than the 500",
    );
}

#[test]
fn forms_are_checked() {
    let field = |at: usize, member: &str| format!("/channel-types/0/transports/0/form/{at}/{member}");
    check(&field(1, "name"), json!("site"), "two fields have the name 'site'");
    check(&field(0, "pattern"), json!("("), "form/0/pattern: is not a regular expression");
    check(&field(0, "pattern"), json!("(a{1000}){1000}"), "is not a regular expression");
    check(&field(5, "pattern"), json!("1"), "only texts");
    check(&field(0, "min"), json!(21), "`min` is greater than `max`");
    check(&field(0, "min"), json!(-1), "fewer than 0 characters");
    check(&field(4, "min"), json!(1), "only numbers and texts have `min` and `max`");
    check(
        &field(0, "choices"),
        json!([{"value": "a", "label": "A"}]),
        "a field has choices where its kind is `choice`",
    );
    check(&field(2, "choices"), json!([]), "a field has choices where");
    check(&field(2, "choices/1/value"), json!("key"), "two choices have the value 'key'");
    check(&field(2, "choices/1/value"), json!(" a"), "has no blanks");
    check(&field(3, "default"), json!("x"), "a secret has no default");
    check(&field(2, "default"), json!("other"), "form/2/default: must be one of 'key', 'none'");
    check(&field(5, "default"), json!(10), "form/5/default: must be at most 9");
    check(&field(5, "default"), json!("3"), "is written in another way");
    check(&field(3, "applicable-if"), json!({"field": "since", "in": ["2020-01-01"]}), "that stands before");
    check(&field(3, "applicable-if"), json!({"field": "way", "in": []}), "never holds");
    check(
        &field(3, "applicable-if"),
        json!({"field": "way", "in": ["no"]}),
        "can never have one of the values",
    );
    check(&field(4, "applicable-if"), json!({"field": "key", "in": ["x"]}), "'key' is a secret");
}

#[test]
fn ways_out_are_checked() {
    let transport = |member: &str| format!("/channel-types/0/transports/0/{member}");
    check(&transport("base-url"), json!([]), "at least one base URL");
    for (url, words) in [
        ("https://fixed.example", ""),
        ("http://{site}.example:8080/a/b", ""),
        ("{site}.example", "is not a URL when its fields are filled in"),
        ("{site}://x", "starts with https://"),
        ("ftp://{site}", "starts with https://"),
        ("https://{nobody}", "names the field 'nobody'"),
        ("https://{key}.example", "names a secret"),
        ("{key}", "names a secret"),
        ("https://{site", "every '{' needs a '}'"),
        ("https://me@{site}.example", "no user name"),
        ("https://{site}.example?x=1", "no `?`"),
        ("https://{site}.example#x", "no `#`"),
        ("https://", "is not a URL"),
    ] {
        check(&transport("base-url/0"), json!(url), words);
        check(&transport("origins/0/url"), json!(url), words);
    }
    check(&transport("auth/0/value"), json!("{nobody}"), "auth/0/value: names the field 'nobody'");
    check(&transport("auth/0/name"), json!("X Key"), "is not the name of a header");
    check(&transport("auth/0/name"), json!("Host"), "no credential travels in");
    check(
        &transport("auth/0/applicable-if"),
        json!({"field": "nobody", "in": ["x"]}),
        "is not the name of a field",
    );
    check(
        &transport("auth/1"),
        json!({"scheme": "basic", "username": "{site}/token", "password": "{"}),
        "auth/1/password: every",
    );
    check(&transport("auth/1"), json!({"scheme": "query", "name": "", "value": "{key}"}), "has a name");
}

#[test]
fn streams_are_checked() {
    let of_type = |member: &str| format!("/channel-types/0/{member}");
    check(&of_type("connectors/1/id"), json!("user"), "connectors: two of them have the id 'user'");
    check(&of_type("connectors/1/depends-on"), json!(["nobody"]), "'nobody' is not a connector");
    check(&of_type("connectors/0/depends-on"), json!(["user"]), "wait for each other: user → user");
    check(&of_type("connectors/0/depends-on"), json!(["comment"]), "user → comment → ticket → user");
    check(&of_type("connectors/0/page-size"), json!(0), "is from 1 to 10000");
    check(&of_type("connectors/1/schema"), json!({"type": "nonsense"}), "is not a JSON Schema");
    check(
        &of_type("connectors/1/schema"),
        json!({"$ref": "https://elsewhere.example/s"}),
        "is not a JSON Schema that stands alone",
    );
    check(&of_type("operations/0/input"), json!(5), "operations/0/input: is not a JSON Schema");
    check(&of_type("webhooks/0/signature/secret"), json!("site"), "'site' is not a secret in the form");
    check(&of_type("webhooks/0/signature/encoding"), json!("rot13"), "is `hex` or `base64`");
    check(&of_type("webhooks/0/signature/header"), json!("a b"), "is not the name of a header");
}

#[test]
fn keys_need_somebody_who_leaves_them() {
    let mut document = good();
    document["channel-types"][0]["connectors"] =
        json!([{"id": "c", "label": "C", "entity": "C", "driven-by": "keys"}]);
    document["channel-types"][0].as_object_mut().expect("an object").shift_remove("webhooks");
    let mut faults = Faults::default();
    check_rules(&typed(&document).expect("a manifest"), ALL, &mut faults);
    assert!(faults.into_result().expect_err("nobody").reason.contains("nothing can leave keys"));
}

#[test]
fn what_is_declared_is_exported() {
    for (exports, words) in [
        (Exports { connector: false, ..ALL }, "needs the export `connector`"),
        (Exports { exporter: false, ..ALL }, "needs the export `exporter`"),
        (Exports { operations: false, ..ALL }, "needs the export `operations`"),
        (Exports { webhook: false, ..ALL }, "needs the export `webhook`"),
        (Exports { transport_check: false, ..ALL }, ""),
    ] {
        let faults = faults_with("/id", json!("acme"), exports);
        assert!(
            if words.is_empty() { faults.is_empty() } else { faults.contains(words) },
            "{words}: {faults}"
        );
    }
}

#[test]
fn many_faults_are_counted() {
    let mut faults = Faults::default();
    for at in 0..7 {
        faults.add(format!("/{at}"), "is wrong\u{7}");
    }
    let reason = faults.into_result().expect_err("seven").reason;
    assert_eq!(
        reason,
        "the manifest is wrong at /0: is wrong ; /1: is wrong ; /2: is wrong ; /3: is wrong ; /4: is wrong ; and 2 more"
    );
}

#[test]
fn schema_errors_are_words_for_an_author() {
    for (pointer, value, words) in [
        ("/colour", json!(1), "/: Additional properties are not allowed ('colour' was unexpected)"),
        (
            "/channel-types/0/transports/0/form/0/kind",
            json!("colour"),
            "form/0/kind: the value is not one of \"text\", \"secret\" or 6",
        ),
        (
            "/channel-types/0/transports/0/auth/0/token",
            json!("x"),
            "auth/0: Unevaluated properties are not allowed ('token'",
        ),
        (
            "/channel-types/0/connectors/0/id",
            json!("A B"),
            "connectors/0/id: the value does not match \"^[a-z]",
        ),
        (
            "/channel-types/0/connectors/0/page-size",
            json!(0),
            "page-size: the value is less than the minimum of 1",
        ),
    ] {
        let mut document = good();
        let (parent, member) = pointer.rsplit_once('/').expect("a pointer");
        document.pointer_mut(parent).expect("a parent")[member] = value;
        let refusal = manifest(claim(document.to_string().as_bytes())).expect_err(pointer);
        assert_eq!(refusal.code, "manifest.schema");
        assert!(refusal.reason.contains(words), "{pointer}: {}", refusal.reason);
    }
}
