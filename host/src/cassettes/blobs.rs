//! Bytes under their digests. The same bytes are kept once.
//!
//! It knows no cassette: what is still needed is for `shelf` to say.

use super::form::Digest;
use bytes::Bytes;
use std::{
    collections::HashSet,
    fs, io,
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// A folder of blobs.
pub(super) struct Blobs {
    folder: PathBuf,
    /// What stands behind the digest in a file's name.
    ending: &'static str,
}

impl Blobs {
    pub(super) fn new(folder: PathBuf, ending: &'static str) -> Self {
        Self { folder, ending }
    }

    /// Keeps the bytes; how many are new on the disk.
    pub(super) fn put(&self, digest: &Digest, bytes: &[u8]) -> io::Result<u64> {
        let path = self.path(digest);
        if fs::metadata(&path).is_ok_and(|found| found.len() == bytes.len() as u64) {
            return Ok(0);
        }
        make_private(&self.folder)?;
        write(&path, bytes)?;
        Ok(bytes.len() as u64)
    }

    /// The bytes, if they are those of the digest.
    pub(super) fn get(&self, digest: &Digest) -> io::Result<Bytes> {
        let bytes = fs::read(self.path(digest))?;
        if Digest::of(&bytes) != *digest {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{} is damaged", digest.as_str()),
            ));
        }
        Ok(bytes.into())
    }

    pub(super) fn size(&self, digest: &Digest) -> u64 {
        fs::metadata(self.path(digest)).map_or(0, |found| found.len())
    }

    /// Removes whatever is not `needed`.
    pub(super) fn sweep(&self, needed: &HashSet<Digest>) -> io::Result<()> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let digest = name.to_str().and_then(|name| name.strip_suffix(self.ending));
            let digest = digest.and_then(|text| Digest::try_from(text.to_owned()).ok());
            if digest.is_none_or(|digest| !needed.contains(&digest)) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        self.folder.join(format!("{}{}", digest.as_str(), self.ending))
    }
}

/// Makes a folder, and those above it, for the host's user alone.
pub(super) fn make_private(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Writes a file in one stroke: whoever finds it finds it whole.
pub(super) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = path.with_extension(format!("{:016x}.tmp", fastrand::u64(..)));
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    let written = file.write_all(bytes).and_then(|()| fs::rename(&draft, path));
    if written.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_file(&draft);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_bytes_are_kept_once_and_damage_is_seen() {
        let home = tempfile::tempdir().expect("a folder");
        let blobs = Blobs::new(home.path().join("blobs"), ".x");
        let (one, two) = (Digest::of(b"one"), Digest::of(b"two"));
        assert_eq!(blobs.put(&one, b"one").expect("kept"), 3);
        assert_eq!(blobs.put(&one, b"one").expect("there"), 0);
        assert_eq!(blobs.put(&two, b"two").expect("kept"), 3);
        assert_eq!(blobs.get(&one).expect("there"), "one");

        fs::write(blobs.path(&one), b"0ne").expect("written");
        assert_eq!(blobs.get(&one).expect_err("damaged").kind(), io::ErrorKind::InvalidData);

        blobs.sweep(&HashSet::from([two.clone()])).expect("swept");
        assert!(blobs.get(&one).is_err() && blobs.get(&two).is_ok());
    }
}
