//! The body of an answer, read within its bounds.
//!
//! It decompresses and counts, before and after, while the bytes come in; it
//! never looks into them. What was not compressed is handed over without a
//! copy.

use super::{
    Meter,
    cassette::Tee,
    classify::{self, Failed, Remote, Sign},
    client::{self, Wire},
    coding::{self, Coding, Decoder},
    headers::Description,
    peer::Pass,
    snippet::Rest,
};
use crate::model::{Class, Failure, Size};
use bytes::{BufMut, Bytes, BytesMut};
use futures_util::{StreamExt, stream};
use http::HeaderMap;
use std::{fmt, io, mem};
use tokio::io::AsyncReadExt;

/// How much is decompressed at a time, in bytes: few wake-ups, little memory.
const PIECE: usize = 64 << 10;

/// The rest of an answer. Dropping it ends the exchange.
pub struct Body {
    source: Source,
    /// Read and not yet handed over.
    ready: Bytes,
    received: u64,
    bounds: Bounds,
    length: Option<u64>,
    meter: Meter,
    remote: Remote,
    /// Takes down what is read.
    tee: Option<Tee>,
    /// Hears whether it came whole.
    pass: Option<Pass>,
}

/// The most that a body may have, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) whole: u64,
    pub(super) compressed: u64,
}

/// What a body is made of.
pub(super) struct Arrival<'a> {
    pub(super) headers: &'a HeaderMap,
    pub(super) length: Option<u64>,
    /// None for an answer that never has a body.
    pub(super) wire: Option<Wire>,
    pub(super) bounds: Bounds,
    pub(super) meter: Meter,
    pub(super) remote: Remote,
}

enum Source {
    Plain(Wire),
    /// Compressed, and not a byte of it read.
    Untouched(Wire, Coding),
    Compressed(Decoder),
    Ended,
    Failed(Failure),
}

