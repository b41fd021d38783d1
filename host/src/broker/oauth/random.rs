//! What nobody can guess: states and verifiers.

use crate::model::Secret;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Bytes of randomness: RFC 7636 asks for 32, which make 43 characters.
const BYTES: usize = 32;

/// A text of 256 random bits, in letters, digits, `-` and `_`. Wiped when dropped.
#[derive(Clone, Debug)]
pub struct Nonce(Secret);

impl Nonce {
    /// A new one.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn new() -> Result<Self, getrandom::Error> {
        let mut bytes = Zeroizing::new([0; BYTES]);
        getrandom::fill(&mut *bytes)?;
        Ok(Self(Secret::new(URL_SAFE_NO_PAD.encode(*bytes))))
    }

    /// One that was made before.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self(Secret::new(text))
    }

    /// The text itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// What may be shown of a verifier (RFC 7636, S256).
    pub(super) fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.expose()))
    }
}

/// Whether two secrets are the same; how long it takes tells nothing of where they differ.
#[must_use]
pub fn same(one: &str, other: &str) -> bool {
    let (one, other) = (Sha256::digest(one), Sha256::digest(other));
    one.iter().zip(other.iter()).fold(0, |differences, (a, b)| differences | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_that_of_the_standard() {
        // RFC 7636, appendix B.
        let verifier = Nonce::of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(verifier.challenge(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn no_two_are_the_same_and_none_is_shown() {
        let (one, other) = (Nonce::new().expect("random"), Nonce::new().expect("random"));
        assert!(!same(one.expose(), other.expose()) && same(one.expose(), one.clone().expose()));
        assert_eq!(one.expose().len(), 43);
        assert!(!format!("{one:?}").contains(one.expose()));
    }
}
