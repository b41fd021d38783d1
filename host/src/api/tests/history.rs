//! Logs, pages, and cleaning.

use super::{
    runs::{keep, run},
    *,
};
use crate::{
    model::{Counters, JobId, LineLevel, LineSource, Run, RunLine, RunPage, Status},
    store::LogEnd,
};

fn line(level: LineLevel, message: &str) -> RunLine {
    RunLine {
        at: Timestamp::from_millis(NOW),
        level,
        source: LineSource::Guest,
        message: message.into(),
        fields: json!({"page": 1}).as_object().cloned().expect("an object"),
    }
}

async fn log(host: &Host, run: RunId, from: u64, lines: &[RunLine]) {
    let mut batch = Batch::default();
    let end = LogEnd { next: from + lines.len() as u64, ..LogEnd::default() };
    batch.put_log_lines(run, from, lines, end);
    host.store.commit(batch).await.expect("committed");
}

fn messages(log: &Value) -> Vec<&str> {
    let items = log["items"].as_array().expect("items");
    items.iter().map(|line| line["message"].as_str().expect("a text")).collect()
}

#[tokio::test]
async fn a_log_is_read_in_parts_and_says_when_it_is_over() {
    let host = Host::new();
    let channel = host.channel("zen").await;
    let over = run(&channel, JobId::new(), Status::Completed);
    keep(&host, std::slice::from_ref(&over)).await;
    let lines = [
        line(LineLevel::Info, "one"),
        line(LineLevel::Debug, "two"),
        line(LineLevel::Warn, "three"),
        line(LineLevel::Error, "four"),
    ];
    log(&host, over.id, 0, &lines).await;
    let path = |more: &str| format!("/api/v1/runs/{}/logs?{more}", over.id);

    let first = host.get(&path("limit=3")).await.json();
    assert_eq!(
        (messages(&first), &first["next"], &first["done"]),
        (vec!["one", "two", "three"], &json!(2), &json!(false))
    );
    let rest = host.get(&path("limit=3&after=2")).await.json();
    assert_eq!((messages(&rest), &rest["next"], &rest["done"]), (vec!["four"], &json!(3), &json!(true)));
    let none = host.get(&path("after=3&wait=30s")).await.json();
    assert_eq!((messages(&none).len(), &none["done"]), (0, &json!(true)), "nobody waits for what is over");
    let grave = host.get(&path("level=warn&limit=1")).await.json();
    assert_eq!((messages(&grave), &grave["next"]), (vec!["three"], &json!(2)));
    assert_eq!(
        first["items"][0],
        json!({"line": 0, "at": "2026-01-01T00:00:00.000Z", "level": "info", "source": "guest",
               "message": "one", "fields": {"page": 1}})
    );
    host.get(&path("level=loud")).await.is_error(400, "invalid-data", "request.query");
    let unknown = format!("/api/v1/runs/{}/logs", RunId::new());
    host.get(&unknown).await.is_error(404, "not-found", "run.unknown");
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_lines_is_answered_when_they_come() {
    let host = Host::new();
    let channel = host.channel("zen").await;
    let going = run(&channel, JobId::new(), Status::Running);
    keep(&host, std::slice::from_ref(&going)).await;
    let path = |more: &str| format!("/api/v1/runs/{}/logs?{more}", going.id);
    for (wait, seconds) in [("0s", 0), ("7s", 7), ("1h", 60)] {
        let asked = tokio::time::Instant::now();
        let none = host.get(&path(&format!("wait={wait}"))).await.json();
        assert_eq!((messages(&none).len(), &none["done"]), (0, &json!(false)));
        assert_eq!(asked.elapsed().as_secs(), seconds, "{wait}");
    }

    let asked = tokio::time::Instant::now();
    let path_of_wait = path("wait=30s");
    let (answer, ()) = tokio::join!(host.get(&path_of_wait), async {
        tokio::time::sleep(std::time::Duration::from_secs(3)).await;
        log(&host, going.id, 0, &[line(LineLevel::Info, "here")]).await;
    });
    assert_eq!((messages(&answer.json()), asked.elapsed().as_secs()), (vec!["here"], 3));

    let asked = tokio::time::Instant::now();
    let path_of_wait = path("after=0&level=warn&wait=30s");
    let (answer, ()) = tokio::join!(host.get(&path_of_wait), async {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        log(&host, going.id, 1, &[line(LineLevel::Info, "not asked for")]).await;
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        keep(&host, &[Run { status: Status::Failed, ..going.clone() }]).await;
    });
    let answer = answer.json();
    assert_eq!((messages(&answer).len(), &answer["done"], &answer["next"]), (0, &json!(true), &json!(1)));
    assert_eq!(asked.elapsed().as_secs(), 2);
}

#[tokio::test]
async fn pages_are_listed_with_what_they_cost() {
    let host = Host::new();
    let channel = host.channel("zen").await;
    let over = run(&channel, JobId::new(), Status::Completed);
    keep(&host, std::slice::from_ref(&over)).await;
    let mut batch = Batch::default();
    for page in 1..=3 {
        let counters = Counters { read: 2, added: 2, ..Counters::default() };
        let at = Timestamp::from_millis(NOW);
        let page =
            RunPage { page, at, took_ms: 40, counters, requests: 1, bytes: 900, cursor_bytes: Some(8) };
        batch.put_page(over.id, &page);
    }
    host.store.commit(batch).await.expect("committed");
    let list = host.get(&format!("/api/v1/runs/{}/pages?limit=2", over.id)).await.json();
    assert_eq!(list["next"], "2");
    assert_eq!(
        list["items"][0],
        json!({"page": 1, "at": "2026-01-01T00:00:00.000Z", "took-ms": 40, "read": 2, "added": 2, "updated": 0,
               "unchanged": 0, "deleted": 0, "quarantined": 0, "requests": 1, "bytes": 900, "cursor-bytes": 8})
    );
    let rest = host.get(&format!("/api/v1/runs/{}/pages?after=2", over.id)).await.json();
    assert_eq!((rest["items"].as_array().map(Vec::len), &rest["next"]), (Some(1), &Value::Null));
    let unknown = format!("/api/v1/runs/{}/pages", RunId::new());
    host.get(&unknown).await.is_error(404, "not-found", "run.unknown");
}

#[tokio::test]
async fn history_is_cleaned_as_asked_for() {
    let host = Host::new();
    let channel = host.channel("zen").await;
    let past = |days: i64, status| {
        let when = NOW - days * 86_400_000;
        let mut id = RunId::new().to_bytes();
        id[..6].copy_from_slice(&when.to_be_bytes()[2..]);
        let ended = Some(Timestamp::from_millis(when));
        Run { id: RunId::from_bytes(id), ended, ..run(&channel, JobId::new(), status) }
    };
    keep(&host, &[past(9, Status::Completed), past(8, Status::Failed), past(1, Status::Completed)]).await;
    let clean = async |body: Value| host.post("/api/v1/runs/clean", &body).await.json();
    assert_eq!(
        clean(json!({"dry-run": true})).await,
        json!({"dry-run": true, "completed": 1, "failed": 0, "has-more": false})
    );
    assert_eq!(clean(json!({"failed-older": "8d"})).await["failed"], 1);
    assert_eq!(clean(json!({"completed-older": "0s"})).await["completed"], 0, "the newest stays");
    let refused = host.post("/api/v1/runs/clean", &json!({"failed-older": "long"})).await;
    refused.is_error(400, "invalid-data", "request.body");
}

#[tokio::test]
async fn runs_are_searched_by_status_connector_and_age() {
    let host = Host::new();
    let channel = host.channel("zen").await;
    let mut runs: Vec<Run> = [Status::Failed, Status::Completed, Status::Cancelled]
        .map(|status| run(&channel, JobId::new(), status))
        .to_vec();
    runs[0].requested = Timestamp::from_millis(NOW - 7_200_000);
    runs[2].connector = named("user");
    keep(&host, &runs).await;
    let found = async |query: &str| {
        let list = host.get(&format!("/api/v1/runs?{query}")).await.json();
        let items = list["items"].as_array().cloned().expect("items");
        items.iter().map(|run| run["status"].as_str().expect("a status").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(found("status=failed,cancelled").await, ["cancelled", "failed"]);
    assert_eq!(found("status=failed,cancelled&since=1h").await, ["cancelled"]);
    assert_eq!(found("connector=ticket").await, ["completed", "failed"]);
    assert_eq!(found("connector=user&channel=zen").await, ["cancelled"]);
    host.get("/api/v1/runs?status=broken").await.is_error(400, "invalid-data", "request.query");
}
