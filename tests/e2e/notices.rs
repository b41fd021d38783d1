//! What changed, told to an address of the operator's: signed, until it arrives.

use crate::webhooks::{CHANNEL, Hook, Hooked, things};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tests::{
    receiver::Receiver,
    vendor::{Rule, Script},
    wait,
};

const QUICK: &str = r#"
[notices]
backoff-base = "50ms"
backoff-max = "200ms"
attempts = ATTEMPTS
[broker]
attempts = 1
[broker.breaker]
pause = "200ms"
pause-max = "1s"
"#;

/// A host, a way to change its records, and an address that is told.
struct Stage {
    hooked: Hooked,
    hook: Hook,
    receiver: Receiver,
}

impl Stage {
    fn new(more: &[&str]) -> Self {
        Self::with_attempts("3", more)
    }

    fn with_attempts(attempts: &str, more: &[&str]) -> Self {
        let hooked = Hooked::new(&QUICK.replace("ATTEMPTS", attempts));
        let hook = hooked.hook("changed", &[]);
        let receiver = Receiver::start().expect("a receiver");
        let stage = Self { hooked, hook, receiver };
        stage.notice("crm", &stage.receiver, more);
        stage
    }

    fn notice(&self, name: &str, receiver: &Receiver, more: &[&str]) {
        let url = receiver.url();
        let create = ["notice", "create", name, "--to", &url].into_iter().chain(more.iter().copied());
        let made = self.hooked.host.json(create).expect("a notice");
        receiver.trust(made["secret"].as_str().expect("a secret"));
    }

    fn change(&self, key: &str, updated: u64, payload: Value) {
        assert_eq!(self.hooked.deliver(&self.hook, &things(&[(key, updated, payload)])), 204);
    }

    fn remove(&self, key: &str) {
        let gone = json!({ "changes": [{ "connector": "thing", "key": key }] });
        assert_eq!(self.hooked.deliver(&self.hook, &gone), 204);
    }

    fn show(&self, name: &str) -> Value {
        self.hooked.host.json(["notice", "show", name]).expect("a notice")
    }

    fn reaches(&self, name: &str, member: &str, value: u64) {
        let look = || Ok((self.show(name)[member] == value).then_some(()));
        let reached = wait::until(&format!("{value} {member}"), wait::PATIENCE, look);
        reached.unwrap_or_else(|error| panic!("{error}: {:#}\n{}", self.show(name), self.hooked.host.log()));
    }
}

#[test]
fn each_change_is_told_in_a_signed_message() {
    let stage = Stage::new(&["--channel", CHANNEL, "--connector", "thing", "--with-payload"]);
    stage.hooked.host.ok(["notice", "test", "crm"]).expect("it arrives");
    stage.change("1", 1_767_225_600_000, json!({ "id": 1 }));
    stage.receiver.wait_for(2).expect("the news");
    assert_eq!(stage.hooked.deliver(&stage.hook, &json!({ "due": { "part": ["7"] } })), 204);
    stage.change("1", 1_767_225_600_001, json!({ "id": 1, "more": true }));
    stage.receiver.wait_for(3).expect("the news");
    stage.remove("1");
    let taken = stage.receiver.wait_for(4).expect("the news");
    let place = |kind: &str| json!({ "type": kind, "channel": CHANNEL, "connector": "thing", "key": "1" });
    let mut added = place("record.added");
    added["updated"] = "2026-01-01T00:00:00.000Z".into();
    added["payload"] = json!({ "id": 1 });
    let mut updated = place("record.updated");
    updated["updated"] = "2026-01-01T00:00:00.001Z".into();
    updated["payload"] = json!({ "id": 1, "more": true });
    let messages: Vec<_> = taken.iter().map(|taken| taken.message.clone()).collect();
    let test = json!({ "type": "notice.test", "notice": "crm" });
    assert_eq!(messages, [test, added, updated, place("record.deleted")], "parts are not asked for");
    assert_eq!(stage.receiver.refused(), Vec::<String>::new());
    stage.reaches("crm", "waiting", 0);
    assert_eq!(stage.show("crm")["sent"], 3);

    let secret = stage.hooked.host.cli(["notice", "create", "crm", "--to", &stage.receiver.url()]);
    assert_eq!(secret.expect("it runs").status, Some(1), "the name is taken");
    for bad in ["nonsense", "https://u:p@example.com/", "http://10.0.0.1/"] {
        let refused = stage.hooked.host.cli(["notice", "create", "bad", "--to", bad]).expect("it runs");
        assert_eq!(refused.status, Some(1), "{bad}");
    }
}

