//! What goes into the vault comes out again, and nothing else does.

use super::*;
use proptest::prelude::*;
use std::{fs, os::unix::fs::PermissionsExt};

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

fn vault(key: &str) -> Vault {
    Vault::open(Some(&Secret::new(key)), Path::new("/nowhere/key")).expect("a key")
}

fn channel(last: u8) -> ChannelId {
    ChannelId::from_bytes([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, last])
}

fn token(channel: ChannelId) -> Place<'static> {
    Place { channel, field: "token" }
}

fn opened(vault: &Vault, sealed: &Sealed, place: Place<'_>) -> Result<String, String> {
    vault.unseal(sealed, place).map(|secret| secret.expose().to_owned()).map_err(|error| error.to_string())
}

/// The test of draft-irtf-cfrg-xchacha-03, A.3.1: the cipher is the one that it should be.
#[test]
fn the_cipher_gives_the_known_answer() {
    let key: [u8; 32] = std::array::from_fn(|at| 0x80 + u8::try_from(at).expect("small"));
    let nonce: [u8; NONCE] = std::array::from_fn(|at| 0x40 + u8::try_from(at).expect("small"));
    let aad = [0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7];
    let msg: &[u8] = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.";
    let cipher = XChaCha20Poly1305::new(&key.into());
    let sealed = cipher.encrypt(&XNonce::from(nonce), Payload { msg, aad: &aad }).expect("a short text");
    assert_eq!(sealed[..8], [0xbd, 0x6d, 0x17, 0x9d, 0x3e, 0x83, 0xd4, 0x3b]);
    let tag =
        [0xc0, 0x87, 0x59, 0x24, 0xc1, 0xc7, 0x98, 0x79, 0x47, 0xde, 0xaf, 0xd8, 0x78, 0x0a, 0xcf, 0x49];
    assert_eq!(sealed[sealed.len() - 16..], tag);
}

/// A text that this form gave once has to open for ever: it lies in people's stores.
#[test]
fn a_text_sealed_long_ago_still_opens() {
    let sealed = vault(KEY).seal_under([7; NONCE], &Secret::new("fake-token"), token(channel(16)));
    let old = "AUvc0zoHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBweA3jC9cx2r/xn0c/mO0XMK1IyoR/+Pr/7h5A==";
    assert_eq!(sealed.0, old);
    assert_eq!(opened(&vault(KEY), &Sealed(old.into()), token(channel(16))).as_deref(), Ok("fake-token"));
}

#[test]
fn a_secret_comes_back_only_in_its_place() {
    let vault = vault(KEY);
    let sealed = vault.seal(&Secret::new("hunter2 ü"), token(channel(1))).expect("randomness");
    assert!(!sealed.0.contains("hunter2"));
    assert_eq!(opened(&vault, &sealed, token(channel(1))).as_deref(), Ok("hunter2 ü"));
    let damaged = Err("the sealed value of 'token' is damaged: give the secret again".to_owned());
    assert_eq!(opened(&vault, &sealed, token(channel(2))), damaged);
    let elsewhere = Place { channel: channel(1), field: "token2" };
    assert!(opened(&vault, &sealed, elsewhere).is_err());
}

#[test]
fn every_changed_byte_is_noticed() {
    let vault = vault(KEY);
    let sealed = vault.seal(&Secret::new("hunter2"), token(channel(1))).expect("randomness");
    let bytes = STANDARD.decode(&sealed.0).expect("base64");
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        assert!(opened(&vault, &Sealed(STANDARD.encode(&changed)), token(channel(1))).is_err(), "byte {at}");
        assert!(
            opened(&vault, &Sealed(STANDARD.encode(&bytes[..at])), token(channel(1))).is_err(),
            "cut at {at}"
        );
    }
    for text in ["", "no base64!", "AAAA"] {
        assert!(opened(&vault, &Sealed(text.into()), token(channel(1))).is_err(), "{text}");
    }
}

#[test]
fn no_two_sealed_texts_are_the_same() {
    let vault = vault(KEY);
    let seal = || vault.seal(&Secret::new("same"), token(channel(1))).expect("randomness");
    assert_ne!(seal(), seal());
}

#[test]
fn another_key_says_so() {
    let sealed = vault(KEY).seal(&Secret::new("x"), token(channel(1))).expect("randomness");
    let other = vault(&KEY.replace("00", "ff"));
    assert!(vault(KEY).fits(&sealed));
    assert!(!other.fits(&sealed));
    let words = opened(&other, &sealed, token(channel(1))).expect_err("another key");
    assert!(words.starts_with("the key does not fit the secrets of this data folder"), "{words}");
}

#[test]
fn keys_are_read_in_every_spelling() {
    let base64 = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let expected = Key::parse(KEY).expect("hex");
    for text in [base64, base64.trim_end_matches('='), &KEY.to_uppercase(), &format!(" {base64}\n")] {
        let key = Key::parse(text).unwrap_or_else(|| panic!("{text}"));
        assert_eq!(key.bytes(), expected.bytes(), "{text}");
    }
    let url_safe = "-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_8";
    assert!(Key::parse(url_safe).is_some());
    for text in ["", "short", &KEY[2..], &format!("{KEY}00"), &"zz".repeat(32), "AAECAwQFBgcICQoLDA0ODw=="] {
        assert!(Key::parse(text).is_none(), "{text}");
    }
    let refused =
        Vault::open(Some(&Secret::new("hunter2")), Path::new("key")).err().expect("no key").to_string();
    assert_eq!(refused, "TIDEGATE_KEY does not hold a key: a key is 32 bytes in base64 or hex");
}

#[test]
fn the_key_file_is_made_once_and_for_its_owner_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("key");
    let vault = Vault::open(None, &file).expect("a new key");
    assert_eq!(fs::metadata(&file).expect("the file").permissions().mode() & 0o777, 0o600);
    let sealed = vault.seal(&Secret::new("x"), token(channel(1))).expect("randomness");
    let again = Vault::open(None, &file).expect("the same key");
    assert_eq!(opened(&again, &sealed, token(channel(1))).as_deref(), Ok("x"));
}

#[test]
fn a_key_file_that_is_not_safe_or_sound_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("key");
    let words = |file: &Path| Vault::open(None, file).err().expect("refused").to_string();
    fs::write(&file, KEY).expect("a file");
    for mode in [0o644, 0o640, 0o602, 0o601] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("a mode");
        let words = words(&file);
        assert!(
            words.ends_with(&format!("can be used by others (mode {mode:04o}): run `chmod 600` on it")),
            "{words}"
        );
    }
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("a mode");
    for text in ["", "not a key", &"a".repeat(10_000)] {
        fs::write(&file, text).expect("a file");
        assert!(words(&file).ends_with("does not hold a key: a key is 32 bytes in base64 or hex"));
    }
    fs::write(&file, [0xff; 32]).expect("a file");
    assert!(words(&file).ends_with("a key is 32 bytes in base64 or hex"));
    assert!(words(&folder.path().join("missing/key")).ends_with("cannot be read or made"));
}

proptest! {
    #[test]
    fn every_text_comes_back(text in "\\PC{0,200}", field in "[a-z][a-z0-9-]{0,20}", last in any::<u8>()) {
        let place = Place { channel: channel(last), field: &field };
        let sealed = vault(KEY).seal(&Secret::new(text.as_str()), place).expect("randomness");
        prop_assert_eq!(opened(&vault(KEY), &sealed, place), Ok(text));
    }
}
