//! Whether and when a failed attempt is made again. Pure.
//!
//! It neither waits nor throws dice: time and jitter come in, a decision goes
//! out.

use super::Config;
use crate::model::{Class, Timestamp};
use http::{HeaderMap, header};
use jiff::{fmt::rfc2822, fmt::strtime, tz::TimeZone};
use std::time::Duration;

/// How patient the host is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Policy {
    attempts: u8,
    base: Duration,
    max: Duration,
    retry_after_max: Duration,
}

/// Whether sending a request twice does what sending it once does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repeat {
    Safe,
    Unsafe,
}

/// Whether trying again could help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    /// It would fail the same way.
    Never,
    /// It may, but the remote may have done its work already.
    IfSafe,
    /// Nothing was sent, so that even an unsafe request can be repeated.
    Always,
    /// The token was refused, so that nothing was done: with another one, once. No time to
    /// wait helps.
    WithAnotherToken,
}

/// What is known when an attempt has failed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt {
    /// How many have been made, this one included.
    pub(super) number: u8,
    pub(super) repeat: Repeat,
    pub(super) again: Again,
    pub(super) retry_after: Option<Duration>,
    /// Until the step ends.
    pub(super) time_left: Option<Duration>,
    /// From 0 up to, not including, 1.
    pub(super) jitter: f64,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Decision {
    /// Wait so long, then try again.
    Wait(Duration),
    GiveUp(Reason),
}

/// Why there is no other attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// It would not help, or would not be safe.
    Pointless,
    /// There were enough of them.
    Attempts,
    /// The remote asks for more patience than the host has.
    TooLong,
    /// The step would end before.
    OutOfTime,
    /// Too many requests to that origin fail already.
    Budget,
}

impl Policy {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            attempts: config.attempts.max(1),
            base: config.backoff_base.0,
            max: config.backoff_max.0,
            retry_after_max: config.retry_after_max.0,
        }
    }

    pub(super) fn decide(&self, attempt: &Attempt) -> Decision {
        let useful = match attempt.again {
            Again::Never | Again::WithAnotherToken => false,
            Again::IfSafe => attempt.repeat == Repeat::Safe,
            Again::Always => true,
        };
        if !useful {
            return Decision::GiveUp(Reason::Pointless);
        }
        if attempt.retry_after.is_some_and(|asked| asked > self.retry_after_max) {
            return Decision::GiveUp(Reason::TooLong);
        }
        if attempt.number >= self.attempts {
            return Decision::GiveUp(Reason::Attempts);
        }
        let wait = self.wait(attempt);
        match attempt.time_left {
            Some(left) if wait >= left => Decision::GiveUp(Reason::OutOfTime),
            _ => Decision::Wait(wait),
        }
    }

    /// Full jitter over a doubling backoff; over a `Retry-After` only so much
    /// that those who were told the same time do not all come at once.
    fn wait(&self, attempt: &Attempt) -> Duration {
        let spread = match attempt.retry_after {
            Some(_) => self.base,
            None => {
                let doublings = u32::from(attempt.number.saturating_sub(1)).min(30);
                self.base.saturating_mul(1 << doublings).min(self.max)
            }
        };
        let jittered = spread.mul_f64(attempt.jitter.clamp(0.0, 1.0));
        attempt.retry_after.unwrap_or_default().saturating_add(jittered)
    }
}

impl Reason {
    /// The class of the failure that is handed over: a remote that asks for a long
    /// wait is to be left alone for so long, whatever its status was.
    pub(super) fn class(self, class: Class) -> Class {
        match self {
            Self::TooLong => Class::RateLimited,
            Self::Pointless | Self::Attempts | Self::OutOfTime | Self::Budget => class,
        }
    }
}

/// The time to wait by `Retry-After`: a number of seconds, or a date, which is
/// compared with the remote's own `Date`, or with `now` where it sent none.
pub(super) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let asked = text(header::RETRY_AFTER)?;
    if !asked.is_empty() && asked.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(asked.parse().unwrap_or(u64::from(u32::MAX))));
    }
    let until = date(asked)?;
    let now = text(header::DATE).and_then(date).unwrap_or(now);
    Some(Duration::from_millis(until.millis_since(now)))
}

