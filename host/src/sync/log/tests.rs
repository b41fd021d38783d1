//! What a log takes, keeps and lets go of.

use super::*;
use crate::{
    model::{Class, Failure, Size, Timestamp},
    store::Store,
    sync::tests::support::{connector, queued, ready},
};

fn log(lines: u64, bytes: u64) -> Arc<RunLog> {
    going_on(LogEnd::default(), lines, bytes)
}

fn going_on(end: LogEnd, lines: u64, bytes: u64) -> Arc<RunLog> {
    let config = Config { log_lines: lines, log_bytes: Size(bytes), ..Config::default() };
    RunLog::new(RunId::new(), end, &config, &Clock::manual(Timestamp::from_millis(5)))
}

fn said(level: LineLevel, message: &str) -> Said {
    Said { level, source: LineSource::Guest, message: message.into(), fields: Map::new() }
}

fn info(log: &RunLog, message: &str) {
    log.add(said(LineLevel::Info, message));
}

async fn store(store: &Store, log: &RunLog) {
    let mut batch = Batch::new();
    let next = log.put_into(&mut batch);
    store.commit(batch).await.unwrap();
    log.landed(next);
}

async fn stored(store: &Store, log: &RunLog) -> Vec<String> {
    let lines = store.logs().list(log.run, None, 1_000).await.unwrap();
    lines.into_iter().map(|(number, line)| format!("{number} {} {}", line.level, line.message)).collect()
}

fn waiting(log: &RunLog, after: Option<u64>) -> Vec<u64> {
    log.waiting(after).into_iter().map(|(number, _)| number).collect()
}

fn ended_run() -> Run {
    let channel = ready(vec![connector("ticket")]);
    Run { status: Status::Completed, ..queued(&channel, "ticket", Timestamp::from_millis(0)) }
}

#[tokio::test]
async fn lines_wait_until_they_are_stored_and_keep_their_numbers() {
    let (kept, log) = (Store::in_memory(), log(100, 1_000));
    info(&log, "one");
    info(&log, "two");
    let mut batch = Batch::new();
    let next = log.put_into(&mut batch);
    info(&log, "three");
    kept.commit(batch).await.unwrap();
    assert_eq!(waiting(&log, None), [0, 1, 2], "nobody said that it landed");
    log.landed(next);
    assert_eq!(waiting(&log, None), [2]);
    assert_eq!(waiting(&log, Some(2)), [0; 0]);
    log.landed(next);
    store(&kept, &log).await;
    assert_eq!(stored(&kept, &log).await, ["0 info one", "1 info two", "2 info three"]);
    assert_eq!(waiting(&log, None), [0; 0]);
}

#[tokio::test]
async fn a_page_that_did_not_land_loses_no_line() {
    let (kept, log) = (Store::in_memory(), log(100, 1_000));
    info(&log, "one");
    log.put_into(&mut Batch::new());
    info(&log, "two");
    store(&kept, &log).await;
    assert_eq!(stored(&kept, &log).await, ["0 info one", "1 info two"]);
}

#[tokio::test]
async fn a_full_log_counts_what_it_drops_and_leaves_a_tenth_to_warnings() {
    let (kept, log) = (Store::in_memory(), log(20, 10_000));
    (0..30).for_each(|_| info(&log, "x"));
    (0..5).for_each(|_| log.add(said(LineLevel::Warn, "careful")));
    log.close(&ended_run());
    store(&kept, &log).await;
    let lines = stored(&kept, &log).await;
    assert_eq!(lines.len(), 22, "20 and two in the end: {lines:?}");
    assert_eq!(&lines[17..20], ["17 info x", "18 warn careful", "19 warn careful"]);
    assert!(lines[20].starts_with("20 warn lines were dropped"), "{lines:?}");
    assert_eq!(lines[21], "21 info run ended");
    let counted = kept.logs().list(log.run, Some(19), 1).await.unwrap();
    assert_eq!(counted[0].1.fields["dropped"], 12 + 3);
}

