//! Path patterns of fault scripts: `*` stands for any text within one segment,
//! `**` for any text at all.

/// Whether the whole path is as the pattern says.
pub(super) fn matches(pattern: &str, path: &str) -> bool {
    match_bytes(pattern.as_bytes(), path.as_bytes())
}

fn match_bytes(pattern: &[u8], path: &[u8]) -> bool {
    match pattern {
        [] => path.is_empty(),
        [b'*', b'*', rest @ ..] => (0..=path.len()).any(|skip| match_bytes(rest, &path[skip..])),
        [b'*', rest @ ..] => {
            let segment = path.iter().position(|byte| *byte == b'/').unwrap_or(path.len());
            (0..=segment).any(|skip| match_bytes(rest, &path[skip..]))
        }
        [first, rest @ ..] => path.first() == Some(first) && match_bytes(rest, &path[1..]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_star_stays_in_its_segment_and_two_go_anywhere() {
        let check =
            |pattern, path, expected| assert_eq!(matches(pattern, path), expected, "{pattern} on {path}");
        check("**", "/anything/at/all", true);
        check("/api/v2/tickets/*.json", "/api/v2/tickets/7.json", true);
        check("/api/v2/tickets/*.json", "/api/v2/tickets/7/comments.json", false);
        check("/api/v2/tickets/*/comments.json", "/api/v2/tickets/7/comments.json", true);
        check("/api/v2/incremental/**", "/api/v2/incremental/tickets/cursor.json", true);
        check("/api/v2/incremental/**", "/api/v2/tickets.json", false);
        check("/api/v2/tickets", "/api/v2/tickets.json", false);
        check("", "/", false);
    }
}
