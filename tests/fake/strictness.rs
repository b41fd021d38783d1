//! What is refused, and in which words.

use crate::client::{bare, get, send};
use reqwest::Method;
use serde_json::{Value, json};
use tests::zendesk::{EMAIL, TOKEN, Zendesk};

#[tokio::test]
async fn only_the_agent_with_the_token_gets_in() {
    let fake = Zendesk::builder().start().expect("a fake");
    let check = async |user: &str, password: &str, status: u16| {
        let answer = bare(&fake, Method::GET, "/api/v2/tickets/1.json").user(user, password).answer().await;
        assert_eq!(answer.status, status, "{user}:{password}");
        if status == 401 {
            assert_eq!(answer.json(), json!({ "error": "Couldn't authenticate you" }));
            assert!(answer.headers.contains_key("www-authenticate"));
        }
    };
    check(&format!("{EMAIL}/token"), TOKEN, 200).await;
    check(&format!("{EMAIL}/token"), "wrong", 401).await;
    check(EMAIL, TOKEN, 401).await;
    check("nobody@example.com/token", TOKEN, 401).await;
    let answer = bare(&fake, Method::GET, "/api/v2/tickets/1.json").answer().await;
    assert_eq!(answer.status, 401);
    let bearer = bare(&fake, Method::GET, "/api/v2/tickets/1.json")
        .header("authorization", &format!("Bearer {TOKEN}"));
    assert_eq!(bearer.answer().await.status, 401);
}

#[tokio::test]
async fn me_is_nobody_without_a_token() {
    let fake = Zendesk::builder().start().expect("a fake");
    let me = "/api/v2/users/me.json";
    assert_eq!(get(&fake, me).expect(200).await["user"]["email"], EMAIL);
    let anonymous = bare(&fake, Method::GET, me).expect(200).await;
    assert_eq!(
        (&anonymous["user"]["id"], &anonymous["user"]["name"]),
        (&Value::Null, &"Anonymous user".into())
    );
    let wrong = bare(&fake, Method::GET, me).user(&format!("{EMAIL}/token"), "wrong").answer().await;
    assert_eq!(wrong.status, 401);
}

#[tokio::test]
async fn what_is_not_there_is_told_apart_from_what_means_nothing() {
    let fake = Zendesk::builder().tickets(5).users(3).start().expect("a fake");
    let check = async |path: &str, status: u16, error: Value| {
        let answer = get(&fake, path).answer().await;
        assert_eq!((answer.status, &answer.json()["error"]), (status, &error), "{path}");
    };
    check("/api/v2/tickets/6.json", 404, "RecordNotFound".into()).await;
    check("/api/v2/tickets/6/comments.json", 404, "RecordNotFound".into()).await;
    check("/api/v2/users/6.json", 404, "RecordNotFound".into()).await;
    check("/api/v2/ticket/5.json", 404, "InvalidEndpoint".into()).await;
    check("/api/v1/tickets/5.json", 404, "InvalidEndpoint".into()).await;
    check("/", 404, "InvalidEndpoint".into()).await;
    let title = "You passed an invalid value for the id attribute. Invalid parameter: id must be an integer from api/v2/tickets/show";
    check("/api/v2/tickets/five.json", 400, json!({ "title": "Invalid attribute", "message": title })).await;
    assert_eq!(get(&fake, "/api/v2/tickets/5").expect(200).await["ticket"]["id"], 5);
    assert_eq!(
        get(&fake, &format!("/api/v2/users/{}", Zendesk::user_id(2))).expect(200).await["user"]["id"],
        Zendesk::user_id(2)
    );
}

#[tokio::test]
async fn a_body_must_be_json_and_say_so() {
    let fake = Zendesk::builder().start().expect("a fake");
    let post = || bare(&fake, Method::POST, "/api/v2/tickets.json").user(&format!("{EMAIL}/token"), TOKEN);
    let body = json!({ "ticket": { "comment": { "body": "Hello" } } }).to_string();
    assert_eq!(post().text(&body).answer().await.status, 415);
    let json = || post().header("content-type", "application/json");
    assert_eq!(json().text("{\"ticket\":").answer().await.status, 422);
    assert_eq!(json().text("{\"Ticket\":{}}").answer().await.status, 400);
    assert_eq!(json().text("{\"ticket\":[]}").answer().await.status, 400);
    assert_eq!(json().text(&body).answer().await.status, 201);
    assert_eq!(get(&fake, "/api/v2/tickets/1.json").header("accept", "text/html").answer().await.status, 406);
}

