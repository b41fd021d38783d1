//! Tokens of channels: how they are got, kept, renewed and lost.

mod provider;

use self::provider::{Provider, Turn};
use super::*;
use crate::model::ConnectStage;
use futures_util::future::join_all;
use url::Url;

const BACK: &str = "http://127.0.0.1:7070/oauth/callback";
const HOUR: Duration = Duration::from_secs(3_600);

/// The plugin of the other tests, but for how it signs in.
fn guest(declared: Value) -> Guest {
    let mut manifest = manifest(&["desk"], "1.0.0");
    let transport = &mut manifest["channel-types"][0]["transports"][0];
    transport["auth"] = json!([declared]);
    transport["rate"] = json!({"concurrency": 64});
    Guest::described(&manifest)
}

fn by_a_person() -> Value {
    json!({"scheme": "oauth2", "authorize-url": "/authorize", "token-url": "/token", "client-id": "way",
        "client-secret": "token", "client-auth": "post", "scopes": ["read"]})
}

fn by_the_client() -> Value {
    json!({"scheme": "oauth2", "grant": "client-credentials", "token-url": "/token", "client-id": "way",
        "client-secret": "token", "client-auth": "post"})
}

/// A channel to a provider.
async fn scene(declared: Value) -> (House, Provider) {
    let (house, provider) = (House::with(guest(declared)).await, Provider::start().await);
    house.channels.create(draft(json!({"url": provider.url()}))).await.expect("a channel");
    (house, provider)
}

/// The same, connected.
async fn connected() -> (House, Provider) {
    let (house, provider) = scene(by_a_person()).await;
    let state = begun(&house.channels).await;
    house.channels.finish_connecting(&format!("code=c&state={state}")).await.expect("connected");
    (house, provider)
}

/// The state of a new attempt.
async fn begun(channels: &Channels) -> String {
    let connecting = channels.connect("one", Some(BACK)).await.expect("begun");
    let Connecting::Browser(started) = connecting else { panic!("a person is needed") };
    assert!(!format!("{started:?}").contains("state="));
    let url = Url::parse(started.authorize_url.expose()).expect("a URL");
    url.query_pairs().find(|(name, _)| name == "state").expect("a state").1.into_owned()
}

async fn ask(opened: &Opened) -> Result<u16, Failure> {
    let meter = Meter::new(Allowance { requests: 10, response_bytes: 1_000 }, CancellationToken::new());
    opened.gateway.send(get(), &meter).await.map(|answer| answer.status)
}

async fn ask_through(channels: &Channels) -> Result<u16, Failure> {
    ask(&channels.open("one").await.expect("opened")).await
}

async fn standing(house: &House) -> Standing {
    house.channels.connection("one").await.expect("read").expect("by OAuth").standing
}

fn code_of(outcome: Result<u16, Failure>) -> String {
    outcome.expect_err("a failure").code
}

#[tokio::test]
async fn a_channel_that_nobody_connected_says_how() {
    let (house, provider) = scene(by_a_person()).await;
    let failure = ask_through(&house.channels).await.expect_err("no token");
    assert_eq!((failure.class, failure.code.as_str()), (Class::Auth, "oauth.not-connected"));
    assert_eq!(failure.message, "channel 'one' is not connected: tidegate channel connect one");
    assert_eq!((provider.forms().len(), provider.requests()), (0, (0, 0)));
    assert_eq!(standing(&house).await, Standing::NotConnected);
}

#[tokio::test]
async fn a_person_s_yes_becomes_sealed_tokens() {
    let (house, provider) = connected().await;
    assert_eq!(ask_through(&house.channels).await, Ok(200));
    let form = &provider.forms()[0];
    assert!(form.starts_with("grant_type=authorization_code&code=c&redirect_uri="), "{form}");
    assert!(form.contains("&code_verifier=") && form.contains(&format!("&client_secret={TOKEN}")), "{form}");
    let id = house.channels.get("one").await.expect("stored").id;
    let kept = house.store.grants().get(id).await.expect("read");
    let text = format!("{kept:?}");
    assert!(!text.contains("access-1") && !text.contains("refresh-1"), "{text}");
    assert!(matches!(kept.attempt.expect("kept").stage, ConnectStage::Connected));
    let report = house.channels.connection("one").await.expect("read").expect("by OAuth");
    assert_eq!((report.standing, report.renewable), (Standing::Connected, true));
    assert_eq!((report.since, report.until), (Some(house.clock.now()), Some(house.clock.now().plus(HOUR))));
    assert_eq!(report.scopes, ["read"]);
}

