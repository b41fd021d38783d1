//! Made-up comments. The first of a ticket is its description.
//!
//! Properties: `/api-reference/ticketing/tickets/ticket_comments/#json-format`.

use super::{Plan, dice::Dice, text, ticket, write::Writer};

/// Which dice comments use.
const KIND: u64 = 3;
/// Between a comment and the next, in seconds.
const PAUSE: u64 = 1_800;

/// Writes the comment of that number, counted from 0, of a seeded ticket.
pub(in crate::zendesk) fn comment(plan: &Plan, ticket_id: u64, number: u64, out: &mut Vec<u8>) {
    let index = ticket_id - 1;
    let mut dice = Dice::of(KIND, ticket_id * super::EVENTS_PER_TICKET + number);
    let (requester, created) = ticket::origin(plan, index);
    let author = if number.is_multiple_of(2) { requester } else { plan.any_agent(dice.number()) };
    let id = Plan::comment_id(ticket_id, number);
    let start = out.len();
    let mut words = Vec::with_capacity(256);
    match number {
        0 => ticket::description(&mut Writer(&mut words), index),
        _ => {
            Writer(&mut words).raw(dice.pick(text::SENTENCES)).raw(" ").raw(dice.pick(text::SENTENCES));
        }
    }
    let words = String::from_utf8(words).expect("texts and digits are UTF-8");
    let mut writer = Writer(out);
    writer.raw("{\"id\":").number(id).raw(",\"type\":\"Comment\",\"author_id\":").number(author);
    writer
        .raw(",\"body\":\"")
        .raw(&words)
        .raw("\",\"html_body\":\"")
        .raw(&html(&words))
        .raw("\",\"plain_body\":\"")
        .raw(&words);
    // One answer in seven is a note among agents.
    writer.raw("\",\"public\":").raw(if number > 0 && dice.once_in(7) { "false" } else { "true" });
    writer.raw(",\"attachments\":[],\"audit_id\":").number(id - 1);
    writer.raw(
        ",\"via\":{\"channel\":\"web\",\"source\":{\"from\":{},\"to\":{},\"rel\":null}},\"created_at\":",
    );
    writer.time(created + i64::try_from(number * PAUSE).unwrap_or_default());
    writer
        .raw(",\"metadata\":{\"system\":{\"client\":\"fake\",\"ip_address\":\"192.0.2.1\"},\"custom\":{}}}");
    debug_assert!(out.len() > start, "a comment is never empty");
}

/// A text inside a JSON string as the HTML of a comment, inside a JSON string as well.
fn html(words: &str) -> String {
    body_html(words).replace("class=\"zd-comment\" dir=\"auto\"", "class=\\\"zd-comment\\\" dir=\\\"auto\\\"")
}

/// A text as the HTML of a comment.
pub(in crate::zendesk) fn body_html(words: &str) -> String {
    let escaped = words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!("<div class=\"zd-comment\" dir=\"auto\"><p>{escaped}</p></div>")
}
