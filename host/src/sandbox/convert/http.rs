//! Requests and responses. Bodies are moved, not copied.

use crate::{
    broker,
    sandbox::bindings::tidegate::connect::http::{Method, Request, Response},
};
use bytes::Bytes;
use std::time::Duration;

/// A guest's request, for the broker to judge.
pub(in crate::sandbox) fn request(request: Request) -> broker::Request {
    broker::Request {
        method: method(request.method),
        origin: request.origin,
        path: request.path,
        query: request.query,
        headers: request.headers.into_iter().map(|(name, value)| (name, Bytes::from(value))).collect(),
        body: request.body.map(Bytes::from),
        idempotency_key: request.idempotency_key,
        timeout: request.timeout_ms.map(|millis| Duration::from_millis(millis.into())),
    }
}

/// The broker's response, for the guest.
pub(in crate::sandbox) fn response(response: broker::Response) -> Response {
    Response {
        status: response.status,
        headers: headers(response.headers),
        body: response.body.into(),
        attempts: response.attempts,
    }
}

/// Headers, for the guest.
pub(in crate::sandbox) fn headers(headers: Vec<(String, Bytes)>) -> Vec<(String, Vec<u8>)> {
    headers.into_iter().map(|(name, value)| (name, value.into())).collect()
}

fn method(method: Method) -> broker::Method {
    match method {
        Method::Get => broker::Method::Get,
        Method::Head => broker::Method::Head,
        Method::Post => broker::Method::Post,
        Method::Put => broker::Method::Put,
        Method::Patch => broker::Method::Patch,
        Method::Delete => broker::Method::Delete,
        Method::Options => broker::Method::Options,
    }
}
