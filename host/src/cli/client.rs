//! Asks the API: over HTTP, or the router in this process. Both take the same
//! requests and give the same answers.
//!
//! It speaks plain HTTP to this machine only, so it sends no secret over a network.

mod call;
mod remote;

pub(super) use call::{Call, path};
pub(super) use remote::{Remote, Unreachable};

use crate::api::view::ProblemDocument;
use anyhow::{Context as _, anyhow};
use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderMap, HeaderValue, header},
};
use futures_util::{Stream, TryStreamExt};
use http_body_util::BodyExt;
use serde::{Serialize, Serializer, de::DeserializeOwned, ser::Error as _};
use serde_json::value::RawValue;
use tower::ServiceExt;

/// One of the two ways to the API.
#[derive(Clone)]
pub(super) enum Client {
    /// A host that runs.
    Remote(Remote),
    /// A host in this process.
    Local(Router),
}

/// What was answered, the body still to come.
pub(super) struct Answer {
    pub(super) headers: HeaderMap,
    body: Body,
}

/// A JSON document as it came: printed again byte for byte.
#[derive(Clone, Debug)]
pub(super) struct Document(Bytes);

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = serde_json::from_slice::<&RawValue>(&self.0).map_err(S::Error::custom)?;
        text.serialize(serializer)
    }
}

impl Document {
    /// Whether there was no body.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn read<T: DeserializeOwned>(&self) -> anyhow::Result<T> {
        serde_json::from_slice(&self.0).context("the answer is not what this version of tidegate understands")
    }
}

impl Answer {
    pub(super) async fn document(self) -> anyhow::Result<Document> {
        let whole = BodyExt::collect(self.body).await.context("the answer broke off")?;
        Ok(Document(whole.to_bytes()))
    }

    pub(super) fn stream(self) -> impl Stream<Item = anyhow::Result<Bytes>> + Unpin {
        let pieces = self.body.into_data_stream();
        TryStreamExt::map_err(pieces, |error| anyhow::Error::from(error).context("the answer broke off"))
    }
}

impl Client {
    /// Asks, and turns an error that is answered into a `Problem`.
    pub(super) async fn ask(&self, call: Call) -> anyhow::Result<Answer> {
        let response = match self {
            Self::Remote(remote) => remote.send(call).await?,
            Self::Local(router) => {
                let mut request = call.to("http://localhost")?;
                request.headers_mut().insert(header::HOST, HeaderValue::from_static("localhost"));
                router.clone().oneshot(request).await.unwrap_or_else(|never| match never {})
            }
        };
        let (parts, body) = response.into_parts();
        let answer = Answer { headers: parts.headers, body };
        if parts.status.is_success() {
            return Ok(answer);
        }
        let document = answer.document().await?;
        match document.read::<ProblemDocument>() {
            Ok(ProblemDocument { error }) => Err(error.into()),
            Err(_) => {
                Err(anyhow!("the host answers {} in a way that this version does not know", parts.status))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{api::view::Problem, model::Class};

    /// An API of three routes.
    fn api() -> Router {
        use axum::{Json, http::StatusCode, routing};
        let refusal = || async {
            let error = Problem::new(Class::NotFound, "channel.unknown", "there is no channel 'x'");
            (StatusCode::NOT_FOUND, Json(ProblemDocument { error }))
        };
        Router::new()
            .route(
                "/echo",
                routing::post(|headers: HeaderMap, body: Bytes| async move {
                    format!("{:?}{}", headers.get(header::CONTENT_TYPE), String::from_utf8_lossy(&body))
                }),
            )
            .route("/refusal", routing::get(refusal))
            .route("/odd", routing::get(|| async { StatusCode::BAD_GATEWAY }))
    }

    #[tokio::test]
    async fn both_ways_ask_and_answer_alike() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let mut server = tokio::task::JoinSet::new();
        server.spawn(async { axum::serve(listener, api()).await.expect("served") });

        let remote = Client::Remote(Remote::new(&url).expect("loopback"));
        for client in [Client::Local(api()), remote] {
            let call = Call::post("/echo".into()).json(&serde_json::json!({"a": 1}));
            let echo = client.ask(call).await.expect("an answer").document().await.expect("whole");
            assert_eq!(echo.0, r#"Some("application/json"){"a":1}"#);

            let error = client.ask(Call::get("/refusal".into())).await.err().expect("an error");
            assert_eq!(
                error.downcast_ref::<Problem>().map(|problem| problem.code.as_str()),
                Some("channel.unknown")
            );

            let error = client.ask(Call::get("/odd".into())).await.err().expect("an error");
            assert!(error.to_string().contains("502"), "{error}");
        }
    }
}
