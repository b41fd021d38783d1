//! `describe` writes 64 MiB to stdout and stderr each, with control characters in it,
//! and answers well.

use std::io::Write as _;

const MANIFEST: &[u8] = hostile::manifest!("describe-floods-stdout");

hostile::guest! {
    section: MANIFEST,
    describe: describe,
}

fn describe() -> Vec<u8> {
    let line = "\u{1b}]0;title\u{7}output line\n".repeat(1 << 10);
    for _ in 0..2048 {
        // A host that takes no more may say so; the flood goes on.
        let _ = std::io::stdout().write_all(line.as_bytes());
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
    MANIFEST.to_vec()
}
