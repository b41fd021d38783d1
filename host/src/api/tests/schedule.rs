//! Schedules, and the options of channels that stand beside them.

use super::*;
use crate::model::{Class, Paused};
use std::time::Duration;

async fn edit(host: &Host, name: &str, body: Value) -> Answer {
    host.with_body("PATCH", &format!("/api/v1/channels/{name}"), &body).await
}

async fn next(host: &Host, query: &str) -> Vec<Value> {
    let answer = host.get(&format!("/api/v1/schedule/next{query}")).await;
    answer.json()["items"].as_array().expect("items").clone()
}

#[tokio::test]
async fn options_are_changed_one_by_one_and_shown() {
    let host = Host::new();
    host.channel("zen").await;
    let body = json!({
        "schedule": {"cron": "0 * * * *", "time-zone": "europe/vienna", "quiet": "22:00-06:00"},
        "parallel": 4,
        "vanished": "keep",
    });
    let shown = edit(&host, "zen", body).await.json();
    let schedule = json!({"cron": "0 * * * *", "time-zone": "Europe/Vienna", "quiet": "22:00-06:00"});
    assert_eq!((&shown["schedule"], &shown["parallel"]), (&schedule, &json!(4)));
    assert_eq!(shown["vanished"], "keep");

    let shown = edit(&host, "zen", json!({"schedule": {"every": "15m", "quiet": null}})).await.json();
    assert_eq!(shown["schedule"], json!({"every": "15m", "time-zone": "Europe/Vienna"}));
    let shown = edit(&host, "zen", json!({"schedule": {"manual": true, "time-zone": null}})).await.json();
    assert_eq!(shown["schedule"], json!({"manual": true}));
    let shown = edit(&host, "zen", json!({"schedule": {"default": true}})).await.json();
    assert_eq!(shown["schedule"], json!({"every": "5m", "default": true}));
    assert_eq!((&shown["parallel"], &shown["vanished"]), (&json!(4), &json!("keep")));
}

#[tokio::test]
async fn options_that_make_no_sense_are_refused_with_their_place() {
    let host = Host::new();
    host.channel("zen").await;
    for (body, place) in [
        (json!({"schedule": {"every": "1s"}}), "/schedule/every"),
        (json!({"schedule": {"cron": "0 0 30 2 *"}}), "/schedule/cron"),
        (json!({"schedule": {"time-zone": "Mars/Base"}}), "/schedule/time-zone"),
        (json!({"schedule": {"quiet": "at night"}}), "/schedule/quiet"),
        (json!({"schedule": {"every": "1h", "manual": true}}), "/schedule"),
        (json!({"schedule": {"evry": "1h"}}), "/schedule/evry"),
        (json!({"parallel": 17}), "/parallel"),
        (json!({"vanished": "burn"}), "/vanished"),
    ] {
        let answer = edit(&host, "zen", body.clone()).await;
        answer.is_error(400, "invalid-data", "request.body");
        assert_eq!(answer.json()["error"]["fields"][0]["field"], place, "{body}");
    }
}

#[tokio::test]
async fn a_paused_channel_says_why_until_it_is_enabled() {
    let host = Host::new();
    let channel = host.channel("zen").await;
    let paused = Paused {
        since: Timestamp::from_millis(NOW),
        class: Class::Auth,
        code: "http.status.401".into(),
        message: "the remote system refuses the credentials".into(),
    };
    let after = Channel { paused: Some(paused), revision: 2, ..channel.clone() };
    host.store.channels().update(&channel, &after).await.expect("written");

    let shown = host.get("/api/v1/channels/zen").await.json();
    let reason = json!({
        "since": "2026-01-01T00:00:00.000Z",
        "class": "auth",
        "code": "http.status.401",
        "message": "the remote system refuses the credentials",
    });
    assert_eq!((&shown["enabled"], &shown["paused"]), (&json!(true), &reason));
    assert_eq!(shown["paused-because"], reason["message"]);
    let planned = next(&host, "").await.remove(0);
    assert_eq!((&planned["idle"], &planned["paused-because"]), (&json!("paused"), &reason["message"]));

    let on = host.post("/api/v1/channels/zen/enable", &json!({})).await.json();
    assert_eq!((&on["paused"], &on["paused-because"]), (&Value::Null, &Value::Null));
    assert_eq!(next(&host, "").await[0]["next"], json!(["2026-01-01T00:00:10.000Z"]));
}

#[tokio::test]
async fn the_channels_that_are_due_next_come_first() {
    let host = Host::new();
    for (name, schedule) in [
        ("hand", json!({"manual": true})),
        ("late", json!({"cron": "0 3 * * *"})),
        ("soon", json!({"every": "1h"})),
        ("off", json!({})),
    ] {
        let channel = host.channel(name).await;
        edit(&host, name, json!({"schedule": schedule})).await;
        let mut batch = Batch::default();
        batch.put_tick(channel.id, Timestamp::from_millis(NOW + 20_000));
        host.store.commit(batch).await.expect("committed");
    }
    host.post("/api/v1/channels/off/disable", &json!({})).await;
    host.clock.advance(Duration::from_secs(30));
    let planned = next(&host, "").await;
    let names: Vec<_> = planned.iter().map(|item| item["channel"].as_str().expect("a name")).collect();
    assert_eq!(names, ["soon", "late", "hand", "off"]);
    assert_eq!(planned[1]["next"], json!(["2026-01-01T03:00:00.000Z"]));
    assert_eq!((&planned[2]["idle"], &planned[2]["next"]), (&json!("manual"), &json!([])));
    assert_eq!(planned[3]["idle"], "disabled");
    assert_eq!(planned[1]["last"], "2026-01-01T00:00:20.000Z");
    assert_eq!(next(&host, "?limit=1").await.len(), 1);

    let times = next(&host, "?channel=late&limit=3").await.remove(0);
    assert_eq!(
        times["next"],
        json!(["2026-01-01T03:00:00.000Z", "2026-01-02T03:00:00.000Z", "2026-01-03T03:00:00.000Z"])
    );
    host.get("/api/v1/schedule/next?channel=none").await.is_error(404, "not-found", "channel.unknown");
}

#[tokio::test]
async fn the_whole_schedule_is_paused_and_goes_on() {
    let host = Host::new();
    host.channel("zen").await;
    let plain = json!({"every": "5m", "first-run-after": "10s", "paused": false});
    assert_eq!(host.get("/api/v1/schedule").await.json(), plain);
    let paused = json!({
        "every": "5m", "first-run-after": "10s", "paused": true, "held-by": "person",
        "since": "2026-01-01T00:00:00.000Z", "reason": "a new disk",
    });
    assert_eq!(host.post("/api/v1/schedule/pause", &json!({"reason": " a new disk "})).await.json(), paused);
    assert_eq!(host.get("/api/v1/schedule").await.json(), paused);
    let planned = next(&host, "").await.remove(0);
    assert_eq!((&planned["idle"], &planned["next"]), (&json!("maintenance"), &json!([])));
    for _ in 0..2 {
        assert_eq!(host.post("/api/v1/schedule/resume", &json!({})).await.json(), plain);
    }
    assert_eq!(next(&host, "").await[0]["idle"], Value::Null);
    host.post("/api/v1/schedule/pause", &json!({"why": "x"})).await.is_error(
        400,
        "invalid-data",
        "request.body",
    );
}
