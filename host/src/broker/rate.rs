//! What an answer's headers say of the rate that the remote bears. Pure.
//!
//! It reads and bounds; what follows from it is decided in `throttle`. What it
//! cannot read it leaves out.

use super::{bucket::Pace, retry};
use crate::model::Timestamp;
use http::{HeaderMap, header};
use std::time::Duration;

/// The longest block that a remote can ask for: a slip in one header must not
/// silence all its channels for ever.
const LONGEST_BLOCK: Duration = Duration::from_secs(24 * 60 * 60);
/// After a 429 that says nothing more: whoever comes next comes too early, too.
const BARE_BLOCK: Duration = Duration::from_secs(1);
/// Such a number of seconds is a date; as a length of time it would be 31 years.
const DATE_FROM: f64 = 1e9;
/// And such a one is a date in milliseconds.
const MILLIS_FROM: f64 = 1e12;

/// What one answer says.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Told {
    /// To be left alone for so long.
    pub(super) block: Option<Duration>,
    /// The wait that a refusal names: not where the host made it up.
    pub(super) asked: Option<Duration>,
    /// Requests that are left, of the quota that has the fewest.
    pub(super) remaining: Option<u64>,
    /// How fast requests may follow one another.
    pub(super) pace: Option<Pace>,
    /// Whether the request was refused because there were too many.
    pub(super) answer: Refusal,
}

/// Why an answer says no, as far as rates go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It does not, or for another reason.
    #[default]
    Other,
    /// There were too many requests.
    TooMany,
}

/// The headers of one quota, as they are named where it was never standardised:
/// limit, rest, and the time at which it begins anew.
const TRIPLES: [[&str; 3]; 3] = [
    ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"],
    ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"],
    ["x-rate-limit-limit", "x-rate-limit-remaining", "x-rate-limit-reset"],
];

/// One quota, as far as it is told.
#[derive(Clone, Copy, Debug, Default)]
struct Quota {
    remaining: Option<u64>,
    reset: Option<Duration>,
    pace: Option<Pace>,
}

/// Reads the head of an answer. Of several quotas the strictest counts.
pub(super) fn told(status: u16, headers: &HeaderMap, now: Timestamp) -> Told {
    let mut quotas: Vec<Quota> = TRIPLES.iter().map(|names| triple(headers, names, now)).collect();
    quotas.push(zendesk(headers));
    quotas.extend(structured(headers));
    let exhausted = || quotas.iter().filter(|quota| quota.remaining == Some(0));
    let reset = exhausted().filter_map(|quota| quota.reset).max();
    let answer = refusal(status, headers, exhausted().next().is_some());
    let waits = answer == Refusal::TooMany || status == 503;
    let retry_after = waits.then(|| retry::retry_after(headers, now)).flatten();
    // `Retry-After` comes before what the quotas say (draft-ietf-httpapi-ratelimit-headers).
    let named = retry_after.or(reset);
    let asked = named.filter(|_| waits);
    let block = named.or((status == 429).then_some(BARE_BLOCK));
    Told {
        block: block.map(|block| block.min(LONGEST_BLOCK)).filter(|block| !block.is_zero()),
        asked,
        remaining: quotas.iter().filter_map(|quota| quota.remaining).min(),
        pace: quotas.iter().filter_map(|quota| quota.pace).min_by_key(|pace| pace.within),
        answer,
    }
}

/// Some say 403 where 429 is meant, GitHub first of all. A 403 that is about rights
/// names no time, and comes while requests are left.
fn refusal(status: u16, headers: &HeaderMap, is_spent: bool) -> Refusal {
    let names_a_time = || headers.contains_key(header::RETRY_AFTER);
    match status {
        429 => Refusal::TooMany,
        403 if is_spent || names_a_time() => Refusal::TooMany,
        _ => Refusal::Other,
    }
}

fn triple(headers: &HeaderMap, [limit, remaining, reset]: &[&str; 3], now: Timestamp) -> Quota {
    Quota {
        remaining: text(headers, remaining).and_then(whole),
        reset: text(headers, reset).and_then(|text| until(text, now)),
        // Older drafts put the policies behind the limit: `100, 100;w=60`.
        pace: text(headers, limit).into_iter().flat_map(members).find_map(|member| policy(&member)),
    }
}

