//! Every route there is, and what holds of all of them.

use super::*;

/// Route and the methods that it takes. `every_route_stands_in_the_table` keeps it whole.
#[rustfmt::skip]
const ROUTES: [(&str, &str); 79] = [
    ("/config", "GET"), ("/doctor", "GET"),
    ("/plugins", "GET"), ("/plugins/reload", "POST"), ("/plugins/inspect", "POST"), ("/plugins/release", "POST"),
    ("/channels", "GET POST"), ("/channels/{name}", "GET PATCH DELETE"),
    ("/channels/{name}/enable", "POST"), ("/channels/{name}/disable", "POST"),
    ("/channels/{name}/deletion", "GET"), ("/channels/{name}/check", "POST"),
    ("/channels/{name}/sync", "POST"), ("/channels/{name}/dry-run", "POST"),
    ("/channels/{name}/records/{connector}", "GET"),
    ("/channels/{name}/records/{connector}/{key}", "GET PUT PATCH DELETE"),
    ("/channels/{name}/records/{connector}/{key}/history", "GET"),
    ("/channels/{name}/records/{connector}/{key}/link", "PUT DELETE"),
    ("/channels/{name}/quarantine/{connector}/{key}", "GET"),
    ("/channels/{name}/quarantine/retry", "POST"), ("/channels/{name}/quarantine/drop", "POST"),
    ("/channels/{name}/operations/{operation}", "POST"),
    ("/channels/{name}/connect", "POST"), ("/channels/{name}/disconnect", "POST"),
    ("/channels/{name}/connection", "GET"),
    ("/channels/{name}/mappings/{connector}", "GET PUT DELETE"),
    ("/channels/{name}/mappings/{connector}/test", "POST"),
    ("/channels/{name}/outbox", "GET"), ("/channels/{name}/outbox/{connector}/{key}", "GET"),
    ("/channels/{name}/outbox/retry", "POST"), ("/channels/{name}/outbox/drop", "POST"),
    ("/origins", "GET"), ("/origins/close", "POST"), ("/quarantine", "GET"),
    ("/jobs/{id}", "GET"), ("/runs", "GET"), ("/runs/clean", "POST"), ("/runs/{id}", "GET"),
    ("/runs/{id}/cancel", "POST"), ("/runs/{id}/replay", "POST"),
    ("/runs/{id}/logs", "GET"), ("/runs/{id}/pages", "GET"),
    ("/cassettes", "GET"), ("/cassettes/{run}", "GET DELETE"),
    ("/schedule", "GET"), ("/schedule/next", "GET"), ("/schedule/pause", "POST"), ("/schedule/resume", "POST"),
    ("/calls", "GET"), ("/calls/{id}", "GET"), ("/calls/{id}/cancel", "POST"), ("/calls/{id}/retry", "POST"),
    ("/webhooks", "GET POST"), ("/webhooks/{id}", "GET DELETE"), ("/webhooks/{id}/rotate", "POST"),
    ("/notices", "GET POST"), ("/notices/{name}", "GET DELETE"),
    ("/notices/{name}/pause", "POST"), ("/notices/{name}/resume", "POST"), ("/notices/{name}/test", "POST"),
    ("/notices/{name}/dead", "GET"), ("/notices/{name}/dead/retry", "POST"), ("/notices/{name}/dead/drop", "POST"),
    ("/routes", "GET POST"), ("/routes/{name}", "GET DELETE"),
    ("/routes/{name}/pause", "POST"), ("/routes/{name}/resume", "POST"), ("/routes/{name}/test", "POST"),
    ("/routes/{name}/failed", "GET"), ("/routes/{name}/failed/retry", "POST"), ("/routes/{name}/failed/drop", "POST"),
    ("/conflicts", "GET"), ("/conflicts/{id}", "GET"), ("/conflicts/{id}/resolve", "POST"),
    ("/healthz", "GET"), ("/readyz", "GET"), ("/metrics", "GET"),
    ("/hooks/{place}/{random}", "POST"), ("/oauth/callback", "GET"),
];

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/// Those that stand beside the API.
const BESIDE: [&str; 5] = ["/healthz", "/readyz", "/metrics", "/hooks/{place}/{random}", "/oauth/callback"];
/// Those that anybody may come to, with a proof of their own.
const OPEN: [&str; 2] = ["/hooks/{place}/{random}", "/oauth/callback"];

/// Where a route is reached; nothing there has any of these names.
fn place(route: &str) -> String {
    let path =
        route.replace("{connector}", "ticket").replace("{id}", &RunId::from_bytes([7; 16]).to_string());
    let path = path.replace("{run}", &RunId::from_bytes([7; 16]).to_string());
    let path = path.replace(['{', '}'], "");
    if BESIDE.contains(&route) { path } else { format!("/api/v1{path}") }
}

fn each() -> impl Iterator<Item = (&'static str, &'static str)> {
    ROUTES.into_iter().flat_map(|(route, methods)| methods.split(' ').map(move |method| (route, method)))
}

