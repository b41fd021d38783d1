//! The cursor: what is known of tickets that are not settled yet.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How far each unsettled ticket was read. A ticket without a mark is read from
/// its beginning, so a lost mark costs requests and nothing else.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Marks {
    #[serde(default)]
    tickets: BTreeMap<String, Mark>,
}

/// What is known of one ticket.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Mark {
    /// Where its next page begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<String>,
    /// Steps since it last went on in which it failed and others did not.
    #[serde(default)]
    failed: u8,
}

/// The host keeps cursors of at most 64 KiB; Zendesk's positions are short texts.
const MOST: usize = 64 << 10;

impl Marks {
    /// Where the ticket's next page begins; none: at its first comment.
    pub(super) fn after(&self, ticket: &str) -> Option<String> {
        self.tickets.get(ticket)?.after.clone()
    }

    /// Says how far the ticket was read. Where it went on, its failures are forgotten.
    pub(super) fn move_to(&mut self, ticket: String, after: Option<String>) {
        if self.after(&ticket) != after {
            self.tickets.insert(ticket, Mark { after, failed: 0 });
        }
    }

    /// Counts a failure of the ticket; how many there are now.
    pub(super) fn fail(&mut self, ticket: &str) -> u8 {
        let mark = self.tickets.entry(ticket.to_owned()).or_default();
        mark.failed = mark.failed.saturating_add(1);
        mark.failed
    }

    /// Forgets the ticket.
    pub(super) fn remove(&mut self, ticket: &str) {
        self.tickets.remove(ticket);
    }

    /// Forgets marks until the rest fits into a cursor.
    pub(super) fn cut(&mut self) {
        // Quotes, names and commas of an entry.
        const AROUND: usize = 40;
        let size =
            |ticket: &str, mark: &Mark| ticket.len() + mark.after.as_ref().map_or(0, String::len) + AROUND;
        let mut total = AROUND;
        self.tickets.retain(|ticket, mark| {
            total += size(ticket, mark);
            total <= MOST
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_count_until_the_ticket_goes_on() {
        let mut marks = Marks::default();
        assert_eq!((marks.fail("1"), marks.fail("1")), (1, 2));
        marks.move_to("1".into(), None);
        assert_eq!(marks.fail("1"), 3);
        marks.move_to("1".into(), Some("c".into()));
        assert_eq!((marks.fail("1"), marks.after("1")), (1, Some("c".into())));
        marks.remove("1");
        assert_eq!(marks, Marks::default());
    }

    #[test]
    fn marks_fit_into_a_cursor() {
        let mut marks = Marks::default();
        for ticket in 0..5_000 {
            marks.move_to(format!("{ticket:05}"), Some("p".repeat(60)));
        }
        marks.cut();
        let bytes = serde_json::to_vec(&marks).unwrap();
        assert!(bytes.len() <= MOST && bytes.len() > MOST / 2, "{}", bytes.len());
        assert!(marks.after("00000").is_some() && marks.after("04999").is_none());
    }
}
