//! Calls of operations: by the real program, with a guest that does what it is told and a
//! fake Zendesk at the other end.

use serde_json::{Value, json};
use tests::{
    host::{Output, Setup, TestHost},
    matrix::{self, LOBBY, Matrix},
    programs,
    vendor::{Action, Rule},
    wait,
    zendesk::{EMAIL, TOKEN, Zendesk},
};

const CHANNEL: &str = "desk";
const TICKETS: &str = "/api/v2/tickets.json";

/// A host with a channel of operations alone.
struct Stage {
    host: TestHost,
    fake: Zendesk,
}

impl Stage {
    fn new() -> Self {
        let stage = Self::asleep();
        Self { host: started(stage.host), ..stage }
    }

    /// With a host that does not run.
    fn asleep() -> Self {
        let fake = Zendesk::builder().tickets(3).comments_per_ticket(0).start().expect("a fake Zendesk");
        let plugins = vec![programs::hostile("calls").expect("the guest compiles")];
        let host = TestHost::new(Setup { plugins, ..Setup::default() }).expect("a host");
        let (url, email) = (format!("url={}", fake.url()), format!("email={EMAIL}"));
        let token = format!("token={TOKEN}");
        let create = ["channel", "create", CHANNEL, "--type", "calls", "--set", &url, "--set", &email];
        host.ok(create.into_iter().chain(["--secret", &token])).expect("a channel");
        Self { host, fake }
    }

    fn call(&self, operation: &str, input: &Value, more: &[&str]) -> Output {
        let input = input.to_string();
        let call = ["--json", "call", CHANNEL, operation, &input].into_iter().chain(more.iter().copied());
        self.host.cli(call).expect("the command runs")
    }

    /// The same, as the document that it prints.
    fn called(&self, operation: &str, input: &Value, more: &[&str]) -> Value {
        self.call(operation, input, more).json().expect("a call")
    }

    fn new_tickets(&self) -> u64 {
        self.fake.ticket_count() - 3
    }

    /// The call when it is over.
    fn ended(&self, id: &str) -> Value {
        let ended = wait::until("the end of the call", wait::PATIENCE, || {
            let call = self.host.json(["call", "show", id])?;
            Ok(Some(call).filter(|call| call["ended"].is_string()))
        });
        ended.expect("it ends")
    }
}

fn started(mut host: TestHost) -> TestHost {
    host.start().expect("it starts");
    host
}

fn ticket() -> Value {
    let ticket = json!({ "ticket": { "subject": "called", "comment": { "body": "by a call" } } });
    json!({ "method": "POST", "path": TICKETS, "body": ticket })
}

#[test]
fn a_channel_of_operations_alone_is_created_checked_and_called_and_has_nothing_to_sync() {
    let stage = Stage::new();
    stage.host.ok(["channel", "check", CHANNEL]).expect("a check");
    let sync = stage.host.cli(["--json", "sync", CHANNEL]).expect("the command runs");
    assert_eq!(sync.json().expect("an error")["error"]["code"], "channel.no-connectors");
    assert!(
        sync.json().expect("an error")["error"]["message"]
            .as_str()
            .expect("words")
            .contains("nothing to sync")
    );

    let call = stage.called("send", &ticket(), &[]);
    assert_eq!((&call["status"], &call["output"]["status"]), (&"completed".into(), &201.into()), "{call:#}");
    assert_eq!(stage.new_tickets(), 1);
    let run = stage.host.items(["run", "list"]).expect("runs").swap_remove(0);
    for (field, value) in
        [("id", call["id"].clone()), ("direction", "call".into()), ("connector", "send".into())]
    {
        assert_eq!(run[field], value, "{run:#}");
    }
    let id = run["id"].as_str().expect("an id");
    let shown = stage.host.ok(["run", "show", id]).expect("the run");
    assert!(shown.contains("direction     call"), "{shown}");
    let log = stage.host.ok(["run", "logs", id]).expect("its log");
    assert!(log.contains("run ended"), "{log}");
    let plain =
        stage.host.ok(["call", CHANNEL, "echo", "{\"a\": 1.000000000000000000001}"]).expect("an answer");
    assert_eq!(plain, "{\n  \"a\": 1.000000000000000000001\n}\n");
}

