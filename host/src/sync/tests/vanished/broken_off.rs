//! Full syncs that are killed or cancelled, and finished by the next sync.

use super::*;

/// What is left after all, but for runs.
async fn remains(store: &Store, channel: &Ready) -> (Vec<String>, Vec<String>, u64, Option<Bytes>) {
    let (id, ticket) = (channel.channel.id, name("ticket"));
    is_cleared(store, channel).await;
    (
        records(store, channel, "ticket").await,
        marks(store, channel).await,
        store.quarantine().count(id, &ticket).await.unwrap(),
        store.cursors().get(id, &ticket).await.unwrap(),
    )
}

/// Many records, so that a sweep takes several batches.
fn many(keep: impl Fn(u32) -> bool) -> Vec<Page> {
    let numbers: Vec<u32> = (0..2_600).filter(|number| keep(*number)).collect();
    let texts = |numbers: &[u32]| numbers.iter().map(|number| format!("{number:04}@1=1")).collect::<Vec<_>>();
    let page_of = |texts: Vec<String>| page(&texts.iter().map(String::as_str).collect::<Vec<_>>());
    numbers.chunks(900).map(|numbers| page_of(texts(numbers))).collect()
}

async fn sync_on(store: &Store, channel: &Ready, script: &Arc<Script>, is_full: bool) -> Vec<Run> {
    let host = Host::on(store);
    host.offer(channel, &[("ticket", script)]).await;
    // What a dead host was working on goes on by itself.
    host.finished().await;
    let runs = if is_full { vec![full(&host, channel).await] } else { host.sync(channel).await };
    host.stop().await;
    runs
}

