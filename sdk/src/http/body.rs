//! Answers whose body is read piece by piece.

use crate::Error;
use std::fmt;

/// A response whose body is still to be read.
#[derive(Debug)]
pub struct Streamed {
    /// 200 to 599, never 401, 429 or 5xx.
    pub status: u16,
    /// Names and values.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The rest of the exchange; dropping it ends it.
    pub body: Body,
}

/// Where a [`Body`] comes from.
pub trait Source {
    /// The next at most `max` bytes; empty at the end.
    ///
    /// # Errors
    /// `transient` when the connection breaks, `limit` at the step's budget.
    fn read(&mut self, max: u32) -> Result<Vec<u8>, Error>;
}

/// A body that is read piece by piece.
pub struct Body(Box<dyn Source>);

impl Body {
    /// A body that comes from `source`.
    pub fn new(source: impl Source + 'static) -> Self {
        Self(Box::new(source))
    }

    /// A body that is there already.
    #[must_use]
    pub fn whole(bytes: Vec<u8>) -> Self {
        Self::new(Whole(bytes.into()))
    }

    /// The next at most `max` bytes (1 to 1 MiB); empty at the end.
    ///
    /// # Errors
    /// `transient` when the connection breaks, `limit` at the step's budget.
    pub fn read(&mut self, max: u32) -> Result<Vec<u8>, Error> {
        self.0.read(max)
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Body")
    }
}

struct Whole(std::collections::VecDeque<u8>);

impl Source for Whole {
    fn read(&mut self, max: u32) -> Result<Vec<u8>, Error> {
        let count = self.0.len().min(max as usize);
        Ok(self.0.drain(..count).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_body_is_read_in_pieces() {
        let mut body = Body::whole(b"abcde".to_vec());
        let pieces: Vec<_> = (0..4).map(|_| body.read(2).unwrap()).collect();
        assert_eq!(pieces, [&b"ab"[..], b"cd", b"e", b""]);
    }
}
