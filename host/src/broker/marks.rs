//! The spellings in which remote systems echo a credential, to hide it in texts
//! that came from outside.
//!
//! It does not touch bodies that go to a guest.

use super::Credential;
use crate::model::Secret;
use arc_swap::ArcSwap;
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use std::fmt;
use url::form_urlencoded;
use zeroize::Zeroizing;

/// What stands in the place of a secret.
const HIDDEN: &str = "‹secret›";

/// A secret shorter than this is looked for as a whole header only: as a part
/// it would be found in every second one.
const SHORTEST_PART: usize = 4;
/// The same for user names. Some systems take the key as the user, but most have
/// names there, and keys are long.
const SHORTEST_USER: usize = 16;
/// The shortest word of a header such as `Token key=…` that can be the secret.
const SHORTEST_WORD: usize = 8;

/// Texts of guests shorter than this were not cut.
const CUT: usize = 1_000;

/// So many of the secrets that were learnt later are known at a time: a remote system echoes
/// what it was sent just now.
const LEARNT: usize = 4;

/// The spellings of one credential, the longest first.
pub(super) struct Marks(ArcSwap<Vec<Mark>>);

#[derive(Clone)]
struct Mark {
    text: Zeroizing<String>,
    /// The length from which on a part of a header may be taken for it.
    shortest: usize,
    /// Which of the secrets that were learnt it is of; 0 for one that stays.
    learnt: usize,
}

/// Spellings in the making.
#[derive(Default)]
struct Draft(Vec<Mark>);

impl Marks {
    pub(super) fn new(credential: &Credential) -> Self {
        let mut marks = Draft::default();
        match credential {
            Credential::None | Credential::Token(_) => {}
            Credential::Basic { username, password } => {
                let pair = Zeroizing::new(format!("{}:{}", username.expose(), password.expose()));
                marks.add(BASE64_STANDARD.encode(pair.as_bytes()), SHORTEST_PART);
                marks.add_spellings(username.expose(), SHORTEST_USER);
                marks.add_spellings(password.expose(), SHORTEST_PART);
            }
            Credential::Bearer { token: value } | Credential::Query { value, .. } => {
                marks.add_spellings(value.expose(), SHORTEST_PART);
            }
            Credential::Header { value, .. } => {
                marks.add_spellings(value.expose(), SHORTEST_PART);
                let words = value.expose().split(|c: char| c.is_whitespace() || "=,;:\"".contains(c));
                for word in words.filter(|word| word.len() >= SHORTEST_WORD) {
                    marks.add_spellings(word, SHORTEST_WORD);
                }
            }
        }
        Self(ArcSwap::from_pointee(marks.sorted()))
    }

    /// Hides one more secret from now on, and forgets the oldest of many.
    pub(super) fn learn(&self, secret: &Secret) {
        let is_known = |marks: &[Mark]| marks.iter().any(|mark| *mark.text == *secret.expose());
        if is_known(&self.0.load()) {
            return;
        }
        self.0.rcu(|known| {
            if is_known(known) {
                return known.as_ref().clone();
            }
            let number = known.iter().map(|mark| mark.learnt).max().unwrap_or(0) + 1;
            let stays = |mark: &&Mark| mark.learnt == 0 || mark.learnt + LEARNT > number;
            let mut marks = Draft(known.iter().filter(stays).cloned().collect());
            let before = marks.0.len();
            marks.add_spellings(secret.expose(), SHORTEST_PART);
            marks.0[before..].iter_mut().for_each(|mark| mark.learnt = number);
            marks.sorted()
        });
    }

    /// The text with every spelling of the credential hidden.
    pub(super) fn redact(&self, text: &str) -> String {
        self.0.load().iter().fold(text.to_owned(), |text, mark| match text.contains(mark.text.as_str()) {
            true => text.replace(mark.text.as_str(), HIDDEN),
            false => text,
        })
    }

    /// The text as it may be kept: without every spelling that is long enough to be
    /// looked for as a part. A shorter one would be found in every second word.
    pub(super) fn conceal_text(&self, text: String) -> String {
        parts(&self.0.load()).fold(text, |text, mark| match text.contains(mark) {
            true => text.replace(mark, HIDDEN),
            false => text,
        })
    }

    /// The same for bytes, which are copied only where something is hidden.
    pub(super) fn conceal(&self, bytes: Bytes) -> Bytes {
        let marks = self.0.load();
        match std::str::from_utf8(&bytes) {
            Ok(text) if parts(&marks).any(|mark| text.contains(mark)) => {
                Bytes::from(self.conceal_text(text.to_owned()))
            }
            Ok(_) => bytes,
            Err(_) => parts(&marks).fold(bytes, |bytes, mark| without(bytes, mark.as_bytes())),
        }
    }

