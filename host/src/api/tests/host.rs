//! The host itself, and where it may listen.

use super::*;

#[test]
fn only_loopback_addresses_are_listened_on() {
    let check =
        |listen: &str| Config { listen: listen.parse().expect(listen), ..Config::default() }.check_listen();
    for good in ["127.0.0.1:7070", "127.8.8.8:0", "[::1]:1"] {
        assert_eq!(check(good), Ok(()), "{good}");
    }
    for bad in ["0.0.0.0:7070", "[::]:7070", "10.0.0.1:80", "[::ffff:127.0.0.1]:1"] {
        assert!(check(bad).expect_err(bad).contains("no login yet"), "{bad}");
    }
}

#[tokio::test]
async fn health_names_the_program_and_its_process() {
    let health = Host::new().get("/healthz").await.json();
    assert_eq!(health["program"], "tidegate");
    assert_eq!(health["pid"], std::process::id());
    assert_eq!(health["status"], "ok");
}

#[tokio::test]
async fn the_configuration_and_the_diagnosis_are_shown() {
    let host = Host::new();
    assert_eq!(
        host.get("/api/v1/config").await.json(),
        json!({"file": null, "flags": ["--data"], "key": "file", "config": {"data": "/d"}})
    );
    assert_eq!(
        host.get("/api/v1/doctor").await.json(),
        json!({"ok": false, "items": [
            {"name": "disk", "level": "fail", "message": "full", "advice": "make room"}
        ]})
    );
}

#[tokio::test]
async fn an_inspected_file_is_judged_and_leaves_nothing_behind() {
    let host = Host::new();
    let upload = request("POST", "/api/v1/plugins/inspect?file=notes.wasm")
        .body(Body::from("this is no component"))
        .expect("a request");
    let inspection = host.send(upload).await.json();
    assert_eq!(inspection["plugin"]["file"], "notes.wasm");
    assert_eq!(inspection["plugin"]["status"], "refused");
    assert!(inspection["plugin"]["error"]["code"].is_string(), "{inspection}");
    assert_eq!(inspection["manifest"], Value::Null);
    let scratch = host.folder.path().join("scratch");
    assert_eq!(std::fs::read_dir(scratch).expect("a folder").count(), 0);
    assert_eq!(host.get("/api/v1/plugins").await.json(), json!({"items": []}));
}

#[tokio::test]
async fn a_host_is_ready_when_nothing_is_in_the_way() {
    let host = Host::new();
    let answer = host.get("/readyz").await;
    assert_eq!((answer.status, answer.json()), (StatusCode::OK, json!({"status": "ready"})));
    host.reasons.lock().expect("no panic").push(view::Reason::new("store", "it does not answer"));
    let answer = host.get("/readyz").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        answer.json(),
        json!({"status": "not-ready", "reasons": [{"code": "store", "message": "it does not answer"}]})
    );
}

#[tokio::test]
async fn a_scrape_gets_text_that_prometheus_reads() {
    let host = Host::new();
    host.channel("acme").await;
    let answer = host.get("/metrics").await;
    assert_eq!(answer.headers[header::CONTENT_TYPE], "text/plain; version=0.0.4; charset=utf-8");
    let text = answer.text();
    assert!(text.contains("# TYPE tidegate_store_commits_total counter\n"), "{text}");
    assert!(text.contains("\ntidegate_store_commits_total{outcome=\"landed\"} "), "{text}");
    assert!(!text.contains("acme"), "no channel's name is a label");
}
