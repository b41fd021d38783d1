//! Zendesk channels that sign in by OAuth: a browser without a person, the redirect page, and tokens
//! that are good for one renewal.

use crate::{
    browser::Browser,
    stage::{Job, zendesk_setup},
};
use serde_json::Value;
use std::{fs, time::Duration};
use tests::{
    host::TestHost,
    wait,
    zendesk::{Builder, CLIENT_ID, CLIENT_SECRET, Zendesk},
};

const CHANNEL: &str = "acme";
const TICKETS: u64 = 25;

/// Retries would hide what is counted here; nothing syncs by itself.
const CONFIG: &str = r#"
[broker]
attempts = 1
[schedule]
paused = true
"#;

struct Scene {
    host: TestHost,
    fake: Zendesk,
    browser: Browser,
}

impl Scene {
    fn new(fake: Builder, way: &str) -> Self {
        let fake = fake.tickets(TICKETS).start().expect("a fake Zendesk");
        let host = TestHost::started(zendesk_setup(CONFIG)).expect("a host");
        let (url, id) = (format!("url={}", fake.url()), format!("client-id={CLIENT_ID}"));
        let (way, secret) = (format!("authorization={way}"), format!("client-secret={CLIENT_SECRET}"));
        let create = ["channel", "create", CHANNEL, "--type", "zendesk", "--set", &url, "--set", &id];
        host.ok(create.into_iter().chain(["--set", &way, "--secret", &secret])).expect("a channel");
        Self { host, fake, browser: Browser::new() }
    }

    fn connected(fake: Builder) -> Self {
        let scene = Self::new(fake, "oauth");
        scene.connect();
        scene
    }

    fn connect(&self) {
        let begun = self.host.json(["channel", "connect", CHANNEL, "--no-wait"]).expect("begun");
        self.fake.register(begun["redirect-uri"].as_str().expect("a redirect URI"));
        let (_, page) = self.browser.sign_in(begun["authorize-url"].as_str().expect("an address"));
        assert_eq!(page.status, 200, "{}", page.text);
        assert!(page.text.contains("is connected"), "{}", page.text);
    }

    fn channel(&self) -> Value {
        self.host.json(["channel", "show", CHANNEL]).expect("the channel")
    }

    fn sync(&self) -> Job {
        let arguments = ["--json", "sync", CHANNEL, "--full", "--wait", "--timeout", "60s"];
        let output = self.host.cli(arguments).expect("the command runs");
        Job { exit: output.status, document: output.json().expect("a job") }
    }

    fn syncs_well(&self) {
        let job = self.sync();
        job.expect_status("ticket", "completed").expect_status("ticket-comment", "completed");
        assert_eq!(job.run("ticket")["counters"]["read"].as_u64(), Some(TICKETS), "{:#}", job.document);
    }
}

#[test]
fn an_administrator_lets_a_zendesk_channel_in_and_it_syncs() {
    let scene = Scene::new(Zendesk::builder(), "oauth");
    let check = scene.host.cli(["channel", "check", CHANNEL]).expect("the command runs");
    assert_eq!(check.status, Some(1));
    assert!(check.stdout.contains("tidegate channel connect acme"), "{check:?}");
    assert!(!check.stdout.contains("API token"), "{check:?}");
    scene.connect();
    scene.host.ok(["channel", "check", CHANNEL]).expect("Zendesk knows the administrator");
    scene.syncs_well();
    let connection = &scene.channel()["connection"];
    assert_eq!((&connection["status"], &connection["renewable"]), (&"connected".into(), &true.into()));
    assert_eq!(scene.fake.oauth_counts().exchanges, 1);
    assert_eq!(scene.fake.oauth_counts().refreshes, 0, "the token holds");

    // A token that should hold is refused: it is renewed once for all who wait.
    scene.fake.expire_tokens();
    scene.syncs_well();
    assert_eq!((scene.fake.oauth_counts().refreshes, scene.fake.oauth_counts().refusals), (1, 0));
}

#[test]
fn zendesk_tokens_are_renewed_before_they_expire() {
    let scene = Scene::connected(Zendesk::builder().token_lifetime(2));
    wait::until("the token to run out", Duration::from_secs(30), || {
        let until = scene.channel()["connection"]["until"].as_str().map(str::to_owned);
        let until: jiff::Timestamp = until.expect("a time").parse()?;
        Ok((jiff::Timestamp::now() > until).then_some(()))
    })
    .expect("it does");
    scene.fake.reset_stats();
    let job = scene.sync();
    job.expect_status("ticket", "completed");
    assert_eq!(scene.fake.stats().with_status(401), 0, "nobody had to refuse one first");
    let counts = scene.fake.oauth_counts();
    assert!(counts.refreshes >= 1 && counts.refusals == 0, "{counts:?}");
}

#[test]
fn a_zendesk_grant_that_is_over_pauses_the_channel_until_it_is_connected_again() {
    let scene = Scene::connected(Zendesk::builder());
    scene.syncs_well();
    scene.fake.revoke_grants();
    let job = scene.sync();
    job.expect_status("user", "failed").expect_status("ticket", "skipped");
    let channel = scene.channel();
    let because = channel["paused-because"].as_str().expect("a reason");
    assert!(because.contains("reconnect: tidegate channel connect acme"), "{because}");
    assert_eq!(channel["connection"]["status"], "ended");
    scene.connect();
    assert!(scene.channel()["paused"].is_null());
    scene.syncs_well();
}

#[test]
fn a_zendesk_client_with_its_own_credentials_needs_nobody() {
    let scene = Scene::new(Zendesk::builder(), "oauth-client");
    let said = scene.host.ok(["channel", "connect", CHANNEL]).expect("it is connected");
    assert!(said.contains("is connected"), "{said}");
    scene.syncs_well();
    scene.fake.expire_tokens();
    scene.syncs_well();
    let counts = scene.fake.oauth_counts();
    assert_eq!((counts.client_grants, counts.refreshes, counts.codes), (2, 0, 0));
}

#[test]
fn zendesk_s_client_secret_and_tokens_are_not_to_be_seen() {
    let mut scene = Scene::connected(Zendesk::builder());
    scene.fake.expire_tokens();
    scene.host.ok(["sync", CHANNEL, "--full", "--record", "--wait"]).expect("it syncs");
    scene.fake.revoke_grants();
    scene.sync();
    let log = scene.host.log();
    let secrets = ["fake-zendesk-access-", "fake-zendesk-refresh-", "fake-zendesk-code-", CLIENT_SECRET];
    assert_eq!(secrets.iter().find(|secret| log.contains(**secret)), None, "{log}");
    scene.host.stop().expect("it stops");
    for file in crate::secrets::files(&scene.host.data()) {
        let bytes = fs::read(&file).expect("a file of the data folder");
        let holds = |secret: &&&str| bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert_eq!(secrets.iter().find(holds), None, "{} holds it", file.display());
    }
}
