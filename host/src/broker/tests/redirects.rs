//! Redirects from one real server to another: two ports are two origins.

use super::*;
use crate::model::Class;
use bytes::Bytes;

/// Says what it got: method, path, credential headers, body.
async fn mirror() -> Server {
    Server::start(|seen| {
        let text = format!(
            "{} {} auth={} key={} body={}",
            seen.method(),
            seen.path(),
            seen.header("authorization").unwrap_or("-"),
            seen.header("x-api-key").unwrap_or("-"),
            String::from_utf8_lossy(&seen.body),
        );
        std::future::ready(Reply::ok(text.as_bytes()))
    })
    .await
}

/// Redirects `/away` to the other server, `/stay` to its own `/here`, and mirrors
/// everything else.
async fn redirecting(status: u16, away: String) -> Server {
    Server::start(move |seen| {
        let reply = match seen.path().split('?').next() {
            Some("/away") => Reply::redirect(status, &away),
            Some("/stay") => Reply::redirect(status, "/here?from=stay"),
            _ => Reply::ok(
                format!(
                    "{} {} auth={}",
                    seen.method(),
                    seen.path(),
                    seen.header("authorization").unwrap_or("-")
                )
                .as_bytes(),
            ),
        };
        std::future::ready(reply)
    })
    .await
}

#[tokio::test]
async fn redirect_within_the_origin_keeps_the_credential() {
    let server = redirecting(302, String::new()).await;
    let meter = meter();
    let response =
        gateway_with(&server, bearer("t0ken-value")).send(get("/stay"), &meter).await.expect("followed");
    assert_eq!(response.body, "GET /here?from=stay auth=Bearer t0ken-value");
    assert_eq!((meter.used().requests, meter.used().sent, response.attempts), (1, 2, 1));
    let parameter = Credential::Query { name: "key".into(), value: Secret::new("k3y-value") };
    let response =
        gateway_with(&server, parameter).send(get("/stay"), &self::meter()).await.expect("followed");
    assert_eq!(response.body, "GET /here?from=stay&key=k3y-value auth=-");
}

#[tokio::test]
async fn redirect_to_another_origin_of_the_scope_drops_every_credential() {
    let other = mirror().await;
    let secret = || Secret::new("s3cret-value");
    for credential in [
        Credential::Basic { username: secret(), password: secret() },
        Credential::Bearer { token: secret() },
        Credential::Header { name: "X-Api-Key".into(), value: secret() },
        Credential::Query { name: "key".into(), value: secret() },
    ] {
        // The remote echoes the parameter of the credential, as some do.
        let server = redirecting(302, format!("{}/there?a=1&key=s3cret-value", other.url())).await;
        let is_query = matches!(credential, Credential::Query { .. });
        let scope = with_origin(Scope { credential, ..scope(&server.url()) }, "other", &other.url());
        let gateway = broker(LOOPBACK, Table::default()).gateway(scope).expect("allowed");
        let body = gateway.send(get("/away"), &meter()).await.expect("followed").body;
        let path = if is_query { "/there?a=1" } else { "/there?a=1&key=s3cret-value" };
        assert_eq!(body, format!("GET {path} auth=- key=- body="));
    }
}

#[tokio::test]
async fn method_and_body_follow_the_status() {
    let other = mirror().await;
    for (status, expected) in [
        (301, "GET /there auth=- key=- body="),
        (302, "GET /there auth=- key=- body="),
        (303, "GET /there auth=- key=- body="),
        (307, "POST /there auth=- key=- body={}"),
        (308, "POST /there auth=- key=- body={}"),
    ] {
        let server = redirecting(status, format!("{}/there", other.url())).await;
        let scope = with_origin(
            Scope { credential: bearer("t0ken-value"), ..scope(&server.url()) },
            "other",
            &other.url(),
        );
        let gateway = broker(LOOPBACK, Table::default()).gateway(scope).expect("allowed");
        let request = Request { body: Some(Bytes::from_static(b"{}")), ..request(Method::Post, "/away") };
        assert_eq!(gateway.send(request, &meter()).await.expect("followed").body, expected, "{status}");
    }
}

