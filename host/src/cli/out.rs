//! What goes to stdout and what to stderr.
//!
//! Stdout carries the answer: text for people, or one JSON document. Everything
//! else (notes, progress, errors) goes to stderr, but for errors of `--json`,
//! which are the answer.

use super::table::Table;
use serde::Serialize;
use std::io::{self, IsTerminal, Write};

/// How a command answers.
#[derive(Debug)]
pub(super) struct Out {
    is_json: bool,
    /// Columns of the terminal; none: not a terminal, so lines may be long.
    width: Option<u16>,
}

impl Out {
    /// Tables stay within it on wider terminals: long lines are hard to read.
    const MOST: u16 = 140;
    /// On narrower terminals the terminal itself breaks lines.
    const LEAST: u16 = 60;

    pub(super) fn new(is_json: bool) -> Self {
        let stdout = io::stdout();
        let size = if stdout.is_terminal() { rustix::termios::tcgetwinsize(&stdout).ok() } else { None };
        let width = size.map(|size| size.ws_col).filter(|columns| *columns > 0);
        Self { is_json, width: width.map(|columns| columns.clamp(Self::LEAST, Self::MOST)) }
    }

    pub(super) fn is_json(&self) -> bool {
        self.is_json
    }

    /// Whether a person watches stderr.
    pub(super) fn is_watched(&self) -> bool {
        io::stderr().is_terminal()
    }

    /// A line for people.
    pub(super) fn line(&self, text: impl AsRef<str>) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_ref().as_bytes())?;
        stdout.write_all(b"\n")
    }

    /// A table for people.
    pub(super) fn table(&self, table: Table) -> io::Result<()> {
        self.line(table.render(self.width))
    }

    /// Bytes as they are.
    pub(super) fn raw(&self, bytes: &[u8]) -> io::Result<()> {
        io::stdout().lock().write_all(bytes)
    }

    /// Everything that was written reaches its reader.
    pub(super) fn flush(&self) -> io::Result<()> {
        io::stdout().lock().flush()
    }

    /// The document of `--json`.
    pub(super) fn document(&self, document: &impl Serialize) -> io::Result<()> {
        let mut text = serde_json::to_vec(document)?;
        text.push(b'\n');
        self.raw(&text)
    }

    /// A line for a person that is no part of the answer.
    pub(super) fn note(&self, text: impl AsRef<str>) {
        // Nobody can be told that stderr is gone.
        let _ = writeln!(io::stderr().lock(), "{}", text.as_ref());
    }
}
