//! The plugins folder: what lies in it, and one file of it as bytes.
//!
//! It judges no plugin. It follows no link and opens nothing but regular
//! files: a name in this folder comes from whoever can write it.

use super::Refusal;
use crate::{
    clock::Clock,
    model::{Size, Timestamp},
};
use bytes::Bytes;
use rustix::{fs::OFlags, io::Errno};
use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs::{self, File, FileType, Metadata, OpenOptions},
    io::{self, Read},
    os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt},
    path::Path,
    time::Duration,
};

/// Tells one state of a file from another without reading it. The change time
/// is in it because programs can set the modification time back, but not this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) size: u64,
    modified_ns: i128,
    changed_ns: i128,
    inode: (u64, u64),
}

/// One name of the folder that an operator takes for a plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sighting {
    pub(super) stamp: Stamp,
    /// Why the file is not even read.
    pub(super) refusal: Option<Refusal>,
    /// Nobody has touched it for `settle`, by its change time.
    pub(super) rested: bool,
}

/// A file read whole, and the state in which it was read.
pub(super) struct Content {
    pub(super) bytes: Bytes,
    pub(super) stamp: Stamp,
}

/// What a look at the folder needs to know.
#[derive(Clone, Copy)]
pub(super) struct Look<'a> {
    pub(super) folder: &'a Path,
    pub(super) settle: Duration,
    pub(super) largest: Size,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        let nanos = |secs: i64, nanos: i64| i128::from(secs) * 1_000_000_000 + i128::from(nanos);
        Self {
            size: metadata.size(),
            modified_ns: nanos(metadata.mtime(), metadata.mtime_nsec()),
            changed_ns: nanos(metadata.ctime(), metadata.ctime_nsec()),
            inode: (metadata.dev(), metadata.ino()),
        }
    }

    /// The modification time.
    pub(super) fn modified(&self) -> Timestamp {
        Timestamp::from_millis(millis(self.modified_ns))
    }

    /// File times are the machine's, so the machine's clock is the one to compare
    /// them with, also where the rest of the host runs on a clock set by a test.
    fn rested(&self, settle: Duration) -> bool {
        let changed = Timestamp::from_millis(millis(self.changed_ns));
        u128::from(Clock::system().now().millis_since(changed)) > settle.as_millis()
    }
}

/// Looks at every name, opening none. Blocks on the file system. A folder that
/// is not there is an empty one: then every plugin of it is gone.
///
/// # Errors
/// The folder cannot be listed.
pub(super) fn scan(look: Look<'_>) -> io::Result<BTreeMap<String, Sighting>> {
    let mut found = BTreeMap::new();
    let entries = match fs::read_dir(look.folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        if !looks_like_a_plugin(&name) {
            continue;
        }
        // Of the name itself, not of what a link points to. Gone since it was listed: not there.
        if let Ok(metadata) = fs::symlink_metadata(entry.path()) {
            let stamp = Stamp::of(&metadata);
            let refusal = name_refusal(&name).or_else(|| kind_refusal(&metadata, look.largest));
            let rested = stamp.rested(look.settle);
            found.insert(shown(&name), Sighting { stamp, refusal, rested });
        }
    }
    Ok(found)
}

/// Reads a file whole, once, without following a link and without waiting for
/// a writer at the other end of a pipe. Blocks on the file system.
///
/// # Errors
/// Words for an operator.
pub(super) fn read(path: &Path, largest: Size) -> Result<Content, Refusal> {
    if let Some(refusal) = name_refusal(path.file_name().unwrap_or_default()) {
        return Err(refusal);
    }
    // Before it is opened, because opening a device or a pipe can have effects; and of
    // the open file again, because the name may have been given to another one since.
    refuse_kind(&fs::symlink_metadata(path).map_err(unreadable)?, largest)?;
    let mut file = open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    refuse_kind(&metadata, largest)?;
    let bytes = read_capped(&mut file, largest).map_err(unreadable)?;
    let after = file.metadata().map_err(unreadable)?;
    let stamp = Stamp::of(&metadata);
    if Stamp::of(&after) != stamp || bytes.len() as u64 != stamp.size {
        return Err(Refusal::new(
            "file.changing",
            "the file changed while it was read; it is looked at again",
        ));
    }
    if bytes.is_empty() {
        return Err(Refusal::new("file.empty", "the file is empty"));
    }
    Ok(Content { bytes: bytes.into(), stamp })
}

