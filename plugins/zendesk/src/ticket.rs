//! Tickets. Each one that changed makes its comments due.

use crate::{
    comment,
    export::{self, Export, Head},
    mark::Origin,
};
use serde::Deserialize;
use tidegate_sdk::{Envelope, Error, Page, PullRequest, RawValue, Transport, json, time};

pub(crate) const CONNECTOR: &str = "ticket";

const EXPORT: Export = Export { path: "/api/v2/incremental/tickets/cursor.json", list: "tickets" };

/// `updated_at` changes with every event of the ticket, and is what writes are
/// based on. The export itself goes by `generated_timestamp`, which changes by
/// Zendesk's own upkeep too.
#[derive(Deserialize)]
struct Ticket {
    id: u64,
    #[serde(default, deserialize_with = "time::as_ms")]
    updated_at: Option<u64>,
    #[serde(default)]
    status: Option<Status>,
    #[serde(default)]
    external_id: Origin,
}

#[derive(PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Deleted,
    #[serde(other)]
    Kept,
}

impl From<Ticket> for Head {
    fn from(ticket: Ticket) -> Self {
        Self {
            id: ticket.id,
            updated_ms: ticket.updated_at,
            deleted: ticket.status == Some(Status::Deleted),
            origin: ticket.external_id.0,
        }
    }
}

/// A ticket out of an answer, as a record.
pub(crate) fn record(raw: &RawValue) -> Result<Envelope, Error> {
    Ok(export::record(json::object::<Ticket>(raw)?.into(), raw.get()))
}

/// Reads one page of tickets.
pub(crate) fn pull(transport: &dyn Transport, request: &PullRequest) -> Result<Page, Error> {
    let mut page = export::pull::<Ticket>(&EXPORT, transport, request)?;
    let changed = page.records.iter().filter(|record| !record.deleted).map(|record| record.key.clone());
    let changed: Vec<_> = changed.collect();
    page.due(comment::CONNECTOR, changed);
    Ok(page)
}

#[cfg(test)]
mod tests {
    use crate::Zendesk;
    use tidegate_sdk::{Connector, Due, testing, testing::Script};

    const LINE: &str = "GET /api/v2/incremental/tickets/cursor.json?start_time=0&per_page=100";

    #[test]
    fn tickets_come_whole_and_make_their_comments_due() {
        let one = r#"{"url": "u", "id": 1, "status": "open", "updated_at": "2023-11-14T22:13:20Z", "custom_fields": [{"id": 5, "value": null}], "via": {"channel": "web"}}"#;
        let body = format!(
            r#"{{"tickets": [{one}, {{"id": 2, "status": "deleted"}}, {{"id": 3}}], "after_cursor": "c", "end_of_stream": false}}"#
        );
        let page =
            Zendesk::pull(&Script::new().on(LINE, 200, body), &testing::pull_request("ticket")).unwrap();
        assert_eq!(page.records[0].payload, one.as_bytes());
        assert_eq!(page.records[0].updated_ms, Some(1_700_000_000_000));
        let deleted: Vec<_> = page.records.iter().map(|record| record.deleted).collect();
        assert_eq!(deleted, [false, true, false]);
        let keys = vec!["1".to_owned(), "3".to_owned()];
        assert_eq!(page.due, [Due { connector: "ticket-comment".to_owned(), keys }]);
        assert!(page.more);
    }
}
