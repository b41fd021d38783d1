//! Waiting until the lock of a file is free.
//!
//! It takes no lock of its own for longer than a look.

use std::fs::File;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

/// When dropped, waits until nobody holds the lock of the file, half a second at most. For
/// an engine whose own threads let go of it some moments after the engine is dropped.
pub(super) struct Release(pub(super) PathBuf);

impl Drop for Release {
    fn drop(&mut self) {
        const TRIES: u32 = 500;
        const PAUSE: Duration = Duration::from_millis(1);
        let Ok(file) = File::open(&self.0) else {
            return;
        };
        for _ in 0..TRIES {
            // Closing the file gives the lock back.
            if file.try_lock().is_ok() {
                return;
            }
            thread::park_timeout(PAUSE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn release_waits_for_the_holder_of_the_lock() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("db");
        let holder = File::create(&path).expect("a file");
        holder.try_lock().expect("free");
        let (done, outcome) = mpsc::channel();
        thread::scope(|scope| {
            scope.spawn(|| {
                drop(Release(path.clone()));
                done.send(()).expect("somebody listens");
            });
            let early = outcome.recv_timeout(Duration::from_millis(20));
            assert!(early.is_err(), "the lock is held");
            drop(holder);
            outcome.recv().expect("sent");
        });
        let file = File::open(&path).expect("a file");
        file.try_lock().expect("free, and not held by the release");
    }

    #[test]
    fn file_that_is_not_there_is_not_waited_for() {
        drop(Release("/nowhere/at/all".into()));
    }
}
