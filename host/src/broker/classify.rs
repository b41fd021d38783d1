//! What an answer or a broken connection means: an answer for the guest, or a
//! failure of which class, and whether trying again could help. Pure.
//!
//! It does not decide on retries; `retry` does, with what is said here.

use super::{body, client, marks::Marks, rate::Refusal, retry::Again};
use crate::model::{Class, Failure, Span};
use http::StatusCode;
use std::{sync::Arc, time::Duration};

/// What a status means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The guest makes of it what it likes.
    Answer,
    Fails(Class, Again),
}

/// An attempt that failed.
#[derive(Clone, Debug)]
pub(super) struct Failed {
    pub(super) failure: Failure,
    pub(super) again: Again,
    pub(super) retry_after: Option<Duration>,
    pub(super) sign: Sign,
}

/// What an attempt says of the system at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// Nothing: it was cancelled, or ended by a rule or limit of our own.
    Nothing,
    /// It works, whatever it thinks of the request.
    Alive,
    /// It works, and wants fewer requests.
    Busy,
    /// It does not work.
    Down,
    /// It does not work, because it has too much to do.
    Overloaded,
}

impl Sign {
    pub(super) fn is_alive(self) -> bool {
        matches!(self, Self::Alive | Self::Busy)
    }

    pub(super) fn is_down(self) -> bool {
        matches!(self, Self::Down | Self::Overloaded)
    }

    pub(super) fn wants_less(self) -> bool {
        matches!(self, Self::Busy | Self::Overloaded)
    }
}

/// Whom a failure speaks of, and what it must not show.
#[derive(Clone, Debug)]
pub(super) struct Remote {
    /// Host, and port where it is not the usual one.
    pub(super) host: Arc<str>,
    pub(super) marks: Arc<Marks>,
    /// Whether the request had a credential on it.
    pub(super) credential: Sent,
}

/// Whether something went out with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    Yes,
    No,
}

impl From<Failure> for Failed {
    /// A failure of the host's own making, which would come again.
    fn from(failure: Failure) -> Self {
        Self { failure, again: Again::Never, retry_after: None, sign: Sign::Nothing }
    }
}

impl Failed {
    /// Of a request that was held back, for so long.
    pub(super) fn unsent(failure: Failure, wait: Duration) -> Self {
        Self { retry_after: Some(wait), ..Self::from(failure) }
    }

    /// The same for a hop that is not the first: whatever became of this one, the
    /// one before it was answered.
    pub(super) fn after_a_redirect(self) -> Self {
        let again = match self.again {
            Again::Always => Again::IfSafe,
            again => again,
        };
        Self { again, ..self }
    }
}

/// What an answer means: the table of statuses, but for a 403 that is meant as a 429.
pub(super) fn verdict(status: u16, refusal: Refusal) -> Verdict {
    match refusal {
        Refusal::TooMany => by_status(429),
        Refusal::Other => by_status(status),
    }
}

fn by_status(status: u16) -> Verdict {
    use Verdict::{Answer, Fails};
    match status {
        401 => Fails(Class::Auth, Again::Never),
        407 => Fails(Class::Config, Again::Never),
        408 | 425 => Fails(Class::Transient, Again::IfSafe),
        429 => Fails(Class::RateLimited, Again::IfSafe),
        501 | 505 => Fails(Class::Unsupported, Again::Never),
        500..=599 => Fails(Class::Transient, Again::IfSafe),
        200..=499 => Answer,
        _ => Fails(Class::Transient, Again::Never),
    }
}

/// What a status says of the system that sent it: whoever answers works, but for
/// the failures of its own that it admits.
pub(super) fn sign(status: u16, refusal: Refusal) -> Sign {
    match status {
        _ if refusal == Refusal::TooMany => Sign::Busy,
        501 | 505 => Sign::Alive,
        503 | 504 => Sign::Overloaded,
        500..=599 => Sign::Down,
        _ => Sign::Alive,
    }
}

