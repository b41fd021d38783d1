//! The fake provider of OAuth: nothing passes that a careless client would send.

use crate::{
    client::{Answer, Call, bare},
    grant::{BACK, VERIFIER, brought, is_refused, query, text},
};
use reqwest::Method;
use std::collections::BTreeMap;
use tests::oauth::{CLIENT_ID, CLIENT_SECRET, OAuth};
use url::form_urlencoded;

const STATE: &str = "a-state-that-nobody-can-guess";

fn fake() -> OAuth {
    OAuth::builder().redirect_uri(BACK).start().expect("a provider")
}

fn answered(call: Call<'_>) -> Answer {
    let run_time = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a run time");
    run_time.block_on(call.answer())
}

fn form<'a>(fake: &'a OAuth, path: &str, body: &str) -> Call<'a> {
    bare(fake, Method::POST, path).header("content-type", "application/x-www-form-urlencoded").text(body)
}

/// A good authorization request with changes; an empty value leaves a parameter out.
fn authorize(fake: &OAuth, changes: &[(&str, &str)]) -> Answer {
    let query = query(&[("client_id", CLIENT_ID), ("state", STATE), ("scope", "read")], changes);
    answered(bare(fake, Method::GET, &format!("/oauth/authorize?{query}")))
}

fn code(fake: &OAuth) -> String {
    let brought = brought(&authorize(fake, &[]));
    assert_eq!((brought["state"].as_str(), &brought["iss"]), (STATE, &fake.url()));
    brought["code"].clone()
}

/// A request to the token endpoint as the registered client.
fn token(fake: &OAuth, pairs: &[(&str, &str)]) -> Answer {
    let client = [("client_id", CLIENT_ID), ("client_secret", CLIENT_SECRET)];
    post(fake, &[pairs, &client].concat())
}

fn post(fake: &OAuth, pairs: &[(&str, &str)]) -> Answer {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    answered(form(fake, "/oauth/token", &body))
}

fn exchange(fake: &OAuth, code: &str, changes: &[(&str, &str)]) -> Answer {
    let mut pairs = BTreeMap::from([
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", BACK),
        ("code_verifier", VERIFIER),
    ]);
    pairs.extend(changes.iter().copied());
    token(fake, &pairs.into_iter().collect::<Vec<_>>())
}

fn refresh(fake: &OAuth, refresh_token: &str) -> Answer {
    token(fake, &[("grant_type", "refresh_token"), ("refresh_token", refresh_token)])
}

fn me(fake: &OAuth, access: &str) -> u16 {
    let call = bare(fake, Method::GET, "/me").header("authorization", &format!("Bearer {access}"));
    answered(call).status
}

#[test]
fn requests_that_a_provider_must_not_answer_are_not_sent_back() {
    let fake = fake();
    for changes in [
        [("client_id", "other")],
        [("redirect_uri", "http://127.0.0.1:7070/oauth/callback/")],
        [("redirect_uri", "http://127.0.0.1:7071/oauth/callback")],
        [("redirect_uri", "")],
    ] {
        assert_eq!(authorize(&fake, &changes).status, 400, "{changes:?}");
    }
    for changes in [
        [("response_type", "token")],
        [("state", "short")],
        [("code_challenge", "")],
        [("code_challenge_method", "plain")],
    ] {
        assert_eq!(brought(&authorize(&fake, &changes))["error"], "invalid_request", "{changes:?}");
    }
    fake.deny(true);
    assert_eq!(brought(&authorize(&fake, &[]))["error"], "access_denied");
}

