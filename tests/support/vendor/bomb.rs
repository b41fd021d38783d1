//! Bodies that are far larger than what it takes to make them.

use super::body::Step;
use anyhow::Result;
use bytes::{Bytes, BytesMut};
use flate2::{Compress, Compression, Crc, FlushCompress};

/// The size of the block that is repeated.
const BLOCK: u64 = 1 << 20;
/// Magic, method deflate, no flags, no time, no hints, unknown system (RFC 1952).
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
/// An empty last block with fixed codes (RFC 1951).
const LAST_BLOCK: [u8; 2] = [0x03, 0x00];

/// So many bytes of a JSON document, made as they are sent.
pub(super) fn huge(bytes: u64) -> Vec<Step> {
    let (open, close) = (Bytes::from_static(b"{\"padding\":\""), Bytes::from_static(b"\"}"));
    let padding = bytes.saturating_sub((open.len() + close.len()) as u64);
    let block = Bytes::from(vec![b'x'; 1 << 16]);
    let whole = padding / block.len() as u64;
    let rest = block.slice(..usize::try_from(padding % block.len() as u64).unwrap_or_default());
    vec![Step::Bytes(open), Step::Repeat(block, whole), Step::Bytes(rest), Step::Bytes(close)]
}

/// A gzip stream that unpacks to so many bytes (in whole mebibytes, at least one).
///
/// # Errors
/// When the block cannot be compressed.
pub(super) fn gzip(bytes: u64) -> Result<Vec<Step>> {
    let blocks = bytes.div_ceil(BLOCK).max(1);
    let plain = vec![b' '; usize::try_from(BLOCK)?];
    // A full flush forgets what came before, so that the same block compresses to the
    // same bytes wherever it stands.
    let mut packed = Vec::with_capacity(1 << 16);
    Compress::new(Compression::best(), false).compress_vec(&plain, &mut packed, FlushCompress::Full)?;
    let mut one = Crc::new();
    one.update(&plain);
    let mut trailer = BytesMut::from(&LAST_BLOCK[..]);
    trailer.extend_from_slice(&sum_of(&one, blocks).to_le_bytes());
    trailer.extend_from_slice(&u32::try_from(blocks * BLOCK % (1 << 32))?.to_le_bytes());
    Ok(vec![
        Step::Bytes(Bytes::from_static(&GZIP_HEADER)),
        Step::Repeat(packed.into(), blocks),
        Step::Bytes(trailer.freeze()),
    ])
}

/// The checksum of so many blocks, each with that one.
fn sum_of(one: &Crc, blocks: u64) -> u32 {
    let mut sum = Crc::new();
    for _ in 0..blocks {
        sum.combine(one);
    }
    sum.sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn bytes_of(steps: Vec<Step>) -> Vec<u8> {
        let expand = |step| match step {
            Step::Bytes(bytes) => bytes.to_vec(),
            Step::Repeat(bytes, times) => bytes.repeat(usize::try_from(times).expect("few")),
            other => panic!("no bytes: {other:?}"),
        };
        steps.into_iter().flat_map(expand).collect()
    }

    #[test]
    fn a_huge_body_is_json_of_exactly_that_length() {
        for length in [14, 15, 70_000, 200_000] {
            let body = bytes_of(huge(length));
            assert_eq!(body.len() as u64, length);
            serde_json::from_slice::<serde_json::Value>(&body).expect("JSON");
        }
    }

    #[test]
    fn a_bomb_is_small_and_unpacks_without_complaint() {
        let packed = bytes_of(gzip(5 << 20).expect("a bomb"));
        assert!(packed.len() < 20_000, "{}", packed.len());
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(packed.as_slice()).read_to_end(&mut plain).expect("a valid stream");
        assert_eq!(plain.len(), 5 << 20);
    }
}
