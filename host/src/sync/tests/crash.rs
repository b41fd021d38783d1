//! Killed at any commit, nothing is lost and nothing comes twice.

use super::support::{
    engine::{Death, Disk, Mortal},
    *,
};
use crate::{
    model::{Class, Connector, DrivenBy, Page, Status},
    store::Store,
    sync::opener::Ready,
};
use bytes::Bytes;
use proptest::prelude::*;
use std::{collections::BTreeMap, sync::Arc};

/// Everything that an import leaves behind, but for runs and stamps.
#[derive(Debug, PartialEq)]
struct Remains {
    records: Vec<Vec<String>>,
    cursors: Vec<Option<String>>,
    due: Vec<String>,
    state: BTreeMap<String, Bytes>,
    quarantined: usize,
}

async fn remains(store: &Store, channel: &Ready) -> Remains {
    let connectors = ["ticket", "comment"];
    let mut remains = Remains {
        records: Vec::new(),
        cursors: Vec::new(),
        due: due(store, channel, "comment").await,
        state: store.state().all(channel.channel.id, &name("ticket")).await.unwrap(),
        quarantined: 0,
    };
    for connector in connectors {
        remains.records.push(records(store, channel, connector).await);
        remains.cursors.push(cursor(store, channel, connector).await);
        let held = store.quarantine().list(channel.channel.id, &name(connector), None, 100).await;
        remains.quarantined += held.unwrap().len();
    }
    remains
}

fn channel() -> Ready {
    let comment = Connector { driven_by: DrivenBy::Keys, page_size: 2, ..after("comment", "ticket") };
    ready(vec![connector("ticket"), comment])
}

fn tickets() -> Vec<Page> {
    vec![
        with_due(page(&["1@1=1", "2@1=1"]), "comment", &["1", "2"]),
        with_due(page(&["3@2=1", "4@2={"]), "comment", &["3"]),
        with_due(page(&["1@3=2", "2@3!", "4@3=1"]), "comment", &["1", "4"]),
        page(&[]),
    ]
}

/// Tickets that also count their pages in the connector's map.
fn ticket_script(pages: Vec<Page>) -> Arc<Script> {
    Script::quick(move |_, ask| {
        let seen = ask.state.get("pages").map_or(0, |count| count[0]);
        let page = page_of(&pages, &ask);
        let moved = page.next.is_some();
        let mut outcome = ok(page);
        if moved {
            outcome.state.insert("pages".into(), Some(Bytes::from(vec![seen + 1])));
        }
        outcome
    })
}

/// Comments that take two steps for every lot of keys: the second by cursor.
fn comment_script() -> Arc<Script> {
    Script::quick(|_, ask| {
        let half_done = ask.cursor.as_ref().is_some_and(|cursor| &cursor[..] == b"half");
        let mut page = page_for_keys(&ask.keys);
        page.next = Some(Bytes::from_static(if half_done { b"" } else { b"half" }));
        if !half_done {
            page.settled.clear();
        }
        ok(page)
    })
}

/// Syncs on a host that dies as told; false where it lived to the end.
async fn dies(disk: &Disk, channel: &Ready, pages: &[Page], death: Death) -> bool {
    let engine = Mortal::on(disk, death);
    let store = engine.store();
    let host = Host::on(&store);
    host.offer(channel, &[("ticket", &ticket_script(pages.to_vec())), ("comment", &comment_script())]).await;
    let job = async {
        let job = host.sync.request(all_of(channel)).await.ok()?;
        host.sync.wait(job.id).await.ok()
    };
    tokio::select! {
        biased;
        () = engine.died() => {}
        _ = job => {}
    }
    host.kill().await;
    engine.is_dead()
}

/// Syncs to a good end on what the disk holds.
async fn recovers(disk: &Disk, channel: &Ready, pages: &[Page]) -> (Remains, Vec<String>) {
    let store = Mortal::on(disk, Death::Never).store();
    let host = Host::on(&store);
    let tickets = ticket_script(pages.to_vec());
    host.offer(channel, &[("ticket", &tickets), ("comment", &comment_script())]).await;
    // What the dead host was working on goes on by itself.
    host.finished().await;
    let runs = host.sync(channel).await;
    let outcomes = outcomes(&runs);
    assert!(!outcomes.iter().any(|outcome| outcome.contains("failed")), "{outcomes:?}");
    host.stop().await;
    assert_eq!(store.runs().live().await.unwrap(), [], "every run has its end");
    let cursors = tickets.asked().into_iter().map(|asked| asked.cursor.unwrap_or_default());
    (remains(&store, channel).await, cursors.collect())
}

