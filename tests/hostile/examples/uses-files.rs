//! A guest that reads a file with the standard library, and so imports `wasi:filesystem`.

const MANIFEST: &[u8] = hostile::manifest!("uses-files");

hostile::guest! {
    section: MANIFEST,
    describe: describe,
}

fn describe() -> Vec<u8> {
    std::fs::read("/etc/passwd").unwrap_or_else(|_| MANIFEST.to_vec())
}
