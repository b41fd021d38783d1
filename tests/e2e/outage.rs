//! A remote system that is gone for a while, for many channels at once: nobody touches
//! anything, and all catch up.

use crate::{
    api::Api,
    stage::{create_channel, zendesk_setup},
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};
use tests::{
    host::TestHost,
    wait,
    zendesk::{TOKEN, Zendesk},
};

const CHANNELS: usize = 20;
const CONNECTORS: [(&str, u64); 3] = [("user", 3), ("ticket", 40), ("ticket-comment", 80)];

const CONFIG: &str = r#"
[broker]
backoff-base = "1ms"
[broker.breaker]
pause = "200ms"
pause-max = "1s"
[sync]
defer-base = "200ms"
defer-max = "1s"
[schedule]
paused = true
"#;

/// Every run that there ever was.
fn runs(api: &Api) -> Vec<Value> {
    let mut list = api.get("/runs?limit=1000").expect("runs");
    serde_json::from_value(list["items"].take()).expect("a list")
}

fn by_status(runs: &[Value]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for run in runs {
        *counts.entry(run["status"].as_str().expect("a status")).or_default() += 1;
    }
    counts
}

#[test]
fn twenty_channels_outlast_an_outage_by_themselves() {
    // The channels share one credential, and so its places: they need some seconds.
    let fake = Zendesk::builder().users(3).tickets(40).comments_per_ticket(2);
    let fake = fake.latency(Duration::from_millis(20)).start().expect("a fake Zendesk");
    let host = TestHost::started(zendesk_setup(CONFIG)).expect("a host");
    let api = Api::of(&host);
    let names: Vec<_> = (1..=CHANNELS).map(|number| format!("desk-{number}")).collect();
    for name in &names {
        create_channel(&host, name, &format!("url={}", fake.url()), TOKEN).success().expect("a channel");
    }
    for name in &names {
        api.post(&format!("/channels/{name}/sync"), &json!({})).expect("a sync is asked for");
    }
    fake.wait_for("the syncs to be under way", |stats| stats.requests >= 100).expect("requests");
    fake.down();

    // What the operator sees meanwhile.
    let origin = fake.url();
    let seen = wait::until("all to be put off", wait::PATIENCE, || {
        let seen = host.items(["run", "list", "--limit", "1000"])?;
        let busy = seen.iter().any(|run| run["status"] == "running");
        // One that is quick may be through by then.
        let stands = |name: &String| {
            let mut own = seen.iter().filter(|run| run["channel"] == **name);
            own.clone().any(is_put_off) || own.all(|run| run["status"] == "completed")
        };
        let any = seen.iter().any(is_put_off);
        Ok((!busy && any && names.iter().all(stands)).then_some(seen))
    });
    let seen = seen.unwrap_or_else(|error| panic!("{error:#}: {:?}", by_status(&runs(&api))));
    for run in seen.iter().filter(|run| is_put_off(run)) {
        assert!(run["deferred"]["until"].is_string(), "{run:#}");
        let message = run["error"]["message"].as_str().expect("a reason");
        assert_eq!(run["error"]["class"], "transient", "{run:#}");
        assert!(message.contains(&fake.address().to_string()), "{message}");
    }
    let origins = host.items(["origin", "list"]).expect("origins");
    let ours = origins.iter().find(|one| one["origin"] == origin.as_str()).expect("the origin");
    assert!(ours["breaker"] == "open" || ours["breaker"] == "half-open", "{ours:#}");
    assert!(ours["probe-at"].is_string() || ours["breaker"] == "half-open", "{ours:#}");
    assert!(ours["last-failure"]["message"].is_string(), "{ours:#}");
    assert_eq!(by_status(&seen).get("failed"), None, "{:?}", by_status(&seen));

    fake.up();
    let done = wait::until("all to catch up", wait::PATIENCE, || {
        let runs = runs(&api);
        Ok(runs.iter().all(|run| run["ended"].is_string()).then_some(runs))
    });
    let done = done.unwrap_or_else(|error| panic!("{error:#}: {:?}", by_status(&runs(&api))));
    let all = CHANNELS * CONNECTORS.len();
    assert_eq!(by_status(&done), BTreeMap::from([("completed", all)]), "the same runs went on");
    for name in &names {
        let channel = api.get(&format!("/channels/{name}")).expect("a channel");
        let states = channel["connector-states"].as_array().expect("a list");
        for (connector, records) in CONNECTORS {
            let state = states.iter().find(|state| state["connector"] == connector).expect("a connector");
            assert_eq!((&state["records"], &state["due"]), (&records.into(), &0.into()), "{name}: {state:#}");
        }
    }
    let origins = host.items(["origin", "list"]).expect("origins");
    assert!(origins.iter().all(|one| one["breaker"] == "closed"), "{origins:#?}");
}

fn is_put_off(run: &Value) -> bool {
    run["status"] == "deferred"
}
