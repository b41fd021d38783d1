//! Content codings: which one a body has, and its decoder.
//!
//! It bounds what comes over the wire; what comes out is bounded by `body`.

use super::{
    classify::Remote,
    client::{Error, Wire},
};
use crate::model::{Class, Failure, Size};
use async_compression::{
    tokio::bufread::{BrotliDecoder, GzipDecoder, ZstdDecoder},
    zstd::DParameter,
};
use futures_util::{StreamExt, stream};
use http::{HeaderMap, header};
use std::io;
use tokio::io::AsyncRead;
use tokio_util::io::StreamReader;

/// The codings that the host asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Gzip,
    Brotli,
    Zstd,
}

/// Bytes as they were before they were compressed.
pub(super) type Decoder = Box<dyn AsyncRead + Send + Unpin>;

/// The largest window of a zstd frame, as a power of two: the 8 MiB that RFC 9659
/// allows for HTTP. A larger one makes the host allocate what a stranger says.
const ZSTD_WINDOW: u32 = 23;

impl Coding {
    /// The coding of a body with these headers; none where it is as it is.
    pub(super) fn of(headers: &HeaderMap, remote: &Remote) -> Result<Option<Self>, Failure> {
        let listed = headers.get_all(header::CONTENT_ENCODING).iter();
        let listed = listed.map(|value| String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase());
        let listed = listed.collect::<Vec<_>>().join(",");
        let mut codings =
            listed.split(',').map(str::trim).filter(|coding| !matches!(*coding, "" | "identity"));
        match (codings.next(), codings.next()) {
            (None, _) => Ok(None),
            (Some("gzip" | "x-gzip"), None) => Ok(Some(Self::Gzip)),
            (Some("br"), None) => Ok(Some(Self::Brotli)),
            (Some("zstd"), None) => Ok(Some(Self::Zstd)),
            _ => Err(unknown(&listed, remote)),
        }
    }

    /// What the wire carries, decompressed. Fails where the wire carries more than
    /// `most` bytes.
    pub(super) fn decoder(self, wire: Wire, most: u64) -> Decoder {
        let reader = StreamReader::new(bounded(wire, most).map(|piece| piece.map_err(io::Error::other)));
        match self {
            Self::Gzip => {
                let mut decoder = GzipDecoder::new(reader);
                decoder.multiple_members(true);
                Box::new(decoder)
            }
            Self::Brotli => Box::new(BrotliDecoder::new(reader)),
            Self::Zstd => {
                let mut decoder =
                    ZstdDecoder::with_params(reader, &[DParameter::window_log_max(ZSTD_WINDOW)]);
                decoder.multiple_members(true);
                Box::new(decoder)
            }
        }
    }
}

/// The failure for a body that is too large before it is decompressed.
pub(super) fn too_large(most: u64) -> Failure {
    let message =
        format!("the answer is larger than {} while it is compressed (broker.compressed-bytes)", Size(most));
    Failure::new(Class::Limit, "limit.compressed-bytes", message)
}

/// The wire, up to so many bytes.
fn bounded(mut wire: Wire, most: u64) -> Wire {
    let mut left = Some(most);
    let bounded = stream::poll_fn(move |context| {
        wire.poll_next_unpin(context).map(|piece| {
            let length = piece.as_ref()?.as_ref().map_or(0, |piece| piece.len() as u64);
            left = left.and_then(|left| left.checked_sub(length));
            if left.is_none() { Some(Err(Error::Limit(too_large(most)))) } else { piece }
        })
    });
    bounded.boxed()
}

fn unknown(listed: &str, remote: &Remote) -> Failure {
    let listed: String = remote.marks.redact(listed).chars().filter(|c| !c.is_control()).take(64).collect();
    let message = format!("{} answers in the encoding '{listed}', which it was not asked for", remote.host);
    Failure::new(Class::Unsupported, "http.encoding", message)
}