#[tokio::test]
async fn links_stay_on_the_origin_that_is_asked_for() {
    let fake = Zendesk::builder().tickets(3).public_url("https://acme.zendesk.com").start().expect("a fake");
    let document =
        get(&fake, "/api/v2/incremental/tickets/cursor.json?start_time=0&per_page=1").expect(200).await;
    let expected = "https://acme.zendesk.com/api/v2/incremental/tickets/cursor.json?cursor=";
    assert!(document["after_url"].as_str().is_some_and(|url| url.starts_with(expected)), "{document}");
    assert_eq!(document["tickets"][0]["url"], "https://acme.zendesk.com/api/v2/tickets/1.json");
}

#[tokio::test]
async fn requests_connections_and_statuses_are_counted() {
    let fake = Zendesk::builder().tickets(3).start().expect("a fake");
    for path in ["/api/v2/tickets/1.json", "/api/v2/tickets/2.json", "/api/v2/tickets/9.json"] {
        get(&fake, path).answer().await;
    }
    get(&fake, "/_fake/stats").answer().await;
    let stats = fake.stats();
    assert_eq!((stats.requests, stats.parallel), (3, 1));
    assert_eq!(stats.answered["GET /api/v2/tickets/{id}.json"], [(200, 2), (404, 1)].into());
    assert_eq!((stats.count("GET /api/v2/tickets/{id}.json"), stats.with_status(404)), (3, 1));
    assert_eq!(stats.connections, 4, "each client has its own");
    let seen = fake.requests();
    assert_eq!(seen[2].path, "/api/v2/tickets/9.json");
    assert_eq!(seen[2].headers["authorization"], "Basic", "credentials are not kept");
    fake.reset_stats();
    assert_eq!(fake.stats().requests, 0);
}

#[tokio::test]
async fn changes_can_be_made_by_hand() {
    let fake = Zendesk::builder().tickets(3).start().expect("a fake");
    let help = bare(&fake, Method::GET, "/_fake").answer().await.text;
    assert!(help.contains("/_fake/script") && help.contains("/_fake/tickets/ID"), "{help}");
    let path = "/_fake/tickets/2";
    assert_eq!(
        send(&fake, Method::PATCH, path, &json!({ "subject": "By hand" })).expect(200).await["subject"],
        "By hand"
    );
    assert_eq!(fake.ticket(2).expect("a ticket")["subject"], "By hand");
    send(&fake, Method::DELETE, path, &json!({})).expect(200).await;
    assert_eq!(fake.ticket(2).expect("a ticket")["status"], "deleted");
    send(&fake, Method::POST, "/_fake/tickets/1/comments", &json!({ "body": "Hello" })).expect(200).await;
    assert_eq!(get(&fake, "/api/v2/tickets/1/comments.json").answer().await.ids("comments").len(), 3);
    assert_eq!(send(&fake, Method::POST, "/_fake/tickets", &json!({})).expect(200).await["id"], 4);
    let user = format!("/_fake/users/{}", Zendesk::user_id(1));
    assert_eq!(
        send(&fake, Method::PATCH, &user, &json!({ "active": false })).expect(200).await["active"],
        false
    );
    assert_eq!(fake.user_count(), 9);
    let script = json!({ "rule": [{ "path": "/api/**", "action": { "status": { "code": 503 } } }] });
    assert_eq!(send(&fake, Method::PUT, "/_fake/script", &script).answer().await.status, 204);
    assert_eq!(get(&fake, "/api/v2/tickets/1.json").answer().await.status, 503);
    assert_eq!(send(&fake, Method::DELETE, "/_fake/script", &json!({})).answer().await.status, 204);
    assert_eq!(get(&fake, "/api/v2/tickets/1.json").answer().await.status, 200);
    assert_eq!(send(&fake, Method::PATCH, "/_fake/tickets/77", &json!({})).answer().await.status, 400);
    assert_eq!(send(&fake, Method::POST, "/_fake/stop", &json!({})).answer().await.status, 204);
    fake.stopped().await;
}
