//! Answers that nobody got: the host is killed between a creation and what it hears of it.

use super::*;
use tests::vendor::{Action, Rule};

/// The remote system does what it is asked for and answers nothing; then the host is killed.
/// What goes on by itself afterwards looks for what was sent.
fn killed(connector: &str, key: &str, payload: &Value, parent: Option<&str>, request: (&str, &str)) -> Stage {
    let (method, path) = request;
    let kind = format!("{method} {}", path.replace('*', "{id}"));
    let mut stage = Stage::small();
    stage.fake.reset_stats();
    stage.fake.set_script(Rule::on(path).method(method).then(Action::Hang { apply: true }));
    stage.put(connector, key, payload, parent);
    stage.fake.wait_for("the request", |stats| stats.rules[0].acted == 1).expect("it came");
    stage.host.kill().expect("it is killed");
    stage.fake.clear_script();
    stage.host.start().expect("it starts on the same data");
    stage.all_gone();
    assert_eq!(stage.fake.stats().count(&kind), 1, "what was found is not sent again");
    stage.remote_id(connector, key);
    let history = stage.host.items(["record", "history", CHANNEL, connector, key]).expect("steps");
    assert_eq!(history.iter().filter(|step| step["by"] == "answer").count(), 1, "{history:#?}");
    stage
}

#[test]
fn a_ticket_whose_answer_was_lost_in_a_kill_is_there_once() {
    let payload = json!({"subject": "Late", "description": "Where?"});
    let stage = killed("ticket", "order-17", &payload, None, ("POST", "/api/v2/tickets.json"));
    assert_eq!(stage.fake.ticket_count(), 13);
    let there = stage.fake.ticket(stage.remote_id("ticket", "order-17")).expect("a ticket");
    assert_eq!(there["subject"], "Late");
    stage.fake.advance_clock(Duration::from_secs(120));
    stage
        .sync(&["--direction", "import", "--connector", "ticket"])
        .expect_counts("ticket", &[("read", 1), ("unchanged", 1)]);
    assert_eq!(stage.records("ticket").len(), 13, "it is no other record");
}

#[test]
fn a_user_whose_answer_was_lost_in_a_kill_is_there_once() {
    let payload = json!({"name": "Anna", "email": "anna@customer.example"});
    let stage = killed("user", "anna", &payload, None, ("POST", "/api/v2/users.json"));
    assert_eq!(stage.fake.user_count(), 11);
}

#[test]
fn a_comment_whose_answer_was_lost_in_a_kill_is_there_once() {
    let payload = json!({"body": "We look into it"});
    let stage = killed("ticket-comment", "note", &payload, Some("1"), ("PUT", "/api/v2/tickets/*.json"));
    let bodies: Vec<_> = stage.fake.new_comments(1).iter().map(|comment| comment["body"].clone()).collect();
    assert_eq!(bodies, ["We look into it"]);
}
