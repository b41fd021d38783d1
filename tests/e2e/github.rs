//! The GitHub plugin in the real host: issues and comments are imported, then only what
//! changes, and asking in vain costs nothing.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use tests::{
    github::{Builder, Github, OWNER, REPOSITORY, TOKEN},
    host::{Output, Setup, TestHost},
    programs,
    vendor::Rule,
};

const CHANNEL: &str = "widgets";
const LIST: &str = "GET /repos/{owner}/{repo}/issues";

/// A running host with a channel to a running fake.
struct Stage {
    host: TestHost,
    fake: Github,
}

impl Stage {
    fn new(fake: Builder) -> Self {
        let fake = fake.start().expect("a fake GitHub");
        let plugin = programs::plugin("github").expect("the GitHub plugin compiles");
        let host = TestHost::started(Setup { plugins: vec![plugin], ..Setup::default() }).expect("a host");
        let stage = Self { host, fake };
        stage.create(CHANNEL, TOKEN).success().expect("a channel");
        stage
    }

    fn create(&self, name: &str, token: &str) -> Output {
        let sets = [
            format!("owner={OWNER}"),
            format!("repository={REPOSITORY}"),
            format!("url={}", self.fake.url()),
        ];
        let secret = format!("token={token}");
        let mut create = vec!["channel", "create", name, "--type", "github", "--secret", &secret];
        create.extend(sets.iter().flat_map(|set| ["--set", set]));
        self.host.cli(create).expect("the command runs")
    }

    /// The runs of a sync, by connector; fails unless it exits so.
    fn sync(&self, exit: i32, more: &[&str]) -> BTreeMap<String, Value> {
        let arguments = ["--json", "sync", CHANNEL, "--wait"].into_iter().chain(more.iter().copied());
        let output = self.host.cli(arguments).expect("the command runs");
        let job = output.json().expect("a job");
        assert_eq!(output.status, Some(exit), "{job:#}");
        let runs = job["runs"].as_array().expect("runs").iter();
        runs.map(|run| (run["connector"].as_str().unwrap_or_default().to_owned(), run.clone())).collect()
    }

    /// What is stored of a connector, by key.
    fn records(&self, connector: &str) -> BTreeMap<String, Value> {
        let lines =
            self.host.ok(["record", "export", CHANNEL, connector, "--format", "jsonl"]).expect("an export");
        let records = lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("a JSON document"));
        records
            .map(|record| (record["key"].as_str().expect("a key").to_owned(), record["payload"].clone()))
            .collect()
    }

    /// What is stored must be what is in the fake.
    fn expect_as_in_the_fake(&self) {
        let numbers = self.fake.numbers();
        let issues: BTreeMap<_, _> = numbers
            .iter()
            .map(|number| (number.to_string(), self.fake.issue(*number).expect("it is there")))
            .collect();
        assert_eq!(self.records("issue"), issues);
        let comments = self.fake.comment_ids().into_iter().filter_map(|id| {
            let comment = self.fake.comment(id)?;
            let is_of_issue = comment["html_url"].as_str().is_some_and(|url| url.contains("/issues/"));
            is_of_issue.then(|| (id.to_string(), comment))
        });
        assert_eq!(self.records("issue-comment"), comments.collect());
    }
}

fn counts(run: &Value, name: &str) -> u64 {
    run["counters"][name].as_u64().unwrap_or_default()
}

#[test]
fn issues_and_comments_are_imported_once_and_then_only_changes() {
    let stage = Stage::new(Github::builder().issues(230).pull_requests(20).comments_per_issue(1));
    let first = stage.sync(0, &[]);
    assert_eq!((counts(&first["issue"], "added"), counts(&first["issue-comment"], "added")), (230, 230));
    stage.expect_as_in_the_fake();

    let comment = stage.fake.comment_id(3, 0);
    stage.fake.change_issue(7, json!({ "title": "changed", "state": "closed" })).expect("an issue");
    stage.fake.change_comment(comment, json!({ "body": "changed" })).expect("a comment");
    stage.fake.add_comment(9, json!({ "body": "new" })).expect("a comment");
    stage.fake.create_issue(json!({ "title": "new" })).expect("an issue");
    let second = stage.sync(0, &[]);
    assert_eq!((counts(&second["issue"], "updated"), counts(&second["issue"], "added")), (2, 1));
    let comments = &second["issue-comment"];
    assert_eq!((counts(comments, "updated"), counts(comments, "added")), (1, 1));
    stage.expect_as_in_the_fake();
}

