//! The key of the secrets: 32 random bytes, from a file of the host's own.
//!
//! It refuses a file that others can read: whoever has it has every secret.

use super::VaultError;
use base64::{
    Engine,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};
use zeroize::Zeroizing;

/// A key; wiped when dropped.
pub(super) struct Key(Zeroizing<[u8; Key::LENGTH]>);

impl Key {
    pub(super) const LENGTH: usize = 32;

    pub(super) fn bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }

    /// Reads base64 (either alphabet, padded or not) or hex; none where it is neither.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let bytes =
            Zeroizing::new(if text.len() == 2 * Self::LENGTH { from_hex(text)? } else { from_base64(text)? });
        let mut key = Zeroizing::new([0; Self::LENGTH]);
        (bytes.len() == Self::LENGTH).then(|| key.copy_from_slice(&bytes))?;
        Some(Self(key))
    }

    /// Reads the file, or makes it with a new key where it is missing.
    pub(super) fn of_file(path: &Path) -> Result<Self, VaultError> {
        let failed = |error| VaultError::KeyFile(path.into(), error);
        match File::open(path) {
            Ok(file) => Self::read(file, path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => match Self::make(path)? {
                Some(key) => Ok(key),
                // Another process was faster: its key is as good.
                None => Self::read(File::open(path).map_err(failed)?, path),
            },
            Err(error) => Err(failed(error)),
        }
    }

    fn read(file: File, path: &Path) -> Result<Self, VaultError> {
        let failed = |error| VaultError::KeyFile(path.into(), error);
        // Of the open file: the name may mean another one by now.
        let mode = file.metadata().map_err(failed)?.mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(VaultError::KeyShared { path: path.into(), mode });
        }
        let mut text = Zeroizing::new(String::with_capacity(256));
        let read = file.take(256).read_to_string(&mut text);
        let key = match read {
            Ok(_) => Self::parse(&text),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => None,
            Err(error) => return Err(failed(error)),
        };
        key.ok_or_else(|| VaultError::KeyForm(format!("the key file {}", path.display())))
    }

    /// A new key in a new file; none where the file is there already.
    fn make(path: &Path) -> Result<Option<Self>, VaultError> {
        let failed = |error| VaultError::KeyFile(path.into(), error);
        let mut key = Zeroizing::new([0; Self::LENGTH]);
        getrandom::fill(&mut *key).map_err(|_| VaultError::Random)?;
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let file = match file {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        if let Err(error) = write_durably(file, path, &key) {
            // An empty key file would be in the way of the next start.
            _ = fs::remove_file(path);
            return Err(failed(error));
        }
        Ok(Some(Self(key)))
    }
}

/// On the disk before the first secret is sealed with it, the name included.
fn write_durably(mut file: File, path: &Path, key: &[u8; Key::LENGTH]) -> io::Result<()> {
    let text = Zeroizing::new(format!("{}\n", base64::engine::general_purpose::STANDARD.encode(key)));
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

fn from_base64(text: &str) -> Option<Vec<u8>> {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let alphabet = if text.contains(['-', '_']) { &URL_SAFE } else { &STANDARD };
    GeneralPurpose::new(alphabet, config).decode(text).ok()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    text.as_bytes().chunks(2).map(|pair| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?)).collect()
}
