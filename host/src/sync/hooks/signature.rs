//! Whether a delivery is signed as its scheme says, and recent. Pure.
//!
//! It compares in constant time, and tells nobody which part did not fit. What it takes for
//! the marks by which a delivery is known again it only names; they are kept elsewhere.

use crate::model::{HmacScheme, Repeats, Secret, Timestamp, TimestampFormat};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use ring::hmac;
use sha2::{Digest, Sha256};

/// What was posted, as it came.
#[derive(Clone, Debug)]
pub struct Posted {
    /// Names in lower case, and values.
    pub headers: Vec<(String, Bytes)>,
    /// The body.
    pub body: Bytes,
}

/// Why a delivery is not taken; for the operator alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Misfit {
    /// No signature, or two.
    NoSignature,
    /// Another key, or another text.
    Signature,
    /// No timestamp, two, or not in the form that the scheme says.
    NoTimestamp,
    /// Too old, or from the future.
    Stale,
}

/// A mark by which a delivery is known again, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) digest: [u8; 32],
    pub(super) until: Timestamp,
}

impl Misfit {
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::NoSignature => "webhook.no-signature",
            Self::Signature => "webhook.signature",
            Self::NoTimestamp => "webhook.no-timestamp",
            Self::Stale => "webhook.stale",
        }
    }

    pub(super) fn message(self) -> &'static str {
        match self {
            Self::NoSignature => "it has no signature in the header that the plugin names",
            Self::Signature => "its signature does not fit: compare the secret here with the sender's",
            Self::NoTimestamp => "it has no timestamp, or not in the form that the plugin names",
            Self::Stale => {
                "its timestamp is too far from this host's clock: the clocks differ, or somebody sends it again"
            }
        }
    }
}

impl Posted {
    /// The value of a header that came exactly once.
    fn sole(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name));
        match (values.next(), values.next()) {
            (Some((_, value)), None) => std::str::from_utf8(value).ok().map(str::trim),
            _ => None,
        }
    }
}

/// The marks of a delivery that fits.
///
/// # Errors
/// What does not fit.
pub(super) fn verify(
    scheme: &HmacScheme,
    key: &Secret,
    posted: &Posted,
    now: Timestamp,
) -> Result<Vec<Mark>, Misfit> {
    let signature = posted.sole(&scheme.header).ok_or(Misfit::NoSignature)?;
    let stamp = match &scheme.timestamp_header {
        Some(header) => Some(posted.sole(header).ok_or(Misfit::NoTimestamp)?),
        None => None,
    };
    let signed = signed_text(scheme, stamp, &posted.body);
    let given = decode(scheme, signature).ok_or(Misfit::Signature)?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.expose().as_bytes());
    hmac::verify(&key, &signed, &given).map_err(|_| Misfit::Signature)?;
    // Only now: an unsigned timestamp says nothing.
    let time =
        stamp.map(|text| time(scheme.timestamp_format, text).ok_or(Misfit::NoTimestamp)).transpose()?;
    let tolerance = i64::from(scheme.tolerance_seconds) * 1_000;
    if time.is_some_and(|time| now.as_millis().abs_diff(time.as_millis()) > tolerance.unsigned_abs()) {
        return Err(Misfit::Stale);
    }
    let window = now.plus_millis(i64::from(scheme.window_seconds) * 1_000);
    let mut marks = id_mark(scheme, posted, window);
    if scheme.repeats == Repeats::All {
        // Past its tolerance a timestamp does not fit any more.
        let until = time.map_or(window, |time| time.plus_millis(tolerance + 1));
        marks.push(Mark { digest: digest(b"signed", &signed), until });
    }
    Ok(marks)
}

fn id_mark(scheme: &HmacScheme, posted: &Posted, until: Timestamp) -> Vec<Mark> {
    let id = scheme.delivery_header.as_deref().and_then(|header| posted.sole(header));
    let mark = |id: &str| Mark { digest: digest(b"id", id.as_bytes()), until };
    id.filter(|id| !id.is_empty()).map(mark).into_iter().collect()
}

fn signed_text(scheme: &HmacScheme, stamp: Option<&str>, body: &[u8]) -> Vec<u8> {
    match stamp {
        Some(stamp) => [stamp.as_bytes(), scheme.separator.as_bytes(), body].concat(),
        None => body.to_vec(),
    }
}