/// The failure for a status that is one. `words` are the remote's own, cleaned.
pub(super) fn refused(class: Class, status: u16, remote: &Remote, words: Option<&str>) -> Failure {
    let host = &remote.host;
    let said = match (status, remote.credential) {
        (401, Sent::Yes) => {
            format!("{host} refused the credentials (HTTP 401): check the user and the token")
        }
        (401, Sent::No) => format!("{host} wants credentials (HTTP 401), and got none"),
        (407, _) => format!("a proxy in front of {host} wants credentials (HTTP 407)"),
        (408, _) => format!("{host} had not got the whole request in time (HTTP 408)"),
        (425, _) => format!("{host} was not ready for the request yet (HTTP 425)"),
        (403 | 429, _) => format!("{host} wants fewer requests (HTTP {status})"),
        (501 | 505, _) => format!("{host} cannot do that ({})", named(status)),
        _ => format!("{host} failed ({})", named(status)),
    };
    let words = words.map(|words| format!("; it said: {words}")).unwrap_or_default();
    Failure::new(class, format!("http.status.{status}"), format!("{said}{words}"))
}

fn named(status: u16) -> String {
    let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    match reason {
        Some(reason) => format!("HTTP {status} {reason}"),
        None => format!("HTTP {status}"),
    }
}

/// What a connection that could not be made, or broke, means.
pub(super) fn network(error: client::Error, remote: &Remote) -> Failed {
    let host = &remote.host;
    use client::Error as E;
    let transient = |code, again, message| down(Sign::Down, code, again, message);
    let late = |again, message| down(Sign::Overloaded, "net.timeout", again, message);
    let clean = |text: &str| remote.marks.redact(text);
    match error {
        E::Denied(failure) | E::Limit(failure) => failure.into(),
        E::Name(text) => transient(
            "net.dns",
            Again::Always,
            format!("the name {host} was not found ({}): check the channel's URL", clean(&text)),
        ),
        E::Connect(text) => {
            transient("net.connect", Again::Always, format!("cannot connect to {host}: {}", clean(&text)))
        }
        E::ConnectTimeout(limit) => late(
            Again::Always,
            format!("{host} took no connection within {} (broker.connect-timeout)", Span(limit)),
        ),
        E::Certificate(text) => Failure::new(
            Class::Config,
            "net.tls",
            format!(
                "the certificate of {host} is not trusted ({}): check the channel's URL, \
                 or name the authority that signed it as broker.ca-file",
                clean(&text)
            ),
        )
        .into(),
        E::Tls(text) => {
            transient("net.tls", Again::Always, format!("cannot speak TLS with {host}: {}", clean(&text)))
        }
        E::ReadTimeout(limit) => {
            late(Again::IfSafe, format!("{host} was silent for {} (broker.read-timeout)", Span(limit)))
        }
        E::HeadTooLarge => super::headers::too_large().into(),
        E::Protocol(text) => transient(
            "net.protocol",
            Again::IfSafe,
            format!("{host} answered with something that is not HTTP: {}", clean(&text)),
        ),
        E::Reset(text) => transient(
            "net.reset",
            Again::IfSafe,
            format!("{host} closed the connection without an answer: {}", clean(&text)),
        ),
        E::Body(text) => broken_off(remote, &clean(&text)),
    }
}

/// What a body that cannot be read to its end means.
pub(super) fn body(error: body::Error, remote: &Remote) -> Failed {
    match error {
        body::Error::Wire(error) => network(error, remote),
        body::Error::Corrupt(text) => broken_off(remote, &format!("the compression is corrupt ({text})")),
        body::Error::Limit(failure) => failure.into(),
    }
}

fn broken_off(remote: &Remote, text: &str) -> Failed {
    down(Sign::Down, "net.body", Again::IfSafe, format!("the answer of {} broke off: {text}", remote.host))
}

/// What an attempt that takes too long means. `key` names the limit.
pub(super) fn overdue(host: &str, limit: Duration, key: &str) -> Failed {
    let message = format!("{host} took longer than {} for the whole answer ({key})", Span(limit));
    down(Sign::Overloaded, "net.timeout", Again::IfSafe, message)
}

