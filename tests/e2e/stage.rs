//! What most tests stand on: a host with the Zendesk plugin, a fake Zendesk, and a channel between them.

use serde_json::Value;
use std::{collections::BTreeMap, time::Duration};
use tests::{
    host::{Output, Setup, TestHost},
    programs,
    wait::until,
    zendesk::{Builder, EMAIL, TOKEN, Zendesk},
};

/// The channel's name.
pub(crate) const CHANNEL: &str = "acme";

/// A running host with a channel to a running fake.
pub(crate) struct Stage {
    pub(crate) host: TestHost,
    pub(crate) fake: Zendesk,
}

impl Stage {
    /// With a fake of that make.
    pub(crate) fn new(fake: Builder) -> Self {
        Self::with_config(fake, "")
    }

    /// With additions to the host's configuration.
    pub(crate) fn with_config(fake: Builder, config: &str) -> Self {
        let fake = fake.start().expect("a fake Zendesk");
        let host = TestHost::started(zendesk_setup(config)).expect("a host");
        let stage = Self { host, fake };
        let created = stage.create_channel(CHANNEL, TOKEN);
        created.success().expect("a channel");
        stage
    }

    /// Creates a channel to the fake with that token.
    pub(crate) fn create_channel(&self, name: &str, token: &str) -> Output {
        let url = format!("url={}", self.fake.url());
        create_channel(&self.host, name, &url, token)
    }

    /// Syncs and waits; the job as the command printed it, whatever its exit status.
    pub(crate) fn sync(&self, more: &[&str]) -> Job {
        sync(&self.host, more)
    }

    /// The newest run, as soon as it has that status; fails where it ends otherwise.
    pub(crate) fn newest_run_reaches(&self, status: &str) -> Value {
        const ENDS: [&str; 5] = ["completed", "completed-with-warnings", "failed", "skipped", "cancelled"];
        let run = until("the run reaches its status", Duration::from_secs(60), || {
            let run = self.host.items(["run", "list", "--limit", "1"])?.swap_remove(0);
            let now = run["status"].as_str().unwrap_or_default();
            Ok((now == status || ENDS.contains(&now)).then_some(run))
        });
        let run = run.expect("it does");
        assert_eq!(run["status"], status, "{run:#}");
        run
    }

    /// What is stored of a connector, by key.
    pub(crate) fn records(&self, connector: &str) -> BTreeMap<String, Value> {
        records(&self.host, connector)
    }

    /// Stored tickets must be exactly those of the fake.
    pub(crate) fn expect_tickets_as_in_the_fake(&self, ids: std::ops::RangeInclusive<u64>) {
        let stored = self.records("ticket");
        let expected: BTreeMap<_, _> = ids
            .filter_map(|id| Some((id.to_string(), self.fake.ticket(id)?)))
            .filter(|(_, ticket)| ticket["status"] != "deleted")
            .collect();
        assert_eq!(stored.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "keys");
        for (key, ticket) in &expected {
            assert_eq!(comparable(&stored[key]), comparable(ticket), "ticket {key}");
        }
    }
}

/// Without what an export adds to a ticket.
fn comparable(ticket: &Value) -> Value {
    let mut ticket = ticket.clone();
    if let Some(fields) = ticket.as_object_mut() {
        fields.remove("generated_timestamp");
    }
    ticket
}

/// A host that finds the Zendesk plugin in its folder.
pub(crate) fn zendesk_setup(config: &str) -> Setup {
    let plugin = programs::plugin("zendesk").expect("the Zendesk plugin compiles");
    Setup { config: config.to_owned(), plugins: vec![plugin], ..Setup::default() }
}

/// `channel create` with a token account.
pub(crate) fn create_channel(host: &TestHost, name: &str, address: &str, token: &str) -> Output {
    let email = format!("email={EMAIL}");
    let token = format!("token={token}");
    let create = ["channel", "create", name, "--type", "zendesk", "--set", address, "--set", &email];
    host.cli(create.into_iter().chain(["--secret", &token])).expect("the command runs")
}

/// `sync --wait --json` of the channel.
pub(crate) fn sync(host: &TestHost, more: &[&str]) -> Job {
    let arguments = ["--json", "sync", CHANNEL, "--wait"].into_iter().chain(more.iter().copied());
    let output = host.cli(arguments).expect("the command runs");
    let document = output.json().expect("a job");
    Job { exit: output.status, document }
}

/// `record export` of a connector, by key.
pub(crate) fn records(host: &TestHost, connector: &str) -> BTreeMap<String, Value> {
    let lines = host.ok(["record", "export", CHANNEL, connector, "--format", "jsonl"]).expect("an export");
    let records =
        lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("a JSON document a line"));
    records
        .map(|record| (record["key"].as_str().expect("a key").to_owned(), record["payload"].clone()))
        .collect()
}

/// What came of a sync.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) exit: Option<i32>,
    pub(crate) document: Value,
}

impl Job {
    /// The run of a connector.
    pub(crate) fn run(&self, connector: &str) -> &Value {
        let runs = self.document["runs"].as_array().expect("runs");
        let run = runs.iter().find(|run| run["connector"] == connector);
        run.unwrap_or_else(|| panic!("no run of {connector} in {}", self.document))
    }

    /// Fails unless the run of the connector has that status.
    pub(crate) fn expect_status(&self, connector: &str, status: &str) -> &Self {
        assert_eq!(self.run(connector)["status"], status, "{:#}", self.document);
        self
    }

    /// Fails unless the run counted exactly that; what is not named must be 0.
    pub(crate) fn expect_counts(&self, connector: &str, counts: &[(&str, u64)]) -> &Self {
        let counters = self.run(connector)["counters"].as_object().expect("counters");
        for (name, count) in counters {
            let expected = counts.iter().find(|(counted, _)| counted == name).map_or(0, |(_, count)| *count);
            assert_eq!(count.as_u64(), Some(expected), "{connector}: {name} in {counters:?}");
        }
        self
    }
}
