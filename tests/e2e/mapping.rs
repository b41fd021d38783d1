//! Records in another form: tried, saved, gone through a full sync, broken and mended.

use crate::stage::{CHANNEL, Stage};
use serde_json::{Value, json};
use std::{fs, path::Path};
use tests::{host::Output, zendesk::Zendesk};

const IMPORT: &str = "{title: .subject, priority, status, id}";
const EXPORT: &str = "{subject: .title, priority, status}";

/// `mapping COMMAND acme ticket --import … --export … --values …`, in the files of a folder.
fn mapping(stage: &Stage, command: &str, folder: &Path, import: &str, more: &[&str]) -> Output {
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).expect("written");
        path.to_str().expect("plain").to_owned()
    };
    let values = json!([{ "field": "/status", "pairs": [["open", "todo"], ["new", "todo"]] }]).to_string();
    let (import, export) = (file("import.jq", import), file("export.jq", EXPORT));
    let values = file("values.json", &values);
    let parts = ["--import", &import, "--export", &export, "--values", &values];
    let arguments = ["mapping", command, CHANNEL, "ticket"].into_iter().chain(parts);
    stage.host.cli(arguments.chain(more.iter().copied())).expect("the command runs")
}

fn pointers(fields: &Value) -> Vec<&str> {
    fields.as_array().expect("fields").iter().filter_map(|field| field["pointer"].as_str()).collect()
}

#[test]
fn a_mapping_is_tried_saved_broken_and_mended() {
    let stage = Stage::new(Zendesk::builder().users(2).tickets(6));
    stage.fake.change_ticket(3, json!({ "status": "open" })).expect("a ticket");
    assert_eq!(stage.sync(&[]).exit, Some(0));
    let folder = tempfile::tempdir().expect("a folder");

    // Tried on a record that is here: in, and back.
    let tried = mapping(&stage, "test", folder.path(), IMPORT, &["--key", "3", "--json"]);
    assert_eq!(tried.status, Some(0), "{}", tried.stderr);
    let preview = tried.json().expect("a preview");
    let record = &preview["items"][0];
    assert_eq!(record["local"]["status"], "todo", "{preview:#}");
    assert!(pointers(&record["fields"]).contains(&"/title"), "{record:#}");
    let back = pointers(&record["back"]);
    assert!(!back.contains(&"/subject") && back.contains(&"/requester_id"), "{back:?}");
    let lints: Vec<_> =
        preview["lints"].as_array().expect("lints").iter().map(|lint| &lint["code"]).collect();
    assert_eq!(lints, ["no-use", "two-to-one", "kept"], "{preview:#}");
    assert_eq!(stage.records("ticket")["3"]["status"], "open", "nothing was written");

    // Saved, it counts for what comes from now on; a full sync brings all.
    let set = mapping(&stage, "set", folder.path(), IMPORT, &[]);
    assert_eq!(set.status, Some(0), "{}", set.stderr);
    assert!(set.stderr.contains("sync acme --connector ticket --full"), "{}", set.stderr);
    stage.sync(&[]);
    assert!(stage.records("ticket")["1"].get("subject").is_some(), "as it came");
    stage.sync(&["--connector", "ticket", "--full"]).expect_counts("ticket", &[("read", 6), ("updated", 6)]);
    let kept = stage.records("ticket");
    assert_eq!(kept.len(), 6);
    for (key, record) in &kept {
        let ticket = stage.fake.ticket(key.parse().expect("a number")).expect("a ticket");
        assert_eq!(record["title"], ticket["subject"]);
        assert_eq!(record.as_object().map(serde_json::Map::len), Some(4), "{record}");
    }
    assert_eq!(kept["3"]["status"], "todo");

    // A filter that never ends for one record costs that record.
    let endless = format!("if .id == 4 then def f: f; f else {IMPORT} end");
    assert_eq!(mapping(&stage, "set", folder.path(), &endless, &[]).status, Some(0));
    stage.fake.change_ticket(4, json!({ "subject": "four" })).expect("a ticket");
    stage.fake.change_ticket(5, json!({ "subject": "five" })).expect("a ticket");
    let job = stage.sync(&["--connector", "ticket"]);
    assert_eq!(job.run("ticket")["counters"]["quarantined"], 1, "{:#}", job.document);
    assert_eq!(stage.records("ticket")["5"]["title"], "five");
    let held = stage.host.items(["quarantine", "list", CHANNEL]).expect("entries");
    assert_eq!(
        (&held[0]["key"], &held[0]["reason"]["code"]),
        (&json!("4"), &json!("mapping.time")),
        "{held:?}"
    );

    // Mended, what was kept of it is mapped.
    assert_eq!(mapping(&stage, "set", folder.path(), IMPORT, &[]).status, Some(0));
    stage.host.ok(["quarantine", "retry", CHANNEL, "--code", "mapping.", "--wait"]).expect("done");
    assert_eq!(stage.records("ticket")["4"]["title"], "four");
}

#[test]
fn a_mapping_that_is_none_is_refused_with_its_place() {
    let stage = Stage::new(Zendesk::builder().users(1).tickets(1));
    let folder = tempfile::tempdir().expect("a folder");
    let refused = mapping(&stage, "set", folder.path(), "{title: .subject", &[]);
    assert_eq!(refused.status, Some(1));
    assert!(refused.stderr.contains("line 1, column 1"), "{}", refused.stderr);
    let shown = stage.host.ok(["mapping", "show", CHANNEL, "ticket"]).expect("an answer");
    assert!(shown.contains("no mapping"), "{shown}");

    assert_eq!(mapping(&stage, "set", folder.path(), IMPORT, &[]).status, Some(0));
    let shown = stage.host.ok(["mapping", "show", CHANNEL, "ticket"]).expect("an answer");
    assert!(shown.contains(r#""open" <-> "todo""#) && shown.contains("two-to-one"), "{shown}");
    stage.host.ok(["mapping", "remove", CHANNEL, "ticket"]).expect("removed");
    stage.sync(&[]).expect_status("ticket", "completed");
    assert!(stage.records("ticket")["1"].get("subject").is_some(), "as it came");
}
