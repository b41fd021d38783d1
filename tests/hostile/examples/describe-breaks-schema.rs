//! What the guest says of itself is JSON, but no manifest: a misspelt key, a bad id, and
//! no channel types.

const MANIFEST: &[u8] = br#"{"manifest":1,"id":"Describe Breaks Schema","version":"one","chanel-types":[]}"#;

hostile::guest! {
    section: MANIFEST,
    describe: describe,
}

fn describe() -> Vec<u8> {
    MANIFEST.to_vec()
}