/// Whether an operator would take the name for a plugin: hidden and half-written
/// files (`.x.wasm.part`, `x.wasm~`) and everything else are nobody's business.
fn looks_like_a_plugin(name: &OsStr) -> bool {
    let name = name.to_string_lossy().to_lowercase();
    !name.starts_with('.') && [".wasm", ".cwasm", ".wat"].iter().any(|ending| name.ends_with(ending))
}

fn name_refusal(name: &OsStr) -> Option<Refusal> {
    let Some(name) = name.to_str().filter(|name| !name.chars().any(char::is_control)) else {
        return Some(Refusal::new("file.name", "the file name holds bytes that cannot be shown: rename it"));
    };
    let reason = if name.ends_with(".wasm") {
        return None;
    } else if name.to_lowercase().ends_with(".cwasm") {
        "a .cwasm file is native code, which the host never takes from outside: put the .wasm file here instead"
    } else if name.to_lowercase().ends_with(".wat") {
        "a .wat file is the text form of WebAssembly: put the component that it is turned into here, as a .wasm file"
    } else {
        "the name of a plugin ends in .wasm, in small letters: rename it"
    };
    Some(Refusal::new("file.name", reason))
}

fn kind_refusal(metadata: &Metadata, largest: Size) -> Option<Refusal> {
    let kind = metadata.file_type();
    if !kind.is_file() {
        let what = kind_name(kind);
        return Some(Refusal::new("file.kind", format!("it is {what}: put the .wasm file itself here")));
    }
    (metadata.size() > largest.0).then(|| {
        let words =
            format!("the file has {} bytes, more than the {largest} that are allowed", metadata.size());
        Refusal::new("file.too-big", words)
    })
}

fn refuse_kind(metadata: &Metadata, largest: Size) -> Result<(), Refusal> {
    kind_refusal(metadata, largest).map_or(Ok(()), Err)
}

fn kind_name(kind: FileType) -> &'static str {
    if kind.is_symlink() {
        "a symbolic link, which is never followed"
    } else if kind.is_dir() {
        "a folder"
    } else if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

/// The name as people see it; a name that cannot be shown stands for itself with marks in it.
fn shown(name: &OsStr) -> String {
    let name = name.to_string_lossy();
    if name.chars().any(char::is_control) { name.escape_debug().to_string() } else { name.into_owned() }
}

fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)
}

