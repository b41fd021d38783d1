//! What a host tells of itself: figures to a scraper, lines to the log, spans to a collector.

use crate::stage::{CHANNEL, Stage};
use hyper::StatusCode;
use serde_json::Value;
use std::sync::{Arc, Mutex};
use tests::{
    vendor::{Answer, App, Options, Request, Vendor},
    wait,
    zendesk::{Builder, Zendesk},
};

fn small() -> Builder {
    Zendesk::builder().users(2).tickets(40).comments_per_ticket(0)
}

/// What a collector was sent.
#[derive(Clone, Default)]
struct Sent(Arc<Mutex<Vec<Request>>>);

impl App for Sent {
    fn answer(&self, request: &Request) -> Answer {
        self.0.lock().expect("no panic").push(request.clone());
        Answer::empty(StatusCode::OK)
    }

    fn control(&self, _path: &str, _request: &Request) -> Option<Answer> {
        None
    }

    fn control_help(&self) -> &'static str {
        ""
    }

    fn words_for(&self, status: StatusCode) -> Answer {
        Answer::empty(status)
    }

    fn kind_of(&self, path: &str) -> String {
        path.to_owned()
    }
}

impl Sent {
    /// Whether a message to `path` has the text in it. Protobuf leaves texts as they are.
    fn has(&self, path: &str, text: &str) -> bool {
        let sent = self.0.lock().expect("no panic");
        let found = |body: &[u8]| body.windows(text.len()).any(|window| window == text.as_bytes());
        sent.iter().any(|request| request.path == path && found(&request.body))
    }
}

/// `GET` on the host; status and body.
pub(crate) fn get(stage: &Stage, path: &str) -> (u16, String) {
    let url = format!("{}{path}", stage.host.url().expect("it runs"));
    let run_time = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a run time");
    run_time.block_on(async {
        let answer = http().get(url).send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("text"))
    })
}

fn http() -> reqwest::Client {
    // It speaks plain HTTP only, but wants to know how TLS would go.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().expect("a client")
}

#[test]
fn a_sync_is_seen_by_the_scraper_the_log_and_the_collector() {
    let sent = Sent::default();
    let app = sent.clone();
    let collector = Vendor::start(Options::default(), |_| Arc::new(app)).expect("a collector");
    let config = format!(
        "[log]\nformat = \"json\"\n[telemetry.otlp]\nendpoint = \"{}\"\ninterval = \"1s\"\n",
        collector.url()
    );
    let mut stage = Stage::with_config(small(), &config);
    assert_eq!(get(&stage, "/readyz"), (200, r#"{"status":"ready"}"#.to_owned()));
    let job = stage.sync(&["--connector", "ticket"]);
    job.expect_status("ticket", "completed");

    let origin = stage.fake.url();
    let lines = [
        r#"tidegate_records_total{channel_type="zendesk",connector="ticket",outcome="added"} 40"#,
        r#"tidegate_runs_total{channel_type="zendesk",connector="ticket",status="completed"} 1"#,
        "tidegate_runs_running 0",
        &format!(r#"tidegate_requests_total{{origin="{origin}",status="200"}} 1"#),
    ];
    // The run is shown as ended a moment before it is counted.
    let scraped = wait::until("the figures of the run", wait::PATIENCE, || {
        let (status, text) = get(&stage, "/metrics");
        assert_eq!(status, 200);
        Ok(lines.iter().all(|line| text.lines().any(|shown| shown == *line)).then_some(text))
    });
    let text = scraped.unwrap_or_else(|error| panic!("{error:#}: {}", get(&stage, "/metrics").1));
    for name in ["tidegate_guest_memory_peak_bytes{plugin=\"zendesk\"} ", "process_resident_memory_bytes "] {
        assert!(text.lines().any(|shown| shown.starts_with(name)), "{name} in\n{text}");
    }

    stage.host.stop().expect("it stops");
    let run = job.run("ticket")["id"].as_str().expect("an id").to_owned();
    let log = stage.host.log();
    let lines: Vec<Value> =
        log.lines().map(|line| serde_json::from_str(line).expect("a document a line")).collect();
    for message in ["run started", "run ended"] {
        let line = lines.iter().find(|line| line["message"] == message).expect(message);
        assert_eq!((&line["run.id"], &line["channel.name"]), (&run.as_str().into(), &CHANNEL.into()));
        assert!(line["job.id"].is_string() && line["connector"] == "ticket", "{line}");
    }
    for name in ["job", "run", "step", "request", &run] {
        assert!(sent.has("/v1/traces", name), "{name}");
    }
    assert!(sent.has("/v1/metrics", "tidegate_records_total"));
}

#[test]
fn a_collector_that_is_away_is_in_nobody_s_way() {
    // Nobody listens on port 1.
    let config = "[telemetry.otlp]\nendpoint = \"http://127.0.0.1:1\"\ninterval = \"1s\"\n";
    let mut stage = Stage::with_config(small(), config);
    assert_eq!(stage.sync(&["--connector", "ticket"]).exit, Some(0));
    let told = "the collector does not take traces and metrics";
    wait::until("the log to tell", wait::PATIENCE, || Ok(stage.host.log().contains(told).then_some(())))
        .expect("told");
    assert!(stage.host.stop().expect("it stops").success());
    assert_eq!(stage.host.log().matches(told).count(), 1, "it is told once");
}
