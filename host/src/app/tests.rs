//! A whole host without plugins, on a folder and a port of its own.

use super::*;
use crate::config::{Flags, Source};
use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use std::{io, net::TcpStream, path::Path};
use tower::ServiceExt;

fn setup(data: &Path) -> Setup {
    let config = Config {
        data: data.to_owned(),
        api: api::Config { listen: SocketAddr::from(([127, 0, 0, 1], 0)), ..api::Config::default() },
        ..Config::default()
    };
    Setup {
        loaded: Loaded { config, source: Source::default() },
        key: None,
        clock: Clock::system(),
        compiler: None,
    }
}

async fn status(app: &App, path: &str) -> StatusCode {
    let request = Request::get(path).header(header::HOST, "localhost");
    let request = request.body(Body::empty()).expect("a request");
    app.router().oneshot(request).await.expect("infallible").status()
}

#[tokio::test]
async fn a_host_tells_where_it_answers_and_takes_it_back() {
    let home = tempfile::tempdir().expect("a folder");
    let data = home.path().join("data");
    let mut app = App::build(setup(&data)).expect("a host");
    assert_eq!(Presence::read(&data), None, "not before it answers");

    let address = app.serve().await.expect("served");
    assert_eq!(Presence::read(&data), Some(Presence::of(address)));
    TcpStream::connect(address).expect("somebody listens");

    assert!(app.stop().await.is_empty(), "everything ends by itself");
    assert_eq!(Presence::read(&data), None);
    let refused = TcpStream::connect(address).expect_err("nobody listens");
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    assert_eq!(status(&app, "/api/v1/runs").await, StatusCode::OK, "the router still answers");
}

#[tokio::test]
async fn a_host_is_ready_while_it_serves() {
    let home = tempfile::tempdir().expect("a folder");
    let mut app = App::build(setup(&home.path().join("data"))).expect("a host");
    assert_eq!(status(&app, "/readyz").await, StatusCode::SERVICE_UNAVAILABLE, "not yet");
    app.serve().await.expect("served");
    assert_eq!(status(&app, "/readyz").await, StatusCode::OK);
    app.stop().await;
    assert_eq!(status(&app, "/readyz").await, StatusCode::SERVICE_UNAVAILABLE, "no longer");
    assert_eq!(status(&app, "/healthz").await, StatusCode::OK, "it lives all the same");
}

#[tokio::test]
async fn a_folder_has_one_host_at_a_time() {
    let home = tempfile::tempdir().expect("a folder");
    let data = home.path().join("data");
    let first = App::build(setup(&data)).expect("a host");
    let second = App::build(setup(&data)).err().expect("the folder is taken");
    assert!(second.is_locked(), "{second}");
    drop(first);
    App::build(setup(&data)).expect("the folder is free again");
}

#[tokio::test]
async fn an_origin_that_a_command_gives_free_stays_so() {
    let home = tempfile::tempdir().expect("a folder");
    let data = home.path().join("data");
    let time = crate::model::Timestamp::from_millis;
    let kept = crate::model::KeptBreaker {
        origin: "https://a.example".into(),
        opened: time(1),
        probe_at: time(2),
        pause_ms: 15_000,
        failures: 5,
        last_failure: None,
    };
    let store = crate::store::Store::open(&data.join("store"), &Config::default().store);
    let store = store.expect("a folder of our own");
    let mut batch = crate::store::Batch::new();
    batch.put_breaker(&kept);
    store.commit(batch).await.expect("nothing stands against it");
    drop(store);

    for known in [1, 0] {
        let mut app = App::build(setup(&data)).expect("a host");
        app.restore_breakers().await;
        assert_eq!(app.channels.origins().list().len(), known);
        app.channels.origins().close(&kept.origin);
        app.stop().await;
    }
}

#[tokio::test]
async fn an_open_address_is_refused_before_anything_listens() {
    let home = tempfile::tempdir().expect("a folder");
    let mut setup = setup(&home.path().join("data"));
    setup.loaded.config.api.listen = SocketAddr::from(([0, 0, 0, 0], 0));
    let error = App::build(setup).expect("a host").serve().await.expect_err("refused");
    assert!(error.to_string().contains("no login yet"), "{error}");
}

#[tokio::test]
async fn doctor_finds_a_fresh_host_well_but_without_plugins() {
    let home = tempfile::tempdir().expect("a folder");
    let app = App::build(setup(&home.path().join("data"))).expect("a host");
    app.load_plugins().await;
    let request = Request::get("/api/v1/doctor").header(header::HOST, "localhost");
    let request = request.body(Body::empty()).expect("a request");
    let answer = app.router().oneshot(request).await.expect("infallible");
    let body = axum::body::to_bytes(answer.into_body(), 1 << 20).await.expect("a body");
    let diagnosis: view::Diagnosis = serde_json::from_slice(&body).expect("a diagnosis");
    assert!(diagnosis.ok, "{diagnosis:?}");
    let plugins = diagnosis.items.iter().find(|check| check.name == "plugins").expect("looked at");
    assert_eq!(plugins.level, view::Level::Warn);
}

#[test]
fn flags_and_files_reach_the_host() {
    let home = tempfile::tempdir().expect("a folder");
    let flags = Flags { data: Some("d".into()), ..Flags::default() };
    let loaded = Loaded::load(&flags, home.path()).expect("loaded");
    let shown = shown(&loaded, true);
    assert_eq!((shown.flags, shown.key), (vec!["--data".to_owned()], view::KeySource::Environment));
    assert_eq!(shown.config["data"], home.path().join("d").display().to_string());
}
