//! Times as GitHub writes them.

use jiff::Timestamp;

/// A time in seconds since 1970-01-01T00:00:00Z, in text.
pub(super) fn text(at: i64) -> String {
    let time = Timestamp::from_second(at).unwrap_or(Timestamp::UNIX_EPOCH);
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
