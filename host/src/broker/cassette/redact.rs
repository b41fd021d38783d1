//! What of an exchange must not be kept.
//!
//! The credential is put on below the seam and is not there. Left out is what a guest or
//! a remote system may have put into a header to let somebody in, and hidden is every
//! spelling of the credential that the remote system echoed.

use super::{Answered, Asked, End, Exchange, Got};
use crate::{
    broker::marks::Marks,
    model::{Failure, FieldError},
};

/// A guest's headers are kept for people to read: whatever sounds like a key is left out.
const SUSPECT: [&str; 9] =
    ["auth", "cookie", "credential", "csrf", "key", "passw", "secret", "session", "token"];

/// Of an answer only what is known to let somebody in is left out: a guest may go by any
/// other header, and a replay has to show it the same.
const LETS_IN: [&str; 12] = [
    "authentication-info",
    "authorization",
    "cookie",
    "proxy-authenticate",
    "proxy-authorization",
    "set-cookie",
    "set-cookie2",
    "www-authenticate",
    "x-amz-security-token",
    "x-api-key",
    "x-auth-token",
    "x-csrf-token",
];

/// The exchange as it may be kept.
pub(super) fn exchange(exchange: Exchange, marks: &Marks) -> Exchange {
    Exchange { asked: asked(exchange.asked, marks), got: got(exchange.got, marks) }
}

/// The failure without the credential.
pub(super) fn failure(failure: Failure, marks: &Marks) -> Failure {
    let hide = |field: FieldError| FieldError {
        field: marks.conceal_text(field.field),
        message: marks.conceal_text(field.message),
    };
    Failure {
        code: marks.conceal_text(failure.code),
        message: marks.conceal_text(failure.message),
        fields: failure.fields.into_iter().map(hide).collect(),
        ..failure
    }
}

fn asked(asked: Asked, marks: &Marks) -> Asked {
    let is_harmless = |name: &str| !SUSPECT.iter().any(|part| name.contains(part));
    Asked {
        path: marks.conceal_text(asked.path),
        origin: asked.origin.map(|name| marks.conceal_text(name)),
        headers: headers(asked.headers, is_harmless, marks),
        body: asked.body.map(|body| marks.conceal(body)),
        idempotency_key: asked.idempotency_key.map(|key| marks.conceal_text(key)),
        ..asked
    }
}

fn got(got: Got, marks: &Marks) -> Got {
    match got {
        Got::Failure(told) => Got::Failure(failure(told, marks)),
        Got::Answer(answer) => Got::Answer(Answered {
            headers: headers(answer.headers, |name| !LETS_IN.contains(&name), marks),
            body: marks.conceal(answer.body),
            end: match answer.end {
                End::Broken(told) => End::Broken(failure(told, marks)),
                end => end,
            },
            ..answer
        }),
    }
}

fn headers(
    headers: Vec<(String, String)>,
    is_harmless: impl Fn(&str) -> bool,
    marks: &Marks,
) -> Vec<(String, String)> {
    let kept = headers.into_iter().filter(|(name, _)| is_harmless(name));
    kept.map(|(name, value)| (name, marks.conceal_text(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        broker::Credential,
        model::{Class, Secret},
    };
    use bytes::Bytes;

    const TOKEN: &str = "s3cret/token";

    fn kept(path: &str, asked_headers: &[&str], got_headers: &[&str]) -> Exchange {
        let list = |names: &[&str]| {
            names.iter().map(|name| ((*name).to_owned(), format!("v {TOKEN}"))).collect::<Vec<_>>()
        };
        let whole = Exchange {
            asked: Asked {
                method: "POST".into(),
                origin: None,
                path: path.into(),
                headers: list(asked_headers),
                body: Some(Bytes::from(format!("a={TOKEN}"))),
                idempotency_key: Some(format!("k-{TOKEN}")),
            },
            got: Got::Answer(Answered {
                status: 200,
                headers: list(got_headers),
                body: Bytes::from(format!("{{\"echo\":\"{}\"}}", TOKEN.replace('/', "\\/"))),
                end: End::Broken(Failure::new(Class::Transient, "net.body", format!("after {TOKEN}"))),
                attempts: 2,
            }),
        };
        exchange(whole, &Marks::new(&Credential::Bearer { token: Secret::new(TOKEN) }))
    }

    #[test]
    fn every_text_loses_the_credential() {
        let kept = kept("/a?t=s3cret%2Ftoken&x=1", &["accept"], &["link"]);
        let text = format!("{kept:?}");
        assert!(!text.contains("s3cret"), "{text}");
        assert_eq!(kept.asked.path, "/a?t=‹secret›&x=1");
        let Got::Answer(answer) = kept.got else { panic!("an answer") };
        assert_eq!(answer.body, "{\"echo\":\"‹secret›\"}");
    }

    #[test]
    fn headers_that_let_somebody_in_are_left_out() {
        let asked = ["accept", "authorization", "x-api-key", "x-session", "x-my-token", "cookie", "if-match"];
        let got = ["content-type", "link", "etag", "retry-after", "x-rate-limit-remaining", "x-next-token"];
        let gone = ["set-cookie", "authorization", "www-authenticate", "x-auth-token"];
        let kept = kept("/", &asked, &[&got[..], &gone[..]].concat());
        let names =
            |headers: &[(String, String)]| headers.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&kept.asked.headers), ["accept", "if-match"]);
        let Got::Answer(answer) = kept.got else { panic!("an answer") };
        assert_eq!(names(&answer.headers), got);
    }
}