#[test]
fn a_code_is_good_once_for_who_asked_for_it() {
    let fake = fake();
    for changes in [
        [("code_verifier", "another-verifier-of-forty-three-characters.")],
        [("code_verifier", "")],
        [("redirect_uri", "http://127.0.0.1:7070/other")],
        [("code", "made-up")],
    ] {
        is_refused(&exchange(&fake, &code(&fake), &changes), 400, "invalid_grant");
    }
    let code = code(&fake);
    let access = text(&exchange(&fake, &code, &[]), "access_token");
    assert_eq!(me(&fake, &access), 200);
    is_refused(&exchange(&fake, &code, &[]), 400, "invalid_grant");
    assert_eq!(me(&fake, &access), 401, "a code that comes again ends what it became");
    assert_eq!(fake.counts().reuses, 1);
}

#[test]
fn a_client_says_who_it_is_in_one_way() {
    let fake = fake();
    let grant = ("grant_type", "client_credentials");
    is_refused(&post(&fake, &[grant]), 401, "invalid_client");
    is_refused(
        &post(&fake, &[grant, ("client_id", CLIENT_ID), ("client_secret", "no")]),
        401,
        "invalid_client",
    );
    assert_eq!(me(&fake, &text(&token(&fake, &[grant]), "access_token")), 200);
    is_refused(&token(&fake, &[("grant_type", "password")]), 400, "unsupported_grant_type");
    is_refused(&token(&fake, &[grant, grant]), 400, "invalid_request");

    // RFC 6749, 2.3.1: form-encoded before they are put together.
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let call = || form(&fake, "/oauth/token", "grant_type=client_credentials");
    let (id, secret) = (encoded(CLIENT_ID), encoded(CLIENT_SECRET));
    assert_eq!(answered(call().user(&id, &secret)).status, 200);
    assert_eq!(answered(call().user(CLIENT_ID, CLIENT_SECRET)).status, 401);
}

#[test]
fn a_refresh_token_that_comes_again_ends_the_family() {
    let fake = fake();
    let first = exchange(&fake, &code(&fake), &[]);
    let second = refresh(&fake, &text(&first, "refresh_token"));
    assert_eq!(me(&fake, &text(&second, "access_token")), 200);
    is_refused(&refresh(&fake, &text(&first, "refresh_token")), 400, "invalid_grant");
    assert_eq!(me(&fake, &text(&second, "access_token")), 401);
    is_refused(&refresh(&fake, &text(&second, "refresh_token")), 400, "invalid_grant");
    assert_eq!((fake.counts().refreshes, fake.counts().reuses), (1, 1));
}

#[test]
fn a_forgiving_provider_takes_the_last_one_again_until_the_next_is_used() {
    let fake = OAuth::builder().redirect_uri(BACK).forgiving().start().expect("a provider");
    let first = text(&exchange(&fake, &code(&fake), &[]), "refresh_token");
    let lost = refresh(&fake, &first);
    let second = text(&refresh(&fake, &first), "refresh_token");
    assert_ne!(text(&lost, "refresh_token"), second);
    let third = text(&refresh(&fake, &second), "refresh_token");
    is_refused(&refresh(&fake, &first), 400, "invalid_grant");
    assert_eq!(refresh(&fake, &third).status, 200);
}

#[test]
fn tokens_end_by_time_by_control_and_when_they_are_given_back() {
    let fake = fake();
    let granted = exchange(&fake, &code(&fake), &[]);
    let (access, again) = (text(&granted, "access_token"), text(&granted, "refresh_token"));
    assert_eq!(granted.json()["expires_in"], 3_600);
    fake.expire();
    assert_eq!(me(&fake, &access), 401);
    let granted = refresh(&fake, &again);
    let (access, again) = (text(&granted, "access_token"), text(&granted, "refresh_token"));
    let give_back = format!(
        "token={again}&client_id={CLIENT_ID}&client_secret={}",
        form_urlencoded::byte_serialize(CLIENT_SECRET.as_bytes()).collect::<String>()
    );
    assert_eq!(answered(form(&fake, "/oauth/revoke", &give_back)).status, 200);
    assert_eq!(me(&fake, &access), 401);
    is_refused(&refresh(&fake, &again), 400, "invalid_grant");
    assert_eq!(fake.counts().revocations, 1);
}
