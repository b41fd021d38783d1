//! What a guest says during a step: its log lines and its standard output.
//!
//! It keeps to two budgets and never fails: what is over them is counted and
//! dropped. It keeps nothing itself beyond an unfinished line and the last
//! words on standard error; lines go to the step's `LogSink`.

use super::{
    Limits,
    text::{clean, clean_cut, last_words},
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tracing::Level;

/// The longest message of a line, in bytes; the rest of it is cut off.
const MAX_MESSAGE: usize = 4 << 10;
/// The most fields of a line, and the longest name and value of one.
const MAX_FIELDS: usize = 32;
const MAX_NAME: usize = 64;
const MAX_VALUE: usize = 1 << 10;
/// As much of the end of standard error as a panic message needs.
const MAX_TAIL: usize = 1 << 10;

/// A line that a guest logged, cleaned of control characters.
#[derive(Clone, Copy, Debug)]
pub struct LogLine<'a> {
    /// `info` for standard output, `warn` for standard error.
    pub level: Level,
    /// At most 4 KiB.
    pub message: &'a str,
    /// At most 32, of at most 64 bytes for the name and 1 KiB for the value.
    pub fields: &'a [(String, String)],
}

/// Takes a guest's log lines. Must not block.
pub trait LogSink: Send + Sync + 'static {
    /// Takes one line.
    fn line(&self, line: LogLine<'_>);
}

/// The two streams of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    Stdout,
    Stderr,
}

/// Shared by the import `log` and the two streams.
#[derive(Clone)]
pub(super) struct Journal(Arc<Mutex<Book>>);

struct Book {
    sink: Arc<dyn LogSink>,
    log_left: usize,
    output_left: usize,
    kept: u64,
    dropped: u64,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    tail: Vec<u8>,
}

impl Journal {
    /// An empty one.
    pub(super) fn new(limits: &Limits, sink: Arc<dyn LogSink>) -> Self {
        Self(Arc::new(Mutex::new(Book {
            sink,
            log_left: limits.log_bytes.as_len(),
            output_left: limits.output_bytes.as_len(),
            kept: 0,
            dropped: 0,
            stdout: Vec::new(),
            stderr: Vec::new(),
            tail: Vec::new(),
        })))
    }

    /// One line of the import `log`.
    pub(super) fn log(&self, level: Level, message: &str, fields: &[(String, String)]) {
        self.book().log(level, message, fields);
    }

    /// Bytes of one of the streams, whole lines or not.
    pub(super) fn output(&self, stream: Stream, bytes: &[u8]) {
        self.book().output(stream, bytes);
    }

    /// Puts out the lines that no line break ended, and answers the bytes that
    /// were kept and the lines that were dropped.
    pub(super) fn close(&self) -> (u64, u64) {
        let mut book = self.book();
        book.end_line(Stream::Stdout);
        book.end_line(Stream::Stderr);
        (book.kept, book.dropped)
    }

    /// The end of standard error, where a panic leaves its message.
    pub(super) fn last_words(&self) -> Option<String> {
        last_words(&self.book().tail)
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // A sink that panicked has ended its step; the counters are still good.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn log(&mut self, level: Level, message: &str, fields: &[(String, String)]) {
        let message = clean_cut(message, MAX_MESSAGE);
        let fields = clean_fields(fields);
        let size = message.len() + fields.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        let Some(left) = self.log_left.checked_sub(size) else {
            self.log_left = 0; // Nothing after the first gap: a log with holes misleads.
            self.dropped += 1;
            return;
        };
        self.log_left = left;
        self.put(level, &message, &fields, size);
    }

    fn output(&mut self, stream: Stream, bytes: &[u8]) {
        if stream == Stream::Stderr {
            remember(&mut self.tail, bytes);
        }
        let (kept, dropped) = bytes.split_at(bytes.len().min(self.output_left));
        self.output_left -= kept.len();
        for piece in kept.split_inclusive(|byte| *byte == b'\n') {
            let line = self.line(stream);
            line.extend_from_slice(piece);
            if piece.ends_with(b"\n") || line.len() >= MAX_MESSAGE {
                self.end_line(stream);
            }
        }
        self.dropped += dropped.split_inclusive(|byte| *byte == b'\n').count() as u64;
    }

    fn line(&mut self, stream: Stream) -> &mut Vec<u8> {
        match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        }
    }

    fn end_line(&mut self, stream: Stream) {
        let line = std::mem::take(self.line(stream));
        let text = String::from_utf8_lossy(&line);
        let text = clean(text.trim_end_matches(['\r', '\n']));
        if text.is_empty() {
            return;
        }
        let (level, name) = match stream {
            Stream::Stdout => (Level::INFO, "stdout"),
            Stream::Stderr => (Level::WARN, "stderr"),
        };
        for piece in pieces(&text) {
            self.put(level, piece, &[("stream".into(), name.into())], piece.len());
        }
    }

    fn put(&mut self, level: Level, message: &str, fields: &[(String, String)], size: usize) {
        self.kept += size as u64;
        self.sink.line(LogLine { level, message, fields });
    }
}

