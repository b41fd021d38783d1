//! What remote systems post: verified, durable before it is answered, worked on in bulk.

use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tests::{
    host::{Setup, TestHost},
    programs, wait,
};
use tokio::{runtime::Runtime, task::JoinSet};

pub(crate) const CHANNEL: &str = "acme";

/// A host with a channel whose plugin takes deliveries at their word.
pub(crate) struct Hooked {
    pub(crate) host: TestHost,
    run_time: Runtime,
    http: reqwest::Client,
}

/// Where a kind of delivery is posted, and the key with which it is signed.
#[derive(Clone)]
pub(crate) struct Hook {
    pub(crate) id: String,
    path: String,
    secret: String,
}

impl Hooked {
    pub(crate) fn new(config: &str) -> Self {
        let plugin = programs::hostile("receives").expect("it compiles");
        let config = format!("[api]\npublic-url = \"https://hooks.example.com/tide\"\n{config}");
        let host = TestHost::started(Setup { config, plugins: vec![plugin], ..Setup::default() });
        let host = host.expect("a host");
        let create = ["channel", "create", CHANNEL, "--type", "receives", "--set", "url=http://127.0.0.1:18009"];
        host.ok(create).expect("a channel");
        let _ = rustls::crypto::ring::default_provider().install_default();
        let run_time = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        Self { host, run_time: run_time.expect("a run time"), http }
    }

    pub(crate) fn hook(&self, kind: &str, more: &[&str]) -> Hook {
        let create = ["webhook", "create", CHANNEL, kind].into_iter().chain(more.iter().copied());
        let made = self.host.json(create).expect("a webhook");
        let address = made["address"].as_str().expect("an address");
        let path = address.strip_prefix("https://hooks.example.com/tide").expect("below the public address");
        let text = |member: &str| made[member].as_str().unwrap_or_default().to_owned();
        Hook { id: text("id"), path: path.to_owned(), secret: text("secret") }
    }

    /// The status of a delivery with these headers.
    pub(crate) fn post(
        &self,
        path: &str,
        headers: &[(&str, String)],
        body: impl Into<String>,
    ) -> (u16, String) {
        let url = format!("{}{path}", self.host.url().expect("it runs"));
        // As a proxy in front of the host passes it on.
        let request = self.http.post(url).header("host", "hooks.example.com").body(body.into());
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, value));
        self.run_time.block_on(async {
            let answer = request.send().await.expect("an answer");
            (answer.status().as_u16(), answer.text().await.expect("a body"))
        })
    }

    /// The status of a delivery that is signed as it should be.
    pub(crate) fn deliver(&self, hook: &Hook, body: &Value) -> u16 {
        let body = body.to_string();
        self.post(&hook.path, &[("x-signature", hook.sign(&body))], body).0
    }

    pub(crate) fn records(&self, connector: &str) -> BTreeMap<String, Value> {
        let lines = self.host.ok(["record", "export", CHANNEL, connector, "--format", "jsonl"]);
        let lines = lines.expect("an export");
        let records = lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        records
            .map(|record| (record["key"].as_str().expect("a key").to_owned(), record["payload"].clone()))
            .collect()
    }

    fn records_reach(&self, connector: &str, keys: &[&str]) -> BTreeMap<String, Value> {
        let found = wait::until(&format!("{connector}s {keys:?}"), wait::PATIENCE, || {
            let records = self.records(connector);
            Ok((records.keys().map(String::as_str).collect::<Vec<_>>() == keys).then_some(records))
        });
        found.unwrap_or_else(|error| panic!("{error}: {:?}\n{}", self.records(connector), self.host.log()))
    }

    fn shown(&self, hook: &Hook) -> Value {
        self.host.json(["webhook", "show", &hook.id]).expect("a webhook")
    }

    fn runs(&self) -> Vec<Value> {
        self.host.items(["run", "list", "--limit", "1000"]).expect("runs")
    }
}

impl Hook {
    fn sign(&self, body: &str) -> String {
        format!("sha256={}", hex(&hmac(&self.secret, body)))
    }
}