    /// Like [`redact`](Self::redact) for a text that may have been cut somewhere in a
    /// spelling, if it is long.
    pub(super) fn redact_cut(&self, text: &str) -> String {
        let mut redacted = self.redact(text);
        if text.len() >= CUT {
            let marks = self.0.load();
            let ends = marks.iter().filter_map(|mark| half_at_end(&redacted, &mark.text)).max();
            if let Some(length) = ends {
                redacted.truncate(redacted.len() - length);
                redacted.push_str(HIDDEN);
            }
        }
        redacted
    }

    /// Whether a header's value gives the credential away.
    pub(super) fn shows_in(&self, value: &[u8]) -> bool {
        self.0.load().iter().any(|mark| {
            let text = mark.text.as_bytes();
            let as_part = || value.windows(text.len()).any(|part| part == text);
            value == text || text.len() >= mark.shortest && as_part()
        })
    }

    /// Length in bytes of the longest spelling: what may be cut in two at the end
    /// of a text that was not read to its end.
    pub(super) fn longest(&self) -> usize {
        self.0.load().first().map_or(0, |mark| mark.text.len())
    }
}

impl Draft {
    fn add(&mut self, text: String, shortest: usize) {
        let text = Zeroizing::new(text);
        if !text.is_empty() && !self.0.iter().any(|mark| mark.text == text) {
            self.0.push(Mark { text, shortest, learnt: 0 });
        }
    }

    fn add_spellings(&mut self, secret: &str, shortest: usize) {
        for spelling in spellings(secret) {
            self.add(spelling, shortest);
        }
    }

    fn sorted(mut self) -> Vec<Mark> {
        self.0.sort_by_key(|mark| std::cmp::Reverse(mark.text.len()));
        self.0
    }
}

/// The spellings that are looked for as parts.
fn parts(marks: &[Mark]) -> impl Iterator<Item = &str> {
    marks.iter().filter(|mark| mark.text.len() >= mark.shortest).map(|mark| mark.text.as_str())
}

impl fmt::Debug for Marks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Marks({})", self.0.load().len())
    }
}

fn without(bytes: Bytes, mark: &[u8]) -> Bytes {
    let mut kept = Vec::new();
    let mut rest = &bytes[..];
    while let Some(at) = rest.windows(mark.len()).position(|part| part == mark) {
        kept.extend_from_slice(&rest[..at]);
        kept.extend_from_slice(HIDDEN.as_bytes());
        rest = &rest[at + mark.len()..];
    }
    if kept.is_empty() && rest.len() == bytes.len() {
        return bytes;
    }
    kept.extend_from_slice(rest);
    kept.into()
}

/// The length of the first part of `mark` with which the text ends.
fn half_at_end(text: &str, mark: &str) -> Option<usize> {
    let lengths = (SHORTEST_PART..mark.len()).rev().filter(|length| mark.is_char_boundary(*length));
    lengths.into_iter().find(|length| text.ends_with(&mark[..*length]))
}

/// One secret as it is, in a URL (both ways to write a space), in JSON (with and without
/// escaped slashes), and as the remote would decode it from Basic.
fn spellings(secret: &str) -> Vec<String> {
    let form: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let json = serde_json::Value::from(secret).to_string();
    let json = json[1..json.len() - 1].to_owned();
    vec![
        secret.to_owned(),
        form.replace('+', "%20"),
        lower_escapes(&form),
        lower_escapes(&form.replace('+', "%20")),
        form,
        json.replace('/', "\\/"),
        json,
        BASE64_STANDARD.encode(secret),
    ]
}

