//! One page is read while the last one is committed; not two.

use super::support::{
    engine::{Death, Disk, Mortal},
    *,
};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};

/// Long enough for any machine; only a failing test waits for it.
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test(start_paused = true)]
async fn the_next_page_is_read_while_the_last_one_is_committed() {
    let pages: Vec<_> = (0..5).map(|n| page(&[&format!("{n}@1=1")])).collect();
    let last = pages.len() - 1;
    let (begun, steps) = mpsc::channel();
    let steps = Mutex::new(steps);
    // The channel, the job and its lease come before the pages.
    const BEFORE: usize = 2;
    let waits = move |commit: usize| {
        if (1..=last).contains(&commit.saturating_sub(BEFORE)) {
            let commit = commit - BEFORE;
            let step = steps.lock().unwrap().recv_timeout(PATIENCE);
            assert_eq!(step, Ok(commit), "page {commit} is not read during commit {commit}");
        }
    };
    let engine = Mortal::hooked(&Disk::default(), Death::Never, waits);
    let host = Host::on(&engine.store());
    let channel = ready(vec![connector("ticket")]);
    let script = Script::quick(move |step, ask| {
        if step > 0 {
            begun.send(step).unwrap();
        }
        ok(page_of(&pages, &ask))
    });
    host.offer(&channel, &[("ticket", &script)]).await;
    assert_eq!(outcomes(&host.sync(&channel).await), ["ticket completed"]);
}

#[tokio::test(start_paused = true)]
async fn no_more_than_one_page_is_read_ahead() {
    let pages: Vec<_> = (0..20).map(|n| page(&[&format!("{n}@1=1")])).collect();
    let disk = Disk::default();
    let commits = Arc::new(AtomicUsize::new(0));
    let begun = Arc::clone(&commits);
    let engine = Mortal::hooked(&disk, Death::Never, move |commit| begun.store(commit, Ordering::SeqCst));
    let host = Host::on(&engine.store());
    let channel = ready(vec![connector("ticket")]);
    let script = Script::quick(move |step, ask| {
        // While page n is read, page n - 1 is on its way to the disk, and the ones before are there.
        assert!(commits.load(Ordering::SeqCst) + 1 >= step + 2, "step {step} is too early");
        ok(page_of(&pages, &ask))
    });
    host.offer(&channel, &[("ticket", &script)]).await;
    assert_eq!(outcomes(&host.sync(&channel).await), ["ticket completed"]);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_was_read_ahead_is_dropped_with_the_one_before() {
    let pages: Vec<_> = (0..3).map(|n| page(&[&format!("{n}@1=1")])).collect();
    let engine = Mortal::on(&Disk::default(), Death::Refuse(4, 1));
    let store = engine.store();
    let host = Host::on(&store);
    let channel = ready(vec![connector("ticket")]);
    let script = Script::stream(pages);
    host.offer(&channel, &[("ticket", &script)]).await;
    // The run is put off, and goes on from the page that landed.
    assert_eq!(outcomes(&host.sync(&channel).await), ["ticket completed"]);
    let cursors: Vec<_> = script.asked().into_iter().filter_map(|asked| asked.cursor).collect();
    assert_eq!(cursors.iter().rev().take(2).rev().collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!(host.records(&channel, "ticket").await, ["0@1=1", "1@1=1", "2@1=1"]);
}
