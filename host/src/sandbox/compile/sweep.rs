//! Keeping the cache folder from growing for ever.
//!
//! It removes what killed hosts left, and what has not been used for longest
//! where there is too much. wasmtime's own cleaning never runs here: it goes
//! with compiling, and the host does not compile. What cannot be removed does
//! no harm where it is, so nothing here fails.

use crate::clock::Clock;
use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Older staging folders were left by a host that was killed.
const STALE: Duration = Duration::from_secs(60 * 60);
/// More compiled code than a hundred large plugins have.
pub(super) const MAX_BYTES: u64 = 1 << 30;

/// Removes a folder with all that is in it, where it exists.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// Removes old folders of children whose host did not live to do it.
pub(super) fn staging(folder: &Path, clock: &Clock) {
    let now = Duration::from_millis(u64::try_from(clock.now().as_millis()).unwrap_or(0));
    for path in entries(folder) {
        let modified = modified(&path).and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        if modified.is_some_and(|modified| now.saturating_sub(modified) > STALE) {
            let _ = remove(&path);
        }
    }
}

/// Removes the compiled components that were not used for longest, until what
/// is left has at most `max` bytes, and the index entries of what is gone.
pub(super) fn modules(folder: &Path, max: u64) {
    let mut compiled: Vec<(SystemTime, u64, PathBuf)> = entries(&folder.join("modules"))
        .flat_map(|version| entries(&version))
        .filter(|path| path.extension().is_none())
        .filter_map(|path| Some((last_used(&path)?, fs::metadata(&path).ok()?.len(), path)))
        .collect();
    let mut size: u64 = compiled.iter().map(|(_, size, _)| size).sum();
    if size <= max {
        return;
    }
    compiled.sort_unstable();
    for (_, freed, path) in compiled {
        if size > max && fs::remove_file(&path).is_ok() {
            let _ = fs::remove_file(notes(&path));
            size -= freed;
        }
    }
    for entry in entries(&folder.join("index")) {
        let target = fs::read_to_string(&entry).map(|name| folder.join("modules").join(name));
        if !target.is_ok_and(|target| target.exists()) {
            let _ = fs::remove_file(entry);
        }
    }
}

/// wasmtime writes its notes on a file whenever it takes it from the cache.
fn last_used(path: &Path) -> Option<SystemTime> {
    modified(&notes(path)).max(modified(path))
}

fn notes(path: &Path) -> PathBuf {
    path.with_extension("stats")
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).ok()?.modified().ok()
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A compiled component of 10 bytes that was made, and perhaps used, so
    /// many seconds after the epoch.
    fn compiled(folder: &Path, name: &str, made: u64, used: Option<u64>) {
        let modules = folder.join("modules/v1");
        fs::create_dir_all(&modules).unwrap();
        fs::create_dir_all(folder.join("index")).unwrap();
        let write = |path: PathBuf, seconds| {
            fs::write(&path, [0; 10]).unwrap();
            let file = fs::File::options().write(true).open(path).unwrap();
            file.set_modified(UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
        };
        write(modules.join(name), made);
        if let Some(used) = used {
            write(modules.join(name).with_extension("stats"), used);
        }
        fs::write(folder.join("index").join(name), format!("v1/{name}")).unwrap();
    }

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        compiled(folder, "old", 1, None);
        compiled(folder, "used", 2, Some(9));
        compiled(folder, "middle", 3, None);
        compiled(folder, "new", 8, None);
        let left = || {
            let names = entries(&folder.join("index")).map(|path| path.file_name().unwrap().to_owned());
            let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
            names.sort();
            names
        };
        modules(folder, 40);
        assert_eq!(left(), ["middle", "new", "old", "used"]);
        modules(folder, 25);
        assert_eq!(left(), ["new", "used"]);
        assert!(folder.join("modules/v1/used.stats").exists() && !folder.join("modules/v1/old").exists());
        modules(folder, 19);
        assert_eq!(left(), ["used"]);
        modules(folder, 0);
        assert_eq!(entries(&folder.join("modules/v1")).count(), 0);
    }
}
