//! A remote system that fails: what passes, what ends a run, and that nothing is lost either way.

use crate::stage::Stage;
use tests::{
    vendor::{Action, Rule},
    zendesk::{Builder, Zendesk},
};

const QUICK: &str = "[broker]\nattempts = 3\nbackoff-base = \"5ms\"\nbackoff-max = \"20ms\"\nread-timeout = \"1s\"\ntotal-timeout = \"3s\"\nresponse-bytes = \"2MiB\"\ncompressed-bytes = \"2MiB\"\n";
const EXPORT: &str = "/api/v2/incremental/tickets/cursor.json";

fn small() -> Builder {
    Zendesk::builder().users(2).tickets(40).comments_per_ticket(0)
}

fn stage() -> Stage {
    Stage::with_config(small(), QUICK)
}

#[test]
fn faults_that_pass_are_not_seen() {
    let stage = stage();
    let passing = [
        Rule::on(EXPORT).times(1).throttle(1),
        Rule::on(EXPORT).times(1).status(503),
        Rule::on(EXPORT).times(1).status(500),
        Rule::on(EXPORT).times(1).then(Action::Reset { after_bytes: None, apply: false }),
        Rule::on(EXPORT).times(1).then(Action::Truncate { after_bytes: None }),
        Rule::on(EXPORT).times(1).then(Action::Hang { apply: false }),
        Rule::on(EXPORT).then(Action::Gzip),
    ];
    for rule in passing {
        let words = format!("{rule:?}");
        // Retries are paid for by requests that went well.
        stage.fake.clear_script();
        (0..5).for_each(|_| drop(stage.sync(&["--connector", "ticket", "--full"])));
        stage.fake.set_script(rule);
        let job = stage.sync(&["--connector", "ticket", "--full"]);
        assert_eq!(job.exit, Some(0), "{words}: {:#}", job.document);
        assert_eq!(job.run("ticket")["counters"]["read"], 40, "{words}");
    }
}

#[test]
fn faults_that_stay_put_the_run_off_or_end_it_by_their_class() {
    let stage =
        Stage::with_config(small(), &format!("{QUICK}[broker.breaker]\nfailures = 1000\nerror-rate = 1.0\n"));
    let lasting = [
        (Rule::on(EXPORT).status(503), "transient", "deferred"),
        (Rule::on(EXPORT).status(401), "auth", "failed"),
        (
            Rule::on(EXPORT).then(Action::Reset { after_bytes: Some(100), apply: false }),
            "transient",
            "deferred",
        ),
        (Rule::on(EXPORT).then(Action::HugeBody { bytes: 10 << 30, announce: false }), "limit", "failed"),
        (Rule::on(EXPORT).then(Action::GzipBomb { bytes: 1 << 30 }), "limit", "failed"),
        // The last one, because nothing is sent for an hour then.
        (Rule::on(EXPORT).throttle(3_600), "rate-limited", "deferred"),
    ];
    for (rule, class, status) in lasting {
        let words = format!("{rule:?}");
        stage.fake.set_script(rule);
        stage.host.ok(["sync", "acme", "--connector", "ticket"]).expect("a sync is asked for");
        let run = stage.newest_run_reaches(status);
        assert_eq!(run["error"]["class"], class, "{words}: {run:#}");
        assert!(
            run["error"]["message"].as_str().is_some_and(|message| message.len() > 20),
            "{words}: {run:#}"
        );
        if status == "deferred" {
            assert!(run["deferred"]["until"].is_string(), "{words}: {run:#}");
            let id = run["id"].as_str().expect("an id");
            stage.host.ok(["run", "cancel", id]).expect("it is taken back");
        }
    }
    stage.fake.clear_script();
    stage.host.ok(["origin", "close", &stage.fake.url()]).expect("the operator knows better");
    stage.sync(&["--connector", "ticket"]).expect_counts("ticket", &[("read", 40), ("added", 40)]);
    let channel: serde_json::Value =
        serde_json::from_str(&stage.host.ok(["--json", "channel", "show", "acme"]).expect("a channel"))
            .expect("JSON");
    assert_eq!(channel["paused"], serde_json::Value::Null, "a run that went well ends the pause");
}

#[test]
fn comments_are_fetched_in_parallel_within_the_channel_s_limit() {
    let fake =
        Zendesk::builder().tickets(60).comments_per_ticket(1).latency(std::time::Duration::from_millis(20));
    let stage = Stage::new(fake);
    assert_eq!(stage.sync(&[]).exit, Some(0));
    let parallel = stage.fake.stats().parallel;
    assert!((2..=16).contains(&parallel), "{parallel} requests at once");
}