fn hmac(key: &str, text: &str) -> Vec<u8> {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key.as_bytes());
    ring::hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A delivery that carries things whole.
pub(crate) fn things(things: &[(&str, u64, Value)]) -> Value {
    let changes = things.iter().map(|(key, updated, payload)| {
        json!({ "connector": "thing", "key": key, "updated": updated, "payload": payload })
    });
    json!({ "changes": changes.collect::<Vec<_>>() })
}

#[test]
fn a_delivery_is_in_the_store_when_it_is_answered_and_a_sync_takes_it_in() {
    let mut stage = Hooked::new("");
    let hook = stage.hook("changed", &[]);
    let wish = json!({
        "due": { "part": ["8", "7"], "nobody": ["1"] },
        "changes": [{ "connector": "thing", "key": "1", "updated": 5, "payload": { "id": 1 } }],
        "headers": "seen",
    });
    assert_eq!(stage.deliver(&hook, &wish), 204);
    // Killed before any sync began: what was answered well is there all the same.
    stage.host.kill().expect("it ran");
    stage.host.start().expect("it starts again");
    let parts = stage.records_reach("part", &["7", "8"]);
    assert_eq!(parts["7"], json!({ "id": "7" }));
    let stored = stage.records_reach("thing", &["1", "seen"]);
    assert_eq!(stored["1"], json!({ "id": 1 }));
    let names = stored["seen"]["headers"].as_array().expect("a list").clone();
    assert!(!names.contains(&json!("x-signature")), "{names:?}");

    let older =
        json!({ "changes": [{ "connector": "thing", "key": "1", "updated": 4, "payload": { "id": 0 } }] });
    assert_eq!(stage.deliver(&hook, &older), 204);
    let gone = json!({ "changes": [{ "connector": "thing", "key": "seen" }] });
    assert_eq!(stage.deliver(&hook, &gone), 204);
    let stored = stage.records_reach("thing", &["1"]);
    assert_eq!(stored["1"], json!({ "id": 1 }), "an older change takes nothing back");
    assert!(stage.runs().iter().all(|run| run["trigger"] == "webhook"), "{:#?}", stage.runs());
    assert_eq!(stage.shown(&hook)["deliveries"]["taken"], 3);
}

#[test]
fn what_does_not_fit_is_refused_without_a_word_and_counted() {
    let stage = Hooked::new("hook-bytes = \"4KiB\"\n");
    let hook = stage.hook("changed", &[]);
    let body = things(&[("1", 5, json!({ "id": 1 }))]).to_string();
    let signed = [("x-signature", hook.sign(&body))];
    let wrong = [("x-signature", Hook { secret: "guessed".into(), ..hook.clone() }.sign(&body))];
    let guess = format!("{}x", hook.path);
    let elsewhere = hook.path.replace(CHANNEL, "other");

    let refused = (404, String::new());
    assert_eq!(stage.post(&hook.path, &wrong, &body), refused);
    assert_eq!(stage.post(&hook.path, &[], &body), refused);
    assert_eq!(stage.post(&guess, &signed, &body), refused);
    assert_eq!(stage.post(&elsewhere, &signed, &body), refused);
    assert_eq!(stage.post("/hooks/nobody/nothing", &signed, &body), refused);
    assert_eq!(stage.post(&hook.path, &signed, "x".repeat(5_000)).0, 413);

    // The same delivery twice: it is told that all is well, and nothing is done.
    let with_id = |id: &str, body: &str| [("x-signature", hook.sign(body)), ("x-delivery", id.to_owned())];
    assert_eq!(stage.post(&hook.path, &with_id("a", &body), &body).0, 204);
    assert_eq!(stage.post(&hook.path, &with_id("b", &body), &body).0, 204);
    let other = things(&[("2", 5, json!({ "id": 2 }))]).to_string();
    assert_eq!(stage.post(&hook.path, &with_id("a", &other), &other).0, 204);

    assert_eq!(stage.deliver(&hook, &json!("no wish")), 422);
    assert_eq!(stage.deliver(&hook, &json!({ "act": "panic" })), 500);
    stage.records_reach("thing", &["1"]);
    let counts = stage.shown(&hook)["deliveries"].clone();
    let told = ["taken", "repeated", "refused", "not-understood", "failed"].map(|name| counts[name].as_u64());
    assert_eq!(told, [Some(1), Some(2), Some(2), Some(1), Some(1)], "{counts:#}");
    assert_eq!(counts["last-failure"]["code"], "trap.unreachable", "{counts:#}");
    let shown = stage.host.ok(["webhook", "show", &hook.id]).expect("a webhook");
    assert!(!shown.contains(&hook.secret), "{shown}");
    let log = stage.host.log();
    assert!(!log.contains(&hook.secret) && !log.contains(&hook.path), "{log}");

    // Another address and another secret: the old ones end.
    let rotated = stage.host.json(["webhook", "rotate", &hook.id]).expect("rotated");
    assert_eq!(stage.deliver(&hook, &things(&[("3", 1, json!(3))])), 404);
    assert_ne!(rotated["secret"], hook.secret.as_str());
    stage.host.ok(["webhook", "delete", &hook.id, "--yes"]).expect("deleted");
    let listed = stage.host.items(["webhook", "list", "--channel", CHANNEL]).expect("a list");
    assert_eq!(listed, Vec::<Value>::new());
}

