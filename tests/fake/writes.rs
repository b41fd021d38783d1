//! Writes: checked, kept, told in an audit, safe to repeat.

use crate::client::{Answer, get, send};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use tests::zendesk::Zendesk;

const TICKETS: &str = "/api/v2/tickets.json";

async fn put(fake: &Zendesk, id: u64, ticket: Value) -> Answer {
    send(fake, Method::PUT, &format!("/api/v2/tickets/{id}.json"), &json!({ "ticket": ticket }))
        .answer()
        .await
}

#[tokio::test]
async fn a_ticket_is_created_with_its_first_comment() {
    let fake = Zendesk::builder().tickets(7).start().expect("a fake");
    let body = json!({ "ticket": {
        "subject": "Größe", "comment": { "body": "It <fits> not" }, "priority": "high", "tags": ["b", "a", "b"],
        "requester": { "name": "New Person", "email": "new@customer.example" }, "unknown": 1, "id": 99,
    }});
    let answer = send(&fake, Method::POST, TICKETS, &body).answer().await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    assert_eq!(answer.headers["location"], format!("{}/api/v2/tickets/8.json", fake.url()));
    let document = answer.json();
    let ticket = &document["ticket"];
    assert_eq!(
        (&ticket["id"], &ticket["status"], &ticket["description"]),
        (&json!(8), &json!("new"), &json!("It <fits> not"))
    );
    assert_eq!((&ticket["tags"], ticket.get("unknown")), (&json!(["a", "b"]), None));
    assert_eq!(document["audit"]["events"][0]["type"], "Comment");
    let requester = ticket["requester_id"].as_u64().expect("an id");
    assert_eq!(fake.user(requester).expect("a user")["email"], "new@customer.example");
    let comments = get(&fake, "/api/v2/tickets/8/comments.json").expect(200).await;
    assert_eq!(
        comments["comments"][0]["html_body"],
        "<div class=\"zd-comment\" dir=\"auto\"><p>It &lt;fits&gt; not</p></div>"
    );
    assert_eq!(comments["comments"][0]["id"], document["audit"]["events"][0]["id"]);
    assert_eq!(get(&fake, "/api/v2/tickets/8.json").expect(200).await["ticket"], *ticket);
}

#[tokio::test]
async fn what_is_wrong_is_told_by_property() {
    let fake = Zendesk::builder().users(60).start().expect("a fake");
    let check = async |ticket: Value, property: &str| {
        let answer = put(&fake, 2, ticket.clone()).await;
        assert_eq!(answer.status, 422, "{ticket}: {}", answer.text);
        let document = answer.json();
        assert_eq!(
            (&document["error"], &document["description"]),
            (&json!("RecordInvalid"), &json!("Record validation errors"))
        );
        assert!(document["details"][property][0]["description"].is_string(), "{ticket}: {document}");
    };
    check(json!({ "status": "done" }), "status").await;
    check(json!({ "status": null }), "status").await;
    check(json!({ "priority": "highest" }), "priority").await;
    check(json!({ "type": 7 }), "type").await;
    check(json!({ "subject": ["a"] }), "subject").await;
    check(json!({ "requester_id": 5 }), "requester").await;
    check(json!({ "assignee_id": Zendesk::user_id(7) }), "assignee").await;
    check(json!({ "custom_fields": [{ "value": 1 }] }), "custom_fields").await;
    check(json!({ "comment": "text" }), "comment").await;
    check(json!({ "status": "solved" }), "base").await;
    let answer =
        send(&fake, Method::POST, TICKETS, &json!({ "ticket": { "comment": { "Body": "capital" } } }))
            .answer()
            .await;
    assert_eq!(
        (answer.status, answer.json()["details"]["base"][0]["description"].as_str()),
        (422, Some("Description: cannot be blank"))
    );
    assert_eq!(fake.stats().answered["PUT /api/v2/tickets/{id}.json"][&422], 10);
}

#[tokio::test]
async fn an_update_changes_what_it_names_and_nothing_else() {
    let fake = Zendesk::builder().start().expect("a fake");
    let before = fake.ticket(1).expect("a ticket");
    let field = before["custom_fields"][1]["id"].clone();
    let answer = put(
        &fake,
        1,
        json!({ "priority": "urgent", "subject": "New", "custom_fields": [{ "id": field, "value": "9" }] }),
    )
    .await;
    let document = answer.json();
    let mut expected = before.clone();
    for (name, value) in
        [("priority", json!("urgent")), ("subject", json!("New")), ("raw_subject", json!("New"))]
    {
        expected[name] = value;
    }
    expected["custom_fields"][1]["value"] = json!("9");
    for name in ["updated_at", "generated_timestamp"] {
        assert_ne!(document["ticket"][name], before[name], "{name}");
        expected[name] = document["ticket"][name].clone();
    }
    assert_eq!(document["ticket"], expected);
    let names: Vec<_> = document["audit"]["events"]
        .as_array()
        .expect("events")
        .iter()
        .map(|event| &event["field_name"])
        .collect();
    assert_eq!(names, ["subject", "priority", "custom_fields"]);

    let idle = put(&fake, 1, json!({ "priority": "urgent" })).await.json();
    assert_eq!(idle["ticket"]["updated_at"], document["ticket"]["updated_at"], "nothing changed");
}

