//! What pins a plugin: the digest of its bytes.
//!
//! It grants nothing yet beyond a name for the bytes; signatures and grants by
//! the operator have their place here.

use sha2::{Digest, Sha256};
use std::fmt::Write;

/// SHA-256 in lower-case hex. Reads every byte: call it off the reactor.
pub(super) fn sha256(bytes: &[u8]) -> String {
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        write!(hex, "{byte:02x}").expect("a String takes every write");
    }
    hex
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_is_the_known_one() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(b"abc"), abc);
    }
}
