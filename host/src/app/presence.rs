//! `host.json`: tells the commands that a host holds the data folder, and where
//! it answers.
//!
//! It is a hint, not a lock: who reads it asks the address before trusting it.

use serde::{Deserialize, Serialize};
use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

/// The content of `host.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Presence {
    /// Where the host answers, such as `http://127.0.0.1:7070`.
    pub url: String,
    /// The host's process.
    pub pid: u32,
}

impl Presence {
    /// This process, answering at `address`.
    #[must_use]
    pub fn of(address: SocketAddr) -> Self {
        Self { url: format!("http://{address}"), pid: std::process::id() }
    }

    /// What the data folder says; none where it says nothing that can be understood.
    #[must_use]
    pub fn read(data: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(file(data)).ok()?).ok()
    }

    /// Writes it whole or not at all.
    pub(super) fn write(&self, data: &Path) -> io::Result<()> {
        let draft = data.join(format!("host.json.{}", self.pid));
        fs::write(&draft, serde_json::to_vec(self)?)?;
        fs::rename(&draft, file(data)).inspect_err(|_| {
            // A draft that stays behind is harmless; the rename's error is what counts.
            let _ = fs::remove_file(&draft);
        })
    }

    /// Removes it, unless it speaks of another host by now.
    pub(super) fn remove(&self, data: &Path) {
        if Self::read(data).as_ref() == Some(self)
            && let Err(error) = fs::remove_file(file(data))
        {
            tracing::warn!(%error, "host.json stays behind");
        }
    }
}

fn file(data: &Path) -> PathBuf {
    data.join("host.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_only_the_own_is_removed() {
        let data = tempfile::tempdir().expect("a folder");
        assert_eq!(Presence::read(data.path()), None);

        let own = Presence::of(SocketAddr::from(([127, 0, 0, 1], 7070)));
        own.write(data.path()).expect("written");
        assert_eq!(Presence::read(data.path()).as_ref(), Some(&own));
        assert_eq!(fs::read_dir(data.path()).expect("a folder").count(), 1, "no draft is left");

        let other = Presence { pid: own.pid + 1, ..own.clone() };
        other.remove(data.path());
        assert_eq!(Presence::read(data.path()).as_ref(), Some(&own));
        own.remove(data.path());
        assert_eq!(Presence::read(data.path()), None);
    }

    #[test]
    fn nonsense_is_no_presence() {
        let data = tempfile::tempdir().expect("a folder");
        fs::write(file(data.path()), "{\"url\":").expect("written");
        assert_eq!(Presence::read(data.path()), None);
    }
}
