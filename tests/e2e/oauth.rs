//! Channels that sign in by OAuth: a person lets them in once, in a browser, and from then on
//! the host gets its tokens by itself, whatever happens to it in between.

use crate::{
    browser::{Browser, Seen},
    stage::Job,
};
use serde_json::Value;
use std::{
    fs,
    io::{BufRead as _, BufReader},
    time::Duration,
};
use tests::{
    host::{Setup, TestHost},
    oauth::{Builder, CLIENT_ID, CLIENT_SECRET, OAuth},
    programs,
    vendor::{Action, Rule},
    wait,
};

const CHANNEL: &str = "todo";
const TASKS: u64 = 40;

/// Retries would hide what is counted here; nothing syncs by itself.
const CONFIG: &str = r#"
[broker]
attempts = 1
[sync]
defer-base = "200ms"
defer-max = "1s"
[schedule]
paused = true
"#;

/// A host with a channel to a provider, not connected.
struct Scene {
    host: TestHost,
    fake: OAuth,
    browser: Browser,
}

impl Scene {
    fn new(fake: Builder) -> Self {
        let plugin = programs::hostile("signs-in").expect("it compiles");
        let setup = Setup { config: CONFIG.to_owned(), plugins: vec![plugin], ..Setup::default() };
        let host = TestHost::started(setup).expect("a host");
        let scene =
            Self { host, fake: fake.tasks(TASKS).start().expect("a provider"), browser: Browser::new() };
        scene.create(CHANNEL, "person");
        scene
    }

    /// The same with the channel connected.
    fn connected(fake: Builder) -> Self {
        let scene = Self::new(fake);
        scene.connect();
        scene
    }

    fn create(&self, name: &str, way: &str) {
        let (url, id) = (format!("url={}", self.fake.url()), format!("client-id={CLIENT_ID}"));
        let (way, secret) = (format!("way={way}"), format!("client-secret={CLIENT_SECRET}"));
        let create = ["channel", "create", name, "--type", "signs-in", "--set", &url, "--set", &id];
        let more = ["--set", &way, "--secret", &secret];
        self.host.ok(create.into_iter().chain(more)).expect("a channel");
    }

    /// Begins to connect the channel; what the command prints.
    fn begin(&self) -> Value {
        let begun = self.host.json(["channel", "connect", CHANNEL, "--no-wait"]).expect("begun");
        self.fake.register(begun["redirect-uri"].as_str().expect("a redirect URI"));
        begun
    }

    /// The way back and the page at its end.
    fn connect(&self) -> (String, Seen) {
        let begun = self.begin();
        let (back, page) = self.browser.sign_in(begun["authorize-url"].as_str().expect("an address"));
        assert_eq!(page.status, 200, "{}", page.text);
        (back, page)
    }

    fn connection(&self) -> Value {
        self.host.json(["channel", "show", CHANNEL]).expect("the channel")["connection"].clone()
    }

    fn sync(&self, full: &[&str]) -> Job {
        let arguments = ["--json", "sync", CHANNEL, "--wait", "--timeout", "60s"];
        let output =
            self.host.cli(arguments.into_iter().chain(full.iter().copied())).expect("the command runs");
        Job { exit: output.status, document: output.json().expect("a job") }
    }

    fn syncs_well(&self) {
        let job = self.sync(&["--full"]);
        job.expect_status("task", "completed");
        assert_eq!(job.run("task")["counters"]["read"].as_u64(), Some(TASKS), "{:#}", job.document);
    }
}

