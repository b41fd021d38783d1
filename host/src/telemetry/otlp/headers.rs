//! The headers that a collector wants, from a file of the operator's.
//!
//! Their values are secrets: no message shows one.

use http::{HeaderMap, HeaderName, HeaderValue};
use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// Why the headers cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("telemetry.otlp.headers-file: cannot read {}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others can read it.
    #[error("telemetry.otlp.headers-file: others can read {} (mode {mode:04o}); run: chmod 600 {}", file.display(), file.display())]
    Shared {
        /// The file.
        file: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// A line is no header.
    #[error("telemetry.otlp.headers-file: line {line} of {} is no header; write it like \"name: value\"", file.display())]
    Line {
        /// The file.
        file: PathBuf,
        /// Counted from 1.
        line: usize,
    },
}

/// Reads the file. Empty lines and those that start with `#` say nothing.
pub(super) fn read(path: &Path) -> Result<HeaderMap, Error> {
    let failed = |source| Error::Unreadable { file: path.to_owned(), source };
    let mut file = File::open(path).map_err(failed)?;
    // Of the open file: the name may mean another one by now.
    let mode = file.metadata().map_err(failed)?.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(Error::Shared { file: path.to_owned(), mode });
    }
    let mut text = Zeroizing::new(String::new());
    file.read_to_string(&mut text).map_err(failed)?;
    parse(&text).map_err(|line| Error::Line { file: path.to_owned(), line })
}

/// The number of the line that is wrong.
fn parse(text: &str) -> Result<HeaderMap, usize> {
    let mut headers = HeaderMap::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) = header(line).ok_or(at + 1)?;
        headers.append(name, value);
    }
    Ok(headers)
}

fn header(line: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = line.split_once(':')?;
    let mut value = HeaderValue::from_str(value.trim()).ok()?;
    value.set_sensitive(true);
    Some((name.trim().parse().ok()?, value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::PermissionsExt};

    #[test]
    fn lines_are_headers() {
        let headers =
            parse("# of the collector\nauthorization: Bearer a:b\n\n x-tenant :7 \n").expect("headers");
        assert_eq!(
            (headers["authorization"].as_bytes(), headers["x-tenant"].as_bytes()),
            (&b"Bearer a:b"[..], &b"7"[..])
        );
        assert!(!format!("{headers:?}").contains("Bearer"));
        for (bad, line) in [("no header", 1), ("a: b\nx y: z", 2), ("a: b\n\nc: \u{7}", 3)] {
            assert_eq!(parse(bad).err(), Some(line), "{bad}");
        }
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("headers");
        fs::write(&file, "a: b").expect("written");
        let with_mode = |mode| {
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("its mode");
            read(&file)
        };
        assert!(with_mode(0o600).is_ok());
        let error = with_mode(0o640).expect_err("shared").to_string();
        assert!(error.contains("0640") && error.contains("chmod 600"), "{error}");
        assert!(matches!(read(&folder.path().join("none")), Err(Error::Unreadable { .. })));
    }
}
