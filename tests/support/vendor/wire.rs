//! A connection whose end and whose speed can be set from outside.
//!
//! Only here can a fault be as real as on a network: a reset is a TCP RST, and a slow
//! header leaves the socket a few bytes at a time.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::Sleep,
};

/// A slow connection writes so often.
const BEATS_PER_SECOND: u64 = 50;
/// What ends the header.
const HEADER_END: &[u8; 4] = b"\r\n\r\n";

/// What becomes of a connection; shared with whoever decides it.
#[derive(Debug, Default)]
pub(super) struct Fate {
    reset: AtomicBool,
    bytes_per_second: AtomicU64,
    header_only: AtomicBool,
}

impl Fate {
    /// When the connection is dropped, it is reset.
    pub(super) fn reset(&self) {
        self.reset.store(true, Relaxed);
    }

    /// From now on it writes that slowly; 0: as fast as can be.
    pub(super) fn pace(&self, bytes_per_second: u64) {
        self.header_only.store(false, Relaxed);
        self.bytes_per_second.store(bytes_per_second, Relaxed);
    }

    /// The same up to the end of the header.
    pub(super) fn pace_header(&self, bytes_per_second: u64) {
        self.pace(bytes_per_second);
        self.header_only.store(true, Relaxed);
    }

    fn beat(&self) -> Option<usize> {
        match self.bytes_per_second.load(Relaxed) {
            0 => None,
            pace => Some(usize::try_from((pace / BEATS_PER_SECOND).max(1)).unwrap_or(usize::MAX)),
        }
    }

    /// How long so many bytes take.
    fn due(&self, written: usize) -> Duration {
        let pace = self.bytes_per_second.load(Relaxed).max(1);
        Duration::from_micros(u64::try_from(written).unwrap_or(u64::MAX).saturating_mul(1_000_000) / pace)
    }
}

/// The connection.
pub(super) struct Wire {
    stream: TcpStream,
    fate: Arc<Fate>,
    sleep: Option<Pin<Box<Sleep>>>,
    /// How many bytes of `HEADER_END` have just gone by.
    ending: usize,
}

impl Wire {
    pub(super) fn new(stream: TcpStream, fate: Arc<Fate>) -> Self {
        Self { stream, fate, sleep: None, ending: 0 }
    }

    /// Notes what went out, and lets the speed go at the end of the header.
    fn passed(&mut self, bytes: &[u8]) {
        if !self.fate.header_only.load(Relaxed) {
            return;
        }
        for byte in bytes {
            self.ending = if *byte == HEADER_END[self.ending] {
                self.ending + 1
            } else {
                usize::from(*byte == HEADER_END[0])
            };
            if self.ending == HEADER_END.len() {
                self.ending = 0;
                self.fate.pace(0);
                return;
            }
        }
    }

    fn write_slowly(&mut self, cx: &mut Context<'_>, bytes: &[u8], beat: usize) -> Poll<io::Result<usize>> {
        if let Some(sleep) = &mut self.sleep {
            ready!(sleep.as_mut().poll(cx));
            self.sleep = None;
        }
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &bytes[..bytes.len().min(beat)]))?;
        self.sleep = Some(Box::pin(tokio::time::sleep(self.fate.due(written))));
        self.passed(&bytes[..written]);
        Poll::Ready(Ok(written))
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.fate.reset.load(Relaxed) {
            // A failure leaves an ordinary close, which the tests of this library notice.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.fate.beat() {
            None => Pin::new(&mut self.stream).poll_write(cx, bytes),
            Some(beat) => self.write_slowly(cx, bytes, beat),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.fate.beat() {
            None => Pin::new(&mut self.stream).poll_write_vectored(cx, slices),
            Some(beat) => {
                let first = slices.iter().find(|slice| !slice.is_empty()).map_or(&[][..], |slice| slice);
                self.write_slowly(cx, first, beat)
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // An orderly end would come first and hide the reset.
        if self.fate.reset.load(Relaxed) {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