#[test]
fn a_person_lets_a_channel_in_and_it_syncs() {
    let scene = Scene::new(OAuth::builder());
    let check = scene.host.cli(["channel", "check", CHANNEL]).expect("the command runs");
    assert_eq!(check.status, Some(1));
    assert!(check.stdout.contains("tidegate channel connect todo"), "{check:?}");
    assert_eq!(scene.connection()["status"], "not-connected");

    // The command prints the address and waits for the browser.
    let mut waiting =
        scene.host.begin(["channel", "connect", CHANNEL, "--timeout", "60s"]).expect("it begins");
    let mut lines =
        BufReader::new(waiting.stdout.take().expect("a pipe")).lines().map(|line| line.expect("text"));
    let address = lines.find(|line| line.trim().starts_with("http")).expect("an address");
    let redirect_uri = scene.connection()["redirect-uri"].as_str().expect("a redirect URI").to_owned();
    assert_eq!(redirect_uri, format!("{}/oauth/callback", scene.host.url().expect("it runs")));
    scene.fake.register(&redirect_uri);
    let (back, page) = scene.browser.sign_in(address.trim());
    assert_eq!(page.status, 200, "{}", page.text);
    assert!(page.text.contains("Channel &#39;todo&#39; is connected"), "{}", page.text);
    assert!(page.policy.contains("default-src 'none'") && page.referrer == "no-referrer");
    let rest = lines.collect::<Vec<_>>().join("\n");
    assert!(waiting.wait().expect("it ends").success(), "{rest}");
    assert!(rest.contains("is connected") && rest.contains("tasks:read, profile"), "{rest}");

    // What came back is used up.
    let again = scene.browser.open(&back);
    assert_eq!(again.status, 400, "{}", again.text);
    assert!(again.text.contains("This sign-in is over"), "{}", again.text);
    assert_eq!(scene.fake.counts().exchanges, 1);

    scene.syncs_well();
    let connection = scene.connection();
    assert_eq!((&connection["status"], &connection["renewable"]), (&"connected".into(), &true.into()));
    assert!(connection["since"].is_string() && connection["until"].is_string(), "{connection:#}");
    assert_eq!(scene.fake.counts().refreshes, 0, "the token holds");
}

#[test]
fn one_refresh_serves_all_who_wait_for_it() {
    let scene = Scene::connected(OAuth::builder());
    scene.syncs_well();
    // The host believes in its token, and twenty requests at a time find out.
    scene.fake.expire();
    scene.fake.set_script(Rule::on("/oauth/token").latency(Duration::from_millis(300)));
    scene.fake.reset_stats();
    scene.syncs_well();
    let counts = scene.fake.counts();
    assert_eq!((counts.refreshes, counts.reuses), (1, 0));
    assert!(scene.fake.stats().with_status(401) >= 1);
    assert_eq!(scene.connection()["renewals"], 1);
}

#[test]
fn tokens_are_renewed_before_they_expire() {
    let scene = Scene::connected(OAuth::builder().lifetime(2));
    scene.syncs_well();
    wait::until("the token to run out", Duration::from_secs(30), || {
        let until = scene.connection()["until"].as_str().map(str::to_owned);
        let until: jiff::Timestamp = until.expect("a time").parse()?;
        Ok((jiff::Timestamp::now() > until).then_some(()))
    })
    .expect("it does");
    scene.fake.reset_stats();
    scene.syncs_well();
    assert_eq!(scene.fake.stats().with_status(401), 0, "nobody had to refuse one first");
    assert!(scene.fake.counts().refreshes >= 1);
    assert_eq!(scene.fake.counts().reuses, 0);
}

#[test]
fn a_rotated_token_survives_a_kill() {
    let mut scene = Scene::connected(OAuth::builder());
    for renewals in 1..=3 {
        scene.fake.expire();
        scene.syncs_well();
        scene.host.kill().expect("it is killed");
        scene.host.start().expect("it starts");
        assert_eq!(scene.connection()["renewals"], renewals);
    }
    let counts = scene.fake.counts();
    assert_eq!((counts.refreshes, counts.reuses, counts.exchanges), (3, 0, 1), "nobody was asked again");
}

