//! Acts that try to reach what is out of bounds. Each attempt becomes a record, with
//! the attempt for its key and what came of it for its payload:
//! `{"refused":{"class":…,"code":…}}` or `{"done":…}`.

use hostile::sdk::{Envelope, Error, Page, Request, Transport, log};
use serde_json::{Value, json};

/// Requests that are more than a step may send.
const MANY: usize = 5_000;

/// Targets that are no paths below the base URL.
const TARGETS: &[&str] = &[
    "http://example.com/",
    "https://user:password@example.com/",
    "//example.com/",
    "///example.com/",
    "\\\\example.com\\",
    "/\\example.com/",
    "relative",
    "",
    "/../../outside",
    "/%2e%2e/outside",
    "/a#fragment",
    "/a b",
    "/line\r\nx-smuggled: yes",
    "/nul\u{0}byte",
    "/@example.com:80/",
    "http://169.254.169.254/latest/meta-data/",
    "file:///etc/passwd",
    "?query-only",
];

/// Headers that belong to the host; `x-secret-key` is the one of the authentication scheme.
const HEADERS: &[(&str, &str)] = &[
    ("authorization", "Bearer stolen"),
    ("AUTHORIZATION", "Bearer stolen"),
    ("x-secret-key", "stolen"),
    ("host", "example.com"),
    ("cookie", "session=stolen"),
    ("connection", "upgrade"),
    ("upgrade", "websocket"),
    ("content-length", "1"),
    ("transfer-encoding", "chunked"),
    ("te", "trailers"),
    ("expect", "100-continue"),
    ("proxy-authorization", "Basic stolen"),
    ("forwarded", "for=127.0.0.1"),
    ("x-forwarded-for", "127.0.0.1"),
    ("x-bad\r\nx-smuggled", "yes"),
    ("x-line", "one\r\nx-smuggled: yes"),
    ("", "no name"),
];

/// Links that an answer could hold, none of them to the base URL.
const LINKS: &[&str] = &[
    "http://example.com/api/next",
    "https://127.0.0.1.example.com/",
    "//example.com/next",
    "javascript:alert(1)",
    "not a link",
    "",
];

/// Says what the remote system answers in every way in which a guest can say something.
fn tell_answer(transport: &dyn Transport) -> Error {
    let answer = match transport.send(Request::get("/echo")) {
        Ok(response) => String::from_utf8_lossy(&response.body).into_owned(),
        Err(error) => return error,
    };
    log::warn(&format!("it says {answer}"), &[("answer", &answer)]);
    println!("on stdout: {answer}");
    eprintln!("on stderr: {answer}");
    Error::invalid_data("misbehaves.told", format!("in the error: {answer}"))
}

/// Does the act; none where it is not one of these.
pub(super) fn act(act: &str, transport: &dyn Transport) -> Option<Result<Page, Error>> {
    match act {
        "targets" => Some(Ok(page(
            TARGETS
                .iter()
                .map(|target| (format!("target {target:?}"), sent(transport, Request::get(*target)))),
        ))),
        "headers" => Some(Ok(page(HEADERS.iter().map(|(name, value)| {
            (format!("header {name:?}"), sent(transport, Request::get("/header").header(*name, *value)))
        })))),
        "tell-answer" => Some(Err(tell_answer(transport))),
        "header-bomb" => Some(Ok(page([("header-bomb".to_owned(), sent(transport, header_bomb()))]))),
        "links" => Some(Ok(page(
            LINKS.iter().map(|link| (format!("link {link:?}"), transport.path_of(link).map(Value::from))),
        ))),
        "origins" => Some(Ok(page(["elsewhere", "", "rest"].iter().map(|origin| {
            (format!("origin {origin:?}"), sent(transport, Request::get("/").origin(*origin)))
        })))),
        "too-many-requests" => Some(too_many(transport)),
        "too-many-at-once" => Some(Ok(page([("too-many-at-once".to_owned(), at_once(transport))]))),
        "huge-request" => Some(Ok(page([(
            "huge-request".to_owned(),
            sent(transport, Request::post("/").body(vec![b'x'; 32 << 20])),
        )]))),
        "writes" => Some(Ok(page(writes().map(|request| {
            (format!("{} {}", request.method.as_str(), request.path), sent(transport, request))
        })))),
        "environment" => Some(Ok(page([("environment".to_owned(), Ok(environment()))]))),
        _ => None,
    }
}

/// Quotes in a key are fine; control characters are not, which `{:?}` has taken out.
fn page(attempts: impl IntoIterator<Item = (String, Result<Value, Error>)>) -> Page {
    let mut page = Page::new();
    for (name, result) in attempts {
        let document = match result {
            Ok(value) => json!({ "done": value }),
            Err(error) => {
                json!({ "refused": { "class": format!("{:?}", error.class), "code": error.code } })
            }
        };
        page.push(Envelope::new(name, document.to_string()));
    }
    page
}

fn sent(transport: &dyn Transport, request: Request) -> Result<Value, Error> {
    transport.send(request).map(|response| json!({ "status": response.status }))
}

/// One of each method that changes something, and one that reads.
fn writes() -> [Request; 5] {
    let to = "/things/1";
    [
        Request::post(to).body("{}"),
        Request::put(to),
        Request::patch(to),
        Request::delete(to),
        Request::get(to),
    ]
}

fn header_bomb() -> Request {
    (0..10_000).fold(Request::get("/header"), |request, index| request.header(format!("x-{index}"), "y"))
}

/// Sends until it is stopped, and answers how far it came.
fn too_many(transport: &dyn Transport) -> Result<Page, Error> {
    let mut results = Vec::new();
    for index in 0..MANY {
        let result = sent(transport, Request::get(format!("/{index}")));
        let stopped = result.is_err();
        results.push((format!("request {index}"), result));
        if stopped {
            break;
        }
    }
    Ok(page(results.pop()))
}

fn at_once(transport: &dyn Transport) -> Result<Value, Error> {
    let requests = (0..MANY).map(|index| Request::get(format!("/{index}"))).collect();
    let results = transport.send_all(requests);
    let done = results.iter().filter(|result| result.is_ok()).count();
    match results.into_iter().find_map(Result::err) {
        Some(error) => Err(error),
        None => Ok(json!({ "sent": done })),
    }
}

/// What there is to be seen of the host: nothing.
fn environment() -> Value {
    let variables: Vec<_> =
        std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned()).collect();
    let arguments: Vec<_> =
        std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect();
    let mut input = String::new();
    let read = std::io::stdin().read_line(&mut input).unwrap_or_default();
    json!({ "variables": variables, "arguments": arguments, "input-bytes": read })
}