fn down(sign: Sign, code: &str, again: Again, message: String) -> Failed {
    Failed { failure: Failure::new(Class::Transient, code, message), again, retry_after: None, sign }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::Credential;

    fn remote(credential: Sent) -> Remote {
        Remote { host: "api.example.com".into(), marks: Arc::new(Marks::new(&Credential::None)), credential }
    }

    #[test]
    fn statuses_mean_what_the_table_says() {
        use Verdict::{Answer, Fails};
        for code in [
            200, 201, 204, 206, 299, 300, 302, 304, 400, 402, 403, 404, 405, 409, 410, 412, 413, 418, 422,
            451, 499,
        ] {
            assert_eq!(verdict(code, Refusal::Other), Answer, "{code}");
        }
        for (code, class, again) in [
            (401, Class::Auth, Again::Never),
            (407, Class::Config, Again::Never),
            (408, Class::Transient, Again::IfSafe),
            (425, Class::Transient, Again::IfSafe),
            (429, Class::RateLimited, Again::IfSafe),
            (500, Class::Transient, Again::IfSafe),
            (501, Class::Unsupported, Again::Never),
            (502, Class::Transient, Again::IfSafe),
            (503, Class::Transient, Again::IfSafe),
            (504, Class::Transient, Again::IfSafe),
            (505, Class::Unsupported, Again::Never),
            (520, Class::Transient, Again::IfSafe),
            (529, Class::Transient, Again::IfSafe),
            (599, Class::Transient, Again::IfSafe),
            (101, Class::Transient, Again::Never),
            (600, Class::Transient, Again::Never),
        ] {
            assert_eq!(verdict(code, Refusal::Other), Fails(class, again), "{code}");
        }
        let as_429 = verdict(403, Refusal::TooMany);
        assert_eq!(as_429, Fails(Class::RateLimited, Again::IfSafe));
    }

    #[test]
    fn whoever_answers_is_alive_unless_it_says_that_it_fails() {
        for (codes, expected) in [
            (
                &[200, 204, 302, 304, 400, 401, 403, 404, 407, 408, 409, 422, 425, 501, 505, 600][..],
                Sign::Alive,
            ),
            (&[500, 502, 507, 520, 529, 599], Sign::Down),
            (&[503, 504], Sign::Overloaded),
        ] {
            for code in codes {
                assert_eq!(sign(*code, Refusal::Other), expected, "{code}");
            }
        }
        for code in [403, 429] {
            assert_eq!(sign(code, Refusal::TooMany), Sign::Busy, "{code}");
        }
    }

    #[test]
    fn messages_say_what_an_operator_can_do() {
        #[track_caller]
        fn check(code: u16, credential: Sent, words: Option<&str>, expected: &str) {
            let failure = refused(Class::Internal, code, &remote(credential), words);
            assert_eq!(failure.message, expected);
            assert_eq!(failure.code, format!("http.status.{code}"));
        }
        check(
            401,
            Sent::Yes,
            None,
            "api.example.com refused the credentials (HTTP 401): check the user and the token",
        );
        check(401, Sent::No, None, "api.example.com wants credentials (HTTP 401), and got none");
        check(
            429,
            Sent::Yes,
            Some("slow down"),
            "api.example.com wants fewer requests (HTTP 429); it said: slow down",
        );
        check(403, Sent::Yes, None, "api.example.com wants fewer requests (HTTP 403)");
        check(503, Sent::Yes, None, "api.example.com failed (HTTP 503 Service Unavailable)");
        check(520, Sent::Yes, None, "api.example.com failed (HTTP 520)");
    }

    #[test]
    fn every_way_a_connection_breaks_has_its_code() {
        use client::Error as E;
        let limit = Duration::from_secs(3);
        let denied = Failure::new(Class::Denied, "egress.address", "no");
        for (error, class, code, again, sign) in [
            (E::Denied(denied), Class::Denied, "egress.address", Again::Never, Sign::Nothing),
            (E::Name("x".into()), Class::Transient, "net.dns", Again::Always, Sign::Down),
            (E::Connect("x".into()), Class::Transient, "net.connect", Again::Always, Sign::Down),
            (E::ConnectTimeout(limit), Class::Transient, "net.timeout", Again::Always, Sign::Overloaded),
            (E::Certificate("x".into()), Class::Config, "net.tls", Again::Never, Sign::Nothing),
            (E::Tls("x".into()), Class::Transient, "net.tls", Again::Always, Sign::Down),
            (E::ReadTimeout(limit), Class::Transient, "net.timeout", Again::IfSafe, Sign::Overloaded),
            (E::HeadTooLarge, Class::Limit, "limit.response-headers", Again::Never, Sign::Nothing),
            (E::Protocol("x".into()), Class::Transient, "net.protocol", Again::IfSafe, Sign::Down),
            (E::Reset("x".into()), Class::Transient, "net.reset", Again::IfSafe, Sign::Down),
            (E::Body("x".into()), Class::Transient, "net.body", Again::IfSafe, Sign::Down),
        ] {
            let failed = network(error, &remote(Sent::Yes));
            assert_eq!(
                (failed.failure.class, failed.failure.code.as_str(), failed.again, failed.sign),
                (class, code, again, sign)
            );
        }
    }
}
