//! Plugins that trap, step after step, and what becomes of their version.

use super::*;
use crate::{model::TrappedPlugin, sandbox::Step};
use std::collections::BTreeMap;
use tokio_util::sync::CancellationToken;

fn step() -> Step {
    Step {
        gateway: None,
        state: BTreeMap::new(),
        cancel: CancellationToken::new(),
        log: GuestLog::new("a test"),
        memory: None,
        seed: None,
    }
}

fn breaking(version: &str) -> Bytes {
    Guest { breaks: true, ..Guest::described(&manifest(&["desk"], version)) }.build()
}

/// The code that a step ends with.
async fn validate(offer: &Offer) -> String {
    let settings = Bytes::from_static(b"{}");
    let outcome = offer.plugin.validate(step(), "desk", settings).await;
    outcome.result.map_or_else(|failure| failure.code, |_| "fine".into())
}

async fn trap(offer: &Offer, times: usize) {
    for _ in 0..times {
        assert_eq!(validate(offer).await, "trap.unreachable");
    }
}

async fn bench_with(bytes: Bytes) -> (Bench, Offer) {
    let bench = Bench::new();
    bench.put("desk.wasm", bytes);
    bench.catalog.reload().await;
    let offer = bench.catalog.offer("desk").expect("an offer");
    (bench, offer)
}

/// `version traps`.
fn quarantined(catalog: &Catalog) -> Vec<String> {
    let shown = |one: TrappedPlugin| format!("{} {}", one.version, one.traps);
    catalog.quarantined().into_iter().map(shown).collect()
}

#[tokio::test]
async fn so_many_traps_in_a_row_hold_a_version_back_and_no_other() {
    let (bench, offer) = bench_with(breaking("1.0.0")).await;
    let mut changed = bench.catalog.changed();
    changed.mark_unchanged();
    trap(&offer, 4).await;
    assert!(offer.plugin.objection().is_none() && !changed.has_changed().expect("it lives"));
    trap(&offer, 1).await;
    assert!(changed.has_changed().expect("it lives"), "those who wait for plugins are told");
    assert_eq!(validate(&offer).await, "plugin.quarantined", "who holds it is held back, too");
    assert_eq!(quarantined(&bench.catalog), ["1.0.0 5"]);
    let (trapped, failure) = bench.catalog.objection(offer.plugin.sha256()).expect("an objection");
    assert_eq!((trapped.last.code.as_str(), failure.class), ("trap.unreachable", Class::Config));
    for words in ["desk.wasm", "5 steps in a row", "the plugin panicked", "tidegate plugin release test"] {
        assert!(failure.message.contains(words), "{}", failure.message);
    }

    bench.put("desk.wasm", breaking("1.0.1"));
    bench.catalog.reload().await;
    let next = bench.catalog.offer("desk").expect("an offer");
    trap(&next, 1).await;
    assert!(next.plugin.objection().is_none(), "another version has an account of its own");
    assert_eq!(validate(&offer).await, "plugin.quarantined");
}

#[tokio::test]
async fn a_page_that_lands_makes_the_account_good_again() {
    let (bench, offer) = bench_with(breaking("1.0.0")).await;
    for _ in 0..3 {
        trap(&offer, 4).await;
        offer.plugin.landed();
    }
    trap(&offer, 5).await;
    offer.plugin.landed();
    assert_eq!(quarantined(&bench.catalog), ["1.0.0 5"], "one that was under way lets nothing go");
}

#[tokio::test]
async fn a_version_is_released_by_name_file_or_digest() {
    let (bench, offer) = bench_with(breaking("1.0.0")).await;
    let sha256 = offer.plugin.sha256().to_owned();
    for (named, released) in [
        ("test", 1),
        ("desk.wasm", 1),
        (&sha256, 1),
        (&sha256.to_uppercase()[..6], 1),
        (&sha256[..5], 0),
        ("other", 0),
        ("", 0),
    ] {
        trap(&offer, 5).await;
        assert_eq!(bench.catalog.release(named).len(), released, "{named}");
        let _ = bench.catalog.release("test");
        assert_eq!(quarantined(&bench.catalog), [""; 0]);
    }
    trap(&offer, 4).await;
    assert!(offer.plugin.objection().is_none(), "it is counted anew");
}

#[tokio::test]
async fn what_a_guest_says_is_no_trap() {
    let guest = Guest {
        code: "trap.unreachable",
        migrated: Some(Err("I am a trap")),
        ..Guest::described(&manifest(&["desk"], "1.0.0"))
    };
    let (bench, offer) = bench_with(guest.build()).await;
    for _ in 0..10 {
        let settings = Bytes::from_static(b"{}");
        let outcome = offer.plugin.migrate_settings(step(), "desk", "0.1.0", settings).await;
        let failure = outcome.result.expect_err("it refuses");
        assert_eq!(failure.code, "guest.trap.unreachable", "its words are quoted");
    }
    assert_eq!(quarantined(&bench.catalog), [""; 0]);
    assert_eq!(validate(&offer).await, "fine");
}

#[tokio::test]
async fn with_no_bound_nothing_is_held_back() {
    let bench = Bench::with_config(Config { traps_in_a_row: 0, ..Config::default() });
    bench.put("desk.wasm", breaking("1.0.0"));
    bench.catalog.reload().await;
    trap(&bench.catalog.offer("desk").expect("an offer"), 20).await;
    assert_eq!(quarantined(&bench.catalog), [""; 0]);
}

#[tokio::test]
async fn a_judgement_counts_for_nothing_and_what_was_kept_counts_again() {
    let (bench, offer) = bench_with(breaking("1.0.0")).await;
    let mut changes = bench.catalog.trap_changes();
    trap(&offer, 4).await;
    let mut kept = None;
    while let Ok((_, version)) = changes.try_recv() {
        kept = version;
    }
    let kept = kept.expect("the count is kept");
    assert_eq!((kept.traps, kept.quarantined), (4, None));

    let other = Bench::new();
    other.put("desk.wasm", breaking("1.0.0"));
    other.catalog.restore_traps(vec![kept]);
    other.catalog.reload().await;
    trap(&other.catalog.offer("desk").expect("an offer"), 1).await;
    assert_eq!(quarantined(&other.catalog), ["1.0.0 5"]);
    let trial = other.catalog.trial("desk.wasm", breaking("1.0.0")).await.expect("offers");
    trap(&trial[0], 1).await;
}
