//! Lists: comments, tickets and users, by cursor and by offset.

use crate::client::{Answer, get};
use serde_json::json;
use tests::zendesk::Zendesk;

async fn by_cursor(fake: &Zendesk, name: &str, path: &str, size: u64) -> (Vec<u64>, u64) {
    let (mut url, mut ids, mut pages) = (format!("{path}?page[size]={size}"), Vec::new(), 0);
    loop {
        let answer = get(fake, &url).answer().await;
        ids.extend(answer.ids(name));
        pages += 1;
        let document = answer.json();
        if document["meta"]["has_more"] != true {
            return (ids, pages);
        }
        url = document["links"]["next"].as_str().expect("a link").to_owned();
    }
}

async fn by_offset(fake: &Zendesk, name: &str, path: &str, size: u64) -> Vec<u64> {
    let (mut url, mut ids) = (Some(format!("{path}?per_page={size}")), Vec::new());
    while let Some(here) = url {
        let answer = get(fake, &here).answer().await;
        ids.extend(answer.ids(name));
        url = answer.json()["next_page"].as_str().map(str::to_owned);
    }
    ids
}

#[tokio::test]
async fn both_ways_of_paging_reach_every_record_once() {
    let fake = Zendesk::builder().users(23).tickets(41).comments_per_ticket(17).start().expect("a fake");
    fake.add_comment(3, json!({ "body": "one more" })).expect("a comment");
    fake.delete_ticket(9).expect("a deletion");
    for (name, path, expected) in [
        ("comments", "/api/v2/tickets/3/comments.json", 18),
        ("tickets", "/api/v2/tickets.json", 40),
        ("users", "/api/v2/users.json", 23),
    ] {
        for size in [100, 6, 1] {
            let (ids, pages) = by_cursor(&fake, name, path, size).await;
            assert_eq!((ids.len(), pages), (expected, (expected as u64).div_ceil(size)), "{name} by cursor");
            assert!(ids.is_sorted_by(|one, next| one < next), "{name} by cursor: {ids:?}");
            assert_eq!(by_offset(&fake, name, path, size).await, ids, "{name} by offset");
        }
    }
}

#[tokio::test]
async fn cursor_pages_lead_back_and_run_backwards() {
    let fake = Zendesk::builder().tickets(7).start().expect("a fake");
    let second = get(&fake, "/api/v2/tickets.json?page[size]=3").answer().await.json()["links"]["next"]
        .as_str()
        .expect("a link")
        .to_owned();
    let answer = get(&fake, &second).answer().await;
    assert_eq!(answer.ids("tickets"), [4, 5, 6]);
    let back = get(&fake, answer.json()["links"]["prev"].as_str().expect("a link")).answer().await;
    assert_eq!(back.ids("tickets"), [1, 2, 3]);
    assert_eq!(
        get(&fake, "/api/v2/tickets.json?page[size]=3&sort=-id").answer().await.ids("tickets"),
        [7, 6, 5]
    );
    let comments = get(&fake, "/api/v2/tickets/1/comments.json?page[size]=5&sort=-created_at")
        .answer()
        .await
        .ids("comments");
    assert!(comments.len() == 2 && comments[0] > comments[1], "{comments:?}");
}

#[tokio::test]
async fn the_last_page_is_told_by_has_more_and_by_nothing_else() {
    let fake = Zendesk::builder().tickets(4).start().expect("a fake");
    let document = get(&fake, "/api/v2/tickets.json?page[size]=4").expect(200).await;
    assert_eq!(document["meta"]["has_more"], false);
    assert!(document["links"]["next"].is_string(), "a client that follows links does not stop");
}

#[tokio::test]
async fn pages_that_the_vendor_does_not_serve_are_refused() {
    let fake = Zendesk::builder().start().expect("a fake");
    let check = async |query: &str, code: &str| {
        let answer: Answer = get(&fake, &format!("/api/v2/tickets.json?{query}")).answer().await;
        assert_eq!(answer.status, 400, "{query}: {}", answer.text);
        assert!(answer.text.contains(code), "{query}: {}", answer.text);
    };
    check("page[size]=101", "InvalidPaginationParameter").await;
    check("page[size]=0", "InvalidPaginationParameter").await;
    check("page[size]=true", "must be an integer").await;
    check("page[size]=10&page[after]=nonsense", "InvalidPaginationParameter").await;
    check("page[size]=10&sort=subject", "InvalidPaginationParameter").await;
    check("page=101&per_page=100", "InvalidPaginationDepth").await;
    check("page=two", "must be an integer").await;
}

#[tokio::test]
async fn a_ticket_is_found_by_its_external_id() {
    let fake = Zendesk::builder().tickets(9).start().expect("a fake");
    let made = fake.create_ticket(json!({ "external_id": "mine" })).expect("a ticket");
    assert_eq!(get(&fake, "/api/v2/tickets.json?external_id=ext-8").answer().await.ids("tickets"), [8]);
    assert_eq!(
        get(&fake, "/api/v2/tickets.json?external_id=mine").answer().await.ids("tickets"),
        [made["id"].as_u64().expect("an id")]
    );
    assert_eq!(
        get(&fake, "/api/v2/tickets.json?external_id=nobody's").answer().await.ids("tickets"),
        Vec::<u64>::new()
    );
}

#[tokio::test]
async fn the_first_comment_is_the_description() {
    let fake = Zendesk::builder().tickets(3).start().expect("a fake");
    let ticket = get(&fake, "/api/v2/tickets/2.json").expect(200).await;
    let comments = get(&fake, "/api/v2/tickets/2/comments.json").expect(200).await;
    assert_eq!(comments["comments"][0]["body"], ticket["ticket"]["description"]);
    assert_eq!(comments["comments"][0]["author_id"], ticket["ticket"]["requester_id"]);
    assert_eq!(comments["count"], 2);
}