/// A date in any of the three forms of HTTP (RFC 9110, section 5.6.7).
fn date(text: &str) -> Option<Timestamp> {
    let obsolete = |format| strtime::parse(format, text).and_then(|parts| parts.to_datetime());
    let time = rfc2822::DateTimeParser::new().parse_timestamp(text).or_else(|_| {
        let civil = obsolete("%A, %d-%b-%y %H:%M:%S GMT").or_else(|_| obsolete("%a %b %e %H:%M:%S %Y"))?;
        TimeZone::UTC.to_timestamp(civil)
    });
    time.ok().map(|time| Timestamp::from_millis(time.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    const SECOND: Duration = Duration::from_secs(1);

    fn policy() -> Policy {
        Policy::new(&Config::default())
    }

    fn attempt() -> Attempt {
        Attempt {
            number: 1,
            repeat: Repeat::Safe,
            again: Again::IfSafe,
            retry_after: None,
            time_left: None,
            jitter: 0.5,
        }
    }

    #[track_caller]
    fn check(attempt: Attempt, expected: Decision) {
        assert_eq!(policy().decide(&attempt), expected, "{attempt:?}");
    }

    #[test]
    fn backoff_doubles_up_to_its_longest_and_is_jittered_in_full() {
        let millis = |number: u8, jitter: f64| {
            let policy = Policy { attempts: u8::MAX, ..policy() };
            match policy.decide(&Attempt { number, jitter, ..attempt() }) {
                Decision::Wait(wait) => wait.as_millis(),
                Decision::GiveUp(reason) => panic!("{reason:?}"),
            }
        };
        for (number, most) in
            [(1, 500), (2, 1_000), (3, 2_000), (6, 16_000), (7, 30_000), (8, 30_000), (200, 30_000)]
        {
            assert_eq!(millis(number, 0.0), 0, "{number}");
            assert_eq!(millis(number, 0.5), most / 2, "{number}");
            assert_eq!(millis(number, 1.0), most, "{number}");
        }
    }

    #[test]
    fn only_what_is_safe_and_useful_is_repeated() {
        for (again, repeat, useful) in [
            (Again::Never, Repeat::Safe, false),
            (Again::Never, Repeat::Unsafe, false),
            (Again::IfSafe, Repeat::Safe, true),
            (Again::IfSafe, Repeat::Unsafe, false),
            (Again::Always, Repeat::Safe, true),
            (Again::Always, Repeat::Unsafe, true),
        ] {
            let waits = matches!(policy().decide(&Attempt { again, repeat, ..attempt() }), Decision::Wait(_));
            assert_eq!(waits, useful, "{again:?} {repeat:?}");
        }
    }

    #[test]
    fn attempts_are_bounded() {
        check(Attempt { number: 1, jitter: 0.0, ..attempt() }, Decision::Wait(Duration::ZERO));
        check(Attempt { number: 2, ..attempt() }, Decision::GiveUp(Reason::Attempts));
        let once = Policy::new(&Config { attempts: 0, ..Config::default() });
        assert_eq!(once.decide(&attempt()), Decision::GiveUp(Reason::Attempts));
    }

    #[test]
    fn retry_after_is_honoured_up_to_its_longest() {
        let asked = |seconds| Attempt { retry_after: Some(SECOND * seconds), jitter: 0.0, ..attempt() };
        check(asked(0), Decision::Wait(Duration::ZERO));
        check(asked(10), Decision::Wait(SECOND * 10));
        check(asked(11), Decision::GiveUp(Reason::TooLong));
        check(Attempt { jitter: 1.0, ..asked(10) }, Decision::Wait(Duration::from_millis(10_500)));
        assert_eq!(Reason::TooLong.class(Class::Transient), Class::RateLimited);
        assert_eq!(Reason::Attempts.class(Class::Transient), Class::Transient);
    }

    #[test]
    fn no_wait_goes_past_the_end_of_the_step() {
        let left = |time_left| Attempt { retry_after: Some(SECOND * 5), jitter: 0.0, time_left, ..attempt() };
        check(left(Some(SECOND * 6)), Decision::Wait(SECOND * 5));
        check(left(Some(SECOND * 5)), Decision::GiveUp(Reason::OutOfTime));
        check(left(Some(Duration::ZERO)), Decision::GiveUp(Reason::OutOfTime));
        check(left(None), Decision::Wait(SECOND * 5));
    }

    #[test]
    fn retry_after_is_read_in_every_form() {
        // 1994-11-06T08:49:37Z, a minute later than `now`.
        let now = Timestamp::from_millis(784_111_717_000);
        #[track_caller]
        fn check(now: Timestamp, date: Option<&'static str>, text: &'static str, seconds: Option<u64>) {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(text));
            date.map(|date| headers.insert(header::DATE, HeaderValue::from_static(date)));
            assert_eq!(retry_after(&headers, now), seconds.map(Duration::from_secs), "{text}");
        }
        check(now, None, "120", Some(120));
        check(now, None, " 0 ", Some(0));
        check(now, None, "99999999999999999999", Some(u64::from(u32::MAX)));
        check(now, None, "Sun, 06 Nov 1994 08:49:37 GMT", Some(60));
        check(now, None, "Sunday, 06-Nov-94 08:49:37 GMT", Some(60));
        check(now, None, "Sun Nov  6 08:49:37 1994", Some(60));
        check(now, None, "Sun, 06 Nov 1994 08:00:00 GMT", Some(0));
        check(now, Some("Sun, 06 Nov 1994 08:49:30 GMT"), "Sun, 06 Nov 1994 08:49:37 GMT", Some(7));
        check(now, Some("nonsense"), "Sun, 06 Nov 1994 08:49:37 GMT", Some(60));
        for text in ["", "-1", "1.5", "soon", "1 2", "Sun, 99 Nov 1994 08:49:37 GMT"] {
            check(now, None, text, None);
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}
