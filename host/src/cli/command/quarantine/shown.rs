//! Entries as people see them.

use crate::{
    api::view::{Failed, Payload, Quarantined},
    cli::{
        pretty::pretty,
        table::{Table, pairs},
        text::{bytes, clean, count, excerpt, none, time},
    },
};

pub(super) fn table(entries: &[Quarantined]) -> Table {
    /// Enough to recognise a cause.
    const EXCERPT: usize = 70;
    let mut table =
        Table::new(["CHANNEL", "CONNECTOR", "KIND", "KEY", "CODE", ">TRIES", "LAST SEEN", "~CAUSE"]);
    for entry in entries {
        let again = if entry.retry { "(tried again soon) " } else { "" };
        table.row([
            entry.channel.to_string(),
            entry.connector.to_string(),
            kind(entry).to_owned(),
            entry.key.clone(),
            entry.reason.code.clone(),
            count(entry.attempts.into()),
            time(entry.last_seen),
            format!("{again}{}", excerpt(&entry.reason.message, EXCERPT)),
        ]);
    }
    table
}

pub(super) fn describe(entry: &Quarantined) -> String {
    let mut text = pairs(&[
        ("channel", entry.channel.to_string()),
        ("connector", entry.connector.to_string()),
        ("key", entry.key.clone()),
        ("cause", entry.reason.message.clone()),
        ("class", entry.reason.class.to_string()),
        ("code", entry.reason.code.clone()),
        ("attempts", count(entry.attempts.into())),
        ("first seen", time(entry.first_seen)),
        ("last seen", time(entry.last_seen)),
        ("run", entry.run.map_or_else(none, |run| run.to_string())),
        ("tried again", again(entry).to_owned()),
        ("payload", size(entry)),
    ]);
    for field in &entry.reason.fields {
        text.push_str(&format!("\n  {}  {}", clean(&field.field), clean(&field.message)));
    }
    let payload = match &entry.payload {
        None => return text,
        Some(Payload::Json(json)) => pretty(json.get()),
        Some(Payload::Text(words)) => words.clone(),
    };
    text.push_str("\n\n");
    text.push_str(&payload.lines().map(clean).collect::<Vec<_>>().join("\n"));
    text
}

pub(super) fn again(entry: &Quarantined) -> &'static str {
    match (entry.kind, entry.retry) {
        (_, true) => "soon",
        (Failed::Import, false) => "when it is delivered or asked for",
        (Failed::Export, false) => "when it is edited or asked for",
    }
}

pub(super) fn kind(entry: &Quarantined) -> &'static str {
    match entry.kind {
        Failed::Import => "import",
        Failed::Export => "export",
    }
}

pub(super) fn size(entry: &Quarantined) -> String {
    let kind = match &entry.payload {
        Some(Payload::Json(_)) => "JSON",
        Some(Payload::Text(_)) => "text",
        None => return none(),
    };
    match entry.payload_bytes {
        Some(size) if size > entry.payload_kept => {
            format!("{kind}, {} of {} were kept", bytes(entry.payload_kept), bytes(size))
        }
        _ => format!("{kind}, {}", bytes(entry.payload_kept)),
    }
}
