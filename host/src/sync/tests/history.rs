//! What is kept of runs: their logs, their pages, and for how long.

use super::support::{
    engine::{Death, Disk, Mortal},
    *,
};
use crate::{
    model::{Class, LineLevel, LineSource, Run, RunId, RunLine, Size, Status},
    store::{Batch, DueKey, Store},
    sync::{Cleaned, Cleaner, Cleaning, Config, Found, HistoryConfig, Keep, Search, host_line, log},
};
use serde_json::Map;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio_util::sync::CancellationToken;

const MINUTE: Duration = Duration::from_secs(60);

/// What a guest says.
fn say(run: RunId, message: &str) {
    let log = log::find(run).expect("the run goes on");
    log.add(log::Said {
        level: LineLevel::Info,
        source: LineSource::Guest,
        message: message.into(),
        fields: Map::new(),
    });
}

fn words(lines: &[(u64, RunLine)]) -> Vec<String> {
    lines.iter().map(|(number, line)| format!("{number} {} {}", line.source, line.message)).collect()
}

/// The run that goes on, for scripts that are made before there is one.
#[derive(Clone, Default)]
struct Current(Arc<Mutex<Option<RunId>>>);

impl Current {
    fn get(&self) -> RunId {
        self.0.lock().unwrap().expect("a run goes on")
    }

    fn set(&self, run: RunId) {
        *self.0.lock().unwrap() = Some(run);
    }
}

fn three_pages() -> Vec<crate::model::Page> {
    vec![page(&["1@1=1", "2@1=1"]), page(&["3@1=1"]), page(&["1@2=2"])]
}

