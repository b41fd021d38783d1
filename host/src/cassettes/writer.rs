//! Writes the cassette of one run, a step after the other, within the bounds.
//!
//! A step is there whole, with all that it names, or not at all.

use super::{
    Error,
    form::{Digest, Head},
    prepare::Prepared,
    reader,
    shelf::Shelf,
};
use bytes::Bytes;
use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    sync::Arc,
};

/// An open cassette. Every method blocks on the file system.
pub(super) struct Writer {
    shelf: Arc<Shelf>,
    head: Head,
    steps: File,
    /// What the run has recorded, in bytes.
    size: u64,
}

/// What became of a step.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// It is written.
    Yes,
    /// The recording ends before it, for this reason.
    No(String),
}

impl Writer {
    /// Opens the cassette of a run: a new one, or the one that an earlier part of the run
    /// has begun. None where that one cannot go on: it says so itself then.
    pub(super) fn open(shelf: Arc<Shelf>, head: Head, plugin: Option<Bytes>) -> Result<Option<Self>, Error> {
        let run = head.run;
        match shelf.head(run)? {
            Some(found) if found.truncated.is_some() => Ok(None),
            Some(found)
                if found.plugin.sha256 != head.plugin.sha256
                    || found.settings.get() != head.settings.get() =>
            {
                let why = "the plugin or the channel was changed in the middle of the run";
                shelf.put_head(&Head { truncated: Some(why.to_owned()), ..found })?;
                Ok(None)
            }
            Some(found) => {
                let size = shelf.summary(run)?.bytes;
                let steps = reader::mended(&shelf.steps_of(run))?;
                Ok(Some(Self { shelf, head: found, steps, size }))
            }
            None => Self::begin(shelf, head, plugin).map(Some),
        }
    }

    fn begin(shelf: Arc<Shelf>, mut head: Head, plugin: Option<Bytes>) -> Result<Self, Error> {
        {
            let _adding = shelf.adding();
            if let Some(plugin) = plugin {
                let digest = Digest::of(&plugin);
                let is_there = shelf.plugins.size(&digest) > 0;
                if is_there || shelf.take_place(plugin.len() as u64)? {
                    shelf.plugins.put(&digest, &plugin)?;
                    head.plugin_kept = true;
                }
            }
            shelf.put_head(&head)?;
        }
        let path = shelf.steps_of(head.run);
        let steps = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        Ok(Self { shelf, head, steps, size: 0 })
    }

    /// Adds a step.
    pub(super) fn note(&mut self, prepared: &Prepared) -> io::Result<Kept> {
        let shelf = Arc::clone(&self.shelf);
        let _adding = shelf.adding();
        if !shelf.folder_of(self.head.run).exists() {
            return Ok(Kept::No("it was deleted".to_owned()));
        }
        let (size, config) = (prepared.size(), &shelf.config);
        if self.size.saturating_add(size) > config.run_bytes.0 {
            return self
                .stop(format!("the run records more than {} (cassettes.run-bytes)", config.run_bytes));
        }
        let shared = prepared.blobs.iter().filter(|(digest, _)| shelf.blobs.size(digest) > 0);
        let shared: u64 = shared.map(|(_, bytes)| bytes.len() as u64).sum();
        if !shelf.take_place(size - shared)? {
            return self.stop(format!(
                "all cassettes together take {} (cassettes.total-bytes): delete some",
                config.total_bytes
            ));
        }
        for (digest, bytes) in &prepared.blobs {
            shelf.blobs.put(digest, bytes)?;
        }
        self.steps.write_all(&prepared.line)?;
        self.size += size;
        Ok(Kept::Yes)
    }

    fn stop(&mut self, why: String) -> io::Result<Kept> {
        self.head.truncated = Some(why.clone());
        self.shelf.put_head(&self.head)?;
        Ok(Kept::No(why))
    }
}
