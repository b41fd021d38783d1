//! A collector on loopback that understands what it gets, and one that is away.

use super::*;
use crate::metrics;
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use opentelemetry_proto::tonic::{
    collector::{metrics::v1::ExportMetricsServiceRequest, trace::v1::ExportTraceServiceRequest},
    common::v1::any_value::Value,
    trace::v1::Span as Sent,
};
use prost::Message;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{net::TcpListener, sync::Notify, task::JoinSet};
use tracing::{Dispatch, Instrument, instrument::WithSubscriber};
use tracing_subscriber::layer::SubscriberExt;

/// What came, by signal.
#[derive(Clone, Default)]
struct Collector {
    traces: Arc<Mutex<Vec<ExportTraceServiceRequest>>>,
    metrics: Arc<Mutex<Vec<ExportMetricsServiceRequest>>>,
    headers: Arc<Mutex<HeaderMap>>,
    /// Answers to give before the good ones.
    refusals: Arc<Mutex<Vec<u16>>>,
    came: Arc<Notify>,
}

impl Collector {
    async fn start(&self, tasks: &mut JoinSet<()>) -> Endpoint {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let router = Router::new()
            .route("/v1/traces", post(traces))
            .route("/v1/metrics", post(take_metrics))
            .with_state(self.clone());
        tasks.spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Endpoint::try_from(url).expect("an endpoint")
    }

    fn verdict(&self) -> StatusCode {
        let refusal = self.refusals.lock().expect("no panic").pop();
        refusal.map_or(StatusCode::OK, |status| StatusCode::from_u16(status).expect("a status"))
    }

    fn spans(&self) -> Vec<Sent> {
        let requests = self.traces.lock().expect("no panic");
        let resources = requests.iter().flat_map(|request| &request.resource_spans);
        resources.flat_map(|resource| &resource.scope_spans).flat_map(|scope| scope.spans.clone()).collect()
    }
}

async fn traces(State(collector): State<Collector>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let verdict = collector.verdict();
    if verdict.is_success() {
        let request = ExportTraceServiceRequest::decode(body).expect("a message");
        collector.traces.lock().expect("no panic").push(request);
        *collector.headers.lock().expect("no panic") = headers;
    }
    collector.came.notify_one();
    verdict
}

async fn take_metrics(State(collector): State<Collector>, body: Bytes) -> StatusCode {
    let request = ExportMetricsServiceRequest::decode(body).expect("a message");
    collector.metrics.lock().expect("no panic").push(request);
    StatusCode::OK
}

fn exporter(config: &Config) -> Exporter {
    Exporter::build(config, &broker::Config::default()).expect("usable").expect("an endpoint")
}

/// Spans as a run makes them.
async fn a_run() {
    let job = tracing::info_span!("job", job.id = "J1", channel.name = "acme");
    let run = tracing::info_span!(parent: &job, "run", run.id = "R1");
    async {
        tracing::debug_span!("step", plugin = "zendesk")
            .in_scope(|| tracing::info!(pages = 3, "page committed"))
    }
    .instrument(run)
    .await;
    tracing::trace_span!("too-fine").in_scope(|| ());
}

fn text<'a>(
    attributes: &'a [opentelemetry_proto::tonic::common::v1::KeyValue],
    key: &str,
) -> Option<&'a str> {
    let attribute = attributes.iter().find(|attribute| attribute.key == key)?;
    match attribute.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text),
        _ => None,
    }
}

