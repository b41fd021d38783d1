//! Frames on a stream: four bytes of length, then as many bytes.

use bytes::Bytes;
use std::io::{self, Read, Write};

/// Longer than any payload that the host takes; what claims more is no frame.
const LONGEST: usize = 256 << 20;

/// # Errors
/// The stream fails, or the frame is too long.
pub(super) fn write(stream: &mut impl Write, parts: &[&[u8]]) -> io::Result<()> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let head = u32::try_from(length).ok().filter(|_| length <= LONGEST);
    let head = head.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    // In one piece, so that the other side wakes up once.
    let mut whole = Vec::with_capacity(4 + length);
    whole.extend_from_slice(&head.to_le_bytes());
    parts.iter().for_each(|part| whole.extend_from_slice(part));
    stream.write_all(&whole)?;
    stream.flush()
}

/// # Errors
/// The stream fails or ends, or what comes is no frame.
pub(super) fn read(stream: &mut impl Read) -> io::Result<Bytes> {
    let mut head = [0; 4];
    stream.read_exact(&mut head)?;
    let length = usize::try_from(u32::from_le_bytes(head)).unwrap_or(usize::MAX);
    if length > LONGEST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut frame = vec![0; length];
    stream.read_exact(&mut frame)?;
    Ok(frame.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_as_they_were_written() {
        let mut stream = Vec::new();
        write(&mut stream, &[b"a", b"", b"bc"]).unwrap();
        write(&mut stream, &[]).unwrap();
        let mut rest = &stream[..];
        assert_eq!(read(&mut rest).unwrap(), &b"abc"[..]);
        assert_eq!(read(&mut rest).unwrap(), &b""[..]);
        assert_eq!(read(&mut rest).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(read(&mut &[0xff; 9][..]).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