#[test]
fn what_is_wrong_is_told_and_sends_nothing() {
    let stage = Stage::new();
    let check = |operation: &str, input: &Value, more: &[&str], code: &str| {
        let output = stage.call(operation, input, more);
        let error = output.json().expect("an error")["error"].clone();
        assert_eq!((output.status, &error["code"]), (Some(1), &code.into()), "{error:#}");
        error
    };
    let faults = check("send", &json!({ "method": "BREW", "path": 7 }), &[], "call.input");
    let pointers: Vec<_> =
        faults["fields"].as_array().expect("faults").iter().map(|one| &one["field"]).collect();
    assert_eq!(pointers, ["/method", "/path"], "{faults:#}");
    check("brew", &json!({}), &[], "operation.unknown");
    check("echo", &json!({}), &["--timeout", "1h"], "call.time");
    check("send", &json!({}), &["--dry-run"], "call.input");
    let checked = stage.called("send", &ticket(), &["--dry-run"]);
    assert_eq!(checked["ok"], true, "{checked:#}");
    stage.host.ok(["channel", "disable", CHANNEL]).expect("disabled");
    check("echo", &json!({}), &[], "channel.disabled");
    stage.host.ok(["channel", "enable", CHANNEL]).expect("enabled");
    assert_eq!(stage.fake.stats().count("POST /api/v2/tickets.json"), 0);
    assert!(stage.host.items(["call", "list"]).expect("calls").is_empty());
}

#[test]
fn a_guest_that_misbehaves_fails_its_call_by_name() {
    let stage = Stage::new();
    let check = |operation: &str, input: Value, code: &str| {
        let call = stage.called(operation, &input, &["--timeout", "2s"]);
        assert_eq!((&call["status"], &call["error"]["code"]), (&"failed".into(), &code.into()), "{call:#}");
        assert_eq!(call["outcome-unknown"], Value::Null, "nothing was sent: {call:#}");
    };
    check("trap", json!(1), "trap.unreachable");
    check("lie", json!(1), "answer.schema");
    check("slow", json!({ "ms": 60_000 }), "call.timeout");
    check("fail", json!({ "class": "conflict" }), "calls.fail");
    // Credentials that are refused pause the channel, and a paused one takes no calls.
    check("fail", json!({ "class": "auth" }), "calls.fail");
    let paused = stage.call("echo", &json!(1), &[]).json().expect("an error");
    assert_eq!(paused["error"]["code"], "channel.paused", "{paused:#}");
    let found = stage.host.items(["call", "list", "--status", "failed"]).expect("calls");
    assert_eq!(found.len(), 5);
}

#[test]
fn one_key_is_one_call() {
    let stage = Stage::new();
    let first = stage.called("send", &ticket(), &["--idempotency-key", "order-42"]);
    let again = stage.called("send", &ticket(), &["--idempotency-key", "order-42"]);
    assert_eq!(
        (&again["id"], &again["output"], &again["repeated"]),
        (&first["id"], &first["output"], &true.into())
    );
    let other =
        stage.call("send", &json!({ "method": "GET", "path": "/" }), &["--idempotency-key", "order-42"]);
    assert_eq!(other.json().expect("an error")["error"]["code"], "call.key-taken");
    assert_eq!(stage.new_tickets(), 1);
    let keys: Vec<_> = stage.fake.requests().into_iter().filter(|seen| seen.path == TICKETS).collect();
    assert_eq!(keys.len(), 1);
}

#[test]
fn a_call_that_is_cut_off_says_that_nobody_knows_and_can_be_done_again() {
    let stage = Stage::new();
    // It is done there, and the answer is lost.
    stage.fake.set_script(Rule::on(TICKETS).then(Action::Hang { apply: true }));
    let call = stage.called("send", &ticket(), &["--timeout", "1s"]);
    assert_eq!(call["error"]["code"], "call.timeout", "{call:#}");
    assert_eq!(call["outcome-unknown"], true, "{call:#}");
    stage.fake.clear_script();
    let id = call["id"].as_str().expect("an id");
    let again = stage.host.json(["call", "retry", id]).expect("it is queued");
    let again = stage.ended(again["id"].as_str().expect("an id"));
    assert_eq!(again["status"], "completed", "{again:#}");
    assert_eq!(again["idempotency-key"], call["idempotency-key"]);
    assert_eq!(stage.new_tickets(), 1, "once, however often it was asked");
}