fn clean_fields(fields: &[(String, String)]) -> Vec<(String, String)> {
    let clean = |(name, value): &(String, String)| {
        (clean_cut(name, MAX_NAME).into_owned(), clean_cut(value, MAX_VALUE).into_owned())
    };
    fields.iter().take(MAX_FIELDS).map(clean).collect()
}

/// Keeps the last `MAX_TAIL` bytes.
fn remember(tail: &mut Vec<u8>, bytes: &[u8]) {
    tail.extend_from_slice(&bytes[bytes.len().saturating_sub(MAX_TAIL)..]);
    let surplus = tail.len().saturating_sub(MAX_TAIL);
    tail.drain(..surplus);
}

/// The text in pieces of at most `MAX_MESSAGE` bytes.
fn pieces(text: &str) -> Vec<&str> {
    let mut rest = text;
    let mut pieces = Vec::new();
    while rest.len() > MAX_MESSAGE {
        let (piece, after) = rest.split_at(rest.floor_char_boundary(MAX_MESSAGE));
        pieces.push(piece);
        rest = after;
    }
    pieces.push(rest);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Size;

    #[derive(Default)]
    struct Kept(Mutex<Vec<String>>);

    impl LogSink for Kept {
        fn line(&self, line: LogLine<'_>) {
            let fields: Vec<String> =
                line.fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
            self.0.lock().unwrap().push(format!("{} {} [{}]", line.level, line.message, fields.join(" ")));
        }
    }

    fn journal(log: u64, output: u64) -> (Journal, Arc<Kept>) {
        let kept = Arc::new(Kept::default());
        let limits = Limits { log_bytes: Size(log), output_bytes: Size(output), ..Limits::default() };
        (Journal::new(&limits, kept.clone()), kept)
    }

    fn lines(kept: &Kept) -> Vec<String> {
        kept.0.lock().unwrap().clone()
    }

    #[test]
    fn log_lines_are_cleaned_and_cut_to_their_budget() {
        let (journal, kept) = journal(12, 0);
        journal.log(Level::INFO, "a\x1b[1mb", &[("k".into(), "v\n".into())]);
        journal.log(Level::ERROR, "too much", &[]);
        journal.log(Level::ERROR, "x", &[]);
        assert_eq!(lines(&kept), ["INFO a[1mb [k=v ]"]);
        assert_eq!(journal.close(), (8, 2));
    }

    #[test]
    fn a_line_has_bounds_of_its_own() {
        let (journal, kept) = journal(1 << 20, 0);
        let field = ("n".repeat(1_000), "v".repeat(10_000));
        journal.log(Level::INFO, &"m".repeat(10_000), &vec![field; 100]);
        let line = &lines(&kept)[0];
        assert!(line.len() < MAX_MESSAGE + MAX_FIELDS * (MAX_NAME + MAX_VALUE + 2) + 20, "{}", line.len());
        assert_eq!(line.matches('=').count(), MAX_FIELDS);
    }

    #[test]
    fn output_becomes_lines_and_an_unfinished_one_is_not_lost() {
        let (journal, kept) = journal(0, 1 << 10);
        for piece in ["one\r\ntw", "o\n\nthr", "ee"] {
            journal.output(Stream::Stdout, piece.as_bytes());
        }
        journal.output(Stream::Stderr, b"oops \xff\x07\n");
        assert_eq!(journal.close(), (3 + 3 + 5 + "oops \u{fffd}".len() as u64, 0));
        let expected = [
            "INFO one [stream=stdout]",
            "INFO two [stream=stdout]",
            "WARN oops \u{fffd} [stream=stderr]",
            "INFO three [stream=stdout]",
        ];
        assert_eq!(lines(&kept), expected);
    }

    #[test]
    fn output_over_its_budget_is_counted_and_dropped() {
        let (journal, kept) = journal(0, 6);
        for _ in 0..1_000 {
            journal.output(Stream::Stdout, b"abc\n");
        }
        assert_eq!(journal.close(), (5, 999));
        assert_eq!(lines(&kept), ["INFO abc [stream=stdout]", "INFO ab [stream=stdout]"]);
    }

    #[test]
    fn endless_lines_come_in_pieces() {
        let (journal, kept) = journal(0, 1 << 20);
        journal.output(Stream::Stdout, "ü".repeat(10_000).as_bytes());
        journal.close();
        assert!(lines(&kept).len() >= 4);
        assert!(lines(&kept).iter().all(|line| line.len() <= MAX_MESSAGE + 40));
    }

    #[test]
    fn last_words_are_the_panic_message_even_after_a_flood() {
        let (journal, _) = journal(0, 0);
        assert_eq!(journal.last_words(), None);
        journal.output(Stream::Stderr, &b"noise\n".repeat(10_000));
        let panic = "\nthread 'main' panicked at src/lib.rs:1:1:\nboom\nnote: run with `RUST_BACKTRACE=1`\n";
        journal.output(Stream::Stderr, panic.as_bytes());
        assert_eq!(journal.last_words().unwrap(), "noise thread 'main' panicked at src/lib.rs:1:1: boom");
    }
}
