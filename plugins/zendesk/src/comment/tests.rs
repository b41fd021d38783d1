//! What `ticket-comment` does with due tickets.

use crate::Zendesk;
use tidegate_sdk::{
    Class, Connector, Error, Page, PullRequest,
    run::Budget,
    testing::{self, Script, set_budget},
};

fn due(keys: &[&str]) -> PullRequest {
    let keys = keys.iter().map(|key| (*key).to_owned()).collect();
    PullRequest { keys, ..testing::pull_request("ticket-comment") }
}

fn again(page: &Page, keys: &[&str]) -> PullRequest {
    PullRequest { position: page.position.clone(), ..due(keys) }
}

fn line(ticket: &str) -> String {
    format!("GET /api/v2/tickets/{ticket}/comments.json?page[size]=100")
}

fn line_after(ticket: &str, after: &str) -> String {
    format!("{}&page[after]={after}", line(ticket))
}

fn comments(ids: std::ops::Range<u32>, after: Option<&str>) -> String {
    let comments: Vec<_> =
        ids.map(|id| format!(r#"{{"id": {id}, "created_at": "2023-11-14T22:13:20Z"}}"#)).collect();
    let cursor = after.map_or("null".to_owned(), |after| format!("\"{after}\""));
    format!(
        r#"{{"comments": [{}], "meta": {{"has_more": {}, "after_cursor": {cursor}}}, "links": {{"next": null}}}}"#,
        comments.join(", "),
        after.is_some()
    )
}

fn keys(page: &Page) -> Vec<&str> {
    page.records.iter().map(|record| record.key.as_str()).collect()
}

fn rejected(page: &Page) -> Vec<&str> {
    page.rejects.iter().map(|reject| reject.key.as_str()).collect()
}

#[test]
fn comments_of_due_tickets_are_read_whole_and_settled() {
    let comment = r#"{"id": 8, "type": "Comment", "author_id": 1, "body": "a\nb", "created_at": "2023-11-14T22:13:20Z", "metadata": {"x": 1.10}}"#;
    let body = format!(r#"{{"comments": [{comment}], "meta": {{"has_more": false, "after_cursor": "x"}}}}"#);
    let zendesk = Script::new().on(&line("1"), 200, body).on(&line("2"), 200, comments(0..0, None));
    let page = Zendesk::pull(&zendesk, &due(&["1", "2"])).unwrap();
    assert_eq!((page.records[0].key.as_str(), page.records[0].updated_ms), ("8", Some(1_700_000_000_000)));
    assert_eq!(page.records[0].payload, comment.as_bytes());
    assert_eq!(page.settled, ["1", "2"]);
    assert!(!page.more);
}

#[test]
fn long_ticket_is_read_to_its_end_within_the_step() {
    let zendesk = Script::new()
        .on(&line("1"), 200, comments(0..100, Some("c1")))
        .on(&line("2"), 200, comments(500..501, None))
        .on(&line_after("1", "c1"), 200, comments(100..200, Some("c2")))
        .on(&line_after("1", "c2"), 200, comments(200..201, None));
    let page = Zendesk::pull(&zendesk, &due(&["1", "2"])).unwrap();
    assert_eq!(page.records.len(), 202);
    assert_eq!(page.settled, ["2", "1"]);
}

#[test]
fn partly_read_ticket_stays_due_and_goes_on_where_it_was_left() {
    set_budget(Budget { cpu_ms: 5_000, wall_ms: 60_000, requests: 2, response_bytes: 1 << 20 });
    let zendesk = Script::new()
        .on(&line("1"), 200, comments(0..100, Some("c1")))
        .on(&line("2"), 200, comments(500..501, None))
        .on(&line_after("1", "c1"), 200, comments(100..101, None));
    let page = Zendesk::pull(&zendesk, &due(&["1", "2"])).unwrap();
    assert_eq!((page.settled.as_slice(), page.more), (&["2".to_owned()][..], true));
    let page = Zendesk::pull(&zendesk, &again(&page, &["1"])).unwrap();
    assert_eq!((keys(&page), page.settled.as_slice()), (vec!["100"], &["1".to_owned()][..]));
    assert_eq!(page.position.as_deref(), Some(&br#"{"tickets":{}}"#[..]));
}

#[test]
fn page_holds_ten_times_the_limit_at_most() {
    let zendesk = Script::new().on(&line("1").replace("100", "50"), 200, comments(0..50, Some("c1"))).on(
        &line("2"),
        200,
        comments(500..501, None),
    );
    let request = PullRequest { limit: 5, ..due(&["1", "2"]) };
    let page = Zendesk::pull(&zendesk, &request).unwrap();
    assert_eq!((page.records.len(), page.settled.len(), page.more), (50, 0, true));
}

#[test]
fn missing_ticket_is_settled_without_a_word() {
    let zendesk = Script::new().on(&line("1"), 404, r#"{"error": "RecordNotFound"}"#).on(
        &line("2"),
        200,
        comments(5..6, None),
    );
    let page = Zendesk::pull(&zendesk, &due(&["1", "2"])).unwrap();
    assert_eq!((page.settled.len(), page.rejects.len(), page.records.len()), (2, 0, 1));
}

#[test]
fn unreadable_ticket_is_rejected_and_the_others_go_on() {
    let check = |status: u16, body: &str, class: Class, words: &str| {
        let zendesk = Script::new().on(&line("1"), status, body).on(&line("2"), 200, comments(5..6, None));
        let page = Zendesk::pull(&zendesk, &due(&["1", "2"])).unwrap();
        assert_eq!((keys(&page), rejected(&page)), (vec!["5"], vec!["1"]), "{body}");
        assert_eq!((page.settled.len(), page.rejects[0].reason.class), (2, class));
        assert!(page.rejects[0].reason.message.contains(words), "{}", page.rejects[0].reason);
    };
    check(403, r#"{"error": "Forbidden"}"#, Class::Auth, "Forbidden");
    check(422, "{}", Class::InvalidData, "422");
    check(200, r#"{"comments": [{"id": 1}"#, Class::Transient, "in the middle");
    check(200, "<html>", Class::InvalidData, "not as expected");
    check(200, r#"{"comments": []}"#, Class::InvalidData, "missing field `meta`");
    check(
        200,
        r#"{"comments": [], "meta": {"has_more": true, "after_cursor": null}}"#,
        Class::InvalidData,
        "but not where",
    );
}

#[test]
fn bad_comment_is_rejected_and_its_ticket_settled() {
    let body = r#"{"comments": [{"id": 1}, {"body": "no id"}, 7], "meta": {"has_more": false}}"#;
    let page = Zendesk::pull(&Script::new().on(&line("1"), 200, body), &due(&["1"])).unwrap();
    assert_eq!((keys(&page), page.settled.as_slice()), (vec!["1"], &["1".to_owned()][..]));
    assert_eq!(rejected(&page), ["comment 2 of ticket 1", "comment 3 of ticket 1"]);
}

#[test]
fn key_that_is_no_id_never_reaches_a_path() {
    let page = Zendesk::pull(&Script::new(), &due(&["../users", ""])).unwrap();
    assert_eq!((rejected(&page), page.settled.len()), (vec!["../users", ""], 2));
}

#[test]
fn position_that_zendesk_refuses_begins_the_ticket_again() {
    let zendesk = Script::new()
        .on(&line("1"), 200, comments(0..1, Some("c1")))
        .on(&line_after("1", "c1"), 400, r#"{"error": "InvalidPaginationParameter"}"#)
        .on(&line("1"), 200, comments(0..2, None));
    let page = Zendesk::pull(&zendesk, &due(&["1"])).unwrap();
    assert_eq!((page.settled.as_slice(), rejected(&page).len()), (&["1".to_owned()][..], 0));
}

#[test]
fn many_refusals_and_nothing_else_are_not_the_tickets_fault() {
    let ids: Vec<_> = (0..10).map(|id| id.to_string()).collect();
    let keys: Vec<_> = ids.iter().map(String::as_str).collect();
    let check = |status: u16, body: &str, class: Class| {
        let zendesk = ids.iter().fold(Script::new(), |script, id| script.on(&line(id), status, body));
        let error = Zendesk::pull(&zendesk, &due(&keys)).unwrap_err();
        assert_eq!(error.class, class, "{status} {body}");
        assert!(error.message.contains("all 10 tickets"), "{error}");
        // With one that goes well, they are the tickets'.
        let zendesk = ids[1..].iter().fold(Script::new(), |script, id| script.on(&line(id), status, body));
        let page = Zendesk::pull(&zendesk.on(&line("0"), 200, comments(5..6, None)), &due(&keys)).unwrap();
        assert_eq!(page.settled.len(), 10, "{status} {body}");
    };
    check(403, r#"{"error": "Forbidden"}"#, Class::Auth);
    check(404, "<html>", Class::NotFound);
    check(409, "{}", Class::Conflict);
    check(200, "<html>maintenance</html>", Class::InvalidData);
}

#[test]
fn many_answers_too_large_and_nothing_else_are_not_the_tickets_fault() {
    let ids: Vec<_> = (0..10).map(|id| id.to_string()).collect();
    let too_large = || Error::limit("limit.response-bytes", "too large");
    let zendesk = ids.iter().fold(Script::new(), |script, id| script.fail(&line(id), too_large()));
    let keys: Vec<_> = ids.iter().map(String::as_str).collect();
    assert_eq!(Zendesk::pull(&zendesk, &due(&keys)), Err(too_large()));
}

#[test]
fn failing_step_is_an_error_and_keeps_everything_due() {
    let down = || Error::transient("http.status.503", "down");
    let zendesk = Script::new().fail(&line("1"), down()).fail(&line("2"), down());
    assert_eq!(Zendesk::pull(&zendesk, &due(&["1", "2"])), Err(down()));
}

#[test]
fn ticket_that_keeps_failing_while_others_do_not_is_rejected() {
    let broken = || Error::transient("http.status.500", "broken");
    let mut page = Page::new();
    for step in 0..3 {
        let zendesk =
            Script::new().fail(&line("1"), broken()).on(&line("2"), 200, comments(step..step + 1, None));
        page = Zendesk::pull(&zendesk, &again(&page, &["1", "2"])).unwrap();
        assert_eq!(page.records.len(), 1);
        assert_eq!(
            (page.more, page.settled.len()),
            if step < 2 { (true, 1) } else { (false, 2) },
            "step {step}"
        );
    }
    assert_eq!((rejected(&page), &page.rejects[0].reason), (vec!["1"], &broken()));
}

#[test]
fn ticket_too_large_for_the_host_is_rejected() {
    let zendesk = Script::new().fail(&line("1"), Error::limit("limit.response-bytes", "too large"));
    let page = Zendesk::pull(&zendesk, &due(&["1"])).unwrap();
    assert_eq!((rejected(&page), page.settled.len(), page.more), (vec!["1"], 1, false));
}

#[test]
fn cancelled_step_returns_what_it_has() {
    testing::cancel();
    let zendesk = Script::new().on(&line("1"), 200, comments(0..100, Some("c1")));
    let page = Zendesk::pull(&zendesk, &due(&["1"])).unwrap();
    assert_eq!((page.records.len(), page.settled.len(), page.more), (100, 0, true));
}

#[test]
fn page_of_large_comments_ends_before_it_is_too_large_for_the_host() {
    let large = |id: u32, mib: usize| {
        let text = "x".repeat(mib << 20);
        format!(r#"{{"comments": [{{"id": {id}, "body": "{text}"}}], "meta": {{"has_more": false}}}}"#)
    };
    let zendesk = Script::new().on(&line("1"), 200, large(1, 7)).on(&line("2"), 200, large(2, 7)).on(
        &line("3"),
        200,
        large(3, 1),
    );
    let page = Zendesk::pull(&zendesk, &due(&["1", "2", "3"])).unwrap();
    assert_eq!((keys(&page), page.settled.len(), page.more), (vec!["1", "3"], 2, true));

    let page = Zendesk::pull(&Script::new().on(&line("1"), 200, large(1, 13)), &due(&["1"])).unwrap();
    assert_eq!((rejected(&page), page.settled.len(), page.more), (vec!["1"], 1, false));
}
