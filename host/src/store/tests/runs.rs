//! Runs and their order.

use super::{channel, commit, on_both, run};
use crate::model::{Channel, Run, RunId, Status};

#[tokio::test]
async fn runs_are_listed_newest_first() {
    on_both(async |store| {
        let (a, b) = (channel("a"), channel("b"));
        let runs: Vec<Run> = [&a, &b, &a, &a].map(|channel| run(channel, Status::Completed)).to_vec();
        commit(&store, |batch| runs.iter().for_each(|run| batch.put_run(run))).await;
        let list = async |channel: Option<&Channel>, before: Option<usize>, limit| {
            let before = before.map(|index| runs[index].id);
            let found =
                store.runs().list(channel.map(|channel| channel.id), before, limit).await.expect("read");
            let index = |found: &Run| runs.iter().position(|run| run == found).expect("one of ours");
            found.iter().map(index).collect::<Vec<_>>()
        };
        assert_eq!(list(None, None, 9).await, [3, 2, 1, 0]);
        assert_eq!(list(None, Some(2), 9).await, [1, 0]);
        assert_eq!(list(None, Some(3), 1).await, [2]);
        assert_eq!(list(Some(&a), None, 9).await, [3, 2, 0]);
        assert_eq!(list(Some(&a), Some(2), 9).await, [0]);
        assert_eq!(list(Some(&b), None, 9).await, [1]);
        assert_eq!(list(Some(&b), Some(1), 9).await, [0; 0]);
        assert_eq!(store.runs().get(runs[1].id).await.expect("read").as_ref(), Some(&runs[1]));
        assert_eq!(store.runs().get(RunId::new()).await.expect("read"), None);
    })
    .await;
}

#[tokio::test]
async fn run_is_live_until_it_has_ended() {
    on_both(async |store| {
        let a = channel("a");
        let (first, second) = (run(&a, Status::Queued), run(&a, Status::Running));
        commit(&store, |batch| [&first, &second].iter().for_each(|run| batch.put_run(run))).await;
        assert_eq!(store.runs().live().await.expect("read"), [second.clone(), first.clone()]);
        for status in [
            Status::Completed,
            Status::CompletedWithWarnings,
            Status::Failed,
            Status::Skipped,
            Status::Cancelled,
        ] {
            commit(&store, |batch| batch.put_run(&Run { status: Status::Running, ..second.clone() })).await;
            commit(&store, |batch| batch.put_run(&Run { status, ..second.clone() })).await;
            assert_eq!(store.runs().live().await.expect("read"), std::slice::from_ref(&first), "{status}");
        }
        assert_eq!(store.runs().list(None, None, 9).await.expect("read").len(), 2, "it stays in the history");
    })
    .await;
}