/// A full sync on a host that dies as told; false where it lived to the end.
async fn dies(disk: &Disk, channel: &Ready, pages: &[Page], death: Death) -> bool {
    let engine = Mortal::on(disk, death);
    let store = engine.store();
    let host = Host::on(&store);
    host.offer(channel, &[("ticket", &Script::stream(pages.to_vec()))]).await;
    let job = async {
        let job = host.sync.request(Request { full: true, ..all_of(channel) }).await.ok()?;
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

async fn seeded(channel: &Ready) -> Disk {
    let disk = Disk::default();
    let store = Mortal::on(&disk, Death::Never).store();
    let script = Script::stream(many(|_| true));
    sync_on(&store, channel, &script, false).await;
    disk
}

/// Gone is every other record of the first two thousand; one of the rest is bad.
fn remote() -> Vec<Page> {
    let mut pages = many(|number| number % 2 == 0 || number >= 2_000);
    pages[1].records.push(envelope("2599@2={"));
    pages
}

#[tokio::test(start_paused = true)]
async fn killed_at_any_commit_of_a_full_sync_the_next_sync_ends_it_just_so() {
    for vanished in [Vanished::Keep, Vanished::Mark, Vanished::Delete] {
        let channel = channel(vanished);
        let disk = seeded(&channel).await;
        let store = Mortal::on(&disk, Death::Never).store();
        let run = sync_on(&store, &channel, &Script::stream(remote()), true).await.remove(0);
        assert_eq!(run.counters.vanished, 1_000);
        let undisturbed = remains(&store, &channel).await;
        for kind in [Death::Before, Death::After] {
            // Commit 0 finds that the channel is there already.
            let (mut deaths, mut taken_up) = (1, 0);
            loop {
                let disk = seeded(&channel).await;
                if !dies(&disk, &channel, &remote(), kind(deaths)).await {
                    break;
                }
                let store = Mortal::on(&disk, Death::Never).store();
                let (id, ticket) = (channel.channel.id, name("ticket"));
                let is_on_record = store.seen().reading(id, &ticket).await.unwrap().is_some();
                taken_up += usize::from(is_on_record);
                // What was asked for goes on by itself. Only what the dead host did not
                // promise has to be asked for again.
                let was_promised =
                    !store.runs().list(Some(id), None, 2).await.unwrap().iter().all(|run| !run.full);
                let script = Script::stream(remote());
                let runs = sync_on(&store, &channel, &script, !was_promised).await;
                assert!(runs.iter().all(|run| run.error.is_none()), "{:?} {runs:?}", kind(deaths));
                assert_eq!(remains(&store, &channel).await, undisturbed, "{vanished:?} {:?}", kind(deaths));
                deaths += 1;
            }
            assert!(deaths >= 7 && taken_up >= 5, "{vanished:?}: {deaths} commits, {taken_up} taken up");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_sync_of_more_pages_than_go_at_once_leaves_none_behind() {
    let pages: Vec<Page> = (0..1_200).map(|number| page(&[&format!("{number:04}@1=1")])).collect();
    let channel = channel(Vanished::Delete);
    let seed = async || {
        let disk = Disk::default();
        let store = Mortal::on(&disk, Death::Never).store();
        sync_on(&store, &channel, &Script::stream(vec![page(&["0001@1=1", "gone=1"])]), false).await;
        disk
    };
    let commits = Arc::new(AtomicUsize::new(0));
    let disk = seed().await;
    let counter = Arc::clone(&commits);
    let counted = Mortal::hooked(&disk, Death::Never, move |commit| counter.store(commit, Ordering::SeqCst));
    let run = sync_on(&counted.store(), &channel, &Script::stream(pages.clone()), true).await.remove(0);
    assert_eq!((run.counters.vanished, run.counters.added), (1, 1_199));
    let undisturbed = remains(&Mortal::on(&disk, Death::Never).store(), &channel).await;
    let last = commits.load(Ordering::SeqCst);
    for death in last - 4..=last {
        let disk = seed().await;
        assert!(dies(&disk, &channel, &pages, Death::After(death)).await);
        let store = Mortal::on(&disk, Death::Never).store();
        sync_on(&store, &channel, &Script::stream(pages.clone()), false).await;
        assert_eq!(remains(&store, &channel).await, undisturbed, "{death}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_sweep_that_is_cancelled_is_finished_by_the_next_sync() {
    let channel = channel(Vanished::Delete);
    let disk = seeded(&channel).await;
    let host_slot: Arc<std::sync::Mutex<Option<crate::sync::Sync>>> = Arc::default();
    let slot = Arc::clone(&host_slot);
    let runtime = tokio::runtime::Handle::current();
    // The channel is there, then come the job, the lease, the beginning, and two pages.
    let engine = Mortal::hooked(&disk, Death::Never, move |commit| {
        if commit == 6
            && let Some(sync) = slot.lock().unwrap().clone()
        {
            runtime.block_on(async {
                let run = sync.runs(None, None, 1).await.unwrap().remove(0);
                assert!(sync.cancel(run.id).await.unwrap());
            });
        }
    });
    let store = engine.store();
    let host = Host::on(&store);
    *host_slot.lock().unwrap() = Some(host.sync.clone());
    host.offer(&channel, &[("ticket", &Script::stream(remote()))]).await;
    let run = full(&host, &channel).await;
    host_slot.lock().unwrap().take();
    assert_eq!(run.status, Status::Cancelled, "{run:?}");
    assert!(run.counters.vanished < 1_000 && run.counters.vanished > 0, "{run:?}");
    let rest = host.sync(&channel).await.remove(0);
    assert_eq!(rest.status, Status::Completed);
    assert_eq!(run.counters.vanished + rest.counters.vanished, 1_000);
    assert_eq!(host.records(&channel, "ticket").await.len(), 1_600);
    is_cleared(&store, &channel).await;
}

#[tokio::test(start_paused = true)]
async fn a_warning_of_a_full_sync_that_was_killed_comes_with_the_sync_that_ends_it() {
    let channel = channel(Vanished::Delete);
    let disk = seeded(&channel).await;
    let nothing = vec![page(&[]), page(&[])];
    // The channel is there; the job, the lease and the beginning come before the pages.
    assert!(dies(&disk, &channel, &nothing, Death::After(5)).await);
    let store = Mortal::on(&disk, Death::Never).store();
    let pages = [nothing, vec![page(&["new@9=1"])]].concat();
    sync_on(&store, &channel, &Script::stream(pages), false).await;
    let runs = store.runs().list(None, None, 10).await.unwrap();
    let run = runs.into_iter().find(|run| run.full).unwrap();
    assert_eq!((run.status, run.counters.added), (Status::CompletedWithWarnings, 1));
    assert_eq!(run.error.as_ref().map(|error| error.code.as_str()), Some("sweep.nothing-read"));
    assert_eq!(store.runs().get(run.id).await.unwrap(), Some(run));
    assert_eq!(records(&store, &channel, "ticket").await.len(), 2_601);
    is_cleared(&store, &channel).await;
}
