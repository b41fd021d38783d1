//! What the remote system answered.

use crate::{
    Class, Error,
    json::{self, Item},
};
use serde::{
    Deserialize,
    de::{DeserializeOwned, IgnoredAny},
};

/// An answer: 200 to 499, never 401, 429 or a 403 that asks for fewer requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// Names and values, without cookies and credentials.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The whole body, decompressed.
    pub body: Vec<u8>,
    /// How often the request was sent, 1 or more.
    pub attempts: u8,
    /// What was asked for, as in [`Request::place`](super::Request::place); for messages.
    pub place: String,
}

/// How much of a body an error message quotes, in characters.
const QUOTED: usize = 200;

impl Response {
    /// An answer for a transport of one's own.
    pub fn new(place: impl Into<String>, status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into(), attempts: 1, place: place.into() }
    }

    /// The same with one more header, for a transport of one's own.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The value of a header, whatever the case of its name; none where it is
    /// missing or not UTF-8.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(&found.1).ok()
    }

    /// Whether the status is 200 to 299.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The answer, if it says that all went well.
    ///
    /// # Errors
    /// [`error`](Self::error) for any status but 200 to 299.
    pub fn success(self) -> Result<Self, Error> {
        if self.is_success() { Ok(self) } else { Err(self.error()) }
    }

    /// The answer, or none where there is nothing at that path (404, 410).
    ///
    /// # Errors
    /// [`error`](Self::error) for any other status but 200 to 299.
    pub fn found(self) -> Result<Option<Self>, Error> {
        match self.status {
            404 | 410 => Ok(None),
            _ => self.success().map(Some),
        }
    }

    /// What an unwelcome status means, in general. Its code is `http.status.<n>`.
    #[must_use]
    pub fn error(&self) -> Error {
        let class = match self.status {
            401 | 403 | 407 => Class::Auth,
            404 | 410 => Class::NotFound,
            405 | 501 => Class::Unsupported,
            408 | 425 | 500 | 502..=504 => Class::Transient,
            409 | 412 => Class::Conflict,
            429 => Class::RateLimited,
            400..500 => Class::InvalidData,
            _ => Class::Internal,
        };
        let message = format!("{} answered {}{}", self.place, self.status, self.quote());
        Error::new(class, format!("http.status.{}", self.status), message)
    }

    /// Reads the body as JSON. Types that borrow (`&str`, [`RawValue`](crate::RawValue))
    /// point into the body: nothing is copied.
    ///
    /// # Errors
    /// `invalid-data`, naming the request and the place in the body.
    pub fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Error> {
        json::read(&self.body).map_err(|error| self.unlike(&error))
    }

    /// Reads an answer with a long list in it, `{"items": […], …}`, in one pass: gives
    /// each item of the list `name` to `take`, and answers the other members, read
    /// as `R`. This is the fast way to read a page; an item of the wrong form comes
    /// as such and stops nothing.
    ///
    /// ```
    /// # use tidegate_sdk::{Page, Response, Envelope, json::Item};
    /// #[derive(serde::Deserialize)]
    /// struct Book {
    ///     id: u64,
    /// }
    /// #[derive(serde::Deserialize)]
    /// struct Rest {
    ///     last_page: bool,
    /// }
    /// let response = Response::new("GET /books", 200, r#"{"books": [{"id": 7, "title": "x"}], "last_page": true}"#);
    /// let mut page = Page::new();
    /// let rest: Rest = response
    ///     .each("books", |item: Item<'_, Book>| match item.fields {
    ///         Ok(book) => page.push(Envelope::new(book.id, item.raw)),
    ///         Err(error) => page.reject("a book", error, item.raw),
    ///     })
    ///     .unwrap();
    /// assert!(rest.last_page && page.records.len() == 1);
    /// ```
    ///
    /// # Errors
    /// `invalid-data` where the answer is not such an object; items before the bad
    /// place have been given to `take` by then.
    pub fn each<'a, T: Deserialize<'a>, R: DeserializeOwned>(
        &'a self,
        name: &str,
        take: impl FnMut(Item<'a, T>),
    ) -> Result<R, Error> {
        json::each(&self.body, name, take).map_err(|error| self.unlike(&error))
    }

    /// What stands in the way of reading it. A remote system that is being mended, and
    /// what stands in front of one, answer 200 with a page for people, or break an answer
    /// off: that passes, and says nothing of the data.
    fn unlike(&self, error: &str) -> Error {
        if self.is_page() {
            let message = format!(
                "{}: a page for people came instead of data; the remote system may be under maintenance, or \
                 something else answers at its address",
                self.place
            );
            return Error::transient("response.page", message);
        }
        if self.is_cut() {
            let message = format!("{}: the answer ends in the middle: {error}", self.place);
            return Error::transient("response.truncated", message);
        }
        Error::invalid_data(
            "response.json",
            format!("{}: the answer is not as expected: {error}", self.place),
        )
    }

    /// Whether it is HTML, by its type or, where that does not say JSON, by its beginning.
    fn is_page(&self) -> bool {
        let kind = self.header("content-type").unwrap_or_default().to_ascii_lowercase();
        let begins = self.body.trim_ascii_start().starts_with(b"<");
        kind.contains("html") || (begins && !kind.contains("json"))
    }

    /// Whether it is the beginning of a JSON document.
    fn is_cut(&self) -> bool {
        let read = serde_json::from_slice::<IgnoredAny>(&self.body);
        !self.body.trim_ascii().is_empty() && read.is_err_and(|error| error.is_eof())
    }

    /// The beginning of a body that a person can read.
    fn quote(&self) -> String {
        let readable = self
            .header("content-type")
            .is_some_and(|kind| kind.contains("json") || kind.contains("text/plain"));
        match std::str::from_utf8(&self.body) {
            Ok(text) if readable && !text.trim().is_empty() => {
                format!(": {}", text.trim().chars().take(QUOTED).collect::<String>())
            }
            _ => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RawValue;

    #[test]
    fn statuses_have_their_class() {
        let check = |status: u16, class: Class| {
            let error = Response::new("GET /x", status, "").success().unwrap_err();
            assert_eq!((error.class, error.code), (class, format!("http.status.{status}")));
        };
        check(302, Class::Internal);
        check(400, Class::InvalidData);
        check(403, Class::Auth);
        check(404, Class::NotFound);
        check(405, Class::Unsupported);
        check(409, Class::Conflict);
        check(422, Class::InvalidData);
        assert!(Response::new("GET /x", 204, "").success().is_ok());
    }

    #[test]
    fn missing_thing_is_none_and_forbidden_one_an_error() {
        for status in [404, 410] {
            assert_eq!(Response::new("GET /x", status, "").found(), Ok(None));
        }
        assert!(Response::new("GET /x", 403, "").found().is_err());
        assert!(Response::new("GET /x", 200, "").found().unwrap().is_some());
    }

    #[test]
    fn bad_json_names_request_and_place() {
        let error = Response::new("GET /x", 200, "{\"a\": tru}").json::<serde_json::Value>().unwrap_err();
        assert_eq!(error.class, Class::InvalidData);
        assert_eq!(
            error.message,
            "GET /x: the answer is not as expected: expected ident at line 1 column 10"
        );
    }

    #[test]
    fn what_stands_in_for_an_answer_passes_and_a_wrong_answer_does_not() {
        let check = |kind: &str, body: &str, class: Class, code: &str| {
            let mut response = Response::new("GET /x", 200, body);
            response.headers.push(("Content-Type".into(), kind.into()));
            let read = response.json::<Vec<u8>>().unwrap_err();
            let listed = response.each::<u8, IgnoredAny>("items", |_| {}).unwrap_err();
            for error in [read, listed] {
                assert_eq!((error.class, error.code.as_str()), (class, code), "{kind} {body}");
            }
        };
        let (html, json) = ("text/html; charset=utf-8", "application/json");
        check(html, "<h1>We will be back soon</h1>", Class::Transient, "response.page");
        check(html, "Down for maintenance", Class::Transient, "response.page");
        check("", "\n <!DOCTYPE html>", Class::Transient, "response.page");
        check("text/plain", "<html>", Class::Transient, "response.page");
        check(json, "<html>", Class::InvalidData, "response.json");
        check(json, r#"{"items": [1, 2"#, Class::Transient, "response.truncated");
        check("", r#"{"items": [1, "ab"#, Class::Transient, "response.truncated");
        check(json, "", Class::InvalidData, "response.json");
        check(json, " ", Class::InvalidData, "response.json");
        check(json, r#"{"items": tru}"#, Class::InvalidData, "response.json");
        check(json, r#"{"others": []}"#, Class::InvalidData, "response.json");
        let mut odd = Response::new("GET /x", 200, "[7]");
        odd.headers.push(("content-type".into(), html.into()));
        assert_eq!(odd.json::<Vec<u8>>(), Ok(vec![7]), "what can be read is read");
    }

    #[test]
    fn raw_values_keep_every_byte() {
        let body = r#"[ {"b":1.0,"a":"\u00e4" , "b":2} ]"#;
        let response = Response::new("GET /x", 200, body);
        let items: Vec<&RawValue> = response.json().unwrap();
        assert_eq!(items[0].get(), r#"{"b":1.0,"a":"\u00e4" , "b":2}"#);
    }

    #[test]
    fn messages_quote_readable_bodies_only() {
        let mut response = Response::new("GET /x", 422, format!("{{\"error\":\"{}\"}}", "e".repeat(500)));
        assert_eq!(response.error().message, "GET /x answered 422");
        response.headers.push(("Content-Type".into(), b"application/json".to_vec()));
        assert!(response.error().message.starts_with("GET /x answered 422: {\"error\":\"eee"));
        assert!(response.error().message.len() < 300);
    }
}