#[test]
fn bytes_of_names_and_values_count() {
    let log = log(100, 100);
    let mut long = said(LineLevel::Error, "0123456789");
    long.fields = Map::from_iter([("name".to_owned(), Value::from("v".repeat(80)))]);
    log.add(long);
    log.add(said(LineLevel::Error, "0123456"));
    log.add(said(LineLevel::Error, "012345"));
    assert_eq!(waiting(&log, None), [0, 1], "94 bytes, then 7 too many, then 6 that fit");
}

#[tokio::test]
async fn a_run_that_goes_on_adds_to_its_log() {
    let kept = Store::in_memory();
    let first = log(3, 1_000);
    info(&first, "one");
    info(&first, "two");
    info(&first, "too much");
    store(&kept, &first).await;
    let end = kept.logs().end(first.run).await.unwrap();
    assert_eq!(end, LogEnd { next: 3, bytes: 14, dropped: 0 });
    let again = going_on(LogEnd { dropped: 2, ..end }, 4, 1_000);
    info(&again, "four");
    log_is_full(&again);
    assert_eq!(waiting(&again, None), [3]);
}

fn log_is_full(log: &RunLog) {
    let before = log.book().end.dropped;
    info(log, "more");
    assert_eq!(log.book().end.dropped, before + 1);
}

#[tokio::test]
async fn a_closed_log_shows_its_end_once_it_is_stored_and_takes_nothing_after() {
    let (kept, log) = (Store::in_memory(), log(100, 1_000));
    let mut grown = log.grown.subscribe();
    log.close(&ended_run());
    info(&log, "late");
    assert!(waiting(&log, None).is_empty() && !grown.has_changed().unwrap());
    store(&kept, &log).await;
    assert!(grown.has_changed().unwrap());
    assert_eq!(*grown.borrow_and_update(), 1);
    info(&log, "later");
    store(&kept, &log).await;
    assert_eq!(stored(&kept, &log).await, ["0 info run ended"]);
}

#[tokio::test]
async fn the_end_that_is_stored_is_the_last_one_told() {
    let (kept, log) = (Store::in_memory(), log(100, 1_000));
    log.close(&ended_run());
    log.put_into(&mut Batch::new());
    let failed = Failure::new(Class::Internal, "run.store", "the disk is gone");
    log.close(&Run { status: Status::Failed, error: Some(failed), ..ended_run() });
    store(&kept, &log).await;
    let lines = kept.logs().list(log.run, None, 9).await.unwrap();
    assert_eq!((lines.len(), &lines[0].1.fields["error"]), (1, &json!("the disk is gone (run.store)")));
    assert_eq!(lines[0].1.level, LineLevel::Error);
}

#[tokio::test]
async fn secrets_are_hidden_in_messages_and_fields_of_every_source() {
    let log = log(100, 1_000);
    log.hide(|text| text.replace("hunter2", "‹secret›"));
    let fields =
        Map::from_iter([("answer".to_owned(), json!("it says hunter2")), ("n".to_owned(), json!(2))]);
    log.add(Said { fields, ..said(LineLevel::Info, "token hunter2") });
    host_line(log.run, LineLevel::Warn, "hunter2 failed".to_owned(), Map::new());
    let lines = log.waiting(None);
    assert_eq!((&lines[0].1.message[..], &lines[1].1.message[..]), ("token ‹secret›", "‹secret› failed"));
    assert_eq!(lines[0].1.fields["answer"], "it says ‹secret›");
    assert_eq!((lines[0].1.source, lines[1].1.source), (LineSource::Guest, LineSource::Host));
}

#[tokio::test(start_paused = true)]
async fn a_line_is_due_after_two_seconds_and_silence_never() {
    let log = log(100, 1_000);
    assert!(tokio::time::timeout(Duration::from_secs(600), log.is_due()).await.is_err());
    info(&log, "one");
    let began = tokio::time::Instant::now();
    log.is_due().await;
    assert_eq!(began.elapsed(), FLUSH);
}

#[test]
fn a_log_is_found_while_somebody_has_it() {
    let log = log(1, 1);
    let run = log.run;
    assert!(find(run).is_some());
    drop(log);
    assert!(find(run).is_none());
    host_line(run, LineLevel::Info, "nobody listens".into(), Map::new());
}