#[test]
fn a_queued_call_survives_a_kill_and_is_done_once() {
    let mut stage = Stage::new();
    stage.fake.set_script(Rule::on(TICKETS).then(Action::Hang { apply: true }));
    let queued = stage.called("send", &ticket(), &["--queue"]);
    assert_eq!(queued["status"], "queued", "{queued:#}");
    let id = queued["id"].as_str().expect("an id").to_owned();
    stage.fake.wait_for("the request", |stats| stats.rules[0].acted == 1).expect("it came");
    stage.host.kill().expect("it is killed");
    stage.fake.clear_script();
    stage.host.start().expect("it starts on the same data");
    let call = stage.ended(&id);
    assert_eq!((&call["status"], &call["output"]["status"]), (&"completed".into(), &201.into()), "{call:#}");
    assert_eq!(stage.new_tickets(), 1, "the second try had the same key");
    assert_eq!(stage.fake.stats().count("POST /api/v2/tickets.json"), 2);
}

#[test]
fn without_a_running_host_the_command_does_it_itself_or_leaves_it_to_the_next_one() {
    let mut stage = Stage::asleep();
    let call = stage.called("send", &ticket(), &[]);
    assert_eq!(call["status"], "completed", "{call:#}");
    let left = stage.called("send", &ticket(), &["--queue"]);
    assert_eq!((&left["status"], stage.new_tickets()), (&"queued".into(), 1), "{left:#}");
    let done = stage.called("send", &ticket(), &["--queue", "--wait"]);
    assert_eq!((&done["status"], stage.new_tickets()), (&"completed".into(), 2), "{done:#}");
    stage.host.start().expect("it starts");
    let call = stage.ended(left["id"].as_str().expect("an id"));
    assert_eq!((&call["status"], stage.new_tickets()), (&"completed".into(), 3), "{call:#}");
    let back = stage.called("fail", &json!({ "class": "transient" }), &["--queue"]);
    let id = back["id"].as_str().expect("an id");
    wait::until("the call to be put off", wait::PATIENCE, || {
        Ok(Some(()).filter(|()| {
            stage.host.json(["call", "show", id]).is_ok_and(|call| call["status"] == "deferred")
        }))
    })
    .expect("it is put off");
    let back = stage.host.json(["call", "cancel", id]).expect("it is taken back");
    assert_eq!((&back["status"], &back["error"]["code"]), (&"cancelled".into(), &"call.cancelled".into()));
}

#[test]
fn the_matrix_plugin_sends_a_message_once() {
    let fake = Matrix::builder().start().expect("a fake homeserver");
    let plugins = vec![programs::plugin("matrix").expect("the Matrix plugin compiles")];
    let host = TestHost::started(Setup { plugins, ..Setup::default() }).expect("a host");
    let sets = [format!("homeserver={}", fake.url()), format!("default-room={LOBBY}")];
    let token = format!("access-token={}", matrix::TOKEN);
    let create = ["channel", "create", "chat", "--type", "matrix", "--set", &sets[0], "--set", &sets[1]];
    host.ok(create.into_iter().chain(["--secret", &token])).expect("a channel");
    let send =
        ["call", "chat", "send-message", "{\"text\": \"We are open.\"}", "--idempotency-key", "open-1"];
    let sent = host.json(send).expect("it is sent");
    assert_eq!(host.json(send).expect("it is answered")["output"], sent["output"]);
    assert_eq!(fake.messages().len(), 1);
    let status = json!({ "message-id": sent["output"]["message-id"] }).to_string();
    let status = host.json(["call", "chat", "message-status", &status]).expect("an answer");
    assert_eq!(
        (&status["output"]["status"], &status["output"]["text"]),
        (&"sent".into(), &"We are open.".into())
    );
    assert!(!host.log().contains(matrix::TOKEN));
}
