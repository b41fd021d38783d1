//! `describe` logs 256 MiB, with control characters in it, and answers well.

use hostile::sdk::log;

const MANIFEST: &[u8] = hostile::manifest!("describe-floods-log");

hostile::guest! {
    section: MANIFEST,
    describe: describe,
}

fn describe() -> Vec<u8> {
    let line = "\u{1b}[2J\u{7}log line\r\n".repeat(1 << 12);
    for _ in 0..4096 {
        log::error(&line, &[("field\n", &"value\u{0}")]);
    }
    MANIFEST.to_vec()
}