#[tokio::test]
async fn a_state_is_good_once_and_for_ten_minutes() {
    let (house, provider) = scene(by_a_person()).await;
    let finish = async |state: &str| house.channels.finish_connecting(&format!("code=c&state={state}")).await;
    let stale = |outcome| matches!(outcome, Err(Rejected::Stale));
    assert!(matches!(house.channels.finish_connecting("nonsense").await, Err(Rejected::NoAnswer)));
    assert!(stale(finish("made-up").await));
    let first = begun(&house.channels).await;
    let second = begun(&house.channels).await;
    assert!(stale(finish(&first).await), "a later attempt took its place");
    let mut changed = second.clone();
    changed.replace_range(second.len() - 1.., if second.ends_with('A') { "E" } else { "A" });
    assert!(stale(finish(&changed).await), "one letter of it is another");
    house.clock.advance(Duration::from_secs(600));
    assert!(stale(finish(&second).await), "too late");
    let third = begun(&house.channels).await;
    house.clock.advance(Duration::from_secs(599));
    finish(&third).await.expect("in time");
    assert!(stale(finish(&third).await), "it is used");
    assert_eq!(provider.forms().len(), 1);
}

#[tokio::test]
async fn two_browsers_with_one_state_use_one_code() {
    let (house, provider) = scene(by_a_person()).await;
    provider.next(Turn::After(Duration::from_millis(100)));
    let query = format!("code=c&state={}", begun(&house.channels).await);
    let (a, b) =
        tokio::join!(house.channels.finish_connecting(&query), house.channels.finish_connecting(&query));
    assert!(a.is_ok() != b.is_ok(), "{a:?} {b:?}");
    assert_eq!(provider.forms().len(), 1);
}

