//! What goes first, and comments, which Zendesk takes as parts of their tickets.

use super::*;
use tests::vendor::Rule;

#[test]
fn a_comment_waits_for_its_ticket_and_a_ticket_for_its_requester() {
    let stage = Stage::small();
    stage.fake.set_script(Rule::on("/api/v2/users.json").method("POST").status(422));
    stage.put("user", "anna", &json!({"name": "Anna", "email": "anna@customer.example"}), None);
    stage.refusal();
    let ticket = json!({"subject": "Late", "description": "Where?", "requester_id": "anna"});
    stage.put("ticket", "order-17", &ticket, None);
    stage.put("ticket-comment", "note", &json!({"body": "And?"}), Some("order-17"));
    stage.export();
    let waiting = [("order-17", "waits"), ("note", "waits"), ("anna", "refused")];
    assert_eq!(stage.waiting(), waiting.map(|(key, state)| (key.to_owned(), state)));
    assert_eq!(stage.fake.ticket_count(), 12, "nothing goes ahead of what it names");

    stage.fake.clear_script();
    stage.fake.reset_stats();
    stage.host.ok(["outbox", "retry", CHANNEL, "user", "anna"]).expect("asked for");
    stage.all_gone();
    let (user, ticket) = (stage.remote_id("user", "anna"), stage.remote_id("ticket", "order-17"));
    assert_eq!(stage.fake.ticket(ticket).expect("a ticket")["requester_id"], user);
    let bodies: Vec<_> = stage.fake.new_comments(ticket).iter().map(|one| one["body"].clone()).collect();
    assert_eq!(bodies, ["Where?", "And?"]);
    let writes: Vec<_> = stage.fake.requests().into_iter().filter(|seen| seen.method != "GET").collect();
    let paths: Vec<_> = writes.iter().map(|seen| seen.path.clone()).collect();
    assert_eq!(
        paths,
        ["/api/v2/users.json", "/api/v2/tickets.json", &format!("/api/v2/tickets/{ticket}.json")]
    );
}

#[test]
fn comments_are_public_or_internal_as_they_were_written() {
    let stage = Stage::small();
    stage.put("ticket-comment", "a", &json!({"body": "To the customer", "public": true}), Some("1"));
    stage.put("ticket-comment", "b", &json!({"body": "To colleagues", "public": false}), Some("1"));
    stage.put("ticket-comment", "c", &json!({"html_body": "<p>As usual</p>"}), Some("2"));
    stage.all_gone();
    let shown = |ticket| {
        let comments = stage.fake.new_comments(ticket);
        let mut shown: Vec<_> =
            comments.iter().map(|one| (one["body"].clone(), one["public"].clone())).collect();
        shown.sort_by_key(|(body, _)| body.to_string());
        shown
    };
    assert_eq!(shown(1), [(json!("To colleagues"), json!(false)), (json!("To the customer"), json!(true))]);
    assert_eq!(shown(2), [(json!("<p>As usual</p>"), json!(true))]);
    for key in ["a", "b", "c"] {
        stage.remote_id("ticket-comment", key);
    }
    // Zendesk lets nobody change one, and the connector says so before anything is written.
    let patch = json!({"body": "Otherwise"}).to_string();
    let refused =
        stage.host.cli(["record", "patch", CHANNEL, "ticket-comment", "a", &patch]).expect("it runs");
    assert_ne!(refused.status, Some(0), "{refused:?}");
    assert_eq!(stage.waiting(), []);
}
