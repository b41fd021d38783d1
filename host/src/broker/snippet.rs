//! A remote system's own words about a failure, fit for one line.
//!
//! It shortens and cleans; it never passes markup, control characters or the
//! credential.

use super::marks::Marks;

/// The longest snippet, in characters.
const MAX_CHARS: usize = 200;

/// How much of an error's body is read to find the words, in bytes.
pub(super) const MAX_READ: usize = 64 << 10;

/// The beginning of an error's body.
pub(super) struct Beginning<'a> {
    pub(super) bytes: &'a [u8],
    /// Whether there was more of it.
    pub(super) rest: Rest,
}

/// Whether a body went on where reading it stopped.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    None,
    Unread,
}

/// The words, or none where there are none.
pub(super) fn words(beginning: &Beginning<'_>, marks: &Marks) -> Option<String> {
    let kept = match beginning.rest {
        Rest::None => beginning.bytes.len(),
        // A secret that is cut in two would not be recognised.
        Rest::Unread => beginning.bytes.len().saturating_sub(marks.longest()),
    };
    let text = String::from_utf8_lossy(&beginning.bytes[..kept]);
    let text = marks.redact(&text);
    let text = if text.trim_start().starts_with('<') { without_markup(&text) } else { text };
    // Again, because markup and line breaks may have stood within a secret.
    let text = marks.redact(&one_line(&text));
    (!text.is_empty()).then(|| shortened(&text))
}

fn without_markup(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, tag)) = rest.split_once('<') {
        plain.push_str(before);
        plain.push(' ');
        rest = after_tag(tag);
    }
    plain.push_str(rest);
    plain
}

/// What follows the tag that begins `tag`; of a script or style sheet, what
/// follows its end tag.
fn after_tag(tag: &str) -> &str {
    for (element, end) in [("script", "</script"), ("style", "</style"), ("!--", "-->")] {
        let begins = tag.get(..element.len()).is_some_and(|name| name.eq_ignore_ascii_case(element));
        if begins {
            let at = tag.to_ascii_lowercase().find(end);
            let rest = at.map_or("", |at| &tag[at..]);
            return rest.split_once('>').map_or("", |(_, rest)| rest);
        }
    }
    tag.split_once('>').map_or("", |(_, rest)| rest)
}

fn one_line(text: &str) -> String {
    let blank = |c: char| c.is_whitespace() || c.is_control() || c == '\u{fffd}';
    text.split(blank).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_CHARS) {
        None => text.to_owned(),
        Some(_) => text.chars().take(MAX_CHARS - 1).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{broker::Credential, model::Secret};

    fn marks() -> Marks {
        Marks::new(&Credential::Bearer { token: Secret::new("s3cret-token") })
    }

    #[track_caller]
    fn check(body: &str, expected: Option<&str>) {
        let beginning = Beginning { bytes: body.as_bytes(), rest: Rest::None };
        assert_eq!(words(&beginning, &marks()).as_deref(), expected, "{body}");
    }

    #[test]
    fn words_are_one_clean_line() {
        check("", None);
        check(" \r\n\t", None);
        check("{\"error\":\n  \"no such user\"}", Some("{\"error\": \"no such user\"}"));
        check("a\u{1b}[31mred\u{7}b", Some("a [31mred b"));
        check(
            "<html><head><title>Bad Gateway</title></head><body><h1>502</h1></body>",
            Some("Bad Gateway 502"),
        );
        check("<p>x<script>var a = '<b>';</script>y<style>p{}</style>z<!-- > no -->!", Some("x y z !"));
        check("<SCRIPT>never closed", None);
        check("<a <b>>c", Some(">c"));
    }

    #[test]
    fn credential_is_hidden() {
        check("bad token s3cret-token!", Some("bad token ‹secret›!"));
        check("<p>s3cret-token</p>", Some("‹secret›"));
    }

    #[test]
    fn credential_that_was_cut_in_two_is_dropped() {
        let body = "bad token s3cret-tok";
        let beginning = Beginning { bytes: body.as_bytes(), rest: Rest::Unread };
        let words = words(&beginning, &marks()).expect("some");
        assert!(!words.contains("s3c"), "{words}");
    }

    #[test]
    fn long_text_is_cut_to_two_hundred_characters() {
        let beginning = Beginning { bytes: "ü".repeat(500).as_bytes(), rest: Rest::None }.bytes.to_vec();
        let words = words(&Beginning { bytes: &beginning, rest: Rest::None }, &marks()).expect("some");
        assert_eq!(words.chars().count(), MAX_CHARS);
        assert!(words.ends_with('…'));
    }

    #[test]
    fn bytes_that_are_no_text_leave_nothing_behind() {
        let beginning = Beginning { bytes: &[0xff, 0xfe, 0, 0x80], rest: Rest::None };
        assert_eq!(words(&beginning, &marks()), None);
    }
}
