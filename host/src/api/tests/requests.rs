//! Requests that are wrong in themselves.

use super::*;

#[tokio::test]
async fn a_path_that_leads_nowhere_is_told() {
    let host = Host::new();
    host.get("/").await.is_error(404, "not-found", "request.path");
    host.get("/api/v1/nothing").await.is_error(404, "not-found", "request.path");
    host.get("/api/v2/channels").await.is_error(404, "not-found", "request.path");
}

#[tokio::test]
async fn a_method_that_a_path_does_not_take_is_told() {
    let host = Host::new();
    let answer = host.with_body("PUT", "/api/v1/channels", &json!({})).await;
    answer.is_error(405, "unsupported", "request.method");
}

#[tokio::test]
async fn a_body_must_be_json_and_say_so() {
    let host = Host::new();
    let plain = request("POST", "/api/v1/channels").body(Body::from("{}")).expect("a request");
    host.send(plain).await.is_error(415, "unsupported", "request.content-type");

    let broken = request("POST", "/api/v1/channels")
        .header(header::CONTENT_TYPE, "application/json; charset=utf-8")
        .body(Body::from("{\"name\":"))
        .expect("a request");
    host.send(broken).await.is_error(400, "invalid-data", "request.body");
}

#[tokio::test]
async fn a_field_that_is_wrong_is_named() {
    let host = Host::new();
    for (body, field) in [
        (json!({"name": "a b", "type": "zendesk"}), "/name"),
        (json!({"name": "a", "type": "Zen Desk"}), "/type"),
        (json!({"name": "a", "type": "zendesk", "connectors": ["ticket", 7]}), "/connectors/1"),
        (json!({"name": "a", "type": "zendesk", "secrets": {"token": 7}}), "/secrets/token"),
        (json!({"name": "a", "type": "zendesk", "colour": "red"}), "/colour"),
    ] {
        let answer = host.post("/api/v1/channels", &body).await;
        answer.is_error(400, "invalid-data", "request.body");
        assert_eq!(answer.json()["error"]["fields"][0]["field"], field, "{}", answer.json());
    }
}

#[tokio::test]
async fn a_secret_never_comes_back_in_an_error() {
    let host = Host::new();
    let body = json!({"name": "a", "type": "zendesk", "secrets": {"token": "hunter2"}});
    let answer = host.post("/api/v1/channels", &body).await;
    assert!(!answer.text().contains("hunter2"), "{}", answer.text());
    let body = json!({"name": "a", "type": "zendesk", "secrets": {"token": ["hunter2"]}});
    let answer = host.post("/api/v1/channels", &body).await;
    assert!(!answer.text().contains("hunter2"), "{}", answer.text());
    let body = json!({"name": "a", "type": "zendesk", "secrets": "hunter2"});
    let answer = host.post("/api/v1/channels", &body).await;
    assert!(!answer.text().contains("hunter2"), "{}", answer.text());
}

#[tokio::test]
async fn a_large_body_is_refused_before_it_is_read() {
    let host = Host::new();
    let body = json!({"name": "a", "type": "zendesk", "settings": {"x": "x".repeat(2_000)}});
    host.post("/api/v1/channels", &body).await.is_error(413, "limit", "request.too-large");
    // A file to inspect has a limit of its own.
    let file =
        |size| request("POST", "/api/v1/plugins/inspect").body(Body::from(vec![0; size])).expect("a request");
    assert_eq!(host.send(file(2_000)).await.status, 200);
    host.send(file(5_000)).await.is_error(413, "limit", "request.too-large");
}

#[tokio::test]
async fn a_parameter_that_is_unknown_or_wrong_is_told() {
    let host = Host::new();
    for path in ["/api/v1/runs?limit=many", "/api/v1/runs?colour=red", "/api/v1/jobs/x?wait=long"] {
        let answer = host.get(path).await;
        assert_eq!(answer.status, 400, "{path}: {}", answer.text());
    }
}

#[tokio::test]
async fn pages_of_other_sites_are_refused_everywhere() {
    let host = Host::new();
    for (method, path) in [
        ("GET", "/healthz"),
        ("GET", "/readyz"),
        ("GET", "/metrics"),
        ("GET", "/api/v1/channels"),
        ("POST", "/api/v1/plugins/reload"),
    ] {
        let evil = Request::builder().method(method).uri(path).header(header::HOST, "evil.example");
        let answer = host.send(evil.body(Body::empty()).expect("a request")).await;
        answer.is_error(403, "denied", "request.host");

        let foreign = request(method, path).header(header::ORIGIN, "http://evil.example");
        let answer = host.send(foreign.body(Body::empty()).expect("a request")).await;
        answer.is_error(403, "denied", "request.origin");
    }
}

#[tokio::test]
async fn an_answer_carries_the_id_of_its_request() {
    let host = Host::new();
    let with = async |id: &str| {
        let request = request("GET", "/api/v1/nothing").header("x-request-id", id);
        let answer = host.send(request.body(Body::empty()).expect("a request")).await;
        answer.headers["x-request-id"].to_str().expect("text").to_owned()
    };
    assert_eq!(with("trace-7_a.b").await, "trace-7_a.b");
    let long = "x".repeat(129);
    for odd in ["", "two words", "a=b", &long] {
        let made = with(odd).await;
        assert!(made.len() == 26 && made != odd, "{made}");
    }
    assert_ne!(with("").await, with("").await);
    let refused = Request::builder().uri("/healthz").header(header::HOST, "evil.example");
    let answer = host.send(refused.body(Body::empty()).expect("a request")).await;
    assert_eq!(answer.headers["x-request-id"].len(), 26);
}