/// Zendesk has a limit a minute and no word for when the minute is over.
fn zendesk(headers: &HeaderMap) -> Quota {
    let limit = text(headers, "x-rate-limit").and_then(whole).and_then(|limit| u32::try_from(limit).ok());
    let within = Duration::from_secs(60);
    let pace = limit.filter(|limit| *limit > 0).map(|requests| Pace { requests, within });
    Quota { pace, ..Quota::default() }
}

/// The fields `RateLimit` and `RateLimit-Policy`.
fn structured(headers: &HeaderMap) -> Vec<Quota> {
    let all = |name| headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    let limits: Vec<_> = all("ratelimit").flat_map(members).collect();
    let policies: Vec<_> = all("ratelimit-policy").flat_map(members).collect();
    let counts_requests = |name: &str| {
        policies.iter().filter(|policy| policy.item == name).all(|policy| policy.counts_requests())
    };
    let mut quotas = vec![draft_07(&limits)];
    quotas.extend(limits.iter().filter(|limit| counts_requests(limit.item)).map(|limit| Quota {
        remaining: limit.number("r"),
        reset: limit.number("t").map(Duration::from_secs),
        pace: None,
    }));
    quotas.extend(policies.iter().map(|member| Quota { pace: policy(member), ..Quota::default() }));
    quotas
}

/// `RateLimit: limit=100, remaining=50, reset=30`.
fn draft_07(limits: &[Member<'_>]) -> Quota {
    let number = |name: &str| {
        let found = limits.iter().filter_map(|member| member.item.split_once('='));
        found.filter(|(key, _)| key.trim() == name).find_map(|(_, value)| whole(value))
    };
    Quota { remaining: number("remaining"), reset: number("reset").map(Duration::from_secs), pace: None }
}

/// `"default";q=100;w=60`; in older drafts `100;w=60`.
fn policy(member: &Member<'_>) -> Option<Pace> {
    let quota = member.number("q").or_else(|| whole(member.item));
    let requests = quota.and_then(|quota| u32::try_from(quota).ok()).filter(|quota| *quota > 0)?;
    let seconds = member.number("w").filter(|seconds| *seconds > 0)?;
    member.counts_requests().then_some(Pace { requests, within: Duration::from_secs(seconds) })
}

/// A member of a list of structured fields (RFC 9651), as far as it is needed.
struct Member<'a> {
    item: &'a str,
    parameters: Vec<(&'a str, &'a str)>,
}

impl Member<'_> {
    fn number(&self, name: &str) -> Option<u64> {
        self.parameter(name).and_then(whole)
    }

    /// Other units are bytes, or whatever the remote thought of.
    fn counts_requests(&self) -> bool {
        self.parameter("qu").is_none_or(|unit| matches!(unit, "request" | "requests"))
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(key, _)| *key == name).map(|(_, value)| *value)
    }
}

fn members(text: &str) -> Vec<Member<'_>> {
    let parsed = |text| {
        let mut parts = apart(text, ';').into_iter();
        let item = parts.next().unwrap_or_default().trim().trim_matches('"');
        let parameters = parts.filter_map(|part| part.split_once('='));
        let parameters =
            parameters.map(|(key, value)| (key.trim(), value.trim().trim_matches('"'))).collect();
        Member { item, parameters }
    };
    apart(text, ',').into_iter().map(parsed).collect()
}

/// Splits, but not within quotes.
fn apart(text: &str, at: char) -> Vec<&str> {
    let mut is_quoted = false;
    let split = text.split(move |c: char| {
        is_quoted ^= c == '"';
        c == at && !is_quoted
    });
    split.collect()
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim)
}

/// A whole number; of `594.0`, which some write, and of `100, 100;w=60` its beginning.
fn whole(text: &str) -> Option<u64> {
    let digits = text.trim().split(['.', ',', ';']).next()?;
    (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| digits.parse().ok())?
}