#[test]
fn comment_knows_its_issue() {
    let stage = Stage::new(Github::builder().issues(2).comments_per_issue(2));
    stage.sync(0, &[]);
    let comments = stage.host.items(["record", "list", CHANNEL, "issue-comment"]).expect("records");
    let mut parents: Vec<_> =
        comments.iter().map(|comment| comment["parent"].as_str().expect("a parent")).collect();
    parents.sort_unstable();
    assert_eq!(parents, ["1", "1", "2", "2"]);
}

#[test]
fn asking_in_vain_costs_no_request_of_the_hour() {
    let stage = Stage::new(Github::builder().issues(120).comments_per_issue(1));
    stage.sync(0, &[]);
    // What was read last is read once more; from then on it is known by its name.
    stage.sync(0, &[]);
    let left = stage.fake.requests_left();
    stage.fake.reset_stats();
    for _ in 0..3 {
        let idle = stage.sync(0, &[]);
        assert_eq!((counts(&idle["issue"], "read"), counts(&idle["issue-comment"], "read")), (0, 0));
    }
    assert_eq!(stage.fake.requests_left(), left);
    let stats = stage.fake.stats();
    assert_eq!((stats.requests, stats.with_status(304), stats.count(LIST)), (6, 6, 3));

    stage.fake.change_issue(5, json!({ "title": "changed" })).expect("an issue");
    assert_eq!(counts(&stage.sync(0, &[])["issue"], "updated"), 1);
    stage.expect_as_in_the_fake();
}

#[test]
fn many_changes_of_one_second_are_all_read_and_not_for_ever() {
    let stage = Stage::new(Github::builder().issues(350).pull_requests(0).comments_per_issue(0).alike(1_000));
    let first = stage.sync(0, &[]);
    assert_eq!(counts(&first["issue"], "added"), 350);
    stage.expect_as_in_the_fake();
    stage.sync(0, &[]);
    stage.fake.reset_stats();
    stage.sync(0, &["--connector", "issue"]);
    assert_eq!((stage.fake.stats().requests, stage.fake.stats().with_status(304)), (1, 1));
}

#[test]
fn full_sync_finds_what_is_gone() {
    let stage = Stage::new(Github::builder().issues(110).comments_per_issue(1));
    stage.sync(0, &[]);
    stage.sync(0, &[]);
    stage.fake.delete_issue(4).expect("an issue");
    assert_eq!(counts(&stage.sync(0, &[])["issue"], "deleted"), 0, "no list tells of it");
    let full = stage.sync(0, &["--full"]);
    for connector in ["issue", "issue-comment"] {
        assert_eq!(counts(&full[connector], "vanished"), 1, "{:#}", full[connector]);
    }
}

#[test]
fn channel_is_checked_and_a_wrong_token_explained() {
    let stage = Stage::new(Github::builder().issues(2));
    let check = stage.host.ok(["channel", "check", CHANNEL]).expect("a check that passes");
    for word in ["acme/widgets", "acme-bot", "4998 of 5000"] {
        assert!(check.contains(word), "'{word}' is missing in: {check}");
    }
    stage.create("wrong", "not-the-token").success().expect("a channel");
    let check = stage.host.cli(["channel", "check", "wrong"]).expect("the command runs");
    assert_eq!(check.status, Some(1));
    let words = format!("{}{}", check.stdout, check.stderr);
    assert!(words.contains("refuses the token") && !words.contains("not-the-token"), "{words}");
}

#[test]
fn limits_put_a_sync_off_and_do_not_pause_the_channel() {
    let stage = Stage::new(Github::builder().issues(5));
    let secondary =
        Rule::on("/repos/**").times(1).then(tests::vendor::Action::Status(tests::vendor::Canned {
            code: 403,
            headers: [("Retry-After".to_owned(), "1".to_owned())].into(),
            body: Some(json!({ "message": "You have exceeded a secondary rate limit." })),
        }));
    stage.fake.set_script(secondary);
    let runs = stage.sync(0, &[]);
    assert_eq!(counts(&runs["issue"], "added"), 5);

    stage.fake.leave_requests(0);
    stage.host.ok(["sync", CHANNEL]).expect("it is asked for");
    let deferred = tests::wait::until("the run to be put off", tests::wait::PATIENCE, || {
        let runs = stage.host.items(["run", "list", "--channel", CHANNEL])?;
        Ok(runs.into_iter().find(|run| run["status"] == "deferred"))
    });
    let deferred = deferred.expect("it is put off");
    assert_eq!(deferred["error"]["class"], "rate-limited", "{deferred:#}");
    let channel = stage.host.json(["channel", "show", CHANNEL]).expect("a channel");
    assert!(channel["paused"].is_null(), "{channel:#}");
}