/// Why a body cannot be read to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error(transparent)]
    Wire(#[from] client::Error),
    #[error("corrupt compression: {0}")]
    Corrupt(String),
    #[error(transparent)]
    Limit(#[from] Failure),
}

// === impl Body ===

impl Body {
    /// Fails with `unsupported` where the compression is one that was not asked for.
    pub(super) fn new(arrival: Arrival<'_>) -> Result<Self, Failure> {
        let Arrival { headers, length, wire, bounds, meter, remote } = arrival;
        let source = match wire {
            None => Source::Ended,
            Some(wire) => match Coding::of(headers, &remote)? {
                Some(coding) => Source::Untouched(wire, coding),
                None => Source::Plain(wire),
            },
        };
        Ok(Self {
            source,
            ready: Bytes::new(),
            received: 0,
            bounds,
            length,
            meter,
            remote,
            tee: None,
            pass: None,
        })
    }

    /// What becomes of the headers that describe the body.
    pub(super) fn description(&self) -> Description {
        match self.source {
            Source::Untouched(..) | Source::Compressed(_) => Description::Outdated,
            Source::Plain(_) | Source::Ended | Source::Failed(_) => Description::True,
        }
    }

    /// The next at most `max` bytes (0 counts as 1); empty at the end.
    ///
    /// Cancel safe: no bytes are lost.
    ///
    /// # Errors
    /// `transient` where the connection breaks or falls silent, `limit` at the
    /// step's budget or when its run is cancelled. A broken body stays broken.
    pub async fn read(&mut self, max: usize) -> Result<Bytes, Failure> {
        let read = self.next_part(max).await;
        if let Some(tee) = &mut self.tee {
            tee.note(&read);
        }
        read
    }

    async fn next_part(&mut self, max: usize) -> Result<Bytes, Failure> {
        if self.ready.is_empty() {
            let meter = self.meter.clone();
            let piece = meter.guard(self.piece()).await?;
            self.ready = piece.map_err(|error| self.fail(error))?;
        }
        Ok(self.ready.split_to(max.max(1).min(self.ready.len())))
    }

    /// The same body, with what is read of it taken down.
    pub(super) fn taken_down(self, tee: Tee) -> Self {
        Self { tee: Some(tee), ..self }
    }

    /// The same body, which says of its origin whether it came whole. Of one that is
    /// dropped before its end nothing is said.
    pub(super) fn reporting(self, pass: Option<Pass>) -> Self {
        Self { pass, ..self }
    }

    /// What was read and not handed over; the same bytes again.
    pub(super) fn loaded(&self) -> Bytes {
        self.ready.clone()
    }

    /// Reads all of it, to be taken by [`Body::into_whole`].
    pub(super) async fn load(&mut self) -> Result<(), Error> {
        self.announced()?;
        let first = self.piece().await?;
        self.ready = match &self.source {
            Source::Compressed(_) => self.gather_compressed(first).await?,
            _ => self.gather(first).await?,
        };
        Ok(())
    }

    /// What was read and not handed over.
    pub(super) fn into_whole(self) -> Bytes {
        self.ready
    }

    /// The first `max` bytes or a little more, as far as they can be read.
    pub(super) async fn beginning(&mut self, max: usize) -> (Bytes, Rest) {
        let mut beginning = BytesMut::new();
        while beginning.len() < max {
            match self.piece().await {
                Ok(piece) if piece.is_empty() => return (beginning.freeze(), Rest::None),
                Ok(piece) => beginning.extend_from_slice(&piece),
                Err(_) => break,
            }
        }
        (beginning.freeze(), Rest::Unread)
    }

    /// What says itself that it is too large is not waited for.
    fn announced(&self) -> Result<(), Failure> {
        let beyond = |most| self.length.is_some_and(|length| length > most);
        match self.description() {
            Description::Outdated if beyond(self.bounds.compressed) => {
                Err(coding::too_large(self.bounds.compressed))
            }
            Description::True if beyond(self.bounds.whole) => Err(self.too_large()),
            Description::Outdated | Description::True => Ok(()),
        }
    }

    /// A body in one piece is handed over as it came; of more, each byte is
    /// copied once.
    async fn gather(&mut self, first: Bytes) -> Result<Bytes, Error> {
        let second = self.piece().await?;
        if second.is_empty() {
            return Ok(first);
        }
        let so_far = first.len() + second.len();
        let length = self.length.and_then(|length| usize::try_from(length).ok());
        let mut whole = BytesMut::with_capacity(length.unwrap_or(2 * so_far).max(so_far));
        whole.extend_from_slice(&first);
        whole.extend_from_slice(&second);
        loop {
            let piece = self.piece().await?;
            if piece.is_empty() {
                return Ok(whole.freeze());
            }
            whole.extend_from_slice(&piece);
        }
    }

    /// Decompresses right behind what is there.
    async fn gather_compressed(&mut self, first: Bytes) -> Result<Bytes, Error> {
        let mut whole = BytesMut::from(first);
        while let Source::Compressed(decoder) = &mut self.source {
            whole.reserve(PIECE);
            let read = decoder.read_buf(&mut (&mut whole).limit(PIECE)).await.map_err(undone)?;
            self.count(read)?;
        }
        Ok(whole.freeze())
    }

    /// The next piece; empty at the end. Cancel safe.
    async fn piece(&mut self) -> Result<Bytes, Error> {
        if let Source::Untouched(wire, _) = &mut self.source {
            let first = next(wire).await?;
            self.begin(first);
        }
        let piece = match &mut self.source {
            Source::Plain(wire) => next(wire).await?,
            Source::Compressed(decoder) => {
                let mut piece = BytesMut::with_capacity(PIECE);
                decoder.read_buf(&mut piece).await.map_err(undone)?;
                piece.freeze()
            }
            Source::Failed(failure) => return Err(failure.clone().into()),
            Source::Untouched(..) | Source::Ended => Bytes::new(),
        };
        self.count(piece.len())?;
        Ok(piece)
    }

    /// Some remotes call an empty body compressed; there is nothing to decompress
    /// in it.
    fn begin(&mut self, first: Bytes) {
        self.source = match mem::replace(&mut self.source, Source::Ended) {
            Source::Untouched(_, _) if first.is_empty() => Source::Ended,
            Source::Untouched(wire, coding) => {
                let wire = stream::iter([Ok(first)]).chain(wire).boxed();
                Source::Compressed(coding.decoder(wire, self.bounds.compressed))
            }
            other => other,
        };
    }

    fn count(&mut self, read: usize) -> Result<(), Failure> {
        if read == 0 {
            self.source = Source::Ended;
            if let Some(pass) = self.pass.take() {
                pass.settle(Sign::Alive, None);
            }
            return Ok(());
        }
        self.received += read as u64;
        self.meter.received(read)?;
        if self.received > self.bounds.whole {
            return Err(self.too_large());
        }
        Ok(())
    }

    fn too_large(&self) -> Failure {
        let (host, limit) = (&self.remote.host, Size(self.bounds.whole));
        let message = format!("the answer of {host} is larger than {limit} (broker.response-bytes)");
        Failure::new(Class::Limit, "limit.response-bytes", message)
    }

    fn fail(&mut self, error: Error) -> Failure {
        let Failed { failure, sign, .. } = classify::body(error, &self.remote);
        if let Some(pass) = self.pass.take() {
            pass.settle(sign, Some(&failure));
        }
        self.source = Source::Failed(failure.clone());
        failure
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").field("host", &self.remote.host).field("received", &self.received).finish()
    }
}

/// The next bytes that are some; empty at the end. Cancel safe.
async fn next(wire: &mut Wire) -> Result<Bytes, client::Error> {
    while let Some(piece) = wire.next().await.transpose()? {
        if !piece.is_empty() {
            return Ok(piece);
        }
    }
    Ok(Bytes::new())
}

/// The wire's own error, where the decoder only passed it on.
fn undone(error: io::Error) -> Error {
    let text = error.to_string();
    match error.into_inner().map(|inner| inner.downcast::<client::Error>()) {
        Some(Ok(error)) => Error::Wire(*error),
        _ => Error::Corrupt(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::{Allowance, Credential, classify::Sent, marks::Marks};
    use std::sync::Arc;
    use tokio_util::sync::CancellationToken;

    fn body(pieces: &[Bytes]) -> Body {
        let pieces: Vec<_> = pieces.iter().cloned().map(Ok).collect();
        let meter = Meter::new(Allowance { requests: 1, response_bytes: 1_000 }, CancellationToken::new());
        Body::new(Arrival {
            headers: &HeaderMap::new(),
            length: None,
            wire: Some(stream::iter(pieces).boxed()),
            bounds: Bounds { whole: 1_000, compressed: 1_000 },
            meter,
            remote: Remote {
                host: "api.example.com".into(),
                marks: Arc::new(Marks::new(&Credential::None)),
                credential: Sent::No,
            },
        })
        .expect("not compressed")
    }

    #[tokio::test]
    async fn body_in_one_piece_is_handed_over_without_a_copy() {
        let piece = Bytes::from(b"one piece".to_vec());
        let mut whole = body(&[Bytes::new(), piece.clone(), Bytes::new()]);
        whole.load().await.expect("small");
        assert_eq!(whole.into_whole().as_ptr(), piece.as_ptr());
    }

    #[tokio::test]
    async fn streamed_pieces_are_handed_over_without_a_copy() {
        let piece = Bytes::from(b"one piece".to_vec());
        let mut streamed = body(std::slice::from_ref(&piece));
        assert_eq!(streamed.read(3).await.expect("there").as_ptr(), piece.as_ptr());
        assert_eq!(streamed.read(100).await.expect("there").as_ptr(), piece[3..].as_ptr());
        assert!(streamed.read(100).await.expect("the end").is_empty());
    }

    #[tokio::test]
    async fn body_in_many_pieces_is_put_together() {
        let pieces: Vec<_> = (0..100_u8).map(|n| Bytes::from(vec![n; 7])).collect();
        let mut whole = body(&pieces);
        whole.load().await.expect("small");
        assert_eq!(whole.into_whole(), pieces.concat());
    }

    #[tokio::test]
    async fn beginning_says_whether_there_is_more() {
        let pieces = [Bytes::from_static(b"abc"), Bytes::from_static(b"def")];
        let (bytes, rest) = body(&pieces).beginning(100).await;
        assert!((&bytes[..], rest) == (b"abcdef", Rest::None));
        let (bytes, rest) = body(&pieces).beginning(2).await;
        assert!((&bytes[..], rest) == (b"abc", Rest::Unread));
    }
}