fn decode(scheme: &HmacScheme, text: &str) -> Option<Vec<u8>> {
    let text = text.strip_prefix(scheme.prefix.as_str())?;
    match scheme.encoding.as_str() {
        "base64" => STANDARD.decode(text).ok(),
        _ => hex(text),
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    text.as_bytes().chunks_exact(2).map(|pair| Some((digit(pair[0])? << 4) | digit(pair[1])?)).collect()
}

fn time(format: TimestampFormat, text: &str) -> Option<Timestamp> {
    match format {
        TimestampFormat::Unix => text.parse::<i64>().ok()?.checked_mul(1_000).map(Timestamp::from_millis),
        TimestampFormat::UnixMs => text.parse::<i64>().ok().map(Timestamp::from_millis),
        TimestampFormat::Rfc3339 => {
            let time: jiff::Timestamp = text.parse().ok()?;
            Some(Timestamp::from_millis(time.as_millisecond()))
        }
    }
}

fn digest(kind: &[u8], text: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(kind).chain_update([0]).chain_update(text).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SignatureScheme;

    const BODY: &str = r#"{"id":7}"#;

    fn scheme(json: &str) -> HmacScheme {
        serde_json::from_str::<SignatureScheme>(json).expect("a scheme").hmac().expect("it signs")
    }

    fn posted(headers: &[(&str, &str)], body: &str) -> Posted {
        let headers =
            headers.iter().map(|(name, value)| ((*name).into(), Bytes::copy_from_slice(value.as_bytes())));
        Posted { headers: headers.collect(), body: Bytes::copy_from_slice(body.as_bytes()) }
    }

    fn sign(text: &str) -> Vec<u8> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"key");
        hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
    }

    fn hex_of(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn judge(scheme: &HmacScheme, posted: &Posted, at: i64) -> Result<Vec<Mark>, Misfit> {
        verify(scheme, &Secret::new("key"), posted, Timestamp::from_millis(at))
    }

    #[test]
    fn github_signs_the_body() {
        // The example of GitHub's own manual.
        let github = scheme(r#"{"scheme": "github"}"#);
        let example = posted(
            &[(
                "x-hub-signature-256",
                "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
            )],
            "Hello, World!",
        );
        let key = Secret::new("It's a Secret to Everybody");
        assert_eq!(
            verify(&github, &key, &example, Timestamp::from_millis(0)).map(|marks| marks.len()),
            Ok(1)
        );

        let good = format!("sha256={}", hex_of(&sign(BODY)));
        let check = |headers: &[(&str, &str)], body: &str, expected: Result<usize, Misfit>| {
            let judged = judge(&github, &posted(headers, body), 5);
            assert_eq!(judged.map(|marks| marks.len()), expected, "{headers:?}");
        };
        let header = "x-hub-signature-256";
        check(&[(header, &good)], BODY, Ok(1));
        check(&[("X-Hub-Signature-256", &good), ("X-GitHub-Delivery", "7")], BODY, Ok(2));
        check(&[(header, &good)], "{}", Err(Misfit::Signature));
        check(&[(header, &good[7..])], BODY, Err(Misfit::Signature));
        check(&[(header, &good[..20])], BODY, Err(Misfit::Signature));
        check(&[(header, "sha256=zz")], BODY, Err(Misfit::Signature));
        check(&[(header, &good), (header, &good)], BODY, Err(Misfit::NoSignature));
        check(&[], BODY, Err(Misfit::NoSignature));
    }

    #[test]
    fn zendesk_signs_timestamp_and_body() {
        let zendesk = scheme(r#"{"scheme": "zendesk"}"#);
        let (stamp, at) = ("2026-01-31T12:00:00Z", 1_769_860_800_000);
        let sent = |signed: &str, stamp: &str| {
            let signature = STANDARD.encode(sign(signed));
            let headers = [
                ("x-zendesk-webhook-signature", signature.as_str()),
                ("x-zendesk-webhook-signature-timestamp", stamp),
            ];
            posted(&headers, BODY)
        };
        let check = |signed: &str, stamp: &str, at: i64, expected: Result<(), Misfit>| {
            assert_eq!(
                judge(&zendesk, &sent(signed, stamp), at).map(drop),
                expected,
                "{signed} {stamp} {at}"
            );
        };
        let good = format!("{stamp}{BODY}");
        check(&good, stamp, at, Ok(()));
        check(&good, stamp, at + 300_000, Ok(()));
        check(&good, stamp, at - 300_000, Ok(()));
        check(&good, stamp, at + 300_001, Err(Misfit::Stale));
        check(&good, stamp, at - 300_001, Err(Misfit::Stale));
        check(&good, "2026-01-31T12:00:01Z", at, Err(Misfit::Signature));
        check(BODY, stamp, at, Err(Misfit::Signature));
        check(&format!("now{BODY}"), "now", at, Err(Misfit::NoTimestamp));
        let marks = judge(&zendesk, &sent(&good, stamp), at).expect("it fits");
        assert_eq!(marks[0].until.as_millis(), at + 300_001, "remembered for as long as it would fit");
    }

    #[test]
    fn separators_formats_and_what_is_remembered_are_the_schemes() {
        let of = |rest: &str| {
            scheme(&format!(
                r#"{{"scheme": "hmac-sha256", "header": "s", "encoding": "hex", "timestamp-header": "t",
                "delivery-header": "d", "tolerance-seconds": 10, "window-seconds": 60{rest}}}"#
            ))
        };
        let check = |rest: &str, signed: &str, stamp: &str, expected: Result<usize, Misfit>| {
            let signature = hex_of(&sign(signed));
            let posted = posted(&[("s", &signature), ("t", stamp), ("d", "1")], BODY);
            assert_eq!(judge(&of(rest), &posted, 100_000).map(|marks| marks.len()), expected, "{rest}");
        };
        check("", &format!("100{BODY}"), "100", Ok(2));
        check(r#", "separator": ".""#, &format!("100.{BODY}"), "100", Ok(2));
        check(r#", "separator": ".""#, &format!("100{BODY}"), "100", Err(Misfit::Signature));
        check(r#", "timestamp-format": "unix-ms""#, &format!("99000{BODY}"), "99000", Ok(2));
        check(r#", "timestamp-format": "unix-ms""#, &format!("100{BODY}"), "100", Err(Misfit::Stale));
        check(r#", "repeats": "ids""#, &format!("100{BODY}"), "100", Ok(1));
        check("", &format!("9223372036854775807{BODY}"), "9223372036854775807", Err(Misfit::NoTimestamp));
    }
}
