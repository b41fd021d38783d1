//! The host's API, asked by hand: it must cost next to nothing, and never a second try.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

/// The longest silence of a host.
const SILENCE: Duration = Duration::from_secs(90);

/// What a host answers.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
}

impl Answer {
    /// The document of a success.
    pub(super) fn json(&self) -> Result<Value> {
        ensure!((200..300).contains(&self.status), "the host answers {}: {}", self.status, self.body);
        serde_json::from_str(&self.body).with_context(|| format!("no JSON: {}", self.body))
    }
}

/// Asks the host at `url`. `path` is below `/api/v1`.
pub(super) fn ask(url: &str, method: &str, path: &str, body: Option<&Value>) -> Result<Answer> {
    let address = url.trim_start_matches("http://");
    let mut connection = TcpStream::connect(address).context("connect to the host")?;
    connection.set_read_timeout(Some(SILENCE))?;
    let body = body.map(Value::to_string).unwrap_or_default();
    // By version 1.0 an answer comes in one piece and ends with its connection.
    let request = format!(
        "{method} /api/v1{path} HTTP/1.0\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    connection.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).with_context(|| format!("{method} {path}"))?;
    parse(&String::from_utf8_lossy(&answer)).with_context(|| format!("{method} {path}"))
}

fn parse(answer: &str) -> Result<Answer> {
    let (head, body) = answer.split_once("\r\n\r\n").context("an answer has a head")?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).context("a status")?;
    Ok(Answer { status, body: body.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_status_and_body() {
        let answer = parse("HTTP/1.0 404 Not Found\r\na: b\r\n\r\n{\"a\":\r\n\r\n1}").expect("an answer");
        assert_eq!((answer.status, answer.body.as_str()), (404, "{\"a\":\r\n\r\n1}"));
        assert!(answer.json().is_err() && parse("HTTP").is_err());
    }
}