#[tokio::test]
async fn an_attempt_that_fails_says_why_and_is_over() {
    let (house, provider) = scene(by_a_person()).await;
    provider.next(Turn::Says(400, r#"{"error":"invalid_grant"}"#));
    let state = begun(&house.channels).await;
    let attempt = async |query: String| {
        let rejected = house.channels.finish_connecting(&query).await.expect_err("rejected");
        let report = house.channels.connection("one").await.expect("read").expect("by OAuth");
        let failure = report.attempt.expect("kept").outcome.expect("over").expect_err("failed");
        (rejected, failure.code)
    };
    let (rejected, code) = attempt(format!("code=c&state={state}")).await;
    assert!(matches!(rejected, Rejected::Failed(_)) && code == "oauth.invalid-grant", "{code}");
    let state = begun(&house.channels).await;
    let (rejected, code) = attempt(format!("error=access_denied&error_description=no&state={state}")).await;
    assert!(matches!(rejected, Rejected::Refused { .. }) && code == "oauth.denied", "{code}");
    let state = begun(&house.channels).await;
    let (_, code) = attempt(format!("code=c&state={state}&iss=https%3A%2F%2Fevil.example")).await;
    assert_eq!(code, "oauth.issuer");
    let state = begun(&house.channels).await;
    house.channels.edit("one", change(json!({"url": "http://127.0.0.1:1"}))).await.expect("an edit");
    let (_, code) = attempt(format!("code=c&state={state}")).await;
    assert_eq!(code, "oauth.changed");
    assert_eq!(provider.forms().len(), 1, "the code goes to whom it is from");
}

#[tokio::test]
async fn one_flight_serves_all_who_wait() {
    let (house, provider) = connected().await;
    house.clock.advance(HOUR);
    provider.next(Turn::After(Duration::from_millis(200)));
    let opened = house.channels.open("one").await.expect("opened");
    let answers = join_all((0..50).map(|_| ask(&opened))).await;
    assert!(answers.iter().all(|answer| *answer == Ok(200)), "{answers:?}");
    assert_eq!((provider.sent("refresh_token"), provider.requests()), (vec!["refresh-1".into()], (50, 0)));
}

#[tokio::test]
async fn tokens_are_renewed_shortly_before_they_expire() {
    let (house, provider) = connected().await;
    house.clock.advance(HOUR - Duration::from_secs(61));
    assert_eq!(ask_through(&house.channels).await, Ok(200));
    assert_eq!(provider.forms().len(), 1);
    house.clock.advance(Duration::from_secs(1));
    assert_eq!(ask_through(&house.channels).await, Ok(200));
    assert_eq!(provider.sent("refresh_token"), ["refresh-1"]);

    // A provider that is down does not matter as long as the token holds.
    house.clock.advance(HOUR - Duration::from_secs(30));
    provider.next(Turn::Says(503, ""));
    assert_eq!(ask_through(&house.channels).await, Ok(200));
    house.clock.advance(Duration::from_secs(2));
    assert_eq!(ask_through(&house.channels).await, Ok(200));
    assert_eq!(provider.sent("refresh_token"), ["refresh-1", "refresh-2", "refresh-2"]);
}

#[tokio::test]
async fn a_token_that_is_refused_is_replaced_once() {
    let (house, provider) = connected().await;
    let opened = house.channels.open("one").await.expect("opened");
    provider.expire();
    let answers = join_all((0..20).map(|_| ask(&opened))).await;
    assert!(answers.iter().all(|answer| *answer == Ok(200)), "{answers:?}");
    assert_eq!(provider.sent("refresh_token").len(), 1);
    assert_eq!(provider.requests().0, 20 + provider.requests().1, "each was sent once more");

    // What refuses a new token, too, has another reason.
    provider.expire();
    provider.next(Turn::TheSame);
    provider.next(Turn::TheSame);
    let before = provider.requests().0;
    let failure = ask(&opened).await.expect_err("refused");
    assert!(provider.requests().0 - before <= 2);
    assert!(["oauth.token-refused", "oauth.unavailable"].contains(&failure.code.as_str()), "{failure:?}");
}

#[tokio::test]
async fn a_request_that_changes_something_is_repeated_too_because_it_was_not_done() {
    let (house, provider) = connected().await;
    let opened = house.channels.open("one").await.expect("opened");
    provider.expire();
    let meter = Meter::new(Allowance { requests: 10, response_bytes: 1_000 }, CancellationToken::new());
    let post = Request { method: Method::Post, body: Some(Bytes::from_static(b"{}")), ..get() };
    assert_eq!(opened.gateway.send(post, &meter).await.expect("an answer").status, 200);
    assert_eq!((provider.requests(), meter.used().sent), ((2, 1), 2));
}

#[tokio::test]
async fn an_answer_that_gets_lost_costs_no_refresh_token() {
    let (house, provider) = connected().await;
    house.clock.advance(HOUR);
    provider.next(Turn::Lost);
    let failure = ask_through(&house.channels).await.expect_err("nobody knows");
    assert_eq!(failure.class, Class::Transient, "{failure:?}");
    assert_eq!(standing(&house).await, Standing::Connected);
    assert_eq!(ask_through(&house.channels).await, Ok(200));
    assert_eq!(provider.sent("refresh_token"), ["refresh-1", "refresh-1"]);
    house.clock.advance(HOUR);
    assert_eq!(ask_through(&house.channels).await, Ok(200));
    assert_eq!(provider.sent("refresh_token").last().map(String::as_str), Some("refresh-3"));
}

#[tokio::test]
async fn who_stops_waiting_loses_nothing() {
    let (house, provider) = connected().await;
    house.clock.advance(HOUR);
    provider.next(Turn::After(Duration::from_millis(100)));
    let opened = house.channels.open("one").await.expect("opened");
    let impatient = tokio::time::timeout(Duration::from_millis(20), ask(&opened)).await;
    assert!(impatient.is_err());
    house.channels.settle_tokens().await;
    let report = house.channels.connection("one").await.expect("read").expect("by OAuth");
    assert_eq!((report.renewals, provider.forms().len()), (1, 2));
}

#[tokio::test]
async fn a_grant_that_is_over_pauses_the_channel() {
    let (house, provider) = connected().await;
    house.clock.advance(HOUR);
    provider.next(Turn::Says(400, r#"{"error":"invalid_grant","error_description":"revoked"}"#));
    let failure = ask_through(&house.channels).await.expect_err("over");
    assert_eq!((failure.class, failure.code.as_str()), (Class::Auth, "oauth.revoked"));
    assert!(failure.message.ends_with("; reconnect: tidegate channel connect one"), "{}", failure.message);
    let channel = house.channels.get("one").await.expect("stored");
    let paused = channel.paused.clone().expect("paused");
    assert_eq!((paused.class, paused.message, channel.enabled), (Class::Auth, failure.message, true));
    assert_eq!(standing(&house).await, Standing::Ended);
    assert_eq!(code_of(ask_through(&house.channels).await), "oauth.revoked");
    assert_eq!(provider.forms().len(), 2, "it is not asked again");

    let state = begun(&house.channels).await;
    house.channels.finish_connecting(&format!("code=d&state={state}")).await.expect("connected");
    assert!(house.channels.get("one").await.expect("stored").paused.is_none());
    assert_eq!(ask_through(&house.channels).await, Ok(200));
}

#[tokio::test]
async fn a_client_that_is_refused_keeps_its_grant() {
    let (house, provider) = connected().await;
    house.clock.advance(HOUR);
    provider.next(Turn::Says(401, r#"{"error":"invalid_client"}"#));
    let failure = ask_through(&house.channels).await.expect_err("refused");
    assert_eq!((failure.class, failure.code.as_str()), (Class::Auth, "oauth.client-refused"));
    assert_eq!(ask_through(&house.channels).await, Ok(200), "the secret was mended there");
    assert_eq!(provider.sent("refresh_token"), ["refresh-1", "refresh-1"]);
}

#[tokio::test]
async fn two_hosts_use_a_refresh_token_once() {
    let (house, provider) = connected().await;
    let other = house.again(KEY, loopback());
    house.clock.advance(HOUR);
    provider.next(Turn::After(Duration::from_millis(300)));
    let (a, b) = tokio::join!(ask_through(&house.channels), ask_through(&other));
    assert_eq!((a, b), (Ok(200), Ok(200)));
    assert_eq!(provider.sent("refresh_token"), ["refresh-1"]);
}

#[tokio::test]
async fn tokens_go_to_nobody_else_when_the_settings_change() {
    let (house, _provider) = connected().await;
    let elsewhere = Provider::start().await;
    house.channels.edit("one", change(json!({"url": elsewhere.url()}))).await.expect("an edit");
    assert_eq!(code_of(ask_through(&house.channels).await), "oauth.other-settings");
    assert_eq!((elsewhere.forms().len(), elsewhere.requests()), (0, (0, 0)));
    assert_eq!(standing(&house).await, Standing::OtherSettings);
}

#[tokio::test]
async fn a_client_with_credentials_of_its_own_connects_by_itself() {
    let (house, provider) = scene(by_the_client()).await;
    assert_eq!(ask_through(&house.channels).await, Ok(200));
    house.clock.advance(HOUR);
    assert_eq!(ask_through(&house.channels).await, Ok(200));
    assert!(matches!(house.channels.connect("one", None).await, Ok(Connecting::Done)));
    assert_eq!(provider.sent("grant_type"), ["client_credentials"; 3]);
    assert_eq!(standing(&house).await, Standing::Connected);
}

#[tokio::test]
async fn what_is_disconnected_is_forgotten_and_what_was_never_connected_says_so() {
    let (house, _provider) = connected().await;
    let done = house.channels.disconnect("one").await.expect("done");
    assert!(done.was_connected && done.revoked.is_none());
    assert_eq!(code_of(ask_through(&house.channels).await), "oauth.not-connected");
    assert!(!house.channels.disconnect("one").await.expect("done").was_connected);

    let plain = House::new().await;
    plain.channels.create(good_draft()).await.expect("a channel");
    assert_eq!(
        words(plain.channels.connect("one", Some(BACK))).await,
        "channel 'one' does not sign in by OAuth, as it is set up (oauth.unused)"
    );
    assert!(plain.channels.connection("one").await.expect("read").is_none());
}

/// A provider that takes tokens back.
fn that_takes_back() -> Value {
    let mut declared = by_a_person();
    declared["revoke-url"] = "/revoke".into();
    declared
}

#[tokio::test]
async fn a_channel_that_is_deleted_gives_its_tokens_back() {
    let (house, provider) = scene(that_takes_back()).await;
    let state = begun(&house.channels).await;
    house.channels.finish_connecting(&format!("code=c&state={state}")).await.expect("connected");
    let parted = house.channels.delete("one").await.expect("deleted");
    assert_eq!(parted.revoked, Some(Ok(())));
    assert_eq!(provider.given_back(), ["refresh-1"], "it stands for the whole grant");

    let (house, provider) = scene(that_takes_back()).await;
    assert_eq!(house.channels.delete("one").await.expect("deleted").revoked, None, "there are none");
    assert_eq!(provider.given_back(), Vec::<String>::new());
    let (house, _provider) = connected().await;
    assert_eq!(house.channels.delete("one").await.expect("deleted").revoked, None, "none takes them");
}

#[tokio::test]
async fn a_provider_that_does_not_answer_stops_no_deletion() {
    let (house, provider) = scene(that_takes_back()).await;
    let state = begun(&house.channels).await;
    house.channels.finish_connecting(&format!("code=c&state={state}")).await.expect("connected");
    provider.falls_silent();
    let deleting = house.channels.delete("one");
    tokio::time::pause();
    let parted = deleting.await.expect("deleted");
    let failure = parted.revoked.expect("it was tried").expect_err("no answer");
    assert_eq!(failure.class, Class::Transient, "{failure}");
    assert!(house.channels.get("one").await.is_err(), "it is gone");
}

#[tokio::test]
async fn the_operator_s_rules_hold_for_providers() {
    let (house, provider) = connected().await;
    house.clock.advance(HOUR);
    let strict = broker::Config { allow_plain_http: false, ..loopback() };
    let strict = house.again(KEY, strict);
    assert!(
        matches!(strict.connect("one", Some(BACK)).await, Err(Error::Plugin(failure)) if failure.class == Class::Denied)
    );
    provider.next(Turn::Says(302, ""));
    let failure = ask_through(&house.channels).await.expect_err("no redirect is followed");
    assert_eq!(failure.code, "oauth.answer", "{failure:?}");
}
