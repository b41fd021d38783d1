//! OAuth at the fake Zendesk: nothing passes that a careless client would send.

use crate::{
    client::{Answer, bare},
    grant::{BACK, VERIFIER, brought, is_refused, query, text},
};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use tests::zendesk::{CLIENT_ID, CLIENT_SECRET, Zendesk};

const PAGE: &str = "/api/v2/users/me.json";

fn fake() -> Zendesk {
    let fake = Zendesk::builder().start().expect("a fake");
    fake.register(BACK);
    fake
}

/// A good authorization request with changes; an empty value leaves a parameter out.
async fn authorize(fake: &Zendesk, changes: &[(&str, &str)]) -> Answer {
    let query = query(&[("client_id", CLIENT_ID), ("state", "st"), ("scope", "read write")], changes);
    bare(fake, Method::GET, &format!("/oauth/authorizations/new?{query}")).answer().await
}

async fn code(fake: &Zendesk, changes: &[(&str, &str)]) -> String {
    let brought = brought(&authorize(fake, changes).await);
    assert_eq!(brought["state"], "st");
    brought["code"].clone()
}

/// A request for tokens as the registered client; `changes` replace members.
async fn token(fake: &Zendesk, asked: Value, changes: Value) -> Answer {
    let mut document = json!({ "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET });
    for part in [asked, changes] {
        let part = part.as_object().expect("members").clone();
        document.as_object_mut().expect("members").extend(part);
    }
    let call = bare(fake, Method::POST, "/oauth/tokens").header("content-type", "application/json");
    call.text(&document.to_string()).answer().await
}

async fn exchange(fake: &Zendesk, code: &str, changes: Value) -> Answer {
    let asked = json!({
        "grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "code_verifier": VERIFIER,
    });
    token(fake, asked, changes).await
}

async fn refresh(fake: &Zendesk, refresh_token: &str) -> Answer {
    token(fake, json!({ "grant_type": "refresh_token", "refresh_token": refresh_token }), json!({})).await
}

async fn opens(fake: &Zendesk, method: Method, path: &str, access: &str) -> u16 {
    bare(fake, method, path).header("authorization", &format!("Bearer {access}")).answer().await.status
}

#[tokio::test]
async fn only_registered_addresses_are_sent_back_to() {
    let fake = fake();
    for changes in [
        [("client_id", "other")],
        [("redirect_uri", "http://127.0.0.1:7070/oauth/callback/")],
        [("redirect_uri", "")],
    ] {
        assert_eq!(authorize(&fake, &changes).await.status, 400, "{changes:?}");
    }
    for changes in [
        [("response_type", "token")],
        [("scope", "")],
        [("code_challenge_method", "plain")],
        [("code_challenge", "short")],
    ] {
        assert_eq!(brought(&authorize(&fake, &changes).await)["error"], "invalid_request", "{changes:?}");
    }
}

#[tokio::test]
async fn a_code_is_good_once_for_two_minutes_and_for_who_asked() {
    let fake = fake();
    for changes in [
        json!({ "code_verifier": "another-verifier-of-forty-three-characters." }),
        json!({ "code_verifier": "" }),
        json!({ "redirect_uri": "http://127.0.0.1:7070/other" }),
        json!({ "code": "made-up" }),
    ] {
        let code = code(&fake, &[]).await;
        is_refused(&exchange(&fake, &code, changes.clone()).await, 400, "invalid_grant");
    }
    let used = code(&fake, &[]).await;
    is_refused(&exchange(&fake, &used, json!({ "client_secret": "wrong" })).await, 401, "invalid_client");
    text(&exchange(&fake, &used, json!({})).await, "access_token");
    is_refused(&exchange(&fake, &used, json!({})).await, 400, "invalid_grant");
    let late = code(&fake, &[]).await;
    fake.advance_clock(Duration::from_secs(120));
    is_refused(&exchange(&fake, &late, json!({})).await, 400, "invalid_grant");
}

#[tokio::test]
async fn parameters_are_json_and_within_their_bounds() {
    let fake = fake();
    let code = code(&fake, &[]).await;
    let form = bare(&fake, Method::POST, "/oauth/tokens")
        .header("content-type", "application/x-www-form-urlencoded");
    is_refused(&form.text("grant_type=authorization_code").answer().await, 400, "invalid_request");
    for seconds in [json!(300), json!(172_800), json!("600")] {
        let answer = exchange(&fake, &code, json!({ "expires_in": seconds })).await;
        is_refused(&answer, 400, "invalid_request");
    }
    let answer = exchange(&fake, &code, json!({ "expires_in": 600 })).await;
    assert_eq!((answer.status, &answer.json()["expires_in"]), (200, &json!(600)));
    is_refused(
        &token(&fake, json!({ "grant_type": "password" }), json!({})).await,
        400,
        "unsupported_grant_type",
    );
}

#[tokio::test]
async fn a_refresh_ends_both_tokens_before_it() {
    let fake = fake();
    let first = exchange(&fake, &code(&fake, &[]).await, json!({})).await;
    let (access, renewal) = (text(&first, "access_token"), text(&first, "refresh_token"));
    assert_eq!(opens(&fake, Method::GET, PAGE, &access).await, 200);
    let second = refresh(&fake, &renewal).await;
    assert_eq!(opens(&fake, Method::GET, PAGE, &access).await, 401);
    assert_eq!(opens(&fake, Method::GET, PAGE, &text(&second, "access_token")).await, 200);
    is_refused(&refresh(&fake, &renewal).await, 400, "invalid_grant");

    fake.advance_clock(Duration::from_secs(1_800));
    assert_eq!(opens(&fake, Method::GET, PAGE, &text(&second, "access_token")).await, 401);
    let third = refresh(&fake, &text(&second, "refresh_token")).await;
    fake.revoke_grants();
    assert_eq!(opens(&fake, Method::GET, PAGE, &text(&third, "access_token")).await, 401);
    is_refused(&refresh(&fake, &text(&third, "refresh_token")).await, 400, "invalid_grant");
}

#[tokio::test]
async fn a_token_opens_what_its_scopes_say() {
    let fake = fake();
    let reads = exchange(&fake, &code(&fake, &[("scope", "read")]).await, json!({})).await;
    let access = text(&reads, "access_token");
    assert_eq!(opens(&fake, Method::GET, "/api/v2/tickets/1.json", &access).await, 200);
    assert_eq!(opens(&fake, Method::DELETE, "/api/v2/tickets/1.json", &access).await, 403);
    let client = json!({ "grant_type": "client_credentials", "scope": "read write" });
    let access = text(&token(&fake, client, json!({})).await, "access_token");
    assert_eq!(opens(&fake, Method::DELETE, "/api/v2/tickets/1.json", &access).await, 204);
    let client = json!({ "grant_type": "client_credentials" });
    is_refused(&token(&fake, client, json!({})).await, 400, "invalid_scope");
}
