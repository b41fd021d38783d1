//! The host's tasks by name, in the order of the floors.
//!
//! Every task is started here and nowhere else, and stopped from the top.

use std::time::Duration;
use tokio::{
    task::{AbortHandle, Id, JoinError, JoinSet},
    time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;

/// A task that ended though nobody stopped it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its name.
    pub name: &'static str,
    /// Whether it panicked.
    pub panicked: bool,
}

/// The tasks, the lowest floor first.
#[derive(Default)]
pub(super) struct Tasks {
    set: JoinSet<()>,
    running: Vec<Task>,
}

struct Task {
    name: &'static str,
    stop: CancellationToken,
    handle: AbortHandle,
}

impl Tasks {
    /// Starts a task on top of those that run.
    pub(super) fn start<F>(&mut self, name: &'static str, task: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let stop = CancellationToken::new();
        let handle = self.set.spawn(task(stop.clone()));
        self.running.push(Task { name, stop, handle });
    }

    /// Puts a task on top of all others, as if it had been started last.
    pub(super) fn raise(&mut self, name: &str) {
        if let Some(place) = self.running.iter().position(|task| task.name == name) {
            let task = self.running.remove(place);
            self.running.push(task);
        }
    }

    /// The next task that ends; waits for ever where none runs. Cancel safe.
    pub(super) async fn first_end(&mut self) -> Ended {
        match self.set.join_next_with_id().await {
            Some(ended) => self.forget(ended),
            None => std::future::pending().await,
        }
    }

    /// Stops one task after the other, the highest floor first, all of them within
    /// `grace`. None may use more than half of what is left of it, so that a slow
    /// reader of an export does not cost the runs below their page border. Returns
    /// the names of those that had to be ended.
    pub(super) async fn stop(&mut self, grace: Duration) -> Vec<&'static str> {
        let deadline = Instant::now() + grace;
        let mut ended_by_force = Vec::new();
        while let Some(top) = self.running.last() {
            let (name, id) = (top.name, top.handle.id());
            top.stop.cancel();
            let left = deadline.saturating_duration_since(Instant::now());
            let until = if self.running.len() > 1 { deadline - left / 2 } else { deadline };
            if timeout_at(until, self.wait_for(id)).await.is_err() {
                if let Some(task) = self.running.pop() {
                    task.handle.abort();
                }
                ended_by_force.push(name);
            }
        }
        self.set.shutdown().await;
        ended_by_force
    }

    async fn wait_for(&mut self, id: Id) {
        while self.running.iter().any(|task| task.handle.id() == id) {
            let Some(ended) = self.set.join_next_with_id().await else {
                return;
            };
            self.forget(ended);
        }
    }

    fn forget(&mut self, ended: Result<(Id, ()), JoinError>) -> Ended {
        let (id, panicked) = match &ended {
            Ok((id, ())) => (*id, false),
            Err(error) => (error.id(), error.is_panic()),
        };
        let place = self.running.iter().position(|task| task.handle.id() == id);
        let name = place.map_or("unknown", |place| self.running.remove(place).name);
        Ended { name, panicked }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[tokio::test(start_paused = true)]
    async fn the_top_stops_first_and_the_rest_waits_for_it() {
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Tasks::default();
        for name in ["top", "low", "middle"] {
            let order = order.clone();
            tasks.start(name, |stop| async move {
                stop.cancelled().await;
                order.lock().expect("no panic").push(name);
            });
        }
        tasks.raise("top");
        assert!(tasks.stop(Duration::from_secs(1)).await.is_empty());
        assert_eq!(*order.lock().expect("no panic"), ["top", "middle", "low"]);
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_stop_is_ended_after_the_grace_period() {
        let mut tasks = Tasks::default();
        tasks.start("last", |_| std::future::pending());
        tasks.start("good", |stop| async move { stop.cancelled().await });
        tasks.start("first", |_| std::future::pending());
        let started = Instant::now();
        assert_eq!(tasks.stop(Duration::from_secs(10)).await, ["first", "last"]);
        assert_eq!(started.elapsed().as_secs(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_ends_alone_is_told_by_name() {
        let mut tasks = Tasks::default();
        tasks.start("steady", |stop| async move { stop.cancelled().await });
        tasks.start("short", |_| std::future::ready(()));
        assert_eq!(tasks.first_end().await, Ended { name: "short", panicked: false });
        tasks.start("broken", |_| async { panic!("on purpose") });
        assert_eq!(tasks.first_end().await, Ended { name: "broken", panicked: true });
        assert!(tasks.stop(Duration::ZERO).await.len() <= 1);
    }
}
