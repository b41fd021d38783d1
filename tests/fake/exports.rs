//! Incremental exports: complete, in order, and nothing lost to a change in between.

use crate::client::{Answer, get};
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};
use tests::zendesk::Zendesk;

const TICKETS: &str = "/api/v2/incremental/tickets/cursor.json";
const USERS: &str = "/api/v2/incremental/users/cursor.json";

async fn page(fake: &Zendesk, path: &str, query: &str) -> Answer {
    let answer = get(fake, &format!("{path}?{query}")).answer().await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer
}

/// Reads on to the end of the stream; answers the ids and the last cursor.
async fn read(fake: &Zendesk, name: &str, first: &str) -> (Vec<u64>, Option<String>) {
    let (mut url, mut ids) = (first.to_owned(), Vec::new());
    loop {
        let answer = get(fake, &url).answer().await;
        ids.extend(answer.ids(name));
        let document = answer.json();
        if document["end_of_stream"] == true {
            return (ids, document["after_cursor"].as_str().map(str::to_owned));
        }
        url = document["after_url"].as_str().expect("a link").to_owned();
    }
}

#[tokio::test]
async fn paging_reaches_every_record_exactly_once() {
    let fake = Zendesk::builder().users(257).tickets(1_234).start().expect("a fake");
    let check = async |name: &str, path: &str, per_page: u64, expected: u64| {
        let (ids, _) = read(&fake, name, &format!("{path}?start_time=0&per_page={per_page}")).await;
        assert_eq!(ids.len() as u64, expected, "{name} by {per_page}");
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len() as u64, expected, "{name} by {per_page}");
    };
    for per_page in [1_000, 100, 99, 333] {
        check("tickets", TICKETS, per_page, 1_234).await;
        check("users", USERS, per_page, 257).await;
    }
}

#[tokio::test]
async fn a_page_holds_at_most_a_thousand() {
    let fake = Zendesk::builder().users(1).tickets(1_001).start().expect("a fake");
    for query in ["start_time=0", "start_time=0&per_page=5000"] {
        let answer = page(&fake, TICKETS, query).await;
        assert_eq!(
            (answer.ids("tickets").len(), answer.json()["end_of_stream"].as_bool()),
            (1_000, Some(false)),
            "{query}"
        );
    }
}

#[tokio::test]
async fn tickets_come_in_the_order_of_their_generated_timestamp() {
    let fake = Zendesk::builder().tickets(400).start().expect("a fake");
    let document = page(&fake, TICKETS, "start_time=0").await.json();
    let tickets = document["tickets"].as_array().expect("a list");
    let times: Vec<_> =
        tickets.iter().map(|ticket| ticket["generated_timestamp"].as_i64().expect("a time")).collect();
    assert!(times.is_sorted());
    assert!(times.windows(2).any(|pair| pair[0] == pair[1]), "some share a time");
    let updated: Vec<_> =
        tickets.iter().map(|ticket| ticket["updated_at"].as_str().expect("a time")).collect();
    assert!(!updated.is_sorted(), "system updates leave updated_at behind");
    let middle = times[200];
    let later = page(&fake, TICKETS, &format!("start_time={middle}")).await.ids("tickets");
    assert_eq!(later.len(), times.iter().filter(|time| **time >= middle).count());
}

#[tokio::test]
async fn a_change_during_paging_appears_again_and_nothing_is_missed() {
    let fake = Zendesk::builder().tickets(50).start().expect("a fake");
    let first = page(&fake, TICKETS, "start_time=0&per_page=20").await;
    assert_eq!(first.ids("tickets"), (1..=20).collect::<Vec<_>>());
    fake.change_ticket(5, json!({ "subject": "changed after it was read" })).expect("a change");
    fake.change_ticket(40, json!({ "subject": "changed before it was read" })).expect("a change");
    fake.delete_ticket(6).expect("a deletion");
    let (rest, cursor) = read(&fake, "tickets", first.json()["after_url"].as_str().expect("a link")).await;
    let expected: Vec<_> = (21..40).chain(41..=50).chain([5, 40, 6]).collect();
    assert_eq!(rest, expected);

    let cursor = cursor.expect("a cursor");
    assert_eq!(page(&fake, TICKETS, &format!("cursor={cursor}")).await.ids("tickets"), Vec::<u64>::new());
    fake.change_ticket(5, json!({ "subject": "changed after the stream had ended" })).expect("a change");
    let again = page(&fake, TICKETS, &format!("cursor={cursor}")).await;
    assert_eq!(again.ids("tickets"), [5]);
    assert_eq!(again.json()["tickets"][0]["subject"], "changed after the stream had ended");
}

