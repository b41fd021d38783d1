//! Runs as history keeps them.

use super::*;
use crate::model::{Class, Counters, Direction, Failure, JobId, Run, Status, Trigger, Usage};

pub(super) fn run(channel: &Channel, job: JobId, status: Status) -> Run {
    let time = Timestamp::from_millis(NOW);
    Run {
        id: RunId::new(),
        job,
        channel_id: channel.id,
        channel: channel.name.clone(),
        connector: named("ticket"),
        direction: Direction::Import,
        trigger: Trigger::Request,
        full: false,
        record: false,
        status,
        order: 0,
        deferred: None,
        tries: 0,
        begun: true,
        requested: time,
        started: Some(time),
        ended: Some(time),
        pages: 1,
        counters: Counters { read: 2, added: 2, ..Counters::default() },
        total: None,
        error: (status == Status::Failed).then(|| Failure::new(Class::Auth, "http.status.401", "no")),
        usage: Usage { requests: 3, ..Usage::default() },
    }
}

pub(super) async fn keep(host: &Host, runs: &[Run]) {
    let mut batch = Batch::default();
    runs.iter().for_each(|run| batch.put_run(run));
    host.store.commit(batch).await.expect("committed");
}

#[tokio::test]
async fn a_run_has_the_fields_that_scripts_rely_on() {
    let host = Host::new();
    let channel = host.channel("zen").await;
    let failed = run(&channel, JobId::new(), Status::Failed);
    keep(&host, std::slice::from_ref(&failed)).await;
    let shown = host.get(&format!("/api/v1/runs/{}", failed.id)).await.json();
    for (field, value) in [
        ("id", json!(failed.id.to_string())),
        ("channel", json!("zen")),
        ("connector", json!("ticket")),
        ("direction", json!("import")),
        ("status", json!("failed")),
        ("trigger", json!("request")),
        ("started", json!("2026-01-01T00:00:00.000Z")),
        ("ended", json!("2026-01-01T00:00:00.000Z")),
        ("error", json!({"class": "auth", "code": "http.status.401", "message": "no"})),
        (
            "counters",
            json!({"read": 2, "added": 2, "updated": 0, "unchanged": 0, "deleted": 0, "quarantined": 0, "vanished": 0}),
        ),
    ] {
        assert_eq!(shown[field], value, "{field}");
    }
    assert_eq!(shown["usage"]["requests"], 3);
}

#[tokio::test]
async fn history_is_listed_newest_first_and_by_channel() {
    let host = Host::new();
    let (zen, other) = (host.channel("zen").await, host.channel("other").await);
    let runs: Vec<_> = [&zen, &other, &zen]
        .into_iter()
        .map(|channel| run(channel, JobId::new(), Status::Completed))
        .collect();
    keep(&host, &runs).await;
    let ids = |list: &Value| {
        list["items"].as_array().expect("items").iter().map(|run| run["id"].clone()).collect::<Vec<_>>()
    };
    let id = |place: usize| json!(runs[place].id.to_string());

    let all = host.get("/api/v1/runs?limit=2").await.json();
    assert_eq!((ids(&all), &all["next"]), (vec![id(2), id(1)], &id(1)));
    let rest = host.get(&format!("/api/v1/runs?limit=2&after={}", runs[1].id)).await.json();
    assert_eq!((ids(&rest), &rest["next"]), (vec![id(0)], &Value::Null));
    assert_eq!(ids(&host.get("/api/v1/runs?channel=zen").await.json()), [id(2), id(0)]);
    host.get("/api/v1/runs?channel=none").await.is_error(404, "not-found", "channel.unknown");

    let detail = host.get("/api/v1/channels/zen").await.json();
    assert_eq!(detail["last-run"]["id"], id(2));
    assert_eq!(detail["connector-states"][0]["last-run"]["id"], id(2));
}

#[tokio::test]
async fn a_job_is_the_runs_of_one_request() {
    let host = Host::new();
    let channel = host.channel("zen").await;
    let job = JobId::new();
    let runs = [
        run(&channel, job, Status::Completed),
        run(&channel, job, Status::Failed),
        run(&channel, JobId::new(), Status::Completed),
    ];
    keep(&host, &runs).await;
    let shown = host.get(&format!("/api/v1/jobs/{job}?wait=30s")).await.json();
    assert_eq!((&shown["job"], &shown["ended"]), (&json!(job.to_string()), &json!(true)));
    assert_eq!(shown["runs"][0]["id"], runs[0].id.to_string());
    assert_eq!(shown["runs"][1]["id"], runs[1].id.to_string());
    assert_eq!(shown["runs"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn what_is_not_there_or_over_is_told() {
    let host = Host::new();
    let channel = host.channel("zen").await;
    let over = run(&channel, JobId::new(), Status::Completed);
    keep(&host, std::slice::from_ref(&over)).await;
    let (run, job) = (RunId::new(), JobId::new());
    host.get(&format!("/api/v1/runs/{run}")).await.is_error(404, "not-found", "run.unknown");
    host.get(&format!("/api/v1/jobs/{job}")).await.is_error(404, "not-found", "job.unknown");
    host.get("/api/v1/runs/first").await.is_error(400, "invalid-data", "request.id");
    let cancel = |id: RunId| format!("/api/v1/runs/{id}/cancel");
    host.post(&cancel(run), &json!({})).await.is_error(404, "not-found", "run.unknown");
    host.post(&cancel(over.id), &json!({})).await.is_error(409, "conflict", "run.over");
}

#[tokio::test(start_paused = true)]
async fn who_waits_is_answered_in_time_and_when_the_host_stops() {
    let host = Host::new();
    let channel = host.channel("zen").await;
    let left = run(&channel, JobId::new(), Status::Running);
    keep(&host, std::slice::from_ref(&left)).await;
    let path = |wait: &str| format!("/api/v1/jobs/{}?wait={wait}", left.job);
    for (wait, seconds) in [("0s", 0), ("7s", 7), ("1h", 60)] {
        let asked = tokio::time::Instant::now();
        let shown = host.get(&path(wait)).await.json();
        assert_eq!(shown["ended"], false);
        assert_eq!(asked.elapsed().as_secs(), seconds, "{wait}");
    }
    host.stop.cancel();
    let asked = tokio::time::Instant::now();
    assert_eq!(host.get(&path("30s")).await.json()["ended"], false);
    assert_eq!(asked.elapsed().as_secs(), 0, "a host that stops keeps nobody waiting");
}

#[tokio::test]
async fn a_dry_run_has_a_route_of_its_own_and_starts_no_job() {
    let host = Host::new();
    host.channel("zen").await;
    let dry = host.post("/api/v1/channels/zen/dry-run", &json!({"connectors": ["ticket"], "limit": 5})).await;
    dry.is_error(422, "config", "plugin.missing");
    let unknown = host.post("/api/v1/channels/nobody/dry-run", &json!({})).await;
    unknown.is_error(404, "not-found", "channel.unknown");
    let other = host.post("/api/v1/channels/zen/sync", &json!({"dry-run": true})).await;
    other.is_error(400, "invalid-data", "request.body");
    assert_eq!(host.get("/api/v1/runs").await.json()["items"], json!([]));
}
