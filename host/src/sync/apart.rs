//! Work that blocks, kept off the reactor.

/// Does it on the blocking pool. A panic goes on where it is waited for: whoever asks is
/// the place where one is noticed.
pub(super) async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}
