//! The channel's way out.

use super::{Body, Request, Response, Streamed};
use crate::Error;

/// A channel's configured gateway: base URL, credentials, egress grant, rate and
/// budget. A plugin gets it as an argument only, and reaches nothing else.
///
/// In the sandbox the host stands behind it. Natively it is whatever a test or a
/// benchmark puts there, such as [`testing::Script`](crate::testing::Script).
pub trait Transport {
    /// Sends one request and waits for the answer.
    ///
    /// # Errors
    /// When the host has given up, or refuses the request.
    fn send(&self, request: Request) -> Result<Response, Error>;

    /// Sends the requests in parallel, within the channel's limits, and answers
    /// in the order of the input. One failure does not stop the rest. At most
    /// 1,000 requests.
    ///
    /// Unless an implementation does better: one after the other.
    fn send_all(&self, requests: Vec<Request>) -> Vec<Result<Response, Error>> {
        requests.into_iter().map(|request| self.send(request)).collect()
    }

    /// Sends one request and hands over the body as a stream. Not retried once the
    /// body has begun.
    ///
    /// Unless an implementation does better: the whole body of [`send`](Self::send).
    ///
    /// # Errors
    /// As [`send`](Self::send).
    fn open(&self, request: Request) -> Result<Streamed, Error> {
        self.send(request).map(|response| Streamed {
            status: response.status,
            headers: response.headers,
            body: Body::whole(response.body),
        })
    }

    /// Turns an absolute link from an answer (`next_page`, `links.next`) into the
    /// path of a request to the base URL.
    ///
    /// # Errors
    /// Of the class `denied` for a link to another origin, or to outside the base path.
    fn path_of(&self, link: &str) -> Result<String, Error>;
}