#[test]
fn every_route_stands_in_the_table() {
    const SOURCES: [&str; 2] = [include_str!("../../api.rs"), include_str!("../oauth.rs")];
    let mut found = Vec::new();
    for source in SOURCES {
        for part in source.split(".route(").skip(1) {
            let first = part.trim_start();
            found.extend(first.strip_prefix('"').and_then(|rest| rest.split('"').next()));
            found.extend(first.strip_prefix("CALLBACK").map(|_| "/oauth/callback"));
        }
    }
    let mut table = ROUTES.map(|(route, _)| route).to_vec();
    found.sort_unstable();
    table.sort_unstable();
    assert_eq!(table, found);
}

#[tokio::test]
async fn a_method_that_a_route_does_not_take_is_refused_everywhere() {
    let host = Host::new();
    for (route, methods) in ROUTES {
        for method in METHODS.into_iter().filter(|method| !methods.split(' ').any(|one| one == *method)) {
            let answer = host.with_body(method, &place(route), &json!({})).await;
            assert_eq!(answer.status, 405, "{method} {route}");
            if !OPEN.contains(&route) {
                answer.is_error(405, "unsupported", "request.method");
            }
        }
    }
}

/// The API has no login: what a request says of where it comes from is all that stands before it.
#[tokio::test]
async fn whoever_does_not_come_from_here_is_refused_everywhere() {
    let host = Host::new();
    for (route, method) in each() {
        let with = |name, value: &str| {
            let odd = Request::builder().method(method).uri(place(route)).header(name, value);
            odd.header(header::CONTENT_TYPE, "application/json").body(Body::empty()).expect("a request")
        };
        let named = host.send(with(header::HOST, "evil.example")).await;
        let nameless = host.send(with(header::ACCEPT, "*/*")).await;
        let mut foreign = with(header::HOST, "localhost:7070");
        foreign.headers_mut().insert(header::ORIGIN, "https://evil.example".parse().expect("a header"));
        let foreign = host.send(foreign).await;
        if OPEN.contains(&route) {
            for answer in [&named, &nameless, &foreign] {
                assert!([400, 404].contains(&answer.status.as_u16()), "{method} {route}: {}", answer.status);
            }
            continue;
        }
        named.is_error(403, "denied", "request.host");
        nameless.is_error(403, "denied", "request.host");
        foreign.is_error(403, "denied", "request.origin");
    }
}

#[tokio::test]
async fn what_nothing_has_the_name_of_is_told_everywhere() {
    let host = Host::new();
    for (route, method) in each().filter(|(route, _)| route.contains('{')) {
        // What the route takes is in order, so that the name is all that is wrong.
        let body = match route.rsplit('/').next() {
            Some("retry" | "drop") if !route.starts_with("/calls") => json!({ "all": true }),
            Some("link") => json!({ "remote": "1" }),
            Some("resolve") => json!({ "take": "local" }),
            _ => json!({}),
        };
        let answer = host.with_body(method, &place(route), &body).await;
        assert_eq!(answer.status, 404, "{method} {route}: {}", answer.text());
        if !OPEN.contains(&route) {
            assert_eq!(answer.json()["error"]["class"], "not-found", "{method} {route}: {}", answer.text());
        }
    }
}

#[tokio::test]
async fn a_body_that_is_no_json_is_refused_wherever_one_is_read() {
    let host = Host::new();
    host.channel("zen").await;
    for (method, path) in [
        ("POST", "/channels"),
        ("PATCH", "/channels/zen"),
        ("POST", "/channels/zen/sync"),
        ("POST", "/channels/zen/dry-run"),
        ("PUT", "/channels/zen/records/ticket/1"),
        ("PATCH", "/channels/zen/records/ticket/1"),
        ("PUT", "/channels/zen/records/ticket/1/link"),
        ("POST", "/channels/zen/quarantine/retry"),
        ("POST", "/channels/zen/quarantine/drop"),
        ("PUT", "/channels/zen/mappings/ticket"),
        ("POST", "/channels/zen/mappings/ticket/test"),
        ("POST", "/channels/zen/outbox/retry"),
        ("POST", "/channels/zen/outbox/drop"),
        ("POST", "/origins/close"),
        ("POST", "/plugins/release"),
        ("POST", "/runs/clean"),
        ("POST", "/webhooks"),
        ("POST", "/webhooks/none/rotate"),
        ("POST", "/notices"),
        ("POST", "/notices/none/dead/retry"),
        ("POST", "/notices/none/dead/drop"),
        ("POST", "/conflicts/none/resolve"),
    ] {
        let with = |kind: &str, body: &'static str| {
            let request = request(method, &format!("/api/v1{path}")).header(header::CONTENT_TYPE, kind);
            request.body(Body::from(body)).expect("a request")
        };
        let broken = host.send(with("application/json", "{\"a\":")).await;
        assert_eq!(
            (broken.status.as_u16(), code(&broken)),
            (400, "request.body".to_owned()),
            "{method} {path}"
        );
        let plain = host.send(with("text/plain", "{}")).await;
        let expected = (415, "request.content-type".to_owned());
        assert_eq!((plain.status.as_u16(), code(&plain)), expected, "{method} {path}");
        let large = Body::from(" ".repeat(2_000));
        let large = request(method, &format!("/api/v1{path}"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(large);
        let large = host.send(large.expect("a request")).await;
        assert_eq!(
            (large.status.as_u16(), code(&large)),
            (413, "request.too-large".to_owned()),
            "{method} {path}"
        );
    }
}

fn code(answer: &Answer) -> String {
    answer.json()["error"]["code"].as_str().expect("a code").to_owned()
}
