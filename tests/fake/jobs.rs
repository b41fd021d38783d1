//! Jobs: done at once, told late, and forgetful of everything that makes a single request safe.

use crate::client::{get, send};
use reqwest::Method;
use serde_json::{Value, json};
use tests::zendesk::Zendesk;

const CREATE: &str = "/api/v2/tickets/create_many.json";
const UPDATE: &str = "/api/v2/tickets/update_many.json";

/// Starts a job, and asks for it until its end.
async fn results(fake: &Zendesk, method: Method, path: &str, body: &Value) -> Value {
    let document = send(fake, method, path, body).expect(200).await;
    assert_eq!(document["job_status"]["status"], "queued");
    let path = format!("/api/v2/job_statuses/{}.json", document["job_status"]["id"].as_str().expect("an id"));
    let working = get(fake, &path).expect(200).await;
    assert_eq!(
        (&working["job_status"]["status"], &working["job_status"]["results"]),
        (&json!("working"), &Value::Null)
    );
    let done = get(fake, &path).expect(200).await["job_status"].clone();
    assert_eq!((&done["status"], &done["progress"]), (&json!("completed"), &done["total"]));
    done["results"].clone()
}

#[tokio::test]
async fn many_tickets_are_created_and_each_is_told() {
    let fake = Zendesk::builder().tickets(7).start().expect("a fake");
    let body = json!({ "tickets": [
        { "subject": "A", "comment": { "body": "a" } }, { "subject": "without words" }, { "comment": { "body": "c" } },
    ]});
    let expected = json!([
        { "index": 0, "id": 8 },
        { "index": 1, "error": "TicketCreateFailed", "details": "Description: cannot be blank" },
        { "index": 2, "id": 9 },
    ]);
    assert_eq!(results(&fake, Method::POST, CREATE, &body).await, expected);
    assert_eq!(fake.ticket(8).expect("a ticket")["subject"], "A");
}

#[tokio::test]
async fn idempotency_keys_do_not_count_in_jobs() {
    let fake = Zendesk::builder().tickets(7).start().expect("a fake");
    let body = json!({ "tickets": [{ "comment": { "body": "a" } }] });
    for _ in 0..2 {
        send(&fake, Method::POST, CREATE, &body).header("idempotency-key", "k").expect(200).await;
    }
    assert_eq!(fake.ticket_count(), 9);
}

#[tokio::test]
async fn many_tickets_are_updated_each_in_its_way_or_all_alike() {
    let fake = Zendesk::builder().start().expect("a fake");
    let body = json!({ "tickets": [
        { "id": 1, "priority": "low", "safe_update": true, "updated_stamp": "2001-01-01T00:00:00Z" },
        { "id": 5, "priority": "low" }, { "id": 99, "priority": "low" },
    ]});
    let updated = |id: u64| json!({ "id": id, "action": "update", "status": "Updated", "success": true });
    let failed = |id: u64, why: &str| json!({ "id": id, "action": "update", "status": "Failed", "success": false, "error": "TicketUpdateFailed", "details": why });
    let expected =
        json!([updated(1), failed(5, "Status: closed prevents ticket update"), failed(99, "Not found")]);
    assert_eq!(results(&fake, Method::PUT, UPDATE, &body).await, expected, "a job knows no safe update");
    let alike = json!({ "ticket": { "priority": "urgent" } });
    let path = format!("{UPDATE}?ids=2,3");
    assert_eq!(results(&fake, Method::PUT, &path, &alike).await, json!([updated(2), updated(3)]));
    for (id, priority) in [(1, "low"), (2, "urgent"), (3, "urgent")] {
        assert_eq!(fake.ticket(id).expect("a ticket")["priority"], priority);
    }
}

#[tokio::test]
async fn jobs_have_their_bounds() {
    let fake = Zendesk::builder().start().expect("a fake");
    let update = async |body: Value| send(&fake, Method::PUT, UPDATE, &body).answer().await;
    let tickets: Vec<_> = (0..101).map(|id| json!({ "id": id })).collect();
    assert_eq!(update(json!({ "tickets": tickets })).await.status, 400);
    assert_eq!(update(json!({ "tickets": [1] })).await.status, 400);
    assert_eq!(update(json!({ "ticket": {} })).await.status, 400);
    for _ in 0..30 {
        assert_eq!(update(json!({ "tickets": [] })).await.status, 200);
    }
    let refused = update(json!({ "tickets": [] })).await;
    assert_eq!((refused.status, &refused.json()["error"]), (429, &json!("TooManyJobs")));
    let jobs = get(&fake, "/api/v2/job_statuses.json").expect(200).await;
    assert_eq!(jobs["job_statuses"].as_array().expect("a list").len(), 30);
    assert_eq!(get(&fake, "/api/v2/job_statuses/nothing.json").answer().await.status, 404);
}
