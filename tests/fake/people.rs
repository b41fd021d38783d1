//! Users that are written and looked for, and what marks updates of tickets.

use crate::client::{Answer, get, send};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use tests::zendesk::Zendesk;

async fn post(fake: &Zendesk, user: Value) -> Answer {
    send(fake, Method::POST, "/api/v2/users.json", &json!({ "user": user })).answer().await
}

async fn put(fake: &Zendesk, index: u64, user: Value) -> Answer {
    let path = format!("/api/v2/users/{}.json", Zendesk::user_id(index));
    send(fake, Method::PUT, &path, &json!({ "user": user })).answer().await
}

#[tokio::test]
async fn an_update_of_a_user_changes_what_it_names_but_not_the_address() {
    let fake = Zendesk::builder().start().expect("a fake");
    let before = fake.user(Zendesk::user_id(3)).expect("a user");
    let answer =
        put(&fake, 3, json!({ "name": "New", "email": "second@customer.example", "id": 1, "unknown": 2 }))
            .await;
    let user = answer.json()["user"].clone();
    assert_eq!((answer.status, &user["name"], &user["email"]), (200, &json!("New"), &before["email"]));
    assert_ne!(user["updated_at"], before["updated_at"]);
    assert_eq!(
        put(&fake, 3, json!({ "name": "New" })).await.json()["user"]["updated_at"],
        user["updated_at"]
    );
    assert_eq!(put(&fake, 3, json!({ "name": "" })).await.status, 422);
    assert_eq!(put(&fake, 3, json!({ "role": "king" })).await.status, 422);
    assert_eq!(put(&fake, 77, json!({ "name": "Nobody" })).await.status, 404);
}

#[tokio::test]
async fn an_external_id_belongs_to_one_user_whatever_the_case() {
    let fake = Zendesk::builder().users(4).start().expect("a fake");
    let made = post(&fake, json!({ "name": "A", "external_id": "Ours-1" })).await;
    assert_eq!(made.status, 201);
    let twin = post(&fake, json!({ "name": "B", "external_id": "ours-1" })).await;
    assert_eq!(
        (twin.status, &twin.json()["details"]["external_id"][0]["error"]),
        (422, &json!("DuplicateValue"))
    );
    let found = get(&fake, "/api/v2/users.json?external_id=OURS-1").answer().await;
    assert_eq!(found.ids("users"), [Zendesk::user_id(4)]);
    assert_eq!(
        get(&fake, "/api/v2/users.json?external_id=other").answer().await.ids("users"),
        Vec::<u64>::new()
    );
    let path = "/api/v2/users/create_or_update.json";
    let body = |email: &str| json!({ "user": { "name": "C", "external_id": "ours-1", "email": email } });
    let changed = send(&fake, Method::POST, path, &body("c@customer.example")).answer().await;
    assert_eq!((changed.status, changed.json()["user"]["id"].as_u64()), (200, Some(Zendesk::user_id(4))));
    assert_eq!(fake.user_count(), 5);
}

#[tokio::test]
async fn a_new_user_is_searched_for_in_vain_until_he_is_indexed() {
    let fake = Zendesk::builder().users(4).start().expect("a fake");
    let search = async |query: &str| {
        get(&fake, &format!("/api/v2/users/search.json?query={query}")).answer().await.ids("users")
    };
    assert_eq!(search("email:user3@customer.example").await, [Zendesk::user_id(3)]);
    assert_eq!(search("customer.example").await.len(), 3);
    assert_eq!(post(&fake, json!({ "name": "New", "email": "new@customer.example" })).await.status, 201);
    assert_eq!(search("email:new@customer.example").await, Vec::<u64>::new());
    fake.advance_clock(Duration::from_secs(61));
    assert_eq!(search("email:new@customer.example").await, [Zendesk::user_id(4)]);
    assert_eq!(get(&fake, "/api/v2/users/search.json").answer().await.status, 400);
}

#[tokio::test]
async fn records_of_some_ids_come_in_one_answer() {
    let fake = Zendesk::builder().tickets(9).users(4).start().expect("a fake");
    fake.delete_ticket(3).expect("a deletion");
    let path = format!("/api/v2/users/{}.json", Zendesk::user_id(2));
    let deleted = send(&fake, Method::DELETE, &path, &json!({})).expect(200).await;
    assert_eq!(deleted["user"]["active"], false);
    let some = async |path: &str| get(&fake, path).answer().await;
    assert_eq!(some("/api/v2/tickets/show_many.json?ids=4,3,2,99").await.ids("tickets"), [4, 2]);
    let (one, two) = (Zendesk::user_id(1), Zendesk::user_id(2));
    let users = some(&format!("/api/v2/users/show_many.json?ids={one},{two}")).await;
    assert_eq!(users.ids("users"), [one, two]);
    assert_eq!(users.json()["users"][1]["active"], false, "a deleted user is shown");
    let many = (0..101).map(|id| id.to_string()).collect::<Vec<_>>().join(",");
    for query in ["", "?ids=", "?ids=one", &format!("?ids={many}")] {
        assert_eq!(some(&format!("/api/v2/tickets/show_many.json{query}")).await.status, 400, "{query}");
    }
}

#[tokio::test]
async fn what_an_update_is_marked_with_stands_in_its_audit() {
    let fake = Zendesk::builder().start().expect("a fake");
    let update = |ticket: Value| {
        send(&fake, Method::PUT, "/api/v2/tickets/1.json", &json!({ "ticket": ticket })).expect(200)
    };
    assert_eq!(get(&fake, "/api/v2/tickets/1/audits.json").answer().await.ids("audits"), Vec::<u64>::new());
    update(json!({ "subject": "New" })).await;
    let marked = update(json!({ "comment": { "body": "Hello" }, "metadata": { "mine": "7" } })).await;
    update(json!({ "subject": "New", "metadata": { "mine": "8" } })).await;

    let audits = get(&fake, "/api/v2/tickets/1/audits.json?page[size]=1").expect(200).await;
    assert_eq!(
        (&audits["audits"][0]["metadata"]["custom"], &audits["meta"]["has_more"]),
        (&json!({}), &json!(true))
    );
    let rest = get(&fake, audits["links"]["next"].as_str().expect("a link")).expect(200).await;
    let audit = &rest["audits"][0];
    assert_eq!(
        rest["audits"].as_array().expect("a list").len(),
        1,
        "an update that does nothing leaves no trace"
    );
    assert_eq!(
        (&audit["metadata"]["custom"], &audit["id"]),
        (&json!({ "mine": "7" }), &marked["audit"]["id"])
    );
    let shown = get(&fake, &format!("/api/v2/tickets/1/audits/{}.json", audit["id"])).expect(200).await;
    assert_eq!(shown["audit"], *audit);
    let comments =
        get(&fake, "/api/v2/tickets/1/comments.json?page[size]=1&sort=-created_at").expect(200).await;
    assert_eq!(comments["comments"][0]["metadata"]["custom"], json!({ "mine": "7" }));
    assert_eq!(get(&fake, "/api/v2/tickets/99/audits.json").answer().await.status, 404);
}
