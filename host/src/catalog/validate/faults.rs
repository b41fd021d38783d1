//! What is wrong with a manifest, collected, so that an author sees more than
//! the first mistake.

use crate::catalog::Refusal;
use std::{collections::BTreeSet, fmt::Write};

/// So many are told; the rest are counted. A listing has a line for it, not a page.
const TOLD: usize = 5;
/// The most characters of one fault: it may quote what a hostile plugin wrote.
const MAX_WORDS: usize = 400;

/// Faults in the order in which they were found.
#[derive(Default)]
pub(super) struct Faults(Vec<String>);

impl Faults {
    /// Notes what is wrong at a place, which is a JSON Pointer.
    pub(super) fn add(&mut self, place: impl AsRef<str>, words: impl AsRef<str>) {
        let place = place.as_ref();
        let place = if place.is_empty() { "/" } else { place };
        self.0.push(clean(&format!("{place}: {}", words.as_ref())));
    }

    /// No faults, or a refusal that tells them.
    pub(super) fn into_result(self) -> Result<(), Refusal> {
        self.told("manifest.invalid", "the manifest is wrong at ")
    }

    /// The same with words of the caller's own before the faults.
    pub(super) fn told(self, code: &str, before: &str) -> Result<(), Refusal> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut reason =
            format!("{before}{}", self.0.iter().take(TOLD).cloned().collect::<Vec<_>>().join("; "));
        if self.0.len() > TOLD {
            write!(reason, "; and {} more", self.0.len() - TOLD).expect("a String takes every write");
        }
        Err(Refusal::new(code, reason))
    }
}

/// Words that may quote a plugin, made fit for a terminal and for one line.
pub(super) fn clean(words: &str) -> String {
    let mut shown: String =
        words.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_WORDS).collect();
    if words.chars().nth(MAX_WORDS).is_some() {
        shown.push('…');
    }
    shown
}

/// The first that was there before.
pub(super) fn first_repeated<T: Ord>(items: impl IntoIterator<Item = T>) -> Option<T> {
    let mut seen = BTreeSet::new();
    for item in items {
        if seen.contains(&item) {
            return Some(item);
        }
        seen.insert(item);
    }
    None
}
