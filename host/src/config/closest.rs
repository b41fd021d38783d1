//! Finds the word that was probably meant.

/// The candidate that is most like `word`; none where nothing is like it.
pub(super) fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    /// Below it, a suggestion puzzles more than it helps.
    const ALIKE: f64 = 0.6;
    let likeness = |candidate| strsim::normalized_damerau_levenshtein(word, candidate);
    candidates
        .into_iter()
        .map(|candidate| (likeness(candidate), candidate))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_errors_find_their_word() {
        const KNOWN: [&str; 4] = ["connect-timeout", "read-timeout", "redirects", "attempts"];
        for (word, expected) in [
            ("conect-timeout", Some("connect-timeout")),
            ("connect_timeout", Some("connect-timeout")),
            ("redirect", Some("redirects")),
            ("atempst", Some("attempts")),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(closest(word, KNOWN), expected, "{word}");
        }
    }
}
