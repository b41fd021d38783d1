//! Folders and files: whose they are, who can read them, whether there is room.

use crate::api::view::Check;
use rustix::fs::{Access, access, statvfs};
use std::{
    fs::{self, Metadata},
    os::unix::fs::MetadataExt,
    path::Path,
};

/// A folder that belongs to the host alone.
pub(super) fn private_folder(name: &str, folder: &Path) -> Check {
    let place = folder.display();
    let Ok(metadata) = fs::metadata(folder) else {
        return Check::ok(name, format!("{place} is made when it is needed"));
    };
    if !metadata.is_dir() {
        return Check::fail(
            name,
            format!("{place} is no folder"),
            "move the file away, or set another `data`",
        );
    }
    if access(folder, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK).is_err() {
        let advice = format!("give it to the user that runs tidegate: chown -R $(id -u) {place}");
        return Check::fail(name, format!("{place} cannot be written"), advice);
    }
    if let Some(others) = others(&metadata) {
        return Check::warn(name, format!("{place} can be {others}"), format!("chmod 700 {place}"));
    }
    Check::ok(name, format!("{place} is writable, and nobody else's"))
}

/// The file with the key of the secrets.
pub(super) fn key(file: &Path, has_key: bool) -> Check {
    const NAME: &str = "key";
    if has_key {
        return Check::ok(NAME, "comes from TIDEGATE_KEY");
    }
    let place = file.display();
    match fs::metadata(file) {
        Err(_) => Check::ok(NAME, format!("{place} is made when the host first starts")),
        Ok(metadata) => match others(&metadata) {
            // The host refuses to start with it.
            Some(others) => {
                Check::fail(NAME, format!("{place} can be {others}"), format!("chmod 600 {place}"))
            }
            None => {
                Check::ok(NAME, format!("{place} is nobody else's; keep a copy of it, apart from the data"))
            }
        },
    }
}

/// Room for the store to grow.
pub(super) fn room(folder: &Path) -> Check {
    const NAME: &str = "disk";
    /// A store that cannot write stops the host; one large import fills this.
    const SCARCE: u64 = 1 << 30;
    /// Not enough to start with.
    const NONE: u64 = 64 << 20;
    let there = folder.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("/"));
    let free = match statvfs(there) {
        Ok(stat) => stat.f_bavail.saturating_mul(stat.f_frsize),
        Err(error) => {
            return Check::warn(NAME, format!("its free space is unknown: {error}"), "look with `df -h`");
        }
    };
    let tenths = (free >> 20) * 10 / 1_024;
    let found = format!("{}.{} GiB are free", tenths / 10, tenths % 10);
    match free {
        ..NONE => Check::fail(NAME, found, "make room, or set `data` to another disk"),
        NONE..SCARCE => Check::warn(NAME, found, "make room before the next large import"),
        _ => Check::ok(NAME, found),
    }
}

/// What others than the owner can do.
fn others(metadata: &Metadata) -> Option<&'static str> {
    match metadata.mode() & 0o077 {
        0 => None,
        mode if mode & 0o022 != 0 => Some("changed by others"),
        _ => Some("read by others"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::view::Level;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn rights_decide_how_a_folder_and_a_key_are() {
        let home = tempfile::tempdir().expect("a folder");
        let folder = home.path().join("data");
        assert_eq!(private_folder("data-folder", &folder).level, Level::Ok, "missing");
        fs::create_dir(&folder).expect("a folder");
        for (mode, level) in [(0o700, Level::Ok), (0o750, Level::Warn), (0o777, Level::Warn)] {
            fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).expect("ours");
            assert_eq!(private_folder("data-folder", &folder).level, level, "{mode:o}");
        }

        let file = folder.join("key");
        assert_eq!(key(&file, false).level, Level::Ok, "missing");
        fs::write(&file, "").expect("a file");
        assert_eq!(private_folder("data-folder", &file).level, Level::Fail, "no folder");
        for (mode, level) in [(0o600, Level::Ok), (0o640, Level::Fail)] {
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("ours");
            assert_eq!(key(&file, false).level, level, "{mode:o}");
            assert_eq!(key(&file, true).level, Level::Ok, "the environment wins");
        }
    }

    #[test]
    fn room_is_measured_where_the_folder_will_be() {
        let home = tempfile::tempdir().expect("a folder");
        let check = room(&home.path().join("not/yet/there"));
        assert!(check.message.contains("are free"), "{check:?}");
    }
}