#[tokio::test(start_paused = true)]
async fn the_log_of_a_run_holds_its_lines_in_order_and_ends_with_what_became_of_it() {
    let host = Host::new();
    let current = Current::default();
    let run = current.clone();
    let gate = Arc::new(tokio::sync::Notify::new());
    let script = {
        let gate = gate.clone();
        Script::new(move |step, ask| {
            let (run, gate) = (run.clone(), gate.clone());
            Box::pin(async move {
                if step == 0 {
                    gate.notified().await;
                }
                say(run.get(), &format!("step {step}"));
                ok(page_of(&three_pages(), &ask))
            })
        })
    };
    let channel = host.offer(&ready(vec![connector("ticket")]), &[("ticket", &script)]).await;
    let job = host.sync.request(all_of(&channel)).await.unwrap();
    let id = job.runs[0].id;
    current.set(id);
    gate.notify_one();
    let runs = host.sync.wait(job.id).await.unwrap();
    assert_eq!(outcomes(&runs), ["ticket completed"]);
    let lines = host.sync.log(id, None, 100).await.unwrap();
    assert_eq!(words(&lines), ["0 guest step 0", "1 guest step 1", "2 guest step 2", "3 host run ended"]);
    assert_eq!(lines[3].1.fields["status"], "completed");
    assert_eq!(words(&host.sync.log(id, Some(0), 2).await.unwrap()), ["1 guest step 1", "2 guest step 2"]);

    let pages = host.sync.pages(id, None, 100).await.unwrap();
    let told: Vec<_> = pages
        .iter()
        .map(|page| (page.page, page.counters.read, page.counters.added, page.requests, page.bytes))
        .collect();
    assert_eq!(told, [(1, 2, 2, 2, 10), (2, 1, 1, 2, 10), (3, 1, 0, 2, 10)]);
    assert_eq!(pages[2].counters.updated, 1);
    assert_eq!(pages[0].cursor_bytes, Some(1));
    assert_eq!(host.sync.pages(id, Some(2), 100).await.unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn lines_survive_a_crash_up_to_the_last_page() {
    let disk = Disk::default();
    let channel = ready(vec![connector("ticket")]);
    // The first commit puts the run on record, the next two are pages; the fourth dies.
    let engine = Mortal::on(&disk, Death::Before(3));
    let current = Current::default();
    let id = {
        let host = Host::on(&engine.store());
        let run = current.clone();
        let script = Script::new(move |step, ask| {
            let run = run.clone();
            Box::pin(async move {
                while run.0.lock().unwrap().is_none() {
                    tokio::task::yield_now().await;
                }
                say(run.get(), &format!("step {step}"));
                ok(page_of(&three_pages(), &ask))
            })
        });
        host.offer(&channel, &[("ticket", &script)]).await;
        let job = host.sync.request(all_of(&channel)).await.unwrap();
        current.set(job.runs[0].id);
        while !engine.is_dead() {
            tokio::task::yield_now().await;
        }
        host.kill().await;
        job.runs[0].id
    };
    let store = Mortal::on(&disk, Death::Never).store();
    let lines = words(&store.logs().list(id, None, 100).await.unwrap());
    let pages = store.pages().list(id, None, 100).await.unwrap();
    assert_eq!(pages.iter().map(|page| page.page).collect::<Vec<_>>(), [1, 2]);
    // The step that is read ahead may have spoken before the page before it landed.
    assert!(lines.len() >= 2, "{lines:?}");
    assert_eq!(lines[..2], ["0 guest step 0", "1 guest step 1"]);
    assert!(!lines.iter().any(|line| line.contains("run ended")), "{lines:?}");
}

#[tokio::test(start_paused = true)]
async fn lines_of_a_page_that_takes_an_hour_do_not_wait_for_its_end() {
    let host = Host::new();
    let endless = Script::endless();
    let channel = host.offer(&ready(vec![connector("ticket")]), &[("ticket", &endless)]).await;
    let job = host.sync.request(all_of(&channel)).await.unwrap();
    let id = job.runs[0].id;
    endless.begun(1).await;
    say(id, "still here");
    assert!(host.store.logs().list(id, None, 9).await.unwrap().is_empty());
    assert_eq!(words(&host.sync.log(id, None, 9).await.unwrap()), ["0 guest still here"], "read at once");
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(words(&host.store.logs().list(id, None, 9).await.unwrap()), ["0 guest still here"]);
    host.sync.cancel(id).await.unwrap();
    host.sync.wait(job.id).await.unwrap();
    let lines = words(&host.sync.log(id, None, 9).await.unwrap());
    assert_eq!(lines, ["0 guest still here", "1 host run ended"]);
}

#[tokio::test(start_paused = true)]
async fn who_listens_is_woken_by_a_line_and_by_the_end_and_not_by_other_runs() {
    let host = Host::new();
    let endless = Script::endless();
    let channel = host.offer(&ready(vec![connector("ticket")]), &[("ticket", &endless)]).await;
    let job = host.sync.request(all_of(&channel)).await.unwrap();
    let id = job.runs[0].id;
    endless.begun(1).await;
    // The opening row lands by then.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut ear = host.sync.listen(id);
    assert!(tokio::time::timeout(MINUTE, ear.changed()).await.is_err(), "nothing happens");
    let other = ready(vec![connector("ticket")]);
    let stranger = Run { id: RunId::new(), channel_id: other.channel.id, ..job.runs[0].clone() };
    let mut batch = Batch::default();
    batch.put_run(&stranger);
    host.store.commit(batch).await.unwrap();
    assert!(tokio::time::timeout(MINUTE, ear.changed()).await.is_err(), "nothing happens to this one");

    let began = tokio::time::Instant::now();
    say(id, "here");
    ear.changed().await;
    assert_eq!(began.elapsed(), Duration::ZERO, "before it is stored");
    let mut ear = host.sync.listen(id);
    host.sync.cancel(id).await.unwrap();
    tokio::time::timeout(MINUTE, ear.changed()).await.expect("the end is heard");
    host.sync.wait(job.id).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_failed_run_ends_its_log_with_the_reason_and_a_skipped_one_has_a_log_too() {
    let host = Host::new();
    let channel = ready(vec![connector("ticket"), after("comment", "ticket")]);
    let broken = Script::quick(|_, _| fails(Class::NotFound, "http.reset"));
    let fine = Script::stream(vec![]);
    let channel = host.offer(&channel, &[("ticket", &broken), ("comment", &fine)]).await;
    let runs = host.sync(&channel).await;
    assert_eq!(outcomes(&runs), ["ticket failed http.reset", "comment skipped run.dependency"]);
    for (run, status) in runs.iter().zip(["failed", "skipped"]) {
        let lines = host.sync.log(run.id, None, 9).await.unwrap();
        assert_eq!(words(&lines), ["0 host run ended"]);
        assert_eq!((lines[0].1.level, &lines[0].1.fields["status"]), (LineLevel::Warn, &status.into()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_line_about_a_run_that_is_over_is_not_kept() {
    let host = Host::new();
    let script = Script::stream(three_pages());
    let channel = host.offer(&ready(vec![connector("ticket")]), &[("ticket", &script)]).await;
    let runs = host.sync(&channel).await;
    host_line(runs[0].id, LineLevel::Info, "late".into(), Map::new());
    assert_eq!(words(&host.sync.log(runs[0].id, None, 9).await.unwrap()), ["0 host run ended"]);
}

#[tokio::test(start_paused = true)]
async fn a_log_stays_within_its_bounds_and_tells_what_is_missing() {
    let history = HistoryConfig { log_lines: 10, log_bytes: Size::kib(64), ..HistoryConfig::default() };
    let host = Host::with(Config { history, ..Config::default() }, Store::in_memory());
    let endless = Script::endless();
    let channel = host.offer(&ready(vec![connector("ticket")]), &[("ticket", &endless)]).await;
    let job = host.sync.request(all_of(&channel)).await.unwrap();
    let id = job.runs[0].id;
    endless.begun(1).await;
    (0..100).for_each(|line| say(id, &format!("line {line}")));
    host.sync.cancel(id).await.unwrap();
    host.sync.wait(job.id).await.unwrap();
    let lines = host.sync.log(id, None, 999).await.unwrap();
    assert_eq!(lines.len(), 9 + 2);
    assert_eq!(lines[9].1.fields["dropped"], 91);
}

#[tokio::test(start_paused = true)]
async fn a_run_tells_how_fast_it_goes_and_how_long_it_will_take() {
    let host = Host::new();
    let script = Script::new(|step, _| {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let mut page = page(&[&format!("a{step}@1=1"), &format!("b{step}@1=1")]);
            page.next = Some(step.to_string().into());
            page.more = true;
            page.total = Some(1_000);
            ok(page)
        })
    });
    let channel = host.offer(&ready(vec![connector("ticket")]), &[("ticket", &script)]).await;
    let job = host.sync.request(all_of(&channel)).await.unwrap();
    let id = job.runs[0].id;
    assert_eq!(host.sync.pace(id), None);
    tokio::time::sleep(Duration::from_millis(20_500)).await;
    let pace = host.sync.pace(id).expect("it goes on");
    assert!((1.5..2.5).contains(&pace.rate), "{pace:?}");
    let left = pace.left_ms.expect("the total is known");
    assert!((380_000..650_000).contains(&left), "{pace:?}");
    host.sync.cancel(id).await.unwrap();
    host.sync.wait(job.id).await.unwrap();
    assert_eq!(host.sync.pace(id), None, "it is over");
}

/// Ended runs of the channel, the first one the oldest; one a day, the last one a day ago.
async fn past(host: &Host, channel: &crate::sync::opener::Ready, statuses: &[Status]) -> Vec<Run> {
    let mut batch = Batch::default();
    let mut runs = Vec::new();
    for (at, status) in statuses.iter().enumerate() {
        let days = i64::try_from(statuses.len() - at).unwrap();
        let when = crate::model::Timestamp::from_millis(host.clock.now().as_millis() - days * 86_400_000);
        let mut id = RunId::new().to_bytes();
        id[..6].copy_from_slice(&when.as_millis().to_be_bytes()[2..]);
        let run = queued(channel, "ticket", when);
        let ended = status.has_ended().then_some(when);
        let run = Run { id: RunId::from_bytes(id), status: *status, ended, ..run };
        batch.put_run(&run);
        runs.push(run);
    }
    host.store.commit(batch).await.unwrap();
    runs
}

/// A host whose time is far enough from the beginning of time.
fn host_of_today() -> Host {
    let host = Host::new();
    host.clock.advance(Duration::from_secs(56 * 365 * 86_400));
    host
}

async fn left(host: &Host) -> usize {
    host.store.runs().list(None, None, 1_000).await.unwrap().len()
}

#[tokio::test(start_paused = true)]
async fn cleaning_removes_what_is_old_and_touches_nothing_else() {
    let host = host_of_today();
    let channel = ready(vec![connector("ticket")]);
    let (id, ticket) = (channel.channel.id, name("ticket"));
    // The runner closes what a killed host left behind before anything else.
    tokio::time::sleep(Duration::from_millis(1)).await;
    use Status::{Completed, Failed, Running};
    past(&host, &channel, &[[Running; 1].as_slice(), &[Failed; 3], &[Completed; 30], &[Failed; 3]].concat())
        .await;
    let mut batch = Batch::default();
    batch.put_cursor(id, &ticket, b"here");
    batch.add_due(id, &ticket, &DueKey { key: key("7"), stamp: 1 });
    host.store.commit(batch).await.unwrap();
    let gone: Arc<Mutex<Vec<RunId>>> = Arc::default();
    let hook = Arc::clone(&gone);
    host.sync.when_removed(move |runs| hook.lock().unwrap().extend_from_slice(runs));

    let keep = HistoryConfig::default().keep();
    let looked = host.sync.clean(keep, Cleaning::DryRun, MINUTE).await.unwrap();
    assert_eq!((left(&host).await, gone.lock().unwrap().len()), (37, 0), "a dry run changes nothing");
    let cleaned = host.sync.clean(keep, Cleaning::Remove, MINUTE).await.unwrap();
    assert_eq!(cleaned, looked);
    // 33 to 4 days ago, those of the last 7 days stay; failures of 36 to 34 days ago go.
    assert_eq!(cleaned, Cleaned { completed: 27, failed: 3, has_more: false });
    assert_eq!((left(&host).await, gone.lock().unwrap().len()), (7, 30));
    assert_eq!(host.store.runs().live().await.unwrap().len(), 1, "a run that goes on stays");
    assert_eq!(host.cursor(&channel, "ticket").await.as_deref(), Some("here"));
    assert_eq!(host.due(&channel, "ticket").await, ["7"]);

    let all = Keep { completed: Duration::ZERO, failed: Duration::ZERO };
    host.sync.clean(all, Cleaning::Remove, MINUTE).await.unwrap();
    assert_eq!(left(&host).await, 2, "the newest that ended stays, and the one that goes on");
}

#[tokio::test(start_paused = true)]
async fn history_is_cleaned_by_itself_from_the_start_and_every_hour() {
    let host = host_of_today();
    let channel = ready(vec![connector("ticket")]);
    past(&host, &channel, &[Status::Completed; 12]).await;
    let stop = CancellationToken::new();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(Cleaner::new(&host.sync).run(stop.clone()));
    tokio::time::sleep(MINUTE).await;
    assert_eq!(left(&host).await, 6);
    host.clock.advance(Duration::from_secs(86_400));
    tokio::time::sleep(MINUTE).await;
    assert_eq!(left(&host).await, 6, "not before the hour is over");
    tokio::time::sleep(60 * MINUTE).await;
    assert_eq!(left(&host).await, 5);
    stop.cancel();
    tokio::time::timeout(MINUTE, tasks.join_next()).await.expect("it stops").unwrap().unwrap();
}

#[tokio::test]
async fn runs_are_found_by_what_became_of_them() {
    let host = host_of_today();
    let channel = ready(vec![connector("ticket")]);
    use Status::{Cancelled, Completed, Failed};
    let runs = past(&host, &channel, &[Failed, Completed, Cancelled, Failed, Completed]).await;
    let find = async |search: Search| {
        let Found { runs: found, next } = host.sync.find(&search).await.unwrap();
        let place = |id: RunId| runs.iter().position(|run| run.id == id).unwrap();
        (found.iter().map(|run| place(run.id)).collect::<Vec<_>>(), next.map(place))
    };
    let failed = || Search { statuses: vec![Failed, Cancelled], limit: 10, ..Search::default() };
    assert_eq!(find(Search { limit: 2, ..Search::default() }).await, (vec![4, 3], Some(3)));
    assert_eq!(find(Search { limit: 5, ..Search::default() }).await, (vec![4, 3, 2, 1, 0], None));
    assert_eq!(find(failed()).await, (vec![3, 2, 0], None));
    assert_eq!(find(Search { limit: 1, ..failed() }).await, (vec![3], Some(3)));
    assert_eq!(find(Search { before: Some(runs[3].id), ..failed() }).await, (vec![2, 0], None));
    let days = |days: u64| Some(Duration::from_secs(days * 86_400));
    assert_eq!(find(Search { since: days(3), ..failed() }).await, (vec![3, 2], None));
    let of = |connector: &str| Search { connector: Some(name(connector)), limit: 10, ..Search::default() };
    assert_eq!(find(of("ticket")).await.0.len(), 5);
    assert_eq!(find(of("user")).await, (vec![], None));
    let other = ready(vec![connector("ticket")]).channel.id;
    assert_eq!(find(Search { channel: Some(other), limit: 9, ..Search::default() }).await, (vec![], None));
}

#[tokio::test]
async fn a_search_ends_in_time_and_says_where_to_go_on() {
    let host = host_of_today();
    let channel = ready(vec![connector("ticket")]);
    let statuses = [[Status::Failed].as_slice(), &[Status::Completed; 20_100]].concat();
    let runs = past(&host, &channel, &statuses).await;
    let failed = Search { statuses: vec![Status::Failed], limit: 5, ..Search::default() };
    let first = host.sync.find(&failed).await.unwrap();
    assert!(first.runs.is_empty() && first.next.is_some());
    let rest = host.sync.find(&Search { before: first.next, ..failed }).await.unwrap();
    assert_eq!((rest.runs, rest.next), (vec![runs[0].clone()], None));
}
