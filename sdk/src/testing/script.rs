//! A remote system that says what a test told it to.

use super::spend;
use crate::{Error, Request, Response, Transport};
use std::{cell::RefCell, collections::VecDeque};

/// What a request is answered, first one first.
type Answers = VecDeque<Result<Response, Error>>;

/// A transport with scripted answers. Each answers once, in the order in which
/// they were given for the same request; a request without an answer is a test
/// that fails.
#[derive(Debug, Default)]
pub struct Script {
    answers: RefCell<Vec<(String, Answers)>>,
    requests: RefCell<Vec<Request>>,
}

impl Script {
    /// No answers yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers a request, written `GET /path?name=value&other=value` with nothing
    /// percent-encoded, by a status and a body of JSON.
    #[must_use]
    pub fn on(self, line: &str, status: u16, body: impl Into<Vec<u8>>) -> Self {
        let place = line.split('?').next().unwrap_or_default();
        let mut response = Response::new(place, status, body);
        response.headers.push(("content-type".to_owned(), b"application/json".to_vec()));
        self.push(line, Ok(response))
    }

    /// Answers a request by an answer of the test's own making, headers and all.
    #[must_use]
    pub fn answer(self, line: &str, response: Response) -> Self {
        self.push(line, Ok(response))
    }

    /// Fails a request, as the host does when it has given up.
    #[must_use]
    pub fn fail(self, line: &str, error: Error) -> Self {
        self.push(line, Err(error))
    }

    /// The requests so far, oldest first, each as a line.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.requests.borrow().iter().map(line_of).collect()
    }

    /// The requests so far, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.requests.borrow().clone()
    }

    fn push(self, line: &str, answer: Result<Response, Error>) -> Self {
        let mut answers = self.answers.borrow_mut();
        match answers.iter_mut().find(|(known, _)| known == line) {
            Some((_, queue)) => queue.push_back(answer),
            None => answers.push((line.to_owned(), VecDeque::from([answer]))),
        }
        drop(answers);
        self
    }
}

impl Transport for Script {
    fn send(&self, request: Request) -> Result<Response, Error> {
        let line = line_of(&request);
        self.requests.borrow_mut().push(request);
        let mut answers = self.answers.borrow_mut();
        let queue = answers.iter_mut().find(|(known, _)| *known == line).map(|(_, queue)| queue);
        let Some(answer) = queue.and_then(VecDeque::pop_front) else {
            panic!("the script has no (further) answer to `{line}`");
        };
        spend(answer.as_ref().map_or(0, |response| response.body.len()));
        answer
    }

    /// Takes links of the origin `https://remote.test` only.
    fn path_of(&self, link: &str) -> Result<String, Error> {
        match link.strip_prefix("https://remote.test") {
            Some(path) if path.starts_with('/') => Ok(path.to_owned()),
            _ => Err(Error::denied("egress.origin", format!("'{link}' leads to another origin"))),
        }
    }
}

fn line_of(request: &Request) -> String {
    let query: Vec<_> = request.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let separator = match (query.is_empty(), request.path.contains('?')) {
        (true, _) => "",
        (false, true) => "&",
        (false, false) => "?",
    };
    format!("{} {}{separator}{}", request.method.as_str(), request.path, query.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        run::{self, Budget},
        testing::set_budget,
    };

    #[test]
    fn answers_come_in_their_order_and_spend_the_budget() {
        set_budget(Budget { cpu_ms: 1, wall_ms: 1, requests: 5, response_bytes: 10 });
        let script = Script::new().on("GET /a?b=1", 200, "[1]").on("GET /a?b=1", 200, "[2]");
        let ask = || script.send(Request::get("/a").query("b", 1)).unwrap().body;
        assert_eq!((ask(), ask()), (b"[1]".to_vec(), b"[2]".to_vec()));
        assert_eq!((run::remaining().requests, run::remaining().response_bytes), (3, 4));
        assert_eq!(script.lines(), ["GET /a?b=1", "GET /a?b=1"]);
    }

    #[test]
    #[should_panic(expected = "no (further) answer to `GET /b`")]
    fn unknown_request_fails_the_test() {
        let _ = Script::new().send(Request::get("/b"));
    }

    #[test]
    fn links_to_elsewhere_are_denied() {
        let script = Script::new();
        assert_eq!(script.path_of("https://remote.test/a?b"), Ok("/a?b".to_owned()));
        for link in ["https://remote.test.evil/a", "http://remote.test/a", "/a"] {
            assert!(script.path_of(link).is_err(), "{link}");
        }
    }
}
