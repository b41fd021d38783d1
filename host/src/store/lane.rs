//! One thread that does one thing after another, for a state of its own.
//!
//! It orders work and knows nothing of what is done. Whoever calls waits.

use std::io;
use std::mem::ManuallyDrop;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

/// The handle of the thread, and its owner: dropping it waits until all that was asked
/// for is done and the state is dropped.
pub(super) struct Lane<T> {
    /// Not bounded: every caller waits for its answer before it can ask again.
    jobs: Option<Sender<Job<T>>>,
    thread: Option<JoinHandle<()>>,
}

type Job<T> = Box<dyn FnOnce(&mut T) + Send>;

impl<T: 'static> Lane<T> {
    /// Starts the thread, and makes the state on it.
    ///
    /// # Errors
    /// Where the state cannot be made, or no thread can be had.
    pub(super) fn start<E: From<io::Error> + Send + 'static>(
        name: &str,
        make: impl FnOnce() -> Result<T, E> + Send + 'static,
    ) -> Result<Self, E> {
        let (jobs, asked) = mpsc::channel();
        let (made, outcome) = mpsc::channel();
        let thread = thread::Builder::new().name(name.into()).spawn(move || match make() {
            Ok(state) => {
                // The caller waits for this.
                let _ = made.send(Ok(()));
                work(state, &asked);
            }
            Err(error) => {
                let _ = made.send(Err(error));
            }
        })?;
        let lane = Self { jobs: Some(jobs), thread: Some(thread) };
        outcome.recv().unwrap_or_else(|_| Err(stopped().into()))?;
        Ok(lane)
    }

    /// Has something done, after all that was asked for before.
    ///
    /// # Errors
    /// Where this or something before it panicked: then nothing is done any more.
    pub(super) fn call<R: Send + 'static>(
        &self,
        job: impl FnOnce(&mut T) -> R + Send + 'static,
    ) -> io::Result<R> {
        let (done, outcome) = mpsc::channel();
        let job: Job<T> = Box::new(move |state| {
            // The caller waits for this.
            let _ = done.send(job(state));
        });
        let jobs = self.jobs.as_ref().expect("taken only when dropped");
        jobs.send(job).map_err(|_| stopped())?;
        outcome.recv().map_err(|_| stopped())
    }
}

impl<T> Drop for Lane<T> {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            // It panicked, if so, in the face of a caller.
            let _ = thread.join();
        }
    }
}

/// Works until nobody can ask for anything. A state that a panic left half changed is not
/// dropped, since dropping may write it down.
fn work<T>(state: T, jobs: &Receiver<Job<T>>) {
    let mut state = ManuallyDrop::new(state);
    while let Ok(job) = jobs.recv() {
        job(&mut state);
    }
    drop(ManuallyDrop::into_inner(state));
}

/// What is told when nothing is done any more.
pub(super) fn stopped() -> io::Error {
    io::Error::other("an earlier write failed half-way; restart to go on from the last whole one")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    struct Counted(Arc<AtomicUsize>);

    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn lane() -> (Lane<Counted>, Arc<AtomicUsize>) {
        let drops = Arc::new(AtomicUsize::new(0));
        let state = Counted(Arc::clone(&drops));
        (Lane::start("test", || Ok::<_, io::Error>(state)).expect("a thread"), drops)
    }

    #[test]
    fn jobs_are_done_in_their_order_by_one_thread() {
        let lane = Lane::start("test", || Ok::<_, io::Error>(Vec::new())).expect("a thread");
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    (0..50).for_each(|_| {
                        lane.call(|seen: &mut Vec<_>| seen.push(thread::current().id())).expect("done")
                    })
                });
            }
        });
        let seen = lane.call(|seen| seen.clone()).expect("done");
        assert_eq!(seen.len(), 200);
        assert!(seen.iter().all(|id| *id == seen[0] && *id != thread::current().id()));
    }

    #[test]
    fn state_is_dropped_before_the_lane_is_gone() {
        let (lane, drops) = lane();
        drop(lane);
        assert_eq!(drops.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn panic_fails_the_call_and_all_later_ones_and_leaves_the_state() {
        let (lane, drops) = lane();
        assert!(lane.call(|_| -> () { panic!("a page that must not be") }).is_err());
        assert!(lane.call(|_| ()).is_err());
        drop(lane);
        assert_eq!(drops.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn state_that_cannot_be_made_is_an_error() {
        let lane = Lane::<()>::start("test", || Err(io::Error::other("no")));
        assert_eq!(lane.err().expect("refused").to_string(), "no");
    }
}
