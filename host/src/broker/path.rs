//! What a request's path may look like.
//!
//! Pure. It refuses whatever two readers of a URL could read differently, so
//! that the path that was checked is the path that the server sees.

/// The longest path with its query, in bytes.
const MAX_BYTES: usize = 8 << 10;

/// Passes an origin-relative path with an optional query, or says in words,
/// to stand behind "the path", what is wrong with it.
pub(super) fn check(path: &str) -> Result<(), &'static str> {
    if path.len() > MAX_BYTES {
        return Err("is longer than 8 KiB");
    }
    if path.bytes().any(|byte| byte.is_ascii_control()) {
        return Err("has a control character in it");
    }
    if path.contains('\\') {
        return Err("has a backslash in it: write it as %5C");
    }
    if path.contains('#') {
        return Err("has a fragment, which is never sent");
    }
    start(path)?;
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    segments(path)?;
    if decode(query)?.contains(&0) {
        return Err("has %00 in its query");
    }
    Ok(())
}

/// The part of the check that holds for the path of any URL: no dots and no
/// control characters, whichever way they are written.
pub(super) fn segments(path: &str) -> Result<(), &'static str> {
    path.split('/').try_for_each(segment)
}

fn start(path: &str) -> Result<(), &'static str> {
    if path.starts_with("//") {
        return Err("starts with //, which names a host");
    }
    if path.starts_with('/') {
        return Ok(());
    }
    match path.split('/').next() {
        Some(first) if first.ends_with(':') => Err("is an absolute URL: give the part below the base URL"),
        _ => Err("does not start with /"),
    }
}

/// A server may decode `%2F` before it resolves dots: so pieces of a segment
/// count as segments.
fn segment(text: &str) -> Result<(), &'static str> {
    let decoded = decode(text)?;
    if decoded.iter().any(u8::is_ascii_control) {
        return Err("has an escaped control character in it");
    }
    if decoded.split(|byte| matches!(byte, b'/' | b'\\')).any(|piece| matches!(piece, b"." | b"..")) {
        return Err("has a '.' or '..' segment");
    }
    Ok(())
}

fn decode(text: &str) -> Result<Vec<u8>, &'static str> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'%' => hex(bytes.next()).zip(hex(bytes.next())).map(|(high, low)| high << 4 | low),
            byte => Some(byte),
        };
        decoded.push(byte.ok_or("has a % that starts no escape: write it as %25")?);
    }
    Ok(decoded)
}

fn hex(digit: Option<u8>) -> Option<u8> {
    let digit = char::from(digit?).to_digit(16)?;
    u8::try_from(digit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_paths_pass() {
        for path in [
            "/",
            "/api/v2/users.json",
            "/a//b",
            "/a/b/",
            "/users/@me",
            "/a?next=https://x//y&z=/../",
            "/a?x=%0d%0a",
            "/projects/group%2Fproject",
            "/a..b/...",
            "/ü/ä",
            "/a b",
            "/a:b",
            "/%41",
            "/a;v=1,2",
            "/?",
            "/a?b?c",
        ] {
            assert_eq!(check(path), Ok(()), "{path}");
        }
        assert_eq!(check(&format!("/{}", "a".repeat(MAX_BYTES - 1))), Ok(()));
    }

    #[test]
    fn everything_else_is_refused_in_words() {
        #[track_caller]
        fn refused(path: &str, part: &str) {
            let words = check(path).expect_err(path);
            assert!(words.contains(part), "{path}: {words}");
        }
        refused("", "does not start with /");
        refused("api", "does not start with /");
        refused("@evil.example/", "does not start with /");
        refused(":8080/", "does not start with /");
        refused(".evil.example/", "does not start with /");
        refused("?q", "does not start with /");
        refused("https://evil.example/", "absolute URL");
        refused("HTTP://evil.example/", "absolute URL");
        refused("//evil.example/", "names a host");
        refused("///evil.example/", "names a host");
        refused("\\\\evil.example/", "backslash");
        refused("/\\evil.example/", "backslash");
        refused("/a\\..\\b", "backslash");
        refused("/..", "segment");
        refused("/../b", "segment");
        refused("/a/..//b", "segment");
        refused("/a/../b", "segment");
        refused("/a/./b", "segment");
        refused("/a/%2e%2e/b", "segment");
        refused("/a/.%2E/b", "segment");
        refused("/a/..%2fb", "segment");
        refused("/a%2f..%2fb", "segment");
        refused("/a%5c..%5cb", "segment");
        refused("/a\r\nHost: evil", "control character");
        refused("/a\tb", "control character");
        refused("/a\0b", "control character");
        refused("/a?b\nc", "control character");
        refused("/a\x7f", "control character");
        refused("/a%00", "escaped control character");
        refused("/a%0d%0ab", "escaped control character");
        refused("/a%7f", "escaped control character");
        refused("/a?b=%00", "%00");
        refused("/a#b", "fragment");
        refused("/a?b#c", "fragment");
        refused("/a%", "starts no escape");
        refused("/a%4", "starts no escape");
        refused("/a%zz", "starts no escape");
        refused("/a%+1", "starts no escape");
        refused("/a?b=%g0", "starts no escape");
        refused(&format!("/{}", "a".repeat(MAX_BYTES)), "8 KiB");
    }
}