#[test]
fn an_address_that_is_down_for_a_while_is_told_everything_later_and_holds_nobody_up() {
    let mut stage = Stage::with_attempts("1000", &[]);
    let other = Receiver::start().expect("a receiver");
    stage.notice("other", &other, &[]);
    stage.receiver.vendor().down();
    for key in 0..20 {
        stage.change(&format!("{key:02}"), 1, json!({ "version": 1 }));
    }
    other.wait_for(20).expect("the other one is told");
    assert_eq!(stage.receiver.taken(), []);
    for key in 0..20 {
        stage.change(&format!("{key:02}"), 2, json!({ "version": 2 }));
    }
    other.wait_for(40).expect("the other one is told");
    // What waits survives a kill, and the address that comes back.
    stage.hooked.host.kill().expect("it ran");
    stage.receiver.vendor().up();
    stage.hooked.host.start().expect("it starts again");
    stage.reaches("crm", "waiting", 0);
    let told: BTreeMap<_, _> = stage
        .receiver
        .taken()
        .into_iter()
        .map(|taken| (taken.message["key"].to_string(), taken.message["updated"].clone()))
        .collect();
    assert_eq!(told.len(), 20);
    assert!(told.values().all(|updated| *updated == "1970-01-01T00:00:00.002Z"), "{told:?}");
    assert_eq!(stage.show("crm")["dead"], 0);
}

#[test]
fn what_is_refused_for_good_is_given_up_with_its_reason_and_told_again_when_asked() {
    let stage = Stage::new(&[]);
    stage.receiver.set_script(Rule::on("/in").times(2).status(503));
    stage.change("1", 1, json!({ "id": 1 }));
    let taken = stage.receiver.wait_for(1).expect("the third try arrives");
    assert_eq!(taken[0].message["key"], "1");
    stage.reaches("crm", "waiting", 0);

    stage.receiver.set_script(Rule::on("/in").status(400));
    stage.change("2", 1, json!({ "id": 2 }));
    stage.change("3", 1, json!({ "id": 3 }));
    stage.reaches("crm", "dead", 2);
    let dead = stage.hooked.host.items(["notice", "dead", "list", "crm"]).expect("the dead");
    let told: Vec<_> = dead.iter().map(|one| (&one["key"], &one["tries"], &one["reason"]["code"])).collect();
    let (tries, code) = (json!(3), json!("http.status.400"));
    assert_eq!(told, [(&json!("2"), &tries, &code), (&json!("3"), &tries, &code)]);

    stage.receiver.set_script(Script::default());
    let none = stage.hooked.host.cli(["notice", "dead", "retry", "crm"]).expect("it runs");
    assert_eq!(none.status, Some(2), "which ones?");
    stage.hooked.host.ok(["notice", "dead", "retry", "crm", "--key", "2"]).expect("told again");
    assert_eq!(stage.receiver.wait_for(2).expect("it arrives")[1].message["key"], "2");
    stage.hooked.host.ok(["notice", "dead", "drop", "crm", "--all", "--yes"]).expect("dropped");
    stage.reaches("crm", "dead", 0);
}

#[test]
fn what_changes_while_a_notice_is_held_back_is_told_once_afterwards() {
    let stage = Stage::new(&[]);
    stage.hooked.host.ok(["notice", "pause", "crm"]).expect("paused");
    for version in 1..4 {
        stage.change("1", version, json!({ "version": version }));
        wait::until("the version is stored", wait::PATIENCE, || {
            let stored = stage.hooked.records("thing");
            Ok((stored.get("1").map(|thing| &thing["version"]) == Some(&json!(version))).then_some(()))
        })
        .expect("stored");
    }
    assert_eq!(stage.receiver.taken(), []);
    assert_eq!(stage.show("crm")["waiting"], 1);
    stage.hooked.host.ok(["notice", "resume", "crm"]).expect("resumed");
    let taken = stage.receiver.wait_for(1).expect("the news");
    assert_eq!(taken[0].message["updated"], "1970-01-01T00:00:00.003Z");
    stage.reaches("crm", "waiting", 0);
    assert_eq!(stage.receiver.taken().len(), 1);
    stage.hooked.host.ok(["notice", "delete", "crm", "--yes"]).expect("deleted");
    assert_eq!(stage.hooked.host.items(["notice", "list"]).expect("a list"), Vec::<Value>::new());
}