#[tokio::test]
async fn a_stopping_host_hands_its_spans_and_metrics_to_the_collector() {
    let (collector, mut tasks) = (Collector::default(), JoinSet::new());
    let folder = tempfile::tempdir().expect("a folder");
    let headers = folder.path().join("headers");
    std::fs::write(&headers, "x-token: hunter2").expect("written");
    rustix::fs::chmod(&headers, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).expect("its mode");
    let config = Config {
        endpoint: Some(collector.start(&mut tasks).await),
        headers_file: Some(headers),
        service_name: "harbour".into(),
        ..Config::default()
    };
    let exporter = exporter(&config);
    let subscriber = tracing_subscriber::registry().with(exporter.layer());
    a_run().with_subscriber(subscriber).await;
    metrics::lease_lost();
    let stop = CancellationToken::new();
    stop.cancel();
    exporter.run(stop).await;

    let mut spans = collector.spans();
    spans.sort_by(|a, b| a.name.cmp(&b.name));
    let names: Vec<_> = spans.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names, ["job", "run", "step"]);
    assert_eq!(spans[1].parent_span_id, spans[0].span_id);
    assert_eq!(spans[2].parent_span_id, spans[1].span_id);
    assert_eq!(text(&spans[0].attributes, "channel.name"), Some("acme"));
    assert_eq!(text(&spans[1].attributes, "run.id"), Some("R1"));
    assert_eq!(spans[2].events[0].name, "page committed");
    let traces = collector.traces.lock().expect("no panic").clone();
    let resource = traces[0].resource_spans[0].resource.as_ref().expect("a resource");
    assert_eq!(text(&resource.attributes, "service.name"), Some("harbour"));
    assert_eq!(collector.headers.lock().expect("no panic")["x-token"], "hunter2");

    let pushed = collector.metrics.lock().expect("no panic").clone();
    let resource = pushed[0].resource_metrics[0].resource.as_ref().expect("a resource");
    assert_eq!(text(&resource.attributes, "service.name"), Some("harbour"));
    let metrics: Vec<_> = pushed[0].resource_metrics[0].scope_metrics[0]
        .metrics
        .iter()
        .map(|metric| metric.name.as_str())
        .collect();
    assert!(metrics.contains(&"tidegate_leases_lost_total"), "{metrics:?}");
}

#[tokio::test]
async fn a_batch_that_is_refused_for_now_is_sent_again_and_one_that_is_refused_for_good_is_not() {
    let (collector, mut tasks) = (Collector::default(), JoinSet::new());
    let config =
        Config { endpoint: Some(collector.start(&mut tasks).await), metrics: false, ..Config::default() };
    let mut exporter = exporter(&config);
    exporter.push.linger = Duration::from_millis(10);
    let spans = Dispatch::new(tracing_subscriber::registry().with(exporter.layer()));
    *collector.refusals.lock().expect("no panic") = vec![400, 503];
    let stop = CancellationToken::new();
    let run = exporter.run(stop.clone());
    tokio::pin!(run);
    let mut next_post = async || {
        tokio::select! {
            () = &mut run => panic!("it was not stopped"),
            () = collector.came.notified() => {}
        }
    };
    a_run().with_subscriber(spans.clone()).await;
    next_post().await;
    next_post().await;
    assert!(collector.refusals.lock().expect("no panic").is_empty(), "the same spans came twice");
    a_run().with_subscriber(spans).await;
    next_post().await;
    assert_eq!(collector.spans().len(), 3, "those of the second run alone");
    stop.cancel();
    run.await;
    assert!(collector.metrics.lock().expect("no panic").is_empty(), "metrics are not wanted");
}

#[tokio::test]
async fn a_collector_that_is_away_costs_spans_and_nothing_else() {
    let gone = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let endpoint = format!("http://{}", gone.local_addr().expect("an address"));
    drop(gone);
    let config = Config { endpoint: Endpoint::try_from(endpoint).ok(), ..Config::default() };
    let exporter = exporter(&config);
    let subscriber = tracing_subscriber::registry().with(exporter.layer());
    // Far more than there is room for; nobody takes any.
    async {
        for _ in 0..queue::ROOM * 2 {
            a_run().await;
        }
    }
    .with_subscriber(subscriber)
    .await;
    let stop = CancellationToken::new();
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(20), exporter.run(stop)).await.expect("it ends");
    let text = metrics::exposition();
    let dropped = text.lines().find_map(|line| line.strip_prefix("tidegate_spans_dropped_total "));
    assert!(dropped.expect("shown").parse::<u64>().expect("a number") >= 2_048, "{dropped:?}");
}

#[test]
fn nothing_is_built_without_an_endpoint() {
    let built = Exporter::build(&Config::default(), &broker::Config::default());
    assert!(built.expect("fine").is_none());
}

#[test]
fn a_share_is_between_none_and_all() {
    for good in [0.0, 0.25, 1.0] {
        assert_eq!(Ratio::try_from(good).map(Ratio::get), Ok(good));
    }
    for bad in [-0.1, 1.1, f64::NAN] {
        assert!(Ratio::try_from(bad).is_err(), "{bad}");
    }
}
