//! Records that are mapped on their way in.

use super::support::*;
use crate::{
    model::{Counters, Mapping, Page, Status},
    sync::{Event, Request, opener::Ready},
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};
use tokio_util::sync::CancellationToken;

const SUBJECT: &str = r#"k@1={"subject":"a","priority":"urgent"}"#;

fn mapped(document: Value) -> Ready {
    let mut ready = ready(vec![connector("ticket")]);
    ready.channel.mappings = mappings(document);
    ready
}

fn mappings(document: Value) -> BTreeMap<crate::model::Name, Mapping> {
    BTreeMap::from([(name("ticket"), serde_json::from_value(document).unwrap())])
}

fn titles() -> Value {
    json!({
        "import": "{title: .subject | ascii_upcase, priority}",
        "values": [{ "field": "/priority", "pairs": [["urgent", "high"]] }],
    })
}

/// A stream that is the same each time it is read from the beginning.
fn stream(records: &[&str]) -> Arc<Script> {
    let page = page(records);
    Script::quick(move |_, _| ok(Page { next: Some("1".into()), ..page.clone() }))
}

async fn offered(host: &Host, mapping: Value, records: &[&str]) -> Ready {
    host.offer(&mapped(mapping), &[("ticket", &stream(records))]).await
}

#[tokio::test(start_paused = true)]
async fn a_record_is_kept_as_it_is_mapped() {
    let host = Host::new();
    let channel = offered(&host, titles(), &[SUBJECT]).await;
    let run = host.sync(&channel).await.remove(0);
    assert_eq!((run.status, run.counters.added), (Status::Completed, 1));
    let kept = [r#"k@1={"title":"A","priority":"high"}"#];
    assert_eq!(host.records(&channel, "ticket").await, kept);

    // The same again changes nothing.
    let run = host.sync(&channel).await.remove(0);
    assert_eq!(run.counters, Counters { read: 1, unchanged: 1, ..run.counters });
    assert_eq!(run.counters.updated, 0);
    host.stop().await;
}

#[tokio::test(start_paused = true)]
async fn one_that_cannot_be_mapped_goes_to_quarantine_as_it_was_delivered_and_comes_back() {
    let host = Host::new();
    let odd = r#"odd@1={"subject":7}"#;
    let channel = offered(&host, titles(), &[odd, SUBJECT]).await;
    let run = host.sync(&channel).await.remove(0);
    assert_eq!(
        (run.status, run.counters.quarantined, run.counters.added),
        (Status::CompletedWithWarnings, 1, 1)
    );
    let entry =
        host.store.quarantine().get(channel.channel.id, &name("ticket"), "odd").await.unwrap().unwrap();
    assert_eq!(entry.reason.code, "mapping.filter");
    assert_eq!(entry.payload.as_deref(), Some(&br#"{"subject":7}"#[..]));

    // With a better mapping the same delivery is fit.
    let mut mended = host.shelf.channel(&channel.channel.name);
    mended.mappings = mappings(json!({ "import": "{title: (.subject | tostring)}" }));
    host.put(&Ready { channel: mended, ..channel.clone() });
    host.sync(&channel).await;
    let records = host.records(&channel, "ticket").await;
    assert!(records.contains(&r#"odd@1={"title":"7"}"#.to_owned()), "{records:?}");
    assert_eq!(host.store.quarantine().count(channel.channel.id, &name("ticket")).await.unwrap(), 0);
    host.stop().await;
}

#[tokio::test(start_paused = true)]
async fn deleted_records_need_no_mapping() {
    let host = Host::new();
    let channel = offered(&host, json!({ "import": "error(\"never\")" }), &["k@1!"]).await;
    let run = host.sync(&channel).await.remove(0);
    assert_eq!((run.status, run.counters.unchanged), (Status::Completed, 1));
    host.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_mapping_that_cannot_be_used_fails_the_run_and_pauses_the_channel() {
    let host = Host::new();
    let channel = offered(&host, json!({ "import": ".a |" }), &[SUBJECT]).await;
    let run = host.sync(&channel).await.remove(0);
    let error = run.error.expect("a failure");
    assert_eq!((run.status, error.code.as_str()), (Status::Failed, "mapping.refused"));
    assert!(host.shelf.channel(&channel.channel.name).paused.is_some());
    assert_eq!(host.records(&channel, "ticket").await, [""; 0]);
    host.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_shows_the_mapped_record() {
    let host = Host::new();
    let channel = offered(&host, titles(), &[SUBJECT, r#"odd@1={"subject":7}"#]).await;
    let request: Request = all_of(&channel);
    let mut rehearsal = host.sync.rehearse(&request, 10, &CancellationToken::new()).await.unwrap();
    let mut told = Vec::new();
    while let Some(event) = rehearsal.next().await {
        if let Event::Change(change) = event {
            let fields =
                change.fields.iter().map(|field| field.pointer.clone()).collect::<Vec<_>>().join(" ");
            let reason = change.reason.map(|reason| reason.code).unwrap_or_default();
            told.push(format!("{} {fields}{reason}", change.key));
        }
    }
    told.sort_unstable();
    assert_eq!(told, ["k /priority /title", "odd mapping.filter"]);
    host.stop().await;
}
