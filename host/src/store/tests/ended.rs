//! Which ended runs are found, and what goes with them.

use super::{channel, commit, fill, name, on_both, put_details, rows, run, time};
use crate::model::{Channel, Run, RunId, Status};
use crate::store::{Batch, Older, Store};

const DAY: i64 = 86_400_000;

/// A run that was asked for on that day.
fn on_day(channel: &Channel, day: i64, connector: &str, status: Status) -> Run {
    let mut id = RunId::new().to_bytes();
    id[..6].copy_from_slice(&(day * DAY).to_be_bytes()[2..]);
    Run { id: RunId::from_bytes(id), connector: name(connector), ..run(channel, status) }
}

async fn put(store: &Store, runs: &[Run]) {
    commit(store, |batch| {
        for run in runs {
            batch.put_run(run);
            put_details(batch, run.id);
        }
    })
    .await;
}

/// `connector day`, with `!` where it is the newest.
async fn found(store: &Store, completed: i64, failed: i64) -> Vec<String> {
    let older = Older { completed: time(completed * DAY), failed: time(failed * DAY) };
    let (mut found, mut from) = (Vec::new(), None);
    loop {
        let part = store.runs().ended(older, from).await.expect("read");
        found.extend(part.runs.into_iter().map(|ended| {
            let mark = if ended.is_newest { "!" } else { "" };
            format!("{} {}{mark}", ended.run.connector, ended.run.id.time().as_millis() / DAY)
        }));
        from = part.next;
        if from.is_none() {
            return found;
        }
    }
}

#[tokio::test]
async fn old_runs_are_found_by_how_they_ended_and_the_newest_is_told() {
    on_both(async |store| {
        use Status::{Cancelled, Completed, CompletedWithWarnings, Failed, Running};
        let (a, b) = (channel("a"), channel("b"));
        put(
            &store,
            &[
                on_day(&a, 1, "ticket", Completed),
                on_day(&a, 2, "ticket", Failed),
                on_day(&a, 8, "ticket", Completed),
                on_day(&a, 9, "ticket", Running),
                on_day(&a, 3, "ticket-comment", Completed),
                on_day(&a, 4, "ticket-comment", Cancelled),
                on_day(&b, 1, "ticket", CompletedWithWarnings),
                on_day(&b, 2, "ticket", CompletedWithWarnings),
                on_day(&b, 3, "ticket", Running),
            ],
        )
        .await;
        assert_eq!(found(&store, 0, 0).await, [""; 0]);
        assert_eq!(
            found(&store, 9, 0).await,
            ["ticket 1", "ticket 8!", "ticket-comment 3"],
            "a later failure is newer than what completed before it"
        );
        assert_eq!(found(&store, 0, 2).await, ["ticket 1"]);
        assert_eq!(found(&store, 0, 9).await, ["ticket 2", "ticket-comment 4!", "ticket 1", "ticket 2!"]);
    })
    .await;
}

#[tokio::test]
async fn young_runs_cost_no_look_however_many_they_are() {
    let store = Store::in_memory();
    let channels: Vec<Channel> = (0..3).map(|number| channel(&format!("c{number}"))).collect();
    for channel in &channels {
        let young: Vec<Run> = (0..2_000).map(|_| on_day(channel, 100, "ticket", Status::Completed)).collect();
        put(&store, &young).await;
        put(&store, &[on_day(channel, 1, "ticket", Status::Completed)]).await;
    }
    let older = Older { completed: time(50 * DAY), failed: time(50 * DAY) };
    let part = store.runs().ended(older, None).await.expect("read");
    assert_eq!((part.runs.len(), part.next), (3, None), "one part is enough for 6,003 runs");
}

#[tokio::test]
async fn many_old_runs_come_in_parts_and_none_is_missed() {
    let store = Store::in_memory();
    let channel = channel("a");
    let runs: Vec<Run> = (0..3_000)
        .map(|at| on_day(&channel, 1 + at % 3, ["a", "b"][at as usize % 2], Status::Completed))
        .collect();
    put(&store, &runs).await;
    let older = Older { completed: time(50 * DAY), failed: time(0) };
    let (mut ids, mut parts, mut from) = (Vec::new(), 0, None);
    loop {
        let part = store.runs().ended(older, from).await.expect("read");
        ids.extend(part.runs.iter().map(|ended| ended.run.id));
        parts += 1;
        from = part.next;
        if from.is_none() {
            break;
        }
    }
    ids.sort();
    let mut expected: Vec<RunId> = runs.iter().map(|run| run.id).collect();
    expected.sort();
    assert!(ids == expected && parts > 2, "{} of {} in {parts}", ids.len(), expected.len());
}

#[tokio::test]
async fn a_removed_run_leaves_nothing_and_takes_nothing_else() {
    on_both(async |store| {
        let channel = channel("a");
        store.channels().create(&channel).await.expect("new");
        fill(&store, &channel, 3).await;
        let others = rows(&store);
        let gone = on_day(&channel, 1, "ticket", Status::Failed);
        put(&store, std::slice::from_ref(&gone)).await;
        let unknown = RunId::new();
        assert_eq!(store.runs().remove(vec![gone.id, unknown]).await.expect("written"), [gone.id]);
        assert!(rows(&store) == others, "cursors, due keys, records and other runs stay as they are");
    })
    .await;
}

#[tokio::test]
async fn a_run_that_goes_on_is_never_removed() {
    on_both(async |store| {
        let channel = channel("a");
        let live = [Status::Queued, Status::Running].map(|status| on_day(&channel, 1, "ticket", status));
        put(&store, &live).await;
        let before = rows(&store);
        assert!(store.runs().remove(live.iter().map(|run| run.id).collect()).await.expect("read").is_empty());
        assert!(rows(&store) == before);
    })
    .await;
}

#[tokio::test]
async fn runs_of_the_first_layout_are_listed_when_the_store_is_opened() {
    let store = Store::in_memory();
    let channel = channel("a");
    put(&store, &[on_day(&channel, 1, "a", Status::Completed), on_day(&channel, 2, "a", Status::Running)])
        .await;
    let listed = rows(&store);
    commit(&store, |batch: &mut Batch| {
        listed.iter().filter(|(key, _)| key[0] == b'a').for_each(|(key, _)| batch.remove(key.to_vec()));
        batch.put(crate::store::keys::format(), b"1".to_vec());
    })
    .await;
    assert!(rows(&store).len() < listed.len());
    let again = Store::on(store.engine.clone()).expect("there is a way");
    assert!(rows(&again) == listed);
}
