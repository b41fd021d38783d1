//! One file that makes a large batch whole, where it is applied in pieces.
//!
//! The batch is written down and on the disk before its first piece is applied, and the
//! file goes after the last one. Whoever finds the file applies the batch again. It
//! knows neither what the rows mean nor where they go.

use super::batch::Writes;
use super::{Error, Result};
use bytes::{Buf, Bytes};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// The first byte of the file says what its form is.
const VERSION: u8 = 1;

/// Stands for the length of a value where the row is removed.
const REMOVED: u32 = u32::MAX;

/// The bytes of a piece; a row that is longer is a piece of its own.
const PIECE: usize = 256 << 10;

/// The batch in pieces, in the order of its keys. `weights` are the bytes of the rows.
pub(super) fn pieces(writes: Writes, weights: Vec<usize>) -> impl Iterator<Item = Writes> {
    let mut rows = writes.into_iter().zip(weights).peekable();
    std::iter::from_fn(move || {
        let mut room = PIECE;
        let mut piece = Writes::new();
        while let Some(((key, value), weight)) =
            rows.next_if(|(_, weight)| piece.is_empty() || *weight <= room)
        {
            room = room.saturating_sub(weight);
            piece.insert(key, value);
        }
        (!piece.is_empty()).then_some(piece)
    })
}

/// The file of one store.
pub(super) struct Journal {
    folder: PathBuf,
    file: PathBuf,
}

impl Journal {
    /// The journal in this folder. Touches nothing.
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), file: folder.join("batch") }
    }

    /// Returns when the batch is on the disk.
    pub(super) fn write(&self, writes: &Writes) -> io::Result<()> {
        // Renamed when it is whole, so that half a file is never taken for a batch.
        let draft = self.file.with_extension("draft");
        let mut file = BufWriter::new(File::create(&draft)?);
        file.write_all(&[VERSION])?;
        for (key, value) in writes {
            file.write_all(&length(key)?.to_be_bytes())?;
            file.write_all(key)?;
            file.write_all(&value.as_deref().map_or(Ok(REMOVED), length)?.to_be_bytes())?;
            file.write_all(value.as_deref().unwrap_or_default())?;
        }
        file.into_inner()?.sync_data()?;
        fs::rename(draft, &self.file)?;
        self.sync_folder()
    }

    /// The batch that was not applied to its end, if there is one.
    pub(super) fn read(&self) -> Result<Option<Writes>> {
        match fs::read(&self.file) {
            Ok(bytes) => parse(bytes.into()).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The batch is applied, and durable without the journal.
    pub(super) fn remove(&self) -> io::Result<()> {
        fs::remove_file(&self.file)?;
        self.sync_folder()
    }

    fn sync_folder(&self) -> io::Result<()> {
        File::open(&self.folder)?.sync_all()
    }
}

fn length(bytes: &[u8]) -> io::Result<u32> {
    let length = u32::try_from(bytes.len()).ok().filter(|length| *length != REMOVED);
    length.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a row is longer than 4 GiB"))
}

fn parse(mut bytes: Bytes) -> Result<Writes> {
    match bytes.try_get_u8() {
        Ok(VERSION) => {}
        Ok(newer) if newer > VERSION => return Err(Error::NewerFormat),
        _ => return Err(corrupt()),
    }
    let mut writes = Writes::new();
    while bytes.has_remaining() {
        let length = bytes.try_get_u32().map_err(|_| corrupt())?;
        let key = take(&mut bytes, length)?;
        let value = match bytes.try_get_u32().map_err(|_| corrupt())? {
            REMOVED => None,
            length => Some(take(&mut bytes, length)?),
        };
        writes.insert(key, value);
    }
    Ok(writes)
}

fn take(bytes: &mut Bytes, length: u32) -> Result<Vec<u8>> {
    let length = length as usize;
    if length > bytes.len() {
        return Err(corrupt());
    }
    Ok(bytes.split_to(length).into())
}

fn corrupt() -> Error {
    Error::Corrupt("the journal of a batch".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A batch as version 1 wrote it. It stays for ever.
    const BATCH_1: &[u8] = b"\x01\0\0\0\x01a\0\0\0\x02va\0\0\0\x02bb\xff\xff\xff\xff\0\0\0\0\0\0\0\0";

    fn batch_1() -> Writes {
        let rows = [(&b"a"[..], Some(&b"va"[..])), (b"bb", None), (b"", Some(b""))];
        rows.map(|(key, value)| (key.to_vec(), value.map(<[u8]>::to_vec))).into()
    }

    #[test]
    fn batch_of_version_1_is_read() {
        assert_eq!(parse(Bytes::from_static(BATCH_1)).expect("a batch"), batch_1());
    }

    #[test]
    fn batch_is_there_until_it_is_removed() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let journal = Journal::new(folder.path());
        assert_eq!(journal.read().expect("nothing"), None);
        journal.write(&batch_1()).expect("written");
        assert_eq!(journal.read().expect("a batch"), Some(batch_1()));
        journal.remove().expect("removed");
        assert_eq!(journal.read().expect("nothing"), None);
    }

    #[test]
    fn pieces_are_small_and_leave_nothing_out() {
        let check = |weights: &[usize], pieces_of: &[usize]| {
            let writes: Writes = (0..weights.len()).map(|row| (vec![row as u8], None)).collect();
            let pieces: Vec<Writes> = pieces(writes.clone(), weights.to_vec()).collect();
            let lengths: Vec<_> = pieces.iter().map(Writes::len).collect();
            assert_eq!(lengths, pieces_of, "{weights:?}");
            assert_eq!(pieces.into_iter().flatten().collect::<Writes>(), writes, "{weights:?}");
        };
        check(&[], &[]);
        check(&[5], &[1]);
        check(&[PIECE / 2, PIECE / 2, 1], &[2, 1]);
        check(&[9 * PIECE, 1, PIECE - 1, 3 * PIECE], &[1, 2, 1]);
    }

    #[test]
    fn half_a_file_is_no_batch() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::write(folder.path().join("batch.draft"), b"\x01\0\0\0").expect("written");
        assert_eq!(Journal::new(folder.path()).read().expect("nothing"), None);
    }

    #[test]
    fn damage_is_refused() {
        let check = |bytes: &'static [u8], newer: bool| {
            let error = parse(Bytes::from_static(bytes)).expect_err("damaged");
            assert_eq!(matches!(error, Error::NewerFormat), newer, "{bytes:?}");
        };
        check(b"", false);
        check(b"\0", false);
        check(b"\x02", true);
        check(&BATCH_1[..BATCH_1.len() - 1], false);
        check(b"\x01\0\0\0\x05abc", false);
    }

    proptest! {
        #[test]
        fn any_batch_comes_back(writes: std::collections::BTreeMap<Vec<u8>, Option<Vec<u8>>>) {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let journal = Journal::new(folder.path());
            journal.write(&writes).expect("written");
            prop_assert_eq!(journal.read().expect("a batch"), Some(writes));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in any::<Vec<u8>>()) {
            let _ = parse(bytes.into());
        }
    }
}
