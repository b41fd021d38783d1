//! Which credentials are the same, without keeping them.
//!
//! A fingerprint is of use in this process only: it is keyed with bytes that are
//! drawn when the host starts and never leave it.

use super::Credential;
use crate::model::Secret;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Stands for a credential; the secret cannot be had back from it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Fingerprint([u8; 32]);

/// Takes fingerprints.
pub(super) struct Ink(Zeroizing<[u8; 32]>);

impl Ink {
    /// With a key of its own.
    pub(super) fn new() -> Self {
        let mut key = Zeroizing::new([0; 32]);
        // Without the system's dice the fingerprints are still of one way.
        let _ = getrandom::fill(&mut *key);
        Self(key)
    }

    pub(super) fn fingerprint(&self, credential: &Credential) -> Fingerprint {
        let (scheme, name, secrets): (_, _, [Option<&Secret>; 2]) = match credential {
            Credential::None => ("none", "", [None, None]),
            Credential::Basic { username, password } => ("basic", "", [Some(username), Some(password)]),
            Credential::Bearer { token } => ("bearer", "", [Some(token), None]),
            Credential::Header { name, value } => ("header", name.as_str(), [Some(value), None]),
            Credential::Query { name, value } => ("query", name.as_str(), [Some(value), None]),
            // The remote system counts for the grant, whichever token it is.
            Credential::Token(tokens) => ("token", tokens.identity(), [None, None]),
        };
        let name = name.to_ascii_lowercase();
        let secrets = secrets.iter().flatten().map(|secret| secret.expose());
        let mut hash = Sha256::new_with_prefix(self.0.as_slice());
        for part in [scheme, &name].into_iter().chain(secrets) {
            // With their lengths: `ab` and `c` are not `a` and `bc`.
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Fingerprint(hash.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basic(username: &str, password: &str) -> Credential {
        Credential::Basic { username: Secret::new(username), password: Secret::new(password) }
    }

    #[test]
    fn equal_credentials_and_only_those_have_the_same_fingerprint() {
        let secret = || Secret::new("s3cret");
        let header = |name: &str| Credential::Header { name: name.into(), value: secret() };
        let all = [
            Credential::None,
            basic("ab", "c"),
            basic("a", "bc"),
            basic("", "abc"),
            Credential::Bearer { token: secret() },
            Credential::Query { name: "key".into(), value: secret() },
            header("x-key"),
            header("x-other"),
        ];
        let ink = Ink::new();
        for (index, one) in all.iter().enumerate() {
            for (other_index, other) in all.iter().enumerate() {
                let are_same = ink.fingerprint(one) == ink.fingerprint(&other.clone());
                assert_eq!(are_same, index == other_index, "{one:?} {other:?}");
            }
        }
        assert!(ink.fingerprint(&header("x-key")) == ink.fingerprint(&header("X-Key")));
        assert!(ink.fingerprint(&all[4]) != Ink::new().fingerprint(&all[4]), "each host has its own");
    }
}
