//! Text from a guest, made fit for a terminal, a log and a web page.
//!
//! It takes away what controls a display and what is too long; it does not
//! judge what the text says.

use std::borrow::Cow;

/// Takes away control characters, and those that turn the direction of
/// writing; tabs and line breaks become spaces. Borrows where there is nothing
/// to take away.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unfit) {
        return Cow::Borrowed(text);
    }
    let kept = text.chars().filter_map(|c| match c {
        '\t' | '\n' | '\u{2028}' | '\u{2029}' => Some(' '),
        c if is_unfit(c) => None,
        c => Some(c),
    });
    Cow::Owned(kept.collect())
}

/// The same, cut to at most `max` bytes at a character border.
pub(super) fn clean_cut(text: &str, max: usize) -> Cow<'_, str> {
    if text.len() <= max {
        return clean(text);
    }
    let end = text.floor_char_boundary(max.saturating_sub('…'.len_utf8()));
    let mut kept = clean(&text[..end]).into_owned();
    kept.push('…');
    Cow::Owned(kept)
}

/// The last few lines that say anything, where a program that panicked left
/// its message.
pub(super) fn last_words(output: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(output);
    let says_something = |line: &&str| !line.is_empty() && !line.starts_with("note: ");
    let lines: Vec<&str> = text.lines().map(str::trim).filter(says_something).collect();
    let last = lines[lines.len().saturating_sub(3)..].join(" ");
    (!last.is_empty()).then(|| clean_cut(&last, 400).into_owned())
}

fn is_unfit(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_controls_a_display_is_taken_away() {
        for (text, kept) in [
            ("plain ü 漢", "plain ü 漢"),
            ("a\x1b[31mred\x07", "a[31mred"),
            ("one\ntwo\tthree\r", "one two three"),
            ("\u{9b}31m\u{202e}gnp.exe\u{2066}", "31mgnp.exe"),
        ] {
            assert_eq!(clean(text), kept);
        }
        assert!(matches!(clean("nothing to do"), Cow::Borrowed(_)));
    }

    #[test]
    fn last_words_are_those_before_the_notes() {
        assert_eq!(last_words(b"\n \n"), None);
        let output = b"a\nthread 'x' panicked at y:\nboom\n\xff\nnote: run with `RUST_BACKTRACE=1`\n";
        assert_eq!(last_words(output).unwrap(), "thread 'x' panicked at y: boom \u{fffd}");
    }

    #[test]
    fn long_text_is_cut_at_a_character_border() {
        assert_eq!(clean_cut("üüüü", 8), "üüüü");
        assert_eq!(clean_cut("üüüüü", 8), "üü…");
        assert!(clean_cut(&"\x1b".repeat(1_000), 10).len() <= 10);
    }
}