#[tokio::test]
async fn comments_are_public_as_the_first_one_was_unless_told() {
    let fake = Zendesk::builder().start().expect("a fake");
    let event = |answer: Answer| answer.json()["audit"]["events"][0].clone();
    let public = event(put(&fake, 1, json!({ "comment": { "body": "As usual" } })).await);
    assert_eq!((&public["type"], &public["public"]), (&json!("Comment"), &json!(true)));
    let private = event(
        put(
            &fake,
            1,
            json!({ "comment": { "body": "Secret", "public": false, "author_id": Zendesk::user_id(2) } }),
        )
        .await,
    );
    assert_eq!((&private["public"], &private["author_id"]), (&json!(false), &json!(Zendesk::user_id(2))));
    let body = json!({ "ticket": { "comment": { "body": "Note", "public": false } } });
    let id =
        send(&fake, Method::POST, TICKETS, &body).expect(201).await["ticket"]["id"].as_u64().expect("an id");
    assert_eq!(event(put(&fake, id, json!({ "comment": { "body": "Inherits" } })).await)["public"], false);
}

#[tokio::test]
async fn a_safe_update_loses_to_a_change_in_between() {
    let fake = Zendesk::builder().start().expect("a fake");
    let stamp = fake.ticket(1).expect("a ticket")["updated_at"].clone();
    let safe = |subject: &str, stamp: &Value| json!({ "subject": subject, "safe_update": true, "updated_stamp": stamp });
    assert_eq!(put(&fake, 1, safe("mine", &stamp)).await.status, 200);
    let conflict = put(&fake, 1, safe("too late", &stamp)).await;
    assert_eq!((conflict.status, &conflict.json()["error"]), (409, &json!("UpdateConflict")));
    assert_eq!(fake.ticket(1).expect("a ticket")["subject"], "mine");
    let stamp = fake.ticket(1).expect("a ticket")["updated_at"].clone();
    assert_eq!(put(&fake, 1, safe("in time", &stamp)).await.status, 200);
}

#[tokio::test]
async fn a_closed_ticket_refuses_everything() {
    let fake = Zendesk::builder().start().expect("a fake");
    assert_eq!(put(&fake, 1, json!({ "status": "closed" })).await.status, 200);
    for (id, ticket) in
        [(1, json!({ "status": "open" })), (5, json!({ "comment": { "body": "Hello?" } })), (10, json!({}))]
    {
        let answer = put(&fake, id, ticket).await;
        assert_eq!(answer.status, 422, "{id}");
        assert_eq!(
            answer.json()["details"]["status"][0]["description"],
            "Status: closed prevents ticket update"
        );
    }
    assert_eq!(get(&fake, "/api/v2/tickets/1.json").expect(200).await["ticket"]["status"], "closed");
}

#[tokio::test]
async fn a_deleted_ticket_is_gone() {
    let fake = Zendesk::builder().start().expect("a fake");
    let delete = || send(&fake, Method::DELETE, "/api/v2/tickets/3.json", &json!({}));
    let answer = delete().answer().await;
    assert_eq!((answer.status, answer.text.as_str()), (204, ""));
    assert_eq!(delete().answer().await.status, 404);
    assert_eq!(put(&fake, 3, json!({ "subject": "back" })).await.status, 404);
    assert_eq!(get(&fake, "/api/v2/tickets/3/comments.json").answer().await.status, 404);
    assert_eq!(fake.ticket_count(), 24);
}

#[tokio::test]
async fn a_repeated_creation_happens_once_under_its_key() {
    let fake = Zendesk::builder().start().expect("a fake");
    let post = async |text: &str| {
        let body = json!({ "ticket": { "comment": { "body": text } } });
        send(&fake, Method::POST, TICKETS, &body).header("idempotency-key", "key-1").answer().await
    };
    let first = post("once").await;
    let second = post("once").await;
    assert_eq!((first.status, second.status, &first.text), (201, 201, &second.text));
    assert_eq!(
        (first.headers["x-idempotency-lookup"].as_str(), second.headers["x-idempotency-lookup"].as_str()),
        ("miss", "hit")
    );
    let other = post("something else").await;
    assert_eq!((other.status, &other.json()["error"]), (400, &json!("IdempotentRequestError")));
    assert_eq!(fake.ticket_count(), 26);
    fake.advance_clock(Duration::from_secs(2 * 3600));
    assert_eq!(post("once").await.status, 201);
    assert_eq!(fake.ticket_count(), 27, "the key is kept for two hours");
    let plain = send(&fake, Method::POST, TICKETS, &json!({ "ticket": { "comment": { "body": "once" } } }))
        .answer()
        .await;
    assert!(!plain.headers.contains_key("x-idempotency-lookup"));
}

#[tokio::test]
async fn a_user_is_created_once_per_address() {
    let fake = Zendesk::builder().users(4).start().expect("a fake");
    let post = async |user: Value| {
        send(&fake, Method::POST, "/api/v2/users.json", &json!({ "user": user })).answer().await
    };
    let made = post(json!({ "name": "Ünal", "email": "unal@customer.example", "role": "end-user" })).await;
    assert_eq!((made.status, made.json()["user"]["id"].as_u64()), (201, Some(Zendesk::user_id(4))));
    for email in ["unal@customer.example", "user3@customer.example", "agent@example.com"] {
        let answer = post(json!({ "name": "Twin", "email": email })).await;
        assert_eq!(
            (answer.status, &answer.json()["details"]["email"][0]["error"]),
            (422, &json!("DuplicateValue")),
            "{email}"
        );
    }
    assert_eq!(post(json!({ "email": "no@name.example" })).await.status, 422);
    assert_eq!(post(json!({ "name": "Bad", "email": "bad" })).await.status, 422);
    assert_eq!(post(json!({ "name": "Bad", "role": "king" })).await.status, 422);
    assert_eq!(post(json!({ "name": "Out of range", "email": "user4@customer.example" })).await.status, 201);
    assert_eq!(fake.user_count(), 6);
}
