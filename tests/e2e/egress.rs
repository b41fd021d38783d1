//! What a channel may reach, and in which words it is told that it may not.

use crate::stage::{CHANNEL, create_channel, sync, zendesk_setup};
use tests::{
    host::TestHost,
    vendor::{Action, Rule},
    zendesk::{TOKEN, Zendesk},
};

const LOCKED: &str = "[broker]\nallow-addresses = []\n";

/// A host with that configuration, and what `channel check` says of that address.
fn check(config: &str, url: &str) -> (Option<i32>, String) {
    let host = TestHost::started(zendesk_setup(config)).expect("a host");
    let created = create_channel(&host, CHANNEL, &format!("url={url}"), TOKEN);
    if created.status != Some(0) {
        return (created.status, created.stderr);
    }
    let checked = host.cli(["channel", "check", CHANNEL]).expect("the command runs");
    (checked.status, format!("{}{}", checked.stdout, checked.stderr))
}

#[test]
fn special_addresses_are_denied_in_words() {
    let denied = [
        "http://127.0.0.1:8080",
        "http://169.254.169.254",
        "http://[::1]:8080",
        "http://localhost:8080",
        "http://0x7f.1:8080",
    ];
    for url in denied {
        let (status, words) = check(LOCKED, url);
        assert_eq!(status, Some(1), "{url}: {words}");
        assert!(words.contains("allow-addresses"), "{url}: {words}");
    }
}

#[test]
fn plain_http_is_denied_unless_it_is_allowed() {
    let fake = Zendesk::builder().start().expect("a fake");
    let (status, words) = check("[broker]\nallow-plain-http = false\n", &fake.url());
    assert_eq!(status, Some(1), "{words}");
    assert!(words.contains("allow-plain-http"), "{words}");
    let (status, words) = check("", &fake.url());
    assert_eq!(status, Some(0), "{words}");
}

#[test]
fn operators_can_name_the_origins_that_channels_may_reach() {
    let fake = Zendesk::builder().start().expect("a fake");
    let (status, words) = check("[broker]\nallow-origins = [\"https://*.zendesk.com\"]\n", &fake.url());
    assert_eq!(status, Some(1), "{words}");
    assert!(words.contains("allow-origins"), "{words}");
}

#[test]
fn a_redirect_is_judged_like_a_request() {
    let fake = Zendesk::builder().tickets(3).start().expect("a fake");
    let host = TestHost::started(zendesk_setup("")).expect("a host");
    create_channel(&host, CHANNEL, &format!("url={}", fake.url()), TOKEN).success().expect("a channel");
    for to in [
        "http://169.254.169.254/latest/meta-data",
        "http://10.0.0.1/",
        "http://127.0.0.1:1/",
        "file:///etc/passwd",
    ] {
        fake.set_script(
            Rule::on("/api/v2/incremental/**").then(Action::Redirect { to: to.to_owned(), code: 302 }),
        );
        let job = sync(&host, &["--connector", "ticket"]);
        let run = job.run("ticket");
        assert_eq!(
            (&run["status"], &run["error"]["class"]),
            (&"failed".into(), &"denied".into()),
            "{to}: {run:#}"
        );
    }
}

#[test]
fn proxies_of_the_environment_are_ignored() {
    let fake = Zendesk::builder().tickets(3).start().expect("a fake");
    let host = TestHost::new(zendesk_setup("")).expect("folders");
    create_channel(&host, CHANNEL, &format!("url={}", fake.url()), TOKEN).success().expect("a channel");
    let mut command = std::process::Command::new(tests::programs::tidegate().expect("the program compiles"));
    command
        .arg("--config")
        .arg(host.config())
        .arg("--data")
        .arg(host.data())
        .arg("--plugins")
        .arg(host.plugins());
    for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"] {
        command.env(name, "http://127.0.0.1:1");
    }
    let checked = command.args(["channel", "check", CHANNEL]).output().expect("the command runs");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}