/// A time, as seconds from now, or as seconds or milliseconds from 1970.
fn until(text: &str, now: Timestamp) -> Option<Duration> {
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let number: f64 = is_plain.then(|| text.parse().ok())??;
    let now = now.as_millis() as f64 / 1_000.0;
    let seconds = match number {
        MILLIS_FROM.. => number / 1_000.0 - now,
        DATE_FROM.. => number - now,
        _ => number,
    };
    Duration::try_from_secs_f64(seconds.max(0.0)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    /// 2023-11-14T22:13:20Z.
    const NOW: i64 = 1_700_000_000;

    fn read(status: u16, headers: &[(&'static str, &str)]) -> Told {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::from_static(name), HeaderValue::from_str(value).expect("a header"));
        }
        told(status, &map, Timestamp::from_millis(NOW * 1_000))
    }

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[track_caller]
    fn blocks(status: u16, headers: &[(&'static str, &str)], seconds: Option<u64>) {
        assert_eq!(read(status, headers).block, seconds.map(secs), "{status} {headers:?}");
    }

    #[test]
    fn a_spent_quota_blocks_until_it_begins_anew() {
        let in_an_hour = (NOW + 3_600).to_string();
        // GitHub: docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api; a date.
        let github = |left| {
            [
                ("x-ratelimit-limit", "5000"),
                ("x-ratelimit-remaining", left),
                ("x-ratelimit-reset", &*in_an_hour),
            ]
        };
        blocks(200, &github("0"), Some(3_600));
        blocks(403, &github("0"), Some(3_600));
        blocks(200, &github("1"), None);
        // X (Twitter): docs.x.com/x-api/fundamentals/rate-limits; a date under another name.
        blocks(200, &[("x-rate-limit-remaining", "0"), ("x-rate-limit-reset", &in_an_hour)], Some(3_600));
        // Linear: linear.app/developers/rate-limiting; a date in milliseconds.
        let millis = format!("{in_an_hour}000");
        blocks(200, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", &millis)], Some(3_600));
        // Reddit: support.reddithelp.com, "Reddit Data API Wiki"; seconds, and fractions.
        blocks(200, &[("x-ratelimit-remaining", "0.0"), ("x-ratelimit-reset", "42")], Some(42));
        // draft-polli-ratelimit-headers-05, section 6; seconds.
        let polli =
            [("ratelimit-limit", "10, 10;w=1"), ("ratelimit-remaining", "0"), ("ratelimit-reset", "7")];
        blocks(200, &polli, Some(7));
        // draft-ietf-httpapi-ratelimit-headers-07, section 4.
        blocks(200, &[("ratelimit", "limit=100, remaining=0, reset=50")], Some(50));
        // draft-ietf-httpapi-ratelimit-headers-10, section 4: items with parameters.
        blocks(200, &[("ratelimit", "\"default\";r=0;t=30")], Some(30));
        blocks(200, &[("ratelimit", "default;r=0;t=30")], Some(30));
        blocks(200, &[("ratelimit", "\"permin\";r=5;t=3, \"perhr\"; r=0; t=2402")], Some(2_402));
        blocks(200, &[("ratelimit", "\"a,b;r=1\";r=0;t=9")], Some(9));
        blocks(200, &[("ratelimit", "\"a\";r=0;t=3"), ("ratelimit", "\"b\";r=0;t=4")], Some(4));
        // The same draft: a quota of another unit says nothing about requests.
        let bytes = [
            ("ratelimit-policy", "\"b\";q=65535;qu=\"content-bytes\";w=10"),
            ("ratelimit", "\"b\";r=0;t=30"),
        ];
        blocks(200, &bytes, None);
    }

    #[test]
    fn a_refusal_says_how_long_to_stay_away() {
        // RFC 9110, section 10.2.3, and RFC 6585, section 4.
        blocks(429, &[("retry-after", "93")], Some(93));
        blocks(503, &[("retry-after", "Tue, 14 Nov 2023 22:14:20 GMT")], Some(60));
        blocks(429, &[("retry-after", "0")], None);
        blocks(301, &[("retry-after", "120")], None);
        blocks(500, &[("retry-after", "120")], None);
        blocks(429, &[], Some(1));
        blocks(503, &[], None);
        blocks(429, &[("retry-after", "9999999999")], Some(24 * 60 * 60));
        // draft-ietf-httpapi-ratelimit-headers-10, section 6: Retry-After takes precedence.
        blocks(429, &[("retry-after", "5"), ("ratelimit", "\"d\";r=0;t=30")], Some(5));
        blocks(429, &[("ratelimit", "\"d\";r=0;t=30")], Some(30));
        assert_eq!(read(429, &[]).asked, None, "the host's own idea is not told as the remote's");
        assert_eq!(read(429, &[("ratelimit", "\"d\";r=0;t=30")]).asked, Some(secs(30)));
        assert_eq!(read(200, &[("ratelimit", "\"d\";r=0;t=30")]).asked, None);
    }

    #[test]
    fn a_403_that_means_429_is_told_apart_from_one_about_rights() {
        #[track_caller]
        fn check(status: u16, headers: &[(&'static str, &str)], answer: Refusal, asked: Option<u64>) {
            let told = read(status, headers);
            assert_eq!((told.answer, told.asked), (answer, asked.map(secs)), "{status} {headers:?}");
        }
        let in_an_hour = (NOW + 3_600).to_string();
        // GitHub: docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api.
        let github = |left| [("x-ratelimit-remaining", left), ("x-ratelimit-reset", &*in_an_hour)];
        let (spent, left) = (github("0"), github("4999"));
        check(403, &spent, Refusal::TooMany, Some(3_600));
        check(403, &[("x-ratelimit-remaining", "0")], Refusal::TooMany, None);
        check(403, &[left[0], left[1], ("retry-after", "60")], Refusal::TooMany, Some(60));
        check(403, &[spent[0], spent[1], ("retry-after", "60")], Refusal::TooMany, Some(60));
        check(403, &left, Refusal::Other, None);
        check(403, &[], Refusal::Other, None);
        check(429, &[], Refusal::TooMany, None);
        for status in [200, 304, 401, 404, 422, 503] {
            check(status, &[], Refusal::Other, None);
        }
        check(404, &spent, Refusal::Other, None);
        check(404, &[("retry-after", "60")], Refusal::Other, None);
    }

    #[test]
    fn the_pace_is_that_of_the_shortest_window() {
        #[track_caller]
        fn check(headers: &[(&'static str, &str)], expected: Option<(u32, u64)>) {
            let expected = expected.map(|(requests, seconds)| Pace { requests, within: secs(seconds) });
            assert_eq!(read(200, headers).pace, expected, "{headers:?}");
        }
        // Zendesk: developer.zendesk.com/api-reference/introduction/rate-limits; a minute.
        check(&[("x-rate-limit", "700"), ("x-rate-limit-remaining", "699")], Some((700, 60)));
        // draft-ietf-httpapi-ratelimit-headers-06 and -10, the policy field.
        check(&[("ratelimit-limit", "100, 100;w=60")], Some((100, 60)));
        check(&[("ratelimit-policy", "10;w=1, 1000;w=3600")], Some((10, 1)));
        check(&[("ratelimit-policy", "\"hr\";q=1000;w=3600, \"min\";q=50;w=60")], Some((50, 60)));
        check(&[("ratelimit-policy", "\"b\";q=65535;qu=\"content-bytes\";w=10")], None);
        for unreadable in
            ["100", "\"d\";q=100", "\"d\";w=60", "\"d\";q=-1;w=60", "\"d\";q=0;w=60", "", ";;,;=,=", "\""]
        {
            check(&[("ratelimit-policy", unreadable)], None);
        }
        check(&[("x-ratelimit-limit", "5000")], None);
    }

    #[test]
    fn the_smallest_rest_counts() {
        let rest = |headers: &[(&'static str, &str)]| read(200, headers).remaining;
        assert_eq!(rest(&[("x-rate-limit", "700"), ("x-rate-limit-remaining", "699")]), Some(699));
        assert_eq!(rest(&[("ratelimit", "\"a\";r=20;t=5, \"b\";r=3;t=60")]), Some(3));
        assert_eq!(rest(&[("x-ratelimit-remaining", "594.0")]), Some(594));
        for unreadable in ["-1", "many", "", "1e9", "99999999999999999999999"] {
            assert_eq!(rest(&[("x-ratelimit-remaining", unreadable)]), None, "{unreadable}");
        }
        blocks(200, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "soon")], None);
        blocks(200, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", &(NOW - 9).to_string())], None);
    }
}
