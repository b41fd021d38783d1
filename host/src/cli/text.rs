//! How single values look to people.

use crate::model::{Counters, Timestamp};
use std::time::Duration;

/// Text from elsewhere without what a terminal would act on: control characters,
/// and those that turn the direction of writing.
pub(super) fn clean(text: &str) -> String {
    text.chars().map(|c| if is_active(c) { '\u{fffd}' } else { c }).collect()
}

fn is_active(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `1,234,567`.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// What became of records, as cells of a table: read, added, updated, unchanged, deleted,
/// in quarantine.
pub(super) fn counted(counters: &Counters) -> [String; 6] {
    let Counters { read, added, updated, unchanged, deleted, quarantined, .. } = *counters;
    [read, added, updated, unchanged, deleted, quarantined].map(count)
}

/// `2026-01-31 12:00:05Z`.
pub(super) fn time(time: Timestamp) -> String {
    let text = time.to_string();
    match text.split_once('.') {
        Some((seconds, _)) => format!("{}Z", seconds.replace('T', " ")),
        None => text,
    }
}

/// The same, or a dash.
pub(super) fn maybe_time(moment: Option<Timestamp>) -> String {
    moment.map_or_else(none, time)
}

/// What stands where there is nothing.
pub(super) fn none() -> String {
    "-".to_owned()
}

/// Texts with commas between them, or a dash.
pub(super) fn list<T: AsRef<str>>(texts: &[T]) -> String {
    if texts.is_empty() {
        return none();
    }
    texts.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ")
}

/// `350 ms`, `4.2 s`, `3m 20s`.
pub(super) fn duration(milliseconds: u64) -> String {
    match milliseconds {
        ..1_000 => format!("{milliseconds} ms"),
        1_000..60_000 => format!("{}.{} s", milliseconds / 1_000, milliseconds % 1_000 / 100),
        _ => humantime::format_duration(Duration::from_secs(milliseconds / 1_000)).to_string(),
    }
}

/// `1,250/s, 1m 1s left`.
pub(super) fn pace(rate: Option<f64>, left_ms: Option<u64>) -> Option<String> {
    let rate = rate?;
    let speed =
        if rate < 10.0 { format!("{rate:.1}/s") } else { format!("{}/s", count(rate.round() as u64)) };
    Some(match left_ms {
        // Parts of a second are not to be had from a rate.
        Some(left) => {
            format!("{speed}, {} left", humantime::format_duration(Duration::from_secs(left.div_ceil(1_000))))
        }
        None => speed,
    })
}

/// `350 B`, `1.4 MiB`.
pub(super) fn bytes(size: u64) -> String {
    let (unit, shift) = match size {
        ..1_024 => return format!("{size} B"),
        1_024..1_048_576 => ("KiB", 10),
        1_048_576..1_073_741_824 => ("MiB", 20),
        _ => ("GiB", 30),
    };
    let tenths = (u128::from(size) * 10) >> shift;
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

/// The first characters of a text, on one line.
pub(super) fn excerpt(text: &str, most: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= most {
        return line;
    }
    line.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
pub(super) mod samples;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_times_and_sizes_are_read_easily() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(count(number), text);
        }
        for (milliseconds, text) in [(7, "7 ms"), (4_260, "4.2 s"), (200_999, "3m 20s")] {
            assert_eq!(duration(milliseconds), text);
        }
        for (size, text) in
            [(5, "5 B"), (1_536, "1.5 KiB"), (5 << 20, "5.0 MiB"), (u64::MAX, "17179869183.9 GiB")]
        {
            assert_eq!(bytes(size), text);
        }
        assert_eq!(time(Timestamp::from_millis(1_700_000_000_123)), "2023-11-14 22:13:20Z");
    }

    #[test]
    fn nothing_active_reaches_a_terminal() {
        assert_eq!(clean("a\u{1b}[2Jb\u{9b}c\u{202e}d\u{7}ü"), "a\u{fffd}[2Jb\u{fffd}c\u{fffd}d\u{fffd}ü");
    }

    #[test]
    fn an_excerpt_is_one_line() {
        assert_eq!(excerpt("{\n  \"a\": 1\n}", 20), "{ \"a\": 1 }");
        assert_eq!(excerpt("äöüäöü", 4), "äöü…");
    }
}
