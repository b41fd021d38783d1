//! The data folder: what lies where in it, and that nobody else reads it.

use super::Error;
use crate::model::HostId;
use std::{
    fs, io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

/// Where everything lies.
#[derive(Clone, Debug)]
pub(super) struct Places {
    pub(super) data: PathBuf,
    pub(super) store: PathBuf,
    /// The key of the secrets, `0600`.
    pub(super) key: PathBuf,
    /// Compiled plugins, `0700`.
    pub(super) cache: PathBuf,
    /// Which host this is: its id stays the same at each start.
    pub(super) host: PathBuf,
    /// Files that are looked at once, `0700`.
    pub(super) scratch: PathBuf,
    /// Recorded runs, `0700`.
    pub(super) cassettes: PathBuf,
}

impl Places {
    pub(super) fn of(data: &Path) -> Self {
        Self {
            data: data.to_owned(),
            store: data.join("store"),
            key: data.join("key"),
            cache: data.join("cache"),
            host: data.join("host-id"),
            scratch: data.join("scratch"),
            cassettes: data.join("cassettes"),
        }
    }

    /// Makes the data folder where it is missing, for its owner alone. One that is
    /// there keeps its rights: `doctor` speaks about them.
    pub(super) fn make(&self) -> Result<(), Error> {
        make_private(&self.data).map_err(|source| Error::Folder { folder: self.data.clone(), source })
    }
}

impl Places {
    /// The host's id; made where it is missing.
    pub(super) fn host(&self) -> io::Result<HostId> {
        match fs::read_to_string(&self.host) {
            Ok(text) => text.trim().parse().map_err(io::Error::other),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let id = HostId::new();
                fs::write(&self.host, format!("{id}\n"))?;
                Ok(id)
            }
            Err(error) => Err(error),
        }
    }
}

fn make_private(folder: &Path) -> io::Result<()> {
    if let Some(parent) = folder.parent() {
        fs::create_dir_all(parent)?;
    }
    match fs::DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_data_folder_is_its_owners_alone() {
        let home = tempfile::tempdir().expect("a folder");
        let places = Places::of(&home.path().join("a/b"));
        places.make().expect("made");
        places.make().expect("already there");
        let mode = fs::metadata(&places.data).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[test]
    fn a_host_keeps_its_id() {
        let home = tempfile::tempdir().expect("a folder");
        let places = Places::of(home.path());
        let id = places.host().expect("made");
        assert_eq!(places.host().expect("read"), id);
        fs::write(&places.host, "nonsense").expect("a file");
        assert!(places.host().is_err(), "another id would leave the host's own leases to run out");
    }

    #[test]
    fn a_file_in_its_place_is_an_error() {
        let home = tempfile::tempdir().expect("a folder");
        let file = home.path().join("data");
        fs::write(&file, "").expect("a file");
        let error = Places::of(&file).make().expect_err("no folder");
        assert!(error.to_string().contains("cannot be made"), "{error}");
    }
}