fn read_capped(file: &mut File, largest: Size) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // One byte more than allowed: a file that grew past the cap is told by its length.
    file.take(largest.0.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn unreadable(error: io::Error) -> Refusal {
    if Errno::from_io_error(&error) == Some(Errno::LOOP) {
        return Refusal::new(
            "file.kind",
            "it is a symbolic link, which is never followed: put the .wasm file itself here",
        );
    }
    Refusal::new("file.unreadable", format!("the file cannot be read: {error}"))
}

fn millis(nanos: i128) -> i64 {
    i64::try_from(nanos.div_euclid(1_000_000)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::{ffi::OsStrExt, fs::symlink, net::UnixListener};

    const LARGEST: Size = Size(16);

    fn found(folder: &Path) -> BTreeMap<String, Option<String>> {
        let look = Look { folder, settle: Duration::from_secs(3_600), largest: LARGEST };
        let sightings = scan(look).expect("a folder that can be listed");
        sightings
            .into_iter()
            .map(|(name, sighting)| (name, sighting.refusal.map(|refusal| refusal.reason)))
            .collect()
    }

    fn make_pipe(path: &Path) {
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, mode, 0).expect("a pipe");
    }

    #[test]
    fn only_names_of_plugins_are_listed() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in
            ["a.wasm", ".hidden.wasm", "b.wasm.part", "c.wasm~", "README.md", "d.WASM", "e.cwasm", "f.wat"]
        {
            fs::write(folder.path().join(name), "x").expect(name);
        }
        let found = found(folder.path());
        let names: Vec<_> = found.keys().map(String::as_str).collect();
        assert_eq!(names, ["a.wasm", "d.WASM", "e.cwasm", "f.wat"]);
        assert_eq!(found["a.wasm"], None);
        for (name, word) in [("d.WASM", "small letters"), ("e.cwasm", "native code"), ("f.wat", "text form")]
        {
            assert!(found[name].as_deref().is_some_and(|reason| reason.contains(word)), "{name}: {found:?}");
        }
    }

    #[test]
    fn everything_but_a_plain_file_is_refused_in_words() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        fs::write(path("plain"), "x").expect("a file");
        symlink(path("plain"), path("link.wasm")).expect("a link");
        symlink("/nowhere", path("dangling.wasm")).expect("a link");
        fs::create_dir(path("folder.wasm")).expect("a folder");
        make_pipe(&path("pipe.wasm"));
        let _listener = UnixListener::bind(path("socket.wasm")).expect("a socket");
        fs::write(path("big.wasm"), "x".repeat(17)).expect("a file");
        let found = found(folder.path());
        for (name, word) in [
            ("link.wasm", "a symbolic link"),
            ("dangling.wasm", "a symbolic link"),
            ("folder.wasm", "a folder"),
            ("pipe.wasm", "a pipe"),
            ("socket.wasm", "a socket"),
            ("big.wasm", "17 bytes, more than the 16B"),
        ] {
            let reason = found[name].clone().unwrap_or_default();
            assert!(reason.contains(word), "{name}: {reason}");
            let read = read(&path(name), LARGEST).map(|_| ()).expect_err(name);
            assert_eq!(read.reason, reason, "{name}: reading says the same");
        }
    }

    #[test]
    fn a_name_that_cannot_be_shown_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join(OsStr::from_bytes(b"\x1b[2J\xff.wasm")), "x").expect("a file");
        let found = found(folder.path());
        let (name, reason) = found.first_key_value().expect("one file");
        assert!(!name.chars().any(char::is_control), "{name:?}");
        assert!(reason.is_some());
    }

    #[test]
    fn a_file_is_read_whole_with_its_stamp() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.wasm");
        fs::write(&path, "0123456789abcdef").expect("a file");
        let content = read(&path, LARGEST).map_err(|refusal| refusal.reason).expect("16 bytes");
        assert_eq!(content.bytes, "0123456789abcdef");
        let look = Look { folder: folder.path(), settle: Duration::ZERO, largest: LARGEST };
        assert_eq!(scan(look).expect("a folder")["a.wasm"].stamp, content.stamp);
        fs::write(&path, "").expect("a file");
        assert_eq!(read(&path, LARGEST).map(|_| ()).expect_err("empty").code, "file.empty");
        fs::remove_file(&path).expect("a file");
        assert_eq!(read(&path, LARGEST).map(|_| ()).expect_err("gone").code, "file.unreadable");
    }

    #[test]
    fn a_missing_folder_is_an_empty_one() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(found(&folder.path().join("gone")).is_empty());
    }

    #[test]
    fn a_new_file_has_not_rested_yet() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.wasm");
        fs::write(&path, "x").expect("a file");
        // Setting the modification time back does not make it look older.
        let long_ago = std::time::UNIX_EPOCH + Duration::from_secs(1);
        File::options().write(true).open(&path).and_then(|file| file.set_modified(long_ago)).expect("a time");
        let rested = |settle| {
            scan(Look { folder: folder.path(), settle, largest: LARGEST }).expect("a folder")["a.wasm"].rested
        };
        assert!(!rested(Duration::from_secs(3_600)));
    }
}
