//! What one step read.

use crate::{Due, Envelope, Error, Json, bindings::connector as wit, json};
use serde::{Serialize, de::DeserializeOwned};

/// What one step read. The host commits it all at once: records, cursor, state,
/// due keys. Killed before that, it runs the same step again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The records, in the remote system's order.
    pub records: Vec<Envelope>,
    /// Records that the remote system delivered and that cannot be imported.
    pub rejects: Vec<Reject>,
    /// Where the next step goes on; none: keep the cursor as it is. See [`next`](Self::next).
    pub position: Option<Vec<u8>>,
    /// Whether there is more to read now. Driven by keys: whether keys that it got
    /// are unfinished.
    pub more: bool,
    /// The keys of the request that this page settles; the others stay due.
    pub settled: Vec<String>,
    /// Ids that other connectors are to fetch.
    pub due: Vec<Due>,
    /// The number of records in the whole stream, for progress only.
    pub total: Option<u64>,
    /// Do not ask again before this many milliseconds have passed.
    pub not_before_ms: Option<u64>,
}

/// A delivered record that cannot be imported. It goes to quarantine; the run goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// The remote id where it is known, else something that finds it again.
    pub key: String,
    /// What is wrong with it.
    pub reason: Error,
    /// What was delivered, where it helps; at most 64 KiB are kept.
    pub payload: Option<Vec<u8>>,
}

impl Page {
    /// An empty page that ends the stream and keeps the cursor.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a record.
    pub fn push(&mut self, record: Envelope) {
        self.records.push(record);
    }

    /// Adds a record that cannot be imported, with what was delivered: its first
    /// 64 KiB, as the host keeps no more, or nothing where it is empty.
    pub fn reject(&mut self, key: impl Into<String>, reason: Error, payload: impl AsRef<[u8]>) {
        const KEPT: usize = 64 << 10;
        let payload = payload.as_ref();
        let kept = &payload[..payload.len().min(KEPT)];
        self.rejects.push(Reject {
            key: key.into(),
            reason,
            payload: (!kept.is_empty()).then(|| kept.to_vec()),
        });
    }

    /// Asks another connector to fetch these ids.
    pub fn due(&mut self, connector: &str, keys: impl IntoIterator<Item = String>) {
        let mut keys = keys.into_iter().peekable();
        if keys.peek().is_none() {
            return;
        }
        match self.due.iter_mut().find(|due| due.connector == connector) {
            Some(due) => due.keys.extend(keys),
            None => self.due.push(Due { connector: connector.to_owned(), keys: keys.collect() }),
        }
    }

    /// Says that a key of the request is done with.
    pub fn settle(&mut self, key: impl Into<String>) {
        self.settled.push(key.into());
    }

    /// Says where the next step goes on; [`PullRequest::cursor`](super::PullRequest::cursor)
    /// reads it. At most 64 KiB.
    ///
    /// # Errors
    /// `internal` when the position cannot be written as JSON.
    pub fn next(&mut self, position: &impl Serialize) -> Result<(), Error> {
        self.position = Some(Json::of(position)?.into_bytes());
        Ok(())
    }

    /// What [`next`](Self::next) wrote; for tests.
    ///
    /// # Errors
    /// `internal` when it is not of that type.
    pub fn cursor<T: DeserializeOwned>(&self) -> Result<Option<T>, Error> {
        let Some(bytes) = &self.position else {
            return Ok(None);
        };
        json::read(bytes).map(Some).map_err(|error| Error::internal("cursor.read", error))
    }
}

impl From<Page> for wit::Page {
    fn from(page: Page) -> Self {
        Self {
            records: page.records.into_iter().map(Into::into).collect(),
            rejects: page.rejects.into_iter().map(Into::into).collect(),
            next: page.position,
            more: page.more,
            settled: page.settled,
            due: page.due.into_iter().map(Into::into).collect(),
            total: page.total,
            not_before_ms: page.not_before_ms,
        }
    }
}

impl From<Reject> for wit::Reject {
    fn from(reject: Reject) -> Self {
        Self { key: reject.key, reason: reject.reason.into(), payload: reject.payload }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn due_keys_are_grouped_by_connector() {
        let mut page = Page::new();
        page.due("comment", ["1".to_owned()]);
        page.due("user", ["9".to_owned()]);
        page.due("comment", ["2".to_owned()]);
        page.due("ticket", []);
        let groups: Vec<_> =
            page.due.iter().map(|due| (due.connector.as_str(), due.keys.join(" "))).collect();
        assert_eq!(groups, [("comment", "1 2".to_owned()), ("user", "9".to_owned())]);
    }

    #[test]
    fn rejects_carry_no_more_than_the_host_keeps() {
        let mut page = Page::new();
        let reason = || Error::invalid_data("bad", "bad");
        page.reject("1", reason(), "x".repeat(100_000));
        page.reject("2", reason(), "");
        let kept: Vec<_> = page.rejects.iter().map(|reject| reject.payload.as_ref().map(Vec::len)).collect();
        assert_eq!(kept, [Some(65_536), None]);
    }

    #[test]
    fn position_is_read_back() {
        let mut page = Page::new();
        assert_eq!(page.cursor::<u64>(), Ok(None));
        page.next(&5).unwrap();
        assert_eq!(page.cursor::<u64>(), Ok(Some(5)));
        assert!(page.cursor::<String>().is_err());
    }
}
