//! What can be reached, by every way in: whatever a rule's own table says, it is
//! worth nothing where a way goes past it.

use super::*;
use crate::model::Class;

async fn quiet() -> Server {
    Server::start(|_| std::future::ready(Reply::ok(b"reached"))).await
}

/// The failure of each way in.
async fn by_every_way(gateway: &Gateway, request: Request) -> Vec<Failure> {
    let meter = meter();
    let all = gateway.send_all(vec![request.clone(), request.clone()], &meter).await;
    let mut failures: Vec<_> = all.into_iter().map(|answer| answer.expect_err("send-all")).collect();
    failures.push(gateway.send(request.clone(), &meter).await.expect_err("send"));
    failures.push(gateway.open(request, &meter).await.expect_err("open"));
    failures
}

#[tokio::test]
async fn no_way_in_goes_past_the_rules() {
    let server = quiet().await;
    let gateway = gateway_with(
        &server,
        Credential::Header { name: "x-api-key".into(), value: Secret::new("k3y-value") },
    );
    let with_header = |name: &str| Request { headers: vec![(name.to_owned(), "x".into())], ..get("/") };
    let cases = [
        (get("https://evil.example/"), "egress.path"),
        (get("//evil.example/"), "egress.path"),
        (get("\\\\evil.example/"), "egress.path"),
        (get("/a/../../b"), "egress.path"),
        (get("@evil.example/"), "egress.path"),
        (get("/a\r\nHost: evil.example"), "egress.path"),
        (get("/a%00"), "egress.path"),
        (get("/a#b"), "egress.path"),
        (Request { origin: Some("nowhere".into()), ..get("/") }, "egress.origin"),
        (with_header("Host"), "http.header"),
        (with_header("Authorization"), "http.header"),
        (with_header("Cookie"), "http.header"),
        (with_header("X-Api-Key"), "http.header"),
        (with_header("Proxy-Authorization"), "http.header"),
        (Request { body: Some("x".into()), ..get("/") }, "http.body"),
        (Request { idempotency_key: Some("a b".into()), ..get("/") }, "http.idempotency-key"),
    ];
    for (request, code) in cases {
        for failure in by_every_way(&gateway, request).await {
            assert_eq!((failure.class, failure.code.as_str()), (Class::Denied, code), "{}", failure.message);
        }
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn denied_request_costs_the_step_nothing() {
    let server = quiet().await;
    let meter = meter();
    assert!(gateway(&server, "").send(get("//evil.example"), &meter).await.is_err());
    assert_eq!(meter.used(), Used::default());
}

#[tokio::test]
async fn name_of_a_private_address_is_denied_by_every_way() {
    let server = quiet().await;
    let table = Table::default().with("desk.test", &[&["10.0.0.1"]]);
    let broker = broker(LOOPBACK, table);
    let gateway = broker
        .gateway(scope(&format!("http://desk.test:{}", server.port())))
        .expect("the name may be anything");
    for failure in by_every_way(&gateway, get("/")).await {
        assert_eq!((failure.class, failure.code.as_str()), (Class::Denied, "egress.address"));
        for part in ["desk.test", "10.0.0.1", "allow-addresses = [\"127.0.0.0/8\", \"10.0.0.0/8\"]"] {
            assert!(failure.message.contains(part), "{part}: {}", failure.message);
        }
    }
}

#[tokio::test]
async fn loopback_is_denied_unless_it_is_granted() {
    let server = quiet().await;
    let url = format!("http://desk.test:{}", server.port());
    let table = || Table::default().with("desk.test", &[&["127.0.0.1"]]);
    let denied = broker("allow-plain-http = true", table()).gateway(scope(&url)).expect("a name");
    assert_eq!(failure_of(&denied, get("/")).await.code, "egress.address");
    let mapped = Table::default().with("desk.test", &[&["::ffff:127.0.0.1"]]);
    let denied = broker("allow-plain-http = true", mapped).gateway(scope(&url)).expect("a name");
    assert_eq!(failure_of(&denied, get("/")).await.code, "egress.address");
    assert_eq!(server.connections(), 0);
    let granted = broker(LOOPBACK, table()).gateway(scope(&url)).expect("a name");
    assert_eq!(granted.send(get("/"), &meter()).await.expect("reached").body, "reached");
}

#[tokio::test]
async fn of_mixed_addresses_only_the_allowed_ones_are_dialled() {
    let allowed = quiet().await;
    let port = allowed.port();
    let other =
        Server::start_at(&format!("127.0.0.2:{port}"), |_| std::future::ready(Reply::ok(b"wrong"))).await;
    let table = Table::default().with("desk.test", &[&["127.0.0.2", "127.0.0.1", "10.0.0.1"]]);
    let broker = broker("allow-addresses = ['127.0.0.1/32']\nallow-plain-http = true", table);
    let gateway = broker.gateway(scope(&format!("http://desk.test:{port}"))).expect("a name");
    assert_eq!(gateway.send(get("/"), &meter()).await.expect("reached").body, "reached");
    assert_eq!((allowed.connections(), other.connections()), (1, 0));
}

#[tokio::test]
async fn answer_that_changes_is_judged_anew_for_every_connection() {
    let server = Server::start(|_| {
        let reply = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";
        std::future::ready(Reply::raw(reply, server::Then::Close))
    })
    .await;
    let table = Table::default().with("desk.test", &[&["127.0.0.1"], &["169.254.169.254"]]);
    let gateway = broker(LOOPBACK, table)
        .gateway(scope(&format!("http://desk.test:{}", server.port())))
        .expect("a name");
    assert!(gateway.send(get("/"), &meter()).await.is_ok());
    let failure = failure_of(&gateway, get("/")).await;
    assert_eq!(failure.code, "egress.address");
    assert!(failure.message.contains("169.254.169.254"), "{}", failure.message);
}

#[tokio::test]
async fn name_that_nobody_knows_says_so() {
    let broker = broker(&format!("{LOOPBACK}attempts = 2"), Table::default());
    let gateway = broker.gateway(scope("http://nowhere.test")).expect("a name");
    let failure = failure_of(&gateway, get("/")).await;
    assert_eq!((failure.class, failure.code.as_str()), (Class::Transient, "net.dns"));
    for part in ["nowhere.test", "no such name in the table", "check the channel's URL", "tried 2 times"] {
        assert!(failure.message.contains(part), "{part}: {}", failure.message);
    }
}

#[tokio::test]
async fn system_resolver_is_filtered_like_any_other() {
    let server = quiet().await;
    let url = format!("http://localhost:{}", server.port());
    let config = |text: &str| toml::from_str(text).expect("a configuration");
    let denied = Broker::new(config("allow-plain-http = true"), Arc::new(SystemLookup));
    let failure = failure_of(&denied.gateway(scope(&url)).expect("a name"), get("/")).await;
    assert_eq!(failure.code, "egress.address");
    let granted = Broker::new(config(LOOPBACK), Arc::new(SystemLookup));
    let gateway = granted.gateway(scope(&url)).expect("a name");
    assert_eq!(gateway.send(get("/"), &meter()).await.expect("reached").body, "reached");
}

#[tokio::test]
async fn named_origin_is_reached_with_the_credential() {
    let server = quiet().await;
    let uploads = Server::start(|seen| {
        let sent = format!("{} {}", seen.path(), seen.header("authorization").unwrap_or("none"));
        std::future::ready(Reply::ok(sent.as_bytes()))
    })
    .await;
    let scope = Scope { credential: bearer("t0ken-value"), ..scope(&server.url()) };
    let scope = with_origin(scope, "uploads", &format!("{}/v1", uploads.url()));
    let gateway = broker(LOOPBACK, Table::default()).gateway(scope).expect("allowed");
    let response = gateway.send(Request { origin: Some("uploads".into()), ..get("/file") }, &meter()).await;
    assert_eq!(response.expect("reached").body, "/v1/file Bearer t0ken-value");
}

/// Run once as a test, and once as its own child with proxies in the environment.
#[tokio::test]
async fn proxies_of_the_environment_are_ignored() {
    if std::env::var_os("http_proxy").is_some() {
        let server = quiet().await;
        let table = Table::default().with("desk.test", &[&["127.0.0.1"]]);
        let gateway = broker(LOOPBACK, table).gateway(scope(&format!("http://desk.test:{}", server.port())));
        let response = gateway.expect("a name").send(get("/"), &meter()).await.expect("reached");
        assert_eq!(response.body, "reached");
        return;
    }
    let proxy = Server::start(|_| std::future::ready(Reply::ok(b"by proxy"))).await;
    let mut child = tokio::process::Command::new(std::env::current_exe().expect("this test"));
    child.args(["--exact", "broker::tests::reach::proxies_of_the_environment_are_ignored"]);
    for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
        child.env(name, proxy.url());
    }
    child.env_remove("no_proxy").env_remove("NO_PROXY");
    let output = child.output().await.expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    assert_eq!(proxy.connections(), 0);
}

#[tokio::test]
async fn a_read_only_gateway_sends_what_reads_and_nothing_else() {
    let server = Server::start(|_| std::future::ready(Reply::ok(b""))).await;
    let gateway = gateway(&server, "").read_only();
    for method in [Method::Post, Method::Put, Method::Patch, Method::Delete] {
        let refused = [
            gateway.send(request(method, "/"), &meter()).await.err(),
            gateway.open(request(method, "/"), &meter()).await.err(),
            gateway.send_all(vec![request(method, "/")], &meter()).await.remove(0).err(),
        ];
        for failure in refused {
            let failure = failure.expect("a refusal");
            assert_eq!(
                (failure.class, failure.code.as_str()),
                (Class::Denied, "egress.dry-run"),
                "{method:?}"
            );
        }
    }
    assert_eq!(server.requests(), 0);
    for method in [Method::Get, Method::Head, Method::Options] {
        assert!(gateway.clone().send(request(method, "/"), &meter()).await.is_ok(), "{method:?}");
    }
    assert_eq!(server.requests(), 3);
}
