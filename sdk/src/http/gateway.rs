//! The transport that the host gives: the only one in the sandbox.

use super::{Body, Method, Request, Response, Source, Streamed, Transport};
use crate::{Error, bindings::http as wit};

/// The handle that an exported call received.
pub(crate) struct Gateway<'a>(pub(crate) &'a wit::Transport);

impl Transport for Gateway<'_> {
    fn send(&self, request: Request) -> Result<Response, Error> {
        let place = request.place();
        answer(place, self.0.send(&request.into()))
    }

    fn send_all(&self, requests: Vec<Request>) -> Vec<Result<Response, Error>> {
        let places: Vec<_> = requests.iter().map(Request::place).collect();
        let requests: Vec<wit::Request> = requests.into_iter().map(Into::into).collect();
        places
            .into_iter()
            .zip(self.0.send_all(&requests))
            .map(|(place, result)| answer(place, result))
            .collect()
    }

    fn open(&self, request: Request) -> Result<Streamed, Error> {
        let streamed = self.0.open(&request.into())?;
        Ok(Streamed {
            status: streamed.status,
            headers: streamed.headers,
            body: Body::new(Reader(streamed.body)),
        })
    }

    fn path_of(&self, link: &str) -> Result<String, Error> {
        Ok(self.0.path_of(link)?)
    }
}

fn answer(place: String, result: Result<wit::Response, wit::Error>) -> Result<Response, Error> {
    let response = result?;
    Ok(Response {
        status: response.status,
        headers: response.headers,
        body: response.body,
        attempts: response.attempts,
        place,
    })
}

struct Reader(wit::BodyReader);

impl Source for Reader {
    fn read(&mut self, max: u32) -> Result<Vec<u8>, Error> {
        Ok(self.0.read(max)?)
    }
}

impl From<Request> for wit::Request {
    fn from(request: Request) -> Self {
        Self {
            method: request.method.into(),
            origin: request.origin,
            path: request.path,
            query: request.query,
            headers: request.headers,
            body: request.body,
            idempotency_key: request.idempotency_key,
            timeout_ms: request.timeout_ms,
        }
    }
}

impl From<Method> for wit::Method {
    fn from(method: Method) -> Self {
        match method {
            Method::Get => Self::Get,
            Method::Head => Self::Head,
            Method::Post => Self::Post,
            Method::Put => Self::Put,
            Method::Patch => Self::Patch,
            Method::Delete => Self::Delete,
            Method::Options => Self::Options,
        }
    }
}
