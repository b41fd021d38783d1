//! Holds requests back until the host has started; probes and scrapes pass at once.
//!
//! Without it, they would wait unseen in the system's own queue.

use axum::{Router, extract::Request, middleware, middleware::Next};
use tokio_util::sync::CancellationToken;

/// The router behind a gate that either token opens.
pub(super) fn before(router: Router, started: CancellationToken, stopping: CancellationToken) -> Router {
    router.layer(middleware::from_fn(move |request: Request, next: Next| {
        let (started, stopping) = (started.clone(), stopping.clone());
        async move {
            if !passes_at_once(request.uri().path()) {
                tokio::select! {
                    () = started.cancelled() => {}
                    () = stopping.cancelled() => {}
                }
            }
            next.run(request).await
        }
    }))
}

fn passes_at_once(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz" | "/metrics")
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{body::Body, http::StatusCode, routing::get};
    use futures_util::FutureExt;
    use tower::ServiceExt;

    async fn ask(router: &Router, path: &str) -> StatusCode {
        let request = Request::get(path).body(Body::empty()).expect("a request");
        router.clone().oneshot(request).await.expect("infallible").status()
    }

    #[tokio::test]
    async fn probes_pass_and_everything_else_waits_for_the_start_or_the_stop() {
        for first in [0, 1] {
            let tokens = [CancellationToken::new(), CancellationToken::new()];
            let router = Router::new().route("/readyz", get(|| async {})).route("/api", get(|| async {}));
            let router = before(router, tokens[0].clone(), tokens[1].clone());
            assert_eq!(ask(&router, "/readyz").now_or_never(), Some(StatusCode::OK));
            let mut waiting = Box::pin(ask(&router, "/api"));
            assert_eq!((&mut waiting).now_or_never(), None);
            tokens[first].cancel();
            assert_eq!(waiting.await, StatusCode::OK);
        }
    }
}