#[test]
fn zendesk_and_github_are_understood_and_nobody_is_taken_at_his_word_unasked() {
    let stage = Hooked::new("");
    let unsigned = stage.host.cli(["webhook", "create", CHANNEL, "open"]).expect("it runs");
    assert_eq!(unsigned.status, Some(1));
    let signed = stage.host.cli(["webhook", "create", CHANNEL, "changed", "--unsigned"]).expect("it runs");
    assert_eq!(signed.status, Some(1));
    let unknown = stage.host.cli(["webhook", "create", CHANNEL, "nothing"]).expect("it runs");
    assert!(unknown.stderr.contains("changed, zendesk, github, open"), "{}", unknown.stderr);

    let open = stage.hook("open", &["--unsigned"]);
    let thing = |key: &str| things(&[(key, 5, json!({ "id": key }))]).to_string();
    assert_eq!(stage.post(&open.path, &[], thing("open")).0, 204);

    let zendesk = stage.hook("zendesk", &["--secret", "from-zendesk"]);
    assert_eq!(zendesk.secret, "", "what was given is not shown");
    let sent = |stamp: jiff::Timestamp, body: &str| {
        use base64::Engine as _;
        let stamp = stamp.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let signature = hmac("from-zendesk", &format!("{stamp}{body}"));
        let signature = base64::engine::general_purpose::STANDARD.encode(signature);
        [("x-zendesk-webhook-signature", signature), ("x-zendesk-webhook-signature-timestamp", stamp)]
    };
    let (now, body) = (jiff::Timestamp::now(), thing("zendesk"));
    assert_eq!(stage.post(&zendesk.path, &sent(now, &body), &body).0, 204);
    let old = now - jiff::SignedDuration::from_secs(400);
    assert_eq!(stage.post(&zendesk.path, &sent(old, &body), &body).0, 404);

    // The plugin names a setting for the key, and the channel has one.
    let edit = ["channel", "edit", CHANNEL, "--secret", "signing-key=from-settings"];
    stage.host.ok(edit).expect("edited");
    let github = stage.hook("github", &[]);
    let body = thing("github");
    let signature = format!("sha256={}", hex(&hmac("from-settings", &body)));
    let headers = [("x-hub-signature-256", signature), ("x-github-delivery", "1".to_owned())];
    assert_eq!(stage.post(&github.path, &headers, &body).0, 204);
    stage.records_reach("thing", &["github", "open", "zendesk"]);
}

