//! How a long value is kept as several short ones.
//!
//! Pure: it cuts and counts, and leaves reading and writing to the engine. The
//! reason for it stands with the engine that needs it.

use super::{Error, Result};
use bytes::Bytes;

/// The longest value that is kept in one piece, and the length of a part, in bytes.
pub(super) const PART: usize = 4 << 10;

/// The last byte of a stored value says what the others are.
const WHOLE: u8 = 0;
const CUT: u8 = 1;

/// A value as it is stored: in one piece, or its length and the parts of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cut {
    /// What stands under the key itself.
    pub(super) head: Vec<u8>,
    /// What stands under the keys of the parts.
    pub(super) parts: Vec<Vec<u8>>,
}

/// What stands under a key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// The value.
    Whole(Bytes),
    /// The length of the value; it is to be found in its parts.
    Cut(usize),
}

impl Cut {
    /// Cuts a value if it is long.
    pub(super) fn new(mut value: Vec<u8>) -> Self {
        if value.len() <= PART {
            value.reserve_exact(1);
            value.push(WHOLE);
            return Self { head: value, parts: Vec::new() };
        }
        let mut head = (value.len() as u64).to_be_bytes().to_vec();
        head.push(CUT);
        Self { head, parts: value.chunks(PART).map(<[u8]>::to_vec).collect() }
    }
}

impl Head {
    /// Reads what stands under a key.
    ///
    /// # Errors
    /// Where it was not written by [`Cut::new`].
    pub(super) fn new(mut stored: Bytes) -> Result<Self> {
        let corrupt = || Error::Corrupt("a value of the database".into());
        let kind = *stored.last().ok_or_else(corrupt)?;
        stored.truncate(stored.len() - 1);
        match (kind, <[u8; 8]>::try_from(&stored[..])) {
            (WHOLE, _) => Ok(Self::Whole(stored)),
            (CUT, Ok(length)) => {
                usize::try_from(u64::from_be_bytes(length)).map(Self::Cut).map_err(|_| corrupt())
            }
            _ => Err(corrupt()),
        }
    }

    /// How many parts there are.
    pub(super) fn parts(&self) -> usize {
        match self {
            Self::Whole(_) => 0,
            Self::Cut(length) => length.div_ceil(PART),
        }
    }
}

/// The key of a part. All have the same length after the row's key, so that no
/// two rows share one.
pub(super) fn key(row: &[u8], index: usize) -> Vec<u8> {
    let index = u32::try_from(index).expect("a value is far shorter than 16 TiB");
    let mut key = Vec::with_capacity(row.len() + 4);
    key.extend_from_slice(row);
    key.extend_from_slice(&index.to_be_bytes());
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_long_values_are_cut() {
        let check = |length: usize, parts: usize| {
            let value = vec![7; length];
            let cut = Cut::new(value.clone());
            let head = Head::new(cut.head.into()).expect("just written");
            assert_eq!((cut.parts.len(), head.parts()), (parts, parts), "{length}");
            match head {
                Head::Whole(whole) => assert_eq!(whole, value),
                Head::Cut(total) => assert_eq!(total, length),
            }
            assert!(parts == 0 || cut.parts.concat() == value, "{length}");
        };
        check(0, 0);
        check(1, 0);
        check(PART, 0);
        check(PART + 1, 2);
        check(3 * PART, 3);
        check(1 << 20, 256);
    }

    #[test]
    fn foreign_value_is_refused() {
        for stored in [&b""[..], b"\x02", b"abc\x01"] {
            assert!(Head::new(Bytes::copy_from_slice(stored)).is_err(), "{stored:?}");
        }
    }

    proptest! {
        #[test]
        fn no_two_parts_share_a_key(
            a in prop::collection::vec(0..2_u8, 0..7), i in 0..3_usize,
            b in prop::collection::vec(0..2_u8, 0..7), j in 0..3_usize,
        ) {
            prop_assert_eq!(key(&a, i) == key(&b, j), (a, i) == (b, j));
        }
    }
}
