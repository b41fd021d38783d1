//! What is asked of a vendor that signs in by OAuth, and what its answers hold.

use crate::client::Answer;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use url::{Url, form_urlencoded};

pub(crate) const BACK: &str = "http://127.0.0.1:7070/oauth/callback";
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// The query of a good authorization request with changes to it, `usual` and others; an empty
/// value leaves a parameter out.
pub(crate) fn query(usual: &[(&str, &str)], changes: &[(&str, &str)]) -> String {
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
    let mut asked = BTreeMap::from([
        ("response_type", "code"),
        ("redirect_uri", BACK),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ]);
    asked.extend(usual.iter().chain(changes).copied());
    asked.retain(|_, value| !value.is_empty());
    form_urlencoded::Serializer::new(String::new()).extend_pairs(asked).finish()
}

/// What the browser would bring back.
pub(crate) fn brought(answer: &Answer) -> BTreeMap<String, String> {
    assert_eq!(answer.status, 302, "{}", answer.text);
    let url = Url::parse(&answer.headers["location"]).expect("a URL");
    url.query_pairs().into_owned().collect()
}

pub(crate) fn text(answer: &Answer, member: &str) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()[member].as_str().expect(member).to_owned()
}

#[track_caller]
pub(crate) fn is_refused(answer: &Answer, status: u16, error: &str) {
    assert_eq!((answer.status, answer.json()["error"].as_str()), (status, Some(error)), "{}", answer.text);
}