#[test]
fn a_channel_that_is_switched_off_still_takes_deliveries() {
    let stage = Hooked::new("");
    let hook = stage.hook("changed", &[]);
    stage.host.ok(["channel", "disable", CHANNEL]).expect("disabled");
    assert_eq!(stage.deliver(&hook, &things(&[("1", 5, json!({ "id": 1 }))])), 204);
    assert_eq!(stage.deliver(&hook, &json!({ "due": { "part": ["7"] } })), 204);
    assert_eq!(stage.runs(), Vec::<Value>::new());
    stage.host.ok(["channel", "enable", CHANNEL]).expect("enabled");
    stage.records_reach("thing", &["1"]);
    stage.records_reach("part", &["7"]);
    let (quarantined, bad) =
        (["quarantine", "list", CHANNEL], json!({ "connector": "thing", "key": "", "payload": 1 }));
    assert_eq!(stage.deliver(&hook, &json!({ "changes": [bad] })), 204);
    wait::until("the bad record in quarantine", wait::PATIENCE, || {
        Ok((stage.host.items(quarantined)?.len() == 1).then_some(()))
    })
    .expect("it goes there");
}

#[test]
fn a_burst_of_ten_thousand_becomes_a_few_runs_and_loses_nothing() {
    const DELIVERIES: usize = 10_000;
    const KEYS: usize = 500;
    const CLIENTS: usize = 64;
    let stage = Hooked::new("");
    let hook = stage.hook("changed", &[]);
    let url = format!("{}{}", stage.host.url().expect("it runs"), hook.path);
    let (next, began) = (Arc::new(AtomicUsize::new(0)), Instant::now());
    let mut slowest: Vec<Duration> = stage.run_time.block_on(async {
        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            let (next, url, hook, http) = (Arc::clone(&next), url.clone(), hook.clone(), stage.http.clone());
            clients.spawn(async move {
                let mut took = Vec::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= DELIVERIES {
                        return took;
                    }
                    // Of each thing the versions come in a turned order: 19, 0, 1, 2, …
                    let (key, version) = (number % KEYS, number / KEYS);
                    let version = (version + 19) % 20;
                    let thing = (format!("{key:03}"), version as u64, json!({ "version": version }));
                    let mut wish = things(&[(thing.0.as_str(), thing.1, thing.2)]);
                    wish["due"] = json!({ "part": [format!("{number:05}")] });
                    let body = wish.to_string();
                    let request = http.post(&url).header("x-signature", hook.sign(&body)).body(body);
                    let sent = Instant::now();
                    let status = request.send().await.expect("an answer").status();
                    took.push(sent.elapsed());
                    assert_eq!(status.as_u16(), 204, "delivery {number}");
                }
            });
        }
        clients.join_all().await.into_iter().flatten().collect()
    });
    let burst = began.elapsed();
    slowest.sort_unstable();
    assert_eq!(slowest.len(), DELIVERIES);
    let (median, worst) = (slowest[DELIVERIES / 2], slowest[DELIVERIES - 1]);
    assert!(worst < Duration::from_secs(10), "the slowest answer took {worst:?}");

    wait::until("all that was posted", 2 * wait::PATIENCE, || {
        let show = stage.host.json(["channel", "show", CHANNEL])?;
        let states = show["connector-states"].as_array().cloned().unwrap_or_default();
        let records = |connector: &str| {
            let state = states.iter().find(|state| state["connector"] == connector);
            state.and_then(|state| state["records"].as_u64()).unwrap_or_default()
        };
        Ok((records("thing") == KEYS as u64 && records("part") == DELIVERIES as u64).then_some(()))
    })
    .expect("nothing is lost");
    let newest = json!({ "version": 19 });
    wait::until("the newest version of each", wait::PATIENCE, || {
        Ok(stage.records("thing").values().all(|thing| *thing == newest).then_some(()))
    })
    .expect("it wins, whenever it came");
    let jobs: BTreeSet<_> = stage.runs().iter().map(|run| run["job"].to_string()).collect();
    let most = 3 + burst.as_secs() as usize;
    println!("{DELIVERIES} in {burst:?}, median {median:?}, worst {worst:?}, {} jobs", jobs.len());
    assert!(jobs.len() <= most, "{} jobs for a burst of {burst:?}", jobs.len());
    assert_eq!(stage.shown(&hook)["deliveries"]["taken"], DELIVERIES as u64);
}
