//! The cache folder: which components are compiled, and where.
//!
//! Its files are native code that the host will run, so the folder is the
//! host's alone. What wasmtime keeps in it stays wasmtime's; beside it stands
//! an index, because the names that wasmtime gives say nothing to anybody else.
//!
//! ```text
//! modules/…/NAME   wasmtime's cache
//! index/DIGEST     which NAME holds the component of that digest
//! staging/…        what children are compiling
//! ```

use super::{
    super::{engine::fingerprint, error::Error},
    sweep,
};
use crate::clock::Clock;
use sha2::{Digest, Sha256};
use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};
use wasmtime::Engine;

/// The cache folder of one engine; its settings are part of every digest.
pub(in crate::sandbox) struct Folder {
    path: PathBuf,
    engine: String,
}

impl Folder {
    /// Makes the folder with mode 0700 where it is missing, and the path
    /// absolute.
    ///
    /// # Errors
    /// It cannot be made, is not a folder, or is not the host's own.
    pub(in crate::sandbox) fn make(path: &Path) -> Result<PathBuf, Error> {
        let refuse = |source| Error::Cache { folder: path.into(), source };
        let path = std::path::absolute(path).map_err(refuse)?;
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&path).map_err(refuse)?;
        let found = fs::symlink_metadata(&path).map_err(refuse)?;
        if !found.is_dir() || found.uid() != rustix::process::geteuid().as_raw() {
            let message = "it is not a folder of the user that runs the host";
            return Err(refuse(io::Error::new(io::ErrorKind::PermissionDenied, message)));
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).map_err(refuse)?;
        Ok(path)
    }

    /// The folder that `make` made, for components compiled by `engine`.
    /// Removes what killed hosts left.
    pub(in crate::sandbox) fn open(path: PathBuf, engine: &Engine, clock: &Clock) -> Self {
        sweep::staging(&path.join("staging"), clock);
        Self { path, engine: fingerprint(engine) }
    }

    /// What compiled code has to agree with to be of use here.
    pub(super) fn engine(&self) -> &str {
        &self.engine
    }

    /// Whether the component of that digest is compiled.
    pub(super) fn holds(&self, sha256: &str) -> bool {
        let Ok(entry) = fs::read_to_string(self.index(sha256)) else {
            return false;
        };
        let path = self.path.join("modules").join(&entry);
        // An entry is two plain names; anything else was not written here.
        Path::new(&entry).components().count() == 2 && fs::metadata(path).is_ok_and(|file| file.len() > 0)
    }

    /// A fresh folder for a child to compile into; removed when dropped.
    pub(super) fn staging(&self) -> Result<Staging, Error> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = self.path.join("staging").join(name);
        let made = sweep::remove(&path)
            .and_then(|()| fs::DirBuilder::new().recursive(true).mode(0o700).create(&path));
        made.map_err(|source| self.refuse(source))?;
        Ok(Staging(path))
    }

    /// Takes what a child compiled into the cache; false where it left nothing.
    pub(super) fn adopt(&self, staging: &Staging, sha256: &str) -> Result<bool, Error> {
        let Some((version, name)) = staging.compiled() else {
            return Ok(false);
        };
        let folder = self.path.join("modules").join(&version);
        let adopted = fs::create_dir_all(&folder)
            .and_then(|()| {
                fs::rename(staging.0.join("modules").join(&version).join(&name), folder.join(&name))
            })
            .and_then(|()| fs::create_dir_all(self.path.join("index")))
            .and_then(|()| fs::write(staging.0.join("entry"), format!("{version}/{name}")))
            .and_then(|()| fs::rename(staging.0.join("entry"), self.index(sha256)));
        adopted.map_err(|source| self.refuse(source))?;
        sweep::modules(&self.path, sweep::MAX_BYTES);
        Ok(true)
    }

    fn index(&self, sha256: &str) -> PathBuf {
        let key = Sha256::new().chain_update(sha256).chain_update(&self.engine).finalize();
        self.path.join("index").join(format!("{key:x}"))
    }

    fn refuse(&self, source: io::Error) -> Error {
        Error::Cache { folder: self.path.clone(), source }
    }
}

/// A folder that one child compiles into.
pub(super) struct Staging(PathBuf);

impl Staging {
    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// The one compiled component, as wasmtime's folder and file name.
    fn compiled(&self) -> Option<(String, String)> {
        let versions = fs::read_dir(self.0.join("modules")).ok()?;
        let files = versions.flatten().flat_map(|version| {
            let files = fs::read_dir(version.path()).into_iter().flatten().flatten();
            files.map(move |file| (version.file_name(), file))
        });
        // Files with an extension are wasmtime's own notes on the others.
        let mut compiled = files.filter(|(_, file)| file.path().extension().is_none());
        let (version, file) = compiled.next()?;
        Some((version.into_string().ok()?, file.file_name().into_string().ok()?))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // The next start sweeps what is left here.
        let _ = sweep::remove(&self.0);
    }
}
