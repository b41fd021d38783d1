//! Pages and logs of runs.

use super::{channel, commit, line, on_both, page_of_run, put_details, run};
use crate::model::{RunId, Status};
use crate::store::LogEnd;

#[tokio::test]
async fn pages_of_a_run_are_listed_in_their_order_and_in_parts() {
    on_both(async |store| {
        let (id, other) = (RunId::new(), RunId::new());
        // Numbers whose bytes would sort otherwise as text.
        let numbers = [1, 2, 9, 10, 255, 256, 70_000];
        commit(&store, |batch| {
            numbers.iter().for_each(|page| batch.put_page(id, &page_of_run(*page)));
            batch.put_page(other, &page_of_run(1));
        })
        .await;
        let list = async |after, limit| {
            let pages = store.pages().list(id, after, limit).await.expect("read");
            pages.iter().map(|page| page.page).collect::<Vec<_>>()
        };
        assert_eq!(list(None, 99).await, numbers);
        assert_eq!(list(Some(9), 2).await, [10, 255]);
        assert_eq!(list(Some(256), 9).await, [70_000]);
        assert_eq!(list(Some(70_000), 9).await, [0; 0]);
        assert_eq!(store.pages().list(other, None, 9).await.expect("read"), [page_of_run(1)]);
    })
    .await;
}

#[tokio::test]
async fn lines_of_a_run_keep_their_numbers_and_the_log_its_end() {
    on_both(async |store| {
        let (id, silent) = (RunId::new(), RunId::new());
        assert_eq!(store.logs().end(silent).await.expect("read"), LogEnd::default());
        commit(&store, |batch| put_details(batch, id)).await;
        let end = LogEnd { next: 3, bytes: 30, dropped: 4 };
        commit(&store, |batch| batch.put_log_lines(id, 2, &[line("three")], end)).await;
        assert_eq!(store.logs().end(id).await.expect("read"), end);
        let list = async |after, limit| {
            let lines = store.logs().list(id, after, limit).await.expect("read");
            lines.into_iter().map(|(number, line)| format!("{number} {}", line.message)).collect::<Vec<_>>()
        };
        assert_eq!(list(None, 9).await, ["0 one", "1 two", "2 three"]);
        assert_eq!(list(Some(0), 1).await, ["1 two"]);
        assert_eq!(list(Some(2), 9).await, [""; 0]);
        assert!(store.logs().list(silent, None, 9).await.expect("read").is_empty());
    })
    .await;
}

#[tokio::test]
async fn who_watches_a_run_hears_of_it_alone() {
    on_both(async |store| {
        let channel = channel("a");
        let (mine, other) = (run(&channel, Status::Running), run(&channel, Status::Running));
        let (row, log) = (store.runs().watch_one(mine.id), store.logs().watch(mine.id));
        commit(&store, |batch| {
            batch.put_run(&other);
            put_details(batch, other.id);
        })
        .await;
        assert!(!row.has_changed() && !log.has_changed());
        commit(&store, |batch| batch.put_run(&mine)).await;
        assert!(row.has_changed() && !log.has_changed());
        commit(&store, |batch| put_details(batch, mine.id)).await;
        assert!(log.has_changed());
    })
    .await;
}
