//! What the guest says of itself is no JSON, in the file and at run time alike.

const MANIFEST: &[u8] = b"channel-types = [\"toml\"]\n\xff\xfe";

hostile::guest! {
    section: MANIFEST,
    describe: describe,
}

fn describe() -> Vec<u8> {
    MANIFEST.to_vec()
}
