//! Sealed secrets: XChaCha20-Poly1305 under the key of the data folder.
//!
//! It keeps no secret: what it opens is wiped when the caller drops it. A sealed
//! text opens only for the channel and the field that it was sealed for, so that
//! swapping two rows of the store gains nothing.

mod key;

use self::key::Key;
use crate::model::{ChannelId, Fault, Sealed, Secret};
use base64::{Engine, engine::general_purpose::STANDARD};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use sha2::{Digest, Sha256};
use std::{
    io,
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// The form of a sealed text: this byte, the mark of the key, the nonce, the
/// ciphertext with its tag; all of it in base64.
const FORM: u8 = 1;
const MARK: usize = 4;
const NONCE: usize = 24;
const HEAD: usize = 1 + MARK + NONCE;

/// Why a key or a secret cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The file is there, or cannot be made, and cannot be used.
    #[error("the key file {} cannot be read or made", .0.display())]
    KeyFile(PathBuf, #[source] io::Error),
    /// Somebody else on the machine can read the key.
    #[error("the key file {} can be used by others (mode {mode:04o}): run `chmod 600` on it", .path.display())]
    KeyShared {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// There is something else in it.
    #[error("{0} does not hold a key: a key is 32 bytes in base64 or hex")]
    KeyForm(String),
    /// Sealed with another key.
    #[error(
        "the key does not fit the secrets of this data folder: bring back the key file, or the TIDEGATE_KEY, that they were sealed with"
    )]
    WrongKey,
    /// Changed, cut, or moved from another field or channel.
    #[error("the sealed value of '{0}' is damaged: give the secret again")]
    Damaged(String),
    /// The system has no randomness.
    #[error("the system gives no random bytes")]
    Random,
}

impl VaultError {
    /// Who has to act, and whether trying again helps.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::Random => Fault::Transient,
            _ => Fault::Invalid,
        }
    }

    /// A stable dotted name.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::KeyFile(..) => "key.file",
            Self::KeyShared { .. } => "key.shared",
            Self::KeyForm(_) => "key.form",
            Self::WrongKey => "key.wrong",
            Self::Damaged(_) => "secret.damaged",
            Self::Random => "system.random",
        }
    }
}

/// Seals and opens. The key lives in it alone, and is wiped with it.
pub(super) struct Vault {
    cipher: XChaCha20Poly1305,
    mark: [u8; MARK],
}

/// What a secret belongs to.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) channel: ChannelId,
    pub(super) field: &'a str,
}

impl Vault {
    /// With the given key (the text of `TIDEGATE_KEY`), or with the one in the
    /// file, which is made where it is missing. Blocks on the file system.
    ///
    /// # Errors
    /// No key can be had, or it is not safe where it lies.
    pub(super) fn open(key: Option<&Secret>, file: &Path) -> Result<Self, VaultError> {
        let key = match key {
            Some(text) => {
                Key::parse(text.expose()).ok_or_else(|| VaultError::KeyForm("TIDEGATE_KEY".into()))?
            }
            None => Key::of_file(file)?,
        };
        Ok(Self::with_key(&key))
    }

    fn with_key(key: &Key) -> Self {
        // Of a random key of 256 bits, 32 bits of a digest tell nothing.
        let digest = Sha256::new().chain_update(b"tidegate key mark").chain_update(key.bytes()).finalize();
        let mut mark = [0; MARK];
        mark.copy_from_slice(&digest[..MARK]);
        Self { cipher: XChaCha20Poly1305::new(key.bytes().into()), mark }
    }

    /// Seals a secret under a nonce of its own.
    ///
    /// # Errors
    /// The system has no randomness.
    pub(super) fn seal(&self, secret: &Secret, place: Place<'_>) -> Result<Sealed, VaultError> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).map_err(|_| VaultError::Random)?;
        Ok(self.seal_under(nonce, secret, place))
    }

    /// Opens what `seal` made for the same place.
    ///
    /// # Errors
    /// The key is another one, or the text is damaged or of another place.
    pub(super) fn unseal(&self, sealed: &Sealed, place: Place<'_>) -> Result<Secret, VaultError> {
        let damaged = || VaultError::Damaged(place.field.into());
        let bytes = STANDARD.decode(&sealed.0).map_err(|_| damaged())?;
        let (head, ciphertext) = bytes.split_at_checked(HEAD).ok_or_else(damaged)?;
        if head[0] != FORM {
            return Err(damaged());
        }
        if head[1..=MARK] != self.mark {
            return Err(VaultError::WrongKey);
        }
        let mut nonce = [0; NONCE];
        nonce.copy_from_slice(&head[1 + MARK..]);
        let aad = bound_to(&head[..=MARK], place);
        let payload = Payload { msg: ciphertext, aad: &aad };
        let plain = self.cipher.decrypt(&XNonce::from(nonce), payload).map_err(|_| damaged())?;
        let text = String::from_utf8(plain).map_err(|error| {
            drop(Zeroizing::new(error.into_bytes()));
            damaged()
        })?;
        Ok(Secret::new(text))
    }

    /// Whether a text was sealed with this key, going by the mark in it. Opens nothing.
    pub(super) fn fits(&self, sealed: &Sealed) -> bool {
        let bytes = STANDARD.decode(&sealed.0).unwrap_or_default();
        bytes.get(1..=MARK).is_none_or(|mark| mark == self.mark)
    }

    fn seal_under(&self, nonce: [u8; NONCE], secret: &Secret, place: Place<'_>) -> Sealed {
        let mut bytes = Vec::with_capacity(HEAD + secret.expose().len() + 16);
        bytes.push(FORM);
        bytes.extend(self.mark);
        let aad = bound_to(&bytes, place);
        let payload = Payload { msg: secret.expose().as_bytes(), aad: &aad };
        let ciphertext = self.cipher.encrypt(&XNonce::from(nonce), payload);
        bytes.extend(nonce);
        bytes.extend(ciphertext.expect("a secret is far shorter than the 256 GiB that the cipher takes"));
        Sealed(STANDARD.encode(bytes))
    }
}

/// What the tag covers besides the text: the form and the key's mark, the
/// channel (of fixed length) and the field.
fn bound_to(head: &[u8], place: Place<'_>) -> Vec<u8> {
    [head, &place.channel.to_bytes(), place.field.as_bytes()].concat()
}

#[cfg(test)]
mod tests;