#[test]
fn an_answer_that_is_lost_costs_nothing_where_the_provider_forgives() {
    let mut scene = Scene::connected(OAuth::builder().forgiving());
    scene.fake.expire();
    // The provider has given new tokens, and the host is killed before it hears of them.
    scene.fake.set_script(Rule::on("/oauth/token").times(1).then(Action::Hang { apply: true }));
    scene.host.ok(["sync", CHANNEL]).expect("a sync is asked for");
    wait::until("the refresh", wait::PATIENCE, || Ok((scene.fake.counts().refreshes == 1).then_some(())))
        .expect("it is asked for");
    scene.host.kill().expect("it is killed");
    scene.host.start().expect("it starts");
    scene.syncs_well();
    assert_eq!((scene.fake.counts().refreshes, scene.fake.counts().reuses), (2, 0));

    // The connection breaks instead: the run is put off, and goes on by itself.
    scene.fake.expire();
    scene.fake.set_script(Rule::on("/oauth/token").times(1).then(Action::Close { apply: true }));
    scene.syncs_well();
    assert_eq!((scene.fake.counts().refreshes, scene.fake.counts().reuses), (4, 0));
    assert_eq!(scene.connection()["status"], "connected");
}

#[test]
fn a_grant_that_is_over_pauses_the_channel_until_somebody_connects_it_again() {
    let scene = Scene::connected(OAuth::builder());
    scene.syncs_well();
    scene.fake.revoke();
    let job = scene.sync(&[]);
    job.expect_status("task", "failed");
    let error = &job.run("task")["error"];
    assert_eq!((&error["class"], &error["code"]), (&"auth".into(), &"oauth.revoked".into()), "{error:#}");
    let channel = scene.host.json(["channel", "show", CHANNEL]).expect("the channel");
    let because = channel["paused-because"].as_str().expect("a reason");
    assert!(because.contains("reconnect: tidegate channel connect todo"), "{because}");
    assert_eq!((&channel["enabled"], &channel["connection"]["status"]), (&true.into(), &"ended".into()));
    let shown = scene.host.ok(["channel", "show", CHANNEL]).expect("the channel");
    assert!(shown.contains("next: tidegate channel connect todo"), "{shown}");
    let refusals = scene.fake.counts().refusals;
    scene.sync(&[]);
    assert_eq!(scene.fake.counts().refusals, refusals, "what is known to be over is not tried again");

    scene.connect();
    let channel = scene.host.json(["channel", "show", CHANNEL]).expect("the channel");
    assert!(channel["paused"].is_null(), "{channel:#}");
    scene.syncs_well();
}