/// `%2F` as `%2f`; some systems write it so.
fn lower_escapes(form: &str) -> String {
    let mut digits = 0;
    let lower = form.chars().map(|c| {
        let c = if digits > 0 { c.to_ascii_lowercase() } else { c };
        digits = if c == '%' { 2 } else { usize::saturating_sub(digits, 1) };
        c
    });
    lower.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basic() -> Marks {
        Marks::new(&Credential::Basic {
            username: Secret::new("agent@example.com/token"),
            password: Secret::new("S3cr/t \"pass\""),
        })
    }

    #[test]
    fn every_spelling_is_hidden() {
        let pair = BASE64_STANDARD.encode("agent@example.com/token:S3cr/t \"pass\"");
        for text in [
            "S3cr/t \"pass\"",
            "S3cr%2Ft%20%22pass%22",
            "S3cr%2Ft+%22pass%22",
            "S3cr%2ft+%22pass%22",
            "S3cr/t \\\"pass\\\"",
            "S3cr\\/t \\\"pass\\\"",
            "agent@example.com/token",
            "agent%40example.com%2Ftoken",
            "agent@example.com\\/token",
            &pair,
        ] {
            let redacted = basic().redact(&format!("before {text} after"));
            assert_eq!(redacted, format!("before {HIDDEN} after"), "{text}");
            assert!(basic().shows_in(format!("x{text}x").as_bytes()), "{text}");
        }
    }

    #[test]
    fn a_secret_at_the_edge_of_a_long_text_is_hidden_by_its_half() {
        let marks = Marks::new(&Credential::Bearer { token: Secret::new("S3cret-of-the-channel") });
        let long = "x".repeat(CUT);
        for (end, shown) in
            [("S3cret-of-the", HIDDEN), ("S3cr", HIDDEN), ("S3c", "S3c"), ("of-the", "of-the")]
        {
            assert_eq!(marks.redact_cut(&format!("{long}{end}")), format!("{long}{shown}"), "{end}");
        }
        assert_eq!(
            marks.redact_cut("it begins with S3cret"),
            "it begins with S3cret",
            "a short text is whole"
        );
        assert_eq!(marks.redact_cut("S3cret-of-the-channel"), HIDDEN);
    }

    #[test]
    fn what_is_no_secret_stays() {
        assert_eq!(basic().redact("no such ticket"), "no such ticket");
        assert!(!basic().shows_in(b"application/json"));
        assert_eq!(Marks::new(&Credential::None).redact("any"), "any");
        let empty =
            Marks::new(&Credential::Basic { username: Secret::new("key"), password: Secret::new("") });
        assert_eq!(empty.redact("a text"), "a text");
    }

    #[test]
    fn short_secret_hides_a_header_only_as_a_whole() {
        let marks = Marks::new(&Credential::Bearer { token: Secret::new("js") });
        assert!(marks.shows_in(b"js"));
        assert!(!marks.shows_in(b"application/json"));
    }

    #[test]
    fn secret_within_a_header_of_many_words_is_found() {
        let value = Secret::new("Token key=abcdef123456, v=1");
        let marks = Marks::new(&Credential::Header { name: "x-auth".into(), value });
        assert_eq!(marks.redact("abcdef123456 is wrong"), format!("{HIDDEN} is wrong"));
        assert!(!marks.shows_in(b"Token"));
    }

    #[test]
    fn name_of_a_user_takes_no_headers_away() {
        let user = |name: &str| Credential::Basic { username: Secret::new(name), password: Secret::new("X") };
        assert!(!Marks::new(&user("json")).shows_in(b"application/json"));
        assert!(Marks::new(&user("a-key-of-sixteen")).shows_in(b"is a-key-of-sixteen"));
        assert_eq!(Marks::new(&user("json")).redact("json"), HIDDEN);
    }

    #[test]
    fn what_is_kept_holds_no_spelling_and_is_otherwise_as_it_was() {
        let marks = basic();
        let plain = Bytes::from_static(b"nothing to hide");
        assert_eq!(marks.conceal(plain.clone()).as_ptr(), plain.as_ptr(), "not even copied");
        let binary = [&b"\xff\x00S3cr/t \"pass\"\xfe"[..], b"S3cr/t \"pass\""].concat();
        let hidden = [&b"\xff\x00"[..], HIDDEN.as_bytes(), b"\xfe", HIDDEN.as_bytes()].concat();
        assert_eq!(marks.conceal(Bytes::from(binary)), hidden);
        assert_eq!(marks.conceal_text("x S3cr%2Ft+%22pass%22 y".into()), format!("x {HIDDEN} y"));
        let short =
            Marks::new(&Credential::Basic { username: Secret::new("me"), password: Secret::new("X") });
        assert_eq!(short.conceal_text("me and X".into()), "me and X");
    }

    #[test]
    fn secrets_that_come_later_are_hidden_and_the_oldest_forgotten() {
        let marks = basic();
        let token = |number: usize| format!("token-{number}");
        for number in 0..10 {
            marks.learn(&Secret::new(token(number)));
            marks.learn(&Secret::new(token(number)));
            assert_eq!(marks.redact(&token(number)), HIDDEN);
        }
        assert_eq!(marks.redact(&token(10 - LEARNT)), HIDDEN, "still known");
        assert_eq!(marks.redact(&token(9 - LEARNT)), token(9 - LEARNT), "long gone");
        assert_eq!(marks.redact("agent@example.com/token"), HIDDEN, "what was there from the start stays");
    }

    #[test]
    fn debug_shows_no_secret() {
        let text = format!("{:?}", basic());
        assert!(!text.contains("pass") && !text.contains("agent"), "{text}");
    }
}