#[tokio::test(start_paused = true)]
async fn killed_at_any_commit_the_next_sync_completes_the_same_store() {
    let channel = channel();
    let (undisturbed, cursors) = recovers(&Disk::default(), &channel, &tickets()).await;
    assert_eq!(cursors, ["", "1", "2", "3"]);
    assert_eq!(undisturbed.records[0], ["1@3=2", "3@2=1", "4@3=1"]);
    assert_eq!((undisturbed.records[1].len(), undisturbed.quarantined), (4, 0));
    for kind in [Death::Before, Death::After] {
        let mut deaths = 0;
        loop {
            let disk = Disk::default();
            if !dies(&disk, &channel, &tickets(), kind(deaths)).await {
                break;
            }
            let store = Mortal::on(&disk, Death::Never).store();
            let committed = remains(&store, &channel).await.cursors.swap_remove(0);
            let (found, cursors) = recovers(&disk, &channel, &tickets()).await;
            assert_eq!(found, undisturbed, "{:?}", kind(deaths));
            assert_eq!(cursors.first(), Some(&committed.unwrap_or_default()), "{:?}", kind(deaths));
            deaths += 1;
        }
        assert!(deaths > 8, "only {deaths} commits");
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_whose_commit_fails_is_not_stored_and_comes_again() {
    let channel = channel();
    let (undisturbed, _) = recovers(&Disk::default(), &channel, &tickets()).await;
    let disk = Disk::default();
    // The channel, the job, its lease and the first page come before.
    let host = Host::on(&Mortal::on(&disk, Death::Refuse(4, 1)).store());
    let script = ticket_script(tickets());
    host.offer(&channel, &[("ticket", &script), ("comment", &comment_script())]).await;
    let job = host.sync.request(all_of(&channel)).await.unwrap();
    let until = |status| {
        let (sync, id) = (host.sync.clone(), job.runs[0].id);
        async move {
            loop {
                let run = sync.run(id).await.unwrap().unwrap();
                if run.status == status {
                    return run;
                }
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        }
    };
    let put_off = until(Status::Deferred).await;
    assert_eq!(put_off.deferred.as_ref().unwrap().reason.code, "run.store");
    assert_eq!(counted(&put_off), "2a 0u 0s 0d 0q", "only what is stored counts");
    let left = remains(&host.store, &channel).await;
    assert_eq!((left.records[0].len(), left.cursors[0].as_deref()), (2, Some("1")));

    let runs = host.sync.wait(job.id).await.unwrap();
    assert_eq!(outcomes(&runs), ["ticket completed-with-warnings", "comment completed"]);
    assert_eq!(remains(&host.store, &channel).await, undisturbed);
}

#[tokio::test(start_paused = true)]
async fn an_end_that_cannot_be_written_at_first_is_written_later() {
    let engine = Mortal::on(&Disk::default(), Death::Refuse(3, 3));
    let store = engine.store();
    let host = Host::on(&store);
    let channel = ready(vec![connector("ticket")]);
    host.offer(&channel, &[("ticket", &Script::quick(|_, _| fails(Class::NotFound, "http.status.404")))])
        .await;
    let runs = host.sync(&channel).await;
    assert_eq!(outcomes(&runs), ["ticket failed http.status.404"]);
    assert_eq!(store.runs().get(runs[0].id).await.unwrap(), Some(runs[0].clone()));
}

/// A stream of a few keys, cut into pages.
fn streams() -> impl Strategy<Value = Vec<Page>> {
    let record = ("[1-5]", any::<u8>(), "[0-9]").prop_map(|(key, dice, payload)| match dice {
        0..40 => (format!("{key}!"), key),
        40..60 => (format!("{key}={{"), key),
        _ => (format!("{key}={payload}"), key),
    });
    let page = proptest::collection::vec(record, 0..4);
    proptest::collection::vec(page, 1..6)
        .prop_map(|pages| pages.into_iter().enumerate().map(page_at).collect())
}

/// The remote's clock goes on with every page.
fn page_at((at, records): (usize, Vec<(String, String)>)) -> Page {
    let (texts, keys): (Vec<_>, Vec<_>) = records.into_iter().unzip();
    let timed = |text: String| {
        let (key, rest) = text.split_at(1);
        format!("{key}@{at}{rest}")
    };
    let texts: Vec<String> = texts.into_iter().map(timed).collect();
    let records: Vec<&str> = texts.iter().map(String::as_str).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    with_due(page(&records), "comment", &keys)
}

fn on_runtime<T>(work: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_time().start_paused(true).build().unwrap().block_on(work)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_stream_with_any_deaths_gives_the_same_store(
        pages in streams(),
        deaths in proptest::collection::vec((any::<bool>(), 0..9_usize), 0..3),
    ) {
        let channel = channel();
        on_runtime(async {
            let (undisturbed, _) = recovers(&Disk::default(), &channel, &pages).await;
            let disk = Disk::default();
            for (before, at) in deaths {
                let death = if before { Death::Before(at) } else { Death::After(at) };
                dies(&disk, &channel, &pages, death).await;
            }
            let (found, _) = recovers(&disk, &channel, &pages).await;
            assert_eq!(found, undisturbed);
        });
    }

    #[test]
    fn a_second_sync_of_the_same_stream_changes_nothing(pages in streams()) {
        let channel = channel();
        on_runtime(async {
            let disk = Disk::default();
            let (once, _) = recovers(&disk, &channel, &pages).await;
            let (twice, _) = recovers(&disk, &channel, &pages).await;
            assert_eq!(twice, once);
        });
    }
}
