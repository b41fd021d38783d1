//! Reads what a request carries, and says which field is wrong where it is.

use super::Error;
use crate::model::{Class, FieldError};
use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Query, Request, rejection::BytesRejection},
    http::{HeaderMap, StatusCode, header, request},
};
use serde::de::DeserializeOwned;

/// The code of a body that is larger than its limit.
pub(super) const TOO_LARGE: &str = "request.too-large";

/// A JSON body. An empty one stands for `{}`, so that `curl -X POST` is enough
/// where everything has a default.
pub(super) struct JsonBody<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        let is_json = is_json(request.headers());
        let bytes = Bytes::from_request(request, state).await.map_err(|error| unreadable(&error))?;
        if bytes.is_empty() {
            return parse(b"{}").map(Self);
        }
        if !is_json {
            return Err(Error::new(
                Class::Unsupported,
                "request.content-type",
                "the body must be JSON: send content-type: application/json",
            )
            .with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
        }
        parse(&bytes).map(Self)
    }
}

/// A body that is taken as it is.
pub(super) struct RawBody(pub(super) Bytes);

impl<S: Send + Sync> FromRequest<S> for RawBody {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        Bytes::from_request(request, state).await.map(Self).map_err(|error| unreadable(&error))
    }
}

/// The parameters after the question mark.
pub(super) struct Params<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut request::Parts, state: &S) -> Result<Self, Error> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(params)) => Ok(Self(params)),
            Err(rejection) => Err(Error::new(Class::InvalidData, "request.query", rejection.body_text())
                .with_status(StatusCode::BAD_REQUEST)),
        }
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let is = |kind: &str| {
        ["application/json", "application/merge-patch+json"].iter().any(|it| kind.eq_ignore_ascii_case(it))
    };
    kind.split(';').next().is_some_and(|kind| is(kind.trim()))
}

fn unreadable(rejection: &BytesRejection) -> Error {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        Error::new(Class::Limit, TOO_LARGE, "the body is larger than the host takes")
            .with_status(StatusCode::PAYLOAD_TOO_LARGE)
    } else {
        Error::new(Class::InvalidData, "request.body", "the body did not arrive whole")
            .with_status(StatusCode::BAD_REQUEST)
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let read = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let pointer = pointer(error.path());
        (error.into_inner(), pointer)
    });
    let read = read.and_then(|value| match reader.end() {
        Ok(()) => Ok(value),
        Err(error) => Err((error, String::new())),
    });
    read.map_err(|(error, pointer)| refusal(&error, pointer))
}

fn refusal(error: &serde_json::Error, pointer: String) -> Error {
    // serde's words repeat the value that was wrong, and here it may be a secret.
    let is_secret = pointer == "/secret" || pointer == "/secrets" || pointer.starts_with("/secrets/");
    let reason = match is_secret {
        true => "secrets are texts by the name of their field".to_owned(),
        false => error.to_string(),
    };
    let message = format!("the body is not as expected: {reason}");
    let mut refusal =
        Error::new(Class::InvalidData, "request.body", message).with_status(StatusCode::BAD_REQUEST);
    if error.is_data() && !pointer.is_empty() {
        let field = FieldError { field: pointer, message: reason };
        refusal.problem_mut().fields.push(field.into());
    }
    refusal
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut pointer = String::new();
    for segment in path.iter() {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } => {
                pointer.push('/');
                pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
            }
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer
}