#[tokio::test]
async fn redirect_out_of_the_scope_is_denied_by_every_way() {
    let other = mirror().await;
    let secret_host = "http://t0ken-value.evil.test/".to_owned();
    for target in [
        other.url(),
        other.url().replace("127.0.0.1", "localhost"),
        "https://evil.test/".to_owned(),
        "//evil.test/".to_owned(),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "http://10.0.0.1/".to_owned(),
        "file:///etc/passwd".to_owned(),
        "gopher://evil.test/".to_owned(),
        secret_host,
    ] {
        let server = redirecting(302, target.clone()).await;
        let gateway = gateway_with(&server, bearer("t0ken-value"));
        let meter = meter();
        let mut failures = vec![
            gateway.send(get("/away"), &meter).await.expect_err("send"),
            gateway.open(get("/away"), &meter).await.expect_err("open"),
        ];
        failures.extend(
            gateway
                .send_all(vec![get("/away")], &meter)
                .await
                .into_iter()
                .map(|answer| answer.expect_err("send-all")),
        );
        for failure in failures {
            assert_eq!(
                (failure.class, failure.code.as_str()),
                (Class::Denied, "egress.redirect"),
                "{target}"
            );
            assert!(failure.message.contains("redirects to"), "{}", failure.message);
            assert!(!failure.message.contains("t0ken"), "{}", failure.message);
        }
        assert_eq!(server.requests(), 3);
    }
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn redirect_to_a_user_or_outside_the_base_path_is_denied() {
    let server = Server::start(|seen| {
        let port = seen.header("host").and_then(|host| host.split(':').nth(1)).unwrap_or("80").to_owned();
        let target = match seen.path() {
            "/api/user" => format!("http://user:pw@127.0.0.1:{port}/api/x"),
            "/api/dots" => "/api/..%2fadmin".to_owned(),
            _ => "/admin".to_owned(),
        };
        std::future::ready(Reply::redirect(302, &target))
    })
    .await;
    let gateway =
        broker(LOOPBACK, Table::default()).gateway(scope(&format!("{}/api", server.url()))).expect("allowed");
    for path in ["/user", "/dots", "/outside"] {
        assert_eq!(failure_of(&gateway, get(path)).await.code, "egress.redirect", "{path}");
    }
    assert_eq!(server.requests(), 3);
}

#[tokio::test]
async fn name_that_redirects_to_a_private_address_of_the_scope_is_denied() {
    let server = redirecting(302, "http://inner.test/x".to_owned()).await;
    let table = Table::default().with("inner.test", &[&["10.0.0.1"]]);
    let scope = with_origin(scope(&server.url()), "inner", "http://inner.test");
    let gateway = broker(LOOPBACK, table).gateway(scope).expect("names");
    let failure = failure_of(&gateway, get("/away")).await;
    assert_eq!((failure.class, failure.code.as_str()), (Class::Denied, "egress.address"));
}

#[tokio::test]
async fn redirects_are_bounded() {
    let server = Server::start(|seen| {
        let next = seen.path().trim_start_matches('/').parse::<u32>().unwrap_or(0) + 1;
        std::future::ready(Reply::redirect(302, &format!("/{next}")))
    })
    .await;
    let failure = failure_of(&gateway(&server, "redirects = 3"), get("/0")).await;
    assert_eq!((failure.class, failure.code.as_str()), (Class::Config, "http.redirects"));
    assert!(failure.message.contains("more than 3 times"), "{}", failure.message);
    assert_eq!(server.requests(), 4);
    let failure = failure_of(&gateway(&server, "redirects = 0"), get("/0")).await;
    assert_eq!((failure.code.as_str(), server.requests()), ("http.redirects", 5));
}

#[tokio::test]
async fn redirect_without_a_place_is_an_answer() {
    let server = Server::start(|_| std::future::ready(Reply::status(302))).await;
    assert_eq!(gateway(&server, "").send(get("/"), &meter()).await.expect("an answer").status, 302);
}

#[tokio::test]
async fn unsafe_request_that_was_redirected_is_not_sent_again() {
    let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let nobody = format!("http://{}", gone.local_addr().expect("bound"));
    drop(gone);
    for (status, method, sent) in [(303, Method::Post, 1), (307, Method::Post, 1), (307, Method::Put, 3)] {
        let server = redirecting(status, format!("{nobody}/there")).await;
        let scope = with_origin(scope(&server.url()), "other", &nobody);
        let broker = broker(&format!("{LOOPBACK}attempts = 3"), Table::default());
        let gateway = broker.gateway(scope).expect("allowed");
        assert_eq!(failure_of(&gateway, request(method, "/away")).await.code, "net.connect");
        assert_eq!(server.requests(), sent, "{status} {method:?}");
    }
}
