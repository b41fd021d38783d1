//! The clockwork that interrupts guests: one thread, a tick every 10 ms.
//!
//! It decides nothing; at a tick the engine asks each running step whether to
//! go on. It is a thread of its own because a run time whose workers are all
//! busy would never get round to a timer.

use super::budget::TICK;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
};
use wasmtime::Engine;

/// The number of ticks so far; cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Ticks(Arc<AtomicU64>);

impl Ticks {
    /// The number now.
    pub(super) fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// One more.
    pub(super) fn advance(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// The thread; it ends when this is dropped, or with the engine.
pub(super) struct Ticker {
    ticks: Ticks,
    _alive: mpsc::Sender<()>,
}

impl Ticker {
    /// Starts the thread for `engine`, which it does not keep alive.
    ///
    /// # Errors
    /// The machine gives no thread.
    pub(super) fn start(engine: &Engine) -> std::io::Result<Self> {
        let (alive, ended) = mpsc::channel::<()>();
        let ticks = Ticks::default();
        let (engine, counted) = (engine.weak(), ticks.clone());
        thread::Builder::new().name("sandbox-ticker".into()).spawn(move || {
            while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(TICK) {
                let Some(engine) = engine.upgrade() else {
                    return;
                };
                engine.increment_epoch();
                counted.advance();
            }
        })?;
        Ok(Self { ticks, _alive: alive })
    }

    /// The count of its ticks.
    pub(super) fn ticks(&self) -> Ticks {
        self.ticks.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    #[test]
    fn it_ticks_and_ends_when_dropped() {
        let ticker = Ticker::start(&Engine::default()).unwrap();
        let engine = Engine::default();
        let living = Ticker::start(&engine).unwrap();
        let patience = Instant::now() + Duration::from_secs(10);
        while living.ticks().now() < 3 {
            assert!(Instant::now() < patience, "no tick came");
            thread::yield_now();
        }
        // The first one lost its engine at once, and counts nothing without it.
        assert!(ticker.ticks().now() <= 1);
        let ticks = living.ticks();
        drop(living);
        while Arc::strong_count(&ticks.0) > 1 {
            assert!(Instant::now() < patience, "the thread did not end");
            thread::yield_now();
        }
    }
}