#[tokio::test]
async fn deleted_tickets_are_exported_as_deleted_or_left_out() {
    let fake = Zendesk::builder().tickets(3).start().expect("a fake");
    fake.delete_ticket(2).expect("a deletion");
    let all = page(&fake, TICKETS, "start_time=0").await;
    assert_eq!(all.ids("tickets"), [1, 3, 2]);
    assert_eq!(all.json()["tickets"][2]["status"], "deleted");
    assert_eq!(page(&fake, TICKETS, "start_time=0&exclude_deleted=true").await.ids("tickets"), [1, 3]);
    assert_eq!(get(&fake, "/api/v2/tickets/2.json").expect(404).await["error"], "RecordNotFound");
}

#[tokio::test]
async fn what_has_just_changed_is_held_back_for_a_minute() {
    let fake = Zendesk::builder().tickets(2).start().expect("a fake");
    let (_, cursor) = read(&fake, "tickets", &format!("{TICKETS}?start_time=0")).await;
    let query = format!("cursor={}", cursor.expect("a cursor"));
    let body = json!({ "ticket": { "subject": "just now" } });
    crate::client::send(&fake, reqwest::Method::PUT, "/api/v2/tickets/1.json", &body).expect(200).await;
    let hidden = page(&fake, TICKETS, &query).await;
    assert_eq!((hidden.ids("tickets"), hidden.json()["end_of_stream"].as_bool()), (vec![], Some(true)));
    fake.advance_clock(Duration::from_secs(61));
    assert_eq!(page(&fake, TICKETS, &query).await.ids("tickets"), [1]);
}

#[tokio::test]
async fn an_export_without_anything_new_has_no_cursor_to_give() {
    let fake = Zendesk::builder().tickets(0).users(0).start().expect("a fake");
    let document = page(&fake, TICKETS, "start_time=0").await.json();
    let expected = json!({
        "tickets": [], "after_url": null, "before_url": null, "after_cursor": null, "before_cursor": null, "end_of_stream": true,
    });
    assert_eq!(document, expected);
}

#[tokio::test]
async fn a_start_time_must_be_a_number_and_a_minute_old() {
    let fake = Zendesk::builder().start().expect("a fake");
    let now = get(&fake, "/_fake/clock").expect(200).await["now"].as_i64().expect("a time");
    let check = async |query: &str, status: u16, word: &str| {
        let answer = get(&fake, &format!("{TICKETS}{query}")).answer().await;
        assert_eq!(answer.status, status, "{query}: {}", answer.text);
        assert!(answer.text.contains(word), "{query}: {}", answer.text);
    };
    check("", 400, "Invalid attribute").await;
    check("?start_time=yesterday", 400, "must be an integer").await;
    check("?start_time=-1", 422, "InvalidValue").await;
    check(&format!("?start_time={}", now - 10), 422, "Too recent start_time").await;
    check(&format!("?start_time={}", now - 70), 200, "end_of_stream").await;
    check("?cursor=nonsense", 400, "InvalidPaginationParameter").await;
}

#[tokio::test]
async fn the_data_is_the_same_for_the_same_numbers() {
    let read = async || {
        let fake = Zendesk::builder()
            .users(60)
            .tickets(300)
            .public_url("https://acme.example/")
            .start()
            .expect("a fake");
        let texts =
            [page(&fake, TICKETS, "start_time=0").await.text, page(&fake, USERS, "start_time=0").await.text];
        let comments = get(&fake, "/api/v2/tickets/7/comments.json").answer().await.text;
        (texts, comments)
    };
    assert_eq!(read().await, read().await);
}

#[tokio::test]
async fn a_ticket_is_about_a_kilobyte_with_everything_in_it() {
    let fake = Zendesk::builder().users(60).tickets(1_000).start().expect("a fake");
    let answer = page(&fake, TICKETS, "start_time=0").await;
    let average = answer.text.len() / 1_000;
    assert!((900..1_700).contains(&average), "{average} bytes");
    let document = answer.json();
    let ticket = &document["tickets"][0];
    for name in [
        "custom_fields",
        "tags",
        "via",
        "organization_id",
        "group_id",
        "brand_id",
        "satisfaction_rating",
        "requester_id",
    ] {
        assert!(ticket.get(name).is_some(), "{name} in {ticket}");
    }
    assert!(answer.text.contains("プリンター") && answer.text.contains("🔥"), "subjects are not only ASCII");
    let users = page(&fake, USERS, "start_time=0").await.json();
    let ids: BTreeSet<_> =
        users["users"].as_array().expect("users").iter().map(|user| user["id"].as_u64()).collect();
    let known = |id: &Value| id.is_null() || ids.contains(&id.as_u64());
    for ticket in document["tickets"].as_array().expect("tickets") {
        assert!(known(&ticket["requester_id"]) && known(&ticket["assignee_id"]), "{ticket}");
    }
}
