//! Acts whose page is not as it should be.

use super::good;
use hostile::sdk::{Class, Envelope, Error, Page, Reject};

/// More than a page can hold.
const MANY: usize = 200_000;

/// Does the act; none where it is not one of these.
pub(super) fn act(act: &str) -> Option<Result<Page, Error>> {
    let mut page = good();
    match act {
        "bad-records" => bad_records(&mut page),
        "too-many-records" => (0..MANY).for_each(|index| page.push(Envelope::new(index, b"{}"))),
        "too-large-record" => page.push(record("large", 2 << 20)),
        "too-large-page" => (0..80).for_each(|index| page.push(record(&format!("heavy-{index}"), 512 << 10))),
        "too-many-due" => page.due("thing", (0..MANY).map(|index| index.to_string())),
        "due-for-nobody" => page.due("nobody", ["1".to_owned()]),
        "settles-what-is-not-due" => page.settle("never-asked-for"),
        "too-large-cursor" => page.position = Some(vec![b'x'; 1 << 20]),
        "never-ends" => {
            page.position = Some(b"stuck".to_vec());
            page.more = true;
        }
        "never-ends-without-records" => page = Page { more: true, ..Page::new() },
        "too-many-rejects" => (0..MANY).for_each(|index| page.rejects.push(reject(index))),
        "bad-error" => return Some(Err(bad_error())),
        _ => return None,
    }
    Some(Ok(page))
}

/// A record with a payload of so many bytes.
fn record(key: &str, bytes: usize) -> Envelope {
    let mut payload = Vec::with_capacity(bytes);
    payload.push(b'"');
    payload.resize(bytes - 1, b'x');
    payload.push(b'"');
    Envelope { payload, ..Envelope::new(key, b"") }
}

/// Records that cannot be kept, each for one reason, between two that can.
fn bad_records(page: &mut Page) {
    page.push(Envelope::new("not-json", b"not json"));
    page.push(Envelope::new("half-json", b"{\"a\":"));
    page.push(Envelope::new("two-documents", b"{} {}"));
    page.push(Envelope::new("not-utf8", b"\"\xff\xfe\""));
    page.push(Envelope::new("empty-payload", b""));
    page.push(Envelope::new("deep", vec![b'['; 100_000]));
    page.push(Envelope::new("", b"{\"why\":\"empty key\"}"));
    page.push(Envelope::new("control\u{0}\n", b"{\"why\":\"control characters in the key\"}"));
    page.push(Envelope::new("k".repeat(513), b"{\"why\":\"long key\"}"));
    page.push(Envelope::new("good-too", b"{\"good\":true}"));
}

fn reject(index: usize) -> Reject {
    Reject {
        key: index.to_string(),
        reason: Error::invalid_data("misbehaves.reject", "no reason"),
        payload: None,
    }
}

/// An error that is too long, has control characters and a code that is no code.
fn bad_error() -> Error {
    Error::new(Class::Transient, "Not A Code\n".repeat(1_000), "\u{1b}[31mlong ".repeat(1 << 20))
        .retry_after_ms(u64::MAX)
}