#[test]
fn a_person_may_say_no_and_a_stranger_nothing() {
    let scene = Scene::new(OAuth::builder());
    scene.fake.deny(true);
    let (_, page) = {
        let begun = scene.begin();
        scene.browser.sign_in(begun["authorize-url"].as_str().expect("an address"))
    };
    assert!(
        page.text.contains("was not let in") && page.text.contains("the person said no"),
        "{}",
        page.text
    );
    let attempt = &scene.connection()["attempt"];
    assert_eq!((&attempt["status"], &attempt["error"]["code"]), (&"failed".into(), &"oauth.denied".into()));

    scene.fake.deny(false);
    let begun = scene.begin();
    let host = scene.host.url().expect("it runs").to_owned();
    for query in ["", "?code=x", "?code=x&state=made-up", "?code=x&state=01JZZZZZZZZZZZZZZZZZZZZZZZ.made-up"]
    {
        let page = scene.browser.open(&format!("{host}/oauth/callback{query}"));
        assert_eq!(page.status, 400, "{query}: {}", page.text);
        assert!(page.policy.contains("default-src 'none'"));
    }
    let address = begun["authorize-url"].as_str().expect("an address");
    // An answer of another provider than the one that was asked.
    let back = scene.browser.open(address).location.expect("sent back");
    let foreign =
        back.replace(&format!("iss={}", encoded(&scene.fake.url())), "iss=https%3A%2F%2Fevil.example");
    assert_ne!(foreign, back);
    let page = scene.browser.open(&foreign);
    assert!(page.status == 502 && page.text.contains("another provider"), "{}", page.text);
    assert_eq!(scene.browser.open(&back).status, 400, "that attempt is over");
    assert_eq!(scene.connection()["status"], "not-connected");
    assert_eq!(scene.fake.counts().exchanges, 0);

    // A later attempt takes the place of an earlier one.
    let earlier = scene.begin();
    scene.connect();
    let (_, page) = scene.browser.sign_in(earlier["authorize-url"].as_str().expect("an address"));
    assert_eq!(page.status, 400, "{}", page.text);
    assert_eq!(scene.connection()["status"], "connected");
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[test]
fn what_is_disconnected_is_given_back() {
    let scene = Scene::connected(OAuth::builder());
    let said = scene.host.ok(["channel", "disconnect", CHANNEL]).expect("it is disconnected");
    assert!(said.contains("the provider took its tokens back"), "{said}");
    assert_eq!(scene.fake.counts().revocations, 1);
    assert_eq!(scene.connection()["status"], "not-connected");
    let job = scene.sync(&[]);
    assert_eq!(job.run("task")["error"]["code"], "oauth.not-connected", "{:#}", job.document);
    scene.connect();
    scene.syncs_well();
}

#[test]
fn what_is_deleted_is_given_back_or_it_is_said() {
    let scene = Scene::connected(OAuth::builder());
    scene.host.ok(["channel", "delete", CHANNEL, "--yes"]).expect("it is deleted");
    assert_eq!(scene.fake.counts().revocations, 1);

    scene.create(CHANNEL, "person");
    scene.connect();
    scene.fake.set_script(Rule::on("/oauth/revoke").status(503));
    let output = scene.host.cli(["channel", "delete", CHANNEL, "--yes"]).expect("the command runs");
    assert_eq!(output.status, Some(0), "{output:?}");
    assert!(output.stdout.contains("is deleted"), "{output:?}");
    assert!(output.stderr.contains("did not take the channel's OAuth tokens back"), "{output:?}");
    assert_eq!(scene.fake.counts().revocations, 1);
}

#[test]
fn a_client_with_credentials_of_its_own_needs_nobody() {
    let scene = Scene::new(OAuth::builder());
    scene.create("robot", "client");
    let said = scene.host.ok(["channel", "connect", "robot"]).expect("it is connected");
    assert!(said.contains("channel 'robot' is connected"), "{said}");
    scene.fake.expire();
    scene.host.ok(["sync", "robot", "--wait"]).expect("it syncs");
    assert_eq!(scene.fake.counts().client_grants, 2);
}

#[test]
fn no_token_code_verifier_or_client_secret_is_to_be_seen() {
    let mut scene = Scene::new(OAuth::builder());
    let (back, _) = scene.connect();
    scene.fake.expire();
    let recorded = scene.sync(&["--full", "--record"]);
    recorded.expect_status("task", "completed");
    scene.fake.revoke();
    scene.sync(&[]);
    let code = back.split("code=").nth(1).and_then(|rest| rest.split('&').next()).expect("a code");
    let state = back.split("state=").nth(1).and_then(|rest| rest.split('&').next()).expect("a state");
    let secrets = ["fake-access-", "fake-refresh-", "fake-code-", code, state, CLIENT_SECRET];
    let shown: [&[&str]; 6] = [
        &["--json", "channel", "show", CHANNEL],
        &["channel", "show", CHANNEL],
        &["channel", "check", CHANNEL],
        &["--json", "run", "list"],
        &["doctor"],
        &["--json", "cassette", "list"],
    ];
    for command in shown {
        let output = scene.host.cli(command).expect("the command runs");
        let text = format!("{}{}", output.stdout, output.stderr);
        let found = secrets.iter().find(|secret| text.contains(**secret));
        assert_eq!(found, None, "{command:?}: {text}");
    }
    let log = scene.host.log();
    assert_eq!(secrets.iter().find(|secret| log.contains(**secret)), None, "{log}");
    scene.host.stop().expect("it stops");
    for file in crate::secrets::files(&scene.host.data()) {
        let bytes = fs::read(&file).expect("a file of the data folder");
        let holds = |secret: &&&str| bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert_eq!(secrets.iter().find(holds), None, "{} holds it", file.display());
    }
}
